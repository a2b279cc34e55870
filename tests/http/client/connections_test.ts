import { assert, assertEquals } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { runPeer } from "../../_support/runnable.ts";
import { LOCK } from "../../_support/flags.ts";

/** A server that keeps its connections and counts them. */
class Counting implements AsyncDisposable {
  open = 0;
  most = 0;
  total = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving = this.#serve();
  readonly #answer: Uint8Array;
  #changed = Promise.withResolvers<void>();

  constructor(size: number) {
    const text = `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`;
    this.#answer = new TextEncoder().encode(text);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}/`;
  }

  /** Waits until this many connections are open. */
  async until(open: number): Promise<void> {
    while (this.open !== open) await this.#changed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) work.push(this.#one(conn));
    await Promise.all(work);
  }

  async #one(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    this.total++;
    this.most = Math.max(this.most, ++this.open);
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (await conn.read(buffer) !== null) {
        for (let at = 0; at < this.#answer.length;) {
          at += await conn.write(this.#answer.subarray(at));
        }
      }
    } catch { /* The client has gone. */ }
    this.#conns.delete(conn);
    try {
      conn.close();
    } catch { /* It was. */ }
    this.open--;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

for (const [what, size] of [["small", 2], ["large", 60_000]] as const) {
  Deno.test(`connections are kept, and are no more than maxPerHost, for ${what} bodies`, async () => {
    await using server = new Counting(size);
    await using client = createClient({ maxPerHost: 5 });
    const urls = Array.from({ length: 100 }, () => server.url);
    const sizes = await Promise.all(
      urls.map(async (url) => (await client.get(url).bytes()).length),
    );
    assert(sizes.every((one) => one === size));
    assert(server.most <= 5, `${server.most}`);
    assert(server.total < 20, `${server.total}`);
    // What may not be repeated does not use those that are kept.
    await Promise.all(urls.map((url) => client.post(url, { body: "x" }).bytes()));
    assert(server.most <= 10, `${server.most}`);
    assertEquals(client.stats().requests, 200);
  });
}

Deno.test("a connection ends with the response to a request that says close", async () => {
  await using server = new Counting(2);
  await using client = createClient();
  for (const connection of ["Close", "TE, close"]) {
    await client.get(server.url, { headers: { connection } }).text();
    await server.until(0);
  }
  assertEquals(server.total, 2);
});

Deno.test("a connection that nobody uses is closed after idleTimeout", async () => {
  await using server = new Counting(2);
  await using client = createClient({ idleTimeout: 50 });
  await client.get(server.url).text();
  assertEquals(server.open, 1);
  await server.until(0);
});

Deno.test("closing a client closes its connections", async () => {
  await using server = new Counting(2);
  for (const dialer of [false, true]) {
    const client = createClient({ dialer });
    await Promise.all([client.get(server.url).text(), client.get(server.url).text()]);
    assert(server.open > 0);
    await client[Symbol.asyncDispose]();
    await server.until(0);
  }
});

Deno.test("a program that forgets an answer and its client ends, one that waits for a place does not", async () => {
  await using server = new Counting(60_000);
  const script = (more: string) => `
    import { createClient } from ${
    JSON.stringify(new URL("../../../http/client/client.ts", import.meta.url))
  };
    for (const dialer of [false, true]) {
      const client = createClient({ dialer, maxPerHost: 1, timeouts: { queue: 100 } });
      const { status } = await client.get(${JSON.stringify(server.url)});
      ${more}
      console.log(status);
    }
  `;
  const run = (more: string) =>
    runPeer(Deno.execPath(), ["run", "-q", LOCK, "--allow-net", "-"], script(more));
  // Its limits are longer than a peer may take.
  assertEquals(await run(""), { code: 0, stdout: "200\n200\n", stderr: "" });
  const asked = `await client.get(${
    JSON.stringify(server.url)
  }).catch((e) => console.log(e.stage));`;
  assertEquals((await run(asked)).stdout, "queue\n200\nqueue\n200\n");
});
