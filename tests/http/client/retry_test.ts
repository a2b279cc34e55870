import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createClient, type HttpClient } from "../../../http/client/client.ts";
import {
  HttpRequestError,
  HttpStatusError,
  HttpTimeoutError,
  type HttpTry,
} from "../../../http/client/errors.ts";
import {
  backoffDelay,
  type HttpRetryOptions,
  parseRetryAfter,
  retryPolicy,
} from "../../../http/client/retry.ts";
import { deadPort, RawServer, serve } from "../../_support/http_servers.ts";

/** A server that answers with these statuses one after the other; the last one stays. */
function scripted(statuses: number[], headers: Record<string, string> = {}) {
  const methods: string[] = [];
  const server = serve((request) => {
    methods.push(request.method);
    const status = statuses[Math.min(methods.length, statuses.length) - 1]!;
    return new Response(`${methods.length}`, { status, headers: status === 200 ? {} : headers });
  });
  return Object.assign(server, { methods });
}

const QUICK = { backoffFactor: 0 };

Deno.test("a retry has the defaults of a session of requests", () => {
  const { total, backoffFactor, statuses, methods, maxBackoff } = retryPolicy();
  assertEquals([total, backoffFactor, maxBackoff], [3, 0.5, 120_000]);
  assertEquals([...statuses], [500, 502, 503, 504]);
  assertEquals([...methods], ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"]);
  for (const options of [{ total: -1 }, { backoffFactor: NaN }, { read: 1.5 }]) {
    assertThrows(() => retryPolicy(options), RangeError);
  }
});

Deno.test("backoff doubles after a first retry at once, with jitter, up to its cap", () => {
  assertEquals([1, 2, 3, 4].map((row) => backoffDelay(row)), [0, 1000, 2000, 4000]);
  assertEquals(backoffDelay(2, { jitter: 100 }, () => 0.5), 1050);
  assertEquals(backoffDelay(50), 120_000);
});

Deno.test("Retry-After is read in both forms, and nonsense is none", () => {
  const now = Date.UTC(2026, 0, 1);
  const rows: Array<[string, number | undefined]> = [
    ["3", 3000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 00:00:09 GMT", 9000],
    ["Thursday, 01-Jan-26 00:00:09 GMT", 9000],
    ["Thu Jan  1 00:00:09 2026", 9000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["", undefined],
    ["2026", 2_026_000],
  ];
  for (const [text, wait] of rows) assertEquals(parseRetryAfter(text, now), wait, text);
});

Deno.test("statuses of the list are tried again, with the history on the result", async () => {
  await using server = scripted([500, 503, 200]);
  const told: HttpTry[] = [];
  await using client = createClient({
    retry: QUICK,
    hooks: { beforeRetry: (one) => void told.push(one) },
  });
  const response = await client.get(server.url);
  assertEquals(await response.text(), "3");
  assertEquals(response.history.map(({ status }) => status), [500, 503]);
  assertEquals(told, [...response.history]);
  assertEquals(client.stats().retries, 2);
});

Deno.test("the last answer is the result when the tries are used up", async () => {
  await using server = scripted([502]);
  await using client = createClient({ retry: QUICK });
  const error = await assertRejects(() => client.get(server.url), HttpStatusError);
  assertEquals([error.status, error.history.length, server.methods.length], [502, 3, 4]);
  const response = await client.get(server.url, {
    raiseForStatus: false,
    retry: { status: 1, ...QUICK },
  });
  assertEquals([response.status, response.history.length], [502, 1]);
});

Deno.test("a request changes how its client tries again, and nothing besides", async () => {
  await using server = scripted([418]);
  const QUICK_FIVE = { total: 5, backoffFactor: 0 };
  await using client = createClient({ retry: QUICK_FIVE, raiseForStatus: false });
  const tries = async (given: HttpClient, retry?: HttpRetryOptions | false) =>
    (await given.get(server.url, retry === undefined ? {} : { retry })).history.length;
  const statusForcelist = [418];
  assertEquals(await tries(client), 0);
  assertEquals(await tries(client, { statusForcelist }), 5);
  assertEquals(await tries(client, { statusForcelist, total: 2 }), 2);
  const other = client.extend({ retry: { statusForcelist } });
  assertEquals([await tries(other), await tries(other, false), await tries(client)], [5, 0, 0]);
  const never = other.extend({ retry: false });
  assertEquals([await tries(never), await tries(never, { backoffFactor: 0 })], [0, 0]);
  assertEquals(await tries(never, { statusForcelist, total: 1 }), 1);
});

Deno.test("a POST is sent once, unless it has an Idempotency-Key", async () => {
  await using server = scripted([503]);
  await using client = createClient({ retry: QUICK });
  await assertRejects(() => client.post(server.url, { json: 1 }), HttpStatusError);
  await assertRejects(() => client.patch(server.url, { json: 1 }), HttpStatusError);
  assertEquals(server.methods, ["POST", "PATCH"]);
  const headers = { "idempotency-key": "7" };
  await assertRejects(() => client.post(server.url, { json: 1, headers }), HttpStatusError);
  assertEquals(server.methods.length, 6);
});

Deno.test("a stream is never sent again", async () => {
  await using server = scripted([503]);
  await using client = createClient({ retry: QUICK });
  const body = () => ReadableStream.from([new Uint8Array([65])]);
  await assertRejects(() => client.put(server.url, { body: body() }), HttpStatusError);
  assertEquals(server.methods.length, 1);
  await assertRejects(
    () => client.put(`http://127.0.0.1:${deadPort()}/`, { body: body() }),
    HttpRequestError,
    "refused",
  );
});

Deno.test("a failed connection is tried again whatever the method, a cut one is not", async () => {
  await using client = createClient({ retry: QUICK });
  const refused = await assertRejects(
    () => client.post(`http://127.0.0.1:${deadPort()}/`, { json: 1 }),
    HttpRequestError,
  );
  assertEquals([refused.sent, refused.history.length], ["no", 3]);
  await using cut = new RawServer("");
  const error = await assertRejects(() => client.post(cut.url, { json: 1 }), HttpRequestError);
  assertEquals([error.sent, error.history.length, cut.heard.length], ["maybe", 0, 1]);
  await using again = new RawServer((index) =>
    index < 2
      ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"
      : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
  );
  assertEquals(await client.get(again.url).text(), "ok");
  assertEquals(again.heard.length, 3);
});

Deno.test("Retry-After makes 429 and 413 worth a try, and is capped", async () => {
  await using past = scripted([429, 413, 200], { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" });
  await using client = createClient({ retry: QUICK });
  assertEquals(await client.get(past.url).text(), "3");
  await using without = scripted([429]);
  await assertRejects(() => client.get(without.url), HttpStatusError);
  assertEquals(without.methods.length, 1);
  await using far = scripted([503, 200], { "retry-after": "86400" });
  const response = await client.get(far.url, { retry: { maxRetryAfter: 20 } });
  assertEquals(response.history[0]?.delay, 20);
});

Deno.test("the total limit holds over all tries, and no wait is begun that it would cut", async () => {
  await using server = scripted([503], { "retry-after": "30" });
  await using client = createClient({ timeouts: { total: 5000 } });
  const started = performance.now();
  const error = await assertRejects(() => client.get(server.url), HttpTimeoutError);
  assertEquals([error.stage, error.history[0]?.status], ["total", 503]);
  assert(performance.now() - started < 4000);
});

Deno.test("a signal ends the wait for another try", async () => {
  await using server = scripted([503], { "retry-after": "30" });
  const stop = new AbortController();
  const reason = new Error("enough");
  await using client = createClient({ hooks: { beforeRetry: () => stop.abort(reason) } });
  assertEquals(await assertRejects(() => client.get(server.url, { signal: stop.signal })), reason);
});
