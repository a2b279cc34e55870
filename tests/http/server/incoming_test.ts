/** A hardened server receives bytes while it works on a request. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { type HttpHandler, serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { answer, exchange, rest, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LAST = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

function serve(handler: HttpHandler, options: ServeHttpOptions = {}) {
  return serveHttp({ hardened: true, ...options }, handler);
}

function dial({ addr }: { addr: Deno.NetAddr }): Promise<Connection> {
  return connectTcp({ port: addr.port, lingerTimeout: 0 });
}

/** A body that says one word and then nothing; `cancelled` resolves with the reason. */
function silentBody() {
  const cancelled = Promise.withResolvers<unknown>();
  const end = Promise.withResolvers<void>();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("word"));
      end.promise.then(() => controller.close(), () => {});
    },
    cancel: cancelled.resolve,
  });
  return { body, cancelled: cancelled.promise, end: end.resolve };
}

/** Writes until the server takes no more, at most so many bytes; gives how many it took. */
async function flood(conn: Connection, text: string, most: number): Promise<number> {
  let done = false;
  const before = conn.stats().bytesWritten;
  const end = () => void (done = true);
  conn.write(text.repeat(Math.ceil(most / text.length))).then(end, end);
  for (let seen = -1, quiet = 0; !done && quiet < 10; quiet++) {
    if (conn.stats().bytesWritten !== seen) quiet = 0;
    seen = conn.stats().bytesWritten;
    await delay(10);
  }
  return conn.stats().bytesWritten - before;
}

Deno.test("any number of pipelined requests after a slow one get responses", async () => {
  const go = Promise.withResolvers<void>();
  let count = 0;
  await using server = serve(async (request) => {
    if (count++ === 0) {
      request.signal.addEventListener("abort", () => {});
      await go.promise;
    }
    return new Response(`${count}`);
  });
  const many = 5000;
  await using conn = await dial(server);
  const written = conn.write(GET.repeat(many - 1) + LAST);
  await until(() => count === 1);
  await delay(50);
  assertEquals(count, 1);
  go.resolve();
  const text = await rest(conn);
  await written;
  assertEquals(statuses(text), Array(many).fill(200));
  assertEquals(count, many);
});

for (const [what, text] of [["requests", GET], ["garbage", "\0\x01no\r\n"]] as const) {
  Deno.test(`a client that sends endless ${what} behind a silent stream costs bounded memory`, async () => {
    const { body, cancelled } = silentBody();
    await using server = serve(() => new Response(body), { idleTimeout: 2000 });
    const conn = await dial(server);
    await conn.write(GET);
    await until(() => server.stats().active === 1);
    // The sockets of both sides hold some bytes, and the server reads some ahead.
    const taken = await flood(conn, text, 64 * 1024 * 1024);
    assert(taken < 64 * 1024 * 1024, `${taken} bytes were taken`);
    // Its end follows unread bytes, until the server discards them.
    conn.abort();
    await cancelled;
    await until(() => server.stats().active === 0);
  });
}

Deno.test("input of the client does not end a stream that produces bytes", async () => {
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await delay(100);
      controller.enqueue(new Uint8Array(10));
      if (++sent === 12) controller.close();
    },
  }, { highWaterMark: 0 });
  let count = 0;
  await using server = serve(() => new Response(count++ === 0 ? body : "next"), {
    idleTimeout: 1000,
  });
  await using conn = await dial(server);
  const written = conn.write(GET.repeat(9000) + LAST);
  const text = await rest(conn);
  await written;
  assertEquals(statuses(text), Array(9001).fill(200));
  assertEquals(sent, 12);
});

Deno.test("a stuck client that has sent too much gets its response, and then the end", async () => {
  const { body, end } = silentBody();
  let count = 0;
  await using server = serve(() => (count++, new Response(body)), { idleTimeout: 200 });
  await using conn = await dial(server);
  await conn.write(GET);
  await until(() => count === 1);
  await flood(conn, GET, 16 * 1024 * 1024);
  await until(() => conn.queuedBytes === 0);
  end();
  const text = await rest(conn);
  assertEquals(statuses(text), [200]);
  assert(text.includes("word\r\n0\r\n\r\n"), text);
  assertEquals(count, 1);
});

Deno.test("garbage that arrives during a stream is refused after it", async () => {
  const { body, end } = silentBody();
  await using server = serve(() => new Response(body));
  await using conn = await dial(server);
  await conn.write(GET);
  assertStringIncludes(await answer(conn), "200 OK");
  await conn.write("\0garbage\r\n\r\n");
  await delay(20);
  end();
  assertEquals(statuses(await rest(conn)), [400]);
});

Deno.test("all pipelined requests of a client that half-closes get responses", async () => {
  let aborted = 0;
  await using server = serve(async (request) => {
    request.signal.addEventListener("abort", () => aborted++);
    await until(() => request.signal.aborted);
    return new Response("answered");
  });
  const text = await exchange(server.addr.port, GET + GET + LAST, { halfClose: true });
  assertEquals(statuses(text), [200, 200, 200]);
  assertEquals(aborted, 3);
});

Deno.test("a client that has half-closed receives all of a large stream", async () => {
  const chunks = 200;
  await using server = serve(() => {
    let sent = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await delay(1);
          controller.enqueue(new Uint8Array(10_000).fill(0x5a));
          if (++sent === chunks) controller.close();
        },
      }),
    );
  });
  const text = await exchange(server.addr.port, LAST, { halfClose: true });
  assertEquals(text.match(/Z/g)?.length, chunks * 10_000);
});

Deno.test("reading ahead loses no byte of a body that is read later", async () => {
  await using server = serve(async (request) => {
    request.signal.addEventListener("abort", () => {});
    await delay(100);
    const bytes = await request.bytes();
    await delay(10);
    return new Response(`${bytes.length} ${bytes.every((byte, i) => byte === i % 251)}`);
  });
  const body = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 251);
  for (const stream of [false, true]) {
    const init = stream ? ReadableStream.from([body.slice(0, 70_000), body.slice(70_000)]) : body;
    const response = await fetch(server.url, { method: "POST", body: init });
    assertEquals(await response.text(), "3000000 true");
  }
});

Deno.test("the server notices that a client has left behind an unread body and a silent stream", async () => {
  const { body, cancelled } = silentBody();
  await using server = serve(() => new Response(body), { idleTimeout: 300 });
  const conn = await dial(server);
  await conn.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
  await until(() => server.stats().active === 1);
  await flood(conn, "x", 8_000_000);
  await conn.close();
  await cancelled;
  await until(() => server.stats().active === 0);
});

Deno.test("a request can end at each of its bytes", async () => {
  const whole = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n" + GET;
  let aborted = 0;
  let handled = 0;
  const unexpected: unknown[] = [];
  await using server = serve(async (request) => {
    handled++;
    request.signal.addEventListener("abort", () => aborted++);
    const text = await request.text();
    await delay(1);
    return new Response(ReadableStream.from([text, "!"]).pipeThrough(new TextEncoderStream()));
  }, {
    onEvent: (event) => {
      if (event.type === "error" && !event.expected) unexpected.push(event.error);
    },
  });
  await Promise.all(Array.from({ length: whole.length }, async (_, size) => {
    for (const how of ["close", "half", "wait"] as const) {
      const conn = await dial(server);
      await conn.write(whole.slice(0, size));
      if (how === "half") {
        await conn.closeWrite();
        await rest(conn);
      } else if (how === "wait") await delay(5);
      await conn.close();
    }
  }));
  await until(() => server.stats().active === 0);
  assert(aborted <= handled, `${aborted} of ${handled}`);
  assertEquals(unexpected, []);
});

Deno.test("the server sends 100 for a body that is streamed back before the head of the response", async () => {
  await using server = serve((request) => new Response(request.body));
  await using conn = await dial(server);
  await conn.write(
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
  );
  assertStringIncludes(await answer(conn), "100 Continue");
  assertStringIncludes(await answer(conn), "200 OK");
  await conn.write("hi");
  assertEquals(await rest(conn), "2\r\nhi\r\n0\r\n\r\n");
});

Deno.test("the server sends no 100 after the head of the response", async () => {
  await using server = serve((request) => {
    const late = async function* () {
      await delay(20);
      yield* request.body!;
    };
    return new Response(ReadableStream.from(late()));
  });
  await using conn = await dial(server);
  await conn.write(
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
  );
  let text = "";
  const reading = (async () => {
    for await (const chunk of conn) text += new TextDecoder().decode(chunk);
  })();
  await until(() => text.includes("\r\n\r\n"));
  await conn.write("hi");
  await reading;
  assertEquals(statuses(text).at(-1), 200);
  assert(/\r\n\r\n2\r\nhi\r\n0\r\n\r\n$/.test(text), text);
});

Deno.test("a reader that waits while the response is made receives the whole body", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using trigger = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using triggered = await listener.accept();
  let turns = 0;
  let called = Promise.withResolvers<[Promise<string>]>();
  await using server = serve(async (request) => {
    const text = request.text();
    text.catch(() => {});
    called.resolve([text]);
    // Both this and the body end in the same turn of the event loop, in an order that `turns` sets.
    await triggered.read(new Uint8Array(1));
    for (let i = 0; i < turns; i++) await null;
    return new Response("early");
  });
  for (let i = 0; i < 40; i++) {
    turns = i % 8;
    called = Promise.withResolvers();
    await using conn = await dial(server);
    await conn.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n");
    const [reading] = await called.promise;
    await Promise.all([conn.write("abcdefgh"), trigger.write(new Uint8Array(1))]);
    assertEquals(statuses(await answer(conn)), [200]);
    // The server may have answered before the body came. Then the reader learns that.
    const text = await reading.catch(() => "cut short");
    assert(text === "abcdefgh" || text === "cut short", `${turns}: ${JSON.stringify(text)}`);
  }
});
