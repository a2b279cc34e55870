/** Next proxies by target: HTTP, HTTPS, SOCKS or none. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  createProxy,
  type ProxyDestination,
  type ProxyEntry,
  type ProxyOptions,
  serveProxy,
  type ServeProxyOptions,
} from "../../../http/proxy/proxy.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { deadPort, RawServer } from "../../_support/http_servers.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { Origin } from "./_support.ts";
import { SocksServer } from "../../_support/socks_server.ts";

const OPEN = { allowPrivate: true, connectPorts: "any" } as const;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CLOSE = "Connection: close\r\n";
const get = (host: string, lines = CLOSE) =>
  `GET http://${host}/x HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const connect = (host: string) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

/** A proxy that keeps its entries. */
function start(options: ServeProxyOptions) {
  const entries: ProxyEntry[] = [];
  const proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry), ...options });
  return { proxy, entries, port: proxy.addr.port };
}

/** Opens a tunnel, sends a line, and gives the status and the line that comes back. */
async function throughTunnel(port: number, host: string): Promise<string> {
  await using conn = await connectTcp({ port });
  await conn.write(`${connect(host)}hello\n`);
  const status = await conn.readLine({ timeout: 30_000 });
  if (status !== "HTTP/1.1 200 Connection established") return status ?? "";
  await conn.readLine();
  return await conn.readLine({ timeout: 30_000 }) ?? "";
}

Deno.test("upstream: rules by target; the first that matches holds", async () => {
  await using one = new Origin({ replies: Array(9).fill(OK) });
  await using two = new Origin({ replies: Array(9).fill(OK) });
  await using origin = new Origin({ replies: Array(9).fill(OK) });
  const { proxy, port, entries } = start({
    resolve: () => ["127.0.0.1"],
    upstream: [
      { targets: ["b.one.test"], upstream: "direct" },
      { targets: [".one.test", "192.0.2.0/24"], upstream: `http://${one.host}` },
      { targets: ["two.test"], upstream: { url: `http://${two.host}` } },
    ],
  });
  await using _proxy = proxy;
  const at = origin.host.split(":")[1];
  const ask = async (host: string) => {
    const [before, other, third] = [one, two, origin].map(({ heard }) => heard.length);
    assertEquals(statuses(await exchange(port, get(host))), [200], host);
    if (one.heard.length > before!) return "one";
    if (two.heard.length > other!) return "two";
    return origin.heard.length > third! ? "direct" : "nowhere";
  };
  assertEquals(await ask("a.one.test"), "one");
  assertEquals(await ask("one.test"), "one");
  assertEquals(await ask("A.ONE.TEST."), "one");
  assertEquals(await ask("192.0.2.7"), "one");
  assertEquals(await ask(`b.one.test:${at}`), "direct");
  assertEquals(await ask("two.test"), "two");
  assertEquals(await ask(`a.two.test:${at}`), "direct");
  assertEquals(await ask(`notone.test:${at}`), "direct");
  assertEquals(entries[0]!.upstream, `http://${one.host}`);
  assertEquals(entries[4]!.upstream, undefined);
});

Deno.test("upstream: * is for what no rule before it names", async () => {
  await using one = new Origin({ replies: Array(9).fill(OK) });
  await using two = new Origin({ replies: Array(9).fill(OK) });
  const { proxy, port } = start({
    upstream: [
      { targets: ["one.test"], upstream: `http://${one.host}` },
      { targets: ["*"], upstream: `http://${two.host}` },
    ],
  });
  await using _proxy = proxy;
  for (const host of ["one.test", "two.test", "192.0.2.1", "[2001:db8::1]"]) {
    await exchange(port, get(host));
  }
  assertEquals([one.heard.length, two.heard.length], [1, 3]);
});

Deno.test("upstream: a function chooses by target, client and user", async () => {
  await using one = new Origin({ replies: Array(9).fill(OK) });
  await using two = new Origin({ replies: Array(9).fill(OK) });
  const seen: ProxyDestination[] = [];
  const parent = { url: `http://a:b@${two.host}` };
  const { proxy, port } = start({
    users: { alice: "secret" },
    upstream: (destination) => {
      seen.push(destination);
      const { hostname } = destination;
      return hostname === "one.test" ? `http://${one.host}` : Promise.resolve(parent);
    },
  });
  await using _proxy = proxy;
  const login = `Proxy-Authorization: Basic ${btoa("alice:secret")}\r\n`;
  for (const host of ["one.test", "two.test:81", "two.test:81"]) {
    assertEquals(statuses(await exchange(port, get(host, CLOSE + login))), [200]);
  }
  const [{ client, signal, ...rest }] = seen as [ProxyDestination];
  assert(/^127\.0\.0\.1:\d+$/.test(client) && !signal.aborted);
  assertEquals(rest, { method: "GET", hostname: "one.test", port: 80, user: "alice" });
  assertEquals(one.heard.length, 1);
  // One choice is one way: its connection is kept.
  assertEquals([two.heard.length, seen.length], [1, 3]);
  assertStringIncludes(two.heard[0]!, `Proxy-Authorization: Basic ${btoa("a:b")}`);
  assert(!two.heard[0]!.includes(btoa("alice:secret")));
});

Deno.test("upstream: a function that fails or returns nonsense is 500, and leaks nothing", async () => {
  const bad = [
    () => {
      throw new Error("oops");
    },
    () => "http://user:hunter2@",
    () => undefined as unknown as string,
    () => ({}) as unknown as string,
    () => null as unknown as string,
  ];
  for (const upstream of bad) {
    const { proxy, port, entries } = start({ upstream });
    await using _proxy = proxy;
    const text = await exchange(port, get("a.test"));
    assertEquals(statuses(text), [500]);
    assert(!(text + JSON.stringify(entries)).includes("hunter2"));
  }
});

Deno.test("upstream: a kept connection serves one next proxy, login and target", async () => {
  await using parent = new Origin({ replies: Array(99).fill(OK) });
  let url = "";
  const { proxy, port } = start({ upstream: () => url });
  await using _proxy = proxy;
  const ask = async (next: string, host: string) => {
    url = next;
    const before = parent.heard.length;
    assertEquals(statuses(await exchange(port, get(host))), [200]);
    return parent.heard.length - before;
  };
  const { host } = parent;
  assertEquals(await ask(`http://${host}`, "a.test"), 1);
  assertEquals(await ask(`http://${host}`, "a.test"), 0);
  assertEquals(await ask(`http://${host}`, "b.test"), 1);
  assertEquals(await ask(`http://a:b@${host}`, "a.test"), 1);
  assertEquals(await ask(`http://a:c@${host}`, "a.test"), 1);
  assertEquals(await ask(`http://a:b@${host}`, "a.test"), 0);
  await using socks = new SocksServer({ port: Number(host.split(":")[1]) });
  assertEquals(await ask(`socks5h://127.0.0.1:${socks.port}`, "a.test"), 1);
  assertEquals(await ask(`socks5h://127.0.0.1:${socks.port}`, "a.test"), 0);
  assertEquals(await ask(`socks5h://127.0.0.1:${socks.port}`, "b.test"), 1);
});

Deno.test("upstream: HTTPS to the next proxy, verified", async () => {
  const { ca, good, expired, wrongName, untrusted } = await testCertificates();
  await using origin = new Origin({ replies: [OK, OK] });
  await using echo = new Origin({ tunnel: true });
  using inner = createProxy({ ...OPEN, users: { alice: "secret" } });
  const ask = async (
    pair: typeof good,
    trust: { readonly caCerts?: string[]; readonly pin?: string },
  ) => {
    const { cert, key } = pair;
    await using parent = serveTls({ cert, key }, inner.handle);
    const url = `https://alice:secret@localhost:${parent.addr.port}`;
    const { proxy, port, entries } = start({ upstream: { url, ...trust } });
    await using _proxy = proxy;
    const text = await exchange(port, get(origin.host));
    const tunnel = await throughTunnel(port, echo.host);
    return { status: statuses(text)[0], tunnel, text, errors: entries.map(({ error }) => error) };
  };
  const trusted = { caCerts: [ca] };
  for (const trust of [trusted, { pin: good.fingerprint }]) {
    const right = await ask(good, trust);
    assertEquals([right.status, right.tunnel], [200, "HELLO"]);
  }
  const faults = [
    [good, {}, "authority"],
    [good, { pin: expired.fingerprint }, "pin"],
    [expired, trusted, "expired"],
    [wrongName, trusted, "name"],
    [untrusted, trusted, "authority"],
  ] as const;
  for (const [pair, trust, why] of faults) {
    const { status, tunnel, text, errors } = await ask(pair, trust);
    assertEquals([status, tunnel], [502, "HTTP/1.1 502 Bad Gateway"]);
    assertStringIncludes(text, "The next proxy cannot be verified");
    for (const error of errors) assertStringIncludes(error!, why);
    assert(!(text + errors.join()).includes("secret"), text + errors.join());
  }
});

Deno.test("upstream: a next proxy that speaks no TLS", async () => {
  await using parent = new RawServer("HTTP/1.1 400 Bad Request\r\n\r\n");
  const { host } = new URL(parent.url);
  const { proxy, port, entries } = start({ upstream: `https://${host}` });
  await using _proxy = proxy;
  assertEquals(statuses(await exchange(port, get("a.test"))), [502]);
  assertStringIncludes(entries[0]!.error!, "does not speak TLS");
});

Deno.test("upstream: SOCKS; the proxy speaks to the server itself, and CONNECT goes through", async () => {
  for (const scheme of ["socks5", "socks5h"]) {
    await using origin = new Origin({ replies: [OK] });
    await using echo = new Origin({ tunnel: true });
    await using socks = new SocksServer({ login: "us er:p@ss" });
    const { proxy, port } = start({
      upstream: `${scheme}://us%20er:p%40ss@127.0.0.1:${socks.port}`,
      resolve: () => ["127.0.0.1"],
    });
    await using _proxy = proxy;
    const host = `a.test:${origin.host.split(":")[1]}`;
    assertEquals(statuses(await exchange(port, get(host))), [200]);
    // In origin form, without a login.
    assert(origin.heard[0]!.startsWith("GET /x HTTP/1.1\r\n"), origin.heard[0]);
    assert(!/authorization/i.test(origin.heard[0]!));
    const tunnel = `a.test:${echo.host.split(":")[1]}`;
    assertEquals(await throughTunnel(port, tunnel), "HELLO");
    const target = (host: string) =>
      scheme === "socks5h" ? `3 ${host}` : `1 ${host.replace("a.test", "127.0.0.1")}`;
    assertEquals(socks.seen, [
      { methods: [0, 2], login: "us er:p@ss", target: target(host) },
      { methods: [0, 2], login: "us er:p@ss", target: target(tunnel) },
    ]);
  }
});

Deno.test("upstream: an address is sent to a SOCKS server as one, whatever the scheme", async () => {
  await using origin = new Origin({ replies: [OK, OK] });
  for (const scheme of ["socks5", "socks5h"]) {
    await using socks = new SocksServer();
    const { proxy, port } = start({ upstream: `${scheme}://127.0.0.1:${socks.port}` });
    await using _proxy = proxy;
    assertEquals(statuses(await exchange(port, get(origin.host))), [200]);
    assertEquals(socks.seen, [{ methods: [0], target: `1 ${origin.host}` }]);
  }
});

Deno.test("upstream: socks5 sends allowed addresses alone, one after the other", async () => {
  await using origin = new Origin({ replies: [OK] });
  const at = origin.host.split(":")[1];
  await using socks = new SocksServer({ reply: (target) => target.startsWith("1 127") ? 0 : 4 });
  const { proxy, port } = start({
    upstream: `socks5://127.0.0.1:${socks.port}`,
    allowPrivate: false,
    allow: ["127.0.0.0/8", "192.0.2.0/24"],
    resolve: () => ["10.0.0.1", "192.0.2.1", "127.0.0.1"],
  });
  await using _proxy = proxy;
  assertEquals(statuses(await exchange(port, get(`a.test:${at}`))), [200]);
  assertEquals(socks.seen.map(({ target }) => target), [`1 192.0.2.1:${at}`, `1 127.0.0.1:${at}`]);
});

Deno.test("upstream: a login that a SOCKS server refuses is tried once", async () => {
  await using socks = new SocksServer({ login: "a:b" });
  const { proxy, port, entries } = start({
    upstream: `socks5://a:hunter2@127.0.0.1:${socks.port}`,
    resolve: () => ["192.0.2.1", "192.0.2.2"],
  });
  await using _proxy = proxy;
  const text = await exchange(port, get("a.test"));
  assertEquals([statuses(text), socks.seen.length], [[502], 1]);
  assertStringIncludes(text, "The next proxy refused");
  assertStringIncludes(entries[0]!.error!, "the login is wrong");
  assert(!(text + JSON.stringify(entries)).includes("hunter2"));
});

Deno.test("upstream: rules about addresses hold where this proxy resolves names", async () => {
  await using parent = new Origin({ replies: [OK, OK, OK, OK] });
  await using socks = new SocksServer({ port: Number(parent.host.split(":")[1]) });
  const asked = { http: `http://${parent.host}`, socks5: "", socks5h: "" };
  asked.socks5 = `socks5://127.0.0.1:${socks.port}`;
  asked.socks5h = `socks5h://127.0.0.1:${socks.port}`;
  const ask = async (upstream: string, host: string, options: ProxyOptions = {}) => {
    const { proxy, port } = start({
      upstream,
      allowPrivate: false,
      resolve: () => ["10.0.0.1"],
      ...options,
    });
    await using _proxy = proxy;
    return statuses(await exchange(port, get(host)))[0];
  };
  for (const upstream of Object.values(asked)) {
    for (const host of ["127.0.0.1", "[::ffff:10.0.0.1]", "localhost"]) {
      assertEquals(await ask(upstream, host), 403, `${upstream} ${host}`);
    }
  }
  // Resolved here, and refused; resolved there, and let through.
  assertEquals(await ask(asked.socks5, "a.test"), 403);
  assertEquals(await ask(asked.http, "a.test"), 200);
  assertEquals(await ask(asked.socks5h, "a.test"), 200);
  // 0x7f.1 is no name for a proxy that others resolve for.
  assertEquals(await ask(asked.http, "0x7f.1"), 403);
  assertEquals(await ask(asked.socks5h, "0x7f.1"), 403);
  // Blocks alone allow no name that others resolve.
  const allow = ["192.0.2.0/24"];
  for (const upstream of [asked.http, asked.socks5h]) {
    assertEquals(await ask(upstream, "a.test", { allow }), 403, upstream);
    assertEquals(await ask(upstream, "a.test", { allow: [...allow, "a.test"] }), 200, upstream);
  }
});

const HUGE = [5, 0, 0, 3, 255, ...new Array(255).fill(0x61)];
const SCRIPTS: [name: string, bytes: number[], error: string][] = [
  ["HTTP", [...new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")], "malformed"],
  ["SOCKS 4", [0, 0x5a], "malformed"],
  ["a method that was not offered", [5, 1], "malformed"],
  ["no method", [5, 255], "wants a login"],
  ["no reply to the end", [5, 0, 5, 0, 0, 1, 127], "ended"],
  ["a huge name without its end", [5, 0, ...HUGE], "ended"],
  ["an unknown type of address", [5, 0, 5, 0, 0, 9], "malformed"],
  ["nothing", [], "ended"],
];
for (const [name, bytes, error] of SCRIPTS) {
  Deno.test(`upstream: a SOCKS server that says ${name}`, async () => {
    await using socks = new SocksServer({
      script: async (conn) => void await conn.write(Uint8Array.from(bytes)),
    });
    const { proxy, port, entries } = start({ upstream: `socks5h://127.0.0.1:${socks.port}` });
    await using _proxy = proxy;
    for (const request of [get("a.test"), connect("a.test:443")]) {
      assertEquals(statuses(await exchange(port, request)), [502]);
    }
    for (const entry of entries) assertStringIncludes(entry.error!, error);
  });
}

Deno.test("upstream: the client is told whether the server or the next proxy refused", async () => {
  const closed = deadPort();
  for (const protocol of ["http", "https", "socks5h"]) {
    const { proxy, port, entries } = start({ upstream: `${protocol}://127.0.0.1:${closed}` });
    await using _proxy = proxy;
    for (const request of [get("a.test"), connect("a.test:443")]) {
      assertStringIncludes(
        await exchange(port, request),
        "502 Bad Gateway: The next proxy refused the connection\n",
      );
    }
    for (const { error } of entries) assertStringIncludes(error!, `127.0.0.1:${closed}`);
  }
  const { proxy, port } = start({ upstream: "direct" });
  await using _proxy = proxy;
  assertStringIncludes(
    await exchange(port, get(`127.0.0.1:${closed}`)),
    "502 Bad Gateway: The server refused the connection\n",
  );
});

Deno.test("upstream: what a SOCKS server replies becomes a status and an entry", async () => {
  const replies: [code: number, detail: string, error: string][] = [
    [1, "The next proxy refused", "general failure"],
    [2, "The next proxy refused", "its rules"],
    [3, "The server cannot be reached", "network is unreachable"],
    [4, "The server cannot be reached", "host is unreachable"],
    [5, "The server refused the connection", "refused"],
  ];
  for (const [code, detail, error] of replies) {
    await using socks = new SocksServer({ reply: () => code });
    const { proxy, port, entries } = start({ upstream: `socks5h://127.0.0.1:${socks.port}` });
    await using _proxy = proxy;
    const text = await exchange(port, get("a.test"));
    assertEquals(statuses(text), [502]);
    assertStringIncludes(text, detail);
    assertStringIncludes(entries[0]!.error!, error);
  }
});

Deno.test("upstream: connectTimeout holds for a handshake that stalls or drips", async () => {
  const drip = async (conn: Deno.Conn) => {
    for (const byte of [5, 0, ...HUGE]) {
      await conn.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stall = async (conn: Deno.Conn) => {
    while (await conn.read(new Uint8Array(1000)) !== null) { /* It says nothing. */ }
  };
  for (const script of [stall, drip]) {
    await using socks = new SocksServer({ script });
    for (const scheme of ["socks5h", "https"]) {
      const { proxy, port, entries } = start({
        connectTimeout: 150,
        upstream: `${scheme}://127.0.0.1:${socks.port}`,
      });
      await using _proxy = proxy;
      const text = await exchange(port, get("a.test"));
      if (scheme === "https" && script === drip) assertEquals(statuses(text), [502]);
      else {
        assertEquals(statuses(text), [504], `${scheme} ${script.name}`);
        assertStringIncludes(entries[0]!.error!, `127.0.0.1:${socks.port}`);
      }
    }
  }
});

Deno.test("upstream: a client that goes away ends the handshake", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
  await using socks = new SocksServer({
    script: async (conn) => {
      resolve();
      end(await conn.read(new Uint8Array(1)).catch((error) => error));
    },
  });
  const { proxy, port } = start({ upstream: `socks5h://127.0.0.1:${socks.port}` });
  await using _proxy = proxy;
  const conn = await connectTcp({ port });
  await conn.write(get("a.test"));
  await asked;
  await conn.close();
  await ended;
});

Deno.test("upstream: a next proxy that refuses, and one that is not there", async () => {
  const refusal = (status: number) =>
    `HTTP/1.1 ${status} No\r\nProxy-Authenticate: Basic realm="theirs"\r\nContent-Length: 0\r\n\r\n`;
  for (const status of [403, 407]) {
    await using parent = new Origin({ replies: [refusal(status), refusal(status)] });
    const { proxy, port, entries } = start({ upstream: `http://a:hunter2@${parent.host}` });
    await using _proxy = proxy;
    const plain = await exchange(port, get("a.test"));
    // A 403 is an answer. The login that a 407 wants is none of the client's.
    assertEquals(statuses(plain), [status === 403 ? 403 : 502]);
    assert(!plain.includes("theirs") || status === 403);
    const tunnel = await exchange(port, connect("a.test:443"));
    assertEquals(statuses(tunnel), [502]);
    assertStringIncludes(entries[1]!.error!, `next proxy: ${status}`);
    assert(!(plain + tunnel + JSON.stringify(entries)).includes("hunter2"));
  }
  const dead = deadPort();
  for (const scheme of ["http", "https", "socks5h"]) {
    const { proxy, port, entries } = start({ upstream: `${scheme}://a:hunter2@127.0.0.1:${dead}` });
    await using _proxy = proxy;
    assertEquals(statuses(await exchange(port, get("a.test"))), [502]);
    assertStringIncludes(entries[0]!.error!, "connection refused");
    assertEquals(entries[0]!.upstream, `${scheme}://127.0.0.1:${dead}`);
    assert(!JSON.stringify(entries).includes("hunter2"));
  }
});

Deno.test("upstream: bytes that come with the reply of a SOCKS server are the server's", async () => {
  await using socks = new SocksServer({
    script: async (conn) => {
      const reply = [5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80];
      await conn.write(new Uint8Array([...reply, ...new TextEncoder().encode("220 hi\r\n")]));
      await conn.read(new Uint8Array(100));
      await conn.read(new Uint8Array(100));
    },
  });
  const { proxy, port } = start({ upstream: `socks5h://127.0.0.1:${socks.port}` });
  await using _proxy = proxy;
  await using conn = await connectTcp({ port });
  await conn.write(connect("a.test:25"));
  assertEquals(await conn.readLine(), "HTTP/1.1 200 Connection established");
  await conn.readLine();
  assertEquals(await conn.readLine({ timeout: 30_000 }), "220 hi");
});

const LONG = "x".repeat(256);
const SECRETS = ["hunter2", LONG];
const BAD: ProxyOptions["upstream"][] = [
  "ftp://a:hunter2@h:1",
  "http://a:hunter2@h",
  "http://a:hunter2@h:0",
  "http://a:hunter2@h:1/path",
  "http://hunter2@h:1",
  "http://a:hunter2%zz@h:1",
  "http://a%3Ab:hunter2@h:1",
  `socks5://a:${LONG}@h:1`,
  "socks5://a:@h:1",
  "socks4://a:hunter2@h:1",
  { url: "http://a:hunter2@h:1", caCerts: ["-----BEGIN CERTIFICATE-----"] },
  { url: "https://a:hunter2@h:1", caCerts: ["x"] },
  { url: "http://a:hunter2@h:1", pin: "0".repeat(64) },
  { url: "https://a:hunter2@h:1", pin: "x" },
  [{ targets: ["a b"], upstream: "direct" }],
  [{ targets: ["a"], upstream: "http://a:hunter2@" }],
  "",
];
for (const [index, upstream] of BAD.entries()) {
  Deno.test(`createProxy() refuses upstream ${index}, and quotes no password`, () => {
    const error = assertThrows(() => createProxy({ upstream }), TypeError, "upstream");
    for (const secret of SECRETS) assert(!error.message.includes(secret), error.message);
    assertEquals(error.cause, undefined);
  });
}

Deno.test("upstream: many clients through many next proxies get their own answers", async () => {
  // Each next proxy says which one it is, and what it was asked for.
  const servers = await Promise.all([0, 1, 2].map((id) => namedProxy(id)));
  const { proxy, port } = start({
    upstream: ({ hostname }) => servers[Number(hostname[1]) % 3]!.url,
  });
  try {
    await Promise.all(Array.from({ length: 12 }, async (_, client) => {
      await using conn = await connectTcp({ port });
      for (let i = 0; i < 20; i++) {
        const number = (client * 7 + i) % 9;
        const host = `h${number}.test`;
        await conn.write(`GET http://${host}/${client}-${i} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        const text = await answer(conn);
        assertEquals(text.split("\r\n\r\n")[1], `${number % 3} ${host}/${client}-${i}`);
      }
    }));
  } finally {
    await proxy.shutdown({ deadline: 0 });
    for (const server of servers) await server.close();
  }
});

/** A next proxy of HTTP, or a server behind a SOCKS server, that answers with its number. */
async function namedProxy(id: number) {
  const answerWith = async (request: Request) => {
    const host = request.headers.get("host");
    const { pathname } = new URL(request.url);
    await request.bytes();
    return new Response(`${id} ${host}${pathname}`);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answerWith);
  const socks = id === 0 ? undefined : new SocksServer({ port: server.addr.port });
  await Promise.resolve();
  return {
    url: socks === undefined
      ? `http://127.0.0.1:${server.addr.port}`
      : `socks5h://127.0.0.1:${socks.port}`,
    close: async () => {
      await socks?.[Symbol.asyncDispose]();
      await server.shutdown();
    },
  };
}
