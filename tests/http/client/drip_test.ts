import { assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { HttpTimeoutError } from "../../../http/client/errors.ts";

/** A server that sends something at once, and then a byte every 10 ms. */
function dripping(begin: string, drip: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (conn: Deno.Conn) => {
    const encoder = new TextEncoder();
    try {
      await conn.read(new Uint8Array(4096));
      await conn.write(encoder.encode(begin));
      for (const letter of drip) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        await conn.write(encoder.encode(letter));
      }
    } catch { /* The client has seen enough. */ }
    conn.close();
  };
  const serving = (async () => {
    const work: Promise<void>[] = [];
    for await (const conn of listener) work.push(serve(conn));
    await Promise.all(work);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const ENDLESS = "x".repeat(10_000);

for (const dialer of [false, true]) {
  const how = dialer ? "with a dialer" : "without a dialer";

  Deno.test(`a head that drips ends at its limit ${how}`, async () => {
    await using server = dripping("HTTP/1.1 200 OK\r\nX-Slow: ", ENDLESS);
    await using client = createClient({ retry: false, dialer, timeouts: { headers: 500 } });
    const error = await assertRejects(() => client.get(server.url), HttpTimeoutError);
    assertEquals([error.stage, error.limit, error.sent], ["headers", 500, "maybe"]);
    assertEquals(client.stats().active, 0);
  });

  Deno.test(`a body that drips is read, and ends at the limit of everything ${how}`, async () => {
    await using short = dripping(
      "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n",
      ENDLESS.slice(0, 20),
    );
    await using client = createClient({ retry: false, dialer, timeouts: { body: 5000 } });
    const response = await client.get(short.url);
    let size = 0;
    await assertRejects(async () => {
      for await (const chunk of response.body!) size += chunk.length;
    });
    assertEquals(size, 20);
    await using endless = dripping("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", ENDLESS);
    const timeouts = { total: 150 };
    const error = await assertRejects(
      () => client.get(endless.url, { timeouts }).text(),
      HttpTimeoutError,
    );
    assertEquals([error.stage, error.limit], ["total", 150]);
    assertEquals(client.stats().active, 0);
  });
}

Deno.test("a small body that drips is one piece for its limit", async () => {
  await using server = dripping("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", ENDLESS);
  await using client = createClient({ retry: false, timeouts: { body: 100 } });
  const error = await assertRejects(() => client.get(server.url), HttpTimeoutError);
  assertEquals([error.stage, error.limit], ["body", 100]);
});

Deno.test("an answer that informs first is waited for (RFC 9110 §15.2)", async () => {
  await using server = dripping(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
    "abc",
  );
  await using client = createClient({ retry: false });
  assertEquals(await client.get(server.url).text(), "abc");
});
