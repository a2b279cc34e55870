import { assert, assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { download, type DownloadOptions } from "../../../http/client/download.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { staticFiles } from "../../../http/handlers/static_files.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { RawServer, serve } from "../../_support/http_servers.ts";
import { temporaryFolder } from "../../_support/repository.ts";

const SIZE = 4 * 1024 * 1024 + 7;
const DATA = new Uint8Array(SIZE).map((_, at) => (at * 31 + (at >> 12)) & 0xff);
const QUICK = { backoffFactor: 0 };

/** Returns whether a file has the right content. Printing a difference would take minutes. */
function isRight(path: string): boolean {
  const data = Deno.readFileSync(path);
  return data.length === SIZE && data.every((byte, at) => byte === DATA[at]);
}

interface Faults {
  /** Changes the response to a range. */
  readonly part?: (index: number, start: number, end: number) => Response | undefined;
  readonly headers?: Record<string, string>;
}

/** A server with ranges, and with faults. */
function ranging({ part, headers = { etag: '"1"', "accept-ranges": "bytes" } }: Faults = {}) {
  const asked: string[] = [];
  const server = serve((request) => {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
    asked.push(range === null ? "all" : `${range[1]}-${range[2]}`);
    if (range === null) return new Response(DATA.slice(), { headers });
    const start = Number(range[1]);
    const end = range[2] === "" ? SIZE : Number(range[2]) + 1;
    return part?.(asked.length - 1, start, end) ?? new Response(DATA.slice(start, end), {
      status: 206,
      headers: { ...headers, "content-range": `bytes ${start}-${end - 1}/${SIZE}` },
    });
  });
  return Object.assign(server, { asked });
}

Deno.test("download() gets the parts of a large file at once", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await using server = ranging();
  const told: number[] = [];
  const result = await download(server.url, file, {
    parallel: 4,
    onDownload: ({ transferred, total }) => {
      assertEquals(total, SIZE);
      told.push(transferred);
    },
  });
  assertEquals(result, { path: file, size: SIZE, resumedFrom: 0, resumptions: 0 });
  assert(isRight(file));
  const quarter = Math.ceil(SIZE / 4);
  assertEquals(server.asked.toSorted(), [
    `${quarter}-${2 * quarter - 1}`,
    `${2 * quarter}-${3 * quarter - 1}`,
    `${3 * quarter}-${SIZE - 1}`,
    "all",
  ]);
  assert(told.every((one, at) => one > (told[at - 1] ?? 0)) && told.at(-1) === SIZE);
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["a"]);
  // A client with one place gets one part after the other.
  await using narrow = createClient({ maxPerHost: 1 });
  await download(server.url, file, { parallel: 64, client: narrow });
  assert(isRight(file));
});

Deno.test("download() asks once where parts do not pay or the server has no ranges", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  for (
    const headers of [{ etag: '"1"' }, { "accept-ranges": "bytes" }, { "accept-ranges": "none" }]
  ) {
    await using server = ranging({ headers: headers as unknown as Record<string, string> });
    await download(server.url, file, { parallel: 4 });
    assertEquals(server.asked, ["all"]);
    assert(isRight(file));
  }
  await using folder2 = await temporaryFolder();
  await Deno.writeFile(`${folder2.path}/x`, DATA);
  await Deno.utime(`${folder2.path}/x`, 1000, 1000);
  await using files = serveHttp({ port: 0 }, staticFiles({ root: folder2.path }));
  await download(new URL("x", files.url), file, { parallel: 3 });
  assert(isRight(file));
});

Deno.test("download() finishes in one piece after a part has failed in any way", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  const cut = (start: number, end: number) =>
    new Response(
      ReadableStream.from((async function* () {
        yield DATA.slice(start, start + 1000);
        await null;
        throw new Error("cut");
      })()),
      {
        status: 206,
        headers: { etag: '"1"', "content-range": `bytes ${start}-${end - 1}/${SIZE}` },
      },
    );
  const rows: NonNullable<Faults["part"]>[] = [
    (index, start, end) => index === 2 ? cut(start, end) : undefined,
    (index) => index === 1 ? new Response("busy", { status: 429 }) : undefined,
    (index) => index < 3 ? new Response(DATA.slice(), { headers: { etag: '"1"' } }) : undefined,
    (index, start, end) =>
      index > 2 ? undefined : new Response(DATA.slice(start, end), {
        status: 206,
        headers: { etag: '"2"', "content-range": `bytes ${start}-${end - 1}/${SIZE}` },
      }),
    (index, _start, end) =>
      index > 2 ? undefined : new Response(DATA.slice(0, end), {
        status: 206,
        headers: { etag: '"1"', "content-range": `bytes 0-${end - 1}/${SIZE}` },
      }),
  ];
  for (const [row, part] of rows.entries()) {
    await using server = ranging({ part });
    await using client = createClient({ retry: { ...QUICK, total: 2 } });
    await download(server.url, file, { parallel: 4, client });
    assert(isRight(file), `row ${row}`);
    assertEquals(client.stats().active, 0);
    await Deno.remove(file);
  }
});

Deno.test("download() does not wait for a silent first part after another one has failed", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await using server = new RawServer((index, head) => {
    const range = /^range: bytes=(\d+)-(\d*)/im.exec(head);
    const [start, end] = [Number(range?.[1] ?? 0), Number(range?.[2] || SIZE - 1) + 1];
    const lines = [
      range === null ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
      `Content-Length: ${end - start}`,
      `Content-Range: bytes ${start}-${end - 1}/${SIZE}`,
      'ETag: "1"',
      "Accept-Ranges: bytes",
      "Connection: close",
    ];
    if (index === 1) lines.splice(0, 3, "HTTP/1.1 429 Too Many Requests", "Content-Length: 0");
    const body = index === 0
      ? DATA.subarray(0, 1000)
      : index === 1
      ? []
      : DATA.subarray(start, end);
    const bytes = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
    const answer = new Uint8Array(bytes.length + body.length);
    answer.set(bytes);
    answer.set(body, bytes.length);
    return answer;
  }, "hold");
  const timeouts = { body: 0, headers: 0 };
  await download(server.url, file, { parallel: 2, retry: false, timeouts });
  assert(isRight(file));
});

Deno.test("download() in parts ends with the signal, the callback and the limits, and resumes", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  const names = () => Array.from(Deno.readDirSync(folder.path), ({ name }) => name).toSorted();
  const reason = new Error("enough");
  const stop = new AbortController();
  const options: DownloadOptions[] = [
    { signal: stop.signal, onDownload: () => stop.abort(reason) },
    {
      onDownload: () => {
        throw reason;
      },
    },
  ];
  for (const one of options) {
    await using server = ranging();
    const error = await assertRejects(() => download(server.url, file, { parallel: 4, ...one }));
    assertEquals([error, names()], [reason, ["a.part", "a.part.json"]]);
    const { resumedFrom } = await download(server.url, file, { parallel: 4 });
    // A request that was cancelled may reach the server later than the one that resumes.
    const resuming = server.asked.filter((range) => range.endsWith("-"));
    assertEquals(resuming, resumedFrom === 0 ? [] : [`${resumedFrom}-`]);
    assert(isRight(file));
    await Deno.remove(file);
  }
  await using server = ranging();
  await assertRejects(
    () => download(server.url, file, { parallel: 4, maxSize: 1000 }),
    HttpRequestError,
    "at most 1000",
  );
  assertEquals(names(), []);
});

/** A program that starts processes until it is terminated. */
const SPAWNER = `postMessage("ready");
for (;;) await new Deno.Command("${Deno.build.os === "windows" ? "hostname" : "true"}").output();`;

Deno.test("download() unlocks its file at once, although another thread starts processes", async () => {
  await using folder = await temporaryFolder();
  const reason = new Error("enough");
  await using server = serve(() => new Response("hello", { headers: { etag: '"1"' } }));
  await using client = createClient();
  const onDownload = () => {
    throw reason;
  };
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(SPAWNER)}`, {
    type: "module",
  });
  try {
    await new Promise((resolve) => worker.onmessage = resolve);
    for (let round = 0; round < 200; round++) {
      const run = () => download(server.url, `${folder.path}/a`, { client, onDownload });
      assertEquals(await assertRejects(run), reason);
    }
  } finally {
    worker.terminate();
  }
});
