/** WebSockets through nginx and HAProxy: plain and with TLS, with and without compression. */

import { WebSocket as NpmSocket, WebSocketServer as NpmServer } from "ws";
import { assert, assertEquals } from "@std/assert";
import { connectWebSocket, type ConnectWebSocketOptions } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { serveWebSocket, type ServeWebSocketOptions } from "../../../ws/server/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type HttpPeer, startHaproxy, startNginx } from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { echo, until } from "../../_support/ws_peers.ts";

/** A proxy in front of a server: `port` speaks plain, `ports[1]` TLS. */
type Front = (upstream: number, pem: string) => Promise<HttpPeer>;

/** How long the proxies wait for data of the server, in seconds. */
const PATIENCE = 2;

const nginx: Front = (upstream, pem) => {
  const location = `location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $http_connection;
      proxy_read_timeout ${PATIENCE}s;
    }`;
  return startNginx(
    `server { listen 127.0.0.1:{port0}; ${location} }
  server {
    listen 127.0.0.1:{port1} ssl;
    ssl_certificate ${pem}; ssl_certificate_key ${pem};
    ${location}
  }`,
    2,
  );
};

const haproxy: Front = (upstream, pem) =>
  startHaproxy(
    `
  timeout tunnel ${PATIENCE}s
frontend in
  bind 127.0.0.1:{port0}
  bind 127.0.0.1:{port1} ssl crt ${pem}
  default_backend web
backend web
  server s 127.0.0.1:${upstream}
`,
    2,
  );

const FRONTS = [["nginx", nginx], ["haproxy", haproxy]] as const;

const MESSAGES = [
  "",
  "héllo 世界",
  new Uint8Array([0, 255, 7]),
  "x".repeat(70_000),
  new Uint8Array(500_000).map((_, i) => i * 31),
];

/** Starts a proxy with a certificate for localhost in front of a port, and runs a test. */
async function behind(
  start: Front,
  upstream: number,
  run: (front: HttpPeer, ca: string) => Promise<void>,
): Promise<void> {
  const { ca, good } = await testCertificates();
  await using folder = await temporaryFolder();
  // The proxy runs as another user.
  await Deno.chmod(folder.path, 0o755);
  const pem = `${folder.path}/server.pem`;
  await Deno.writeTextFile(pem, good.cert + good.key);
  await using front = await start(upstream, pem);
  await run(front, ca);
}

/** Exchanges all messages, and closes with a code of this side. */
async function exchange(url: string, options: ConnectWebSocketOptions): Promise<void> {
  const conn = await connectWebSocket(url, options);
  for (const message of MESSAGES) {
    await conn.send(message);
    assertEquals(await conn.receive({ timeout: 30_000 }), message);
  }
  const { code, wasClean } = await conn.close(4000, "enough");
  assertEquals([code, wasClean], [4000, true]);
}

for (const [name, start] of FRONTS) {
  const found = needs(name);
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}: ${what}${found.suffix}`, ignore: found.ignore, fn });
  const serve = (options: ServeWebSocketOptions = {}, handler = echo) =>
    serveWebSocket({ port: 0, hardened: true, ...options }, handler);

  for (
    const [how, options] of Object.entries({
      "a hardened server": {},
      "a hardened server with compression": { compression: { threshold: 0 } },
      "a server on Deno's transport": { hardened: false },
    })
  ) {
    test(`the client talks to ${how}, plain and with TLS`, async () => {
      const closed: number[] = [];
      await using server = serve({
        ...options,
        onEvent(event) {
          if (event.type === "close") event.connection.closed.then(({ code }) => closed.push(code));
        },
      });
      await behind(start, server.addr.port, async ({ ports }, ca) => {
        for (const compression of [false, { threshold: 0 }]) {
          await exchange(`ws://127.0.0.1:${ports[0]}/`, { compression });
          await exchange(`wss://localhost:${ports[1]}/`, { compression, caCerts: [ca] });
        }
      });
      await until(() => closed.length === 4);
      assertEquals(closed, [4000, 4000, 4000, 4000]);
    });
  }

  test("the client talks to npm ws, plain and with TLS", async () => {
    const server = new NpmServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
    await new Promise((resolve) => server.once("listening", resolve));
    // deno-lint-ignore no-explicit-any -- npm ws comes without types
    server.on("connection", (socket: any) => {
      socket.on("message", (data: Uint8Array, binary: boolean) => socket.send(data, { binary }));
    });
    await behind(start, server.address().port, async ({ ports }, ca) => {
      for (const compression of [false, true]) {
        await exchange(`ws://127.0.0.1:${ports[0]}/`, { compression });
        await exchange(`wss://localhost:${ports[1]}/`, { compression, caCerts: [ca] });
      }
    });
    await new Promise((resolve) => server.close(resolve));
  });

  test("a refusal of the server reaches the client", async () => {
    await using server = serve({ authorize: () => new Response("no\n", { status: 403 }) });
    await behind(start, server.addr.port, async ({ port }) => {
      const error = await connectWebSocket(`ws://127.0.0.1:${port}/`).catch((error) => error);
      assertEquals([error.kind, error.code], ["protocol", "403"]);
    });
  });

  test("a server that does not listen is a 502 or 503", async () => {
    const server = serve();
    const { port: gone } = server.addr;
    await server.shutdown();
    await behind(start, gone, async ({ port }) => {
      const error = await connectWebSocket(`ws://127.0.0.1:${port}/`).catch((error) => error);
      assert(error.code === "502" || error.code === "503", `${error}`);
      assert(error.retryable);
    });
  });

  test("pings of the server keep a silent connection open", async () => {
    await using server = serve({ pingInterval: 300 });
    await behind(start, server.addr.port, async ({ port }) => {
      const socket = new NpmSocket(`ws://127.0.0.1:${port}/`);
      const many = Promise.withResolvers<void>();
      let pings = 0;
      // Twice as long as the proxy waits.
      socket.on("ping", () => ++pings > PATIENCE * 2 / 0.3 && many.resolve());
      socket.on("close", () => many.reject(new Error("closed")));
      await many.promise;
      const answer = new Promise((resolve) => socket.once("message", resolve));
      socket.send("still here");
      assertEquals(`${await answer}`, "still here");
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.close(1000);
      await closed;
    });
  });

  test("a silent connection without pings is cut, and both sides are told", async () => {
    const opened = Promise.withResolvers<WsConnection>();
    await using server = serve({ pingInterval: 0 }, async (conn) => {
      opened.resolve(conn);
      await conn.closed;
    });
    await behind(start, server.addr.port, async ({ port }) => {
      await using conn = await connectWebSocket(`ws://127.0.0.1:${port}/`);
      for (const side of [conn, await opened.promise]) {
        const { code, error } = await side.closed;
        assertEquals([code, error?.kind], [1006, "truncated"]);
      }
    });
  });

  test("a proxy that ends cuts the connection, and both sides are told", async () => {
    const opened = Promise.withResolvers<WsConnection>();
    await using server = serve({}, async (conn) => {
      opened.resolve(conn);
      await conn.closed;
    });
    await behind(start, server.addr.port, async (front) => {
      await using conn = await connectWebSocket(`ws://127.0.0.1:${front.port}/`);
      const peer = await opened.promise;
      front.signal("SIGTERM");
      for (const side of [conn, peer]) {
        const { code, error } = await side.closed;
        assertEquals([code, error?.kind], [1006, "truncated"]);
      }
    });
  });
}
