import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { NetError } from "../../../net/errors/errors.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { upgrade } from "../../../ws/server/upgrade.ts";
import { createUpgrader } from "../../../ws/server/upgrader.ts";
import { serveHttp } from "../../../http/server/server.ts";
import type { UpgradeInfo, WsHandler, WsServerEvent } from "../../../ws/server/upgrade_options.ts";
import type { ServeWebSocketOptions } from "../../../ws/server/server.ts";
import { exchange } from "../../_support/raw_http.ts";
import { echo, RawPeer, serve as serveAny, until } from "../../_support/ws_peers.ts";

async function refused(url: string, headers: HeadersInit = {}): Promise<string | undefined> {
  const error = await assertRejects(() => connectWebSocket(url, { headers }), NetError);
  return error.code;
}

/** An address at which no other test takes a port that has become free. */
const HOST = Deno.build.os === "linux" ? "127.0.0.98" : "127.0.0.1";

/** The tests that every transport must pass. */
export function serverSuite(transport: string, hardened: boolean): void {
  const test = (name: string, run: () => void | Promise<void>) =>
    Deno.test(`on ${transport}: ${name}`, run);
  const serve = (options: ServeWebSocketOptions = {}, handler?: WsHandler) =>
    serveAny({ hardened, ...options }, handler);

  test("serveWebSocket() answers text and bytes, and has its address", async () => {
    await using server = serve();
    assertMatch(server.url, /^ws:\/\/127\.0\.0\.1:\d+$/);
    await using conn = await connectWebSocket(server.url);
    await conn.send("grüße 世界 👋");
    assertEquals(await conn.receive({ timeout: 30_000 }), "grüße 世界 👋");
    await conn.send(new Uint8Array([0, 255, 7]));
    assertEquals(await conn.receive({ timeout: 30_000 }), new Uint8Array([0, 255, 7]));
    assertEquals(server.stats().active, 1);
  });

  test("a handler knows peer, path, header fields and subprotocol", async () => {
    const { promise, resolve } = Promise.withResolvers<WsConnection>();
    await using server = serve({ protocols: ["b", "a"] }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    await using conn = await connectWebSocket(`${server.url}/x?y=1`, {
      headers: { "x-me": "yes" },
      protocols: ["a", "b"],
    });
    const seen = await promise;
    assertEquals(new URL(seen.url).pathname + new URL(seen.url).search, "/x?y=1");
    assertEquals(seen.headers.get("x-me"), "yes");
    assertEquals([seen.protocol, conn.protocol], ["b", "b"]);
    assertMatch(seen.peer, /^127\.0\.0\.1:\d+$/);
  });

  test("a handler that throws closes with 1011, a handler that returns closes with 1000", async () => {
    const events: WsServerEvent[] = [];
    let turn = 0;
    await using server = serve({ onEvent: (event) => events.push(event) }, () => {
      if (turn++ === 0) throw new Error("secret");
    });
    await using first = await connectWebSocket(server.url);
    const close = await first.closed;
    assertEquals([close.code, close.reason], [1011, "internal error"]);
    await using second = await connectWebSocket(server.url);
    assertEquals((await second.closed).code, 1000);
    const failed = events.find((event) => event.type === "error");
    assert(failed?.type === "error" && !failed.expected);
    assertEquals(server.stats().failed, 1);
  });

  test("an error of a handler is logged", async () => {
    const seen: LogRecord[] = [];
    await configure({
      sinks: { seen: (record) => seen.push(record) },
      loggers: [{ category: "portside", sinks: ["seen"], lowestLevel: "error" }, {
        category: ["logtape", "meta"],
        sinks: [],
      }],
    });
    try {
      const error = new Error("secret");
      await using server = serve({}, () => {
        throw error;
      });
      await using conn = await connectWebSocket(server.url);
      assertEquals((await conn.closed).code, 1011);
      const [{ category, properties }] = seen as [LogRecord];
      assertEquals([category, properties.error], [["portside", "ws", "server"], error]);
      assertMatch(`${properties.peer}`, /^127\.0\.0\.1:\d+$/);
    } finally {
      await reset();
    }
  });

  test("a message above maxMessageSize closes with 1009; the limit counts bytes, not characters", async () => {
    const ends: unknown[] = [];
    await using server = serve({ maxMessageSize: 10 }, async (conn) => {
      try {
        await echo(conn);
      } catch (error) {
        ends.push((error as NetError).kind);
      }
    });
    for (const message of ["eleven byte", "äöüäöü", new Uint8Array(11)]) {
      await using conn = await connectWebSocket(server.url);
      await conn.send("äöüäö");
      assertEquals(await conn.receive({ timeout: 30_000 }), "äöüäö");
      await conn.send(message);
      assertEquals((await conn.closed).code, 1009);
    }
    assertEquals(ends, ["limit", "limit", "limit"]);
  });

  test("pages of other origins are refused, programs are not", async () => {
    await using server = serve();
    const { port } = server.addr;
    const open = async (origin: string, at = server) => {
      using client = await RawPeer.open(at.addr.port, [`Origin: ${origin}`]);
      return client.head.split(" ")[1];
    };
    assertEquals(await open(`http://127.0.0.1:${port}`), "101");
    assertEquals(await open("http://evil.test"), "403");
    assertEquals(await open("null"), "403");
    assertEquals(await open(`http://127.0.0.1:${port + 1}`), "403");
    await using friendly = serve({ allowedOrigins: ["https://app.test"] });
    assertEquals(await open("https://app.test", friendly), "101");
    assertEquals(await open(`http://127.0.0.1:${friendly.addr.port}`, friendly), "403");
    await using anybody = serve({ allowedOrigins: "*" });
    assertEquals(await open("http://evil.test", anybody), "101");
  });

  test("authorize() refuses before the upgrade, and has a time limit", async () => {
    await using server = serve({
      handshakeTimeout: 50,
      authorize: (request) => {
        if (request.headers.get("authorization") === "slow") return new Promise(() => {});
        if (request.headers.get("authorization") !== "Bearer token") {
          return new Response("no", { status: 401 });
        }
        return undefined;
      },
    });
    assertEquals(await refused(server.url), "401");
    assertEquals(await refused(server.url, { authorization: "slow" }), "503");
    await using conn = await connectWebSocket(server.url, {
      headers: { authorization: "Bearer token" },
    });
    await conn.send("in");
    assertEquals(await conn.receive({ timeout: 30_000 }), "in");
  });

  test("a plain request gets 426, a bad handshake 400, another path 404", async () => {
    await using server = serve({ path: "/ws" });
    const http = server.url.replace("ws", "http");
    const plain = await fetch(`${http}/ws`);
    assertEquals([plain.status, plain.headers.get("upgrade")], [426, "websocket"]);
    await plain.body?.cancel();
    const elsewhere = await fetch(`${http}/`);
    assertEquals(elsewhere.status, 404);
    await elsewhere.body?.cancel();
    const ask = async (lines: string) => {
      using conn = await Deno.connect({ port: server.addr.port });
      const head = `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n${lines}\r\n\r\n`;
      await conn.write(new TextEncoder().encode(head));
      const buffer = new Uint8Array(1000);
      const n = await conn.read(buffer) ?? 0;
      return new TextDecoder().decode(buffer.subarray(0, n));
    };
    const old = await ask(
      "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x",
    );
    assertMatch(old, /^HTTP\/1\.1 426 [\s\S]*sec-websocket-version: 13/i);
    const keyless = await ask("Connection: Upgrade\r\nSec-WebSocket-Version: 13");
    assertMatch(keyless, /^HTTP\/1\.1 400 /);
  });

  test("maxConnections and maxConnectionsPerAddress refuse until a connection ends", async () => {
    await using server = serve({ maxConnections: 1 });
    {
      await using conn = await connectWebSocket(server.url);
      assertEquals(await refused(server.url), "503");
      await conn.close();
    }
    await until(() => server.stats().active === 0 && server.stats().closing === 0);
    await using again = await connectWebSocket(server.url);
    assert(again.open);
    assertEquals(server.stats().refused, 1);
    await using each = serve({ maxConnectionsPerAddress: 1 });
    await using one = await connectWebSocket(each.url);
    assertEquals(await refused(each.url), "429");
    assert(one.open);
  });

  test("a flood that overfills the receive queue ends the connection", async () => {
    const { promise, resolve } = Promise.withResolvers<WsConnection>();
    await using server = serve({ inbox: { limit: 10, policy: "disconnect" } }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    await using conn = await connectWebSocket(server.url);
    for (let i = 0; i < 20; i++) conn.trySend(`${i}`);
    const flooded = await promise;
    assertEquals((await flooded.closed).error?.kind, "limit");
    assertEquals(flooded.stats().unread, 10);
    // Deno fails if more data arrives after a close frame, which may then be lost.
    assert([1008, 1006].includes((await conn.closed).code));
  });

  test("the receive queue drops the oldest or the newest message by policy", async () => {
    for (
      const [policy, expected] of [["drop-oldest", "17,18,19"], ["drop-newest", "0,1,2"]] as const
    ) {
      const { promise, resolve } = Promise.withResolvers<WsConnection>();
      await using server = serve({ inbox: { limit: 3, policy } }, async (conn) => {
        resolve(conn);
        await conn.closed;
      });
      await using conn = await connectWebSocket(server.url);
      for (let i = 0; i < 20; i++) await conn.send(`${i}`);
      const seen = await promise;
      await until(() => seen.stats().received === 20);
      assertEquals([seen.stats().unread, seen.stats().dropped], [3, 17]);
      const got = [await seen.receive(), await seen.receive(), await seen.receive()];
      assertEquals(got.join(), expected);
    }
  });

  test("rate delays messages to the handler and loses none", async () => {
    const at: number[] = [];
    await using server = serve({ rate: { perSecond: 50, burst: 2 } }, async (conn) => {
      for await (const message of conn) {
        at.push(performance.now());
        await conn.send(message);
      }
    });
    await using conn = await connectWebSocket(server.url);
    for (let i = 0; i < 6; i++) await conn.send(`${i}`);
    for (let i = 0; i < 6; i++) assertEquals(await conn.receive({ timeout: 30_000 }), `${i}`);
    assert(at[5]! - at[0]! >= 75, `${at}`);
  });

  test("a peer that does not read makes send() wait and trySend() return false, then it is disconnected", async () => {
    const { promise, resolve } = Promise.withResolvers<WsConnection>();
    const outbox = { limit: 100_000, stallTimeout: 300 };
    await using server = serve({ outbox, pingInterval: 0 }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    using client = await RawPeer.open(server.addr.port);
    assertMatch(client.head, /^HTTP\/1\.1 101 /);
    const conn = await promise;
    const chunk = "x".repeat(30_001);
    // Fill the buffers of the operating system as well.
    for (let full = 0, tries = 0; full < 5; tries++) {
      assert(tries < 1000);
      if (conn.trySend(chunk)) full = 0;
      else {
        full++;
        await delay(10);
      }
    }
    while (conn.trySend("x".repeat(997)));
    const waiting = conn.send("waits");
    const error = await assertRejects(() => waiting, NetError);
    assertEquals([error.kind, error.phase], ["timeout", "write"]);
    assertEquals((await conn.closed).error?.kind, "timeout");
    // The WebSocket of Deno goes on writing after it has reported its end.
    await client.end();
    client[Symbol.dispose]();
    await conn.gone;
  });

  test("idleTimeout closes with 1001; a heartbeat keeps the connection alive and measures the latency", async () => {
    await using server = serve({ idleTimeout: 100 });
    await using idle = await connectWebSocket(server.url);
    const close = await idle.closed;
    assertEquals([close.code, close.reason], [1001, "idle"]);
    await using beating = serve({ heartbeat: { interval: 20, timeout: 10_000 } }, async (conn) => {
      await until(() => conn.stats().latency !== undefined);
      await conn.send(`${conn.stats().received}`);
      await conn.closed;
    });
    await using conn = await connectWebSocket(beating.url);
    const answering = (async () => {
      let pings = 0;
      for await (const message of conn) {
        if (message !== "ping") return message;
        // One answer is enough; the number of heartbeats depends on the speed of the machine.
        if (pings++ === 0) await conn.send("pong");
      }
      return null;
    })();
    assertEquals(await answering, "1");
  });

  test("a heartbeat on both sides keeps both alive and is hidden from the handlers", async () => {
    const seen: WsConnection[] = [];
    const heartbeat = { interval: 10, timeout: 10_000 };
    await using server = serve({ heartbeat }, async (conn) => {
      seen.push(conn);
      await echo(conn);
    });
    await using conn = await connectWebSocket(server.url, { heartbeat });
    await until(() => [conn, seen[0]].every((one) => one?.stats().latency !== undefined));
    await conn.send("hello");
    assertEquals(await conn.receive({ timeout: 30_000 }), "hello");
    assertEquals([conn.stats().unread, seen[0]!.stats().unread], [0, 0]);
  });

  test("a peer that answers no heartbeat is disconnected", async () => {
    await using server = serve({ heartbeat: { interval: 20, timeout: 50 } });
    await using conn = await connectWebSocket(server.url);
    assertEquals((await conn.closed).reason, "no heartbeat");
  });

  test("shutdown() closes with 1001, waits for handlers, refuses new requests, and reports", async () => {
    const server = serve({ hostname: HOST }, async (conn) => {
      for await (const _ of conn);
      await delay(50);
    });
    const conns = await Promise.all([1, 2, 3].map(() => connectWebSocket(server.url)));
    await until(() => server.stats().accepted === 3);
    const stopping = server.shutdown();
    const report = await stopping;
    assertEquals(report, { drained: 3, forced: 0, refused: 0 });
    for (const conn of conns) assertEquals((await conn.closed).code, 1001);
    await Promise.all(conns.map(({ gone }) => gone));
    await server.finished;
    await using next = serve({ hostname: HOST, port: server.addr.port });
    await using again = await connectWebSocket(next.url);
    assert(again.open);
  });

  test("shutdown() cuts handlers and peers that never end at the deadline", async () => {
    const server = serve({ closeTimeout: 0 }, () => new Promise<void>(() => {}));
    using client = await RawPeer.open(server.addr.port);
    await until(() => server.stats().accepted === 1);
    const report = await server.shutdown({ deadline: 100 });
    assertEquals(report.forced, 1);
    assertEquals(await client.end(), 1001);
    // This peer has not answered the close frame, but is cut as well.
    assertEquals(await client.read(), undefined);
  });

  test("an upgrader limits WebSockets beside the other routes of a server", async () => {
    const sockets = createUpgrader({ maxConnections: 1 }, echo);
    await using server = serveHttp({ hardened }, (request, info) => {
      return new URL(request.url).pathname === "/ws"
        ? sockets.upgrade(request, info)
        : new Response("page");
    });
    assertEquals(await (await fetch(server.url)).text(), "page");
    await using conn = await connectWebSocket(`${server.url}/ws`);
    await conn.send("x");
    assertEquals(await conn.receive({ timeout: 30_000 }), "x");
    assertEquals(await refused(`${server.url}/ws`), "503");
    assertEquals([...sockets.connections].length, 1);
    await sockets.shutdown();
    assertEquals((await conn.closed).code, 1001);
  });

  test("invalid options are rejected before the server listens", () => {
    assertThrows(() => serve({ maxMessageSize: -1 }), RangeError, "maxMessageSize");
    assertThrows(() => serve({ maxConnections: 1.5 }), RangeError, "maxConnections");
    assertThrows(() => serve({ inbox: { policy: "maybe" as "disconnect" } }), TypeError, "maybe");
    assertThrows(() => serve({ rate: { perSecond: 0 } }), RangeError, "rate.perSecond");
    assertThrows(() => serve({ closeTimeout: NaN }), RangeError, "closeTimeout");
    for (const origin of ["app.test", "https://app.test/", "https://App.test", "*"]) {
      const message = `allowedOrigins[0] must be an origin such as "https://app.example", got`;
      assertThrows(() => serve({ allowedOrigins: [origin] }), TypeError, message);
    }
  });

  test("a handshake may list several protocols; only SP and HTAB are whitespace", async () => {
    await using server = serve({ protocols: ["b"] });
    const status = async (upgrade: string, connection: string, protocols: string) => {
      const head = await exchange(
        server.addr.port,
        Uint8Array.from(
          `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: ${upgrade}\r\nConnection: ${connection}\r\n` +
            `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n` +
            `Sec-WebSocket-Protocol: ${protocols}\r\n\r\n`,
          (letter) => letter.charCodeAt(0),
        ),
        { halfClose: true },
      );
      const [, code] = /^HTTP\/1\.1 (\d+)/.exec(head) ?? [];
      const [, protocol] = /^sec-websocket-protocol: (\S+)/im.exec(head) ?? [];
      return `${code} ${protocol}`;
    };
    assertEquals(await status("h2c,\tWebSocket", "x ,\tUPGRADE", "a,\tb"), "101 b");
    assertEquals(await status("websocket", "upgrade", "a, \xa0b"), "101 undefined");
    assertEquals(await status("websocket", "x-upgrade", "b"), "400 undefined");
    assertEquals(await status("websocket", "\xa0upgrade", "b"), "400 undefined");
    assertEquals(await status("websocket\xa0", "upgrade", "b"), "426 undefined");
    assertEquals(await status("websockets", "upgrade", "b"), "426 undefined");
  });

  test("subprotocols are read without a space between them", async () => {
    await using server = serve({ protocols: ["b"] });
    for (const offer of ["a,b", "a ,b", "b,"]) {
      using client = await RawPeer.open(server.addr.port, [`Sec-WebSocket-Protocol: ${offer}`]);
      assertMatch(client.head, /^HTTP\/1.1 101 [^]*sec-websocket-protocol: b\r\n/i);
    }
  });

  test("clients that leave before the response do not count, and do not delay a shutdown", async () => {
    let asked = 0;
    const refused: number[] = [];
    const server = serve({
      maxConnections: 2,
      maxConnectionsPerAddress: 2,
      authorize: async (request) => {
        if (++asked > 2) return;
        // Deno notices that the client has left.
        await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      },
      onEvent: (event) => event.type === "refused" && refused.push(event.status),
    });
    for (let i = 0; i < 2; i++) {
      const conn = await Deno.connect({ port: server.addr.port });
      const head =
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
      await conn.write(new TextEncoder().encode(head));
      await until(() => asked === i + 1);
      conn.close();
    }
    await until(() => server.stats().refused === 2);
    assertEquals(refused, [499, 499]);
    {
      await using conn = await connectWebSocket(server.url);
      await conn.send("still here");
      assertEquals(await conn.receive({ timeout: 30_000 }), "still here");
    }
    await server.shutdown();
  });

  test("a client that was opening when the shutdown began gets 1001, and is counted", async () => {
    const sockets = createUpgrader({}, echo);
    const report = Promise.withResolvers<unknown>();
    await using server = serveHttp({ hardened }, (request, info) => {
      const answer = sockets.upgrade(request, info);
      report.resolve(sockets.shutdown());
      return answer;
    });
    await using conn = await connectWebSocket(server.url.replace("http", "ws"));
    assertEquals((await conn.closed).code, 1001);
    assertEquals(await report.promise, { drained: 1, forced: 0, refused: 0 });
  });

  test("a request is upgraded once", async () => {
    const failed = Promise.withResolvers<unknown>();
    await using server = serveHttp({ hardened }, async (request, info) => {
      const { response, connection } = await upgrade(request, info);
      connection!.opened.then(() => connection!.close()).catch(() => {});
      await upgrade(request, info).catch(failed.resolve);
      return response;
    });
    await using conn = await connectWebSocket(server.url.replace("http", "ws"));
    await conn.closed;
    assert(await failed.promise instanceof TypeError);
  });

  test("a client in authorize() when the shutdown began is refused", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let opened = 0;
    const sockets = createUpgrader({
      authorize: async () => {
        asked.resolve();
        await answer.promise;
      },
    }, () => void opened++);
    await using server = serveHttp({ hardened }, (request, info) => {
      return sockets.upgrade(request, info);
    });
    const code = refused(server.url.replace("http", "ws"));
    await asked.promise;
    await sockets.shutdown();
    answer.resolve();
    assertEquals([await code, opened], ["503", 0]);
  });

  test("a peer that answers no close frame counts as a connection, or is cut on a hardened server", async () => {
    await using server = serve({ maxConnectionsPerAddress: 1, closeTimeout: 20 }, () => {});
    using client = await RawPeer.open(server.addr.port);
    await until(() => server.stats().active === 0 && server.stats().accepted === 1);
    if (hardened) {
      assertEquals([await client.end(), await client.read()], [1000, undefined]);
      await until(() => server.stats().closing === 0);
      await using again = await connectWebSocket(server.url);
      assertEquals((await again.closed).code, 1000);
    } else {
      assertEquals(server.stats().closing, 1);
      assertEquals(await refused(server.url), "429");
    }
  });

  test("a failed send that is not awaited does not end the process", async () => {
    const told = Promise.withResolvers<unknown>();
    await using server = serve({ outbox: { limit: 10 } }, async (conn) => {
      for (let i = 0; i < 9; i++) void conn.send("a message above the limit");
      await conn.closed;
      void conn.send("too late");
      told.resolve(await conn.send("too late").catch((error) => error.kind));
    });
    const client = await RawPeer.open(server.addr.port);
    client[Symbol.dispose]();
    assertEquals(await told.promise, "truncated");
  });

  test("the handler gets the same info object as authorize()", async () => {
    const users = new WeakMap<UpgradeInfo, string>();
    await using server = serve({
      authorize: (request, info) => {
        users.set(info, request.headers.get("authorization") ?? "nobody");
      },
    }, (conn, info) => conn.send(users.get(info)!));
    const headers = { authorization: "Bearer ada" };
    await using conn = await connectWebSocket(server.url, { headers });
    assertEquals(await conn.receive({ timeout: 30_000 }), "Bearer ada");
  });

  test("an error of authorize() is a 500 without details, and is counted", async () => {
    await using server = serve({
      authorize: () => {
        throw new Error("secret");
      },
    });
    assertEquals([await refused(server.url), server.stats().failed], ["500", 1]);
  });

  test("a message that is neither text nor bytes is rejected", async () => {
    await using server = serve();
    await using conn = await connectWebSocket(server.url);
    await using lasting = await connectWebSocket(server.url, { reconnect: { keep: 10 } });
    for (const wrong of [undefined, null, 7, {}, new ArrayBuffer(3)]) {
      const data = wrong as unknown as string;
      await assertRejects(() => conn.send(data), TypeError, "text or a Uint8Array");
      await assertRejects(() => lasting.send(data), TypeError, "text or a Uint8Array");
      assertThrows(() => conn.trySend(data), TypeError, "text or a Uint8Array");
    }
    await assertRejects(() => conn.sendJson(undefined), TypeError, "text or a Uint8Array");
    assertEquals(conn.stats().bytesSent, 0);
  });
}
