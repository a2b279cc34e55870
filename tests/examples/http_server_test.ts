/** `examples/http_server.ts`: what it answers to every kind of request. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startRunnable } from "../_support/runnable.ts";
import { exchange, statuses } from "../_support/raw_http.ts";

/** The bodies of the answers in a text, each behind its head. */
const bodyOf = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);
const CLOSE = "Host: h\r\nConnection: close\r\n";
const post = (lines: string, body: string | Uint8Array = "") => {
  const head = new TextEncoder().encode(`POST /p HTTP/1.1\r\n${CLOSE}${lines}\r\n`);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new Uint8Array([...head, ...bytes]);
};

Deno.test("http_server greets, gives back what it was sent, and refuses the rest properly", async () => {
  await using server = await startRunnable("http-server", ["--port=0", "--max-body=1KiB"]);
  const ask = (request: string | Uint8Array, halfClose = false) =>
    exchange(server.port, request, { halfClose });

  const got = await ask(`GET /a%20b/?q=1 HTTP/1.1\r\n${CLOSE}\r\n`);
  assertEquals(statuses(got), [200]);
  assertMatch(got, /^content-type: application\/json/im);
  assertEquals(bodyOf(got), '{"path":"/a%20b/","method":"GET","message":"Hello, World!"}');

  const data = 'a "b"\n{ä}';
  const length = new TextEncoder().encode(data).length;
  const expected = { path: "/p", method: "POST", data };
  assertEquals(
    JSON.parse(bodyOf(await ask(post(`Content-Length: ${length}\r\n`, data)))),
    expected,
  );
  const chunks = "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n";
  const chunked = await ask(post("Transfer-Encoding: chunked\r\n", chunks));
  assertEquals(JSON.parse(bodyOf(chunked)), { ...expected, data: "hello!" });
  // RFC 9112 §6.3: neither length nor chunks is a body of nothing.
  assertEquals(JSON.parse(bodyOf(await ask(post("")))), { ...expected, data: "" });

  const head = await ask(`HEAD /a HTTP/1.1\r\n${CLOSE}\r\n`);
  assertEquals([statuses(head), bodyOf(head)], [[200], ""]);
  for (const method of ["PUT", "DELETE", "PATCH"]) {
    const other = await ask(`${method} / HTTP/1.1\r\n${CLOSE}Content-Length: 0\r\n\r\n`);
    assertEquals(statuses(other), [405]);
    assertMatch(other, /^allow: .*GET.*POST/im);
  }

  const refusals: [number, string | Uint8Array][] = [
    [400, post("Content-Length: 3\r\n", new Uint8Array([0x61, 0xff, 0x62]))],
    [400, post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")],
    [400, post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
    [400, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"],
    [413, post("Content-Length: 1025\r\n", "x".repeat(1025))],
    [413, post("Transfer-Encoding: chunked\r\n", `500\r\n${"x".repeat(0x500)}\r\n0\r\n\r\n`)],
  ];
  for (const [status, request] of refusals) {
    assertEquals(statuses(await ask(request)), [status], String(request).slice(0, 80));
  }
  const utf8 = await ask(refusals[0]![1]);
  assertMatch(utf8, /^content-type: application\/problem\+json/im);
  assertStringIncludes(utf8, "UTF-8");

  // A length that promises more than comes is no request.
  const lies = await ask(post("Content-Length: 10\r\n", "abc"), true);
  assert(!lies.includes('"data"'), lies);

  const both = await ask(
    `GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx` +
      `GET /3 HTTP/1.1\r\n${CLOSE}\r\n`,
  );
  assertEquals(statuses(both), [200, 200, 200]);
  assertEquals([...both.matchAll(/"path":"(.*?)"/g)].map(([, path]) => path), ["/1", "/2", "/3"]);
});

Deno.test("http_server --json logs one line of JSON a request, without the query", async () => {
  await using server = await startRunnable("http-server", ["--port=0", "--json"]);
  await exchange(server.port, `GET /\x1b?key=secret HTTP/1.1\r\n${CLOSE}\r\n`);
  await exchange(server.port, `GET /a?key=secret HTTP/1.1\r\n${CLOSE}\r\n`);
  await exchange(server.port, `PUT /b HTTP/1.1\r\n${CLOSE}Content-Length: 0\r\n\r\n`);
  server.signal("SIGTERM");
  assertEquals(await server.exitCode(), 0, server.stderr);
  const lines = server.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  const told = lines.map(({ properties }) => properties).filter((one) => one?.method);
  assertEquals(told.map(({ method, path, status }) => [method, path, status]).slice(-2), [
    ["GET", "/a", 200],
    ["PUT", "/b", 405],
  ]);
  assert(!server.stderr.includes("secret") && !server.stderr.includes("\x1b"), server.stderr);
});

Deno.test("http_server's requests are in Deno's OpenTelemetry under the trace of its log", async () => {
  const spans: Record<string, unknown>[] = [];
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { resourceSpans = [] } = await request.json();
      spans.push(
        ...resourceSpans.flatMap(({ scopeSpans }: { scopeSpans: { spans: [] }[] }) =>
          scopeSpans.flatMap((scope) => scope.spans)
        ),
      );
      return Response.json({});
    },
  );
  await using server = await startRunnable("http-server", ["--port=0", "--json"], {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
    },
  });
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const parent = `traceparent: 00-${trace}-00f067aa0ba902b7-01\r\n`;
  await exchange(server.port, `GET /traced HTTP/1.1\r\n${CLOSE}${parent}\r\n`);
  server.signal("SIGTERM");
  assertEquals(await server.exitCode(), 0, server.stderr);
  assertStringIncludes(server.stderr, `"trace":"${trace}"`);
  const ours = spans.filter((span) => span.parentSpanId === "00f067aa0ba902b7");
  assertEquals(ours.map(({ traceId }) => traceId), [trace]);
});

Deno.test("http_server answers for this machine, and for names that it is told", async () => {
  await using server = await startRunnable("http-server", ["--port=0", "--allow-host=www.example"]);
  const told: string[] = [];
  for (const host of ["www.example", "localhost", "127.0.0.1:1", "[::1]", "evil.example"]) {
    const text = await exchange(
      server.port,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    told.push(`${host} ${statuses(text)}`);
  }
  assertEquals(told, [
    ...["www.example 200", "localhost 200", "127.0.0.1:1 200", "[::1] 200", "evil.example 421"],
  ]);
});
