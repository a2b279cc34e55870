/** Protection against hostile peers that only a hardened server has. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { serveHttp } from "../../../http/server/server.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import type { ServeWebSocketOptions } from "../../../ws/server/server.ts";
import { createUpgrader } from "../../../ws/server/upgrader.ts";
import { concat, echo, frame, RawPeer, serve, until } from "../../_support/ws_peers.ts";

/** A hardened server with one client of raw bytes, and the connection of the handler. */
async function pair(options: ServeWebSocketOptions = {}, handler = echo) {
  const { promise, resolve } = Promise.withResolvers<WsConnection>();
  const server = serve({ hardened: true, ...options }, (conn) => {
    resolve(conn);
    return handler(conn);
  });
  const raw = await RawPeer.open(server.addr.port);
  const conn = await promise;
  return {
    raw,
    conn,
    server,
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]();
      await server.shutdown({ deadline: 500 });
    },
  };
}

/** Connects, sends the parts, and returns the response. */
async function say(port: number, ...pieces: string[]): Promise<string> {
  using conn = await Deno.connect({ port });
  const all = new Response(conn.readable).text();
  const writing = (async () => {
    for (const piece of pieces) {
      await conn.write(new TextEncoder().encode(piece));
      await delay(40);
    }
  })().catch(() => {});
  const text = await all;
  await writing;
  return text;
}

Deno.test("hardened: a client that sends nothing, half a head, or a very slow head is disconnected", async () => {
  await using server = serve({ hardened: true, handshakeTimeout: 150 });
  assert(server.hardened);
  const { port } = server.addr;
  assertEquals(await say(port), "");
  assertMatch(await say(port, "GET / HTTP/1.1\r\nHost: "), /^HTTP\/1\.1 408 /);
  const drops = Array.from("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  assertMatch(await say(port, ...drops), /^HTTP\/1\.1 408 /);
  await using conn = await connectWebSocket(server.url);
  await delay(200);
  await conn.send("longer than any handshake");
  assertEquals(await conn.receive({ timeout: 30_000 }), "longer than any handshake");
});

Deno.test("hardened: a handshake with a body is refused", async () => {
  await using server = serve({ hardened: true });
  for (const line of ["Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked"]) {
    using client = await RawPeer.open(server.addr.port, [line]);
    assertMatch(client.head, /^HTTP\/1\.1 400 /, line);
  }
});

Deno.test("hardened: HTTP/1.0 has no upgrade, and does not count as a connection", async () => {
  await using server = serve({ hardened: true });
  const head = "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  assertMatch(await say(server.addr.port, head), /^HTTP\/1\.1 426 /);
  assertEquals([server.stats().active, server.stats().refused], [0, 1]);
});

Deno.test("hardened: immediate answers of a handler precede the answer to a close frame", async () => {
  await using peers = await pair();
  const texts = ["", "a", "b", "c"];
  await peers.raw.write(concat(...texts.map((text) => frame(0x81, text)), frame(0x88)));
  for (const text of texts) {
    const payload = new TextEncoder().encode(text);
    assertEquals(await peers.raw.read(), { opcode: 1, payload });
  }
  assertEquals(await peers.raw.end(), 1005);
});

Deno.test("hardened: an endless message closes with 1009 before it fills the memory", async () => {
  await using peers = await pair({ maxMessageSize: 100_000 });
  const piece = concat(frame(0x00, new Uint8Array(1000)));
  await peers.raw.frame(0x02, new Uint8Array(1000));
  const writing = (async () => {
    for (let i = 0; i < 2000; i++) await peers.raw.write(piece);
  })().catch(() => {});
  assertEquals(await peers.raw.end(), 1009);
  const { error } = await peers.conn.closed;
  assertEquals([error?.kind, error?.code], ["limit", "1009"]);
  peers.raw[Symbol.dispose]();
  await writing;
});

Deno.test("hardened: a peer that answers no close frame is cut after closeTimeout", async () => {
  await using peers = await pair({ closeTimeout: 50 }, (conn) => conn.closed.then(() => {}));
  const close = await peers.conn.close(4000, "go");
  assertEquals([close.code, close.wasClean], [1006, false]);
  await peers.conn.gone;
  assertEquals([await peers.raw.end(), await peers.raw.read()], [4000, undefined]);
});

Deno.test("hardened: pings measure the latency, and a silent peer is disconnected", async () => {
  await using peers = await pair({ pingInterval: 700 });
  const ping = await peers.raw.read();
  assertEquals(ping?.opcode, 9);
  await peers.raw.frame(0x8a, "no such ping");
  await peers.raw.frame(0x8a, ping!.payload);
  await until(() => peers.conn.stats().latency !== undefined);
  assert(peers.conn.stats().latency! >= 0 && peers.conn.stats().latency! < 5000);
  const { error } = await peers.conn.closed;
  assertEquals([error?.kind, error?.code], ["timeout", "1001"]);
  assertEquals(await peers.raw.end(), 1001);
});

Deno.test("hardened: a client answers pings and stays connected", async () => {
  const { promise, resolve } = Promise.withResolvers<WsConnection>();
  await using server = serve({ hardened: true, pingInterval: 30 }, async (conn) => {
    resolve(conn);
    await echo(conn);
  });
  await using _client = await connectWebSocket(server.url);
  const conn = await promise;
  await until(() => conn.stats().latency !== undefined);
  await delay(150);
  assert(conn.open);
});

Deno.test("hardened: a flood of pings without reading the answers does not fill the memory", async () => {
  await using peers = await pair();
  const flood = concat(...Array.from({ length: 1000 }, () => frame(0x89, "p".repeat(125))));
  const writing = (async () => {
    for (let i = 0; i < 150; i++) await peers.raw.write(flood);
  })();
  await writing;
  assert(peers.conn.stats().queuedBytes < 1024 * 1024, `${peers.conn.stats().queuedBytes}`);
  await peers.raw.frame(0x81, "alive");
  for (let got; (got = await peers.raw.read()) !== undefined && got.opcode !== 1;) {
    assertEquals(got.opcode, 10);
  }
});

Deno.test("hardened: a client that sends too many pings is read more slowly, and loses nothing", async () => {
  await using peers = await pair({ controlRate: { perSecond: 100, burst: 10 } });
  const started = performance.now();
  const pings = Array.from({ length: 40 }, (_, i) => frame(0x89, `${i}`));
  await peers.raw.write(concat(...pings, frame(0x81, "after")));
  const answers: number[] = [];
  for (let got; (got = await peers.raw.read()) !== undefined;) {
    answers.push(got.opcode);
    if (got.opcode === 1) break;
  }
  assertEquals(answers, [...Array(40).fill(10), 1]);
  assert(performance.now() - started >= 290, "not slowed down");
});

Deno.test("hardened: a client that waits because of its pings can be closed", async () => {
  await using peers = await pair({ controlRate: { perSecond: 0.001 }, closeTimeout: 50 });
  await peers.raw.write(concat(frame(0x89, "1"), frame(0x89, "2"), frame(0x81, "never read")));
  await peers.raw.read();
  const { code } = await peers.conn.close(1000);
  assertEquals(code, 1006);
  await peers.conn.gone;
});

Deno.test("hardened: a full receive queue makes the sender wait, and no message is lost", async () => {
  const go = Promise.withResolvers<void>();
  const got: unknown[] = [];
  await using peers = await pair({ inbox: { limit: 5 } }, async (conn) => {
    await go.promise;
    for await (const message of conn) got.push(message);
  });
  const all = Array.from({ length: 300 }, (_, i) => `${i}`);
  await peers.raw.write(concat(...all.map((text) => frame(0x81, text))));
  await until(() => peers.conn.stats().unread === 5);
  await delay(20);
  assertEquals([peers.conn.stats().received, peers.conn.open], [5, true]);
  go.resolve();
  await until(() => got.length === all.length);
  assertEquals(got, all);
});

Deno.test("hardened: large messages in reused buffers come back unchanged", async () => {
  await using server = serve({ hardened: true });
  await Promise.all(Array.from({ length: 20 }, async (_, who) => {
    await using conn = await connectWebSocket(server.url);
    for (let i = 0; i < 15; i++) {
      const text = `${who}.${i} ${i % 3 === 0 ? "é" : "e"} `.repeat(1000 + 701 * (who + i) % 9000);
      await conn.send(i % 4 === 3 ? new TextEncoder().encode(text) : text);
      const got = await conn.receive({ timeout: 20_000 });
      assert((typeof got === "string" ? got : new TextDecoder().decode(got!)) === text);
    }
  }));
});

Deno.test("hardened: an upgrader in a hardened serveHttp() counts and shuts down", async () => {
  const sockets = createUpgrader({}, echo);
  await using server = serveHttp({ hardened: true }, (request, info) => {
    return sockets.upgrade(request, info);
  });
  await using conn = await connectWebSocket(server.url.replace("http", "ws"));
  await conn.send("x");
  assertEquals(await conn.receive({ timeout: 30_000 }), "x");
  assertEquals([server.stats().active, sockets.stats().active], [1, 1]);
  await sockets.shutdown();
  assertEquals((await conn.closed).code, 1001);
  assertEquals((await server.shutdown()).forced, 0);
});

Deno.test("hardened: a flooding client does not starve other connections", async () => {
  await using peers = await pair({}, async (conn) => {
    for await (const _ of conn);
  });
  const most = 200_000;
  const one = frame(0x81);
  const flood = new Uint8Array(most * one.length);
  for (let at = 0; at < flood.length; at += one.length) flood.set(one, at);
  const writing = peers.raw.write(flood);
  await until(() => peers.conn.stats().received > 0);
  assert(peers.conn.stats().received < most, "all of it came in one turn");
  await until(() => peers.conn.stats().received === most);
  await writing;
});

Deno.test("hardened: closeTimeout begins after the close frame, so a slow reader gets everything", async () => {
  const total = 9_000_000;
  const options = { closeTimeout: 50, outbox: { limit: 10_000_000 } };
  await using peers = await pair(options, async (conn) => {
    await conn.send(new Uint8Array(total));
    await conn.send("last");
  });
  let size = 0;
  let code: number | undefined;
  // Longer than closeTimeout, with more bytes than the operating system takes.
  await delay(200);
  for (let got; (got = await peers.raw.read()) !== undefined;) {
    if (got.opcode === 8) code = got.payload[0]! << 8 | got.payload[1]!;
    else size += got.payload.length;
  }
  assertEquals([size, code], [total + 4, 1000]);
});
