import { assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { HttpRequestError, HttpTimeoutError } from "../../../http/client/errors.ts";
import { deadPort, RawServer } from "../../_support/http_servers.ts";

/** Keeps each connection for one answer, and drops it when the next request is there. */
class Fickle implements AsyncDisposable {
  readonly heard: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving = this.#serve();

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) work.push(this.#answer(conn));
    await Promise.all(work);
  }

  async #answer(conn: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = 0; count < 2; count++) {
      const size = await conn.read(buffer).catch(() => null);
      if (size === null) break;
      this.heard.push(new TextDecoder().decode(buffer.subarray(0, size)).split(" ")[0]!);
      if (count === 1) break;
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    }
    conn.close();
  }
}

Deno.test("a request that may not be repeated is sent once, even on a dead connection", async () => {
  await using server = new Fickle();
  await using client = createClient();
  const calls = ["POST", "PATCH", "POST", "LOCK"];
  for (const method of calls) {
    // A kept connection is there, which the server is about to drop.
    await client.get(server.url).text();
    const error = await assertRejects(
      () => client.request(method, server.url, { body: "x" }),
      HttpRequestError,
    );
    assertEquals([error.kind, error.sent, error.history.length], ["truncated", "maybe", 0]);
  }
  assertEquals(server.heard, calls.flatMap((method) => ["GET", method]));
  assertEquals(client.stats().retries, 0);
});

Deno.test("an idempotent request is repeated once on a new connection, and this is recorded", async () => {
  await using server = new Fickle();
  await using client = createClient({ retry: { read: 0, other: 0 } });
  const headers = { "idempotency-key": "7" };
  for (
    const [method, more] of [["GET", {}], ["PUT", { body: "x" }], ["POST", { headers }]] as const
  ) {
    await client.get(server.url).text();
    const before = server.heard.length;
    const response = await client.request(method, server.url, more);
    assertEquals([await response.text(), response.reused], ["ok", false]);
    assertEquals(server.heard.slice(before), [method, method]);
    assertEquals(response.history.map(({ delay, error }) => [delay, error instanceof Error]), [
      [0, true],
    ]);
    // The connection of the repetition has served one request, and the server drops it at the next.
    await client.get(server.url).text();
  }
  assertEquals(client.stats().requests, server.heard.length);
});

Deno.test("retry: false means that nothing is ever sent twice", async () => {
  await using server = new Fickle();
  await using client = createClient({ retry: false });
  for (const method of ["GET", "PUT", "DELETE"]) {
    await client.get(server.url).text();
    const error = await assertRejects(() => client.request(method, server.url), HttpRequestError);
    assertEquals([error.sent, error.history.length], ["maybe", 0]);
  }
  assertEquals(server.heard, ["GET", "GET", "GET", "PUT", "GET", "DELETE"]);
});

Deno.test("an error says maybe if any of its tries may have been sent", async () => {
  let url = "";
  let answers = 0;
  await using server = new RawServer(() => {
    answers++;
    return "";
  });
  const dead = `http://127.0.0.1:${deadPort()}/`;
  await using client = createClient({
    retry: { total: 1, backoffFactor: 0 },
    dialer: {
      // The first try reaches a server that hangs up, the second one nobody.
      resolve: () => [answers === 0 ? "127.0.0.1" : "127.0.0.2"],
    },
  });
  url = server.url.replace("127.0.0.1", "svc.test");
  const headers = { "idempotency-key": "7" };
  const error = await assertRejects(() => client.post(url, { json: 1, headers }), HttpRequestError);
  assertEquals([error.kind, error.sent, error.history.length], ["refused", "maybe", 1]);
  const never = await assertRejects(() => client.post(dead, { json: 1 }), HttpRequestError);
  // 127.0.0.1 is no name, so that nothing resolves it.
  assertEquals([never.kind, never.sent], ["refused", "no"]);
});

Deno.test("a limit that ends the wait for a place says that nothing was sent", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${silent.addr.port}/`;
  await using client = createClient({ retry: false, maxPerHost: 1, maxQueued: 1 });
  const stop = new AbortController();
  const first = assertRejects(() => client.post(url, { body: "x", signal: stop.signal }));
  for (const timeouts of [{ queue: 40 }, { total: 40 }]) {
    const error = await assertRejects(
      () => client.post(url, { body: "x", timeouts }),
      HttpTimeoutError,
    );
    assertEquals([error.stage, error.sent], [Object.keys(timeouts)[0], "no"]);
  }
  const queued = assertRejects(() => client.post(url, { body: "x", signal: stop.signal }));
  const full = await assertRejects(() => client.post(url, { body: "x" }), HttpRequestError);
  assertEquals([full.kind, full.sent], ["limit", "no"]);
  stop.abort();
  await Promise.all([first, queued]);
  assertEquals(client.stats(), { ...client.stats(), active: 0, waiting: 0 });
});

Deno.test("those that wait for a place get it in the order in which they came", async () => {
  const order: number[] = [];
  await using server = new RawServer((index) => {
    order.push(index);
    return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
  });
  await using client = createClient({ maxPerHost: 1 });
  const done: number[] = [];
  await Promise.all(Array.from({ length: 12 }, async (_, index) => {
    await client.get(`${server.url}${index}`).text();
    done.push(index);
  }));
  assertEquals(server.heard.map((head) => Number(/^GET \/(\d+)/.exec(head)?.[1])), done);
  assertEquals(done, done.toSorted((a, b) => a - b));
});
