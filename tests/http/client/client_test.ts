import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { createClient, type HttpClientOptions } from "../../../http/client/client.ts";
import {
  HttpDecodeError,
  HttpRequestError,
  HttpStatusError,
  HttpTimeoutError,
} from "../../../http/client/errors.ts";
import { deadPort, echo, RawServer, serve } from "../../_support/http_servers.ts";

/** A client for one server, without retries unless told. */
function clientFor(base: string, options: HttpClientOptions = {}) {
  return createClient({ baseUrl: base, retry: false, ...options });
}

Deno.test("createClient() sends every method, with parameters, headers and bodies", async () => {
  await using server = echo();
  await using client = clientFor(`${server.url}api/`, {
    headers: { "x-one": "1", "x-two": "2" },
    params: { key: "k" },
  });
  const got = await client.get("users?z=0", {
    params: [["a", 1], ["b", true], ["a", "ä &"]],
    headers: { "x-two": null, "x-three": "3" },
  }).json<Echo>();
  assertEquals(got.url, "/api/users?z=0&key=k&a=1&b=true&a=%C3%A4+%26");
  assertEquals([got.headers["x-one"], got.headers["x-two"], got.headers["x-three"]], [
    "1",
    undefined,
    "3",
  ]);
  const bodies = [
    [{ json: { a: [1] } }, "application/json", '{"a":[1]}'],
    [{ form: { a: ["1", "2"], b: null } }, "application/x-www-form-urlencoded", "a=1&a=2"],
    [{ body: "text" }, "text/plain;charset=UTF-8", "text"],
    [{ body: new Uint8Array([65]) }, undefined, "A"],
  ] as const;
  for (const method of ["post", "put", "patch", "delete"] as const) {
    for (const [options, type, body] of bodies) {
      const sent = await client[method]("x", options).json<Echo>();
      assertEquals([sent.method, sent.body], [method.toUpperCase(), body]);
      assertEquals(sent.headers["content-type"], type);
    }
  }
  assertEquals((await client.head("x")).status, 200);
  assertEquals((await client.options("x").json<Echo>()).method, "OPTIONS");
  assertEquals(client.stats().active, 0);
});

Deno.test("a base URL names a folder, with and without a slash at its end", async () => {
  await using server = echo();
  for (const base of ["api/v1", "api/v1/"]) {
    await using client = clientFor(server.url + base);
    assertEquals((await client.get("users").json<Echo>()).url, "/api/v1/users");
    assertEquals((await client.get("/users").json<Echo>()).url, "/users");
    await using below = client.extend({ baseUrl: "beta" });
    assertEquals((await below.get("users").json<Echo>()).url, "/api/v1/beta/users");
  }
});

Deno.test("a Host that the caller sets is sent, and stays with its origin", async () => {
  await using server = echo();
  await using other = echo();
  await using client = clientFor(server.url, { headers: { host: "shop.example" } });
  assertEquals((await client.get("a").json<Echo>()).headers.host, "shop.example");
  const own = { headers: { host: "own.example" } };
  assertEquals((await client.get("a", own).json<Echo>()).headers.host, "own.example");
  assertEquals((await client.get(other.url).json<Echo>()).headers.host, new URL(other.url).host);
});

interface Echo {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: string;
}

Deno.test("createClient() rejects nonsense before any I/O", async () => {
  for (
    const options of [
      { baseUrl: "nope" },
      { baseUrl: "ftp://a/" },
      { baseUrl: "http://u:p@a/" },
      { auth: { username: "a:b", password: "c" } },
      { caCerts: ["nope"] },
      { cert: "x" },
      { cert: "x", key: "y" },
      { caCerts: ["-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----"] },
      { unixSocket: "" },
      { proxy: { url: "http://u%zz:p@127.0.0.1:1" } },
      { proxy: { url: "gopher://a" } },
      { proxy: { url: "http://a:1" }, unixSocket: "/x" },
    ] satisfies HttpClientOptions[]
  ) assertThrows(() => createClient(options), TypeError, undefined, JSON.stringify(options));
  for (
    const options of [
      { maxPerHost: 0 },
      { timeouts: { total: -1 } },
      { retry: { total: NaN } },
      { maxBody: 0.5 },
    ]
  ) assertThrows(() => createClient(options), RangeError);
  await using client = createClient();
  const misuse = [
    () => client.get("/relative"),
    () => client.get("file:///etc/passwd"),
    () => client.request("GE T", "http://127.0.0.1/"),
    () => client.request("CONNECT", "http://127.0.0.1/"),
    () => client.post("http://127.0.0.1/", { body: "x", headers: { "content-length": "2" } }),
    () => client.post("http://127.0.0.1/", { body: "x", headers: { "transfer-encoding": "x" } }),
    () => client.post("http://127.0.0.1/", { body: "x", json: 1 }),
    () => client.get("http://127.0.0.1/", { headers: { "x-a": "b\r\nc: d" } }),
  ];
  for (const work of misuse) await assertRejects(() => work(), TypeError);
  for (const headers of [{ "x-key": "se\ncret" }, [["x-key", "se\ncret"]] as [string, string][]]) {
    const error = await assertRejects(
      () => client.get("http://127.0.0.1/", { headers }),
      TypeError,
    );
    assert(!error.message.includes("cret"), error.message);
  }
  assertEquals(client.stats().requests, 0);
});

Deno.test("an answer of 400 and above is an HttpStatusError with problem details", async () => {
  await using server = serve(() =>
    Response.json({ title: "Taken", detail: "ada is taken\x1b[2J", extra: 1 }, {
      status: 409,
      statusText: "Conflict",
      headers: {
        "content-type": "application/problem+json",
        "x-a": "b",
        "set-cookie": "id=its-secret",
      },
    })
  );
  await using client = clientFor(server.url);
  const error = await assertRejects(() => client.get("u?key=secret"), HttpStatusError);
  assertEquals(error.status, 409);
  assertEquals(error.headers.get("x-a"), "b");
  assertEquals(error.problem?.extensions, { extra: 1 });
  assert(!Deno.inspect(error).includes("secret"), Deno.inspect(error));
  assert(!error.message.includes("secret") && !error.message.includes("\x1b"), error.message);
  const response = await client.get("u", { raiseForStatus: false });
  assertEquals([response.status, response.ok], [409, false]);
  assertEquals((await client.fetch(`${server.url}u`)).status, 409);
  await response.body?.cancel();
});

Deno.test("an HttpStatusError keeps a bounded piece of a large body", async () => {
  await using server = serve(() => new Response("x".repeat(1_000_000), { status: 500 }));
  await using client = clientFor(server.url);
  const error = await assertRejects(() => client.get(""), HttpStatusError);
  assertEquals(error.body.length, 64 * 1024);
  // Whoever logs the error does not log the body.
  assert(Deno.inspect(error).length < 2000);
  assertEquals(client.stats().active, 0);
});

Deno.test("JSON that is broken is an HttpDecodeError with the place", async () => {
  await using server = serve(() => new Response('{"a": 1,\n "b": oops}'));
  await using client = clientFor(server.url);
  for (const read of [() => client.get("").json(), async () => (await client.get("")).json()]) {
    const error = await assertRejects(read, HttpDecodeError);
    assertEquals([error.line, error.column], [2, 7]);
  }
});

Deno.test("text is read by its charset, whichever way it is asked for; JSON is UTF-8", async () => {
  const headers = { "content-type": "text/plain; charset=iso-8859-1" };
  await using server = serve(({ url }) =>
    new Response(url.endsWith("json") ? '"ä"' : new Uint8Array([0xe4]), { headers })
  );
  await using client = clientFor(server.url);
  for (const onDownload of [undefined, () => {}]) {
    const options = onDownload === undefined ? {} : { onDownload };
    assertEquals(await client.get("", options).text(), "ä");
    assertEquals(await (await client.get("", options)).text(), "ä");
    assertEquals(await (await client.get("", options)).clone().text(), "ä");
    assertEquals(await client.get("json", options).json(), "ä");
    assertEquals(await (await client.get("json", options)).json(), "ä");
  }
});

Deno.test("a charset is a parameter, with or without quotes, in the first of its name", async () => {
  let type = "";
  await using server = serve(() =>
    new Response(new Uint8Array([0xe4]), { headers: { "content-type": type } })
  );
  await using client = clientFor(server.url);
  const rows: [type: string, text: string][] = [
    ['text/plain;x="; charset=utf-8";\tCharset="ISO-8859-1"', "ä"],
    ["text/plain ;charset = iso-8859-1 ; charset=utf-8", "ä"],
    ["text/plain; xcharset=iso-8859-1", "\ufffd"],
    ["text/plain;\u00a0charset=iso-8859-1", "\ufffd"],
  ];
  for (const row of rows) {
    type = row[0];
    assertEquals(await client.get("").text(), row[1], type);
  }
});

Deno.test("problem details are known by their media type alone", async () => {
  let type = "";
  await using server = serve(() =>
    new Response('{"title":"Taken"}', { status: 409, headers: { "content-type": type } })
  );
  await using client = clientFor(server.url);
  const rows: [type: string, title: string | undefined][] = [
    ["application/problem+json", "Taken"],
    ["APPLICATION/Problem+JSON\t;charset=utf-8", "Taken"],
    ["application/problem+json\u00a0", undefined],
    ["application/problem+jsonx", undefined],
    ["text/html; application/problem+json", undefined],
  ];
  for (const row of rows) {
    type = row[0];
    const error = await assertRejects(() => client.get(""), HttpStatusError);
    assertEquals(error.problem?.title, row[1], type);
  }
});

Deno.test("failures are told apart, and say whether anything was sent", async () => {
  const port = deadPort();
  await using client = createClient({ retry: false });
  const refused = await assertRejects(
    () => client.post(`http://127.0.0.1:${port}/?key=secret`, { json: 1 }),
    HttpRequestError,
  );
  assertEquals([refused.kind, refused.sent], ["refused", "no"]);
  assert(!Deno.inspect(refused).includes("secret"), Deno.inspect(refused));
  const rows = [
    ["", "truncated"],
    ["HTTP/1.1 200 OK\r\nContent-Le", "truncated"],
    ["220 ftp\r\n", "protocol"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "truncated"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc", "truncated"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "truncated"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nab", "protocol"],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(10_000_000)}\r\n\r\n`, "protocol"],
  ] as const;
  for (const [answer, kind] of rows) {
    await using server = new RawServer(answer);
    const error = await assertRejects(
      () => client.get(`${server.url}?key=secret`).text(),
      HttpRequestError,
      undefined,
      answer.slice(0, 60),
    );
    assertEquals(
      [error.kind, error.sent],
      [kind, "maybe"],
      `${error.message}: ${answer.slice(0, 80)}`,
    );
    assert(!Deno.inspect(error).includes("secret"), Deno.inspect(error));
  }
  assertEquals(client.stats().active, 0);
});

Deno.test("each time limit says which it was", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using drip = new RawServer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc", "hold");
  await using client = createClient({ retry: false, maxPerHost: 1 });
  const url = `http://127.0.0.1:${silent.addr.port}/`;
  const stageOf = async (work: () => Promise<unknown>) => {
    const { stage, limit, kind } = await assertRejects(work, HttpTimeoutError);
    assertEquals([limit, kind], [60, "timeout"]);
    return stage;
  };
  assertEquals(await stageOf(() => client.get(url, { timeouts: { headers: 60 } })), "headers");
  assertEquals(await stageOf(() => client.get(url, { timeouts: { total: 60 } })), "total");
  assertEquals(
    await stageOf(() => client.get(drip.url, { timeouts: { body: 60 } }).text()),
    "body",
  );
  assertEquals(
    await stageOf(() => client.get(drip.url, { timeouts: { total: 60 } }).text()),
    "total",
  );
  const holding = client.get(url, { timeouts: { headers: 400 } });
  assertEquals(await stageOf(() => client.get(url, { timeouts: { queue: 60 } })), "queue");
  assertEquals((await assertRejects(() => holding, HttpTimeoutError)).sent, "maybe");
});

Deno.test("a host that swallows everything ends at the limits that hold before an answer", async () => {
  // Nobody accepts, and the queue of the kernel is full.
  using hole = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = hole.addr;
  using _one = await Deno.connect({ hostname: "127.0.0.1", port });
  using _two = await Deno.connect({ hostname: "127.0.0.1", port });
  await using client = createClient({ retry: false });
  for (const stage of ["headers", "total"] as const) {
    const error = await assertRejects(
      () => client.post(`http://127.0.0.1:${port}/`, { json: 1, timeouts: { [stage]: 80 } }),
      HttpTimeoutError,
    );
    assertEquals([error.stage, error.limit], [stage, 80]);
  }
  assertEquals(client.stats().active, 0);
});

Deno.test("a signal ends a request with its reason, at any moment", async () => {
  await using drip = new RawServer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc", "hold");
  await using client = createClient({ maxPerHost: 1 });
  const reason = new Error("enough");
  assertEquals(
    await assertRejects(() => client.get(drip.url, { signal: AbortSignal.abort(reason) })),
    reason,
  );
  const stop = new AbortController();
  const response = await client.get(drip.url, { signal: stop.signal });
  const queued = client.get(drip.url, { signal: stop.signal });
  stop.abort(reason);
  assertEquals(await assertRejects(() => queued), reason);
  assertEquals(await assertRejects(() => response.text()), reason);
  assertEquals(client.stats(), { ...client.stats(), active: 0, waiting: 0 });
});

Deno.test("no place is lost to an answer that nobody reads once its time is over", async () => {
  await using drip = new RawServer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc", "hold");
  await using client = createClient({ maxPerHost: 1, retry: false, timeouts: { queue: 5000 } });
  const stop = new AbortController();
  const unread = await client.get(drip.url, { signal: stop.signal });
  const next = client.get(drip.url, { timeouts: { total: 50 } });
  stop.abort();
  // It gets the place that the first one has left, and leaves it after 50 ms without a reader.
  const late = await next.catch((error) => error as HttpTimeoutError);
  const last = await client.get(drip.url);
  await last.body?.cancel();
  assertEquals(client.stats().active, 0);
  await assertRejects(() => unread.text(), DOMException);
  if (late instanceof Error) assertEquals(late.stage, "total");
  else await assertRejects(() => late.text(), HttpTimeoutError);
});

Deno.test("what a callback throws is the caller's, and gives the place back", async () => {
  const reason = new Error("mine");
  const failing = () => {
    throw reason;
  };
  await using server = serve(({ url }) =>
    new Response(new Uint8Array(500_000), { status: url.endsWith("bad") ? 500 : 200 })
  );
  await using client = clientFor(server.url, { maxPerHost: 1 });
  for (
    const work of [
      () => client.get("", { onDownload: failing }).bytes(),
      async () => (await client.get("", { onDownload: failing })).bytes(),
      () => client.get("bad", { raiseForStatus: failing }),
    ]
  ) {
    assertEquals(await assertRejects(work), reason);
    assertEquals(client.stats().active, 0);
  }
});

Deno.test("a status is told even if there is something wrong with the body beside it", async () => {
  const rows: Array<[string, HttpClientOptions]> = [
    ["HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\nabc", {}],
    ["HTTP/1.1 503 Busy\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", {}],
    [`HTTP/1.1 503 Busy\r\nContent-Length: 5000\r\n\r\n${"x".repeat(5000)}`, { maxBody: 1000 }],
  ];
  for (const [answer, options] of rows) {
    await using server = new RawServer(answer);
    await using client = clientFor(server.url, options);
    const error = await assertRejects(() => client.get(""), HttpStatusError);
    assertEquals([error.status, error.body], [503, ""]);
    assertInstanceOf(error.cause, HttpRequestError);
    assertEquals(client.stats().active, 0);
  }
});

Deno.test("closing a client ends what is under way", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = createClient();
  const pending = client.get(`http://127.0.0.1:${silent.addr.port}/`);
  const caught = assertRejects(() => pending, HttpRequestError);
  await (await silent.accept()).close();
  client.close();
  client.close();
  assertEquals((await caught).kind, "closed");
  const after = await assertRejects(() => client.get("http://127.0.0.1/"), HttpRequestError);
  assertEquals([after.kind, after.sent], ["closed", "no"]);
});

Deno.test("no more than maxPerHost requests are under way, in the order they came", async () => {
  let now = 0;
  let most = 0;
  const order: string[] = [];
  await using server = serve(async (request) => {
    order.push(new URL(request.url).pathname);
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now--;
    return new Response("x");
  });
  await using client = clientFor(server.url, { maxPerHost: 3 });
  const paths = Array.from({ length: 30 }, (_, index) => `${index}`);
  await Promise.all(paths.map((path) => client.get(path).text()));
  assertEquals(most, 3);
  assertEquals(order.map((path) => Number(path.slice(1))).toSorted((a, b) => a - b).length, 30);
  assertEquals(order.slice(0, 3).toSorted(), ["/0", "/1", "/2"]);
});

Deno.test("a body larger than maxBody is an error, whatever its length was said to be", async () => {
  await using server = serve((request) =>
    request.url.endsWith("chunked")
      ? new Response(ReadableStream.from([new Uint8Array(600), new Uint8Array(600)]))
      : new Response(new Uint8Array(1200))
  );
  await using client = clientFor(server.url, { maxBody: 1000 });
  for (const path of ["chunked", "length"]) {
    const error = await assertRejects(() => client.get(path).bytes(), HttpRequestError);
    assertEquals(error.kind, "limit");
  }
  assertEquals((await client.get("length", { maxBody: 1200 }).bytes()).length, 1200);
  // If both are sent and the connection ends, the chunks count (RFC 9112 §6.3).
  const chunks = `4b0\r\n${"x".repeat(1200)}\r\n0\r\n\r\n`;
  await using both = new RawServer(
    `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  );
  const error = await assertRejects(() => client.get(both.url).bytes(), HttpRequestError);
  assertEquals(error.kind, "limit");
  assertEquals(client.stats().active, 0);
});

Deno.test("what changes the protocol or the coding of a body unasked is an error", async () => {
  await using client = createClient({ retry: false });
  const coded = (name: string) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${name}\r\n\r\n2\r\nhi\r\n0\r\n\r\n`;
  for (
    const [answer, words] of [
      ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "switches"],
      [coded("gzip, chunked"), "no Transfer-Encoding is known but chunked"],
      [coded("chunked, x"), "Transfer-Encoding"],
      [coded("x"), "Transfer-Encoding"],
    ] as const
  ) {
    await using server = new RawServer(answer);
    const error = await assertRejects(
      () => client.get(server.url).bytes(),
      HttpRequestError,
      words,
    );
    assertEquals([error.kind, error.retryable], ["protocol", false]);
  }
  await using server = new RawServer(coded("Chunked"));
  assertEquals(await client.get(server.url).text(), "hi");
  assertEquals(client.stats().active, 0);
});

Deno.test("client.fetch takes what fetch does", async () => {
  await using server = echo();
  await using client = createClient();
  const request = new Request(`${server.url}a`, {
    method: "POST",
    body: "hi",
    headers: { "x-a": "b" },
  });
  const response = await client.fetch(request);
  assertInstanceOf(response, Response);
  const sent = await response.json() as Echo;
  assertEquals([sent.method, sent.body, sent.headers["x-a"]], ["POST", "hi", "b"]);
  assertEquals(response.url, `${server.url}a`);
  const { fetch } = client;
  const form = new FormData();
  form.set("f", new File(["x"], 'a"b.txt'));
  const multipart = await (await fetch(server.url, { method: "PUT", body: form })).json() as Echo;
  assert(multipart.body.includes('filename="a%22b.txt"'), multipart.body);
});

Deno.test("a body that is read once its client is closed fails at once", async () => {
  await using server = serve(() => new Response("x".repeat(100_000)));
  for (const dialer of [false, true]) {
    const client = clientFor(server.url, { dialer });
    const response = await client.get("");
    await client[Symbol.asyncDispose]();
    const error = await assertRejects(() => response.text(), HttpRequestError);
    assertEquals(error.kind, "closed");
  }
});

Deno.test("a request can be awaited and then read, and has the methods of a promise", async () => {
  await using server = serve(() => Response.json([1]));
  await using client = createClient();
  const read = async <T>(how: (request: ReturnType<typeof client.get>) => Promise<T>) => {
    const request = client.get(server.url);
    assertEquals((await request).status, 200);
    return await how(request);
  };
  assertEquals(await read((request) => request.json()), [1]);
  assertEquals(await read((request) => request.text()), "[1]");
  assertEquals(await read((request) => request.bytes()), new TextEncoder().encode("[1]"));
  let ended = 0;
  const response = await client.get(server.url).finally(() => void ended++);
  assertEquals([await response.text(), ended], ["[1]", 1]);
});

Deno.test("an empty body is no JSON, and the error says so", async () => {
  await using server = serve(() => new Response(" \n"));
  await using client = createClient();
  const error = await assertRejects(
    () => client.get(`${server.url}?key=secret`).json(),
    HttpDecodeError,
    "the body is empty",
  );
  const shown = JSON.parse(JSON.stringify(error));
  assertEquals([shown.name, shown.status, shown.message], [error.name, 200, error.message]);
  assert(!JSON.stringify(shown).includes("secret"));
});

Deno.test("params may be a text or pairs, and must be plain values", async () => {
  await using server = serve(({ url }) => new Response(new URL(url).search));
  await using client = createClient();
  const { url } = server;
  assertEquals(await client.get(`${url}?a=1`, { params: "?b=2" }).text(), "?a=1&b=2");
  assertEquals(await client.get(url, { params: new URLSearchParams({ b: "2" }) }).text(), "?b=2");
  assertEquals(await client.get(`${url}?a=1`, { params: "" }).text(), "?a=1");
  const params = { a: {} } as unknown as Record<string, string>;
  await assertRejects(async () => await client.get(url, { params }), TypeError, 'parameter "a"');
  await assertRejects(
    async () => await client.get(7 as unknown as string),
    Error,
    "url must be a URL or a string",
  );
});

Deno.test("a response can be cloned, and keeps where it came from", async () => {
  await using server = serve(() => new Response('{"a":1}', { status: 203 }));
  await using client = clientFor(server.url);
  const response = await client.get("x");
  const copy = response.clone();
  assertEquals([copy.url, copy.status, copy.ok], [`${server.url}x`, 203, true]);
  assertEquals([await copy.json(), await response.text()], [{ a: 1 }, '{"a":1}']);
});

Deno.test("the stack of an error leads to its request", async () => {
  await using server = serve(() => new Response("no", { status: 404 }));
  await using client = createClient({ retry: false });
  const dead = `127.0.0.1:${deadPort()}`;
  for (const url of [server.url, `http://${dead}/`]) {
    for (const request of [() => client.get(url), () => client.get(url).text()]) {
      const error = await (async function theCaller() {
        return await request();
      })().catch((error) => error);
      assertStringIncludes(error.stack, "theCaller");
    }
  }
  const refused = await assertRejects(() => client.get(`http://${dead}/`), HttpRequestError);
  assertEquals(refused.address, dead);
});
