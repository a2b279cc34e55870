import { assertEquals } from "@std/assert";
import { Rooms } from "../../../examples/chat/room.ts";
import { Session, Sessions, tokenHash } from "../../../examples/chat/session.ts";
import { until } from "./_faces.ts";

const rooms = new Rooms<Session>({ maxRooms: 0, maxRoomsPerAddress: 0 });

/** A session with an id that all can find. */
function admitted(sessions: Sessions, name: string, user: number): Session {
  const session = new Session({ name, key: name, hash: tokenHash(name), token: name }, rooms.lobby);
  sessions.reserve(session);
  session.user = user;
  sessions.admit(session);
  return session;
}

Deno.test("Sessions finds a session by name, token and id until it is removed", () => {
  const sessions = new Sessions(() => {});
  const ann = admitted(sessions, "ann", 3);
  sessions.rename(ann, { name: "Anna", key: "anna" });
  const find = () => [
    sessions.named("anna"),
    sessions.withToken(tokenHash("ann")),
    sessions.ofUser(3),
  ];
  assertEquals([find(), sessions.named("ann")], [[ann, ann, ann], undefined]);
  sessions.remove(ann);
  sessions.remove(ann);
  assertEquals([find(), sessions.size], [[undefined, undefined, undefined], 0]);
});

Deno.test("Sessions keeps a name that has a new owner when the old one is removed late", () => {
  const sessions = new Sessions(() => {});
  const old = admitted(sessions, "ann", 1);
  sessions.remove(old);
  const fresh = new Session({ name: "ann", key: "ann", hash: undefined, token: "" }, rooms.lobby);
  sessions.reserve(fresh);
  sessions.remove(old);
  assertEquals(sessions.named("ann"), fresh);
});

Deno.test("Sessions reports the end of each grace period, in order, unless the user came back", async () => {
  const ended: string[] = [];
  const sessions: Sessions = new Sessions((session) => {
    ended.push(session.name);
    sessions.remove(session);
  });
  const [a, b, c] = ["a", "b", "c"].map((name, i) => admitted(sessions, name, i + 1));
  sessions.wait(a!, 30);
  sessions.wait(b!, 40);
  sessions.wait(c!, 50);
  assertEquals(sessions.away, 3);
  sessions.endWait(b!);
  await until(() => sessions.away === 0);
  assertEquals([ended, sessions.size], [["a", "c"], 1]);
});

Deno.test("tokenHash() is the SHA-256 of a token in hexadecimal", () => {
  // FIPS 180-2, appendix B.1.
  assertEquals(
    tokenHash("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
