/** The reverse proxy in front of nginx and node:http, asked by curl and fetch. @module */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { assertEquals, assertMatch } from "@std/assert";
import { reverseProxy } from "../../../../http/proxy/reverse/reverse_proxy.ts";
import { serveHttp } from "../../../../http/server/server.ts";
import { startNginx } from "../../../_support/http_peers.ts";
import { findProgram, needs } from "../../../_support/peers.ts";
import { runPeer } from "../../../_support/runnable.ts";
import { temporaryFolder } from "../../../_support/repository.ts";

const TEXT = "hello gzip ".repeat(20_000);

const nginx = needs("nginx", "curl");
for (const hardened of [true, false]) {
  const where = hardened ? "a hardened server" : "Deno.serve";
  Deno.test({
    name:
      `curl gets from nginx behind reverseProxy() on ${where} what it gets from nginx${nginx.suffix}`,
    ignore: nginx.ignore,
    fn: async () => {
      await using folder = await temporaryFolder();
      await Deno.chmod(folder.path, 0o755);
      await Deno.writeTextFile(`${folder.path}/a.txt`, TEXT);
      await Deno.writeFile(`${folder.path}/b.txt.gz`, gzipSync(TEXT));
      await Deno.writeTextFile(`${folder.path}/b.txt`, TEXT);
      await using origin = await startNginx(
        `server {
          listen 127.0.0.1:{port};
          root ${folder.path};
          gzip on; gzip_static on; gzip_types text/plain; gzip_min_length 1; gzip_proxied any;
          location /old { return 301 /a.txt; }
          location /none { return 204; }
        }`,
      );
      const direct = `http://127.0.0.1:${origin.ports[0]}`;
      await using front = serveHttp({ hardened }, reverseProxy(direct));
      const cases: string[][] = [
        ["/b.txt", "-H", "Accept-Encoding: gzip"],
        ["/a.txt", "-H", "Accept-Encoding: gzip"],
        ["/a.txt", "-r", "5-99"],
        ["/a.txt", "-r", "0-1,5-6"],
        ["/a.txt", "-r", "9999999-"],
        ["/a.txt"],
        ["/missing"],
        ["/none"],
        ["/a.txt", "-I"],
        ["/a.txt", "-z", "2099-01-01"],
        ["/a.txt", "-X", "DELETE"],
      ];
      for (const [path, ...args] of cases) {
        const results = [];
        for (const url of [direct, front.url]) {
          const file = `${folder.path}/out`;
          const { code, stdout, stderr } = await runPeer(
            findProgram("curl")!,
            [
              "-sS",
              "--max-time",
              "20",
              "-o",
              file,
              "-w",
              "%{http_code} %{header_json}",
              ...args,
              url + path,
            ],
            "",
            30_000,
          );
          assertEquals(code, 0, stderr);
          const at = stdout.indexOf(" ");
          const fields = JSON.parse(stdout.slice(at)) as Record<string, string[]>;
          const kept = [
            "content-encoding",
            "content-range",
            "content-type",
            "etag",
            "last-modified",
          ]
            .map((name) => fields[name]?.[0]);
          const bytes = args.includes("-I")
            ? new Uint8Array()
            : await Deno.readFile(file).catch(() => new Uint8Array());
          await Deno.remove(file).catch(() => {});
          const parts = path === "/a.txt" && args[1] === "0-1,5-6";
          // The boundary of parts is another one each time.
          results.push([stdout.slice(0, at), parts ? bytes.length : bytes, parts ? [] : kept]);
        }
        assertEquals(results[1], results[0], `${path} ${args}`);
      }
    },
  });
}

Deno.test("fetch gets from node:http behind reverseProxy() what it sends", async () => {
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    response.setHeader(
      "x-framing",
      request.headers["transfer-encoding"] ?? request.headers["content-length"] ?? "none",
    );
    response.setHeader("x-method", request.method!);
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await using front = serveHttp({ hardened: true }, reverseProxy(`http://127.0.0.1:${port}`));
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const body = method === "GET" ? null : `body of ${method}`;
      const response = await fetch(front.url, { method, body });
      assertEquals(await response.text(), body ?? "");
      assertEquals(response.headers.get("x-method"), method);
      assertEquals(response.headers.get("x-framing"), body === null ? "none" : `${body.length}`);
      assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
    }
    const stream = new Blob(["x".repeat(200_000)]).stream();
    const response = await fetch(front.url, { method: "POST", body: stream });
    assertEquals(response.headers.get("x-framing"), "chunked");
    assertEquals((await response.text()).length, 200_000);
  } finally {
    server.close();
  }
});

const curl = needs("curl");
Deno.test({
  name: `curl waits for 100 and uploads through reverseProxy()${curl.suffix}`,
  ignore: curl.ignore,
  fn: async () => {
    await using origin = serveHttp({ hardened: true }, async (request) => {
      return new Response(`${(await request.bytes()).length}`);
    });
    await using front = serveHttp({ hardened: true }, reverseProxy(origin.url));
    const { stdout, stderr } = await runPeer(
      findProgram("curl")!,
      ["-sSv", "--max-time", "20", "-H", "Expect: 100-continue", "--data-binary", "@-", front.url],
      "x".repeat(300_000),
      30_000,
    );
    assertEquals(stdout, "300000");
    assertMatch(stderr, /< HTTP\/1\.1 100 Continue/);
  },
});
