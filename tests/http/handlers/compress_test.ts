import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import zlib from "node:zlib";
import { compress, type CompressOptions, decompress } from "../../../http/handlers/compress.ts";
import { eventStream } from "../../../http/handlers/event_stream.ts";
import { json, readJson } from "../../../http/handlers/json.ts";
import { serveHttp } from "../../../http/server/server.ts";
import type { HttpHandler, HttpInfo } from "../../../http/server/options.ts";

const info = {} as HttpInfo;
const TEXT = "hello world ".repeat(500);

const UNDO: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
  zstd: zlib.zstdDecompressSync,
};

async function ask(
  response: () => Response | Promise<Response>,
  { accept = "gzip, br, zstd", method = "GET", ...options }: CompressOptions & {
    accept?: string;
    method?: string;
  } = {},
) {
  const request = new Request("http://h/", { method, headers: { "accept-encoding": accept } });
  const { status, headers, body } = await compress(response, options)(request, info);
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  const coding = headers.get("content-encoding");
  const plain = coding !== null && UNDO[coding] ? UNDO[coding](bytes) : bytes;
  return { status, headers, coding, bytes, text: new TextDecoder().decode(plain) };
}

const page = (headers: HeadersInit = {}, body: BodyInit | null = TEXT, status = 200) =>
  new Response(body, { status, headers: { "content-type": "text/html", ...headers } });

for (
  const [accept, coding] of [
    ["gzip, br, zstd", "zstd"],
    ["gzip, br", "br"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["br;q=0.4, gzip;q=0.5, zstd;q=0", "gzip"],
    ["*", "zstd"],
    ["identity", null],
    ["deflate", null],
    ["", null],
  ] as const
) {
  Deno.test(`compress() answers ${coding} to "${accept}"`, async () => {
    const answer = await ask(() => page(), { accept });
    assertEquals(answer.coding, coding);
    assertEquals(answer.text, TEXT);
    assertEquals(answer.headers.get("vary"), "accept-encoding");
    if (coding !== null) assert(answer.bytes.length < TEXT.length / 10);
  });
}

for (
  const [what, response] of [
    ["what is encoded", () => page({ "content-encoding": "x" })],
    ["what must not be transformed", () => page({ "cache-control": "public, No-Transform" })],
    ["what has a digest", () => page({ "content-digest": "sha-256=:a=:" })],
    ["an image", () => page({ "content-type": "image/png" })],
    ["what has no type", () => new Response(new TextEncoder().encode(TEXT))],
  ] as const
) {
  Deno.test(`compress() leaves ${what} alone`, async () => {
    const answer = await ask(response);
    assertEquals([answer.coding === "zstd", answer.bytes.length], [false, TEXT.length]);
    assertEquals(answer.headers.get("vary"), null);
  });
}

Deno.test("compress() leaves small bodies, HEAD and empty responses alone, but varies", async () => {
  assertEquals((await ask(() => page({}, "x".repeat(1023)))).coding, null);
  assertEquals((await ask(() => page({}, "x".repeat(1024)))).coding, "zstd");
  assertEquals((await ask(() => page({}, "small"), { minSize: 0 })).text, "small");
  assertEquals((await ask(() => page({}, "small"), { minSize: 0 })).coding, "zstd");
  assertEquals((await ask(() => page({ "content-length": "6000" }))).coding, "zstd");
  const head = await ask(() => page({ "content-length": "6000" }, null), { method: "HEAD" });
  assertEquals([head.coding, head.headers.get("vary")], [null, "accept-encoding"]);
  assertEquals((await ask(() => page({}, null))).coding, null);
});

Deno.test("compress() gives 206 and 304 the Vary of the whole response", async () => {
  const part = await ask(() =>
    page({ "content-range": "bytes 0-5999/9000", etag: '"a"' }, TEXT, 206)
  );
  assertEquals([part.coding, part.text], [null, TEXT]);
  assertEquals([part.headers.get("vary"), part.headers.get("etag")], ["accept-encoding", '"a"']);
  const unchanged = async (headers: HeadersInit, accept: string) => {
    const response = await ask(() => new Response(null, { status: 304, headers }), { accept });
    return [response.headers.get("vary"), response.headers.get("etag")];
  };
  // A cache finds the response that it keeps by the tag (RFC 9111 §4.3.4).
  assertEquals(await unchanged({ etag: '"a"' }, "gzip"), ["accept-encoding", 'W/"a"']);
  assertEquals(await unchanged({ etag: '"a"' }, ""), ["accept-encoding", '"a"']);
  const image = { etag: '"a"', "content-type": "image/png" };
  assertEquals(await unchanged(image, "gzip"), [null, '"a"']);
});

Deno.test("compress() does not touch the body for a client that accepts no coding", async () => {
  const response = page();
  const request = new Request("http://h/");
  const passed = await compress(() => response)(request, info);
  assertEquals([passed === response, passed.headers.get("vary")], [true, "accept-encoding"]);
});

Deno.test("compress() adapts the fields that are about the content", async () => {
  const { headers } = await ask(() =>
    page({ etag: '"a"', "accept-ranges": "bytes", "content-length": "6000", vary: "cookie" })
  );
  assertEquals(headers.get("etag"), 'W/"a"');
  assertEquals(headers.get("accept-ranges"), null);
  assertEquals(headers.get("content-length"), null);
  assertEquals(headers.get("vary"), "cookie, accept-encoding");
  assertEquals((await ask(() => page({ etag: 'W/"a"' }))).headers.get("etag"), 'W/"a"');
});

Deno.test("compress() joins the chunks of a stream, and passes its error on", async () => {
  const stream = (fail: boolean) =>
    ReadableStream.from(async function* () {
      for (let i = 0; i < 300; i++) {
        if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        yield new TextEncoder().encode(`chunk ${i}\n`);
        if (fail && i === 200) throw new Error("broken");
      }
    }());
  const { text, coding } = await ask(() => page({}, stream(false)));
  assertEquals([coding, text.split("\n").length], ["zstd", 301]);
  await assertRejects(() => ask(() => page({}, stream(true))), Error, "broken");
});

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`compress() sends each event at once on ${where}`, async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const source = eventStream(async function* () {
      yield { data: "first" };
      await released;
      yield { data: "second" };
      await new Promise(() => {});
    });
    await using server = serveHttp({ hardened }, compress(source));
    for (const accept of ["gzip", "br"]) {
      const response = await fetch(server.url, { headers: { "accept-encoding": accept } });
      assertEquals(response.headers.get("content-type"), "text/event-stream");
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("first")) text += (await reader.read()).value;
      release();
      while (!text.includes("second")) text += (await reader.read()).value;
      await reader.cancel();
    }
  });

  Deno.test(`decompress() decodes request bodies on ${where}`, async () => {
    const handler = decompress(
      async (request) => json({ got: await readJson(request, { maxSize: 1e6 }) }),
      { maxBody: 100_000 },
    );
    await using server = serveHttp({ hardened }, handler);
    const plain = new TextEncoder().encode(JSON.stringify(["x".repeat(50_000)]));
    const post = async (coding: string, body: Uint8Array) => {
      const headers = { "content-type": "application/json", "content-encoding": coding };
      const response = await fetch(server.url, {
        method: "POST",
        headers,
        body: new Uint8Array(body),
      });
      return [response.status, (await response.text()).length];
    };
    assertEquals(await post("gzip", zlib.gzipSync(plain)), [200, 50_012]);
    for (
      const [coding, body] of [
        ["X-GZIP", zlib.gzipSync(plain)],
        ["deflate", zlib.deflateSync(plain)],
        ["deflate", zlib.deflateRawSync(plain)],
        ["br", zlib.brotliCompressSync(plain)],
        ["zstd", zlib.zstdCompressSync(plain)],
        ["gzip, br", zlib.brotliCompressSync(zlib.gzipSync(plain))],
        ["identity", plain],
      ] as const
    ) assertEquals((await post(coding, body))[0], 200, coding);
    assertEquals((await post("compress", plain))[0], 415);
    assertEquals((await post("gzip, gzip, gzip, gzip, gzip", plain))[0], 415);
    const bomb = zlib.gzipSync(new Uint8Array(50_000_000));
    assertEquals((await post("gzip", bomb))[0], 413);
    assertEquals((await post("gzip", plain))[0], 400);
    for (const cut of [1, 9, 20, 100]) {
      assertEquals((await post("gzip", zlib.gzipSync(plain).subarray(0, -cut)))[0], 400, `${cut}`);
    }
    assertEquals((await post("br", zlib.brotliCompressSync(plain).subarray(0, -3)))[0], 400);
    assertEquals((await post("zstd", zlib.zstdCompressSync(plain).subarray(0, -3)))[0], 400);
  });
}

Deno.test("compress() cancels its source when the client leaves", async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<unknown>();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(crypto.getRandomValues(new Uint8Array(5000))),
    cancel: resolve,
  });
  const handler: HttpHandler = compress(() => page({}, body));
  const request = new Request("http://h/", { headers: { "accept-encoding": "br" } });
  const response = await handler(request, info);
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel("gone");
  assertEquals(await cancelled, "gone");
});

Deno.test("compress() and decompress() reject malformed options", () => {
  for (
    const [options, type] of [
      [{ encodings: ["deflate"] }, TypeError],
      [{ levels: { gzip: 10 } }, RangeError],
      [{ levels: { gzip: 0 } }, RangeError],
      [{ levels: { br: 12 } }, RangeError],
      [{ levels: { zstd: 1.5 } }, RangeError],
      [{ minSize: -1 }, RangeError],
      [{ minSize: NaN }, RangeError],
    ] as const
  ) assertThrows(() => compress(() => new Response(), options as CompressOptions), type);
  assertThrows(() => decompress(() => new Response(), { maxBody: -1 }), RangeError);
});
