import { assert, assertEquals, assertThrows } from "@std/assert";
import { serveHttp } from "../../../http/server/server.ts";
import { staticFiles, type StaticFilesOptions } from "../../../http/handlers/static_files.ts";
import type { HttpHandler, HttpInfo } from "../../../http/server/options.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";

/** A served folder `public` beside a secret file. */
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
  for (const name of ["a b.txt", "empty"]) {
    const time = new Date(Date.UTC(2020, 0, 2, 3, 4, 5, 6));
    await Deno.utime(`${root}/${name}`, time, time);
  }
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

Deno.test("staticFiles() sends the page of a folder, and redirects to its slash", () =>
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

Deno.test("staticFiles() answers 304 if the client has the file", () =>
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

Deno.test("staticFiles() answers 412 if the file has changed", () =>
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

Deno.test("staticFiles() closes a file whose reader leaves", () =>
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

/** Calls a handler in a folder of its own; `files` are written 10 s in the past. */
async function inFolder(
  files: Readonly<Record<string, string>>,
  options: Partial<StaticFilesOptions>,
  use: (
    ask: (path: string, headers?: HeadersInit, method?: string) => Promise<Response>,
    root: string,
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const past = new Date(Date.now() - 10_000);
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = `${root}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, content);
      await Deno.utime(path, past, past);
    }
    const handler = staticFiles({ root, ...options });
    await use(async (path, headers, method = "GET") => {
      // A request as a server makes it: its URL is not normalized.
      const request = new Request("http://h/", { headers, method });
      Object.defineProperty(request, "url", { value: `http://h${path}` });
      return await handler(request, {} as HttpInfo);
    }, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const shown = async (response: Response, ...names: string[]) => [
  response.status,
  await response.text(),
  ...names.map((name) => response.headers.get(name)),
];

Deno.test("staticFiles() sends head and bytes of one version while a file is replaced", () =>
  inFolder({ "f.txt": "" }, {}, async (ask, root) => {
    const versions = ["a".repeat(1000), "b".repeat(300_000), "c".repeat(3000)];
    const write = async (text: string) => {
      await Deno.writeTextFile(`${root}/.next`, text);
      await Deno.rename(`${root}/.next`, `${root}/f.txt`);
    };
    await write(versions[0]!);
    for (let swap = 1; swap < 60; swap++) {
      const asked = Array.from({ length: 4 }, () => ask("/f.txt"));
      const [...responses] = await Promise.all([...asked, write(versions[swap % 3]!)]);
      await write(versions[(swap + 1) % 3]!);
      for (const response of responses.slice(0, 4) as Response[]) {
        const text = await response.text();
        assert(versions.includes(text), `${text.length} mixed bytes`);
        assertEquals(response.headers.get("content-length"), String(text.length));
        assert(response.headers.get("etag")!.includes(`"${text.length.toString(16)}-`));
      }
    }
  }));

Deno.test("staticFiles() follows a root that is switched to another folder", async () => {
  const top = await Deno.makeTempDir();
  try {
    const read = async (handler: HttpHandler) =>
      await (await handler(new Request("http://h/a.txt"), {} as HttpInfo)).text();
    for (const version of ["v1", "v2"]) {
      await Deno.mkdir(`${top}/${version}`);
      await Deno.writeTextFile(`${top}/${version}/a.txt`, version);
    }
    await Deno.symlink(`${top}/v1`, `${top}/current`);
    const handler = staticFiles({ root: new URL(`file://${top}/current`) });
    assertEquals(await read(handler), "v1");
    await Deno.symlink(`${top}/v2`, `${top}/next`);
    await Deno.rename(`${top}/next`, `${top}/current`);
    assertEquals(await read(handler), "v2");
  } finally {
    await Deno.remove(top, { recursive: true });
  }
});

for (const name of ["a.txt", "folder/a.txt"]) {
  /** Replaces the file, or its folder, after the lookup: the rules of the fields are asked then. */
  const read = async (replace: (root: string) => void) => {
    const top = await Deno.makeTempDir();
    const root = `${top}/root`;
    try {
      for (const [folder, text] of [[`${root}/folder`, "old"], [`${top}/out`, "secret"]]) {
        await Deno.mkdir(folder!, { recursive: true });
        await Deno.writeTextFile(`${folder}/a.txt`, text!);
      }
      await Deno.writeTextFile(`${root}/a.txt`, "old");
      let replaced = false;
      const handler = staticFiles({
        root,
        headers: () => {
          if (!replaced) replace(root);
          replaced = true;
          return {};
        },
      });
      const response = await handler(new Request(`http://h/${name}`), {} as HttpInfo);
      return [response.status, await response.text()] as const;
    } finally {
      await Deno.remove(top, { recursive: true });
    }
  };

  Deno.test(`staticFiles() does not follow a link that replaces ${name} after its lookup`, async () => {
    const [status, text] = await read((root) => {
      const swapped = name.split("/")[0]!;
      Deno.renameSync(`${root}/${swapped}`, `${root}/moved`);
      Deno.symlinkSync(swapped === name ? "../out/a.txt" : "../out", `${root}/${swapped}`);
    });
    assertEquals(status, 404, text);
  });

  Deno.test(`staticFiles() sends the new version of ${name} if it is replaced after its lookup`, async () => {
    const answer = await read((root) => {
      Deno.writeTextFileSync(`${root}/next`, "the new version");
      Deno.renameSync(`${root}/next`, `${root}/${name}`);
    });
    assertEquals(answer, [200, "the new version"]);
  });
}

Deno.test("staticFiles() does not open a named pipe", async () => {
  const root = await Deno.makeTempDir();
  try {
    const made = await new Deno.Command("mkfifo", { args: [`${root}/pipe`] }).output();
    if (!made.success) return;
    const handler = staticFiles({ root, fallback: "pipe", extensions: ["x"], precompressed: true });
    assertEquals((await handler(new Request("http://h/pipe"), {} as HttpInfo)).status, 404);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("staticFiles() sends the precompressed file that the client prefers", () =>
  inFolder(
    {
      "a.js": "plain",
      "a.js.br": "BR",
      "a.js.zst": "ZSTD",
      "a.js.gz": "GZIP",
      "b.js": "plain b",
      "b.js.gz": "GZIP b",
    },
    { precompressed: true },
    async (ask, root) => {
      const at = async (path: string, accept?: string) =>
        await shown(
          await ask(path, accept === undefined ? {} : { "accept-encoding": accept }),
          "content-encoding",
          "content-type",
          "vary",
        );
      const js = ["text/javascript; charset=utf-8", "accept-encoding"];
      assertEquals(await at("/a.js"), [200, "plain", null, ...js]);
      assertEquals(await at("/a.js", "gzip, br, zstd"), [200, "BR", "br", ...js]);
      assertEquals(await at("/a.js", "br;q=0.5, x-gzip"), [200, "GZIP", "gzip", ...js]);
      assertEquals(await at("/a.js", "*"), [200, "BR", "br", ...js]);
      assertEquals(await at("/a.js", "br;q=0, *;q=0.1"), [200, "ZSTD", "zstd", ...js]);
      assertEquals(await at("/a.js", "identity, gzip;q=0.5"), [200, "plain", null, ...js]);
      assertEquals(await at("/a.js", "*;q=0"), [200, "plain", null, ...js]);
      assertEquals(await at("/b.js", "br, gzip;q=0.9"), [200, "GZIP b", "gzip", ...js]);
      // Each form has a tag of its own; a range is one of the form.
      const tags = new Set<string | null>();
      for (const accept of ["br", "zstd", "gzip", "identity"]) {
        const response = await ask("/a.js", { "accept-encoding": accept, range: "bytes=1-" });
        assertEquals([response.status, (await response.text()).length], [
          206,
          { br: 1, zstd: 3, gzip: 3, identity: 4 }[accept]!,
        ]);
        tags.add(response.headers.get("etag"));
      }
      assert(tags.size >= 3);
      // A file that was compressed before the original changed is not sent.
      await Deno.writeTextFile(`${root}/a.js`, "changed");
      assertEquals((await at("/a.js", "br"))[1], "changed");
    },
  ));

Deno.test("staticFiles() tries extensions, then the page for unknown paths", () =>
  inFolder(
    { "index.html": "app", "about.html": "about", "docs/index.html": "docs", "docs.html": "page" },
    { extensions: ["html"], fallback: "/index.html" },
    async (ask) => {
      const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
      const at = async (path: string, headers?: HeadersInit) =>
        (await shown(await ask(path, headers))).slice(0, 2);
      assertEquals(await at("/about", html), [200, "about"]);
      assertEquals((await ask("/docs", html)).headers.get("location"), "/docs/");
      assertEquals(await at("/users/7", html), [200, "app"]);
      assertEquals(await at("/users/"), [200, "app"]);
      assertEquals((await at("/users/7", { accept: "application/json" }))[0], 404);
      assertEquals((await at("/users/7", { accept: "text/html;q=0" }))[0], 404);
      assertEquals((await at("/missing.js", html))[0], 404);
      assertEquals((await at("/../x", html))[0], 404);
    },
  ));

Deno.test("staticFiles() serves .well-known, and no other hidden name", () =>
  inFolder(
    { ".well-known/security.txt": "mailto", ".well-known/.env": "secret", "a/.well-known/x": "x" },
    {},
    async (ask) => {
      assertEquals((await shown(await ask("/.well-known/security.txt"))).slice(0, 2), [
        200,
        "mailto",
      ]);
      assertEquals((await ask("/.well-known/.env")).status, 404);
      assertEquals((await ask("/a/.well-known/x")).status, 404);
    },
  ));

Deno.test("staticFiles() applies the rules for immutable files, fields and media types", () =>
  inFolder(
    { "app.0a1b2c3d.js": "x", "index.html": "y", "data.WeIrD": "z" },
    {
      immutable: /\.[0-9a-f]{8}\.js$/g,
      mediaTypes: { weird: "application/x-weird" },
      headers: (path) => path.endsWith(".html") ? { "X-Frame-Options": "DENY" } : undefined,
    },
    async (ask) => {
      for (let i = 0; i < 2; i++) {
        assertEquals(
          (await ask("/app.0a1b2c3d.js")).headers.get("cache-control"),
          [
            "public, max-age=31536000, immutable",
          ][0],
        );
      }
      const page = await ask("/");
      assertEquals(page.headers.get("cache-control"), "no-cache");
      assertEquals(page.headers.get("x-frame-options"), "DENY");
      const data = await ask("/data.WeIrD");
      assertEquals(data.headers.get("content-type"), "application/x-weird");
    },
  ));

Deno.test("staticFiles() makes tags of the content that do not depend on the date", () =>
  inFolder({ "a.txt": "one", "b.txt": "one" }, { etag: "content" }, async (ask, root) => {
    const tag = async (path: string) => (await ask(path, {}, "HEAD")).headers.get("etag")!;
    const first = await tag("/a.txt");
    assert(/^"[\w-]{27}"$/.test(first), first);
    assertEquals(await tag("/b.txt"), first);
    await Deno.utime(`${root}/a.txt`, new Date(), new Date(Date.now() - 5000));
    assertEquals(await tag("/a.txt"), first);
    await Deno.writeTextFile(`${root}/a.txt`, "two");
    assert(await tag("/a.txt") !== first);
    const whole = await ask("/a.txt");
    assertEquals(await whole.text(), "two");
    // Requests that share a hash each send their own file from its beginning.
    const all = await Promise.all(Array.from({ length: 20 }, () => ask("/b.txt")));
    for (const one of all) {
      assertEquals([await one.text(), one.headers.get("etag")], ["one", first]);
    }
    assertEquals((await ask("/b.txt", { "if-none-match": first })).status, 304);
  }));

Deno.test("staticFiles() makes a weak tag while the file can change without a new one", () =>
  inFolder({ "a.txt": "0123456789" }, {}, async (ask, root) => {
    const now = new Date();
    await Deno.utime(`${root}/a.txt`, now, now);
    const etag = (await ask("/a.txt", {}, "HEAD")).headers.get("etag")!;
    // Loading may take longer than the file system's step; then the tag is strong.
    if (etag.startsWith("W/")) {
      const again = await ask("/a.txt", { range: "bytes=1-", "if-range": etag });
      assertEquals([again.status, await again.text()], [200, "0123456789"]);
    }
    const modified = (await ask("/a.txt", {}, "HEAD")).headers.get("last-modified")!;
    const byDate = await ask("/a.txt", { range: "bytes=1-", "if-range": modified });
    assertEquals([byDate.status, await byDate.text()], [200, "0123456789"]);
  }));

Deno.test("staticFiles() reads dates in conditions as UTC, and only HTTP dates", () =>
  inFolder({ "a.txt": "x" }, {}, async (ask, root) => {
    const time = new Date("2020-11-06T08:49:37.900Z");
    await Deno.utime(`${root}/a.txt`, time, time);
    for (
      const [since, status] of [
        ["Fri, 06 Nov 2020 08:49:37 GMT", 304],
        ["Friday, 06-Nov-20 08:49:37 GMT", 304],
        ["Fri Nov  6 08:49:37 2020", 304],
        ["Fri Nov  6 08:49:36 2020", 200],
        ["2030-01-01", 200],
        ["Fri, 06 Nov 2030 08:49:37 +0000", 200],
      ] as const
    ) {
      assertEquals((await ask("/a.txt", { "if-modified-since": since })).status, status, since);
    }
    const range = { range: "bytes=0-0", "if-range": "Friday, 06-Nov-20 08:49:37 GMT" };
    assertEquals((await ask("/a.txt", range)).status, 206);
  }));

Deno.test("staticFiles() redirects to its prefix, and escapes what a location cannot hold", () =>
  inFolder(
    { "index.html": "x", "日本/index.html": "y", "a\\b/index.html": "z" },
    { prefix: "/assets" },
    async (ask) => {
      const location = async (path: string) => (await ask(path)).headers.get("location");
      assertEquals(await location("/assets"), "/assets/");
      assertEquals(await location("/assets?a=1"), "/assets/?a=1");
      assertEquals(await location("/assets/日本"), "/assets/%E6%97%A5%E6%9C%AC/");
      assertEquals(await location("/assets/%E6%97%A5%E6%9C%AC"), "/assets/%E6%97%A5%E6%9C%AC/");
      assertEquals(await location("/assets/a\\b"), "/assets/a%5Cb/");
      assertEquals((await ask("/assetsindex.html")).status, 404);
    },
  ));

Deno.test("staticFiles() rejects malformed options", () => {
  for (
    const options of [
      { root: "" },
      { root: "x", prefix: "assets" },
      { root: "x", extensions: [".html"] },
      { root: "x", etag: "weak" },
      { root: "x", cacheControl: "a\r\nb" },
      { root: "x", mediaTypes: { x: "a\nb" } },
    ]
  ) assertThrows(() => staticFiles(options as StaticFilesOptions), TypeError);
});
