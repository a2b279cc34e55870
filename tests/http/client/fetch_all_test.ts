import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { HttpRequestError, HttpStatusError } from "../../../http/client/errors.ts";
import { fetchAll } from "../../../http/client/fetch_all.ts";
import { createClient } from "../../../http/client/client.ts";
import { deadPort, serve } from "../../_support/http_servers.ts";

Deno.test("fetchAll() gives what comes first first, and gathers in the order given", async () => {
  const gates = new Map(["/0", "/1", "/2"].map((path) => [path, Promise.withResolvers<void>()]));
  await using server = serve(async (request) => {
    const { pathname } = new URL(request.url);
    await gates.get(pathname)!.promise;
    return new Response(pathname);
  });
  const urls = [0, 1, 2].map((path) => `${server.url}${path}`);
  const order: number[] = [];
  gates.get("/2")!.resolve();
  for await (const result of fetchAll(urls)) {
    order.push(result.index);
    gates.get(["/1", "/0"][order.length - 1] ?? "/0")!.resolve();
  }
  assertEquals(order, [2, 1, 0]);
  const all = await fetchAll(urls, { read: (response) => response.text() }).gather();
  assertEquals(all.map((one) => one.ok && one.value), ["/0", "/1", "/2"]);
});

Deno.test("fetchAll() loses nothing to one failure", async () => {
  await using server = serve((request) =>
    new Response("x", { status: request.url.endsWith("bad") ? 404 : 200 })
  );
  const refused = `http://127.0.0.1:${deadPort()}/`;
  await using client = createClient({ retry: false });
  const [a, b, c, d, e] = await fetchAll(
    [`${server.url}a`, refused, `${server.url}bad`, "not a url", `${server.url}e`],
    { client, concurrency: 2 },
  ).gather();
  assert(a?.ok && e?.ok && !b?.ok && !c?.ok && !d?.ok);
  assertInstanceOf(b?.error, HttpRequestError);
  assertInstanceOf(c?.error, HttpStatusError);
  assertInstanceOf(d?.error, TypeError);
  assertEquals(client.stats().active, 0);
});

Deno.test("fetchAll() leaves nothing open of what it did not read", async () => {
  await using server = serve(() => new Response(new Uint8Array(500_000)));
  await using client = createClient({ maxPerHost: 1 });
  const reason = new Error("mine");
  const read = ({ status }: Response, index: number) => {
    if (index === 0) throw reason;
    return status;
  };
  const urls = [server.url, server.url, server.url];
  const [first, ...rest] = await fetchAll(urls, { client, read }).gather();
  assertEquals(!first?.ok && first?.error, reason);
  assertEquals(rest.map((one) => one.ok && one.value), [200, 200]);
  assertEquals(client.stats().active, 0);
});

Deno.test("fetchAll() keeps to its concurrency, and takes URLs only as it needs them", async () => {
  let [now, most, taken] = [0, 0, 0];
  await using server = serve(async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now--;
    return new Response(new Uint8Array(40_000));
  });
  function* urls() {
    for (; taken < 40; taken++) yield server.url;
  }
  let given = 0;
  for await (const result of fetchAll(urls(), { concurrency: 4 })) {
    assert(result.ok);
    // No more than four are under way or wait to be given.
    assert(taken < ++given + 4, `${taken} taken, ${given} given`);
  }
  assertEquals([taken, most <= 4], [40, true]);
});

Deno.test("fetchAll() ends what is under way when the loop ends or the signal says so", async () => {
  await using server = serve((request) =>
    request.url.endsWith("fast")
      ? new Response("x")
      : new Promise((resolve) =>
        request.signal.addEventListener("abort", () => resolve(new Response()))
      )
  );
  const urls = [`${server.url}fast`, `${server.url}slow`];
  for await (const { index } of fetchAll(urls)) {
    assertEquals(index, 0);
    break;
  }
  const stop = new AbortController();
  const reason = new Error("enough");
  const caught = await assertRejects(async () => {
    for await (const _ of fetchAll(urls, { signal: stop.signal })) stop.abort(reason);
  });
  assertEquals(caught, reason);
  assertThrows(() => fetchAll([], { concurrency: 0 }), RangeError);
  assertEquals(await fetchAll([]).gather(), []);
});

Deno.test("fetchAll() takes an async iterable, waits for it, and gives results meanwhile", async () => {
  await using server = serve((request) => new Response(new URL(request.url).pathname));
  const more = Promise.withResolvers<void>();
  async function* urls() {
    yield `${server.url}a`;
    await more.promise;
    yield `${server.url}b`;
  }
  const seen: unknown[] = [];
  const read = (response: Response) => response.text();
  for await (const result of fetchAll(urls(), { read })) {
    seen.push(result.ok && result.value);
    more.resolve();
  }
  assertEquals(seen, ["/a", "/b"]);
});

Deno.test("fetchAll() closes a source that it does not read to its end", async () => {
  await using server = serve(() => new Response("x"));
  const closed: string[] = [];
  function* urls() {
    try {
      for (;;) yield server.url;
    } finally {
      closed.push("sync");
    }
  }
  async function* slow() {
    try {
      for (;;) {
        yield server.url;
        await null;
      }
    } finally {
      closed.push("async");
    }
  }
  for await (const _ of fetchAll(urls(), { concurrency: 2 })) break;
  for await (const _ of fetchAll(slow(), { concurrency: 2 })) break;
  assertEquals(closed, ["sync", "async"]);
  const reason = new Error("no more");
  // deno-lint-ignore require-yield -- it fails before its first URL
  async function* broken() {
    await null;
    throw reason;
  }
  assertEquals(await assertRejects(() => fetchAll(broken()).gather()), reason);
});

Deno.test("fetchAll() ends with its signal while the source keeps it waiting", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const run = fetchAll(never, { signal: stop.signal }).gather();
  stop.abort(reason);
  assertEquals(await assertRejects(() => run), reason);
});

Deno.test("fetchAll() ends after a body whose cancelling takes long", async () => {
  const gate = Promise.withResolvers<void>();
  const client = {
    get: () => Promise.resolve(new Response(new ReadableStream({ cancel: () => gate.promise }))),
  };
  await using other = createClient();
  const slow = Object.assign(Object.create(other), client);
  const run = fetchAll(["http://a.test/"], { client: slow, read: ({ status }) => status }).gather();
  queueMicrotask(gate.resolve);
  assertEquals((await run).length, 1);
});
