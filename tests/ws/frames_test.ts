/** What no good peer sends, as raw bytes, after the chapters of the Autobahn test suite. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { WsConnection } from "../../ws/connection.ts";
import { frame, RawClient, serve, until } from "./_peers.ts";

const text = (value: string) => new TextEncoder().encode(value);
const code = (value: number) => new Uint8Array([value >> 8, value & 0xff]);

/** An echo server that remembers its connection, and a client of raw bytes. */
async function pair() {
  const { promise, resolve } = Promise.withResolvers<WsConnection>();
  const server = serve({ closeTimeout: 100 }, async (conn) => {
    resolve(conn);
    for await (const message of conn) await conn.send(message);
  });
  const client = await RawClient.open(server.addr.port);
  const conn = await promise;
  return {
    client,
    conn,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server.shutdown({ deadline: 500 });
    },
  };
}

/** Cases that answer: what is sent, and the opcode and payload of the answer. */
const ANSWERED: Record<string, [Uint8Array, number, Uint8Array]> = {
  "1.1 text": [frame(0x81, "hello"), 1, text("hello")],
  "1.1 empty text": [frame(0x81), 1, text("")],
  "1.1 126 bytes": [frame(0x81, "x".repeat(126)), 1, text("x".repeat(126))],
  "1.1 65536 bytes": [frame(0x81, "x".repeat(65_536)), 1, text("x".repeat(65_536))],
  "1.2 binary": [frame(0x82, new Uint8Array([0, 255])), 2, new Uint8Array([0, 255])],
  "2 ping": [frame(0x89, "are you there"), 10, text("are you there")],
  "2 ping of 125 bytes": [frame(0x89, "x".repeat(125)), 10, text("x".repeat(125))],
  "5 fragments": [join(frame(0x01, "hel"), frame(0x80, "lo")), 1, text("hello")],
  "5 fragments with a ping between": [
    join(frame(0x01, "hel"), frame(0x89, "p"), frame(0x80, "lo")),
    10,
    text("p"),
  ],
  "6 a letter in two fragments": [
    join(frame(0x01, new Uint8Array([0xc3])), frame(0x80, new Uint8Array([0xa9]))),
    1,
    text("é"),
  ],
  "unmasked, which should not be": [frame(0x81, "bare", false), 1, text("bare")],
};

for (const [name, [bytes, opcode, payload]] of Object.entries(ANSWERED)) {
  Deno.test(`raw ${name}: answered`, async () => {
    await using peers = await pair();
    await peers.client.write(bytes);
    assertEquals(await peers.client.read(), { opcode, payload });
    await peers.client.frame(0x88, code(1000));
    assertEquals(await peers.client.end(), 1000);
    const { code: seen, error } = await peers.conn.closed;
    assertEquals([seen, error], [1000, undefined]);
  });
}

/** Cases that end the connection, and how: a close code or the bare end. */
const ENDED: Record<string, [Uint8Array, number | "end"]> = {
  "2 ping of 126 bytes": [frame(0x89, "x".repeat(126)), "end"],
  "3 reserved bit 1": [frame(0xc1, "x"), "end"],
  "3 reserved bit 2": [frame(0xa1, "x"), "end"],
  "3 reserved bit 3": [frame(0x91, "x"), "end"],
  "4 opcode 3": [frame(0x83), "end"],
  "4 opcode 7": [frame(0x87), "end"],
  "4 opcode 11": [frame(0x8b), "end"],
  "4 opcode 15": [frame(0x8f), "end"],
  "5 a fragmented ping": [frame(0x09, "x"), "end"],
  "5 a continuation without a start": [frame(0x80, "x"), "end"],
  "5 a new message inside of another": [join(frame(0x01, "a"), frame(0x81, "b")), "end"],
  "6 invalid UTF-8": [frame(0x81, new Uint8Array([0xce, 0xba, 0xed, 0xa0, 0x80])), "end"],
  "6 invalid UTF-8, split": [
    join(frame(0x01, new Uint8Array([0xce])), frame(0x80, new Uint8Array([0xff]))),
    "end",
  ],
  "7 close without a code": [frame(0x88), 1005],
  "7 close 1000": [frame(0x88, code(1000)), 1000],
  "7 close 4999": [frame(0x88, code(4999)), 4999],
  "7 close 999": [frame(0x88, code(999)), 1002],
  "7 close 1005": [frame(0x88, code(1005)), 1002],
  "7 close 1006": [frame(0x88, code(1006)), 1002],
  "7 close 1016": [frame(0x88, code(1016)), 1002],
  "7 close of one byte": [frame(0x88, new Uint8Array([3])), "end"],
  "7 close with an invalid reason": [
    frame(0x88, new Uint8Array([3, 0xe8, 0xff, 0xfe])),
    "end",
  ],
  "7 text after close": [join(frame(0x88, code(1000)), frame(0x81, "late")), 1000],
  "9 a length of 2^63": [
    new Uint8Array([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
    "end",
  ],
  "9 a length of 2^40": [
    new Uint8Array([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
    "end",
  ],
};

for (const [name, [bytes, expected]] of Object.entries(ENDED)) {
  Deno.test(`raw ${name}: ends with ${expected}`, async () => {
    await using peers = await pair();
    await peers.client.write(bytes);
    assertEquals(await peers.client.end(), expected);
    const close = await peers.conn.closed;
    assertEquals(close.wasClean, expected !== "end" && expected !== 1002);
    assertEquals(peers.conn.stats.sent, 0);
  });
}

Deno.test("raw: one byte at a time is the same as all at once", async () => {
  await using peers = await pair();
  for (const byte of frame(0x81, "slowly")) {
    await peers.client.write(new Uint8Array([byte]));
    await delay(1);
  }
  assertEquals(await peers.client.read(), { opcode: 1, payload: text("slowly") });
});

Deno.test("raw: a ping flood is answered and reaches nobody", async () => {
  await using peers = await pair();
  const many = 2000;
  const writing = peers.client.write(
    join(...Array.from({ length: many }, (_, i) => frame(0x89, `${i}`))),
  );
  for (let i = 0; i < many; i++) {
    assertEquals(await peers.client.read(), { opcode: 10, payload: text(`${i}`) });
  }
  await writing;
  assertEquals(peers.conn.stats.received, 0);
  assert(peers.conn.open);
});

Deno.test("raw: a peer that is gone without a word is told from one that closes", async () => {
  await using peers = await pair();
  await peers.client.frame(0x01, "half of a mes");
  await delay(20);
  peers.client[Symbol.dispose]();
  const { code, error } = await peers.conn.closed;
  assertEquals([code, error?.kind], [1006, "truncated"]);
});

Deno.test("raw: pings find out a peer that has gone silent", async () => {
  const { promise, resolve } = Promise.withResolvers<WsConnection>();
  await using server = serve({ pingInterval: 1000, closeTimeout: 50 }, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  using client = await RawClient.open(server.addr.port);
  const conn = await promise;
  assertEquals((await client.read())?.opcode, 9);
  const { code, error } = await conn.closed;
  assert(code !== 1000 && error === undefined || error !== undefined, `${code}`);
  await until(() => server.connections.size === 0);
});

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
