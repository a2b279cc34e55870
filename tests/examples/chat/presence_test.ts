import { assertEquals } from "@std/assert";
import type { ChatWelcome, LobbyEvent } from "../../../examples/chat/lobby.ts";
import { ArchiveError } from "../../../examples/chat/archive/archive_error.ts";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { enter, RecordingFace, testLobby } from "./_faces.ts";

const browser = () => new RecordingFace("many");

Deno.test("a browser is in several rooms, and /leave leaves one but not the last", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, "Ann");
  const bob = await enter(lobby, "Bob", browser());
  ann.face.read();
  await bob.say("/join #tea");
  assertEquals(ann.face.read(), []);
  assertEquals(bob.member.rooms, ["lobby", "tea"]);
  await ann.say("hi");
  await bob.say("in tea");
  await bob.say("in the lobby", { room: "#Lobby" });
  assertEquals(ann.face.read(), ["(Ann: hi)", "Bob: in the lobby"]);
  bob.face.read();
  bob.member.leaveRoom("lobby", 4);
  await lobby.settled();
  assertEquals(ann.face.read(), ["Bob left"]);
  assertEquals(bob.face.read(), ["Bob left"]);
  bob.member.leaveRoom("tea", 5);
  bob.member.leaveRoom("#lobby", 6);
  assertEquals(bob.face.events.map((event) => "params" in event && [event.type, event.params]), [
    ["reply", {}],
    ["error", { room: "lobby" }],
  ]);
  assertEquals(lobby.rooms, [{ name: "lobby", count: 1 }, { name: "tea", count: 1 }]);
});

Deno.test("/join to a room that the user is in makes it the current one, with its history", async () => {
  const lobby = testLobby();
  const bob = await enter(lobby, { name: "Bob", rooms: ["tea"] }, browser());
  await bob.say("hello", { room: "tea" });
  bob.face.events.length = 0;
  await bob.say("/join #tea");
  assertEquals(bob.face.events.map(({ type }) => type), ["welcome"]);
  const welcome = bob.face.events[0] as ChatWelcome;
  assertEquals([welcome.room, welcome.events.length, bob.member.room], ["tea", 1, "tea"]);
});

Deno.test("a line after /join belongs to the new room, although its history is not read yet", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob", browser())];
  ann.face.read();
  bob.member.say("in the lobby");
  bob.member.say("/join #tea");
  bob.member.say("in tea");
  await lobby.settled();
  assertEquals(ann.face.read(), ["Bob: in the lobby"]);
  const cem = await enter(lobby, { name: "Cem", room: "tea" }, browser());
  cem.member.history({});
  await lobby.settled();
  assertEquals(lobby.stats().messages, 2);
});

Deno.test("a user stays in a room while the archive cannot learn that the user leaves", async () => {
  const archive = openArchive(":memory:");
  let isFull = false;
  const save = archive.saveUsers.bind(archive);
  archive.saveUsers = (users) =>
    isFull ? Promise.reject(new ArchiveError("full", "The disk is full")) : save(users);
  const lobby = testLobby({ archive });
  const ann = await enter(lobby, "Ann");
  const bob = await enter(lobby, { name: "Bob", rooms: ["tea"] }, browser());
  ann.face.read();
  isFull = true;
  await bob.say("/leave #lobby", 3);
  await lobby.settled();
  const answer = bob.face.events.at(-1);
  assertEquals(answer?.type === "error" && [answer.code, answer.id], ["not-stored", 3]);
  assertEquals([ann.face.read(), bob.member.rooms.toSorted()], [[], ["lobby", "tea"]]);
  isFull = false;
  await bob.say("/leave #lobby", 4);
  await lobby.settled();
  assertEquals([ann.face.read(), bob.member.rooms], [["Bob left"], ["tea"]]);
});

Deno.test("the log tells who enters another room, who leaves one, and who goes to another", async () => {
  const log: LobbyEvent[] = [];
  const lobby = testLobby({ onEvent: (event) => log.push(event) });
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob", browser())];
  log.length = 0;
  for (const line of ["/join #tea", "/join #lobby", "/leave #tea"]) await bob.say(line);
  await ann.say("/join #tea");
  assertEquals(log, [
    { type: "entered", name: "Bob", room: "tea" },
    { type: "exited", name: "Bob", room: "tea" },
    { type: "moved", name: "Ann", from: "lobby", to: "tea" },
  ]);
});

Deno.test("a user is in so many rooms", async () => {
  const lobby = testLobby({ maxRoomsPerUser: 3 });
  const bob = await enter(lobby, { name: "Bob", rooms: ["a", "b", "c", "d"] }, browser());
  assertEquals(bob.member.rooms, ["lobby", "a", "b"]);
  await bob.say("/join #e", 9);
  assertEquals(bob.face.read(), ["* You are in 3 rooms, which is the limit. /leave leaves one."]);
  assertEquals(lobby.rooms.length, 3);
});

Deno.test("the last words of a user come before the notice that the user left", async () => {
  const lobby = testLobby();
  const [ann, bob] = [await enter(lobby, "Ann"), await enter(lobby, "Bob")];
  ann.face.read();
  bob.member.say("last words");
  bob.member.say("/nick Rob");
  bob.member.say("really");
  bob.member.say("/quit");
  bob.member.say("too late");
  // The name is free at once, and its new owner comes after the old one has left.
  const next = enter(lobby, "Rob");
  await next;
  await lobby.settled();
  assertEquals(ann.face.read(), [
    "Bob: last words",
    "Bob is now Rob",
    "Rob: really",
    "Rob left",
    "Rob joined",
  ]);
});

Deno.test("a shutdown tells a user of many rooms once, after the lines that are under way", async () => {
  const lobby = testLobby();
  const ann = await enter(lobby, { name: "Ann", rooms: ["a", "b", "c"] }, browser());
  const bob = await enter(lobby, { name: "Bob", room: "a", rooms: ["b", "c"] }, browser());
  bob.member.say("under way");
  const down = lobby.shutdown();
  bob.member.say("too late", 5);
  await down;
  assertEquals(ann.face.read().slice(-3), [
    "Bob: under way",
    "The server is stopping",
    "* Good-bye.",
  ]);
  assertEquals(bob.face.read(), ["(Bob: under way)", "The server is stopping", "* Good-bye."]);
});

Deno.test("watchers learn of changed rooms until they stop", async () => {
  const lobby = testLobby();
  let changes = 0;
  const stop = lobby.watchRooms(() => changes++);
  const ann = await enter(lobby, "Ann");
  assertEquals(changes, 1);
  await ann.say("hello");
  assertEquals(changes, 1);
  await ann.say("/join #tea");
  assertEquals(changes, 3);
  stop();
  await ann.leave("ended");
  assertEquals(changes, 3);
});
