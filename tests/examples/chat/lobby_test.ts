import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ChatEvent, ChatWelcome, LobbyEvent, Member } from "../../../examples/chat/lobby.ts";
import { enter, faceOf, RecordingFace, testLobby } from "./_faces.ts";

Deno.test("a message goes to all other users as name: text, and back to its author as own", () => {
  const lobby = testLobby();
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  assertEquals(ann.face.read(), ["Bob joined"]);
  ann.member.say("hi all", 7);
  assertEquals(bob.face.read(), ["Ann: hi all"]);
  assertEquals(ann.face.events, [{
    type: "message",
    seq: 1,
    at: 3,
    room: "lobby",
    from: "Ann",
    user: 1,
    text: "hi all",
    action: false,
    id: 7,
  }]);
  assertEquals(ann.face.own.at(-1), ann.face.events[0]);
});

Deno.test("a new user receives the members and the history", () => {
  const lobby = testLobby();
  const ann = enter(lobby, "Ann");
  ann.member.say("one");
  ann.member.say("two");
  const face = new RecordingFace();
  const bob = lobby.join({ name: " Bob " }, face) as Member;
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

Deno.test("everyone learns once that somebody left, in whatever way", () => {
  for (const reason of ["ended", "lost", "slow", "flood", "error"] as const) {
    const log: LobbyEvent[] = [];
    const lobby = testLobby({ onEvent: (event) => log.push(event) });
    const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
    ann.face.read();
    bob.member.leave(reason);
    bob.member.leave("quit");
    bob.member.say("still here?");
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

Deno.test("/quit says good-bye and leaves", () => {
  const lobby = testLobby();
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  bob.member.say("/quit for today");
  assertEquals(bob.face.events, [{ type: "bye", code: "quit" }]);
  assertEquals(ann.face.read(), ["Bob left"]);
});

Deno.test("a shutdown notifies all users, each leaves once, and nobody can join any more", () => {
  const lobby = testLobby();
  const users = ["Ann", "Bob", "Cem"].map((name) => enter(lobby, name));
  users[2]?.member.say("/join #tea");
  users.forEach(({ face }) => face.events.length = 0);
  lobby.shutdown();
  lobby.shutdown();
  const shown = users.map(({ face }) => {
    assertEquals(face.events.at(-1), { type: "bye", code: "shutdown" });
    return face.read();
  });
  const end = "* Good-bye.";
  assertEquals(shown, [
    ["The server is stopping", "Ann left", "Bob left", end],
    ["The server is stopping", "Ann left", "Bob left", end],
    ["The server is stopping", "Cem left", end],
  ]);
  users.forEach(({ member }) => member.leave("lost"));
  assertEquals(lobby.stats().left.shutdown, 3);
  assertEquals(lobby.join({ name: "Dan" }, new RecordingFace()), { code: "stopping", params: {} });
});

Deno.test("a name belongs to one user until he leaves", () => {
  const lobby = testLobby();
  const bob = enter(lobby, "Bob");
  for (const name of ["Bob", "bob", "ＢＯＢ", "b\u200bob", "b\u1d0fb"]) {
    assertEquals(lobby.join({ name }, new RecordingFace()), {
      code: "name-taken",
      params: { name: "Bob" },
    });
  }
  bob.member.leave("ended");
  assertEquals(enter(lobby, "b\u200bob").member.name, "bob");
  assertEquals(lobby.stats().refused, 5);
});

Deno.test("/nick changes the name for everyone, and frees the old one", () => {
  const lobby = testLobby();
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  bob.member.say("/nick Rob");
  assertEquals(ann.face.read(), ["Bob is now Rob"]);
  assertEquals(bob.face.read(), ["Bob is now Rob"]);
  bob.member.say("/nick ROB");
  bob.member.say("hi");
  assertEquals(ann.face.read(), ["Rob is now ROB", "ROB: hi"]);
  bob.face.read();
  for (const bad of ["ann", "two words", "server", "", "ROB"]) bob.member.say(`/nick ${bad}`);
  assertEquals(bob.face.read(), [
    "* Ann is already here.",
    "* A name has no spaces. How about two_words?",
    "* That name could be taken for a notice of the server.",
    "* Usage: /nick NAME",
    "* You are ROB already.",
  ]);
  assertEquals(ann.face.read(), []);
  enter(lobby, "Bob");
  bob.member.leave("lost");
  assertEquals(ann.face.read(), ["Bob joined", "ROB left"]);
});

Deno.test("/me, /who, /rooms, /help and unknown commands are answered", () => {
  const lobby = testLobby();
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  for (const line of ["/me waves", "/ME joined", "/me", "/who", "/rooms", "/dance now", "/"]) {
    ann.member.say(line);
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
  ann.member.say("/help", 3);
  assertEquals(ann.face.events, [{ type: "reply", code: "help", params: {}, id: 3 }]);
  assert(ann.face.read().every((line) => line.startsWith("* ")));
});

Deno.test("a second slash makes text of a command", () => {
  const lobby = testLobby();
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  bob.face.read();
  ann.member.say("//help is useful");
  ann.member.say("///");
  ann.member.say(" /help");
  assertEquals(bob.face.read(), ["Ann: /help is useful", "Ann: //", "Ann:  /help"]);
});

Deno.test("/msg is seen by its two alone, in any room, and by no newcomer", () => {
  const lobby = testLobby();
  const [ann, bob, cem] = [enter(lobby, "Ann"), enter(lobby, "Bob"), enter(lobby, "Cem")];
  bob.member.say("/join tea");
  for (const { face } of [ann, bob, cem]) face.read();
  ann.member.say("/msg BOB the cake\x07 is a lie", 4);
  assertEquals(ann.face.events.map((event) => "id" in event && event.id), [4]);
  assertEquals(ann.face.read(), ["[private] Ann -> Bob: the cake is a lie"]);
  assertEquals(bob.face.read(), ["[private] Ann -> Bob: the cake is a lie"]);
  ann.member.say("/msg Zed hi");
  ann.member.say("/msg Bob");
  ann.member.say("/msg");
  ann.member.say("/msg ann note to self");
  assertEquals(ann.face.read(), [
    "* Nobody here is called Zed. /who lists the names.",
    "* Usage: /msg NAME TEXT",
    "* Usage: /msg NAME TEXT",
    "[private] Ann -> Ann: note to self",
  ]);
  assertEquals(cem.face.read(), []);
  const face = new RecordingFace();
  lobby.join({ name: "Dan" }, face);
  assert(!face.read().some((line) => line.includes("cake")));
});

Deno.test("/join goes to a room of its own, which vanishes with its last user", () => {
  const lobby = testLobby();
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  ann.face.read();
  bob.face.read();
  bob.member.say("/join #Tea");
  assertEquals(ann.face.read(), ["Bob left"]);
  assertEquals(bob.face.read(), [
    "* You are Bob, alone in #Tea. /help lists the commands.",
    "Bob joined",
  ]);
  bob.member.say("anyone?");
  ann.member.say("he is gone");
  assertEquals(ann.face.read(), ["(Ann: he is gone)"]);
  assertEquals(lobby.rooms, [{ name: "lobby", count: 1 }, { name: "Tea", count: 1 }]);
  ann.member.say("/join ＃tea");
  assertEquals(bob.face.read(), ["(Bob: anyone?)", "Ann joined"]);
  assertEquals(ann.face.read(), [
    "* Earlier in #Tea:",
    "Bob: anyone?",
    "* You are Ann in #Tea with Bob. /help lists the commands.",
    "Ann joined",
  ]);
  for (const line of ["/join #tea", "/join", "/join a b"]) ann.member.say(line);
  assertEquals(ann.face.read(), [
    "* You are in #Tea already.",
    "* Usage: /join #ROOM",
    "* A room name has 1 to 32 letters of one script, digits, - and _, such as #tea.",
  ]);
  bob.member.leave("lost");
  ann.member.say("/join lobby");
  assertEquals(lobby.rooms, [{ name: "lobby", count: 1 }]);
  ann.member.say("/join tea");
  assertEquals(ann.face.read().filter((line) => line.includes("anyone?")), []);
});

Deno.test("users and rooms are limited", () => {
  const lobby = testLobby({ maxUsers: 2, maxRooms: 2 });
  const ann = enter(lobby, "Ann");
  ann.member.say("/join tea");
  const face = new RecordingFace();
  const request = { name: "Bob", room: "#coffee" };
  assertEquals(lobby.join(request, face), { code: "rooms-full", params: {} });
  assertEquals(lobby.join({ name: "Bob", room: "a b" }, face), {
    code: "room-invalid",
    params: {},
  });
  enter(lobby, { name: "Bob", room: "#TEA" });
  assertEquals(lobby.join({ name: "Cem" }, face), { code: "full", params: {} });
  ann.face.read();
  ann.member.say("/join coffee");
  assertEquals(ann.face.read(), ["* There are too many rooms; /rooms lists them."]);
  ann.member.leave("ended");
  enter(lobby, "Cem");
  assertEquals(face.events, []);
});

Deno.test("a line is limited in bytes; a blank one is nothing", () => {
  const lobby = testLobby({ maxLine: 10 });
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
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
    ann.member.say(line);
  }
  assertEquals(bob.face.read(), ["Ann: 0123456789"]);
  const tooLong = "* That line was not sent: it is longer than 10 bytes.";
  assertEquals(ann.face.read(), ["(Ann: 0123456789)", tooLong, tooLong]);
  ann.member.say("/me \u2060");
  assertEquals(ann.face.read(), ["* Usage: /me TEXT"]);
  // A face that counts its lines waits for an answer to each.
  ann.member.say("\u202e", 7);
  assertEquals(ann.face.events.map((event) => event.type === "reply" && event.id), [7]);
  assertEquals(ann.face.read(), ["* That line was not sent: it has no visible characters."]);
});

Deno.test("a room remembers so many events and so many characters", () => {
  const lobby = testLobby({ history: 3 });
  const ann = enter(lobby, "Ann");
  for (const text of ["1", "2", "3", "4"]) ann.member.say(text);
  const face = new RecordingFace();
  lobby.join({ name: "Bob" }, face);
  const [welcome] = face.events;
  assertEquals((welcome as ChatWelcome).events.map(({ seq }) => seq), [2, 3, 4]);

  const large = testLobby({ maxLine: 0 });
  const cem = enter(large, "Cem");
  for (let i = 0; i < 10; i++) cem.member.say("x".repeat(100_000));
  const last = new RecordingFace();
  large.join({ name: "Dan" }, last);
  assertEquals((last.events[0] as ChatWelcome).events.length, 2);
});

Deno.test("a returning user gets the missed events, and learns when some are lost", () => {
  const lobby = testLobby({ history: 2 });
  const [ann, bob] = [enter(lobby, "Ann"), enter(lobby, "Bob")];
  bob.member.leave("lost");
  const back = (seq: number, epoch = lobby.epoch) => {
    const face = new RecordingFace();
    const member = lobby.join({ name: "Bob", since: { epoch, seq } }, face) as Member;
    const welcome = face.events[0] as ChatWelcome;
    member.leave("lost");
    return [welcome.complete, welcome.events.map(({ seq }) => seq)];
  };
  for (const text of ["one", "two", "three"]) ann.member.say(text);
  assertEquals(back(2), [true, [3]]);
  assertEquals(back(0, "another"), [false, [2, 3]]);
  assertEquals(back(3), [true, []]);
  assertEquals(back(1), [true, [2, 3]]);
  assertEquals(back(0), [false, [2, 3]]);
});

Deno.test("a token takes the place of a living connection, and nobody else is told", () => {
  const lobby = testLobby();
  const ann = enter(lobby, "Ann");
  const old = new RecordingFace();
  const first = lobby.join({ name: "Bob", room: "lobby" }, old) as Member;
  const { token, epoch, seq } = old.events[0] as ChatWelcome;
  ann.face.read();
  ann.member.say("hello?");
  const fresh = new RecordingFace();
  const request = { name: "Rob", token, since: { epoch, seq } };
  const second = lobby.join(request, fresh) as Member;
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
  assertEquals(ann.face.read(), ["Bob: back", "Bob left"]);
  // The token went with him.
  const third = lobby.join({ name: "Cem", token }, new RecordingFace()) as Member;
  assertEquals(third.name, "Cem");
  assertEquals(lobby.stats().joined, 3);
});

Deno.test("a face that leaves in the middle of an event leaves after it", () => {
  const lobby = testLobby();
  const ann = enter(lobby, "Ann");
  const leaver: { member?: Member } = {};
  const face = faceOf((event) => {
    if (event.type === "message") leaver.member?.leave("slow");
  });
  leaver.member = lobby.join({ name: "Bob" }, face) as Member;
  const cem = enter(lobby, "Cem");
  cem.face.read();
  ann.member.say("hi");
  assertEquals(cem.face.read(), ["Ann: hi", "Bob left"]);
});

Deno.test("a face that fails hurts its own user alone", () => {
  const lobby = testLobby();
  const ann = enter(lobby, "Ann");
  const face = faceOf((event) => {
    if (event.type === "message") throw new Error("broken");
  });
  const bob = lobby.join({ name: "Bob" }, face) as Member;
  const cem = enter(lobby, "Cem");
  cem.face.read();
  ann.member.say("hi");
  assertEquals(cem.face.read(), ["Ann: hi", "Bob left"]);
  assertEquals([bob.present, lobby.stats().left.error], [false, 1]);
});

Deno.test("everyone sees the same events in the same order, whatever they all do", () => {
  const line = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom("hi", "/me waves", "/nick X", "/nick Y", "/who", "//x", "/join lobby"),
  );
  const step = fc.record({ who: fc.nat(4), line: fc.option(line, { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lobby = testLobby();
      const witness = enter(lobby, "Witness");
      const users = ["A", "B", "C", "D", "E"].map((name) => enter(lobby, name));
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
