/** The PROXY protocol that a proxy sends: `sendProxyProtocol`. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createProxy, serveProxy, type ServeProxyOptions } from "../../../http/proxy/proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import type { HttpInfo } from "../../../http/server/options.ts";
import { encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { answer, exchange, rest, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";
import { Origin } from "./_support.ts";
import { SocksServer } from "../../_support/socks_server.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const trusted = { trusted: ["127.0.0.1"] };
const get = (host: string, path = "", lines = "") =>
  `GET http://${host}/${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const CLOSE = "Connection: close\r\n";
const portOf = (conn: Connection) => (conn.localAddr as Deno.NetAddr).port;

function start(options: ServeProxyOptions) {
  const proxy = serveProxy({ ...OPEN, ...options });
  return { proxy, port: proxy.addr.port };
}

/** A server that says who it takes the client for, on a connection that is counted. */
function whoami() {
  const connections = new Set<string>();
  const tell = (request: Request, { remoteAddr: { hostname, port } }: HttpInfo) => {
    connections.add(`${hostname}:${port}`);
    return new Response(`${hostname}:${port} ${new URL(request.url).pathname}`);
  };
  const server = serveHttp({ proxyProtocol: trusted, idleTimeout: 0 }, tell);
  return { server, connections, host: new URL(server.url).host };
}

Deno.test("sendProxyProtocol: the bytes of both versions come before the request", async () => {
  for (const version of [1, 2] as const) {
    await using origin = serveTcp({}, async (conn) => {
      const bytes = await conn.readChunk();
      await conn.write(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${bytes?.toHex()}`);
    });
    const { proxy, port } = start({ sendProxyProtocol: version });
    await using _proxy = proxy;
    await using conn = await connectTcp({ port });
    await conn.write(get(`127.0.0.1:${origin.addr.port}`, "", CLOSE));
    const source = { hostname: "127.0.0.1", port: portOf(conn) };
    const destination = { hostname: "127.0.0.1", port };
    const header = encodeProxyHeader({ version, source, destination }).toHex();
    const text = await rest(conn);
    assert(text.includes(header), text);
  }
});

Deno.test("sendProxyProtocol: a server sees the client of each connection, and no two are mixed", async () => {
  const { server, connections, host } = whoami();
  await using _server = server;
  const { proxy, port } = start({ sendProxyProtocol: 2 });
  await using _proxy = proxy;
  await Promise.all(Array.from({ length: 10 }, async (_, client) => {
    await using conn = await connectTcp({ port });
    for (let i = 0; i < 10; i++) {
      await conn.write(get(host, `${client}-${i}`));
      const [, body] = (await answer(conn)).split("\r\n\r\n");
      assertEquals(body, `127.0.0.1:${portOf(conn)} /${client}-${i}`);
    }
  }));
  // One connection for each client, kept while the client is there.
  assertEquals(connections.size, 10);
  await until(() => proxy.stats().idleUpstream === 0);
});

Deno.test("sendProxyProtocol: a tunnel begins with the header", async () => {
  await using echo = serveTcp({ proxyProtocol: trusted }, async (conn) => {
    await conn.write(`${conn.peer}\n${await conn.readLine()}\n`);
  });
  const { proxy, port } = start({ sendProxyProtocol: 1 });
  await using _proxy = proxy;
  await using conn = await connectTcp({ port });
  await conn.write(`CONNECT 127.0.0.1:${echo.addr.port} HTTP/1.1\r\nHost: h\r\n\r\nhello\n`);
  assertEquals(await conn.readLine(), "HTTP/1.1 200 Connection established");
  assertEquals(await conn.readLine(), "");
  assertEquals(await conn.readLine(), `127.0.0.1:${portOf(conn)}`);
  assertEquals(await conn.readLine(), "hello");
});

Deno.test("sendProxyProtocol: a server that speaks first may, once it has the header", async () => {
  await using server = serveTcp({ proxyProtocol: trusted }, (conn) => conn.write("220 hi\r\n"));
  const { proxy, port } = start({ sendProxyProtocol: 2 });
  await using _proxy = proxy;
  await using conn = await connectTcp({ port });
  await conn.write(`CONNECT 127.0.0.1:${server.addr.port} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await conn.readLine();
  await conn.readLine();
  assertEquals(await conn.readLine({ timeout: 30_000 }), "220 hi");
});

Deno.test("sendProxyProtocol: an HTTPS proxy gets the header before TLS", async () => {
  const { ca, good } = await testCertificates();
  await using origin = new Origin({ replies: [OK] });
  const entries: string[] = [];
  using inner = createProxy({ ...OPEN, name: "u", onEntry: ({ client }) => entries.push(client) });
  await using parent = serveTls({ ...good, proxyProtocol: trusted }, inner.handle);
  const upstream = { url: `https://localhost:${parent.addr.port}`, caCerts: [ca] };
  const { proxy, port } = start({ sendProxyProtocol: 2, upstream });
  await using _proxy = proxy;
  await using conn = await connectTcp({ port });
  await conn.write(get(origin.host));
  assertEquals(statuses(await answer(conn)), [200]);
  assertEquals(entries, [`127.0.0.1:${portOf(conn)}`]);
});

Deno.test("sendProxyProtocol: behind a SOCKS server, the server gets the header", async () => {
  const { server, host } = whoami();
  await using _server = server;
  await using socks = new SocksServer({ login: "a:b" });
  const upstream = `socks5://a:b@127.0.0.1:${socks.port}`;
  const { proxy, port } = start({ sendProxyProtocol: 1, upstream });
  await using _proxy = proxy;
  await using conn = await connectTcp({ port });
  await conn.write(get(host));
  assert((await answer(conn)).endsWith(`127.0.0.1:${portOf(conn)} /`));
});

Deno.test("sendProxyProtocol: a client of another proxy is passed on, with where it went", async () => {
  const seen: string[] = [];
  await using origin = serveTcp({ proxyProtocol: trusted }, async (conn, { proxyHeader }) => {
    const { source, destination } = proxyHeader!;
    seen.push(`${source?.hostname} ${destination?.hostname}:${destination?.port}`);
    await conn.readChunk();
    await conn.write(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  });
  const { proxy, port } = start({ sendProxyProtocol: 1, proxyProtocol: trusted });
  await using _proxy = proxy;
  const request = new TextEncoder().encode(get(`127.0.0.1:${origin.addr.port}`, "", CLOSE));
  const ask = (hostname: string) =>
    exchange(
      port,
      new Uint8Array([
        ...encodeProxyHeader({
          version: 2,
          source: { hostname, port: 5 },
          destination: { hostname: "192.0.2.2", port: 3128 },
        }),
        ...request,
      ]),
    );
  assertEquals(statuses(await ask("192.0.2.1")), [200]);
  assertEquals(statuses(await ask("2001:db8::1")), [200]);
  assertEquals(seen, ["192.0.2.1 192.0.2.2:3128", "2001:db8::1 192.0.2.2:3128"]);
});

Deno.test("sendProxyProtocol: a client without an address is unknown", async () => {
  const heads: string[] = [];
  await using origin = serveTcp({}, async (conn) => {
    heads.push(new TextDecoder().decode(await conn.readChunk() ?? undefined));
    await conn.write(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  });
  using proxy = createProxy({ ...OPEN, sendProxyProtocol: 1 });
  const [client, server] = memoryPair();
  const { signal } = new AbortController();
  const handling = proxy.handle(server, { signal } as never);
  await client.write(get(`127.0.0.1:${origin.addr.port}`));
  assertEquals(statuses(await answer(client)), [200]);
  assert(heads[0]!.startsWith("PROXY UNKNOWN\r\n"), heads[0]);
  await client.close();
  await handling;
  await server.close();
});

Deno.test("sendProxyProtocol is 1 or 2", () => {
  for (const version of [0, 3, "1"]) {
    const options = { sendProxyProtocol: version as 1 };
    assertThrows(() => createProxy(options), Error, "sendProxyProtocol must be 1 or 2");
  }
});
