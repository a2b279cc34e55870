import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { eventStream } from "../../../../http/handlers/event_stream.ts";
import { reverseProxy } from "../../../../http/proxy/reverse/reverse_proxy.ts";
import type {
  ReverseProxyChoose,
  ReverseProxyFailure,
  ReverseProxyOptions,
  ReverseProxyTarget,
} from "../../../../http/proxy/reverse/options.ts";
import { serveHttp } from "../../../../http/server/server.ts";
import type { ServeHttpOptions } from "../../../../http/server/options.ts";
import { connectTcp } from "../../../../net/tcp/client.ts";
import { developmentCertificate } from "../../../../net/tls/certificate.ts";
import { connectWebSocket } from "../../../../ws/client/client.ts";
import { serveWebSocket } from "../../../../ws/server/server.ts";
import { deadPort } from "../../../_support/http_servers.ts";
import { answer, exchange, statuses } from "../../../_support/raw_http.ts";
import { until } from "../../../_support/until.ts";
import { bytesOf, textOf } from "../../../_support/http1.ts";
import type { Reply } from "../cases.ts";
import { ScriptedOrigin } from "../_scripted_origin.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A proxy in front of an origin that goes by a script. */
async function scripted(
  replies: (string | Reply)[],
  options: ReverseProxyOptions = {},
  server: ServeHttpOptions = {},
) {
  const origin = await ScriptedOrigin.start({ replies });
  const failures: ReverseProxyFailure[] = [];
  const proxy = reverseProxy(`http://${origin.host}`, {
    name: "p",
    onError: (failure) => failures.push(failure),
    ...options,
  });
  const front = serveHttp({ hardened: true, ...server }, proxy);
  return {
    origin,
    proxy,
    front,
    failures,
    port: front.addr.port,
    async [Symbol.asyncDispose]() {
      await front.shutdown({ deadline: 1000 });
      await origin[Symbol.asyncDispose]();
    },
  };
}

function get(path = "/", more = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: example.localhost\r\n${more}Connection: close\r\n\r\n`;
}

Deno.test("reverseProxy() writes the head of a request anew", async () => {
  await using to = await scripted([OK]);
  await exchange(
    to.port,
    "GET /a/../b%2F?c=%20 HTTP/1.1\r\nHost: example.localhost\r\nX-Hop: 1\r\nX-Keep: 2\r\n" +
      "Connection: close, X-Hop\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n" +
      "Proxy-Authorization: Basic eA==\r\nTE: trailers, deflate\r\nUpgrade: h2c\r\n" +
      "HTTP2-Settings: AA\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 6.6.6.6\r\n" +
      "X_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nVia: 1.0 q\r\nExpect: 100-continue\r\n\r\n",
  );
  assertEquals(
    to.origin.requests,
    [
      `GET /a/../b%2F?c=%20 HTTP/1.1\r\nHost: ${to.origin.host}\r\nx-keep: 2\r\n` +
      "TE: trailers\r\nConnection: TE\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n" +
      "X-Forwarded-Host: example.localhost\r\nVia: 1.0 q, 1.1 p\r\n\r\n",
    ],
  );
});

Deno.test("reverseProxy() passes a response on byte for byte, without fields of the connection", async () => {
  const body = "\x1f\x8b\x08\0\xff";
  await using to = await scripted([
    "HTTP/1.1 203 Fine\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\n" +
    "Set-Cookie: b=2, c\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nConnection: X-Hop\r\nX-Hop: 1\r\n" +
    `Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nVia: 1.0 q\r\n\r\n${body}`,
  ]);
  await using conn = await connectTcp({ port: to.port });
  await conn.write(get());
  let all = "";
  for await (const chunk of conn) all += textOf(chunk);
  assertEquals(
    all,
    "HTTP/1.1 203 Fine\r\ncontent-encoding: gzip\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\n" +
      "set-cookie: a=1\r\nset-cookie: b=2, c\r\nvia: 1.0 q, 1.1 p\r\ncontent-length: 5\r\n" +
      `connection: close\r\n\r\n${body}`,
  );
});

Deno.test("reverseProxy() frames HEAD, 204 and 304 without a body", async () => {
  await using to = await scripted([
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 7\r\n\r\n',
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  ]);
  const head = await exchange(to.port, get("/").replace("GET", "HEAD"));
  assertMatch(head, /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 9\r\n[^]*\r\n\r\n$/);
  assertMatch(
    await exchange(to.port, get()),
    /^HTTP\/1\.1 204 No Content\r\n[^]*x-a: 1[^]*\r\n\r\n$/,
  );
  assertMatch(
    await exchange(to.port, get()),
    /^HTTP\/1\.1 304 Not Modified\r\n[^]*etag: "a"[^]*\r\n\r\n$/,
  );
  const part = await exchange(to.port, get("/", "Range: bytes=0-1\r\n"));
  assertMatch(part, /^HTTP\/1\.1 206 [^]*content-range: bytes 0-1\/9[^]*\r\n\r\nab$/);
  assert(to.origin.requests.at(-1)!.includes("range: bytes=0-1\r\n"));
  const unknown = await exchange(to.port, get("/").replace("GET", "HEAD"));
  assert(!/content-length/i.test(unknown), unknown);
  // All of it went over one connection.
  assertEquals(to.origin.heard.length, 1);
});

Deno.test("reverseProxy() keeps Content-Length, and sends chunks in chunks", async () => {
  const ok = [OK, OK, OK];
  await using to = await scripted(ok);
  const post = "POST / HTTP/1.1\r\nHost: a.localhost\r\nConnection: close\r\n";
  await exchange(to.port, `${post}Content-Length: 5\r\n\r\nhello`);
  await exchange(
    to.port,
    `${post}Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n`,
  );
  await exchange(to.port, `${post}\r\n`);
  const [sized, chunked, empty] = to.origin.requests;
  assertMatch(sized!, /\r\nContent-Length: 5\r\n[^]*\r\n\r\nhello$/);
  assertMatch(
    chunked!,
    /\r\nTransfer-Encoding: chunked\r\n[^]*\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n$/,
  );
  assertMatch(empty!, /\r\nContent-Length: 0\r\n[^]*\r\n\r\n$/);
});

Deno.test("reverseProxy() refuses a GET with a body, whose body it could not pass on", async () => {
  await using to = await scripted([OK]);
  const down = await exchange(to.port, get("/", "Content-Length: 3\r\n") + "abc");
  assertEquals(statuses(down), [400]);
  assertEquals(to.origin.requests, []);
});

Deno.test("reverseProxy() goes nowhere else for absolute targets and Host", async () => {
  await using to = await scripted([OK, OK]);
  await exchange(to.port, get("http://other.localhost:1/x"));
  await exchange(to.port, get("//other.localhost/x"));
  const lines = to.origin.requests.map((text) => text.split("\r\n").slice(0, 2));
  assertEquals(lines, [
    ["GET /x HTTP/1.1", `Host: ${to.origin.host}`],
    ["GET //other.localhost/x HTTP/1.1", `Host: ${to.origin.host}`],
  ]);
  for (const method of ["CONNECT", "TRACE"]) {
    const target = method === "CONNECT" ? "other.localhost:1" : "/";
    const down = await exchange(to.port, get(target).replace("GET", method));
    assertEquals(statuses(down), [501]);
  }
});

Deno.test("reverseProxy() tells targets of the client as the option says", async () => {
  await using to = await scripted([OK, OK], { forwarded: "both", host: "client" }, {
    trustProxy: 1,
  });
  await exchange(
    to.port,
    get(
      "/",
      "X-Forwarded-For: 9.9.9.9, 2001:db8::1\r\nX-Forwarded-Proto: https\r\n" +
        "X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 443\r\n",
    ),
  );
  const [request] = to.origin.requests;
  assert(request!.includes("\r\nHost: a.example\r\n"), request);
  assert(
    request!.includes("X-Forwarded-For: 2001:db8::1, 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"),
    request,
  );
  assert(
    request!.includes(
      'Forwarded: for="[2001:db8::1]";proto=https;host="a.example", for=127.0.0.1\r\n',
    ),
    request,
  );
  assert(request!.includes("x-forwarded-port: 443\r\n"), request);
});

Deno.test("reverseProxy() joins paths, strips a prefix, and stays below the path of the target", async () => {
  await using origin = await ScriptedOrigin.start({ replies: [OK, OK, OK, OK] });
  const proxy = reverseProxy(`http://${origin.host}/base/`, { stripPrefix: "/api" });
  await using front = serveHttp({ hardened: true }, proxy);
  const { port } = front.addr;
  for (const path of ["/api/x?y", "/api", "/apis", "/api?q"]) await exchange(port, get(path));
  const lines = origin.requests.map((text) => text.split(" ")[1]);
  assertEquals(lines, ["/base/x?y", "/base/", "/base/apis", "/base/?q"]);
  for (const path of ["/api/../x", "/%2e%2E/x", "/a/..%2fx", "/..;a/x", "/a\\..\\x"]) {
    assertEquals(statuses(await exchange(port, get(path))), [400], path);
  }
});

Deno.test("reverseProxy() lets rewrite change path and fields", async () => {
  await using to = await scripted([OK], {
    rewrite(outgoing, request) {
      outgoing.path = `/v2${outgoing.path}`;
      outgoing.headers.set("x-user", request.headers.get("x-name")!);
      outgoing.headers.delete("x-name");
      outgoing.headers.set("connection", "evil");
      outgoing.headers.set("host", "inner.example");
    },
  });
  await exchange(to.port, get("/a", "X-Name: ada\r\n").replace("close", "close, x-user"));
  const [request] = to.origin.requests;
  assertMatch(request!, /^GET \/v2\/a HTTP\/1\.1\r\nHost: inner\.example\r\n/);
  assert(request!.includes("x-user: ada\r\n") && !/x-name|evil/.test(request!), request);
});

Deno.test("reverseProxy() repeats an idempotent request once on a new connection", async () => {
  await using to = await scripted([OK, { end: true, atEnd: "" }, OK]);
  await exchange(to.port, get("/1"));
  // The kept connection is closed in answer to the second request.
  assertEquals(statuses(await exchange(to.port, get("/2"))), [200]);
  assertEquals(to.origin.requests.map((text) => text.split(" ")[1]), ["/1", "/2", "/2"]);
  assertEquals(to.proxy.stats().retries, 1);
});

Deno.test("reverseProxy() does not repeat a second time, nor after a byte of a response", async () => {
  await using to = await scripted([
    { end: true, atEnd: "" },
    { end: true, atEnd: "" },
    { end: true, atEnd: "HTTP/1.1 2" },
    OK,
  ]);
  assertEquals(statuses(await exchange(to.port, get("/1"))), [502]);
  assertEquals(statuses(await exchange(to.port, get("/2"))), [502]);
  assertEquals(to.origin.requests.map((text) => text.split(" ")[1]), ["/1", "/1", "/2"]);
  assertEquals(to.failures.map(({ status, begun }) => [status, begun]), [[502, false], [
    502,
    false,
  ]]);
});

Deno.test("reverseProxy() never repeats a POST, and sends it on a new connection", async () => {
  await using to = await scripted([OK, { end: true, atEnd: "" }, OK]);
  await exchange(to.port, get("/1"));
  const post =
    "POST /2 HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
  assertEquals(statuses(await exchange(to.port, post)), [502]);
  assertEquals(to.origin.requests.length, 2);
  assertEquals(to.origin.heard.length, 2);
});

Deno.test("reverseProxy() never uses a connection that has ended while idle", async () => {
  await using to = await scripted([{ end: true, atEnd: OK }, OK]);
  await exchange(to.port, get("/1"));
  await until(() => to.proxy.stats().targets[0]!.idle === 0);
  await exchange(to.port, get("/2"));
  assertEquals(to.proxy.stats().retries, 0);
});

Deno.test("reverseProxy() cuts the response of a target that breaks off", async () => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
  for (
    const reply of [
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
      chunked,
      `${chunked}3\r\nab`,
      `${chunked}zz\r\n`,
    ]
  ) {
    await using to = await scripted([{ end: true, atEnd: reply }]);
    const down = await exchange(to.port, get());
    if (statuses(down)[0] === 200) {
      assert(!down.endsWith("0\r\n\r\n") && down.includes("hello"), down);
      assertEquals(to.failures.map(({ begun }) => begun), [true]);
    } else assertEquals(statuses(down), [502]);
    await assertRejects(async () => {
      await using again = await scripted([{ end: true, atEnd: reply }]);
      const response = await fetch(again.front.url);
      if (!response.ok) throw new Error(await response.text());
      await response.text();
    });
  }
});

Deno.test("reverseProxy() resets an HTTP/1.0 client whose response is cut", async () => {
  await using to = await scripted([{
    end: true,
    atEnd: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  }]);
  const down = await exchange(to.port, "GET / HTTP/1.0\r\nHost: a.localhost\r\n\r\n");
  assertMatch(down, /<reset>$/);
});

Deno.test("reverseProxy() answers failures as problem details without internals", async () => {
  const port = deadPort();
  const failures: ReverseProxyFailure[] = [];
  const proxy = reverseProxy(`http://127.0.0.1:${port}`, { onError: (one) => failures.push(one) });
  await using front = serveHttp({ hardened: true }, proxy);
  const response = await fetch(front.url, { method: "POST", body: "x" });
  assertEquals(response.status, 502);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals((await response.json()).detail, "The server cannot be reached");
  assertEquals(failures.map(({ target }) => target), [`http://127.0.0.1:${port}/`]);
  assertMatch(failures[0]!.error.message, /refused/);
});

Deno.test("reverseProxy() answers 502 to malformed responses", async () => {
  for (
    const reply of [
      "SSH-2.0-x\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
      "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    ]
  ) {
    await using to = await scripted([{ atEnd: reply }]);
    assertEquals(statuses(await exchange(to.port, get())), [502], reply);
    await until(() => to.proxy.stats().targets[0]!.active === 0);
  }
});

Deno.test("reverseProxy() answers 504 to a silent target, and limits the silence of bodies", async () => {
  await using silent = await scripted([{ atEnd: "" }], { responseTimeout: 100 });
  assertEquals(statuses(await exchange(silent.port, get())), [504]);
  await using stalled = await scripted(
    [{ atEnd: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello" }],
    { bodyTimeout: 100 },
  );
  const down = await exchange(stalled.port, get());
  assert(down.includes("hello"), down);
  assertEquals(stalled.failures.map(({ status, begun }) => [status, begun]), [[504, true]]);
});

Deno.test("reverseProxy() passes early hints on", async () => {
  await using to = await scripted([
    `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: 1\r\n\r\nHTTP/1.1 102 P\r\n\r\n${OK}`,
  ]);
  const down = await exchange(to.port, get());
  assertMatch(down, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

Deno.test("reverseProxy() passes trailers of a response on", async () => {
  const reply =
    "HTTP/1.1 200 OK\r\nTrailer: X-T, Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "2\r\nok\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n";
  await using to = await scripted([reply, reply]);
  const down = await exchange(to.port, get("/", "TE: trailers\r\n"));
  assertMatch(down, /\r\ntrailer: x-t\r\n[^]*\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n$/);
  assertMatch(await exchange(to.port, get("/")), /\r\n\r\nok$/);
});

Deno.test("reverseProxy() lets a target refuse a body before it is sent", async () => {
  const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
  await using strict = await scripted([{ atHead: refusal }]);
  const post =
    "POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  assertEquals(statuses(await exchange(strict.port, post)), [413]);
  assertEquals(strict.origin.requests, []);
  await using to = await scripted([{ atHead: "HTTP/1.1 100 Continue\r\n\r\n", atEnd: OK }]);
  await using conn = await connectTcp({ port: to.port });
  await conn.write(post);
  assertEquals(await conn.readLine(), "HTTP/1.1 100 Continue");
  assertEquals(await conn.readLine(), "");
  await conn.write("hello");
  assertMatch(await answer(conn), /^HTTP\/1\.1 200 OK[^]*ok$/);
});

Deno.test("reverseProxy() passes an early response on during an upload", async () => {
  await using to = await scripted([{ atHead: OK }]);
  await using conn = await connectTcp({ port: to.port });
  await conn.write("POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 100000\r\n\r\nx");
  assertMatch(await answer(conn), /^HTTP\/1\.1 200 OK[^]*ok$/);
  assertEquals(await conn.readChunk(), null);
  // What the target got is no complete request.
  await until(() => to.proxy.stats().targets[0]!.active === 0);
  assertEquals(to.origin.requests, []);
});

Deno.test("reverseProxy() cuts an upload whose client breaks off", async () => {
  await using to = await scripted([OK]);
  for (const framing of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
    await using conn = await connectTcp({ port: to.port });
    const start = framing.startsWith("C") ? "abc" : "3\r\nabc\r\n";
    await conn.write(`POST / HTTP/1.1\r\nHost: a.localhost\r\n${framing}\r\n\r\n${start}`);
    await until(() => to.origin.heard.at(-1)?.endsWith(start) === true);
    await conn.close();
    await until(() => to.proxy.stats().targets[0]!.active === 0);
  }
  assertEquals(to.origin.requests, []);
  assertEquals(to.failures, []);
});

for (const hardened of [true, false]) {
  const where = hardened ? "on a hardened server" : "on Deno.serve";

  Deno.test(`reverseProxy() lets go of the target when the client has gone, ${where}`, async () => {
    await using to = await scripted([{ atEnd: "" }], {}, { hardened });
    await using conn = await connectTcp({ port: to.port });
    await conn.write(get());
    await until(() => to.origin.requests.length === 1);
    await conn.close();
    await until(() => to.proxy.stats().targets[0]!.active === 0);
    assertEquals(to.failures, []);
  });

  Deno.test(`reverseProxy() ends a stream when the client has gone, ${where}`, async () => {
    const cancelled = Promise.withResolvers<void>();
    await using origin = serveHttp({ hardened: true }, (request, info) => {
      info.signal.addEventListener("abort", () => cancelled.resolve());
      return eventStream(async function* () {
        yield { data: "1" };
        await cancelled.promise;
      })(request, info);
    });
    await using front = serveHttp({ hardened }, reverseProxy(origin.url));
    const response = await fetch(front.url);
    const reader = response.body!.getReader();
    assertMatch(new TextDecoder().decode((await reader.read()).value), /data: ?1/);
    await reader.cancel();
    await cancelled.promise;
  });

  Deno.test(`reverseProxy() streams large bodies in both directions, ${where}`, async () => {
    const size = 3_000_000;
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 31 >> 3);
    await using origin = serveHttp(
      { hardened: true },
      (request) => new Response(request.body, { headers: { "content-type": "image/x" } }),
    );
    await using front = serveHttp({ hardened }, reverseProxy(origin.url));
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      const response = await fetch(front.url, { method: "PUT", body });
      assertEquals(await response.bytes(), bytes);
    }
  });
}

Deno.test("reverseProxy() holds a target back while the client does not read", async () => {
  let sent = 0;
  await using origin = serveHttp({ hardened: true }, () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          sent += 65536;
          controller.enqueue(new Uint8Array(65536));
        },
      }, { highWaterMark: 0 }),
    ));
  await using front = serveHttp({ hardened: true }, reverseProxy(origin.url));
  await using conn = await connectTcp({ port: front.addr.port });
  await conn.write(get());
  let before = -1;
  // It comes to a halt.
  await until(async () => {
    const still = sent === before;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return still && sent > 0 && sent === before;
  });
  assert(sent < 32 * 1024 * 1024, `${sent} bytes`);
});

Deno.test("reverseProxy() passes WebSockets on, and bytes sent along with the head", async () => {
  await using origin = serveWebSocket({ port: 0 }, async (conn) => {
    for await (const message of conn) await conn.send(`echo ${message}`);
  });
  const proxy = reverseProxy(origin.url.replace("ws", "http"));
  await using front = serveHttp({ hardened: true }, proxy);
  {
    await using ws = await connectWebSocket(front.url.replace("http", "ws"));
    await ws.send("hi");
    assertEquals(await ws.receive({ timeout: 30_000 }), "echo hi");
    assertEquals(proxy.stats().tunnels, 1);
  }
  await until(() => proxy.stats().tunnels === 0);
  assertEquals(proxy.stats().targets[0]!.active, 0);
});

Deno.test("reverseProxy() passes any upgrade on, with a half-close", async () => {
  await using origin = await ScriptedOrigin.start({
    tunnel: true,
    replies: [
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ",
    ],
    lastWords: [" bye"],
  });
  await using front = serveHttp({ hardened: true }, reverseProxy(`http://${origin.host}`));
  const down = await exchange(
    front.addr.port,
    "GET / HTTP/1.1\r\nHost: a.localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabc",
    { halfClose: true },
  );
  assertMatch(
    down,
    /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*upgrade: echo\r\n[^]*\r\n\r\nhello ABC bye$/i,
  );
});

Deno.test("reverseProxy() says on Deno.serve what an upgrade needs", async () => {
  await using to = await scripted([OK], {}, { hardened: false });
  const down = await exchange(
    to.port,
    "GET / HTTP/1.1\r\nHost: a.localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
  );
  assertEquals(statuses(down), [501]);
  assertMatch(down, /hardened/);
});

Deno.test("reverseProxy() takes turns, and leaves out targets that fail until a trial succeeds", async () => {
  await using one = await ScriptedOrigin.start({ replies: [OK, OK, OK, OK, OK, OK] });
  const port = deadPort();
  const failures: ReverseProxyFailure[] = [];
  const proxy = reverseProxy([`http://${one.host}`, `http://127.0.0.1:${port}`], {
    maxFails: 2,
    failTimeout: 200,
    onError: (failure) => failures.push(failure),
  });
  await using front = serveHttp({ hardened: true }, proxy);
  for (let i = 0; i < 6; i++) assertEquals(statuses(await exchange(front.addr.port, get())), [200]);
  const [, dead] = proxy.stats().targets;
  assertEquals([dead!.available, dead!.failed], [false, 2]);
  assertEquals(failures, []);
  await until(() => proxy.stats().targets[1]!.available);
  await using two = serveHttp({ hardened: true, port }, () => new Response("back"));
  await until(async () => (await (await fetch(front.url)).text()) === "back");
  assertEquals(two.stats().requests, 1);
});

Deno.test("reverseProxy() answers 503 where no target is available", async () => {
  const targets = [deadPort(), deadPort()].map((port) => `http://127.0.0.1:${port}`);
  const proxy = reverseProxy(targets, { maxFails: 1 });
  await using front = serveHttp({ hardened: true }, proxy);
  assertEquals(statuses(await exchange(front.addr.port, get())), [502]);
  const down = await exchange(front.addr.port, get());
  assertEquals(statuses(down), [503]);
  assertMatch(down, /retry-after: \d+/);
});

Deno.test("reverseProxy() limits the requests of a target", async () => {
  await using to = await scripted([{ atEnd: "" }], { maxConnections: 1 });
  await using conn = await connectTcp({ port: to.port });
  await conn.write(get());
  await until(() => to.origin.requests.length === 1);
  assertEquals(statuses(await exchange(to.port, get())), [503]);
  assertEquals(to.failures.map(({ status, target }) => [status, target]), [[503, undefined]]);
});

Deno.test("reverseProxy() takes the target with the fewest requests", async () => {
  await using slow = await ScriptedOrigin.start({ replies: [{ atEnd: "" }] });
  await using fast = await ScriptedOrigin.start({ replies: [OK, OK, OK] });
  const proxy = reverseProxy([`http://${slow.host}`, `http://${fast.host}`], {
    policy: "least-connections",
  });
  await using front = serveHttp({ hardened: true }, proxy);
  await using conn = await connectTcp({ port: front.addr.port });
  await conn.write(get());
  await until(() => slow.requests.length === 1);
  for (let i = 0; i < 3; i++) assertEquals(statuses(await exchange(front.addr.port, get())), [200]);
  assertEquals(fast.requests.length, 3);
});

Deno.test("reverseProxy() asks a function for the target", async () => {
  await using a = await ScriptedOrigin.start({ replies: [OK, OK] });
  await using b = await ScriptedOrigin.start({ replies: [OK] });
  const choose: ReverseProxyChoose = ({ url }) => {
    const { pathname } = new URL(url);
    return pathname === "/a"
      ? `http://${a.host}`
      : pathname === "/b"
      ? `http://${b.host}`
      : undefined;
  };
  await using front = serveHttp({ hardened: true }, reverseProxy(choose));
  const seen = [];
  for (const path of ["/a", "/b", "/a", "/c"]) {
    seen.push(...statuses(await exchange(front.addr.port, get(path))));
  }
  assertEquals(seen, [200, 200, 200, 404]);
  assertEquals([a.heard.length, a.requests.length, b.requests.length], [1, 2, 1]);
  const policy: ReverseProxyChoose = () => "http://127.0.0.1:1";
  await using strict = serveHttp(
    { hardened: true },
    reverseProxy([`http://${a.host}`], { policy }),
  );
  assertEquals(statuses(await exchange(strict.addr.port, get())), [500]);
});

Deno.test("reverseProxy() verifies https targets", async () => {
  const { cert, key, ca, fingerprint } = await developmentCertificate();
  await using origin = serveHttp({ hardened: true, cert, key }, ({ url }) => new Response(url));
  for (const tls of [{ caCerts: [ca] }, { pin: fingerprint }]) {
    await using good = serveHttp({ hardened: true }, reverseProxy(origin.url, { tls }));
    assertMatch(await (await fetch(good.url)).text(), /^https:/);
  }
  for (const tls of [{}, { pin: "0".repeat(64) }]) {
    await using bad = serveHttp({ hardened: true }, reverseProxy(origin.url, { tls }));
    const response = await fetch(bad.url);
    assertEquals(response.status, 502);
    assertEquals((await response.json()).detail, "The server cannot be verified");
  }
});

Deno.test("reverseProxy() answers 508 to a request that comes back to it", async () => {
  const proxy: { handler?: ReturnType<typeof reverseProxy> } = {};
  await using front = serveHttp(
    { hardened: true },
    (request, info) => proxy.handler!(request, info),
  );
  proxy.handler = reverseProxy(front.url);
  assertEquals(statuses(await exchange(front.addr.port, get())), [508]);
});

Deno.test("reverseProxy() decrements Max-Forwards of OPTIONS, and answers at zero", async () => {
  await using to = await scripted([OK]);
  const options = (hops: number) => get("/", `Max-Forwards: ${hops}\r\n`).replace("GET", "OPTIONS");
  await exchange(to.port, options(2));
  assert(to.origin.requests[0]!.includes("max-forwards: 1\r\n"));
  assertEquals(statuses(await exchange(to.port, options(0))), [204]);
});

Deno.test("reverseProxy() rejects malformed options before any I/O", () => {
  const target = "http://127.0.0.1:1";
  const bad: [ReverseProxyTarget | ReverseProxyTarget[], unknown][] = [
    ["ftp://a", {}],
    ["http://u:p@a", {}],
    ["http://a/?q", {}],
    ["unix:", {}],
    ["nothing", {}],
    [[], {}],
    [[target, target], {}],
    [target, { policy: "best" }],
    [target, { host: "x" }],
    [target, { forwarded: "x" }],
    [target, { name: "a b" }],
    [target, { stripPrefix: "api" }],
    [target, { stripPrefix: "/api/" }],
  ];
  for (const [to, options] of bad) {
    assertThrows(() => reverseProxy(to, options as ReverseProxyOptions), TypeError, " must ");
  }
  for (const name of ["maxFails", "failTimeout", "connectTimeout", "bodyTimeout", "maxIdle"]) {
    assertThrows(() => reverseProxy(target, { [name]: -1 }), RangeError, name);
  }
});

Deno.test({
  name: "reverseProxy() reaches a Unix socket",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const dir = await Deno.makeTempDir();
    const path = `${dir}/s`;
    const listener = Deno.listen({ transport: "unix", path });
    const serving = (async () => {
      for await (const conn of listener) {
        await conn.read(new Uint8Array(4096));
        await conn.write(bytesOf(OK.replace("200 OK\r\n", "200 OK\r\nConnection: close\r\n")));
        conn.close();
      }
    })();
    try {
      await using front = serveHttp({ hardened: true }, reverseProxy(`unix:${path}`));
      assertEquals(await (await fetch(front.url)).text(), "ok");
    } finally {
      listener.close();
      await serving;
      await Deno.remove(dir, { recursive: true });
    }
  },
});
