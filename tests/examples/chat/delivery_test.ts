import { assertEquals } from "@std/assert";
import { Delivery } from "../../../examples/chat/delivery.ts";
import type { ChatEvent } from "../../../examples/chat/lobby.ts";
import { Rooms } from "../../../examples/chat/room.ts";
import { Session } from "../../../examples/chat/session.ts";
import { faceOf } from "./_faces.ts";

/** Users in one room, and a log of what their faces are given. */
function setUp(...names: string[]) {
  const log: string[] = [];
  const rooms = new Rooms<Session>({ maxRooms: 0, maxRoomsPerAddress: 0 });
  const users = names.map((name, i) => {
    const session = new Session({ name, key: name, hash: undefined, token: "" }, rooms.lobby);
    session.user = i + 1;
    session.face = faceOf((event, own) => log.push(`${name} ${told(event)}${own ? " own" : ""}`));
    rooms.enter(rooms.lobby, session);
    return session;
  });
  const delivery = new Delivery(() => 1, () => log.push("confirm"));
  return { log, room: rooms.lobby, users, delivery };
}

const told = (event: ChatEvent) => "code" in event ? event.code : event.type;

Deno.test("Delivery tells everyone of an event, and its author last", () => {
  const { log, room, users: [ann], delivery } = setUp("ann", "bob", "cem");
  delivery.notice(room, "renamed", {}, ann);
  assertEquals(log, ["bob renamed", "cem renamed", "confirm", "ann renamed own"]);
  assertEquals(delivery.count, 3);
});

Deno.test("Delivery skips users without a connection, and an author who has left the room", () => {
  const { log, room, users: [ann, bob], delivery } = setUp("ann", "bob", "cem");
  bob!.face = undefined;
  room.members.delete(ann!);
  delivery.notice(room, "left", {}, ann);
  delivery.reply(bob!, "help");
  assertEquals(log, ["cem left"]);
});

Deno.test("Delivery tells all others although one face fails", () => {
  const { log, room, users: [ann], delivery } = setUp("ann", "bob");
  ann!.face = faceOf(() => {
    throw new Error("broken");
  });
  delivery.notice(room, "stopping", {});
  delivery.notice(room, "stopping", {});
  assertEquals(log, ["bob stopping", "bob stopping"]);
  assertEquals(ann!.face, undefined);
});
