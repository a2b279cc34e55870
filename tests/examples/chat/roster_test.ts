import { assertEquals, assertRejects } from "@std/assert";
import { ArchiveError } from "../../../examples/chat/archive/archive_error.ts";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import type { UserRecord } from "../../../examples/chat/archive/archive.ts";
import { Rooms } from "../../../examples/chat/room.ts";
import { Roster } from "../../../examples/chat/roster.ts";
import { Session, tokenHash } from "../../../examples/chat/session.ts";
import { until } from "../../_support/until.ts";

/** A roster whose transactions are counted, and fail if the store is "full". */
function setUp() {
  const archive = openArchive(":memory:");
  const saves: number[] = [];
  const state = { full: false, gate: Promise.resolve() };
  const limited = Object.create(archive, {
    saveUsers: {
      value: (users: readonly UserRecord[]) => {
        saves.push(users.length);
        if (state.full) return Promise.reject(new ArchiveError("full", "The disk is full"));
        return archive.saveUsers(users).then((ids) => state.gate.then(() => ids));
      },
    },
  });
  const faults: unknown[] = [];
  const roster = new Roster(limited, () => 7, (error) => faults.push(error));
  const rooms = new Rooms<Session>({ maxRooms: 0, maxRoomsPerAddress: 0 });
  const session = (name: string) =>
    new Session({ name, key: name, hash: tokenHash(name), token: name }, rooms.lobby);
  return { archive, roster, saves, state, faults, session };
}

Deno.test("Roster saves the users of one turn in one transaction", async () => {
  const { archive, roster, saves, session } = setUp();
  const users = ["Ann", "Bob", "Cem"].map(session);
  const ids = await Promise.all(users.map((user) => roster.create(user)));
  assertEquals([new Set(ids).size, saves], [3, [3]]);
  users[0]!.user = ids[0]!;
  users[0]!.name = "Anna";
  roster.save(users[0]!, "online");
  roster.save(users[0]!, "away");
  await roster.saved();
  assertEquals(saves, [3, 1]);
  const { name, session: state, seenAt, rooms } = (await archive.user(ids[0]!))!;
  assertEquals({ name, state, seenAt, rooms }, {
    name: "Anna",
    state: "away",
    seenAt: 7,
    rooms: [{ key: "#lobby", name: "lobby" }],
  });
});

Deno.test("Roster rejects a newcomer who cannot be saved, and saves a change the next time", async () => {
  const { archive, roster, state, faults, session } = setUp();
  const ann = session("Ann");
  ann.user = await roster.create(ann);
  state.full = true;
  ann.name = "Anna";
  roster.save(ann, "away");
  await assertRejects(() => roster.create(session("Bob")), ArchiveError, "The disk is full");
  assertEquals(faults.length, 1);
  state.full = false;
  await roster.create(session("Cem"));
  assertEquals((await archive.user(ann.user))?.name, "Anna");
});

Deno.test("Roster saves a change that comes while an earlier one is being saved", async () => {
  const { archive, roster, state, saves, session } = setUp();
  const ann = session("Ann");
  ann.user = await roster.create(ann);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.gate = promise;
  roster.save(ann, "online");
  await until(() => saves.length === 2);
  roster.save(ann, "away");
  resolve();
  await roster.saved();
  assertEquals((await archive.user(ann.user))?.session, "away");
});
