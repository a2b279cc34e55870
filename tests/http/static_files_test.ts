import { assert, assertEquals } from "@std/assert";
import { serveHttp } from "../../http/server.ts";
import { staticFiles, type StaticFilesOptions } from "../../http/static_files.ts";
import { exchange, statuses } from "../_support/raw_http.ts";

/** A served folder `public` with a neighbour that nobody may see. */
async function withFolder(
  use: (url: string, port: number, folder: string) => Promise<void>,
  options: Partial<StaticFilesOptions> = {},
): Promise<void> {
  const top = await Deno.makeTempDir();
  const root = `${top}/public`;
  await Deno.mkdir(`${root}/sub/.git`, { recursive: true });
  await Deno.writeTextFile(`${top}/secret.txt`, "secret");
  await Deno.writeTextFile(`${top}/public.txt`, "secret");
  await Deno.writeTextFile(`${root}/a b.txt`, "0123456789");
  await Deno.writeTextFile(`${root}/.env`, "secret");
  await Deno.writeTextFile(`${root}/sub/.git/config`, "secret");
  await Deno.writeTextFile(`${root}/sub/index.html`, "<p>sub");
  await Deno.writeTextFile(`${root}/empty`, "");
  await Deno.symlink(`${top}/secret.txt`, `${root}/link.txt`);
  await Deno.symlink(top, `${root}/up`);
  await Deno.symlink(`${root}/a b.txt`, `${root}/inner.txt`);
  try {
    await using server = serveHttp({}, staticFiles({ root, ...options }));
    await use(server.url, server.addr.port, root);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

Deno.test("staticFiles() serves a file with its type, length, tag and date", () =>
  withFolder(async (url) => {
    const response = await fetch(`${url}/a%20b.txt?v=1`);
    assertEquals(await response.text(), "0123456789");
    const { headers } = response;
    assertEquals(headers.get("content-type"), "text/plain; charset=utf-8");
    assertEquals(headers.get("content-length"), "10");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assert(/^"[^"]+"$/.test(headers.get("etag")!));
    assert(!isNaN(Date.parse(headers.get("last-modified")!)));
  }));

for (
  const path of [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/sub/../../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/link.txt",
    "/up/secret.txt",
    "/up/public.txt",
    "/.env",
    "/%2eenv",
    "/sub/.git/config",
    "//secret.txt",
    "/a%20b.txt/",
    "/a%20b.txt/x",
    "/a%00.txt",
    "/%ff",
    "/nothing",
    "/",
    `/${"x".repeat(5000)}`,
  ]
) {
  Deno.test(`staticFiles() has nothing at ${path.slice(0, 30)}`, () =>
    withFolder(async (_url, port) => {
      const head = `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
      const text = await exchange(port, head);
      assertEquals(statuses(text), [404], text);
      assert(!text.includes("secret"), text);
    }));
}

Deno.test("staticFiles() follows links that stay inside", () =>
  withFolder(async (url) => {
    assertEquals(await (await fetch(`${url}/inner.txt`)).text(), "0123456789");
  }));

Deno.test("staticFiles() sends a folder's page, and to its slash before", () =>
  withFolder(async (url) => {
    assertEquals(await (await fetch(`${url}/sub/`)).text(), "<p>sub");
    for (const query of ["", "?a=/b"]) {
      const response = await fetch(`${url}/sub${query}`, { redirect: "manual" });
      assertEquals([response.status, response.headers.get("location")], [308, `/sub/${query}`]);
      await response.body?.cancel();
    }
  }));

Deno.test("staticFiles() answers ranges", () =>
  withFolder(async (url) => {
    const ask = async (range: string, more: HeadersInit = {}) => {
      const response = await fetch(`${url}/a%20b.txt`, { headers: { range, ...more } });
      return [response.status, response.headers.get("content-range"), await response.text()];
    };
    assertEquals(await ask("bytes=0-0"), [206, "bytes 0-0/10", "0"]);
    assertEquals(await ask("bytes=7-"), [206, "bytes 7-9/10", "789"]);
    assertEquals(await ask("bytes=-3"), [206, "bytes 7-9/10", "789"]);
    assertEquals(await ask("bytes=8-100"), [206, "bytes 8-9/10", "89"]);
    assertEquals((await ask("bytes=10-")).slice(0, 2), [416, "bytes */10"]);
    assertEquals((await ask("bytes=-0")).slice(0, 2), [416, "bytes */10"]);
    assertEquals(await ask("bytes=-99"), [206, "bytes 0-9/10", "0123456789"]);
    assertEquals((await ask(`bytes=9-${"9".repeat(30)}`))[1], "bytes 9-9/10");
    assertEquals(await ask("bytes=2-1"), [200, null, "0123456789"]);
    assertEquals(await ask("bytes=-"), [200, null, "0123456789"]);
    assertEquals(await ask("BYTES=,\t2-3 ,"), [206, "bytes 2-3/10", "23"]);
    assertEquals(await ask("bytes=2-3=4"), [200, null, "0123456789"]);
    assertEquals(await ask("bytes=2-\u00a03"), [200, null, "0123456789"]);
    assertEquals(await ask("bytes=0x1-3"), [200, null, "0123456789"]);
    assertEquals(await ask("bytes=0-1,3-4"), [200, null, "0123456789"]);
    assertEquals(await ask("lines=0-1"), [200, null, "0123456789"]);
    assertEquals(await ask("bytes=1-2", { "if-range": '"old"' }), [200, null, "0123456789"]);
    const response = await fetch(`${url}/a%20b.txt`, { method: "HEAD" });
    const etag = response.headers.get("etag")!;
    assertEquals(response.headers.get("content-length"), "10");
    assertEquals(await ask("bytes=1-2", { "if-range": etag }), [206, "bytes 1-2/10", "12"]);
  }));

Deno.test("staticFiles() answers 304 to what the client has", () =>
  withFolder(async (url) => {
    const { headers } = await fetch(`${url}/empty`, { method: "HEAD" });
    const status = async (more: HeadersInit) => {
      const response = await fetch(`${url}/empty`, { headers: more });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status({ "if-none-match": headers.get("etag")! }), 304);
    assertEquals(await status({ "if-none-match": `"x", W/${headers.get("etag")}` }), 304);
    assertEquals(await status({ "if-modified-since": headers.get("last-modified")! }), 304);
    assertEquals(await status({ "if-none-match": `"a,b",\t,${headers.get("etag")}` }), 304);
    assertEquals(await status({ "if-none-match": `"x${headers.get("etag")}` }), 200);
    assertEquals(await status({ "if-none-match": "*" }), 304);
    assertEquals(await status({ "if-none-match": '"x"' }), 200);
    assertEquals(await status({ "if-modified-since": "yesterday" }), 200);
  }));

Deno.test("staticFiles() answers 412 to who wants what the file is no more", () =>
  withFolder(async (url) => {
    const { headers } = await fetch(`${url}/empty`, { method: "HEAD" });
    const [etag, modified] = [headers.get("etag")!, headers.get("last-modified")!];
    const status = async (more: HeadersInit) => {
      const response = await fetch(`${url}/empty`, { headers: more });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status({ "if-match": etag }), 200);
    assertEquals(await status({ "if-match": `"x", ${etag}` }), 200);
    assertEquals(await status({ "if-match": "*" }), 200);
    assertEquals(await status({ "if-match": '"x"' }), 412);
    assertEquals(await status({ "if-match": `W/${etag}` }), 412);
    assertEquals(await status({ "if-unmodified-since": modified }), 200);
    assertEquals(await status({ "if-unmodified-since": new Date(0).toUTCString() }), 412);
    assertEquals(await status({ "if-unmodified-since": "yesterday" }), 200);
  }));

Deno.test("staticFiles() refuses other methods, and takes a prefix", () =>
  withFolder(async (url) => {
    const refused = await fetch(`${url}/p/empty`, { method: "POST", body: "x" });
    assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
    await refused.body?.cancel();
    assertEquals(await (await fetch(`${url}/p/empty`)).text(), "");
    for (const path of ["/empty", "/pempty", "/p"]) {
      const response = await fetch(url + path);
      assertEquals(response.status, 404);
      await response.body?.cancel();
    }
  }, { prefix: "/p" }));

Deno.test("staticFiles() closes a file whose reader goes", () =>
  withFolder(async (url, _port, root) => {
    await Deno.writeFile(`${root}/big`, new Uint8Array(8_000_000));
    const reader = (await fetch(`${url}/big`)).body!.getReader();
    await reader.read();
    await reader.cancel();
    // The leak sanitizer counts the file.
  }));

for (const prefix of ["/", "/p/"]) {
  Deno.test(`a prefix may end in a slash: ${prefix}`, () =>
    withFolder(async (url) => {
      const response = await fetch(`${url}${prefix}a%20b.txt`);
      assertEquals([response.status, await response.text()], [200, "0123456789"]);
      const folder = await fetch(`${url}${prefix}sub`, { redirect: "manual" });
      assertEquals(folder.headers.get("location"), `${prefix}sub/`);
      await folder.body?.cancel();
      // A path with two slashes in front would redirect to another host.
      const strange = await fetch(`${url}/${prefix}sub`, { redirect: "manual" });
      assertEquals(strange.status, 404);
      await strange.body?.cancel();
    }, { prefix }));
}
