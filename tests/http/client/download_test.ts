import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { createClient, type HttpProgress } from "../../../http/client/client.ts";
import { download, type DownloadOptions } from "../../../http/client/download.ts";
import {
  HttpRequestError,
  HttpStatusError,
  HttpTimeoutError,
} from "../../../http/client/errors.ts";
import { staticFiles } from "../../../http/handlers/static_files.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { RawServer, serve } from "../../_support/http_servers.ts";

const DATA = crypto.getRandomValues(new Uint8Array(60_000));
const SHA256 = createHash("sha256").update(DATA).digest("hex");
function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).toSorted();
}

function there(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

const QUICK = { backoffFactor: 0 };

/** A server that sends DATA, and cuts the body off where it is told to. */
function cutting(
  cuts: number[],
  { etag = '"1"', ranges = true }: { etag?: string | (() => string); ranges?: boolean } = {},
) {
  const asked: string[] = [];
  const server = new RawServer((index, head) => {
    const [, from = "0"] = /^range: bytes=(\d+)-/im.exec(head) ?? [];
    const ifRange = /^if-range: (.*)\r$/im.exec(head)?.[1];
    const tag = typeof etag === "string" ? etag : etag();
    const partial = ranges && /^range:/im.test(head) && ifRange === tag;
    asked.push(partial ? `from ${from}` : "all");
    const start = partial ? Number(from) : 0;
    const end = start + (cuts[index] ?? DATA.length - start);
    const lines = [
      partial ? "HTTP/1.1 206 Partial Content" : "HTTP/1.1 200 OK",
      `Content-Length: ${DATA.length - start}`,
      `ETag: ${tag}`,
      ...partial ? [`Content-Range: bytes ${start}-${DATA.length - 1}/${DATA.length}`] : [],
      "Connection: close",
    ];
    const bytes = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
    return new Uint8Array([...bytes, ...DATA.subarray(start, end)]);
  });
  return Object.assign(server, { asked });
}

Deno.test("download() goes on where it was cut off, and leaves nothing but the file", async () => {
  await using folder = await temporaryFolder();
  await using server = cutting([20_000, 10_000]);
  const file = `${folder.path}/a`;
  const told: HttpProgress[] = [];
  const result = await download(server.url, file, {
    retry: QUICK,
    digest: { algorithm: "sha256", hex: SHA256.toUpperCase() },
    size: DATA.length,
    onDownload: (progress) => void told.push(progress),
  });
  assertEquals(result, { path: file, size: DATA.length, resumedFrom: 0, resumptions: 2 });
  assertEquals(server.asked, ["all", "from 20000", "from 30000"]);
  assertEquals(await Deno.readFile(file), DATA);
  assertEquals(names(folder.path), ["a"]);
  assertEquals(told.at(-1), { transferred: DATA.length, total: DATA.length });
  assert(told.every(({ transferred }, i) => transferred > (told[i - 1]?.transferred ?? 0)));
});

Deno.test("download() goes on in the next run, and keeps the old file until then", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await Deno.writeTextFile(file, "old");
  await using server = cutting([20_000]);
  const error = await assertRejects(
    () => download(server.url, file, { retry: false }),
    HttpRequestError,
  );
  assertEquals(error.kind, "truncated");
  assertEquals(await Deno.readTextFile(file), "old");
  assertEquals((await Deno.stat(`${file}.part`)).size, 20_000);
  assert(!Deno.readTextFileSync(`${file}.part.json`).includes("127.0.0.1"));
  const { resumedFrom } = await download(server.url, new URL(`file://${file}`));
  assertEquals([resumedFrom, server.asked], [20_000, ["all", "from 20000"]]);
  assertEquals(await Deno.readFile(file), DATA);
  assertEquals(names(folder.path), ["a"]);
});

Deno.test("download() begins anew if the content has changed, or the server has no ranges", async () => {
  await using folder = await temporaryFolder();
  let version = 0;
  for (const options of [{ etag: () => `"${version++}"` }, { ranges: false }, { etag: 'W/"1"' }]) {
    await using server = cutting([20_000], options);
    const file = `${folder.path}/a`;
    const { resumedFrom } = await download(server.url, file, { retry: QUICK });
    assertEquals([resumedFrom, server.asked], [0, ["all", "all"]]);
    assertEquals(await Deno.readFile(file), DATA);
  }
  assertEquals(names(folder.path), ["a"]);
});

Deno.test("download() does not go on with the rest of another URL, nor with `resume: false`", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await using server = cutting([20_000]);
  await assertRejects(() => download(server.url, file, { retry: false }));
  await download(`${server.url}other`, file);
  assertEquals(server.asked, ["all", "all"]);
  await using again = cutting([20_000]);
  await assertRejects(() => download(again.url, file, { retry: false, resume: false }));
  assertEquals(names(folder.path), ["a"]);
});

Deno.test("download() refuses what is not the file that was asked for, and throws it away", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  const wrong = "0".repeat(64);
  const rows: Array<[DownloadOptions, string, RegExp]> = [
    [
      { digest: { algorithm: "sha256", hex: wrong } },
      "protocol",
      /its sha256 is [0-9a-f]{64}, not 0/,
    ],
    [{ size: 59_999 }, "limit", /60000 bytes or more, not 59999/],
    [{ size: 60_001 }, "protocol", /60000 bytes, not 60001/],
    [{ maxSize: 100 }, "limit", /60000 bytes or more, not at most 100/],
  ];
  for (const [options, kind, message] of rows) {
    await using server = cutting([]);
    const error = await assertRejects(
      () => download(`${server.url}?key=secret`, file, options),
      HttpRequestError,
    );
    assertEquals(error.kind, kind);
    assert(message.test(error.message) && !error.message.includes("secret"), error.message);
    assertEquals(names(folder.path), []);
  }
  await using endless = serve(() =>
    new Response(ReadableStream.from((function* () {
      for (;;) yield new Uint8Array(1000);
    })()))
  );
  await assertRejects(
    () => download(endless.url, file, { maxSize: 5000 }),
    HttpRequestError,
    "at most 5000",
  );
  assertEquals(names(folder.path), []);
});

Deno.test("download() does not take a wrong piece for the right one", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  const first =
    `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: "1"\r\nConnection: close\r\n\r\nabcd`;
  const rows = [
    "Content-Range: bytes 0-5/100000",
    "Content-Range: bytes 4-1/100000",
    "X: y",
    "Content-Range: bytes 4-9/100000\r\nContent-Encoding: gzip",
  ];
  for (const row of rows) {
    await using server = new RawServer((index) =>
      index === 0
        ? first
        : `HTTP/1.1 206 Partial Content\r\nContent-Length: 6\r\n${row}\r\nConnection: close\r\n\r\nefghij`
    );
    const error = await assertRejects(
      () => download(server.url, file, { retry: QUICK }),
      HttpRequestError,
    );
    assertEquals(error.kind, "protocol", error.message);
    await Deno.remove(`${file}.part`);
  }
  for (const row of ['4-9/100000\r\nETag: "2"', '4-9/100001\r\nETag: "1"']) {
    await using server = new RawServer((index) =>
      index === 0
        ? first
        : index === 1
        ? `HTTP/1.1 206 Partial Content\r\nContent-Length: 6\r\nContent-Range: bytes ${row}\r\nConnection: close\r\n\r\nefghij`
        : `HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nnew`
    );
    await download(server.url, file, { retry: QUICK });
    assertEquals(await Deno.readTextFile(file), "new");
  }
  assert(!there(`${file}.part`));
});

Deno.test("download() knows when nothing is missing but the name", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await using server = serveHttp({ port: 0 }, staticFiles({ root: folder.path }));
  await Deno.writeFile(`${folder.path}/source`, DATA);
  await Deno.utime(`${folder.path}/source`, 1000, 1000);
  const url = new URL("source", server.url);
  const stop = new AbortController();
  const reason = new Error("enough");
  const cut = download(url, file, {
    signal: stop.signal,
    onDownload: ({ transferred }) => transferred === DATA.length && stop.abort(reason),
  });
  assertEquals(await assertRejects(() => cut), reason);
  assertEquals((await Deno.stat(`${file}.part`)).size, DATA.length);
  const { resumedFrom } = await download(url, file);
  assertEquals(resumedFrom, DATA.length);
  assertEquals(await Deno.readFile(file), DATA);
});

Deno.test("download() tells the errors of the server, of the disk and of its caller", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await using server = serve(() => new Response("", { status: 404 }));
  await using client = createClient({ baseUrl: server.url });
  await assertRejects(() => download("x", file, { client }), HttpStatusError);
  assertEquals(names(folder.path), []);
  await assertRejects(() => download(server.url, `${folder.path}/none/a`), Deno.errors.NotFound);
  await assertRejects(
    () => download(server.url, file, { digest: { algorithm: "sha256", hex: "12" } }),
    TypeError,
    "64 hex digits",
  );
  await assertRejects(() => download(server.url, file, { size: -1 }), RangeError);
  await Deno.symlink(`${folder.path}/elsewhere`, `${file}.part`);
  await assertRejects(() => download(server.url, file), Error, "is no file");
  assert(!there(`${folder.path}/elsewhere`));
});

Deno.test("download() keeps to the limit of everything over all its pieces", async () => {
  await using folder = await temporaryFolder();
  // It never gets whole: each piece is one byte, and there is no wait between them.
  await using server = cutting(Array.from({ length: 10_000 }, () => 1));
  const error = await assertRejects(
    () =>
      download(server.url, `${folder.path}/a`, {
        timeouts: { total: 300 },
        retry: { total: 9000, backoffFactor: 0 },
      }),
    HttpTimeoutError,
    "it is not whole within 300 ms (total)",
  );
  assertEquals([error.stage, error.limit, error.retryable], ["total", 300, false]);
  assert(server.asked.length < 9000, `it asked ${server.asked.length} times`);
});
