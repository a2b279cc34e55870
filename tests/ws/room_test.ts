import { assert, assertEquals, assertThrows } from "@std/assert";
import { connectWebSocket } from "../../ws/client/client.ts";
import { type RoomMember, WsRoom } from "../../ws/room.ts";
import { serve, until } from "../_support/ws_peers.ts";

function member(full = false) {
  const got: unknown[] = [];
  const ended = Promise.withResolvers<{ code: number }>();
  const self = {
    got,
    open: true,
    closes: [] as unknown[],
    trySend: (data: unknown) => !full && got.push(data) > 0,
    close: (code?: number, reason?: string) => {
      self.closes.push([code, reason]);
      self.open = false;
      ended.resolve({ code: code ?? 1000 });
      return ended.promise;
    },
    closed: ended.promise,
  };
  return self as unknown as RoomMember & { got: unknown[]; closes: unknown[]; open: boolean };
}

Deno.test("a broadcast passes the same object to all members except the excluded ones", () => {
  const room = new WsRoom();
  const [a, b, c] = [member(), member(), member()];
  for (const one of [a, b, c]) assert(room.join(one));
  assert(room.join(a));
  assertEquals(room.members.size, 3);
  assertEquals(room.broadcast("1"), { sent: 3, slow: 0 });
  assertEquals(room.broadcast("2", { except: a }), { sent: 2, slow: 0 });
  assertEquals(room.broadcast("3", { except: new Set([a, b]) }), { sent: 1, slow: 0 });
  const bytes = new Uint8Array([1]);
  room.broadcast(bytes);
  assertEquals([a.got, b.got, c.got], [["1", bytes], ["1", "2", bytes], ["1", "2", "3", bytes]]);
  assert([a, b, c].every(({ got }) => got.at(-1) === bytes));
});

Deno.test("a value is encoded once for all", () => {
  const room = new WsRoom();
  room.join(member());
  room.join(member());
  let times = 0;
  room.broadcastJson({ toJSON: () => ++times });
  assertEquals(times, 1);
});

Deno.test("a slow member is closed with 1008 or skipped, and does not delay the others", async () => {
  const room = new WsRoom();
  const [slow, quick] = [member(true), member()];
  room.join(slow);
  room.join(quick);
  assertEquals(room.broadcast("x"), { sent: 1, slow: 1 });
  assertEquals(slow.closes, [[1008, "too slow"]]);
  await slow.closed;
  await Promise.resolve();
  assertEquals([...room.members], [quick]);
  const skipping = new WsRoom({ slow: "skip" });
  const late = member(true);
  skipping.join(late);
  assertEquals(skipping.broadcast("x"), { sent: 0, slow: 1 });
  assertEquals([late.closes, skipping.members.size], [[], 1]);
});

Deno.test("a room has a limit of members, and rejects closed connections", () => {
  const room = new WsRoom({ maxMembers: 1 });
  const [a, b, gone] = [member(), member(), member()];
  gone.open = false;
  assertEquals([room.join(gone), room.join(a), room.join(b)], [false, true, false]);
  assert(room.leave(a));
  assertEquals([room.leave(a), room.join(b)], [false, true]);
  assertThrows(() => new WsRoom({ maxMembers: -1 }), RangeError, "maxMembers");
  assertThrows(() => new WsRoom({ slow: "wait" as "skip" }), TypeError, "wait");
});

Deno.test("all members get the same order over real connections, and leave when they end", async () => {
  const room = new WsRoom();
  await using server = serve({}, async (conn) => {
    room.join(conn);
    for await (const message of conn) room.broadcast(message);
  });
  const conns = await Promise.all(
    Array.from({ length: 5 }, () => connectWebSocket(server.url)),
  );
  await until(() => room.members.size === 5);
  await Promise.all(conns.map(async (conn, who) => {
    for (let i = 0; i < 10; i++) await conn.send(`${who}:${i}`);
  }));
  const seen = await Promise.all(conns.map(async (conn) => {
    const got: unknown[] = [];
    while (got.length < 50) got.push(await conn.receive({ timeout: 30_000 }));
    return got.join();
  }));
  assertEquals(new Set(seen).size, 1);
  for (const conn of conns) await conn[Symbol.asyncDispose]();
  await until(() => room.members.size === 0);
});

Deno.test("a member that joins repeatedly has one observer", () => {
  const room = new WsRoom();
  const one = member();
  let watched = 0;
  const closed = { then: () => void watched++ };
  Object.defineProperty(one, "closed", { value: closed });
  for (let i = 0; i < 100; i++) assert(room.join(one) && room.leave(one));
  assertEquals(watched, 1);
});

Deno.test("on a hardened server a broadcast is encoded once, with the bytes of that moment", async () => {
  const room = new WsRoom();
  await using server = serve({ hardened: true }, async (conn) => {
    room.join(conn);
    for await (const _ of conn);
  });
  const conns = await Promise.all(Array.from({ length: 3 }, () => connectWebSocket(server.url)));
  await until(() => room.members.size === 3);
  const { encodeInto } = TextEncoder.prototype;
  let encoded = 0;
  TextEncoder.prototype.encodeInto = function (...args) {
    if (args[0] === "to all") encoded++;
    return encodeInto.apply(this, args);
  };
  try {
    room.broadcast("to all");
  } finally {
    TextEncoder.prototype.encodeInto = encodeInto;
  }
  assertEquals(encoded, 1);
  const bytes = new Uint8Array([1]);
  room.broadcast(bytes);
  bytes[0] = 2;
  room.broadcast(bytes);
  for (const conn of conns) {
    for (const wanted of ["to all", new Uint8Array([1]), new Uint8Array([2])]) {
      assertEquals(await conn.receive({ timeout: 30_000 }), wanted);
    }
    await conn.close();
  }
});
