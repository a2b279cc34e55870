/** Bodies that a hardened server sends in pieces. */

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LARGE_OUTPUT, OUTPUT_SIZE } from "../../../http/internal/output_buffers.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { exchange } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** Sizes around those of the buffers. */
const SIZES = [
  1,
  9,
  0,
  100,
  15,
  16,
  255,
  4096,
  OUTPUT_SIZE - 200,
  300,
  OUTPUT_SIZE - 6,
  OUTPUT_SIZE,
  2,
  OUTPUT_SIZE + 1,
  16 * 1024,
  3,
  65536,
  65535,
  LARGE_OUTPUT - 9,
  LARGE_OUTPUT,
  LARGE_OUTPUT + 1,
  200_000,
  7,
  300_000,
  1,
  1,
  1,
];

/** Bytes that tell their place in the whole. */
function piecesOf(sizes: readonly number[]): Bytes[] {
  let at = 0;
  return sizes.map((size) => Uint8Array.from({ length: size }, () => at++ * 7 % 251));
}

function join(pieces: readonly Bytes[]): Bytes {
  const all = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Ways in which a source gives its pieces. */
const SOURCES: Record<string, (pieces: Bytes[]) => ReadableStream<Bytes>> = {
  "all at once": (pieces) =>
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  "as they are pulled": (pieces) => ReadableStream.from(pieces),
  "a turn of the event loop apart": (pieces) =>
    ReadableStream.from((async function* () {
      for (const piece of pieces) {
        await new Promise((resolve) => setImmediate(resolve));
        yield piece;
      }
    })()),
  "in bursts": (pieces) =>
    ReadableStream.from((async function* () {
      for (const [i, piece] of pieces.entries()) {
        if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
        yield piece;
      }
    })()),
};

for (const [how, open] of Object.entries(SOURCES)) {
  Deno.test(`a body that is made ${how} arrives unchanged, in any framing`, async () => {
    const pieces = piecesOf(SIZES);
    const whole = join(pieces);
    const length = `${whole.length}`;
    await using server = serveHttp(
      { hardened: true },
      (request) =>
        new Response(open(pieces.slice()), {
          headers: request.url.endsWith("/length") ? { "content-length": length } : {},
        }),
    );
    for (const path of ["/chunks", "/length"]) {
      const response = await fetch(server.url + path);
      assertEquals(response.headers.get("content-length"), path === "/length" ? length : null);
      assertEquals(await response.bytes(), whole);
    }
    await using conn = await connectTcp({ port: server.addr.port });
    await conn.write("GET / HTTP/1.0\r\n\r\n");
    const all = join(await Array.fromAsync(conn));
    assertEquals(all.subarray(all.length - whole.length), whole);
  });
}

Deno.test("a body arrives unchanged at a slow client", async () => {
  const pieces = piecesOf(Array.from({ length: 3000 }, (_, i) => SIZES[i % 11]!));
  await using server = serveHttp(
    { hardened: true },
    () => new Response(ReadableStream.from(pieces)),
  );
  const response = await fetch(server.url);
  const got: Bytes[] = [];
  for await (const chunk of response.body!) {
    got.push(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assertEquals(join(got), join(pieces));
});

Deno.test("bytes of several writes arrive unchanged, beside other responses", async () => {
  const bytes = new Uint8Array(10 * 1024 * 1024 + 1);
  for (let at = 0; at < bytes.length; at += 4096) bytes[at] = at / 4096 % 251;
  await using server = serveHttp({ hardened: true }, () => new Response(bytes));
  const conns = await Promise.all(
    [1, 2, 3].map(() => connectTcp({ port: server.addr.port, lingerTimeout: 0 })),
  );
  await Promise.all(conns.map(async (conn) => {
    await using _conn = conn;
    for (let request = 0; request < 2; request++) {
      await conn.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      while (await conn.readLine() !== "");
      assertEquals(Buffer.compare(await conn.readExact(bytes.length), bytes), 0);
    }
  }));
});

Deno.test("pieces that are pulled one by one keep their order", async () => {
  const memory = new Uint8Array(10);
  let count = 0;
  await using server = serveHttp({ hardened: true }, () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(memory.fill(65 + count).slice());
          if (++count === 20) controller.close();
        },
      }, { highWaterMark: 0 }),
    ));
  const text = await (await fetch(server.url)).text();
  assertEquals(
    text,
    Array.from({ length: 20 }, (_, i) => String.fromCharCode(65 + i).repeat(10)).join(""),
  );
});

Deno.test("a piece is sent at once, although the body waits for the next one", async () => {
  let next: ReadableStreamDefaultController<Bytes>;
  const body = new ReadableStream<Bytes>({ start: (controller) => void (next = controller) });
  await using server = serveHttp({ hardened: true }, () => new Response(body));
  const response = await fetch(server.url);
  const reader = response.body!.getReader();
  for (const text of ["one", "two", "three"]) {
    next!.enqueue(new TextEncoder().encode(text));
    assertEquals(new TextDecoder().decode((await reader.read()).value), text);
  }
  next!.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("a source is not read far ahead of a client that does not read", async () => {
  const PIECE = 1000;
  let pulled = 0;
  let cancelled = false;
  await using server = serveHttp({ hardened: true }, () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulled += PIECE;
          controller.enqueue(new Uint8Array(PIECE));
        },
        cancel: () => void (cancelled = true),
      }),
    ));
  {
    await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await conn.write(GET);
    // The buffers of the system fill up, and then nothing moves.
    let before = 0;
    let still = 0;
    await until(() => {
      still = pulled === before && pulled > 0 ? still + 1 : 0;
      before = pulled;
      return still > 10;
    });
    assert(pulled < 32 * 1024 * 1024, `${pulled}`);
  }
  await until(() => cancelled);
});

Deno.test("the bytes before an error of the body are sent, and then the connection ends", async () => {
  await using server = serveHttp(
    { hardened: true },
    () =>
      new Response(ReadableStream.from((function* () {
        for (const piece of piecesOf([10, 20_000, 5])) yield piece.fill(65);
        throw new Error("mine");
      })())),
  );
  const text = await exchange(server.addr.port, GET);
  assertStringIncludes(text, "\r\na\r\nAAAAAAAAAA\r\n4e20\r\nAAA");
  assertStringIncludes(text, "A\r\n5\r\nAAAAA\r\n");
  assert(!text.includes("\r\n0\r\n"));
});

Deno.test("a body that never ends does not starve other requests", async () => {
  await using server = serveHttp({ hardened: true }, (request) => {
    if (request.url.endsWith("/other")) return new Response("other");
    return new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100)) }),
    );
  });
  const endless = await fetch(server.url);
  const reader = endless.body!.getReader();
  for (let i = 0; i < 20; i++) {
    await reader.read();
    assertEquals(await (await fetch(`${server.url}/other`)).text(), "other");
  }
  await reader.cancel();
});
