import { assert, assertEquals } from "@std/assert";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import type { ChatEvent, ChatPrivate, LobbyEvent } from "../../../examples/chat/lobby.ts";
import { enter, enterAll, RecordingFace, testLobby, type User } from "./_faces.ts";

const browser = () => new RecordingFace("many");

/** Takes the events of a user, each with its type and some fields. */
function take({ face }: User, ...fields: string[]): unknown[] {
  return face.events.splice(0).map((event) =>
    Object.fromEntries(
      ["type", ...fields].flatMap((field) =>
        field in event ? [[field, event[field as keyof ChatEvent]]] : []
      ),
    )
  );
}

Deno.test("a line for a room that the user is not in is handed back, and posted nowhere", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann");
  const tea = await enter(lobby, { name: "Tea", room: "tea" });
  const bob = await enter(lobby, "Bob", browser());
  ann.face.read();
  for (const room of ["tea", "#tea", "nowhere", ""]) await bob.say("secret", { id: 3, room });
  assertEquals(
    take(bob, "code", "id", "room"),
    ["tea", "#tea", "nowhere", ""].map((room) => ({
      type: "error",
      code: "not-in-room",
      id: 3,
      room,
    })),
  );
  await bob.say("/me waves", { room: "tea" });
  await bob.say("/who", { room: "tea" });
  assertEquals(take(bob, "code"), Array(2).fill({ type: "error", code: "not-in-room" }));
  // Commands that belong to no room work, wherever the user thinks to be.
  await bob.say("/rooms", { room: "nowhere" });
  assertEquals(take(bob, "code"), [{ type: "reply", code: "rooms" }]);
  assertEquals([ann.face.read(), tea.face.read(), lobby.stats().messages], [[], [], 0]);
});

Deno.test("a private message reaches its two users alone, and has a number in the same sequence", async () => {
  const lobby = testLobby();
  const [ann, bob, cem] = await enterAll(lobby, "Ann", "Bob", "Cem") as [User, User, User];
  await ann.say("hello all");
  await ann.say("/msg Bob psst", 9);
  await bob.say("what?", { peer: `${ann.member.user}`, id: 8 });
  await bob.say("/me listens", { peer: "1" });
  const fields = ["seq", "from", "to", "peer", "text", "action", "id"];
  const [psst, what] = [
    { type: "private", seq: 2, from: "Ann", to: "Bob", text: "psst", action: false, id: 9 },
    { type: "private", seq: 3, from: "Bob", to: "Ann", text: "what?", action: false, id: 8 },
  ];
  const me = { type: "private", seq: 4, from: "Bob", to: "Ann", text: "listens", action: true };
  assertEquals(take(ann, ...fields).slice(1), [psst, what, me].map((e) => ({ ...e, peer: "2" })));
  assertEquals(take(bob, ...fields).slice(1), [psst, what, me].map((e) => ({ ...e, peer: "1" })));
  assertEquals(cem.face.read(), ["Ann: hello all"]);
});

Deno.test("a private message to nobody is handed back", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann", browser());
  const terminal = await enter(lobby, "Tom");
  await terminal.leave("ended");
  ann.face.read();
  // A terminal cannot come back to read it.
  for (const peer of ["99", "0", "-1", "x", "1e3", `${terminal.member.user}`]) {
    await ann.say("anybody?", { peer, id: 1 });
  }
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(take(ann, "code"), Array(6).fill({ type: "error", code: "no-such-peer" }));
});

Deno.test("a line with the id of an earlier line is confirmed again, and posted once", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  for (const text of ["once", "twice"]) await ann.say(text, 77);
  assertEquals(bob.face.read(), ["Ann: once"]);
  assertEquals(take(ann, "seq", "text", "id").slice(1), [
    { type: "message", seq: 1, text: "once", id: 77 },
    { type: "message", seq: 1, text: "once", id: 77 },
  ]);
  // Ids belong to their author.
  await bob.say("mine", 77);
  assertEquals(ann.face.read(), ["Bob: mine"]);
});

Deno.test("a line that cannot be stored is handed back and not delivered, and the log has the reason", async () => {
  const archive = openArchive(":memory:");
  const log: LobbyEvent[] = [];
  const lobby = testLobby({ archive, onEvent: (event) => log.push(event) });
  const [ann, bob] = await enterAll(lobby, "Ann", "Bob") as [User, User];
  await archive[Symbol.asyncDispose]();
  ann.member.say("one", { id: 1, room: "lobby" });
  ann.member.say("/msg Bob two", 2);
  await lobby.settled();
  assertEquals(take(ann, "code", "id", "room"), [
    { type: "error", code: "not-stored", id: 1, room: "lobby" },
    { type: "error", code: "not-stored", id: 2 },
  ]);
  assertEquals([bob.face.read(), lobby.stats().messages], [[], 0]);
  assertEquals(lobby.fault, "closed");
  const reason = 'Cannot use the store ":memory:": it was closed';
  assertEquals(log.at(-1), { type: "not-stored", reason });
});

Deno.test("an author edits and deletes a message; others cannot", async () => {
  const lobby = testLobby();
  const [ann, bob, tea] = [
    await enter(lobby, "Ann"),
    await enter(lobby, "Bob"),
    await enter(lobby, { name: "Tea", room: "tea" }),
  ];
  await ann.say("helo");
  for (const { face } of [ann, bob]) face.read();
  await ann.member.edit(1, "hello\x07", 5);
  await lobby.settled();
  const edit = { type: "edit", seq: 2, room: "lobby", target: 1, text: "hello", from: "Ann" };
  const fields = ["seq", "room", "target", "text", "from", "code", "id"];
  assertEquals(take(bob, ...fields), [{ ...edit, id: 5 }]);
  assertEquals(take(ann, ...fields), [{ ...edit, id: 5 }]);
  for (const [user, code] of [[bob, "not-yours"], [tea, "no-such-message"]] as const) {
    await user.member.edit(1, "hacked", 6);
    await user.member.remove(1, 7);
    await lobby.settled();
    assertEquals(take(user, ...fields), [6, 7].map((id) => ({ type: "error", code, id })));
  }
  await ann.member.edit(1, " ", 8);
  await ann.member.edit(99, "x", 9);
  assertEquals(take(ann, "code", "id"), [
    { type: "reply", code: "blank", id: 8 },
    { type: "error", code: "no-such-message", id: 9 },
  ]);
  await ann.member.remove(1, 10);
  await lobby.settled();
  assertEquals(take(bob, "seq", "target"), [{ type: "delete", seq: 3, target: 1 }]);
  const late = await lobby.join({ name: "Late" }, browser());
  assert(!("code" in late));
});

Deno.test("everyone in a room reacts with one emoji, once", async () => {
  const lobby = testLobby();
  const [ann, bob] = await enterAll(lobby, "Ann", "Bob") as [User, User];
  await ann.say("shall we?");
  take(ann);
  take(bob);
  await bob.member.react(1, "👍🏽", true, 4);
  await lobby.settled();
  const reaction = { type: "reaction", emoji: "👍🏽", on: true, target: 1, from: "Bob" };
  assertEquals(take(ann, "emoji", "on", "target", "from"), [reaction]);
  assertEquals(take(bob, "emoji", "on", "target", "from", "id"), [{ ...reaction, id: 4 }]);
  // The second time is confirmed, and nobody else is told.
  await bob.member.react(1, "👍🏽", true, 5);
  await lobby.settled();
  assertEquals(take(bob, "type", "id"), [{ type: "reaction", id: 5 }]);
  for (const emoji of ["", "x", "👍👍", "1", "<b>", "a\u{1F44D}"]) {
    await bob.member.react(1, emoji, true);
  }
  assertEquals(take(bob, "code"), Array(6).fill({ type: "error", code: "bad-emoji" }));
  assertEquals(take(ann), []);
  const face = browser();
  await lobby.join({ name: "Cem" }, face);
  const [welcome] = face.events;
  assert(welcome?.type === "welcome" && welcome.events[0]?.type === "message");
  assertEquals(welcome.events[0].reactions, { "👍🏽": ["Bob"] });
});

Deno.test("private messages are edited and deleted for their two users alone", async () => {
  const lobby = testLobby();
  const [ann, bob, cem] = await enterAll(lobby, "Ann", "Bob", "Cem") as [User, User, User];
  await ann.say("/msg Bob helo");
  for (const user of [ann, bob]) take(user);
  await ann.member.edit(1, "hello");
  await cem.member.react(1, "👍", true);
  await bob.member.react(1, "👍", true);
  await lobby.settled();
  assertEquals(take(ann, "peer", "text", "emoji"), [
    { type: "edit", peer: "2", text: "hello" },
    { type: "reaction", peer: "2", emoji: "👍" },
  ]);
  assertEquals(take(bob, "peer"), [{ type: "edit", peer: "1" }, { type: "reaction", peer: "1" }]);
  assertEquals(take(cem, "code"), [{ type: "error", code: "no-such-message" }]);
});

Deno.test("an answer quotes the message that it answers, if that is in the same room", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, { name: "Ann", rooms: ["tea"] }, browser());
  await ann.say("who comes?");
  await ann.say("me", { reply: 1 });
  await ann.say("me, too", { reply: 1, room: "tea" });
  assertEquals(take(ann, "room", "reply"), [
    { type: "message", room: "lobby" },
    { type: "message", room: "lobby", reply: { seq: 1, from: "Ann", text: "who comes?" } },
    { type: "message", room: "tea" },
  ]);
});

Deno.test("a message has several lines, each of them safe, and not too many", async () => {
  const lobby = testLobby({ maxLines: 3 });
  const [ann, bob] = await enterAll(lobby, "Ann", "Bob") as [User, User];
  await ann.say("one\r\n\x1b[31mtwo\x1b[0m\rstill two\nthree\n\n", 1);
  assertEquals((bob.face.events[0] as ChatPrivate).text, "one\ntwo still two\nthree");
  take(ann);
  await ann.say("1\n2\n3\n4", 2);
  await ann.say("\n\n", 3);
  assertEquals(take(ann, "code", "id"), [
    { type: "reply", code: "too-many-lines", id: 2 },
    { type: "reply", code: "blank", id: 3 },
  ]);
});
