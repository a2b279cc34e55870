import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Http1Fields } from "../../../http/http1/codec.ts";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { within } from "../../_support/runnable.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";
import { bytesOf } from "../../_support/http1.ts";
import { FickleOrigin, send } from "./_support.ts";

const CLOSE = "Connection: close\r\n";
const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;

/** A request with an absolute target. */
const ask = (host: string, path: string, { method = "GET", lines = "", body = "" } = {}) =>
  `${method} http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}` +
  (body === "" ? "\r\n" : `Content-Length: ${body.length}\r\n\r\n${body}`);
const last = (host: string, path: string) => ask(host, path, { lines: "Connection: close\r\n" });
/** The paths that the responses of a fickle origin name. */
const paths = (text: string) => [...text.matchAll(/\[(\/[^\]]*)\]/g)].map(([, path]) => path);

Deno.test("serveProxy() answers all pipelined requests in order after a retry", async () => {
  await using origin = new FickleOrigin();
  await using proxy = serveProxy(OPEN);
  await exchange(proxy.addr.port, last(origin.host, "/0"));
  const all = [1, 2, 3, 4].map((n) => ask(origin.host, `/${n}`)).join("");
  const text = await exchange(proxy.addr.port, all + last(origin.host, "/5"));
  assertEquals(paths(text), ["/1", "/2", "/3", "/4", "/5"]);
  assertEquals(origin.requests, ["/0", "/1", "/2", "/3", "/4", "/5"].map((path) => `GET ${path}`));
  assertEquals(proxy.stats().retries, 1);
});

Deno.test("serveProxy() never takes the body of a pipelined request for a request", async () => {
  await using origin = new FickleOrigin();
  await using proxy = serveProxy(OPEN);
  await exchange(proxy.addr.port, last(origin.host, "/0"));
  const hidden = ask(origin.host, "/hidden");
  const post = ask(origin.host, "/post", { method: "POST", body: hidden });
  const text = await exchange(
    proxy.addr.port,
    ask(origin.host, "/1") + post + last(origin.host, "/2"),
  );
  assertEquals(paths(text), ["/1", "/post", "/2"]);
  assertEquals(origin.requests, ["GET /0", "GET /1", "POST /post", "GET /2"]);
  assertEquals(proxy.stats().retries, 1);
});

for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]) {
  Deno.test(`serveProxy() repeats a ${method} without a body on a new connection`, async () => {
    await using origin = new FickleOrigin();
    await using proxy = serveProxy(OPEN);
    await exchange(proxy.addr.port, last(origin.host, "/0"));
    const lines = "Connection: close\r\n";
    const text = await exchange(proxy.addr.port, ask(origin.host, "/1", { method, lines }));
    assertEquals(statuses(text), [200]);
    assertEquals(origin.requests, ["GET /0", `${method} /1`]);
    assertEquals([origin.connections, proxy.stats().retries], [2, 1]);
  });
}

const NOT_REPEATED: [name: string, method: string, lines: string, body: string][] = [
  ["a POST", "POST", "Content-Length: 2\r\n", "hi"],
  ["a POST without a body", "POST", "", ""],
  ["a PATCH", "PATCH", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"],
  ["a PUT with a body", "PUT", "Content-Length: 2\r\n", "hi"],
  ["a DELETE with a body", "DELETE", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"],
  ["an unknown method", "FROB", "", ""],
];
for (const [name, method, lines, body] of NOT_REPEATED) {
  Deno.test(`serveProxy() sends ${name} once, on a new connection`, async () => {
    await using origin = new FickleOrigin();
    await using proxy = serveProxy(OPEN);
    await exchange(proxy.addr.port, last(origin.host, "/0"));
    const close = `${lines}Connection: close\r\n`;
    const text = await exchange(
      proxy.addr.port,
      ask(origin.host, "/1", { method, lines: close }) + body,
    );
    assertEquals(statuses(text), [200]);
    assertEquals(origin.requests, ["GET /0", `${method} /1`]);
    assertEquals([origin.connections, proxy.stats().retries], [2, 0]);
    assertEquals(proxy.stats().idleUpstream, 2);
  });
}

Deno.test("serveProxy() does not repeat a request that fails on a new connection", async () => {
  await using origin = new FickleOrigin({ served: 0 });
  await using proxy = serveProxy(OPEN);
  for (const method of ["GET", "POST"]) {
    const lines = "Connection: close\r\n";
    const text = await exchange(proxy.addr.port, ask(origin.host, "/1", { method, lines }));
    assertEquals(statuses(text), [502]);
  }
  assertEquals([origin.connections, proxy.stats().retries], [2, 0]);
});

Deno.test("serveProxy() does not repeat a request once a byte of a response has come", async () => {
  await using origin = new FickleOrigin({ lastWords: "H" });
  await using proxy = serveProxy(OPEN);
  await exchange(proxy.addr.port, last(origin.host, "/0"));
  assertEquals(statuses(await exchange(proxy.addr.port, last(origin.host, "/1"))), [502]);
  assertEquals([origin.connections, proxy.stats().retries], [1, 0]);
});

Deno.test("serveProxy() gives a repeated request all the time of responseTimeout", async () => {
  await using origin = new FickleOrigin({
    answer: async (path) => {
      if (path === "/1") await delay(600);
    },
  });
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 200 });
  await exchange(proxy.addr.port, last(origin.host, "/0"));
  const text = await exchange(proxy.addr.port, ask(origin.host, "/1") + last(origin.host, "/2"));
  assertEquals(paths(text), ["/1", "/2"]);
});

Deno.test("serveProxy() does not cut a long download after a retry", async () => {
  await using origin = new FickleOrigin({
    answer: async (path, conn) => {
      if (path !== "/1") return;
      await send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      for (let i = 0; i < 10; i++) {
        await send(conn, "x".repeat(100));
        await delay(60);
      }
      return true;
    },
  });
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 200 });
  await exchange(proxy.addr.port, last(origin.host, "/0"));
  const text = await exchange(proxy.addr.port, last(origin.host, "/1"));
  assertEquals(text.match(/x/g)?.length, 1000);
});

Deno.test("serveProxy() keeps a body whole while the client sends more requests", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy(OPEN);
  using client = await Deno.connect({ hostname: "127.0.0.1", port: proxy.addr.port });
  // Larger than what is copied, and followed by more while it is on its way.
  const bodies = Array.from({ length: 24 }, (_, n) => String.fromCharCode(97 + n).repeat(20_000));
  const all = bodies.map((body, n) =>
    ask(origin.host, `/${n}a`) + ask(origin.host, `/${n}b`, { method: "POST", body })
  );
  const sending = (async () => {
    const bytes = bytesOf(all.join("") + last(origin.host, "/end"));
    // Cut at odd places, so that bodies and heads share reads.
    for (let at = 0; at < bytes.length;) {
      at += await client.write(bytes.subarray(at, at + 5003));
      if (at % 7 === 0) await delay(0);
    }
  })();
  let text = "";
  const buffer = new Uint8Array(65536);
  for (let size; (size = await within(5000, "responses", client.read(buffer))) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, size));
  }
  await sending;
  assertEquals(paths(text), [...bodies.flatMap((_, n) => [`/${n}a`, `/${n}b`]), "/end"]);
  assertEquals(origin.bodies, bodies);
});

/** How many connections a proxy keeps after one request that is answered with `keepAlive`. */
async function keptAfter(keepAlive: string, requests = 1): Promise<number> {
  const answer = async (_path: string, conn: Deno.Conn) => {
    await send(conn, `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: ${keepAlive}\r\n\r\n`);
    return true;
  };
  await using origin = new FickleOrigin({ served: Infinity, answer });
  await using proxy = serveProxy(OPEN);
  for (let i = 0; i < requests; i++) {
    await exchange(proxy.addr.port, last(origin.host, "/1"));
  }
  return proxy.stats().idleUpstream;
}

Deno.test("serveProxy() keeps no connection that the server is about to close", async () => {
  for (const none of ["timeout=0", "timeout=1", "max=0", "max = 0", 'timeout="1"', "x, MAX=0"]) {
    assertEquals(await keptAfter(none), 0, none);
  }
  for (const one of ["timeout=5", "timeout=5, max=1", "max=7", "timeout=x", "", "timeout"]) {
    assertEquals(await keptAfter(one), 1, one);
  }
});

Deno.test("serveProxy() counts down to the last request that a server takes", async () => {
  assertEquals(await keptAfter("max=2", 2), 1);
  assertEquals(await keptAfter("max=2", 3), 0);
});

Deno.test("serveProxy() closes an idle connection before the server does", async () => {
  const answer = async (_path: string, conn: Deno.Conn) => {
    await send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=2\r\n\r\n");
    return true;
  };
  await using origin = new FickleOrigin({ served: Infinity, answer });
  await using proxy = serveProxy(OPEN);
  await exchange(proxy.addr.port, last(origin.host, "/1"));
  assertEquals(proxy.stats().idleUpstream, 1);
  await until(() => proxy.stats().idleUpstream === 0);
});

Deno.test("serveProxy() has the server close what is too much to be kept", async () => {
  const said: (string | undefined)[] = [];
  const answer = async (_path: string, _conn: Deno.Conn, fields: Http1Fields) => {
    said.push(fields.get("connection"));
    await Promise.resolve();
  };
  await using origin = new FickleOrigin({ served: Infinity, answer });
  await using proxy = serveProxy({ ...OPEN, maxIdlePerHost: 1 });
  const post = (lines: string) =>
    exchange(proxy.addr.port, ask(origin.host, "/1", { method: "POST", lines: lines + CLOSE }));
  await post("");
  await post("");
  // A login may be for the connection, so the server is not asked to close it.
  await post("Authorization: Basic eDp5\r\n");
  assertEquals(said, [undefined, "close", undefined]);
  assertEquals([origin.connections, proxy.stats().idleUpstream], [3, 1]);
});

Deno.test("serveProxy() keeps the newest connection of a host", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy({ ...OPEN, maxIdlePerHost: 1 });
  const together = await Promise.all(
    ["/1", "/2"].map((path) =>
      exchange(proxy.addr.port, ask(origin.host, path, { method: "POST", lines: CLOSE }))
    ),
  );
  assertEquals(together.map((text) => paths(text)[0]), ["/1", "/2"]);
  assertEquals([origin.connections, proxy.stats().idleUpstream], [2, 1]);
  await until(() => origin.open === 1);
  await exchange(proxy.addr.port, last(origin.host, "/3"));
  assertEquals([origin.connections, proxy.stats().retries], [2, 0]);
});

/** An origin with a login that belongs to the connection; tells who each request is from. */
function ntlmOrigin(scheme = "NTLM"): FickleOrigin {
  const users = new Map<Deno.Conn, string>();
  const say = async (conn: Deno.Conn, status: string, lines: string, body = "") => {
    const length = `Content-Length: ${body.length}\r\n`;
    await send(conn, `HTTP/1.1 ${status}\r\n${lines}${length}\r\n${body}`);
    return true;
  };
  return new FickleOrigin({
    served: Infinity,
    answer: (path, conn, fields) => {
      const [, word] = (fields.get("authorization") ?? "").split(" ");
      if (word === "1") {
        users.set(conn, "half");
        return say(conn, "401 Unauthorized", `WWW-Authenticate: ${scheme} 2\r\n`);
      }
      if (word !== undefined && users.has(conn)) users.set(conn, word);
      const user = users.get(conn);
      return user === undefined || user === "half"
        ? say(conn, "401 Unauthorized", `WWW-Authenticate: ${scheme}\r\n`)
        : say(conn, "200 OK", "", `[${path}=${user}]`);
    },
  });
}

/** A client that sends one request after the other, and gives the responses. */
async function talk(port: number, requests: readonly string[]): Promise<string[]> {
  await using conn = await connectTcp({ port, lingerTimeout: 0 });
  const texts = [];
  for (const request of requests) {
    await conn.write(request);
    texts.push(await answer(conn));
  }
  return texts;
}
const login = (scheme: string, word: string) => `Authorization: ${scheme} ${word}\r\n`;

for (const scheme of ["NTLM", "Negotiate", "ntlm"]) {
  Deno.test(`serveProxy() pins the connection that ${scheme} has logged in`, async () => {
    await using origin = ntlmOrigin(scheme);
    await using other = new FickleOrigin({ served: Infinity });
    await using proxy = serveProxy(OPEN);
    const lines = ["", login(scheme, "1"), login(scheme, "anna"), ""];
    const requests = lines.map((lines, n) => ask(origin.host, `/${n}`, { lines }));
    const post = ask(origin.host, "/post", { method: "POST", body: "hello" });
    const texts = await talk(proxy.addr.port, [...requests, ask(other.host, "/other"), post]);
    assertEquals(texts.map((text) => statuses(text)[0]), [401, 401, 200, 200, 200, 200]);
    assertEquals(paths(texts.join("")), ["/2=anna", "/3=anna", "/other", "/post=anna"]);
    assertEquals(origin.connections, 1);
    // It ends with its client, and nobody else gets it.
    await until(() => origin.open === 0);
    assertEquals(proxy.stats().idleUpstream, 1);
  });
}

Deno.test("serveProxy() pins the connection to the next proxy as well", async () => {
  await using origin = ntlmOrigin();
  await using back = serveProxy({ ...OPEN, name: "b" });
  await using front = serveProxy({ ...OPEN, upstream: back.url });
  const users = ["anna", "bert"];
  const all = await Promise.all(users.map((user) => {
    const lines = ["", login("NTLM", "1"), login("NTLM", user), ""];
    return talk(front.addr.port, lines.map((lines, n) => ask(origin.host, `/${n}`, { lines })));
  }));
  assertEquals(
    all.map((texts) => paths(texts.join(""))),
    users.map((user) => [`/2=${user}`, `/3=${user}`]),
  );
  const [text] = await talk(front.addr.port, [ask(origin.host, "/5")]);
  assertEquals(statuses(text!), [401]);
});

Deno.test("serveProxy() keeps pinned connections of clients apart", async () => {
  await using origin = ntlmOrigin();
  await using proxy = serveProxy(OPEN);
  const users = ["anna", "bert", "cleo", "dora"];
  const all = await Promise.all(users.map((user) => {
    const lines = ["", login("NTLM", "1"), login("NTLM", user), "", ""];
    return talk(proxy.addr.port, lines.map((lines, n) => ask(origin.host, `/${n}`, { lines })));
  }));
  assertEquals(
    all.map((texts) => paths(texts.join(""))),
    users.map((user) => ["/2", "/3", "/4"].map((path) => `${path}=${user}`)),
  );
  // Who comes later is nobody.
  const [text] = await talk(proxy.addr.port, [ask(origin.host, "/5")]);
  assertEquals(statuses(text!), [401]);
});

Deno.test("serveProxy() finds the scheme of a login in a list of challenges", async () => {
  const rows: [challenge: string, pinned: boolean][] = [
    ['Basic realm="a, b", NEGOTIATE, Digest nonce="x"', true],
    ['Digest realm="NTLM", nonce = "Negotiate"', false],
    ["NTLMv3", false],
    ["Basic realm=NTLM", false],
    ["NTLM=1", false],
    // A quotation without an end hides no challenge.
    ['Basic realm="a, NTLM', true],
  ];
  for (const [challenge, pinned] of rows) {
    await using origin = new FickleOrigin({
      served: Infinity,
      answer: async (_, conn) => {
        const lines = `WWW-Authenticate: ${challenge}\r\nContent-Length: 0\r\n`;
        await send(conn, `HTTP/1.1 401 Unauthorized\r\n${lines}\r\n`);
        return true;
      },
    });
    await using proxy = serveProxy(OPEN);
    const [text] = await talk(proxy.addr.port, [ask(origin.host, "/1")]);
    assertEquals(/^Proxy-Support:/m.test(text!), pinned, challenge);
  }
});

Deno.test("serveProxy() tells clients that a login of the connection works", async () => {
  await using origin = ntlmOrigin();
  await using proxy = serveProxy(OPEN);
  const [one, ten] = await talk(proxy.addr.port, [
    ask(origin.host, "/1"),
    `GET http://${origin.host}/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  ]);
  const lines = /^(?:Proxy-Support|Connection): .*$/gm;
  const support = "Proxy-Support: Session-Based-Authentication";
  assertEquals(one!.match(lines), [support, "Connection: Proxy-Support"]);
  assertEquals(ten!.match(lines), [support, "Connection: keep-alive, Proxy-Support"]);
});

Deno.test("serveProxy() starts anew when a pinned connection has ended", async () => {
  await using origin = ntlmOrigin();
  await using proxy = serveProxy(OPEN);
  await using conn = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
  for (const lines of [login("NTLM", "1"), login("NTLM", "anna")]) {
    await conn.write(ask(origin.host, "/1", { lines }));
    await answer(conn);
  }
  origin.cut();
  // A POST does not become a 502 either; the server asks for the login again.
  await conn.write(ask(origin.host, "/2", { method: "POST", body: "hello" }));
  assertEquals(statuses(await answer(conn)), [401]);
  assertEquals([origin.connections, proxy.stats().retries], [2, 0]);
});

Deno.test("serveProxy() notices an unasked response that one read did not reach", async () => {
  const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  const answer = async (path: string, conn: Deno.Conn) => {
    if (path !== "/1") return;
    const head = "HTTP/1.1 200 OK\r\nContent-Length: ";
    // The first read of a connection takes 4096 bytes.
    const size = 4096 - head.length - "4056\r\n\r\n".length;
    await send(conn, `${head}${size}\r\n\r\n${"x".repeat(size)}${evil}`);
    return true;
  };
  await using origin = new FickleOrigin({ served: Infinity, answer });
  await using proxy = serveProxy(OPEN);
  const text = await exchange(proxy.addr.port, ask(origin.host, "/1") + last(origin.host, "/2"));
  assertEquals(paths(text), ["/2"]);
  assertEquals([text.includes("evil"), origin.connections], [false, 2]);
});
