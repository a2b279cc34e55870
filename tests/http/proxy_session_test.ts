import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { serveProxy } from "../../http/proxy.ts";
import { within } from "../_support/runnable.ts";
import { exchange, statuses } from "../_support/raw_http.ts";
import { bytesOf } from "./_http1.ts";
import { FickleOrigin, send } from "./_proxy.ts";

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
