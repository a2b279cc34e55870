import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { createClient, type HttpProgress } from "../../../http/client/client.ts";
import { download, type DownloadOptions } from "../../../http/client/download.ts";
import {
  HttpRequestError,
  HttpStatusError,
  HttpTimeoutError,
} from "../../../http/client/errors.ts";
import { NetError } from "../../../net/errors/errors.ts";
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
  // Nor with a note that is none.
  for (const note of ["null", "7", "{"]) {
    await Deno.writeTextFile(`${file}.part`, "other");
    await Deno.writeTextFile(`${file}.part.json`, note);
    assertEquals((await download(server.url, file)).resumedFrom, 0);
  }
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
    await Deno.remove(`${file}.part`).catch(() => {});
  }
  const others = [
    '4-9/100000\r\nETag: "2"',
    '4-9/100001\r\nETag: "1"',
    '4-9/100000\r\nETag: "1"\r\nContent-Encoding: gzip',
    '4-5/100000\r\nETag: "1"',
  ];
  for (const row of others) {
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

Deno.test("download names the limit of its client, if it has none of its own", async () => {
  await using folder = await temporaryFolder();
  await using silent = new RawServer("", "hold");
  await using client = createClient({ timeouts: { total: 50 }, retry: false });
  const error = await assertRejects(
    () => download(silent.url, `${folder.path}/a`, { client }),
    HttpTimeoutError,
    "not done within 50 ms (total)",
  );
  assertEquals([error.stage, error.limit], ["total", 50]);
});

/** The client reads smaller bodies at once, and repeats the request by itself. */
const UNIT = 5000;
const A = "A".repeat(UNIT), B = "B".repeat(UNIT);

/** A server that cuts its first answer to the half, and knows ranges but not If-Range. */
function careless(first: string, later: string): RawServer {
  return new RawServer((index, head) => {
    const from = /^range: bytes=/im.test(head) ? 4 : 0;
    const lines = [
      index === 0 || from === 0 ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
      index === 0 ? first : later,
      "Date: Mon, 30 Nov 2026 10:00:00 GMT",
      ...from === 0 ? [] : [`Content-Range: bytes ${from * UNIT}-${8 * UNIT - 1}/${8 * UNIT}`],
      `Content-Length: ${(8 - from) * UNIT}`,
      "Connection: close",
    ];
    const body = index === 0 ? A.repeat(4) : B.repeat(8 - from);
    return `${lines.join("\r\n")}\r\n\r\n${body}`;
  });
}

/** The units of a file, one letter for each. */
function units(file: string): string {
  return Deno.readTextFileSync(file).replaceAll(A, "a").replaceAll(B, "b").toUpperCase();
}

Deno.test("download() never joins pieces of different files, whatever the server overlooks", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  const old = "Last-Modified: Mon, 01 Jun 2026 10:00:00 GMT";
  const rows: [string, string, string][] = [
    [old, "Last-Modified: Mon, 02 Jun 2026 10:00:00 GMT", "BBBBBBBB"],
    [`${old}\r\nETag: W/"1"`, `${old}\r\nETag: W/"2"`, "BBBBBBBB"],
    [`${old}\r\nETag: "1"`, `Last-Modified: x\r\nETag: "1"`, "BBBBBBBB"],
    [old, old, "AAAABBBB"],
    [`${old}\r\nETag: "1"`, 'ETag: "1"', "AAAABBBB"],
    [old, "X: y", "AAAABBBB"],
  ];
  for (const [first, later, whole] of rows) {
    await using server = careless(first, later);
    await download(server.url, file, { retry: QUICK });
    assertEquals(units(file), whole, `${first} ${later}`);
  }
  // The second run compares, too.
  await using server = careless(old, "Last-Modified: Mon, 02 Jun 2026 10:00:00 GMT");
  await assertRejects(() => download(server.url, file, { retry: false }), HttpRequestError);
  await download(server.url, file);
  assertEquals(units(file), "BBBBBBBB");
});

Deno.test("download() uses a piece that begins earlier than asked", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  for (const [start, whole] of [[4, "AAAABBBB"], [2, "AABBBBBB"], [0, "BBBBBBBB"]] as const) {
    await using server = new RawServer((index) => {
      const lines = [
        index === 0 ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
        'ETag: "1"',
        ...index === 0 ? [] : [`Content-Range: bytes ${start * UNIT}-${8 * UNIT - 1}/${8 * UNIT}`],
        `Content-Length: ${(8 - (index === 0 ? 0 : start)) * UNIT}`,
        "Connection: close",
      ];
      return `${lines.join("\r\n")}\r\n\r\n${index === 0 ? A.repeat(4) : B.repeat(8 - start)}`;
    });
    await download(server.url, file, { retry: QUICK });
    assertEquals([units(file), server.heard.length], [whole, 2]);
  }
});

Deno.test("download() gets no further with a server that repeats the beginning, and says so", async () => {
  await using folder = await temporaryFolder();
  await using server = new RawServer(() =>
    'HTTP/1.1 206 Partial Content\r\nETag: "1"\r\nContent-Range: bytes 0-3/8\r\n' +
    "Content-Length: 4\r\nConnection: close\r\n\r\nAAAA"
  );
  const error = await assertRejects(
    () => download(server.url, `${folder.path}/a`, { retry: { total: 2, backoffFactor: 0 } }),
    HttpRequestError,
    "the server does not send the rest",
  );
  assertEquals([error.kind, server.heard.length], ["protocol", 4]);
});

Deno.test("download() counts failures since the last progress, by the rules of its client", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await using progressing = cutting(Array.from({ length: 9 }, () => 4000));
  await using client = createClient({ retry: { total: 1, backoffFactor: 0 } });
  const { resumptions } = await download(progressing.url, file, { client });
  assertEquals(resumptions, 9);
  assert((await Deno.readFile(file)).every((byte, at) => byte === DATA[at]));
  await using stuck = cutting([6000, 0, 0, 0, 0, 0]);
  await assertRejects(() => download(stuck.url, file, { client }), HttpRequestError);
  assertEquals(stuck.asked.length, 2);
  await using again = cutting([6000, 0, 0, 0]);
  const more = client.extend({ retry: { total: 5 } });
  await download(again.url, file, { client: more, resume: false });
  assertEquals(again.asked.length, 5);
  await using never = cutting([6000]);
  const none = createClient({ retry: false });
  await assertRejects(() => download(never.url, file, { client: none }), HttpRequestError);
  assertEquals(never.asked.length, 1);
  none.close();
});

Deno.test("download() keeps the mode of the file that it replaces", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  const modes: number[] = [];
  const mode = (path: string) => Deno.statSync(path).mode! & 0o777;
  await using server = serve(() => new Response("hello"));
  for (const bits of [0o600, 0o644, 0o755, 0o400]) {
    await Deno.writeTextFile(file, "old");
    await Deno.chmod(file, bits);
    await download(server.url, file, { onDownload: () => modes.push(mode(`${file}.part`)) });
    modes.push(mode(file));
    await Deno.remove(file);
  }
  assertEquals(modes, [0o600, 0o600, 0o644, 0o644, 0o755, 0o755, 0o400, 0o400]);
});

Deno.test("download() refuses a folder before it asks for anything", async () => {
  await using folder = await temporaryFolder();
  await using server = new RawServer("");
  const error = await assertRejects(
    () => download(server.url, folder.path),
    NetError,
    "it is a folder",
  );
  assertEquals(error.kind, "usage");
  assertEquals([server.heard, names(folder.path)], [[], []]);
  assert(!there(`${folder.path}.part`));
  if (Deno.build.os === "windows") return;
  await assertRejects(() => download(server.url, "/dev/null"), NetError, "it is no file");
});

Deno.test("download() takes the name of the server, without replacing anything", async () => {
  await using folder = await temporaryFolder();
  await using server = serve((request) =>
    new Response("hello", {
      headers: request.url.endsWith("plain.txt")
        ? {}
        : { "content-disposition": `attachment; filename="../../.%2e/x y.txt"` },
    })
  );
  const paths: string[] = [];
  for (const url of [server.url, server.url, `${server.url}a/plain.txt`]) {
    const { path, size } = await download(url, folder.path, { remoteName: true });
    assertEquals([await Deno.readTextFile(path), size], ["hello", 5]);
    paths.push(path);
  }
  assertEquals(
    paths,
    ["x y.txt", "x y (1).txt", "plain.txt"].map((one) => `${folder.path}/${one}`),
  );
  assertEquals(names(folder.path), ["plain.txt", "x y (1).txt", "x y.txt"]);
});
