import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type CacheStoreOptions,
  createCacheStore,
  type HttpCacheEntry,
} from "../../../http/client/cache.ts";
import { createClient } from "../../../http/client/client.ts";
import { serve } from "../../_support/http_servers.ts";
import { checkEveryOption } from "../../_support/options.ts";

/** A server that counts its calls, and answers with these headers. */
function counting(headers: HeadersInit | ((request: Request) => HeadersInit), body = "body") {
  const calls: string[] = [];
  const server = serve(async (request) => {
    await request.body?.cancel();
    const made = new Headers(typeof headers === "function" ? headers(request) : headers);
    const tag = made.get("etag");
    const same = tag !== null && request.headers.get("if-none-match") === tag;
    calls.push(`${request.method}${same ? " same" : ""}`);
    if (same) return new Response(null, { status: 304, headers: made });
    return new Response(`${body} ${calls.length}`, { headers: made });
  });
  return Object.assign(server, { calls });
}

Deno.test("a fresh response comes from the cache, whichever way its body is read", async () => {
  await using server = counting({ "cache-control": "max-age=60", "set-cookie": "a=1" });
  await using client = createClient({ cache: true });
  assertEquals(await client.get(server.url).text(), "body 1");
  const again = await client.get(server.url);
  assertEquals([again.cached, again.remoteAddr, again.headers.has("age")], [true, undefined, true]);
  assertEquals([await again.text(), again.headers.getSetCookie()], ["body 1", []]);
  assertEquals(await client.get(`${server.url}#part`).text(), "body 1");
  assertEquals(await (await client.fetch(server.url)).text(), "body 1");
  assertEquals(await client.get(`${server.url}?x`).text(), "body 2");
  assertEquals((await client.head(server.url)).cached, false);
  assertEquals([server.calls, client.stats().active], [["GET", "GET", "HEAD"], 0]);
});

Deno.test("a large and a compressed body are stored as they came", async () => {
  const data = new Uint8Array(200_000).map((_, at) => at % 251);
  let calls = 0;
  await using server = serve(() => {
    calls++;
    const body = new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Response(body, {
      headers: { "cache-control": "max-age=60", "content-encoding": "gzip" },
    });
  });
  await using client = createClient({ cache: true });
  for (let i = 0; i < 3; i++) assertEquals((await client.get(server.url).bytes()).length, 200_000);
  const response = await client.get(server.url);
  assertEquals(response.headers.get("content-encoding"), null);
  assert((await response.bytes()).every((byte, at) => byte === data[at]));
  assertEquals(calls, 1);
});

Deno.test("a stale response is revalidated, and a changed one replaced", async () => {
  let tag = '"1"';
  await using server = counting(() => ({ "cache-control": "no-cache", etag: tag }));
  await using client = createClient({ cache: true });
  const get = async () => {
    const response = await client.get(server.url);
    return [await response.text(), response.status, response.cached];
  };
  assertEquals(await get(), ["body 1", 200, false]);
  assertEquals(await get(), ["body 1", 200, true]);
  tag = '"2"';
  assertEquals(await get(), ["body 3", 200, false]);
  assertEquals(await get(), ["body 3", 200, true]);
  assertEquals(server.calls, ["GET", "GET same", "GET", "GET same"]);
});

Deno.test("what must not be stored or used is not", async () => {
  const rows: [HeadersInit, RequestInit["headers"]][] = [
    [{ "cache-control": "no-store" }, {}],
    [{}, {}],
    [{ "cache-control": "max-age=60", vary: "*" }, {}],
    [{ "cache-control": "max-age=60" }, { "cache-control": "no-store" }],
    [{ "cache-control": "max-age=60" }, { range: "bytes=0-1" }],
    [{ "cache-control": "max-age=60" }, { "if-none-match": '"x"' }],
    [{ "cache-control": "max-age=60" }, { "cache-control": "no-cache" }],
  ];
  for (const [response, request] of rows) {
    await using server = counting(response);
    await using client = createClient({ cache: true });
    for (let i = 1; i < 3; i++) {
      assertEquals(await client.get(server.url, { headers: request ?? {} }).text(), `body ${i}`);
    }
  }
  await using large = counting({ "cache-control": "max-age=60" }, "x".repeat(2000));
  await using client = createClient({ cache: { maxEntry: 1000 } });
  for (let i = 1; i < 3; i++) assert((await client.get(large.url).text()).endsWith(` ${i}`));
  const missing = await client.get(large.url, {
    headers: { "cache-control": "only-if-cached" },
    raiseForStatus: false,
  });
  assertEquals([missing.status, large.calls.length, client.stats().active], [504, 2, 0]);
});

Deno.test("a body that is not read to its end is not stored", async () => {
  let calls = 0;
  await using server = serve(() => {
    calls++;
    return new Response(new Uint8Array(100_000), { headers: { "cache-control": "max-age=60" } });
  });
  await using client = createClient({ cache: true });
  const first = await client.get(server.url);
  for await (const _ of first.body!) break;
  await client.get(server.url).bytes();
  await client.get(server.url).bytes();
  assertEquals([calls, client.stats().active], [2, 0]);
});

Deno.test("variants and users are told apart", async () => {
  await using server = counting((request) => ({
    "cache-control": "max-age=60",
    vary: "accept-language",
    "x-language": request.headers.get("accept-language") ?? "",
  }));
  await using client = createClient({ cache: true });
  const get = (language: string, user?: string) =>
    client.get(server.url, {
      headers: { "accept-language": language },
      ...user === undefined ? {} : { auth: { bearer: user } },
    }).text();
  for (let i = 0; i < 2; i++) {
    assertEquals(await get("de"), "body 1");
    assertEquals(await get("fr"), "body 2");
    assertEquals(await get("de", "ada"), "body 3");
    assertEquals(await get("de", "eve"), "body 4");
  }
  assertEquals(server.calls.length, 4);
});

Deno.test("a request that is cancelled as its head arrives leaves its place", async () => {
  await using server = serve(() => new Response("x".repeat(100_000)));
  const stop = new AbortController();
  const store = { get: () => undefined, set() {}, delete: () => stop.abort() };
  await using client = createClient({ cache: { store } });
  const error = await assertRejects(
    () => client.post(server.url, { signal: stop.signal }),
    DOMException,
  );
  assertEquals([error.name, client.stats().active], ["AbortError", 0]);
});

Deno.test("a 304 for another response than the stored one is asked for again", async () => {
  const seen: (string | null)[] = [];
  await using server = serve((request) => {
    const condition = request.headers.get("if-none-match");
    seen.push(condition);
    return condition === null
      ? new Response(`body ${seen.length}`, {
        headers: { etag: '"a"', "cache-control": "max-age=0" },
      })
      : new Response(null, {
        status: 304,
        headers: { etag: '"b"', "cache-control": "max-age=60" },
      });
  });
  await using client = createClient({ cache: true });
  assertEquals(await client.get(server.url).text(), "body 1");
  const again = await client.get(server.url);
  assertEquals([again.status, again.cached, await again.text()], [200, false, "body 3"]);
  assertEquals(again.history.map(({ status }) => status), [304]);
  assertEquals(seen, [null, '"a"', null]);
});

Deno.test("responses for other cookies, API keys and hosts are told apart, also without Vary", async () => {
  await using server = counting(() => ({ "cache-control": "max-age=60" }));
  await using client = createClient({ cache: true });
  const users: Record<string, string>[] = [
    { cookie: "s=1" },
    { cookie: "s=2" },
    { "x-api-key": "k" },
    { host: "b.test" },
    {},
  ];
  for (let i = 0; i < 2; i++) {
    for (const [index, headers] of users.entries()) {
      assertEquals(await client.get(server.url, { headers }).text(), `body ${index + 1}`);
    }
  }
  assertEquals(server.calls.length, users.length);
});

Deno.test("another method drops what it may have changed", async () => {
  await using server = counting((request) => ({
    "cache-control": "max-age=60",
    ...request.method === "POST" && { "content-location": "/item" },
  }));
  await using client = createClient({ cache: true });
  const item = `${server.url}item`;
  const get = () => Promise.all([server.url, item].map((url) => client.get(url).text()));
  const [a, b] = await get();
  assertEquals(await get(), [a, b]);
  await client.options(server.url);
  assertEquals(await get(), [a, b]);
  await client.post(server.url, { json: 1 });
  const [c, d] = await get();
  assert(a !== c && b !== d);
});

Deno.test("redirects and revalidation work with one place, and a failing store harms nothing", async () => {
  let calls = 0;
  await using server = serve((request) => {
    calls++;
    return request.url.endsWith("/old")
      ? new Response(null, {
        status: 301,
        headers: { location: "/new", "cache-control": "max-age=60" },
      })
      : new Response("new", { headers: { "cache-control": "max-age=60" } });
  });
  await using client = createClient({ cache: true, maxPerHost: 1 });
  for (let i = 0; i < 3; i++) assertEquals(await client.get(`${server.url}old`).text(), "new");
  assertEquals([calls, client.stats().active], [2, 0]);
  const reason = new Error("full");
  const fail = () => Promise.reject(reason);
  await using broken = createClient({
    cache: { store: { get: () => undefined, set: fail, delete: fail } },
  });
  assertEquals(await broken.get(server.url).text(), "new");
  assertEquals(await broken.post(server.url, { json: 1 }).text(), "new");
});

Deno.test("createCacheStore() keeps to its limits, least recently used first", async () => {
  const entry = (size: number): HttpCacheEntry[] => [
    { policy: {}, statusText: "", body: new Uint8Array(size) },
  ];
  const store = createCacheStore({ maxSize: 1000, maxKeys: 3 });
  for (const key of ["a", "b", "c"]) store.set(key, entry(100));
  store.get("a");
  store.set("d", entry(100));
  const there = () => ["a", "b", "c", "d", "e"].filter((key) => store.get(key) !== undefined);
  assertEquals(there(), ["a", "c", "d"]);
  store.set("e", entry(900));
  assertEquals(there(), ["e"]);
  store.set("e", entry(2000));
  assertEquals(there(), []);
  store.set("a", entry(1));
  store.delete("a");
  assertEquals(there(), []);
  await checkEveryOption<CacheStoreOptions>(
    "createCacheStore",
    { maxSize: "count", maxKeys: "count" },
    (options) => void createCacheStore(options),
  );
  assertThrows(() => createClient({ cache: { store: {} as never } }), TypeError, "cache.store");
  assertThrows(() => createClient({ cache: { maxEntry: 0 } }), RangeError, "cache.maxEntry");
});
