import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DiskBlobs } from "../../../../examples/chat/files/disk_blobs.ts";
import { MemoryBlobs } from "../../../../examples/chat/files/memory_blobs.ts";
import { fileHandler } from "../../../../examples/chat/files/http.ts";
import type { ChatWeb } from "../../../../examples/chat/web.ts";
import { serveHttp } from "../../../../http/server/server.ts";
import { connectTcp } from "../../../../net/tcp/client.ts";
import { until } from "../../../_support/until.ts";
import { lobby, raw, serve } from "../_browser.ts";
import { idsOf, makeFiles, startFiles, userOf } from "./_files.ts";

function post(web: ChatWeb, body: BodyInit | null, headers: HeadersInit = {}): Promise<Response> {
  const all = new Headers({ authorization: "Bearer t1", "x-file-name": "a.txt" });
  for (const [name, value] of new Headers(headers)) all.set(name, value);
  return fetch(`${web.url}/files`, { method: "POST", body, headers: all });
}

/** Returns the status and the code of a refusal. */
async function refusal(response: Promise<Response>): Promise<[number, string]> {
  const refused = await response;
  return [refused.status, (await refused.json()).code];
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

Deno.test("POST /files stores a file, and GET sends it", async () => {
  const { web, records } = startFiles();
  await using _ = web;
  const made = await post(web, "hello", { "x-file-name": encodeURIComponent("你好 1.txt") });
  const { id, ...rest } = await made.json();
  assertEquals(made.status, 201);
  assertEquals(rest, { name: "你好 1.txt", type: "text/plain; charset=utf-8", size: 5 });
  assertEquals(made.headers.get("location"), `/files/${id}`);
  assertEquals(records.files.get(id)?.user, 1);
  const sent = await fetch(`${web.url}/files/${id}`);
  assertEquals([sent.status, await sent.text()], [200, "hello"]);
});

Deno.test("a file has headers with which no browser runs it", async () => {
  const { web } = startFiles();
  await using _ = web;
  const html = await (await post(web, "<script>alert(1)</script>", {
    "content-type": "text/html",
    "x-file-name": "a.html",
  })).json();
  const png = await (await post(web, Uint8Array.fromBase64(PNG))).json();
  assertEquals([html.type, png.type], ["text/plain; charset=utf-8", "image/png"]);
  for (const { id, type } of [html, png]) {
    const { headers, body } = await fetch(`${web.url}/files/${id}`);
    await body?.cancel();
    assertEquals(headers.get("content-type"), type);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("content-security-policy"), "sandbox; default-src 'none'");
    assertEquals(headers.get("cross-origin-resource-policy"), "same-origin");
    assertEquals(headers.get("cache-control"), "private, no-cache");
    const kind = type === "image/png" ? "inline" : "attachment";
    assertMatch(headers.get("content-disposition")!, new RegExp(`^${kind}; filename="a`));
  }
});

Deno.test("a file is sent in ranges, to HEAD, and not twice", async () => {
  const { web } = startFiles();
  await using _ = web;
  const { id } = await (await post(web, "0123456789")).json();
  const get = (headers: HeadersInit, method = "GET") =>
    fetch(`${web.url}/files/${id}`, { headers, method });
  const part = await get({ range: "bytes=2-4" });
  assertEquals([part.status, await part.text()], [206, "234"]);
  assertEquals(part.headers.get("content-range"), "bytes 2-4/10");
  const end = await get({ range: "bytes=-3" });
  assertEquals([end.status, await end.text()], [206, "789"]);
  const beyond = await get({ range: "bytes=10-" });
  assertEquals([beyond.status, beyond.headers.get("content-range")], [416, "bytes */10"]);
  await beyond.body?.cancel();
  const head = await get({}, "HEAD");
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals(head.headers.get("content-length"), "10");
  const etag = head.headers.get("etag")!;
  assertEquals(await statusOf(get({ "if-none-match": etag })), 304);
  assertEquals(await statusOf(get({ "if-match": '"other"' })), 412);
  assertEquals(await statusOf(get({ range: "bytes=1-2", "if-range": etag })), 206);
  assertEquals(await statusOf(get({ range: "bytes=1-2", "if-range": '"other"' })), 200);
});

Deno.test("only users may send files, and only from the own page", async () => {
  const { web, blobs } = startFiles();
  await using _ = web;
  for (const authorization of ["", "Bearer", "Bearer nobody", "Basic dDE6", "Bearer t1 t2"]) {
    const response = await post(web, "x", { authorization });
    await response.body?.cancel();
    assertEquals(response.status, 401, authorization);
    assertStringIncludes(response.headers.get("www-authenticate")!, 'Bearer realm="chat"');
  }
  assertEquals(await statusOf(post(web, "x", { origin: "https://evil.example" })), 403);
  assertEquals(await statusOf(post(web, "x", { origin: web.url })), 201);
  assertEquals((await idsOf(blobs)).length, 1);
});

Deno.test("other methods, unknown files and malformed ids are refused", async () => {
  const { web } = startFiles();
  await using _ = web;
  const { id } = await (await post(web, "x")).json();
  const status = (path: string, method = "GET") => statusOf(fetch(web.url + path, { method }));
  assertEquals(await status("/files"), 405);
  assertEquals(await status(`/files/${id}`, "DELETE"), 405);
  assertEquals(await status(`/files/${id}`, "POST"), 405);
  for (
    const path of ["", "x", id.toUpperCase(), `${id}/`, `${id}0`, "f".repeat(32), "..%2f..%2fetc"]
  ) {
    assertEquals(await status(`/files/${path}`), 404, path);
  }
  const answer = await raw(
    web.url,
    "GET /files/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assertStringIncludes(answer, " 404 ");
});

Deno.test("without files, /files is 404", async () => {
  await using web = serve(lobby());
  assertEquals(await statusOf(post(web, "x")), 404);
});

Deno.test("refusals have a status, a sentence and a code", async () => {
  const { web, blobs, records } = startFiles({ maxFile: 100, maxPerUser: 150, maxTotal: 250 });
  await using _ = web;
  const bytes = (size: number) => new Uint8Array(size);
  assertEquals(await refusal(post(web, bytes(101))), [413, "file-too-large"]);
  assertEquals(await statusOf(post(web, bytes(100))), 201);
  assertEquals(await refusal(post(web, bytes(51))), [507, "user-quota"]);
  const second = { authorization: "Bearer t2" };
  assertEquals(await statusOf(post(web, bytes(100), second)), 201);
  const third = { authorization: "Bearer t3" };
  assertEquals(await refusal(post(web, bytes(51), third)), [507, "files-full"]);
  for (const name of ["%", "%ff", "a".repeat(12_289)]) {
    assertEquals(await refusal(post(web, "x", { "x-file-name": name })), [400, "bad-name"]);
  }
  records.failure = new Error("No space left on device");
  assertEquals(await refusal(post(web, "x", third)), [507, "not-stored"]);
  assertEquals((await idsOf(blobs)).length, 2);
});

Deno.test("names from hostile peers become safe names", async () => {
  const { web } = startFiles();
  await using _ = web;
  const names: Record<string, string> = {
    "../../etc/passwd": "_.._etc_passwd",
    "..": "file",
    "a\r\nset-cookie: x": "a set-cookie_ x",
    "\u202etxt.exe": "txt.exe",
    ["a".repeat(4096)]: "a".repeat(200),
    "": "file",
    '"; filename="b': "_; filename=_b",
  };
  for (const [given, safe] of Object.entries(names)) {
    const made = await post(web, "x", { "x-file-name": encodeURIComponent(given) });
    const { id, name } = await made.json();
    assertEquals(name, safe);
    const { headers, body } = await fetch(`${web.url}/files/${id}`);
    await body?.cancel();
    assertEquals(headers.get("content-disposition"), `attachment; filename="${safe}"`);
    assertEquals(headers.get("set-cookie"), null);
  }
});

/** Returns the head of an upload. */
function headOf(framing: string): string {
  return "POST /files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t1\r\n" +
    `Connection: close\r\n${framing}\r\n\r\n`;
}

Deno.test("a file of unknown size is measured while it arrives", async () => {
  const { web, blobs } = startFiles({ maxFile: 10 });
  await using _ = web;
  const chunked = headOf("Transfer-Encoding: chunked");
  assertStringIncludes(await raw(web.url, `${chunked}a\r\n0123456789\r\n0\r\n\r\n`), " 201 ");
  assertStringIncludes(await raw(web.url, `${chunked}b\r\n0123456789a\r\n`), " 413 ");
  assertStringIncludes(await raw(web.url, headOf("Content-Length: 99999999999")), " 413 ");
  assertEquals((await idsOf(blobs)).length, 1);
});

Deno.test("an upload that is cut leaves nothing, on disk neither", async () => {
  const folder = await Deno.makeTempDir({ prefix: "chat_files_" });
  try {
    const blobs = await DiskBlobs.open(folder);
    const { web, records } = startFiles({}, blobs);
    await using _ = web;
    await Deno.mkdir(`${folder}/incoming`);
    const incoming = () => [...Deno.readDirSync(`${folder}/incoming`)].length;
    for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
      const conn = await connectTcp({ port: web.addr.port });
      await conn.write(headOf(framing) + "5\r\nabcde\r\n");
      await until(() => incoming() === 1);
      conn.abort(new Error("cut"));
      await until(() => incoming() === 0);
    }
    assertEquals([await idsOf(blobs), records.files.size], [[], 0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("uploads at once are limited, and one that ends makes room", async () => {
  const { web } = startFiles({ maxUploadsPerUser: 1 });
  await using _ = web;
  await using slow = await connectTcp({ port: web.addr.port });
  await slow.write(headOf("Content-Length: 4") + "ab");
  await until(async () => {
    const response = await post(web, "x");
    await response.body?.cancel();
    return response.status === 429 && response.headers.get("retry-after") === "5";
  });
  await slow.write("cd");
  assert((await slow.read(new Uint8Array(64))) !== null);
  assertEquals(await statusOf(post(web, "x")), 201);
});

Deno.test("an upload that stalls ends at the time limit of the server and leaves nothing", async () => {
  const { files, blobs, records } = makeFiles(new MemoryBlobs(), { maxUploads: 1 });
  const handler = fileHandler({ files, userOf });
  await using server = serveHttp({ hardened: true, bodyTimeout: 30 }, handler);
  const answer = await raw(server.url, headOf("Content-Length: 4") + "ab");
  assertMatch(answer, /^HTTP\/1\.1 4\d\d /);
  assertEquals([await idsOf(blobs), records.files.size], [[], 0]);
  const body = headOf("Content-Length: 4") + "abcd";
  assertStringIncludes(await raw(server.url, body), " 201 ");
});
