/** Every exported function of `ws` checks its options before any I/O. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type BroadcastOptions,
  connectWebSocket,
  type ConnectWebSocketOptions,
  createUpgrader,
  encodeWsFrame,
  JsonView,
  type JsonViewOptions,
  type ReconnectOptions,
  type RoomMember,
  serveWebSocket,
  type ServeWebSocketOptions,
  upgrade,
  type UpgradeOptions,
  type UpgraderOptions,
  type WsConnectionOptions,
  WsFrameDecoder,
  type WsFrameLimits,
  type WsFrameOptions,
  WsRoom,
  type WsRoomOptions,
  type WsSendOptions,
} from "../../ws/mod.ts";
import { WsConnection } from "../../ws/connection/connection.ts";
import { ReconnectingWebSocket } from "../../ws/client/reconnecting.ts";
import type { ShutdownOptions } from "../../net/tcp/server_options.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import { checkEveryOption } from "../_support/options.ts";

const CONNECTION = {
  compression: "none",
  maxMessageSize: "count",
  inbox: "none",
  outbox: "none",
  rate: "none",
  idleTimeout: "time",
  closeTimeout: "time",
  messageTimeout: "time",
  minMessageRate: "count",
  heartbeat: "none",
} as const;

const UPGRADE = {
  ...CONNECTION,
  protocols: "none",
  allowedOrigins: "none",
  authorize: "none",
  handshakeTimeout: "time",
  pingInterval: "time",
  controlRate: "none",
} as const;

const UPGRADER = {
  ...UPGRADE,
  maxConnections: "count",
  maxConnectionsPerAddress: "count",
  onEvent: "none",
} as const;

const REQUEST = new Request("http://a.test/");
const INFO = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;
const gone = AbortSignal.abort();

Deno.test("serveWebSocket() and connectWebSocket() use inherited options", async () => {
  for (const hardened of [false, true]) {
    await using server = serveWebSocket(
      Object.assign(Object.create({ maxMessageSize: 3 }), { hardened }),
      async (conn) => {
        await conn.send("four");
        await conn.receive();
      },
    );
    await using small = await connectWebSocket(server.url, Object.create({ maxMessageSize: 3 }));
    const { code, error } = await small.closed;
    assertEquals([code, error?.code], [1006, "1009"]);
    await using conn = await connectWebSocket(server.url);
    await conn.send("four");
    assertEquals((await conn.closed).code, 1009);
  }
});

Deno.test("connectWebSocket() checks every option", async () => {
  await checkEveryOption<ConnectWebSocketOptions>("connectWebSocket", {
    ...CONNECTION,
    timeout: "time",
    signal: "none",
    headers: "none",
    protocols: "text",
    maxRedirects: "count",
    proxy: "none",
    unixSocket: "text",
    pingInterval: "time",
    caCerts: "none",
    pin: "none",
    cert: "text",
    key: "text",
    serverName: "text",
    minVersion: "none",
    engine: "none",
    reconnect: "none",
  }, (options) => connectWebSocket("ws://127.0.0.1:1", { signal: gone, ...options }));
});

Deno.test("serveWebSocket() checks every option", async () => {
  await checkEveryOption<ServeWebSocketOptions>("serveWebSocket", {
    ...UPGRADER,
    path: "text",
    hostname: "text",
    port: "none",
    backlog: "count",
    sharePort: "none",
    noDelay: "none",
    keepAlive: "none",
    deadPeerTimeout: "time",
    proxyProtocol: "none",
    cert: "text",
    key: "text",
    certFile: "text",
    keyFile: "text",
    sni: "none",
    clientAuth: "none",
    clientCa: "none",
    minVersion: "none",
    inspect: "none",
    engine: "none",
    reloadInterval: "time",
    allowedHosts: "none",
    trustProxy: "integer",
    hardened: "none",
    signal: "none",
    onListen: "none",
  }, async (options) => {
    await using _server = serveWebSocket({ onListen() {}, ...options }, () => {});
  });
});

Deno.test("createUpgrader() and upgrade() check every option before the first request", async () => {
  await checkEveryOption<UpgraderOptions>(
    "createUpgrader",
    UPGRADER,
    (options) => createUpgrader(options, () => {}),
  );
  await checkEveryOption<UpgradeOptions>(
    "upgrade",
    UPGRADE,
    (options) => upgrade(REQUEST, INFO, options),
  );
});

Deno.test("WsConnection checks every option", async () => {
  await checkEveryOption<WsConnectionOptions>("WsConnection", CONNECTION, async (options) => {
    const socket = new WebSocket("ws://127.0.0.1:1");
    const ended = new Promise((resolve) => socket.addEventListener("close", resolve));
    const origin = { peer: "peer", url: "ws://peer", server: false };
    try {
      await new WsConnection(socket, origin, options).closed;
    } finally {
      await ended;
    }
  });
});

Deno.test("ReconnectingWebSocket checks every option", async () => {
  await checkEveryOption<ReconnectOptions>("ReconnectingWebSocket", {
    minTimeout: "time",
    maxTimeout: "time",
    multiplier: "number",
    jitter: "none",
    maxAttempts: "count",
    stableAfter: "time",
    maxRetryAfter: "time",
    keep: "count",
    shouldReconnect: "none",
    resume: "none",
    onEvent: "none",
  }, async (options) => {
    const dial = () => Promise.reject(new TypeError("no network"));
    const socket = new ReconnectingWebSocket("ws://peer", dial, options);
    await socket.close();
  });
});

Deno.test("rooms, views and frames check every option", async () => {
  await checkEveryOption<WsRoomOptions>("WsRoom", {
    slow: "none",
    maxMembers: "count",
  }, (options) => new WsRoom(options));
  await checkEveryOption<BroadcastOptions<RoomMember>>("broadcast", {
    except: "none",
  }, (options) => new WsRoom().broadcast("hello", options));
  const channel = new ReconnectingWebSocket("ws://peer", () => Promise.reject(new Error("no")));
  await checkEveryOption<JsonViewOptions<unknown>>("JsonView", {
    validate: "none",
    onInvalid: "none",
  }, (options) => new JsonView(channel, options));
  await channel.close();
  await checkEveryOption<WsFrameLimits>("WsFrameDecoder", {
    maxMessageSize: "count",
    inflate: "none",
  }, (options) => new WsFrameDecoder("client", options));
  await checkEveryOption<WsFrameOptions>("encodeWsFrame", {
    fin: "none",
    compressed: "none",
    mask: "none",
    memory: "none",
  }, (options) => encodeWsFrame(1, "hello", options));
});

Deno.test("receive(), send() and shutdown() check every option", async () => {
  const server = serveWebSocket({ onListen() {} }, (conn) => conn.closed);
  const url = server.url;
  for (
    const conn of [await connectWebSocket(url), await connectWebSocket(url, { reconnect: {} })]
  ) {
    await checkEveryOption<ReceiveOptions>(
      "receive",
      { timeout: "time", signal: "none" },
      (options) => conn.receive({ signal: gone, ...options }),
    );
    await checkEveryOption<WsSendOptions>(
      "send",
      { signal: "none" },
      (options) => conn.send("", options),
    );
    await conn.close();
  }
  for (const ending of [server, createUpgrader({}, () => {})]) {
    await checkEveryOption<ShutdownOptions>(
      "shutdown",
      { deadline: "time" },
      (options) => ending.shutdown(options),
    );
  }
});

Deno.test("options in options are checked, and a missing handler is a TypeError", async () => {
  const heartbeat = { interval: 0 };
  assertThrows(
    () => serveWebSocket({ heartbeat }, () => {}),
    RangeError,
    "heartbeat.interval must be a number above 0, got 0",
  );
  const inbox = { size: 5 } as object;
  assertThrows(() => createUpgrader({ inbox }, () => {}), TypeError, 'has no option "inbox.size"');
  const compression = { threshhold: 5 } as object;
  assertThrows(() => serveWebSocket({ compression }, () => {}), TypeError, 'mean "threshold"?');
  for (const option of [{ compression: true }, { backlog: 5 }, { compression: {} }]) {
    assertThrows(
      () => serveWebSocket({ hardened: false, ...option }, () => {}),
      TypeError,
      `Cannot use ${Object.keys(option)[0]} with hardened: false`,
    );
  }
  assertThrows(
    () => serveWebSocket({ clientAuth: "require" }, () => {}),
    TypeError,
    "Cannot use clientAuth without a certificate",
  );
  const none = undefined as never;
  assertThrows(
    () => serveWebSocket(none, () => {}),
    TypeError,
    "the options of serveWebSocket must be an object, got undefined",
  );
  assertThrows(() => serveWebSocket({}, none), TypeError, "handler must be a function");
  assertThrows(() => createUpgrader({}, none), TypeError, "handler must be a function");
  const reconnect = { maxAttempt: 1 } as object;
  await assertRejects(
    () => connectWebSocket("ws://127.0.0.1:1", { reconnect }),
    TypeError,
    'did you mean "maxAttempts"?',
  );
});

Deno.test("shutdown({ deadline: Infinity }) waits for the handlers", async () => {
  const release = Promise.withResolvers<void>();
  const server = serveWebSocket({ onListen() {} }, () => release.promise);
  const conn = await connectWebSocket(server.url);
  const stopping = server.shutdown({ deadline: Infinity });
  await conn.closed;
  release.resolve();
  assertEquals(await stopping, { drained: 1, forced: 0, refused: 0 });
});

Deno.test("sendJson() rejects a value without JSON text", async () => {
  await using server = serveWebSocket({ onListen() {} }, (conn) => conn.closed);
  await using conn = await connectWebSocket(server.url);
  await using lasting = await connectWebSocket(server.url, { reconnect: {} });
  for (const channel of [conn, lasting, conn.json(), lasting.json()]) {
    const sending = "sendJson" in channel ? channel.sendJson(1n) : channel.send(1n);
    await assertRejects(() => sending, TypeError, "BigInt");
  }
});
