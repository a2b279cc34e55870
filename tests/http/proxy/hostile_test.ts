/** Clients and servers that mean harm, as far as no single rule of `proxy_cases.ts` covers them. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { createProxy, type Proxy, type ProxyEntry, serveProxy } from "../../../http/proxy/proxy.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { Origin, send } from "./_support.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = (url: string, lines = "") =>
  `GET ${url} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${lines}\r\n`;

/** A server that says `start` to each request, and then `more` until nobody takes it. */
function endless(start: string, more: string): AsyncDisposable & { url: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (conn: Deno.Conn) => {
    try {
      await conn.read(new Uint8Array(4096));
      await send(conn, start);
      for (;;) await send(conn, more);
    } catch { /* The proxy has had enough. */ }
    conn.close();
  };
  const serving = (async () => {
    for await (const conn of listener) await serve(conn);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const LINE = `X: ${"y".repeat(100)}\r\n`;
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const ENDLESS: [name: string, start: string, more: string][] = [
  ["a head", "HTTP/1.1 200 OK\r\n", LINE],
  ["a status line", "HTTP/1.1 200 ", "y".repeat(1000)],
  ["the line of a chunk", `${CHUNKED}1;`, "y".repeat(1000)],
  ["chunk extensions", CHUNKED, `1;${"y".repeat(200)}\r\na\r\n`],
  ["trailers", `${CHUNKED}0\r\n`, LINE],
  ["a head of an interim response", "HTTP/1.1 103 Early\r\n", LINE],
];
for (const [name, start, more] of ENDLESS) {
  Deno.test(`serveProxy() does not take ${name} without end from a server`, async () => {
    const entries: ProxyEntry[] = [];
    await using origin = endless(start, more);
    await using proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry) });
    const text = await exchange(proxy.addr.port, get(origin.url));
    // It says so, or it has begun: then nothing ends the body.
    assert(text.startsWith("HTTP/1.1 502") || !text.endsWith("0\r\n\r\n"), text);
    assertMatch(entries[0]!.error!, /malformed|too long|more than/);
  });
}

Deno.test("serveProxy() answers 504 to interim responses that come as fast as they can", async () => {
  await using origin = endless("", "HTTP/1.1 102 Wait\r\n\r\n".repeat(500));
  await using proxy = serveProxy({ ...OPEN, responseTimeout: 200 });
  const codes = statuses(await exchange(proxy.addr.port, get(origin.url)));
  assertEquals([codes[0], codes.at(-1)], [102, 504]);
});

Deno.test("serveProxy() gives a next proxy no longer that informs as fast as it can", async () => {
  await using next = endless("", "HTTP/1.1 102 Wait\r\n\r\n".repeat(500));
  const upstream = next.url.slice(0, -1);
  await using proxy = serveProxy({ ...OPEN, responseTimeout: 200, upstream });
  const text = await exchange(
    proxy.addr.port,
    "CONNECT example.test:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    // The flood comes from this process, too, and delays everything in it.
    { millis: 30_000 },
  );
  assertEquals(statuses(text), [504]);
});

Deno.test("two proxies that lead to each other do not go round in circles", async () => {
  const proxies: Proxy[] = [];
  await using server = serveTcp({}, (conn, info) => proxies[0]!.handle(conn, info));
  const { port } = server.addr;
  await using there = serveProxy({ ...OPEN, name: "b", upstream: `http://127.0.0.1:${port}` });
  const upstream = `http://127.0.0.1:${there.addr.port}`;
  using here = createProxy({ ...OPEN, name: "a", upstream });
  proxies.push(here);
  const tunnel = "CONNECT example.test:443 HTTP/1.1\r\nHost: h\r\n\r\n";
  assertEquals(statuses(await exchange(port, tunnel)), [502]);
  assertEquals([here.stats().requests, there.stats().requests], [2, 1]);
  assertEquals(statuses(await exchange(port, get("http://example.test/"))), [508]);
  assertEquals([here.stats().requests, there.stats().requests], [4, 2]);
});

Deno.test("a connection to the next proxy carries requests for one server alone", async () => {
  // A next proxy may let a server send bytes behind its response; they must reach no other server's
  // client.
  await using next = new Origin({ replies: [OK, OK, OK] });
  await using proxy = serveProxy({ ...OPEN, upstream: `http://${next.host}` });
  for (const host of ["a.test", "b.test", "a.test"]) {
    const text = await exchange(proxy.addr.port, get(`http://${host}/`));
    assertEquals(statuses(text), [200]);
  }
  const targets = next.heard.map((text) =>
    [...text.matchAll(/^GET (\S+)/gm)].map(([, url]) => url)
  );
  assertEquals(targets, [["http://a.test/", "http://a.test/"], ["http://b.test/"]]);
});

Deno.test("a CONNECT goes to the next proxy with the fields that a hook leaves, and none of ours", async () => {
  await using next = new Origin({ replies: ["HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"] });
  await using proxy = serveProxy({
    ...OPEN,
    users: { a: "b" },
    upstream: `http://c:d@${next.host}`,
    onRequest: ({ fields }) => fields.append("X-Team", "1"),
  });
  const login = `Proxy-Authorization: Basic ${btoa("a:b")}\r\nProxy-Connection: keep-alive\r\n`;
  const text = await exchange(
    proxy.addr.port,
    `CONNECT example.test:443 HTTP/1.1\r\nHost: other\r\nUser-Agent: u\r\n${login}\r\n`,
  );
  assertEquals(statuses(text), [502]);
  assertEquals(
    next.heard[0],
    "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\nUser-Agent: u\r\n" +
      `X-Team: 1\r\nProxy-Authorization: Basic ${btoa("c:d")}\r\nVia: 1.1 t\r\n\r\n`,
  );
});

const GRANTED: Record<string, string> = {
  "in bare LFs": "HTTP/1.0 200 Connection established\nProxy-agent : x\n\n",
  "without a reason": "HTTP/1.1 200\r\n\r\n",
  "behind an empty line": "\r\nHTTP/1.1 200 OK\r\n\r\n",
  "with a length and chunks":
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
};
for (const [how, reply] of Object.entries(GRANTED)) {
  Deno.test(`a next proxy may grant a CONNECT ${how}`, async () => {
    await using next = new Origin({ replies: [reply], tunnel: true });
    await using proxy = serveProxy({ ...OPEN, upstream: `http://${next.host}` });
    const ask = "CONNECT example.test:443 HTTP/1.1\r\nHost: h\r\n\r\nhello";
    const text = await exchange(proxy.addr.port, ask, { halfClose: true });
    assertEquals(text, "HTTP/1.1 200 Connection established\r\n\r\nHELLO");
  });
}

Deno.test("a next proxy may not grant a CONNECT with a NUL or a bare CR", async () => {
  for (const line of ["X: a\0b\r\n", "X: a\rb\r\n", "HTTP/1.1 200\r"]) {
    await using next = new Origin({ replies: [`HTTP/1.1 200 OK\r\n${line}\r\n`], tunnel: true });
    await using proxy = serveProxy({
      ...OPEN,
      upstream: `http://${next.host}`,
      responseTimeout: 500,
    });
    const text = await exchange(
      proxy.addr.port,
      "CONNECT example.test:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assertEquals(statuses(text).map((status) => status >= 500), [true], text);
  }
});

const LOGINS: [target: string, shown: string][] = [
  ["http://u:secret@h/", "http://***@h/"],
  ["http://secret@h/", "http://***@h/"],
  ["http://u:se/cret@h/", "http://***@h/"],
  ["http://u:s@cret@h/", "http://***@h/"],
  ["http://u:se@cr/et@h/", "http://***@h/"],
  ["s3://key:secret@bucket/", "s3://***@bucket/"],
  ["svn+ssh://u:secret@h/", "svn+ssh://***@h/"],
  ["//u:secret@h/", "//***@h/"],
  ["/http://u:secret@h/", "/http://***@h/"],
  ["http:/u:secret@h/", "http:/***@h/"],
  ["u:secret@h:443", "***@h:443"],
  [`http://u:${"secret".repeat(500)}@h/`, "http://***@h/"],
  // What is no login stays.
  ["http://:80/@a/b@c?d=e@f", "http://:80/@a/b@c?d=e@f"],
  ["http://[::1]:0/a@b", "http://[::1]:0/a@b"],
];
for (const [target, shown] of LOGINS) {
  Deno.test(`serveProxy() logs ${target.slice(0, 40)} without a password`, async () => {
    const entries: ProxyEntry[] = [];
    await using proxy = serveProxy({ ...OPEN, onEntry: (entry) => entries.push(entry) });
    assertEquals(statuses(await exchange(proxy.addr.port, get(target))), [400]);
    assertEquals(entries.map((entry) => entry.target), [shown]);
  });
}

Deno.test("a hook sees all of a target, a log its beginning", async () => {
  const seen: string[] = [];
  const entries: ProxyEntry[] = [];
  await using origin = new Origin({ replies: [OK] });
  await using proxy = serveProxy({
    ...OPEN,
    onRequest: ({ target }) => void seen.push(target),
    onEntry: (entry) => entries.push(entry),
  });
  const url = `http://${origin.host}/${"y".repeat(5000)}/secret`;
  assertEquals(statuses(await exchange(proxy.addr.port, get(url))), [200]);
  assertEquals(seen, [url]);
  assertEquals(entries[0]!.target, `${url.slice(0, 2048)}...`);
});

Deno.test("a body where none is expected ends up in nobody else's connection", async () => {
  await using origin = new Origin({ replies: [OK, OK, OK] });
  await using proxy = serveProxy(OPEN);
  const evil = "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
  const { port } = proxy.addr;
  const url = `http://${origin.host}/`;
  for (const framing of [`Content-Length: ${evil.length}\r\n`, "Transfer-Encoding: chunked\r\n"]) {
    const chunked = framing.startsWith("T");
    const body = chunked ? `${evil.length.toString(16)}\r\n${evil}\r\n0\r\n\r\n` : evil;
    assertEquals(statuses(await exchange(port, get(url, framing) + body)), [200]);
    assertEquals(proxy.stats().idleUpstream, 0);
  }
  assertEquals(statuses(await exchange(port, get(url))), [200]);
  assertEquals(origin.heard.length, 3);
  assert(!origin.heard[2]!.includes("evil"));
});

Deno.test("what Connection names goes from trailers, too", async () => {
  const trailers = "0\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
  const hop = "Connection: close, x-a\r\nTransfer-Encoding: chunked\r\n\r\n";
  await using origin = new Origin({ replies: [`HTTP/1.1 200 OK\r\n${hop}${trailers}`] });
  await using proxy = serveProxy(OPEN);
  const down = await exchange(
    proxy.addr.port,
    `POST http://${origin.host}/ HTTP/1.1\r\nHost: h\r\n${hop}${trailers}`,
  );
  assert(down.endsWith("\r\n\r\n0\r\nX-B: 2\r\n\r\n"), down);
  assert(origin.heard[0]!.endsWith("\r\n\r\n0\r\nX-B: 2\r\n\r\n"), origin.heard[0]);
});
