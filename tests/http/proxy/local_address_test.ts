/** The address that connections of a proxy leave from: `localAddress`. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  createProxy,
  type ProxyEntry,
  type ProxyOptions,
  serveProxy,
  type ServeProxyOptions,
} from "../../../http/proxy/proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import type { HttpServer } from "../../../http/server/options.ts";
import { encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsIPv6 } from "../../_support/peers.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { SocksServer } from "../../_support/socks_server.ts";

const OPEN = { allowPrivate: true, connectPorts: "any" } as const;
const CLOSE = "Connection: close\r\n";
const get = (host: string, lines = CLOSE) =>
  `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const bodyOf = (text: string) => text.split("\r\n\r\n")[1];

/** A server that says where a request comes from. */
function whoami(hostname = "127.0.0.1"): HttpServer {
  return serveHttp(
    { allowedHosts: "any", hostname, hardened: true },
    (_request, { remoteAddr }) => new Response(remoteAddr.hostname),
  );
}

function start(options: ServeProxyOptions) {
  const entries: ProxyEntry[] = [];
  const proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry), ...options });
  return { proxy, port: proxy.addr.port, entries };
}

Deno.test("localAddress: requests and tunnels leave from it", async () => {
  await using origin = whoami();
  const host = `127.0.0.1:${origin.addr.port}`;
  const { proxy, port } = start({ localAddress: "127.0.0.5" });
  await using _proxy = proxy;
  assertEquals(bodyOf(await exchange(port, get(host))), "127.0.0.5");
  await using conn = await connectTcp({ port });
  await conn.write(`CONNECT ${host} HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`);
  await conn.readLine();
  await conn.readLine();
  assertEquals(bodyOf(await answer(conn)), "127.0.0.5");
});

Deno.test("localAddress: a large body both ways", async () => {
  const size = 3_000_000;
  await using origin = serveHttp({ hardened: true }, async (request) => {
    assertEquals((await request.bytes()).length, size);
    return new Response("y".repeat(size));
  });
  const { proxy, port } = start({ localAddress: "127.0.0.5" });
  await using _proxy = proxy;
  const host = `127.0.0.1:${origin.addr.port}`;
  const text = await exchange(
    port,
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}Content-Length: ${size}\r\n\r\n` +
      "x".repeat(size),
    { millis: 20_000 },
  );
  assertEquals(bodyOf(text)?.length, size);
});

Deno.test({
  name: `localAddress: one of each family${needsIPv6().suffix}`,
  ignore: needsIPv6().ignore,
  fn: async () => {
    await using four = whoami();
    await using six = whoami("::1");
    const ask = async (localAddress: string | string[], host: string) => {
      const { proxy, port, entries } = start({
        localAddress,
        resolve: () => ["::1", "127.0.0.1"],
      });
      await using _proxy = proxy;
      return bodyOf(await exchange(port, get(host))) + (entries[0]!.error ?? "");
    };
    const both = ["127.0.0.5", "::1"];
    assertEquals(await ask(both, `127.0.0.1:${four.addr.port}`), "127.0.0.5");
    assertEquals(await ask(both, `[::1]:${six.addr.port}`), "::1");
    // Of a name with both, the family that has an address here.
    assertEquals(await ask("127.0.0.5", `a.test:${four.addr.port}`), "127.0.0.5");
    assertEquals(await ask("::1", `a.test:${six.addr.port}`), "::1");
    assertStringIncludes(await ask("127.0.0.5", `[::1]:${six.addr.port}`), "no localAddress");
  },
});

Deno.test("localAddress: connections to next proxies leave from it", async () => {
  const { ca, good } = await testCertificates();
  await using origin = whoami();
  const host = `127.0.0.1:${origin.addr.port}`;
  const clients: string[] = [];
  using inner = createProxy({
    ...OPEN,
    name: "inner",
    onEntry: ({ client }) => clients.push(client.split(":")[0]!),
  });
  await using plain = serveTcp({}, inner.handle);
  await using secure = serveTls({ ...good }, inner.handle);
  await using socks = new SocksServer();
  const parents: ProxyOptions["upstream"][] = [
    `http://127.0.0.1:${plain.addr.port}`,
    { url: `https://localhost:${secure.addr.port}`, caCerts: [ca] },
    `socks5h://127.0.0.1:${socks.port}`,
  ];
  for (const upstream of parents) {
    const { proxy, port } = start({ localAddress: "127.0.0.6", upstream });
    await using _proxy = proxy;
    assertEquals(statuses(await exchange(port, get(host))), [200]);
  }
  assertEquals(clients, ["127.0.0.6", "127.0.0.6"]);
  assertEquals(socks.clients, ["127.0.0.6"]);
});

Deno.test("localAddress: a group of clients has its own, and its own connections", async () => {
  await using origin = whoami();
  const { proxy, port } = start({
    proxyProtocol: { trusted: ["127.0.0.1"] },
    localAddress: "127.0.0.5",
    clientRules: [
      { clients: ["192.0.2.1"], localAddress: "127.0.0.6" },
      { clients: ["192.0.2.2"] },
    ],
  });
  await using _proxy = proxy;
  const host = `127.0.0.1:${origin.addr.port}`;
  const ask = async (hostname: string) => {
    await using conn = await connectTcp({ port });
    const header = { source: { hostname, port: 1 }, destination: { hostname, port: 2 } };
    await conn.write(encodeProxyHeader({ version: 1, ...header }));
    await conn.write(get(host, ""));
    return bodyOf(await answer(conn));
  };
  for (let i = 0; i < 2; i++) {
    assertEquals(await ask("192.0.2.1"), "127.0.0.6");
    assertEquals(await ask("192.0.2.2"), "127.0.0.5");
    assertEquals(await ask("192.0.2.3"), "127.0.0.5");
  }
  assertEquals(proxy.stats().idleUpstream, 3);
});

Deno.test("localAddress: an address that this machine does not have", async () => {
  const { proxy, port, entries } = start({ localAddress: "192.0.2.77" });
  await using _proxy = proxy;
  assertEquals(statuses(await exchange(port, get("127.0.0.1:1"))), [502]);
  assertStringIncludes(entries[0]!.error!, "192.0.2.77: this machine has no such address");
});

Deno.test("localAddress: a refused connection is told as ever", async () => {
  const { proxy, port, entries } = start({ localAddress: "127.0.0.5" });
  await using _proxy = proxy;
  const text = await exchange(port, get("127.0.0.1:1"));
  assertEquals(statuses(text), [502]);
  assertStringIncludes(text, "refused");
  assertStringIncludes(entries[0]!.error!, "connection refused");
});

Deno.test("localAddress is an IP address, or one of each family", () => {
  const bad = ["", "localhost", [], ["127.0.0.1", "127.0.0.2"], ["::1", "fe80::1"]];
  for (const localAddress of bad) {
    const error = assertThrows(() => createProxy({ localAddress }), TypeError);
    assertStringIncludes(error.message, "localAddress");
    const clientRules = [{ clients: ["::1"], localAddress }];
    const other = assertThrows(() => createProxy({ clientRules }), TypeError);
    assert(other.message.includes("clientRules[0].localAddress"), other.message);
  }
});
