import { assert, assertEquals } from "@std/assert";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import type { ChatWelcome, Lobby, LobbyEvent, Member } from "../../../examples/chat/lobby.ts";
import { enter, RecordingFace, storeFile, testLobby, until } from "./_faces.ts";

/** Joins as a browser; the welcomes are the first events. */
async function browse(lobby: Lobby, name: string, more: object = {}) {
  const face = new RecordingFace("many");
  const member = await lobby.join({ name, ...more }, face);
  assert(!("code" in member), `refused: ${JSON.stringify(member)}`);
  const welcomes = face.events.filter((event) => event.type === "welcome");
  return { member, face, welcomes, welcome: welcomes[0]! };
}

const texts = ({ events }: ChatWelcome) => events.map((event) => "text" in event && event.text);

Deno.test("a lost browser keeps its name and its place for the grace period, then leaves once", async () => {
  const lobby = testLobby({ grace: 100 });
  const ann = await enter(lobby, "Ann");
  const bob = await browse(lobby, "Bob");
  ann.face.read();
  bob.member.leave("lost");
  bob.member.leave("lost");
  await lobby.settled();
  assertEquals(ann.face.read(), []);
  assertEquals([lobby.stats().users, lobby.stats().away], [2, 1]);
  assertEquals(await lobby.join({ name: "bob" }, new RecordingFace("many")), {
    code: "name-taken",
    params: { name: "Bob" },
  });
  assertEquals((await browse(lobby, "Cem")).welcome.members, ["Ann", "Bob", "Cem"]);
  await until(() => lobby.stats().away === 0);
  assertEquals(ann.face.read(), ["Cem joined", "Bob left"]);
  assertEquals(lobby.stats().left.lost, 1);
  assertEquals((await browse(lobby, "Bob")).welcome.name, "Bob");
  await lobby.shutdown();
});

Deno.test("lost browsers of one address keep so many names", async () => {
  const lobby = testLobby({ grace: 60_000, maxAwayPerAddress: 2 });
  const ann = await enter(lobby, "Ann");
  const other = Object.assign(new RecordingFace("many"), { network: "other" });
  (await lobby.join({ name: "Other" }, other) as Member).leave("lost");
  for (const name of ["A", "B", "C"]) (await browse(lobby, name)).member.leave("lost");
  await lobby.settled();
  assertEquals(ann.face.read().filter((line) => line.endsWith("left")), ["A left"]);
  assertEquals(lobby.stats().away, 3);
  await lobby.shutdown();
});

Deno.test("a browser that comes back in time misses nothing, and nobody is told", async () => {
  const lobby = testLobby({ grace: 60_000 });
  const ann = await enter(lobby, "Ann");
  const bob = await browse(lobby, "Bob", { rooms: ["tea"] });
  const { token, epoch, seq } = bob.welcome;
  const cem = await enter(lobby, { name: "Cem", room: "tea" });
  bob.member.leave("lost");
  await ann.say("in the lobby");
  await cem.say("in tea");
  await ann.say("/msg Bob for you");
  assertEquals(ann.face.read().slice(-2), [
    "[private] Ann -> Bob: for you",
    "* Bob is not connected and will see your message later.",
  ]);
  const since = { epoch, seq, rooms: ["lobby", "tea"] };
  const back = await browse(lobby, "Bob", { token, since });
  assertEquals(
    back.welcomes.map(({ room, also, resumed, complete }) => ({
      room,
      also,
      resumed,
      complete,
    })),
    [
      { room: "lobby", also: undefined, resumed: true, complete: true },
      { room: "tea", also: true, resumed: true, complete: true },
    ],
  );
  assertEquals(back.welcomes.map(texts), [["in the lobby"], ["in tea"]]);
  assertEquals(back.face.read().at(-1), "[private] Ann -> Bob: for you");
  assertEquals(back.welcome.peers, [{ peer: "1", name: "Ann", seq: 3 }]);
  assertEquals(ann.face.read(), []);
  await lobby.shutdown();
});

Deno.test("a room that the browser did not know comes with its whole history", async () => {
  const lobby = testLobby({ grace: 60_000 });
  const bob = await enter(lobby, { name: "Bob", room: "tea" });
  await bob.say("agenda");
  const ann = await browse(lobby, "Ann");
  const { token, epoch, seq } = ann.welcome;
  ann.member.say("/join #tea");
  await lobby.settled();
  const back = await browse(lobby, "Ann", { room: "lobby", token, since: { epoch, seq } });
  assertEquals([back.welcome.room, back.welcome.complete], ["tea", false]);
  assertEquals(texts(back.welcome), ["agenda"]);
  assertEquals(back.welcomes[1]?.complete, true);
  await lobby.shutdown();
});

Deno.test("the token gives a user the name and the rooms back after the grace period, if the name is free", async () => {
  const lobby = testLobby();
  const bob = await browse(lobby, "Bob", { room: "tea", rooms: ["cake"] });
  const { token, user } = bob.welcome;
  bob.member.leave("lost");
  await lobby.settled();
  assertEquals(lobby.rooms, [{ name: "lobby", count: 0 }]);
  const back = await browse(lobby, "Bob", { token });
  assertEquals([back.welcome.user, back.welcome.resumed], [user, false]);
  assertEquals([back.welcome.rooms, back.welcome.token], [["tea", "cake"], token]);
  back.member.leave("lost");
  // Somebody else has taken the name meanwhile.
  const other = await browse(lobby, "Bob");
  assert(other.welcome.user !== user);
  assertEquals(await lobby.join({ name: "Bob", token }, new RecordingFace("many")), {
    code: "name-taken",
    params: { name: "Bob" },
  });
  assertEquals((await browse(lobby, "Rob", { token })).welcome.user, user);
});

Deno.test("a name is not given back together with another one that the user asks for", async () => {
  const lobby = testLobby();
  const bob = await browse(lobby, "Bob");
  bob.member.leave("ended");
  await lobby.settled();
  await enter(lobby, "Cem");
  const back = await browse(lobby, "Cem", { token: bob.welcome.token });
  assertEquals([back.welcome.name, back.welcome.user], ["Bob", bob.welcome.user]);
});

Deno.test("a guessed token is nobody's, and a terminal never uses one", async () => {
  const lobby = testLobby({ grace: 60_000 });
  const bob = await browse(lobby, "Bob");
  const guess = await browse(lobby, "Eve", { token: "guess" });
  assertEquals([guess.welcome.resumed, guess.welcome.name], [false, "Eve"]);
  assert(guess.welcome.token !== "guess");
  const face = new RecordingFace("one");
  assertEquals(await lobby.join({ name: "Bob", token: bob.welcome.token }, face), {
    code: "name-taken",
    params: { name: "Bob" },
  });
  assertEquals(await lobby.userOf(bob.welcome.token), bob.welcome.user);
  assertEquals(await lobby.userOf("guess"), undefined);
  await lobby.shutdown();
});

Deno.test("of two connections with one token, the later one stays", async () => {
  const lobby = testLobby({ grace: 60_000 });
  const { token } = (await browse(lobby, "Bob")).welcome;
  const faces = [new RecordingFace("many"), new RecordingFace("many")];
  const members = await Promise.all(
    faces.map((face) => lobby.join({ name: "Bob", token }, face)),
  ) as Member[];
  assertEquals(members.map(({ present }) => present), [false, true]);
  assertEquals(faces[0]?.events.at(-1), { type: "bye", code: "displaced" });
  assertEquals(faces[1]?.events.map(({ type }) => type), ["welcome"]);
  await lobby.shutdown();
});

Deno.test("after a restart the users are away, nobody takes their names, and they miss nothing", async () => {
  await using file = await storeFile();
  const archive = openArchive(file.path);
  const before = testLobby({ archive, grace: 60_000 });
  const ann = await browse(before, "Ann");
  const bob = await browse(before, "Bob", { rooms: ["tea"] });
  const gone = await browse(before, "Gone");
  gone.member.say("/quit");
  ann.member.say("one");
  ann.member.say("/msg Bob secret");
  await before.settled();
  const { seq, token, epoch } = bob.welcome;
  await before.shutdown();
  await archive[Symbol.asyncDispose]();

  await using again = openArchive(file.path);
  const log: LobbyEvent[] = [];
  const onEvent = (event: LobbyEvent) => log.push(event);
  const after = testLobby({ archive: again, grace: 60_000, onEvent });
  await after.restore();
  assertEquals([after.stats().users, after.stats().away], [2, 2]);
  assertEquals(after.rooms, [{ name: "lobby", count: 2 }, { name: "tea", count: 1 }]);
  assertEquals(await after.join({ name: "BOB" }, new RecordingFace("many")), {
    code: "name-taken",
    params: { name: "Bob" },
  });
  const since = { epoch, seq, rooms: ["lobby", "tea"] };
  const back = await browse(after, "Bob", { token, since });
  // The lines of the first run end at this number.
  assertEquals(back.welcome.seq, 2);
  assertEquals([back.welcome.epoch, back.welcome.resumed, texts(back.welcome)], [epoch, true, [
    "one",
  ]]);
  assertEquals(back.face.read().at(-1), "[private] Ann -> Bob: secret");
  await after.shutdown();
  const left = log.find((event) => event.type === "left" && event.name === "Ann");
  assertEquals(left && "address" in left && left.address, "a connection before the restart");
});

Deno.test("without a grace period nobody is away after a restart", async () => {
  await using archive = openArchive(":memory:");
  const before = testLobby({ archive });
  await browse(before, "Ann");
  await before.shutdown();
  const after = testLobby({ archive });
  await after.restore();
  assertEquals([after.stats().users, after.rooms], [0, [{ name: "lobby", count: 0 }]]);
});

Deno.test("an address that has opened too many rooms gets the lobby, and its lines go nowhere else", async () => {
  const lobby = testLobby({ maxRoomsPerAddress: 2 });
  await enter(lobby, { name: "A", room: "a" });
  await enter(lobby, { name: "B", room: "b" });
  const ann = await browse(lobby, "Ann", { room: "team" });
  assertEquals(ann.welcome.room, "lobby");
  assertEquals(
    ann.face.read().at(-1),
    "* Your address has opened too many rooms; /rooms lists them.",
  );
  ann.member.say("for the team", 7);
  assertEquals(ann.face.events, [{
    type: "error",
    code: "not-in-room",
    params: { room: "team" },
    id: 7,
    room: "team",
  }]);
  ann.face.read();
  ann.member.say("for the lobby", { room: "lobby" });
  await lobby.settled();
  assertEquals(ann.face.read(), ["(Ann: for the lobby)"]);
  // Another address has its own limit, and an existing room is open to all.
  assertEquals((await browse(lobby, "Cem", { room: "a" })).welcome.room, "a");
  const other = Object.assign(new RecordingFace("many"), { network: "other" });
  await lobby.join({ name: "Dan", room: "team" }, other);
  assertEquals((other.events[0] as ChatWelcome).room, "team");
});

Deno.test("a user whose record cannot be stored is refused, and the name stays free", async () => {
  const archive = openArchive(":memory:");
  const lobby = testLobby({ archive });
  await archive[Symbol.asyncDispose]();
  const refused = await lobby.join({ name: "Ann", room: "tea" }, new RecordingFace("many"));
  assertEquals(refused, { code: "unavailable", params: {} });
  assertEquals([lobby.stats().users, lobby.rooms.length], [0, 1]);
});

Deno.test("many users of one address who are away give way in a full chat, a few do not", async () => {
  const lobby = testLobby({ grace: 60_000, maxUsers: 20 });
  const come = async (name: string) =>
    await enter(lobby, name, Object.assign(new RecordingFace("many"), { network: "crowd" }));
  for (let i = 0; i < 18; i++) (await come(`crowd_${i}`)).member.leave("lost");
  for (const name of ["Ann", "Bob"]) await enter(lobby, name, new RecordingFace("many"));
  assertEquals([lobby.stats().users, lobby.stats().away], [20, 18]);
  for (const name of ["Cem", "Dora"]) await enter(lobby, name);
  const refused = await lobby.join({ name: "Eve" }, new RecordingFace());
  assertEquals(refused, { code: "full", params: {} });
  assertEquals([lobby.stats().users, lobby.stats().away], [20, 16]);
  // The one who was away for longest went first.
  assertEquals(await lobby.join({ name: "crowd_1" }, new RecordingFace()), refused);
  const kept = await lobby.join({ name: "crowd_2" }, new RecordingFace());
  assertEquals(kept, { code: "name-taken", params: { name: "crowd_2" } });
  await lobby.shutdown();
});
