import { assert, assertEquals } from "@std/assert";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import type { ChatHistory, ChatReply, ChatResults } from "../../../examples/chat/lobby.ts";
import { enter, RecordingFace, testLobby, until, type User } from "./_faces.ts";

const browser = () => new RecordingFace("many");

/** The answer that a user got last. */
const answer = <T>({ face }: User) => face.events.splice(0).at(-1) as T;

Deno.test("a user scrolls back in a room, and jumps to a message", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann", browser());
  for (let i = 1; i <= 9; i++) await ann.say(`line ${i}`);
  await ann.member.history({ id: 4, before: 8, limit: 3 });
  const older = answer<ChatHistory>(ann);
  assertEquals([older.id, older.room, older.more, older.newer], [4, "lobby", true, true]);
  assertEquals(older.events.map(({ seq }) => seq), [5, 6, 7]);
  await ann.member.history({ room: "#Lobby", around: 5, limit: 4 });
  const around = answer<ChatHistory>(ann);
  assert(around.events.some(({ seq }) => seq === 5));
  await ann.member.history({ room: "lobby", before: 2 });
  assertEquals(answer<ChatHistory>(ann).more, false);
  await ann.member.history({ limit: 1e9 });
  assertEquals(answer<ChatHistory>(ann).events.length, 9);
});

Deno.test("a private conversation is read by its two users alone", async () => {
  const lobby = testLobby();
  const [ann, bob, cem] = [
    await enter(lobby, "Ann", browser()),
    await enter(lobby, "Bob", browser()),
    await enter(lobby, "Cem", browser()),
  ];
  await ann.say("/msg Bob the key is under the mat");
  for (const [user, peer] of [[ann, "2"], [bob, "1"]] as const) {
    await user.member.history({ peer });
    const { events, ...place } = answer<ChatHistory>(user);
    assertEquals([place.peer, place.room], [peer, undefined]);
    const [event] = events;
    assert(event?.type === "private");
    assertEquals([event.from, event.to, event.peer], ["Ann", "Bob", peer]);
  }
  for (const peer of ["1", "2"]) {
    await cem.member.history({ peer });
    assertEquals(answer<ChatHistory>(cem).events, []);
  }
  await cem.member.history({ peer: "1:2" });
  assertEquals(cem.face.events.at(-1)?.type, "error");
  await cem.member.search({ query: "key" });
  assertEquals(answer<ChatResults>(cem).hits, []);
  await bob.member.search({ query: "key" });
  const [hit] = answer<ChatResults>(bob).hits;
  assertEquals([hit?.peer, hit?.with, hit?.room], ["1", "Ann", undefined]);
});

Deno.test("the history of a room that the user is not in is refused", async () => {
  const lobby = testLobby();
  await (await enter(lobby, { name: "Bob", room: "tea" })).say("hello");
  const ann = await enter(lobby, "Ann", browser());
  await ann.member.history({ id: 3, room: "tea" });
  assertEquals(ann.face.events, [{
    type: "error",
    code: "not-in-room",
    params: { room: "tea" },
    id: 3,
    room: "tea",
  }]);
});

Deno.test("a search finds words, authors and rooms of the user, and marks the words", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, { name: "Ann", rooms: ["tea"] }, browser());
  const bob = await enter(lobby, { name: "Bob", room: "cake", rooms: ["lobby"] }, browser());
  await ann.say("the green kettle");
  await ann.say("a kettle of fish", { room: "tea" });
  await bob.say("my kettle", { room: "cake" });
  await bob.say("whose kettle?", { room: "lobby" });
  const find = async (query: string, more = {}) => {
    await ann.member.search({ query, ...more });
    return answer<ChatResults>(ann).hits.map(({ seq }) => seq);
  };
  assertEquals(await find("kettle"), [4, 2, 1]);
  assertEquals(await find("kettle from:bob"), [4]);
  assertEquals(await find("kettle in:#tea"), [2]);
  assertEquals(await find("kettle", { room: "lobby" }), [4, 1]);
  assertEquals(await find("kettle in:cake"), []);
  assertEquals(await find("kettle", { before: 4 }), [2, 1]);
  await ann.member.search({ query: "green", id: 8 });
  assertEquals(answer<ChatResults>(ann), {
    type: "results",
    id: 8,
    hits: [{
      seq: 1,
      from: "Ann",
      at: 9,
      text: "the green kettle",
      marks: [[4, 9]],
      room: "lobby",
    }],
    more: false,
  });
  await ann.say("/search", 9);
  await until(() => ann.face.events.length > 0);
  assertEquals(ann.face.read().length, 1);
  await ann.member.search({ query: "kettle before:yesterday" });
  assertEquals(answer<ChatReply>(ann).code, "usage-search");
  await ann.say("/search green kettle");
  await until(() => ann.face.events.some(({ type }) => type === "results"));
});

Deno.test("a search finds a line that the user sent just before", async () => {
  const ann = await enter(testLobby(), "Ann", browser());
  // Both arrive in one packet, so the line is not stored yet.
  const said = ann.member.say("the red kettle");
  await ann.member.search({ query: "red kettle" });
  await said;
  assertEquals(answer<ChatResults>(ann).hits.length, 1);
});

Deno.test("a question is answered with an error if the archive cannot be read", async () => {
  const archive = openArchive(":memory:");
  const lobby = testLobby({ archive });
  const ann = await enter(lobby, "Ann", browser());
  await archive[Symbol.asyncDispose]();
  await ann.member.history({ id: 1 });
  await ann.member.search({ id: 2, query: "x" });
  await ann.member.react(1, "👍", true, 3);
  const errors = ann.face.events.map((event) => event.type === "error" && [event.code, event.id]);
  assertEquals(errors, [["not-readable", 1], ["not-readable", 2], ["not-readable", 3]]);
});

Deno.test("an address searches once at a time, and does not keep others waiting", async () => {
  const archive = openArchive(":memory:");
  const held: (() => void)[] = [];
  const slow = new Proxy(archive, {
    get(target, name) {
      if (name === "search") {
        const { promise, resolve } = Promise.withResolvers<void>();
        held.push(resolve);
        return async (...args: Parameters<typeof archive.search>) => {
          await promise;
          return await archive.search(...args);
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const lobby = testLobby({ archive: slow });
  const [ann, bob] = [await enter(lobby, "Ann", browser()), await enter(lobby, "Bob", browser())];
  const far = await enter(lobby, "Cem", Object.assign(browser(), { network: "far" }));
  const searches = [ann, bob, far, ann].map(({ member }) => member.search({ query: "x" }));
  await until(() => held.length === 2);
  await ann.member.search({ query: "y", id: 5 });
  const last = ann.face.events.at(-1)!;
  assertEquals(last.type === "error" && [last.code, last.id], ["searching", 5]);
  held[1]!();
  await searches[2];
  assertEquals([held.length, far.face.events.length], [2, 1]);
  held[0]!();
  await until(() => held.length === 3);
  held[2]!();
  await until(() => held.length === 4);
  held[3]!();
  await Promise.all(searches);
});
