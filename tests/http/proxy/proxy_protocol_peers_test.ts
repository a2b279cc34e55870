/** The PROXY protocol with HAProxy and nginx, on either side. @module */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type ProxyEntry, serveProxy } from "../../../http/proxy/proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import type { ProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import {
  needsNginxStream,
  startHaproxy,
  startNginx,
  startNginxStream,
} from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const haproxy = needs("haproxy");
const nginx = needs("nginx");
const stream = needsNginxStream();

const proxyProtocol = { trusted: ["127.0.0.1"] };
const addressOf = (conn: Connection) => `127.0.0.1:${(conn.localAddr as Deno.NetAddr).port}`;
const get = (host: string, lines = "") =>
  `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const CLOSE = "Connection: close\r\n";
const bodyOf = (text: string) => text.split("\r\n\r\n")[1];

/** What HAProxy can send. */
const SENDERS = [
  "send-proxy",
  "send-proxy-v2",
  "send-proxy-v2 proxy-v2-options crc32c,unique-id",
];
for (const sender of SENDERS) {
  Deno.test({
    name: `serveTcp() and serveTls() behind HAProxy with ${sender}${haproxy.suffix}`,
    ignore: haproxy.ignore,
    fn: async () => {
      const { ca, good } = await testCertificates();
      const headers: (ProxyHeader | undefined)[] = [];
      const failures: string[] = [];
      const whoami = async (
        conn: Connection,
        { proxyHeader }: { proxyHeader?: ProxyHeader | undefined },
      ) => {
        headers.push(proxyHeader);
        await conn.write(`${conn.peer} ${await conn.readLine()}\n`);
      };
      const onEvent = (event: { type: string; error?: unknown }) => {
        if (event.type === "handshake-error") failures.push(String(event.error));
      };
      await using plain = serveTcp({ proxyProtocol, onEvent }, whoami);
      await using secure = serveTls({ ...good, proxyProtocol, onEvent }, whoami);
      const server = (port: number) => `server s 127.0.0.1:${port} ${sender}`;
      await using lb = await startHaproxy(
        `
  mode tcp
  unique-id-format %{+X}o%ci:%cp
listen plain
  bind 127.0.0.1:{port0}
  ${server(plain.addr.port)}
listen secure
  bind 127.0.0.1:{port1}
  ${server(secure.addr.port)}
`,
        2,
      );
      for (let i = 0; i < 5; i++) {
        await using conn = await connectTcp({ port: lb.ports[0]! });
        await conn.write("hello\n");
        assertEquals(await conn.readLine({ timeout: 30_000 }), `${addressOf(conn)} hello`);
      }
      await using conn = await connectTls({
        hostname: "localhost",
        port: lb.ports[1]!,
        caCerts: [ca],
      });
      await conn.write("hello\n");
      assertEquals(await conn.readLine({ timeout: 30_000 }), `${addressOf(conn)} hello`);
      // Waiting for it to listen, the test has connected without saying a word.
      assertEquals(failures.filter((failure) => !/ended|reset/.test(failure)), []);
      const last = headers.at(-1)!;
      assertEquals(last.destination, { hostname: "127.0.0.1", port: lb.ports[1] });
      const unique = last.tlvs?.find(({ type }) => type === 5)?.value;
      assertEquals(unique !== undefined, sender.includes("unique-id"));
    },
  });
}

Deno.test({
  name: `HAProxy's health check is no client${haproxy.suffix}`,
  ignore: haproxy.ignore,
  fn: async () => {
    const seen: string[] = [];
    await using server = serveHttp(
      { proxyProtocol, maxConnectionsPerAddress: 50 },
      (request, { remoteAddr }) => {
        seen.push(`${request.method} ${remoteAddr.hostname}`);
        return new Response(`${remoteAddr.hostname}:${remoteAddr.port}`);
      },
    );
    await using lb = await startHaproxy(`
frontend in
  bind 127.0.0.1:{port}
  default_backend web
backend web
  option httpchk GET /health
  server s 127.0.0.1:${server.addr.port} send-proxy-v2 check-send-proxy check inter 100ms
`);
    await until(() => seen.length > 2);
    await using conn = await connectTcp({ port: lb.port });
    await conn.write(`GET / HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`);
    assertEquals(bodyOf(await answer(conn)), addressOf(conn));
  },
});

Deno.test({
  name: `a forward proxy behind HAProxy knows its clients${haproxy.suffix}`,
  ignore: haproxy.ignore,
  fn: async () => {
    const entries: ProxyEntry[] = [];
    await using origin = serveHttp({}, () => new Response("hello"));
    await using proxy = serveProxy({
      allowPrivate: true,
      connectPorts: "any",
      proxyProtocol,
      denyClients: ["127.0.0.5"],
      maxConnectionsPerAddress: 3,
      onEntry: (entry) => entries.push(entry),
    });
    await using lb = await startHaproxy(`
  mode tcp
listen in
  bind 127.0.0.1:{port}
  server s 127.0.0.1:${proxy.addr.port} send-proxy-v2
`);
    const host = `127.0.0.1:${origin.addr.port}`;
    await using conn = await connectTcp({ port: lb.port });
    await conn.write(get(host, CLOSE));
    assertEquals(bodyOf(await answer(conn)), "hello");
    await until(() => entries.length === 1);
    assertEquals(entries[0]!.client, addressOf(conn));
    const tunnel = await exchange(
      lb.port,
      `CONNECT ${host} HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`,
    );
    assertStringIncludes(tunnel, "hello");
  },
});

for (const version of [1, 2] as const) {
  Deno.test({
    name:
      `HAProxy and nginx take the client from version ${version} of the proxy${haproxy.suffix}${nginx.suffix}`,
    ignore: haproxy.ignore || nginx.ignore,
    fn: async () => {
      await using lb = await startHaproxy(`
frontend in
  bind 127.0.0.1:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%ci:%cp %HU"
`);
      await using web = await startNginx(
        `server { listen 127.0.0.1:{port} proxy_protocol; keepalive_timeout 60s;
          location / { return 200 "$proxy_protocol_addr:$proxy_protocol_port $request_uri"; } }`,
      );
      await using proxy = serveProxy({
        allowPrivate: true,
        connectPorts: "any",
        sendProxyProtocol: version,
      });
      for (const { port } of [lb, web]) {
        const host = `127.0.0.1:${port}`;
        await Promise.all([0, 1, 2, 3].map(async (client) => {
          await using conn = await connectTcp({ port: proxy.addr.port });
          for (let i = 0; i < 5; i++) {
            const path = `/${client}/${i}`;
            await conn.write(`GET http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
            assertEquals(bodyOf(await answer(conn)), `${addressOf(conn)} ${path}`);
          }
        }));
        await using conn = await connectTcp({ port: proxy.addr.port });
        await conn.write(`CONNECT ${host} HTTP/1.1\r\nHost: h\r\n\r\n`);
        assertMatch(await conn.readLine() ?? "", / 200 /);
        await conn.readLine();
        await conn.write(`GET /t HTTP/1.1\r\nHost: a\r\n\r\n`);
        assertEquals(bodyOf(await answer(conn)), `${addressOf(conn)} /t`);
      }
      // Neither takes a request without a header.
      await using bare = serveProxy({ allowPrivate: true });
      const text = await exchange(bare.addr.port, get(`127.0.0.1:${web.port}`, CLOSE));
      assert(!statuses(text).includes(200), text);
    },
  });
}

Deno.test({
  name: `serveHttp() and serveProxy() behind nginx's proxy_protocol${stream.suffix}`,
  ignore: stream.ignore,
  fn: async () => {
    await using server = serveHttp(
      { proxyProtocol },
      (_request, { remoteAddr }) => new Response(`${remoteAddr.hostname}:${remoteAddr.port}`),
    );
    await using proxy = serveProxy({ allowPrivate: true, proxyProtocol, sendProxyProtocol: 2 });
    await using lb = await startNginxStream(
      `proxy_protocol on;
  server { listen 127.0.0.1:{port0}; proxy_pass 127.0.0.1:${server.addr.port}; }
  server { listen 127.0.0.1:{port1}; proxy_pass 127.0.0.1:${proxy.addr.port}; }`,
      2,
    );
    for (const port of lb.ports) {
      await using conn = await connectTcp({ port });
      await conn.write(get(`127.0.0.1:${server.addr.port}`, CLOSE));
      assertEquals(bodyOf(await answer(conn)), addressOf(conn));
    }
  },
});
