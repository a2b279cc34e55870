import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { createClient } from "../../../http/client/client.ts";
import { HttpRequestError, HttpStatusError } from "../../../http/client/errors.ts";
import { RawServer, serve } from "../../_support/http_servers.ts";

/** A server that says that these bytes are coded so. */
function coded(bytes: Uint8Array, encoding: string, status = 200) {
  return serve(() =>
    new Response(new Uint8Array(bytes), {
      status,
      headers: { "content-encoding": encoding, "cache-control": "no-transform" },
    })
  );
}

/** Bytes that compression does not make smaller. */
const NOISE = new Uint8Array(200_000).map((_, i) => Math.imul(i, 2654435761) >>> 13);
const TEXT = "a text that is long enough ".repeat(100);

Deno.test("every coding that is offered is undone, and all members of a gzip count", async () => {
  const half = TEXT.length / 2;
  const members = [TEXT.slice(0, half), "", TEXT.slice(half)].map((part) => gzipSync(part));
  const rows: Array<[string, Uint8Array]> = [
    ["gzip", gzipSync(TEXT)],
    ["X-GZIP", gzipSync(TEXT)],
    ["gzip", Buffer.concat(members)],
    ["deflate", deflateSync(TEXT)],
    ["br", brotliCompressSync(TEXT)],
    ["zstd", zstdCompressSync(TEXT)],
    ["gzip, zstd", zstdCompressSync(gzipSync(TEXT))],
    // Bytes behind a complete stream are ignored.
    ...[gzipSync, deflateSync, brotliCompressSync, zstdCompressSync].map((encode, i) =>
      [
        ["gzip", "deflate", "br", "zstd"][i]!,
        Buffer.concat([encode(TEXT), Buffer.from("garbage")]),
      ] satisfies [string, Uint8Array]
    ),
    ["gzip", Buffer.concat([gzipSync(TEXT), new Uint8Array(20)])],
    ["gzip, br", brotliCompressSync(gzipSync(TEXT))],
    ["identity", new TextEncoder().encode(TEXT)],
  ];
  for (const [encoding, bytes] of rows) {
    await using server = coded(bytes, encoding);
    await using client = createClient();
    assertEquals(await client.get(server.url).text(), TEXT, encoding);
    assertEquals(client.stats().active, 0);
  }
});

Deno.test("what the server is told to send is what can be undone", async () => {
  await using server = serve((request) => new Response(request.headers.get("accept-encoding")));
  await using client = createClient();
  assertEquals(await client.get(server.url).text(), "gzip, deflate, br, zstd");
  const own = { "accept-encoding": "br" };
  assertEquals(await client.get(server.url, { headers: own }).text(), "br");
});

Deno.test("a coding that nobody knows is left to the caller", async () => {
  await using server = coded(new Uint8Array([1, 2, 3]), "zstd-of-the-future");
  await using client = createClient();
  const response = await client.get(server.url);
  assertEquals(response.headers.get("content-encoding"), "zstd-of-the-future");
  assertEquals(await response.bytes(), new Uint8Array([1, 2, 3]));
});

Deno.test("a range of a compressed body is left to the caller", async () => {
  await using server = coded(gzipSync(TEXT).subarray(10), "gzip", 206);
  await using client = createClient();
  const response = await client.get(server.url);
  assertEquals(response.headers.get("content-encoding"), "gzip");
  assertEquals((await response.bytes()).length, gzipSync(TEXT).length - 10);
});

Deno.test("codings are a list, divided by commas, SP and HTAB", async () => {
  const twice = gzipSync(deflateSync("hello"));
  const rows: [encoding: string, body: Uint8Array, text: string | undefined][] = [
    ["deflate ,\tGZIP", twice, "hello"],
    [",identity, deflate,,x-gzip,", twice, "hello"],
    // A no-break space is no blank: nobody knows that coding.
    ["\u00a0gzip", gzipSync("hello"), undefined],
    ["gzip;q=1", gzipSync("hello"), undefined],
  ];
  for (const [encoding, body, text] of rows) {
    await using server = coded(body, encoding);
    await using client = createClient();
    const response = await client.get(server.url);
    const bytes = await response.bytes();
    assertEquals(
      text === undefined ? bytes : new TextDecoder().decode(bytes),
      text ?? new Uint8Array(body),
      encoding,
    );
  }
});

Deno.test("a compressed body that is cut short or damaged is an error", async () => {
  const whole = gzipSync(TEXT);
  const damaged = new Uint8Array(whole);
  damaged[whole.length - 6]! ^= 0xff;
  const rows: Array<[string, Uint8Array, string]> = [
    ["gzip", whole.subarray(0, whole.length - 9), "truncated"],
    ["gzip", whole.subarray(0, 5), "truncated"],
    ["gzip", damaged, "protocol"],
    ["gzip", new TextEncoder().encode("not a gzip at all"), "protocol"],
    ["br", brotliCompressSync(TEXT).subarray(0, 20), "truncated"],
    ["gzip", Buffer.concat([whole, gzipSync(TEXT).subarray(0, 12)]), "truncated"],
    ["deflate", deflateSync(TEXT).subarray(0, 20), "truncated"],
    ["zstd", zstdCompressSync(TEXT).subarray(0, 20), "truncated"],
    ["zstd", new TextEncoder().encode("not a frame at all"), "protocol"],
    // Larger than what is decoded at once.
    ["gzip", gzipSync(NOISE).subarray(0, -9), "truncated"],
    ["br", brotliCompressSync(NOISE).subarray(0, -9), "truncated"],
    ["zstd", zstdCompressSync(NOISE).subarray(0, -20), "truncated"],
  ];
  for (const [encoding, bytes, kind] of rows) {
    await using server = coded(bytes, encoding);
    await using client = createClient({ retry: false });
    const error = await assertRejects(
      () => client.get(server.url).text(),
      HttpRequestError,
      undefined,
      `${encoding} ${bytes.length}`,
    );
    assertEquals(error.kind, kind, error.message);
    assertEquals(client.stats().active, 0);
  }
});

Deno.test("a large body that is damaged is an error, and bytes behind one are ignored", async () => {
  const bodies: [string, Uint8Array][] = [
    ["gzip", gzipSync(NOISE)],
    ["deflate", deflateSync(NOISE)],
    ["br", brotliCompressSync(NOISE)],
    ["zstd", zstdCompressSync(NOISE)],
  ];
  await using client = createClient({ retry: false });
  for (const [coding, body] of bodies) {
    await using longer = coded(Buffer.concat([body, new TextEncoder().encode("garbage")]), coding);
    assertEquals((await client.get(longer.url).bytes()).length, NOISE.length, coding);
    await using endless = coded(Buffer.concat([body, new Uint8Array(300_000)]), coding);
    assertEquals((await client.get(endless.url).bytes()).length, NOISE.length, coding);
    for (let at = body.length - 1; at > 20; at -= Math.floor(body.length / 10)) {
      const damaged = new Uint8Array(body);
      damaged[at]! ^= 0xff;
      await using server = coded(damaged, coding);
      // Without a checksum, some damage stays unknown. But nothing may fail elsewhere.
      const result = client.get(server.url).bytes();
      if (coding === "br" || coding === "zstd") await result.catch(() => {});
      else await assertRejects(() => result, HttpRequestError, undefined, `${coding} ${at}`);
    }
  }
  assertEquals(client.stats().active, 0);
});

Deno.test("nothing at all is an empty body whatever its coding, if its end is known", async () => {
  const rows = [["Content-Length: 0\r\n", ""], ["Transfer-Encoding: chunked\r\n", "0\r\n\r\n"]];
  await using client = createClient({ retry: false });
  for (const coding of ["gzip", "deflate", "br", "gzip, br"]) {
    const head = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: ${coding}\r\n`;
    for (const [framing, body] of rows) {
      await using server = new RawServer(`${head}${framing}\r\n${body}`);
      assertEquals(await client.get(server.url).text(), "", `${coding} ${framing}`);
    }
    await using cut = new RawServer(`${head}\r\n`);
    const error = await assertRejects(
      () => client.get(cut.url).text(),
      HttpRequestError,
      undefined,
      coding,
    );
    assertEquals(error.kind, "truncated");
  }
  assertEquals(client.stats().active, 0);
});

Deno.test("a body of deflate without its wrapper is read, too", async () => {
  await using server = coded(deflateRawSync(TEXT), "deflate");
  await using client = createClient();
  assertEquals(await client.get(server.url).text(), TEXT);
});

Deno.test("a bomb ends at maxBody, also one within another, and in the body of an error", async () => {
  const bomb = gzipSync(new Uint8Array(50_000_000));
  const twice = gzipSync(gzipSync(new Uint8Array(50_000_000)));
  for (const [encoding, bytes] of [["gzip", bomb], ["gzip, gzip", twice]] as const) {
    await using server = coded(bytes, encoding);
    await using client = createClient({ maxBody: 1_000_000, retry: false });
    const error = await assertRejects(() => client.get(server.url).bytes(), HttpRequestError);
    assertEquals(error.kind, "limit");
    let most = 0;
    const progress = client.get(server.url, {
      onDownload: ({ transferred }) => void (most = transferred),
    });
    await assertRejects(() => progress.text(), HttpRequestError);
    assert(most <= 1_000_000, `${most}`);
    assertEquals(client.stats().active, 0);
  }
  await using server = coded(bomb, "gzip", 500);
  await using client = createClient({ retry: false });
  const error = await assertRejects(() => client.get(server.url), HttpStatusError);
  assertEquals(error.body.length, 64 * 1024);
  assertEquals(client.stats().active, 0);
});
