import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ChatEvent, ChatWelcome, LobbyEvent, Member } from "../../../examples/chat/lobby.ts";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { enter, enterAll, faceOf, RecordingFace, testLobby } from "./_faces.ts";

Deno.test("a message goes to all other users as name: text, and back to its author as own", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  assertEquals(ann.face.read(), ["Bob joined"]);
  await ann.say("hi all", 7);
  assertEquals(bob.face.read(), ["Ann: hi all"]);
  assertEquals(ann.face.events, [{
    type: "message",
    seq: 1,
    at: 7,
    room: "lobby",
    from: "Ann",
    user: 1,
    text: "hi all",
    action: false,
    id: 7,
  }]);
  assertEquals(ann.face.own.at(-1), ann.face.events[0]);
});

Deno.test("a new user receives the members and the history", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann");
  await ann.say("one");
  await ann.say("two");
  const face = new RecordingFace();
  const bob = await lobby.join({ name: " Bob " }, face) as Member;
  const [welcome, joined, ...rest] = face.events;
  assertEquals(rest, []);
  assertEquals(joined?.type, "notice");
  assert(welcome?.type === "welcome");
  assertEquals([bob.name, bob.room, bob.present], ["Bob", "lobby", true]);
  assertEquals(welcome.members, ["Ann", "Bob"]);
  assertEquals(welcome.events.map(({ seq }) => seq), [1, 2]);
  assertEquals([welcome.name, welcome.seq, welcome.complete], ["Bob", 2, false]);
  assertEquals(face.read(), [
    "* Earlier in #lobby:",
    "Ann: one",
    "Ann: two",
    "* You are Bob in #lobby with Ann. /help lists the commands.",
    "Bob joined",
  ]);
});

Deno.test("everyone learns once that somebody left, in whatever way", async () => {
  for (const reason of ["ended", "lost", "slow", "flood", "error"] as const) {
    const log: LobbyEvent[] = [];
    const lobby = testLobby({ onEvent: (event) => log.push(event) });
    const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
    ann.face.read();
    await bob.leave(reason);
    await bob.leave("quit");
    await bob.say("still here?");
    assertEquals(ann.face.read(), ["Bob left"]);
    assertEquals(bob.face.read(), []);
    assertEquals(bob.member.present, false);
    assertEquals(log.at(-1), {
      type: "left",
      name: "Bob",
      room: "lobby",
      address: "test",
      reason,
    });
    assertEquals(lobby.stats().left[reason], 1);
  }
});

Deno.test("/quit says good-bye and leaves", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  await bob.say("/quit for today");
  assertEquals(bob.face.events, [{ type: "bye", code: "quit" }]);
  assertEquals(ann.face.read(), ["Bob left"]);
});

Deno.test("a shutdown tells each user once, and nobody can join any more", async () => {
  const lobby = testLobby();
  const users = await enterAll(lobby, "Ann", "Bob", "Cem");
  await users[2]?.say("/join #tea");
  users.forEach(({ face }) => face.events.length = 0);
  await lobby.shutdown();
  await lobby.shutdown();
  const shown = users.map(({ face }) => {
    assertEquals(face.events.at(-1), { type: "bye", code: "shutdown" });
    return face.read();
  });
  const end = "* Good-bye.";
  assertEquals(shown, [
    ["The server is stopping", end],
    ["The server is stopping", end],
    ["The server is stopping", end],
  ]);
  users.forEach(({ member }) => member.leave("lost"));
  assertEquals(lobby.stats().left.shutdown, 3);
  assertEquals(await lobby.join({ name: "Dan" }, new RecordingFace()), {
    code: "stopping",
    params: {},
  });
});

Deno.test("a name belongs to one user until he leaves", async () => {
  const lobby = testLobby();
  const bob = await enter(lobby, "Bob");
  for (const name of ["Bob", "bob", "ＢＯＢ", "b\u200bob"]) {
    assertEquals(await lobby.join({ name }, new RecordingFace()), {
      code: "name-taken",
      params: { name: "Bob" },
    });
  }
  assertEquals(await lobby.join({ name: "b\u1d0fb" }, new RecordingFace()), {
    code: "name-similar",
    params: { name: "Bob" },
  });
  await bob.leave("ended");
  assertEquals((await enter(lobby, "b\u200bob")).member.name, "bob");
  assertEquals(lobby.stats().refused, 5);
});

Deno.test("/nick changes the name for everyone, and frees the old one", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  await bob.say("/nick Rob");
  assertEquals(ann.face.read(), ["Bob is now Rob"]);
  assertEquals(bob.face.read(), ["Bob is now Rob"]);
  await bob.say("/nick ROB");
  await bob.say("hi");
  assertEquals(ann.face.read(), ["Rob is now ROB", "ROB: hi"]);
  bob.face.read();
  for (const bad of ["ann", "two words", "server", "", "ROB"]) await bob.say(`/nick ${bad}`);
  assertEquals(bob.face.read(), [
    "* Ann is already here.",
    "* A name has no spaces. How about two_words?",
    "* That name could be taken for a notice of the server.",
    "* Usage: /nick NAME",
    "* You are ROB already.",
  ]);
  assertEquals(ann.face.read(), []);
  await enter(lobby, "Bob");
  await bob.leave("lost");
  assertEquals(ann.face.read(), ["Bob joined", "ROB left"]);
});

Deno.test("/me, /who, /rooms, /help and unknown commands are answered", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  for (const line of ["/me waves", "/ME joined", "/me", "/who", "/rooms", "/dance now", "/"]) {
    await ann.say(line);
  }
  assertEquals(ann.face.read(), [
    "(Ann: *waves*)",
    "(Ann: *joined*)",
    "* Usage: /me TEXT",
    "* In #lobby (2): Ann, Bob",
    "* Rooms: #lobby (2)",
    "* There is no command /dance. /help lists the commands.",
    "* There is no command /. /help lists the commands.",
  ]);
  assertEquals(bob.face.read(), ["Ann: *waves*", "Ann: *joined*"]);
  await ann.say("/help", 3);
  assertEquals(ann.face.events, [{ type: "reply", code: "help", params: {}, id: 3 }]);
  assert(ann.face.read().every((line) => line.startsWith("* ")));
});

Deno.test("a second slash makes text of a command", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  bob.face.read();
  await ann.say("//help is useful");
  await ann.say("///");
  await ann.say(" /help");
  assertEquals(bob.face.read(), ["Ann: /help is useful", "Ann: //", "Ann:  /help"]);
});

Deno.test("/msg is seen by its two alone, in any room, and by no newcomer", async () => {
  const lobby = testLobby();
  const [ann, bob, cem] = [
    await enter(lobby, "Ann"),
    await enter(lobby, "Bob"),
    await enter(lobby, "Cem"),
  ];
  await bob.say("/join tea");
  for (const { face } of [ann, bob, cem]) face.read();
  await ann.say("/msg BOB the cake\x07 is a lie", 4);
  assertEquals(ann.face.events.map((event) => "id" in event && event.id), [4]);
  assertEquals(ann.face.read(), ["[private] Ann -> Bob: the cake is a lie"]);
  assertEquals(bob.face.read(), ["[private] Ann -> Bob: the cake is a lie"]);
  await ann.say("/msg Zed hi");
  await ann.say("/msg Bob");
  await ann.say("/msg");
  await ann.say("/msg ann note to self");
  assertEquals(ann.face.read(), [
    "* Nobody here is called Zed. /who lists the names.",
    "* Usage: /msg NAME TEXT",
    "* Usage: /msg NAME TEXT",
    "[private] Ann -> Ann: note to self",
  ]);
  assertEquals(cem.face.read(), []);
  const face = new RecordingFace();
  await lobby.join({ name: "Dan" }, face);
  assert(!face.read().some((line) => line.includes("cake")));
});

Deno.test("/join goes to another room, which keeps its history while it is empty", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  await bob.say("/join #Tea");
  assertEquals(ann.face.read(), ["Bob left"]);
  assertEquals(bob.face.read(), [
    "* You are Bob, alone in #Tea. /help lists the commands.",
    "Bob joined",
  ]);
  await bob.say("anyone?");
  await ann.say("he is gone");
  assertEquals(ann.face.read(), ["(Ann: he is gone)"]);
  assertEquals(lobby.rooms, [{ name: "lobby", count: 1 }, { name: "Tea", count: 1 }]);
  await ann.say("/join ＃tea");
  assertEquals(bob.face.read(), ["(Bob: anyone?)", "Ann joined"]);
  assertEquals(ann.face.read(), [
    "* Earlier in #Tea:",
    "Bob: anyone?",
    "* You are Ann in #Tea with Bob. /help lists the commands.",
    "Ann joined",
  ]);
  for (const line of ["/join #tea", "/join", "/join a b"]) await ann.say(line);
  assertEquals(ann.face.read(), [
    "* You are in #Tea already.",
    "* Usage: /join #ROOM",
    "* A room name has 1 to 32 letters of one script, digits, - and _, such as #tea.",
  ]);
  await bob.leave("lost");
  await ann.say("/join lobby");
  assertEquals(lobby.rooms, [{ name: "lobby", count: 1 }]);
  await ann.say("/join tea");
  assertEquals(ann.face.read().filter((line) => line.includes("anyone?")), ["Bob: anyone?"]);
});

Deno.test("users and rooms are limited", async () => {
  const lobby = testLobby({ maxUsers: 2, maxRooms: 2 });
  const ann = await enter(lobby, "Ann");
  await ann.say("/join tea");
  const face = new RecordingFace();
  const request = { name: "Bob", room: "#coffee" };
  assertEquals(await lobby.join(request, face), { code: "rooms-full", params: {} });
  assertEquals(await lobby.join({ name: "Bob", room: "a b" }, face), {
    code: "room-invalid",
    params: {},
  });
  await enter(lobby, { name: "Bob", room: "#TEA" });
  assertEquals(await lobby.join({ name: "Cem" }, face), { code: "full", params: {} });
  ann.face.read();
  await ann.say("/join coffee");
  assertEquals(ann.face.read(), ["* There are too many rooms; /rooms lists them."]);
  await ann.leave("ended");
  await enter(lobby, "Cem");
  assertEquals(face.events, []);
});

Deno.test("a line is limited in bytes; a blank one is nothing", async () => {
  const lobby = testLobby({ maxLine: 10 });
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  for (
    const line of [
      "0123456789",
      "0123456789a",
      "你好你好",
      "",
      "   ",
      "\x1b[2J\x07",
      "\u200b\u3164",
    ]
  ) {
    await ann.say(line);
  }
  assertEquals(bob.face.read(), ["Ann: 0123456789"]);
  const tooLong = "* That line was not sent: it is longer than 10 bytes.";
  assertEquals(ann.face.read(), ["(Ann: 0123456789)", tooLong, tooLong]);
  await ann.say("/me \u2060");
  assertEquals(ann.face.read(), ["* Usage: /me TEXT"]);
  // A face that counts its lines waits for an answer to each.
  await ann.say("\u202e", 7);
  assertEquals(ann.face.events.map((event) => event.type === "reply" && event.id), [7]);
  assertEquals(ann.face.read(), ["* That line was not sent: it has no visible characters."]);
});

Deno.test("a newcomer is shown so many messages and so many bytes", async () => {
  const lobby = testLobby({ history: 3 });
  const ann = await enter(lobby, "Ann");
  for (const text of ["1", "2", "3", "4"]) await ann.say(text);
  const face = new RecordingFace();
  await lobby.join({ name: "Bob" }, face);
  const [welcome] = face.events;
  assertEquals((welcome as ChatWelcome).events.map(({ seq }) => seq), [2, 3, 4]);

  // As much as fits into the send queue of the face.
  const large = testLobby({ maxLine: 0 });
  const cem = await enter(large, "Cem");
  for (let i = 0; i < 10; i++) await cem.say("x".repeat(100_000));
  const small = new RecordingFace("many", { messages: Infinity, bytes: 256 * 1024 });
  await large.join({ name: "Dan" }, small);
  const { events, more } = small.events[0] as ChatWelcome;
  assertEquals([events.length, more], [2, true]);
});

Deno.test("a returning user gets the missed events, and learns when some are lost", async () => {
  const lobby = testLobby({ history: 2 });
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  await bob.leave("lost");
  const back = async (seq: number, epoch = lobby.epoch) => {
    const face = new RecordingFace();
    const member = await lobby.join({ name: "Bob", since: { epoch, seq } }, face) as Member;
    const welcome = face.events[0] as ChatWelcome;
    member.leave("lost");
    return [welcome.complete, welcome.events.map(({ seq }) => seq)];
  };
  for (const text of ["one", "two", "three"]) await ann.say(text);
  assertEquals(await back(2), [true, [3]]);
  assertEquals(await back(0, "another"), [false, [2, 3]]);
  assertEquals(await back(3), [true, []]);
  assertEquals(await back(1), [true, [2, 3]]);
  assertEquals(await back(0), [false, [2, 3]]);
});

Deno.test("a token takes the place of a living connection, and nobody else is told", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann");
  const old = new RecordingFace("many");
  const first = await lobby.join({ name: "Bob", room: "lobby" }, old) as Member;
  const { token, epoch, seq } = old.events[0] as ChatWelcome;
  ann.face.read();
  await ann.say("hello?");
  const fresh = new RecordingFace("many");
  const request = { name: "Rob", token, since: { epoch, seq } };
  const second = await lobby.join(request, fresh) as Member;
  assertEquals(old.events.at(-1), { type: "bye", code: "displaced" });
  assertEquals([first.present, second.present, second.name], [false, true, "Bob"]);
  const welcome = fresh.events[0] as ChatWelcome;
  assertEquals([welcome.resumed, welcome.complete, welcome.token], [true, true, token]);
  assertEquals(welcome.events.map(({ type }) => type), ["message"]);
  assertEquals(welcome.members, ["Ann", "Bob"]);
  first.say("from the grave");
  first.leave("lost");
  assertEquals(ann.face.read(), ["(Ann: hello?)"]);
  second.say("back");
  second.leave("ended");
  await lobby.settled();
  assertEquals(ann.face.read(), ["Bob: back", "Bob left"]);
  assertEquals(lobby.stats().joined, 2);
});

Deno.test("a face that leaves in the middle of an event leaves after it", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann");
  const leaver: { member?: Member } = {};
  const face = faceOf((event) => {
    if (event.type === "message") leaver.member?.leave("slow");
  });
  leaver.member = await lobby.join({ name: "Bob" }, face) as Member;
  const cem = await enter(lobby, "Cem");
  cem.face.read();
  await ann.say("hi");
  assertEquals(cem.face.read(), ["Ann: hi", "Bob left"]);
});

Deno.test("a face that fails hurts its own user alone", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann");
  const face = faceOf((event) => {
    if (event.type === "message") throw new Error("broken");
  });
  const bob = await lobby.join({ name: "Bob" }, face) as Member;
  const cem = await enter(lobby, "Cem");
  cem.face.read();
  await ann.say("hi");
  assertEquals(cem.face.read(), ["Ann: hi", "Bob left"]);
  assertEquals([bob.present, lobby.stats().left.error], [false, 1]);
});

Deno.test("everyone sees the same events in the same order, whatever they all do", async () => {
  const line = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom("hi", "/me waves", "/nick X", "/nick Y", "/who", "//x", "/join lobby"),
  );
  const step = fc.record({ who: fc.nat(4), line: fc.option(line, { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const lobby = testLobby();
      const [witness, ...users] = await enterAll(lobby, "Witness", "A", "B", "C", "D", "E");
      assert(witness !== undefined);
      witness.face.events.length = 0;
      users.forEach(({ face }) => face.events.length = 0);
      const numbers = (events: readonly ChatEvent[]) =>
        events.flatMap((event) => "seq" in event && event.type !== "welcome" ? [event.seq] : []);
      for (const { who, line } of steps) {
        if (line === undefined) users[who]!.member.leave("lost");
        else users[who]!.member.say(line);
      }
      const all = numbers(witness.face.events);
      assertEquals(all, [...all].sort((a, b) => a - b));
      for (const { member, face } of users) {
        const seen = numbers(face.events);
        assertEquals(seen, all.slice(0, seen.length));
        if (member.present) assertEquals(seen.length, all.length);
      }
    }),
  );
});

Deno.test("a private line to a user who is still joining is refused and not misdirected", async () => {
  const archive = openArchive(":memory:");
  const lobby = testLobby({ archive });
  const ann = await enter(lobby, "Ann");
  const joining = lobby.join({ name: "Bob" }, new RecordingFace());
  await ann.say("/msg Bob psst", 1);
  const [reply] = ann.face.events;
  assert(reply?.type === "reply" && reply.code === "no-such-user", JSON.stringify(ann.face.events));
  await joining;
  assertEquals(await archive.conversations(ann.member.user), []);
});

Deno.test("a connection that is lost during the shutdown does not end its session in the archive", async () => {
  const archive = openArchive(":memory:");
  const lobby = testLobby({ archive, grace: 60_000 });
  const ann = await enter(lobby, "Ann", new RecordingFace("many"));
  // A line keeps the ledger busy, so the farewell has to wait.
  void ann.member.say("last words", 1);
  const stopped = lobby.shutdown();
  ann.member.leave("lost");
  await stopped;
  assertEquals((await archive.aliveUsers()).map(({ name }) => name), ["Ann"]);
});
