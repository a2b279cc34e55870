import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createClient,
  type HttpClient,
  type HttpProgress,
  type HttpRequestOptions,
} from "../../../http/client/client.ts";
import { HttpRequestError, HttpTimeoutError } from "../../../http/client/errors.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { deadPort, echo, RawServer, serve } from "../../_support/http_servers.ts";

interface Echo {
  headers: Record<string, string | undefined>;
  body: string;
}

const TEXT = "abcdefghij".repeat(200_000);
const BYTES = new TextEncoder().encode(TEXT);

Deno.test("what has a known length goes up with it, not in chunks", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a.txt`;
  await Deno.writeTextFile(path, TEXT);
  const form = new FormData();
  form.set("a", new File(["x"], "x.txt"));
  const stream = () => new Blob([BYTES]).stream();
  const rows: Array<[HttpRequestOptions, string | undefined]> = [
    [{ body: TEXT }, "2000000"],
    [{ body: BYTES }, "2000000"],
    [{ body: BYTES.buffer }, "2000000"],
    [{ body: new Blob([BYTES]) }, "2000000"],
    [{ json: TEXT }, "2000002"],
    [{ body: "ä", onUpload() {} }, "2"],
    [{ body: new URLSearchParams("a=b"), onUpload() {} }, "3"],
    [{ body: stream(), headers: { "content-length": "2000000" } }, "2000000"],
    [{ body: stream() }, undefined],
    [{ multipart: form }, "*"],
    [{ multipart: { a: "1", file: { path } } }, "*"],
    [{ multipart: { a: { stream: stream(), filename: "a" } } }, undefined],
  ];
  await using server = echo();
  await using client = createClient();
  for (const [options, length] of rows) {
    const sent = await client.put(server.url, options).json<Echo>();
    const size = `${new TextEncoder().encode(sent.body).length}`;
    const { "content-length": told, "transfer-encoding": coding } = sent.headers;
    assertEquals(told, length === "*" ? size : length);
    assertEquals(coding, length === undefined ? "chunked" : undefined);
    if (length !== undefined) assertEquals(told, size);
  }
});

Deno.test("a stream goes up in its own pieces, of any size", async () => {
  await using server = echo();
  await using client = createClient();
  const sizes = [1, 128 * 1024, 128 * 1024 + 1, 1_000_000];
  const body = ReadableStream.from(sizes.map((size) => BYTES.subarray(0, size)));
  const sent = await client.put(server.url, { body }).json<Echo>();
  assertEquals(sent.headers["transfer-encoding"], "chunked");
  assert(sent.body === sizes.map((size) => TEXT.slice(0, size)).join(""));
});

Deno.test("a body of a Request goes up as fetch sends it", async () => {
  const live = () =>
    ReadableStream.from((async function* () {
      for (const piece of ["a", "b", "c"]) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield new TextEncoder().encode(piece);
      }
    })());
  await using server = echo();
  await using client = createClient();
  const bodies: Array<[BodyInit, string, string | undefined]> = [
    ["abc", "abc", "3"],
    [new URLSearchParams("a=b"), "a=b", "3"],
    [live(), "abc", undefined],
    [TEXT, TEXT, "2000000"],
  ];
  for (const [body, text, length] of bodies) {
    const request = new Request(server.url, { method: "POST", body });
    const sent = await (await client.fetch(request)).json() as Echo;
    assertEquals([sent.body === text, sent.headers["content-length"]], [true, length]);
  }
  // What is all there can be sent again.
  let calls = 0;
  await using busy = serve(async (request) =>
    new Response(await request.text(), { status: ++calls < 3 ? 503 : 200 })
  );
  const patient = client.extend({ retry: { backoffFactor: 0 } });
  const put = new Request(busy.url, { method: "PUT", body: "abc" });
  assertEquals([await (await patient.fetch(put)).text(), calls], ["abc", 3]);
});

Deno.test("a large body can be sent again, and stays the caller's", async () => {
  let calls = 0;
  await using server = serve(async (request) => {
    const { length } = await request.bytes();
    return new Response(`${length}`, { status: ++calls % 2 ? 503 : 200 });
  });
  await using moved = serve(() =>
    new Response(null, { status: 307, headers: { location: server.url } })
  );
  const bytes = new Uint8Array(3_000_000).fill(7);
  await using client = createClient({ retry: { backoffFactor: 0 } });
  const onUpload = () => {};
  for (const url of [server.url, moved.url]) {
    for (const body of [bytes, new Blob([bytes])]) {
      assertEquals(await client.put(url, { body, onUpload }).text(), "3000000");
    }
    const form = await client.put(url, { multipart: { a: new Blob([bytes]) } }).text();
    assert(Number(form) > 3_000_000, form);
  }
  assertEquals([bytes.length, bytes.every((one) => one === 7)], [3_000_000, true]);
});

Deno.test("an upload may take long as long as it moves, and not once it does not", async () => {
  await using server = echo();
  await using client = createClient({ retry: false, timeouts: { headers: 600 } });
  const told: HttpProgress[] = [];
  const slow = ReadableStream.from((async function* () {
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield BYTES.slice(0, 10);
    }
  })());
  const started = performance.now();
  const headers = { "content-length": "200" };
  const onUpload = (one: HttpProgress) => void told.push(one);
  const sent = await client.post(server.url, { body: slow, headers, onUpload }).json<Echo>();
  assertEquals(sent.body.length, 200);
  assert(performance.now() - started > 600);
  assertEquals([told.length, told.at(-1)], [20, { transferred: 200, total: 200 }]);
  // Nobody reads what comes.
  using stuck = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const endless = ReadableStream.from((function* () {
    for (;;) yield new Uint8Array(64 * 1024);
  })());
  const url = `http://127.0.0.1:${stuck.addr.port}/`;
  const error = await assertRejects(() => client.post(url, { body: endless }), HttpTimeoutError);
  assertEquals([error.stage, error.limit, error.sent], ["headers", 600, "maybe"]);
  assertEquals(client.stats().active, 0);
});

/** A body without end, which says when it is cancelled. */
function endless() {
  const cancelled = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      await new Promise((resolve) => timer = setTimeout(resolve, 5));
      controller.enqueue(new Uint8Array(1000));
    },
    cancel() {
      clearTimeout(timer);
      cancelled.resolve();
    },
  }, { highWaterMark: 0 });
  return { body, cancelled: cancelled.promise };
}

Deno.test("an upload ends with an answer that does not want it", async () => {
  for (const status of [302, 413, 503]) {
    await using server = new RawServer(
      (index) =>
        `HTTP/1.1 ${index === 0 ? status : 200} X\r\nLocation: /\r\nContent-Length: 2\r\n\r\nok`,
      "hold",
    );
    await using client = createClient({ retry: false });
    const { body, cancelled } = endless();
    await client.post(server.url, { body, raiseForStatus: false }).text();
    await cancelled;
    assertEquals(client.stats().active, 0);
  }
});

Deno.test("an upload that outlives its answer keeps its place, and ends as a request does", async () => {
  await using server = new RawServer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "hold");
  const stop = new AbortController();
  const ways: [string, HttpRequestOptions, (client: HttpClient) => void][] = [
    ["by its signal", { signal: stop.signal }, () => stop.abort()],
    ["with its client", {}, (client) => client.close()],
    ["at its limit", { timeouts: { total: 100 } }, () => {}],
  ];
  for (const [how, options, end] of ways) {
    await using client = createClient({ retry: false, maxPerHost: 1 });
    const { body, cancelled } = endless();
    assertEquals(await client.post(server.url, { body, ...options }).text(), "ok");
    assertEquals(client.stats().active, 1, how);
    end(client);
    await cancelled;
    assertEquals(client.stats().active, 0, how);
  }
  await using client = createClient({ retry: false });
  const body = ReadableStream.from((async function* () {
    for (let i = 0; i < 5; i++) {
      yield new Uint8Array(10);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })());
  await client.post(server.url, { body }).text();
  while (client.stats().active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // Nobody reads what comes.
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    const conn = await silent.accept();
    await conn.read(new Uint8Array(10));
    await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    return conn;
  })();
  const large = ReadableStream.from((function* () {
    for (;;) yield new Uint8Array(64 * 1024);
  })());
  const timeouts = { headers: 100 };
  await client.post(`http://127.0.0.1:${silent.addr.port}/`, { body: large, timeouts }).text();
  while (client.stats().active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  (await answering).close();
});

Deno.test("a stream that is not as long as it was said to be is the caller's mistake", async () => {
  await using server = echo();
  await using client = createClient({ retry: false });
  for (const [length, word] of [["9", "less"], ["2", "more"]] as const) {
    const body = new Blob(["abcde"]).stream();
    const headers = { "content-length": length };
    await assertRejects(() => client.put(server.url, { body, headers }), TypeError, word);
  }
  const body = ReadableStream.from(["text"]) as ReadableStream<unknown> as ReadableStream<
    Uint8Array<ArrayBuffer>
  >;
  await assertRejects(() => client.put(server.url, { body }), TypeError, "no Uint8Array");
  assertEquals(client.stats().active, 0);
});

Deno.test("files are closed whatever becomes of their upload", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a.txt`;
  await Deno.writeTextFile(path, TEXT);
  await using client = createClient({ retry: { total: 1, backoffFactor: 0 } });
  const multipart = { a: { path }, b: { path } };
  const refused = () => client.put(`http://127.0.0.1:${deadPort()}/`, { multipart });
  assertEquals((await assertRejects(refused, HttpRequestError)).sent, "no");
  await using cut = new RawServer("");
  const error = await assertRejects(() => client.put(cut.url, { multipart }), HttpRequestError);
  assertEquals([error.sent, error.history.length], ["maybe", 1]);
  await using early = new RawServer(
    "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "hold",
  );
  const { status } = await client.put(early.url, { multipart, raiseForStatus: false });
  assertEquals(status, 413);
  const stop = new AbortController();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reason = new Error("enough");
  const given = client.put(`http://127.0.0.1:${silent.addr.port}/`, {
    multipart,
    signal: stop.signal,
    onUpload: () => stop.abort(reason),
  });
  assertEquals(await assertRejects(() => given), reason);
  assertEquals(client.stats().active, 0);
});
