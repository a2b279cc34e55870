import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  createProxy,
  type ProxyEntry,
  serveProxy,
  type ServeProxyOptions,
} from "../../../http/proxy/proxy.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { within } from "../../_support/runnable.ts";
import { Origin, send, undated } from "./_support.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";
import { deadPort } from "../../_support/http_servers.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const decoder = new TextDecoder();

const get = (host: string, lines = "Connection: close\r\n") =>
  `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const connect = (host: string, lines = "") => `CONNECT ${host} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
const basic = (login: string) => `Proxy-Authorization: Basic ${btoa(login)}\r\n`;

/** Reads until a text has come. */
async function until(conn: Deno.Conn, text: string): Promise<string> {
  let all = "";
  const buffer = new Uint8Array(65536);
  while (!all.includes(text)) {
    const size = await within(5000, `${text} after ${all}`, conn.read(buffer));
    if (size === null) throw new Error(`The end, after: ${all}`);
    all += decoder.decode(buffer.subarray(0, size));
  }
  return all;
}

/** Reads to the end; what a reset destroys does not count. */
async function toEnd(conn: Deno.Conn, millis = 5000): Promise<number> {
  let count = 0;
  const buffer = new Uint8Array(65536);
  try {
    for (let size; (size = await within(millis, "the end", conn.read(buffer))) !== null;) {
      count += size;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return count;
}

/** More than all buffers on the way hold. */
const TOTAL = 64 * 1024 * 1024;

/** Writes on and on; `stuck` when nobody has taken any of it for a while. */
function flood(conn: Deno.Conn, total: number) {
  const { promise: stuck, resolve } = Promise.withResolvers<void>();
  let timer = setTimeout(resolve, 500);
  let written = 0;
  const writing = (async () => {
    try {
      const chunk = new Uint8Array(65536).fill(0x61);
      while (written < total) {
        written += await conn.write(chunk.subarray(0, Math.min(chunk.length, total - written)));
        clearTimeout(timer);
        timer = setTimeout(resolve, 500);
      }
    } finally {
      clearTimeout(timer);
    }
  })();
  return { stuck, writing, written: () => written };
}

const dial = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });

/** A listener that leaves what to do to the test. */
function listen(): Deno.TcpListener & { host: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return Object.assign(listener, { host: `127.0.0.1:${listener.addr.port}` });
}

const DENIED = [
  ...["127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "017700000001", "localhost"],
  ...["LOCALHOST", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "10.0.0.1"],
  ...["[0:0:0:0:0:0:0:1]", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.0.1"],
  ...["100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[fe80::1]"],
  ...[
    "[fc00::1]",
    "[ff02::1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:db8::1]",
    "[2001:0:7f00:1::]",
    "[::7f00:1]",
    "localhost.",
    "LocalHost..",
    "any.localhost",
  ],
];

for (const host of DENIED) {
  Deno.test(`serveProxy() does not reach ${host}`, async () => {
    await using proxy = serveProxy({ connectPorts: "any" });
    const text = await exchange(proxy.addr.port, get(host));
    assertEquals(statuses(text), [403]);
    const tunnel = await exchange(proxy.addr.port, connect(`${host}:80`));
    assertEquals(statuses(tunnel), [403]);
    assertEquals(proxy.stats().denied, 2);
  });
}

Deno.test("serveProxy() asks nobody who is denied", async () => {
  await using origin = new Origin({ replies: [OK] });
  await using proxy = serveProxy({ connectPorts: "any" });
  const port = origin.host.split(":")[1];
  for (const host of ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"]) {
    await exchange(proxy.addr.port, get(`${host}:${port}`));
  }
  assertEquals(origin.heard, []);
});

Deno.test("serveProxy() has the next proxy read no address that it cannot check", async () => {
  await using next = new Origin({ replies: [OK, OK, OK] });
  await using proxy = serveProxy({ upstream: `http://${next.host}`, connectPorts: "any" });
  // Octal for some, decimal for others.
  const hosts = ["127.1", "0x7f.1", "0X7F000001", "2130706433", "0177.0.0.1", "010.0.0.1", "0"];
  for (const host of [...hosts, "127.0.0.1.", "localhost", "localhost.", "a.localhost", "[::1]"]) {
    assertEquals(statuses(await exchange(proxy.addr.port, get(host))), [403], host);
    assertEquals(statuses(await exchange(proxy.addr.port, connect(`${host}:1`))), [403], host);
  }
  assertEquals(next.heard, []);
  for (const host of ["example.test", "1.example.test", "0x7f.test"]) {
    await exchange(proxy.addr.port, get(host));
    assert(next.heard.join().includes(`GET http://${host}/ HTTP/1.1`), host);
  }
});

const RULES: [name: string, options: ServeProxyOptions, host: string, status: number][] = [
  ["a block lifts the denial for itself", { allow: ["127.0.0.0/8"] }, "127.0.0.1", 200],
  ["an address lifts it for itself", { allow: ["127.0.0.1"] }, "localhost", 200],
  ["another block does not", { allow: ["10.0.0.0/8"] }, "127.0.0.1", 403],
  ["a name does not lift it", { allow: ["localhost"] }, "localhost", 403],
  ["deny wins over allow", { allow: ["127.0.0.0/8"], deny: ["127.0.0.1"] }, "127.0.0.1", 403],
  ["a denied block holds for names", { ...OPEN, deny: ["127.0.0.0/8"] }, "localhost", 403],
  [
    "a denied block holds for NAT64 to it",
    { ...OPEN, deny: ["127.0.0.0/8"] },
    "[64:ff9b::7f00:1]",
    403,
  ],
  ["a denied block holds for 6to4 of it", { ...OPEN, deny: ["10.0.0.0/8"] }, "[2002:a00:1::]", 403],
  ["a denied name", { ...OPEN, deny: ["localhost"] }, "LocalHost", 403],
  ["a denied name with a point", { ...OPEN, deny: ["localhost"] }, "localhost.", 403],
  ["a denied suffix", { ...OPEN, deny: [".test"] }, "a.b.test", 403],
  ["a denied suffix with a star", { ...OPEN, deny: ["*.localhost"] }, "a.b.localhost", 403],
  ["the name of a suffix with a star", { ...OPEN, deny: ["*.localhost"] }, "localhost", 403],
  ["another name than that suffix", { ...OPEN, deny: ["*.host"] }, "localhost", 200],
  ["an allowed suffix with a star", { ...OPEN, allow: ["*.localhost"] }, "localhost", 200],
  ["only what is allowed", { ...OPEN, allow: ["example.test"] }, "127.0.0.1", 403],
  ["an allowed name", { ...OPEN, allow: ["localhost"] }, "localhost", 200],
];
for (const [name, options, host, status] of RULES) {
  Deno.test(`serveProxy() rules: ${name}`, async () => {
    await using origin = new Origin({ replies: [OK] });
    await using proxy = serveProxy(options);
    const text = await exchange(proxy.addr.port, get(`${host}:${origin.host.split(":")[1]}`));
    assertEquals(statuses(text), [status]);
  });
}

Deno.test("serveProxy() looks a name up once, and dials what is allowed of the answer", async () => {
  await using origin = new Origin({ replies: [OK] });
  const asked: string[] = [];
  await using proxy = serveProxy({
    allow: ["127.0.0.0/8"],
    resolve: (hostname) => {
      asked.push(hostname);
      // A second look would find something else.
      return asked.length === 1 ? ["10.0.0.1", "::1", "127.0.0.1"] : ["10.0.0.1"];
    },
  });
  const port = origin.host.split(":")[1];
  const text = await exchange(proxy.addr.port, get(`rebinding.test:${port}`));
  assertEquals(statuses(text), [200]);
  assertEquals(asked, ["rebinding.test"]);
});

Deno.test("serveProxy() denies a name whose addresses are none, or denied", async () => {
  for (const answer of [["169.254.169.254"], ["::ffff:10.0.0.1"], ["0x7f.1"], ["localhost"], []]) {
    await using proxy = serveProxy({ resolve: () => answer });
    assertEquals(statuses(await exchange(proxy.addr.port, get("a.test"))), [403]);
  }
});

Deno.test("serveProxy() tells what it denies from what a server does", async () => {
  const no = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
  await using origin = new Origin({ replies: [no] });
  await using proxy = serveProxy({ ...OPEN, deny: ["10.0.0.1"] });
  for (const host of [origin.host, "10.0.0.1"]) {
    assertEquals(statuses(await exchange(proxy.addr.port, get(host))), [403]);
  }
  const { requests, denied, failed } = proxy.stats();
  assertEquals([requests, denied, failed], [2, 1, 0]);
});

Deno.test("serveProxy() lets CONNECT reach 443 alone", async () => {
  await using proxy = serveProxy({ allowPrivate: true });
  assertEquals(statuses(await exchange(proxy.addr.port, connect("127.0.0.1:80"))), [403]);
});

Deno.test("serveProxy() refuses itself as a target", async () => {
  await using proxy = serveProxy(OPEN);
  const { port } = proxy.addr;
  for (const host of ["127.0.0.1", "localhost", "0.0.0.0", "[::]", "[::ffff:7f00:1]"]) {
    assertEquals(statuses(await exchange(port, get(`${host}:${port}`))), [508]);
    assertEquals(statuses(await exchange(port, connect(`${host}:${port}`))), [508]);
  }
});

Deno.test("serveProxy() answers nothing that it has sent itself, whatever address led there", async () => {
  await using proxy = serveProxy({ ...OPEN, hostname: "0.0.0.0", open: true, users: { a: "b" } });
  const { port } = proxy.addr;
  // It listens on all addresses of this machine, and knows none of them.
  const host = `127.0.0.2:${port}`;
  const lines = basic("a:b") + "Connection: close\r\n";
  assertEquals(statuses(await exchange(port, get(host, lines))), [508]);
  const inner = get("127.0.0.1:1", lines);
  assertEquals(statuses(await exchange(port, connect(host, lines) + inner)), [200, 508]);
  // One to it, one to itself, and nothing behind that; twice.
  assertEquals(proxy.stats().requests, 4);
});

Deno.test("a client whose port is also that of an upstream connection is no loop", async () => {
  // Linux gives one local port to connections with different destinations.
  let upstream: Deno.NetAddr | undefined;
  await using origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (_, info) => {
    upstream = info.remoteAddr;
    return new Response("ok");
  });
  using proxy = createProxy({ allowPrivate: true });
  await using server = serveTcp({ port: 0 }, (conn, info) => {
    const disguised = new Proxy(conn, {
      get(target, name) {
        if (name === "remoteAddr") return upstream ?? target.remoteAddr;
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return proxy.handle(disguised, info);
  });
  for (let i = 0; i < 2; i++) {
    const text = await exchange(
      server.addr.port,
      get(`127.0.0.1:${origin.addr.port}`, "Connection: close\r\n"),
    );
    assertEquals(statuses(text), [200]);
  }
  assertEquals(proxy.stats().idleUpstream, 1);
});

Deno.test("serveProxy() wants users, or open, beyond this machine", () => {
  assertThrows(() => serveProxy({ hostname: "0.0.0.0" }), TypeError, "set users");
  assertThrows(() => serveProxy({ hostname: "::" }), TypeError, "set users");
});

const NONSENSE: [ServeProxyOptions, string][] = [
  [{ allow: ["a b"] }, "allow"],
  [{ deny: ["10.0.0.0/33"] }, "deny"],
  [{ deny: ["127.1"] }, "deny"],
  [{ connectPorts: [0] }, "connectPorts"],
  [{ upstream: "socks4://h:1" }, "upstream"],
  [{ upstream: "http://user@h:1" }, "upstream"],
  [{ users: { "a:b": "c" } }, "user"],
  [{ name: "a b" }, "name"],
  [{ headTimeout: -1 }, "headTimeout"],
  [{ maxHead: 0 }, "maxHead"],
  [{ minBodyRate: 0 }, "minBodyRate"],
  [{ maxIdlePerHost: 0 }, "maxIdlePerHost"],
];
for (const [options, what] of NONSENSE) {
  Deno.test(`createProxy() refuses ${JSON.stringify(options)}`, () => {
    const error = assertThrows(() => createProxy(options));
    assert(error instanceof TypeError || error instanceof RangeError);
    assert(error.message.includes(what), error.message);
  });
}

Deno.test("serveProxy() wants a login, and keeps it to itself", async () => {
  const entries: ProxyEntry[] = [];
  await using origin = new Origin({ replies: [OK, OK] });
  await using proxy = serveProxy({
    ...OPEN,
    users: { alice: "se:cret", bob: "pass" },
    onEntry: (entry) => entries.push(entry),
  });
  const { port } = proxy.addr;
  for (
    const login of [
      "",
      "alice:wrong",
      "alice:se:cre",
      "alice:se:crett",
      "bob:se:cret",
      "carol:x",
      ":",
    ]
  ) {
    const text = await exchange(
      port,
      get(origin.host, login && basic(login) + "Connection: close\r\n" || "Connection: close\r\n"),
    );
    assertEquals(statuses(text), [407]);
    assert(text.includes('Proxy-Authenticate: Basic realm="proxy"'));
  }
  assertEquals(origin.heard, []);
  assertEquals(statuses(await exchange(port, connect(origin.host))), [407]);
  for (const login of ["alice:se:cret", "bob:pass"]) {
    const text = await exchange(port, get(origin.host, basic(login) + "Connection: close\r\n"));
    assertEquals(statuses(text), [200]);
  }
  assert(!origin.heard.join("").includes("uthorization"));
  assertEquals(entries.map(({ user }) => user).slice(-2), ["alice", "bob"]);
  assert(!JSON.stringify(entries).includes("cret"));
});

Deno.test("serveProxy() answers 407 on a connection that may go on", async () => {
  await using origin = new Origin({ replies: [OK] });
  await using proxy = serveProxy({ ...OPEN, users: { a: "b" } });
  const text = await exchange(
    proxy.addr.port,
    get(origin.host, "") + get(origin.host, basic("a:b") + "Connection: close\r\n"),
  );
  assertEquals(statuses(text), [407, 200]);
});

Deno.test("serveProxy() has its answer reach who reads it only when all is sent", async () => {
  await using proxy = serveProxy({ ...OPEN, users: { a: "b" } });
  using client = await dial(proxy.addr.port);
  const chunk = new Uint8Array(100_000);
  const pieces = 12;
  const lines = `Content-Length: ${pieces * chunk.length}\r\n`;
  await send(client, get("127.0.0.1:1", lines).replace("GET", "POST"));
  for (let i = 0; i < pieces; i++) {
    for (let at = 0; at < chunk.length;) at += await client.write(chunk.subarray(at));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals(statuses(await until(client, "\n")), [407]);
});

Deno.test("serveProxy() keeps connections to a server, for all its clients", async () => {
  await using origin = new Origin({ replies: [OK, OK, OK] });
  await using proxy = serveProxy(OPEN);
  for (let i = 0; i < 3; i++) {
    assertEquals(statuses(await exchange(proxy.addr.port, get(origin.host))), [200]);
  }
  assertEquals(origin.heard.length, 1);
  assertEquals(proxy.stats().idleUpstream, 1);
});

Deno.test("serveProxy() keeps no connection that says more than was asked", async () => {
  await using origin = new Origin({
    replies: [`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, OK],
  });
  await using proxy = serveProxy(OPEN);
  const first = await exchange(proxy.addr.port, get(origin.host));
  const second = await exchange(proxy.addr.port, get(origin.host));
  assertEquals([statuses(first), statuses(second)], [[200], [200]]);
  assert(!(first + second).includes("evil"));
  assertEquals(origin.heard.length, 2);
});

Deno.test("serveProxy() answers 408 to a head that drips", async () => {
  await using proxy = serveProxy({ ...OPEN, headTimeout: 300 });
  using conn = await dial(proxy.addr.port);
  const drip = (async () => {
    for (const character of get("127.0.0.1:1").repeat(50)) {
      await send(conn, character);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })().catch(() => {});
  assertEquals(statuses(await until(conn, "\n")), [408]);
  await toEnd(conn);
  await drip;
});

Deno.test("serveProxy() closes a silent client without a word", async () => {
  await using proxy = serveProxy({ ...OPEN, idleTimeout: 100 });
  using conn = await dial(proxy.addr.port);
  assertEquals(await toEnd(conn), 0);
});

Deno.test("serveProxy() answers 408 to a body that stalls", async () => {
  await using origin = new Origin({});
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 150 });
  const text = await exchange(
    proxy.addr.port,
    get(origin.host, "Content-Length: 9\r\n").replace("GET", "POST") + "half",
  );
  assertEquals(statuses(text), [408]);
});

Deno.test("serveProxy() answers 408 to a body that drips", async () => {
  await using origin = new Origin({});
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 200, minBodyRate: 1000 });
  using conn = await dial(proxy.addr.port);
  await send(conn, get(origin.host, "Content-Length: 9999\r\n").replace("GET", "POST"));
  const answer = until(conn, "\n");
  const timer = setInterval(() => send(conn, "y").catch(() => {}), 20);
  assertEquals(statuses(await answer), [408]);
  clearInterval(timer);
});

Deno.test("serveProxy() lets a body drip that is answered already", async () => {
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 1000, minBodyRate: 1_000_000 });
  using client = await dial(proxy.addr.port);
  await send(client, get(listener.host, "Content-Length: 70\r\n").replace("GET", "POST"));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  await send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n");
  await until(client, "\r\n\r\n");
  for (let i = 0; i < 70; i++) {
    await send(client, "y");
    await until(conn, "y");
    await send(conn, "z");
    await until(client, "z");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

Deno.test("serveProxy() answers 504 for a server that does not", async () => {
  await using origin = new Origin({});
  await using proxy = serveProxy({ ...OPEN, responseTimeout: 150 });
  assertEquals(statuses(await exchange(proxy.addr.port, get(origin.host))), [504]);
});

Deno.test("serveProxy() answers 504 for interim responses without end", async () => {
  const listener = listen();
  const serving = (async () => {
    const conn = await listener.accept();
    try {
      for (;;) {
        await send(conn, "HTTP/1.1 102 Wait\r\n\r\n");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } catch { /* The proxy has enough. */ }
    conn.close();
  })();
  await using proxy = serveProxy({ ...OPEN, responseTimeout: 800 });
  const codes = statuses(await exchange(proxy.addr.port, get(listener.host)));
  assertEquals([codes[0], codes.at(-1)], [102, 504]);
  listener.close();
  await serving;
});

Deno.test("serveProxy() answers 504 for a black hole, to GET and CONNECT", async () => {
  // Nobody accepts, and the queue of the kernel is full.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const host = `127.0.0.1:${listener.addr.port}`;
  const fillers = [await dial(listener.addr.port), await dial(listener.addr.port)];
  await using proxy = serveProxy({ ...OPEN, connectTimeout: 200 });
  try {
    assertEquals(statuses(await exchange(proxy.addr.port, get(host))), [504]);
    assertEquals(statuses(await exchange(proxy.addr.port, connect(host))), [504]);
  } finally {
    for (const one of fillers) one.close();
  }
});

Deno.test("serveProxy() answers 502 for a server that refuses and a name that is none", async () => {
  await using proxy = serveProxy(OPEN);
  const { port } = proxy.addr;
  assertEquals(statuses(await exchange(port, get(`127.0.0.1:${deadPort()}`))), [502]);
  assertEquals(statuses(await exchange(port, get("no-such-host.invalid"))), [502]);
});

Deno.test("serveProxy() closes the server's connection as soon as the client has gone", async () => {
  const entries: ProxyEntry[] = [];
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry) });
  const client = await dial(proxy.addr.port);
  await send(client, get(listener.host));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  client.close();
  await toEnd(conn);
  await proxy.shutdown();
  assertEquals([entries[0]!.status, entries[0]!.error], [0, "the client has gone"]);
});

Deno.test("serveProxy() closes it though the client had asked for more before it went", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  const client = await dial(proxy.addr.port);
  await send(client, get(listener.host, "").repeat(2));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  await send(client, get(listener.host));
  client.close();
  await toEnd(conn);
});

Deno.test("serveProxy() stops a client that asks on and on without an answer", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  using client = await dial(proxy.addr.port);
  await send(client, get(listener.host, ""));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  const { written, stuck, writing } = flood(client, TOTAL);
  await stuck;
  assert(written() < TOTAL / 2, `${written()} bytes went out though nobody answers`);
  await proxy.shutdown({ deadline: 0 });
  await writing.catch(() => {});
});

Deno.test("serveProxy() closes it in the middle of bodies, too", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  const down = await dial(proxy.addr.port);
  await send(down, get(listener.host));
  using first = await listener.accept();
  await until(first, "\r\n\r\n");
  await send(first, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf");
  await until(down, "half");
  down.close();
  await toEnd(first);
  const up = await dial(proxy.addr.port);
  await send(up, get(listener.host, "Content-Length: 99\r\n").replace("GET", "POST") + "half");
  using second = await listener.accept();
  await until(second, "half");
  up.close();
  await toEnd(second);
});

Deno.test("serveProxy() stops the server when the client does not read", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  using client = await dial(proxy.addr.port);
  await send(client, get(listener.host));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  await send(conn, `HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
  const { written, stuck, writing } = flood(conn, TOTAL);
  await stuck;
  // What the kernel and one buffer of the proxy hold.
  assert(written() < TOTAL / 2, `${written()} bytes went out though nobody reads`);
  const head = await until(client, "\r\n\r\n");
  let got = head.length - head.indexOf("\r\n\r\n") - 4;
  const buffer = new Uint8Array(1024 * 1024);
  while (got < TOTAL) got += (await client.read(buffer))!;
  await writing;
  assertEquals([got, written()], [TOTAL, TOTAL]);
});

Deno.test("serveProxy() lets a response begin before the request has ended", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  using client = await dial(proxy.addr.port);
  await send(client, get(listener.host, "Transfer-Encoding: chunked\r\n").replace("GET", "POST"));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  await send(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  assertMatch(await until(client, "\r\n\r\n"), /Connection: close/);
  for (const word of ["one", "two"]) {
    await send(client, `3\r\n${word}\r\n`);
    assertEquals(await until(conn, word), `3\r\n${word}\r\n`);
    await send(conn, `3\r\n${word}\r\n`);
    assertEquals(await until(client, word), `3\r\n${word}\r\n`);
  }
  await send(client, "0\r\n\r\n");
  await until(conn, "0\r\n\r\n");
  await send(conn, "0\r\n\r\n");
  assertEquals(await until(client, "0\r\n\r\n"), "0\r\n\r\n");
});

Deno.test("serveProxy() refuses a body that turns out malformed, and cuts what it was sent to", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  using client = await dial(proxy.addr.port);
  await send(client, get(listener.host, "Transfer-Encoding: chunked\r\n").replace("GET", "POST"));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  await send(client, "3\r\nabcd\r\n0\r\n\r\n");
  assertEquals(statuses(await until(client, "\n")), [400]);
  await toEnd(conn);
});

Deno.test("serveProxy() keeps connections of HTTP/1.0 where it is asked to", async () => {
  await using origin = new Origin({ replies: [OK, OK] });
  await using proxy = serveProxy(OPEN);
  const one = `GET http://${origin.host}/ HTTP/1.0\r\n`;
  const text = await exchange(proxy.addr.port, `${one}Connection: keep-alive\r\n\r\n${one}\r\n`);
  assertEquals(text.match(/^Connection: .*$/gm), ["Connection: keep-alive", "Connection: close"]);
});

Deno.test("a tunnel ends when nothing comes in either direction", async () => {
  const entries: ProxyEntry[] = [];
  using listener = listen();
  await using proxy = serveProxy({
    ...OPEN,
    tunnelTimeout: 150,
    onEntry: (entry) => entries.push(entry),
  });
  using client = await dial(proxy.addr.port);
  await send(client, connect(listener.host));
  using conn = await listener.accept();
  await until(client, "\r\n\r\n");
  assertEquals(await toEnd(client), 0);
  await toEnd(conn);
  await proxy.shutdown();
  assertEquals(entries[0]!.error, "the tunnel was idle for too long");
  assertEquals(proxy.stats().activeTunnels, 0);
});

Deno.test("a tunnel goes on in one direction, within a limit", async () => {
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, halfCloseTimeout: 1000 });
  using client = await dial(proxy.addr.port);
  await send(client, connect(listener.host));
  using conn = await listener.accept();
  await until(client, "\r\n\r\n");
  await client.closeWrite();
  assertEquals(await toEnd(conn), 0);
  await send(conn, "still here");
  assertEquals(await until(client, "here"), "still here");
  assertEquals(await toEnd(client), 0);
});

Deno.test("a tunnel carries a lot in both directions at once", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  using client = await dial(proxy.addr.port);
  await send(client, connect(listener.host));
  using conn = await listener.accept();
  await until(client, "\r\n\r\n");
  const chunk = new Uint8Array(4 * 1024 * 1024).fill(7);
  const write = async (to: Deno.Conn) => {
    for (let at = 0; at < chunk.length;) at += await to.write(chunk.subarray(at));
    await to.closeWrite();
  };
  const [, , up, down] = await Promise.all([
    write(client),
    write(conn),
    toEnd(conn),
    toEnd(client),
  ]);
  assertEquals([up, down], [chunk.length, chunk.length]);
});

Deno.test("onRequest changes header lines", async () => {
  const entries: ProxyEntry[] = [];
  await using origin = new Origin({ replies: [OK] });
  await using proxy = serveProxy({
    ...OPEN,
    onEntry: (entry) => entries.push(entry),
    onRequest: ({ fields, method, hostname, port }) => {
      fields.set("X-Seen", `${method} ${hostname} ${port}`);
      fields.delete("User-Agent");
      // These are not its to say.
      fields.set("Content-Length", "99");
      fields.set("Transfer-Encoding", "chunked");
    },
  });
  const request = get(origin.host, "User-Agent: x\r\nContent-Length: 2\r\nConnection: close\r\n");
  const sent = request.replace("GET", "POST") + "hi";
  await exchange(proxy.addr.port, sent);
  await proxy.shutdown();
  assertEquals(entries.map(({ received }) => received), [sent.length]);
  const port = origin.host.split(":")[1];
  assertEquals(
    origin.heard[0],
    `POST / HTTP/1.1\r\nHost: ${origin.host}\r\nX-Seen: POST 127.0.0.1 ${port}\r\n` +
      "Content-Length: 2\r\nVia: 1.1 t\r\n\r\nhi",
  );
});

Deno.test("onRequest blocks and answers", async () => {
  await using origin = new Origin({});
  await using proxy = serveProxy({
    ...OPEN,
    onRequest: ({ target }) =>
      target.endsWith("/no")
        ? { status: 451, headers: { "X-Why": "law" }, body: "no" }
        : { status: 403 },
  });
  const blocked = get(origin.host).replace("/ HTTP", "/no HTTP");
  assertEquals(
    undated(await exchange(proxy.addr.port, blocked)),
    "HTTP/1.1 451 Unavailable For Legal Reasons\r\nX-Why: law\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
  );
  assertEquals(statuses(await exchange(proxy.addr.port, connect(origin.host))), [403]);
  assertEquals(origin.heard, []);
});

Deno.test("onResponse changes header lines, and answers in place of the server", async () => {
  await using origin = new Origin({ replies: [OK, OK, OK] });
  await using proxy = serveProxy({
    ...OPEN,
    onResponse: ({ status, fields }, { target }) => {
      if (target.endsWith("/x")) return { status: 502, body: "hidden" };
      return fields.append("X-Status", `${status}`);
    },
  });
  const { port } = proxy.addr;
  assertEquals(
    undated(await exchange(port, get(origin.host))),
    "HTTP/1.1 200 OK\r\nX-Status: 200\r\nContent-Length: 2\r\nConnection: close\r\nVia: 1.1 t\r\n\r\nok",
  );
  const two = get(origin.host, "").replace("/ HTTP", "/x HTTP") + get(origin.host);
  const text = await exchange(port, two);
  assertEquals(statuses(text), [502, 200]);
  assert(text.includes("hidden"));
});

Deno.test("a hook that fails is a 500 for the client, and the entry says why", async () => {
  await using origin = new Origin({ replies: [OK] });
  const entries: ProxyEntry[] = [];
  for (const hook of ["onRequest", "onResponse"]) {
    await using proxy = serveProxy({
      ...OPEN,
      onEntry: (entry) => entries.push(entry),
      [hook]: () => {
        throw new Error("secret");
      },
    });
    const text = await exchange(proxy.addr.port, get(origin.host));
    assertEquals(statuses(text), [500]);
    assert(!text.includes("secret"));
    assertEquals(entries.at(-1)!.error, `${hook} failed: secret`);
  }
});

Deno.test("a hook cannot put a line of its own into a head", async () => {
  await using origin = new Origin({});
  await using proxy = serveProxy({
    ...OPEN,
    onRequest: ({ fields }) => fields.set("X", "a\r\nEvil: b"),
  });
  assertEquals(statuses(await exchange(proxy.addr.port, get(origin.host))), [500]);
  assertEquals(origin.heard, []);
});

Deno.test("serveProxy() passes on to the next proxy, with its login", async () => {
  await using origin = new Origin({ replies: [OK] });
  await using next = serveProxy({ ...OPEN, name: "next", users: { "us er": "p@ss" } });
  const upstream = `http://us%20er:p%40ss@127.0.0.1:${next.addr.port}`;
  await using proxy = serveProxy({ ...OPEN, upstream });
  const text = await exchange(proxy.addr.port, get(origin.host));
  assertEquals(
    undated(text),
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nVia: 1.1 t\r\n\r\nok".replace(
      "Connection: close\r\nVia: 1.1 t",
      "Via: 1.1 next\r\nConnection: close\r\nVia: 1.1 t",
    ),
  );
  await next.shutdown();
  assertEquals(
    origin.heard[0],
    `GET / HTTP/1.1\r\nHost: ${origin.host}\r\nVia: 1.1 t\r\nVia: 1.1 next\r\n\r\n`,
  );
});

Deno.test("serveProxy() opens tunnels through the next proxy", async () => {
  using listener = listen();
  await using next = serveProxy({ ...OPEN, name: "next", users: { a: "b" } });
  await using proxy = serveProxy({ ...OPEN, upstream: `http://a:b@127.0.0.1:${next.addr.port}` });
  using client = await dial(proxy.addr.port);
  await send(client, connect(listener.host) + "early");
  using conn = await listener.accept();
  assertEquals(await until(conn, "early"), "early");
  await send(conn, "back");
  assertMatch(await until(client, "back"), /^HTTP\/1\.1 200 .*\r\n\r\nback$/);
});

Deno.test("serveProxy() does not ask its clients for the login of the next proxy", async () => {
  await using next = serveProxy({ ...OPEN, name: "next", users: { a: "b" } });
  await using proxy = serveProxy({ ...OPEN, upstream: `http://127.0.0.1:${next.addr.port}` });
  assertEquals(statuses(await exchange(proxy.addr.port, get("127.0.0.1:1"))), [502]);
  assertEquals(statuses(await exchange(proxy.addr.port, connect("127.0.0.1:1"))), [502]);
});

Deno.test("a shutdown lets the request in hand end, and idle clients go", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  using idle = await dial(proxy.addr.port);
  using client = await dial(proxy.addr.port);
  await send(client, get(listener.host, ""));
  using conn = await listener.accept();
  await until(conn, "\r\n\r\n");
  const report = proxy.shutdown();
  assertEquals(await toEnd(idle), 0);
  await send(conn, OK);
  assertMatch(await until(client, "ok"), /Connection: close/);
  client.close();
  assertEquals((await report).forced, 0);
});

Deno.test("a shutdown cuts what is left at its deadline, and tells what that was", async () => {
  const entries: ProxyEntry[] = [];
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry) });
  using client = await dial(proxy.addr.port);
  await send(client, connect(listener.host));
  using conn = await listener.accept();
  await until(client, "\r\n\r\n");
  assertEquals((await proxy.shutdown({ deadline: 50 })).forced, 1);
  assertEquals(entries.map(({ method, error }) => [method, error]), [
    ["CONNECT", "the tunnel broke off"],
  ]);
  assertEquals([proxy.stats().activeTunnels, proxy.stats().failed], [0, 1]);
  await toEnd(client);
  await toEnd(conn);
});

Deno.test("a shutdown does not wait for a hook that hangs", async () => {
  const asked = Promise.withResolvers<void>();
  const hang = Promise.withResolvers<void>();
  await using proxy = serveProxy({
    ...OPEN,
    onRequest: () => {
      asked.resolve();
      return hang.promise;
    },
  });
  using client = await dial(proxy.addr.port);
  await send(client, get("127.0.0.1:1"));
  await asked.promise;
  assertEquals((await proxy.shutdown({ deadline: 50 })).forced, 1);
  hang.resolve();
  await toEnd(client);
});

Deno.test("serveProxy() limits connections of one address", async () => {
  await using proxy = serveProxy({ ...OPEN, maxConnectionsPerAddress: 1 });
  using first = await dial(proxy.addr.port);
  await send(first, "GET ");
  using second = await dial(proxy.addr.port);
  assertEquals(await toEnd(second), 0);
});

Deno.test("onEntry tells what became of requests, and counts agree", async () => {
  const entries: ProxyEntry[] = [];
  await using origin = new Origin({ replies: [OK] });
  await using proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry) });
  const { port } = proxy.addr;
  const request = get(origin.host, "Content-Length: 4\r\nConnection: close\r\n").replace(
    "GET",
    "PUT",
  );
  const text = await exchange(port, `${request}abcd`);
  await exchange(port, get("user:secret@h").replace("Host: user:secret@", "Host: "));
  await exchange(port, "\x1b[2J\r\n\r\n");
  const [put, login, noise] = entries;
  assertEquals(
    [put!.method, put!.target, put!.status, put!.received, put!.sent, put!.error],
    ["PUT", `http://${origin.host}/`, 200, request.length + 4, text.length, undefined],
  );
  assert(put!.connect! >= 0 && put!.firstByte! >= put!.connect! && put!.total >= put!.firstByte!);
  assertMatch(put!.client, /^127\.0\.0\.1:\d+$/);
  assertEquals([login!.target, login!.status], ["http://***@h/", 400]);
  assertEquals([noise!.method, noise!.target, noise!.status], ["", "", 400]);
  await proxy.shutdown();
  const { requests, failed, received, sent } = proxy.stats();
  assertEquals([requests, failed], [2, 2]);
  assert(received > request.length && sent > text.length);
});

Deno.test("createProxy() serves the connections of any server", async () => {
  await using origin = new Origin({ replies: [OK] });
  using proxy = createProxy(OPEN);
  await using server = serveTcp({}, proxy.handle);
  assertEquals(statuses(await exchange(server.addr.port, get(origin.host))), [200]);
  await using client = await connectTcp({ port: server.addr.port });
  await client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assertEquals(await client.readLine(), "HTTP/1.1 400 Bad Request");
});

Deno.test("serveProxy() tells where it listens, and shuts down by its signal", async () => {
  const stop = new AbortController();
  let told: Deno.NetAddr | undefined;
  const proxy = serveProxy({ signal: stop.signal, onListen: (addr) => told = addr });
  assertEquals(told, proxy.addr);
  stop.abort();
  await proxy.finished;
});
