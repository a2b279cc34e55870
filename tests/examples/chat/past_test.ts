import { assert, assertEquals } from "@std/assert";
import type { ChatWelcome } from "../../../examples/chat/lobby.ts";
import { enter, RecordingFace, testLobby } from "./_faces.ts";

const BYTES = 20_000;
const LONG = `A${"👨‍👩‍👧‍👦".repeat(31)}`;

/** A browser whose welcome has little space. */
const browser = () => new RecordingFace("many", { messages: Infinity, bytes: BYTES });

const welcomeOf = (face: RecordingFace) =>
  face.events.find((event): event is ChatWelcome => event.type === "welcome")!;

Deno.test("a history fits into the welcome, whatever its JSON is made of", async () => {
  const lobby = testLobby();
  const author = await enter(lobby, LONG, new RecordingFace("many"));
  for (let id = 1; id <= 40; id++) author.member.say('"'.repeat(200), { id, reply: id - 1 });
  await lobby.settled();
  for (let seq = 1; seq <= 40; seq++) {
    for (const emoji of ["👍", "👎", "😀", "😃"]) await author.member.react(seq, emoji, true);
  }
  await lobby.settled();
  const face = browser();
  await lobby.join({ name: "Bob" }, face);
  const { events, more } = welcomeOf(face);
  assert(more && events.length > 2);
  assert(JSON.stringify(events).length <= BYTES);
  const last = events.at(-1)!;
  assert("reply" in last && "reactions" in last);
});

Deno.test("more private messages than fit do not keep a user from coming back", async () => {
  const lobby = testLobby({ grace: 60_000 });
  const author = await enter(lobby, "Ann", new RecordingFace("many"));
  const before = browser();
  const member = await lobby.join({ name: "Bob" }, before);
  assert(!("code" in member));
  const { token, epoch, seq, user } = welcomeOf(before);
  member.leave("lost");
  for (let id = 1; id <= 30; id++) author.member.say("x".repeat(1000), { id, peer: `${user}` });
  await lobby.settled();
  const face = browser();
  const request = { name: "Bob", token, since: { epoch, seq }, rooms: ["tea"] };
  await lobby.join(request, face);
  const missed = face.events.filter(({ type }) => type === "private");
  assert(missed.length > 0 && JSON.stringify(missed).length <= BYTES / 4, `${missed.length}`);
  const [first, also] = face.events.filter((event): event is ChatWelcome =>
    event.type === "welcome"
  );
  assertEquals([first?.gap, first?.peers.length], [true, 1]);
  assertEquals([also?.gap, also?.peers.length], [undefined, 0]);
});
