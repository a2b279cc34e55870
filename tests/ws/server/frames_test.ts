/** Frames as raw bytes, besides the cases in `tests/ws/cases/`. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import type { ServeWebSocketOptions } from "../../../ws/server/server.ts";
import { concat, echo, frame, RawPeer, serve, until } from "../../_support/ws_peers.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** An echo on one side, and raw bytes on the other. */
interface Pair extends AsyncDisposable {
  readonly raw: RawPeer;
  readonly conn: WsConnection;
}

/** A server that echoes, and a client of raw bytes. */
async function pair(options: ServeWebSocketOptions = {}): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<WsConnection>();
  const server = serve({ closeTimeout: 100, ...options }, (conn) => {
    resolve(conn);
    return echo(conn);
  });
  const raw = await RawPeer.open(server.addr.port);
  return {
    raw,
    conn: await promise,
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]();
      await server.shutdown({ deadline: 500 });
    },
  };
}

/** A client that echoes, and a server of raw bytes. */
async function reversePair(): Promise<Pair> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `ws://127.0.0.1:${listener.addr.port}`;
  const dialling = connectWebSocket(url, { closeTimeout: 100 });
  const raw = await RawPeer.accept(await listener.accept());
  const conn = await dialling;
  const echoing = echo(conn).catch(() => {});
  return {
    raw,
    conn,
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]();
      await echoing;
      await conn.gone;
    },
  };
}

Deno.test("raw: compression is neither offered nor accepted", async () => {
  await using server = serve();
  using client = await RawPeer.open(server.addr.port, [
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  ]);
  assert(!/extensions/i.test(client.head), client.head);
  await using peers = await reversePair();
  assert(!/extensions/i.test(peers.raw.head), peers.raw.head);
});

Deno.test("raw: with Deno, the size limit applies when a fragmented message is complete", async () => {
  await using peers = await pair();
  const { raw, conn } = peers;
  const piece = new Uint8Array(1024 * 1024);
  for (let i = 0; i < 66; i++) await raw.frame(i === 0 ? 0x02 : 0, piece);
  await raw.frame(0x89, "still there");
  assertEquals((await raw.read())?.opcode, 10);
  assertEquals([conn.stats().received, conn.open], [0, true]);
  await raw.frame(0x80);
  assertEquals(await raw.end(), 1009);
});

Deno.test("raw: a ping flood is answered and hidden from the handler", async () => {
  await using peers = await pair();
  const many = 2000;
  const writing = peers.raw.write(
    concat(...Array.from({ length: many }, (_, i) => frame(0x89, `${i}`))),
  );
  for (let i = 0; i < many; i++) {
    assertEquals(await peers.raw.read(), { opcode: 10, payload: text(`${i}`) });
  }
  await writing;
  assertEquals(peers.conn.stats().received, 0);
  assert(peers.conn.open);
});

Deno.test("raw: a lost connection differs from a closed one", async () => {
  await using peers = await pair();
  await peers.raw.frame(0x01, "half of a mes");
  await delay(20);
  peers.raw[Symbol.dispose]();
  const { code, error } = await peers.conn.closed;
  assertEquals([code, error?.kind], [1006, "truncated"]);
});

Deno.test("raw: pings detect a silent peer", async () => {
  const { promise, resolve } = Promise.withResolvers<WsConnection>();
  await using server = serve({ pingInterval: 1000, closeTimeout: 50 }, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  using client = await RawPeer.open(server.addr.port);
  const conn = await promise;
  assertEquals((await client.read())?.opcode, 9);
  const { code, error } = await conn.closed;
  assert(code !== 1000 && error === undefined || error !== undefined, `${code}`);
  await until(() => server.connections.size === 0);
});
