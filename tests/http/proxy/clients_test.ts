/** Real clients through the proxy, as a library and as the program `examples/proxy.ts`. @module */

import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { type HttpServer, serveHttp } from "../../../http/server/server.ts";
import { gitBackend } from "../../_support/git_backend.ts";
import { startNginx } from "../../_support/http_peers.ts";
import { findProgram, needs, needsPython, pythonWith } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runPeer, startRunnable } from "../../_support/runnable.ts";

/** Starts a proxy that reaches loopback and every port; gives its URL. */
type Start = () => Promise<AsyncDisposable & { url: string }>;

const PROXIES: [name: string, start: Start][] = [
  ["serveProxy()", () => {
    const proxy = serveProxy({ allowPrivate: true, connectPorts: "any" });
    return Promise.resolve({
      url: proxy.url,
      [Symbol.asyncDispose]: async () => {
        await proxy.shutdown({ deadline: 0 });
      },
    });
  }],
  ["examples/proxy.ts", async () => {
    const args = ["--port", "0", "--allow-private", "--connect-port", "any"];
    const program = await startRunnable("proxy", args);
    return {
      url: `http://127.0.0.1:${program.port}`,
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  }],
];

/** Says what came: method, target, size of the body, and whether by way of a proxy. */
async function answer(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const body = await request.bytes();
  const via = request.headers.get("via") === null ? "directly" : "by way of a proxy";
  return new Response(`${request.method} ${pathname}${search} ${body.length} ${via}\n`);
}

/** Runs a client that must succeed; gives what it printed. */
async function run(
  program: string,
  args: readonly string[],
  input = "",
  timeout = 30_000,
): Promise<string> {
  const { code, stdout, stderr } = await runPeer(program, args, input, timeout);
  assertEquals(code, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

for (const [name, start] of PROXIES) {
  const curl = needs("curl");
  Deno.test({
    name: `curl sends every kind of request through ${name}${curl.suffix}`,
    ignore: curl.ignore,
    fn: async () => {
      await using origin = serveHttp({ port: 0, hardened: true }, answer);
      await using proxy = await start();
      const { url } = origin;
      const ask = (...args: string[]) =>
        run(
          findProgram("curl")!,
          ["-sS", "--max-time", "20", "--noproxy", "", "-x", proxy.url, ...args],
          "x".repeat(300_000),
        );
      assertEquals(await ask(`${url}/a?b=c`), "GET /a?b=c 0 by way of a proxy\n");
      assertEquals(await ask("-0", `${url}/a`), "GET /a 0 by way of a proxy\n");
      assertEquals(
        await ask("-0", "--data-binary", "@-", `${url}/a`),
        "POST /a 300000 by way of a proxy\n",
      );
      assertEquals(await ask("--proxytunnel", `${url}/t`), "GET /t 0 directly\n");
      assertEquals(
        await ask("--proxy1.0", new URL(proxy.url).host, "--proxytunnel", `${url}/t`),
        "GET /t 0 directly\n",
      );
      assertEquals(await ask("-T", "-", `${url}/up`), "PUT /up 300000 by way of a proxy\n");
      const expect = ["-H", "Expect: 100-continue", "--data-binary", "@-"];
      assertEquals(await ask(...expect, `${url}/e`), "POST /e 300000 by way of a proxy\n");
      assertEquals(
        await ask("-H", "Transfer-Encoding: chunked", ...expect, `${url}/c`),
        "POST /c 300000 by way of a proxy\n",
      );
      assertMatch(await ask("-I", `${url}/f`), /^HTTP\/1\.1 200 OK\r\n/);
      // One connection for all of them, and several at a time.
      const urls = Array.from({ length: 40 }, (_, i) => `${url}/many/${i}`);
      const connects = await ask("-o", "/dev/null", "-w", "%{num_connects}\n", `${url}/[1-5]`);
      assertEquals(connects, "1\n0\n0\n0\n0\n");
      const all = await ask("--parallel", "--parallel-max", "20", ...urls);
      assertEquals(all.trimEnd().split("\n").length, urls.length, all);
    },
  });

  Deno.test({
    name: `curl's raw UTF-8 in a target is escaped by ${name}${curl.suffix}`,
    ignore: curl.ignore,
    fn: async () => {
      await using origin = serveHttp({ port: 0, hardened: true }, answer);
      await using proxy = await start();
      const args = ["-sS", "--max-time", "20", "--noproxy", "", "-x", proxy.url];
      assertEquals(
        await run(findProgram("curl")!, [...args, `${origin.url}/gr\u00fc\u00dfe?\u4f60=\u597d`]),
        "GET /gr%C3%BC%C3%9Fe?%E4%BD%A0=%E5%A5%BD 0 by way of a proxy\n",
      );
    },
  });

  const wget = needs("wget");
  Deno.test({
    name: `wget resumes and mirrors through ${name}${wget.suffix}`,
    ignore: wget.ignore,
    fn: async () => {
      await using folder = await temporaryFolder();
      await using origin = serveSite();
      await using proxy = await start();
      await Deno.writeTextFile(`${folder.path}/file`, "01234");
      const args = ["-q", "-e", "use_proxy=yes", "-e", `http_proxy=${proxy.url}`, "--tries=1"];
      const { url } = origin;
      await run(findProgram("wget")!, [...args, "-c", "-P", folder.path, `${url}/file`]);
      assertEquals(await Deno.readTextFile(`${folder.path}/file`), "0123456789");
      await run(findProgram("wget")!, [
        ...args,
        "-r",
        "-nH",
        "-P",
        folder.path,
        `${url}/index.html`,
      ]);
      assertEquals(await Deno.readTextFile(`${folder.path}/page.html`), "a page");
    },
  });

  const python = needsPython("urllib3");
  Deno.test({
    name: `Python's http.client and urllib3 talk through ${name}${python.suffix}`,
    ignore: python.ignore,
    fn: async () => {
      await using origin = serveHttp({ port: 0, hardened: true }, answer);
      await using proxy = await start();
      const args = ["-c", PYTHON, new URL(proxy.url).port, String(origin.addr.port)];
      assertEquals(JSON.parse(await run(pythonWith("urllib3")!, args)), {
        tunnel: ["GET /t1 0 directly\n", "POST /t2 5 directly\n"],
        plain: ["PUT /p1 200000 by way of a proxy\n", "GET /p2 0 by way of a proxy\n"],
        pool: 200,
        wrong: 0,
      });
    },
  });

  const node = needs("node");
  Deno.test({
    name: `undici's ProxyAgent on Node talks through ${name}${node.suffix}`,
    ignore: node.ignore,
    fn: async () => {
      await using origin = serveHttp({ port: 0, hardened: true }, answer);
      await using proxy = await start();
      const script = new URL("./undici_proxy.mjs", import.meta.url).pathname;
      // Deno downloads the package because of the import, and Node gets its file.
      await import("undici");
      const undici = fileURLToPath(import.meta.resolve("undici"));
      const out = await run(findProgram("node")!, [script, undici, proxy.url, origin.url]);
      assertEquals(JSON.parse(out), {
        tunnel: { right: 100, upload: "PUT /up 300000 directly\n" },
        forward: { right: 100, upload: "PUT /up 300000 by way of a proxy\n" },
      });
    },
  });

  const git = needs("git");
  Deno.test({
    name: `git clones, fetches and pushes through ${name}${git.suffix}`,
    ignore: git.ignore,
    fn: async () => {
      await using folder = await temporaryFolder();
      const { path } = folder;
      const home = { HOME: path, GIT_CONFIG_NOSYSTEM: "1" };
      const run = async (cwd: string, ...args: string[]) => {
        const { code, stdout, stderr } = await new Deno.Command(findProgram("git")!, {
          args: [
            ...["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"],
            ...args,
          ],
          cwd,
          env: { ...home, GIT_TERMINAL_PROMPT: "0" },
          stdin: "null",
        }).output();
        const text = new TextDecoder();
        assertEquals(code, 0, `git ${args.join(" ")}\n${text.decode(stderr)}`);
        return text.decode(stdout);
      };
      await run(path, "init", "-q", "--bare", "served.git");
      await run(`${path}/served.git`, "config", "http.receivepack", "true");
      await run(path, "clone", "-q", "served.git", "seed");
      await Deno.writeTextFile(`${path}/seed/a`, "one\n");
      await run(`${path}/seed`, "add", "-A");
      await run(`${path}/seed`, "commit", "-qm", "one");
      await run(`${path}/seed`, "push", "-q", "origin", "main");

      const backend = gitBackend(path);
      let proxied = 0;
      await using origin = serveHttp({ port: 0, hardened: true }, (request) => {
        if (request.headers.has("via")) proxied++;
        return backend(request);
      });
      await using proxy = await start();
      const through = ["-c", `http.proxy=${proxy.url}`];
      await run(path, ...through, "clone", "-q", `${origin.url}/served.git`, "clone");
      assertEquals(await Deno.readTextFile(`${path}/clone/a`), "one\n");
      // More than http.postBuffer, so that git sends it in chunks.
      const noise = crypto.getRandomValues(new Uint8Array(60_000));
      const large = new Uint8Array(3_000_000);
      for (let at = 0; at < large.length; at += noise.length) {
        noise[0] = at / noise.length;
        large.set(noise, at);
      }
      crypto.getRandomValues(large.subarray(0, 65_536));
      await Deno.writeFile(`${path}/clone/b`, large);
      await run(`${path}/clone`, "add", "-A");
      await run(`${path}/clone`, "-c", "core.compression=0", "commit", "-qm", "two");
      const push = [...through, "-c", "http.postBuffer=65536", "-c", "core.compression=0"];
      await run(`${path}/clone`, ...push, "push", "-q", "origin", "main");
      assertStringIncludes(await run(`${path}/served.git`, "log", "--oneline", "main"), "two");
      await run(`${path}/seed`, "pull", "-q", "--rebase", "origin", "main");
      await run(path, ...through, "clone", "-q", `${origin.url}/served.git`, "again");
      assertEquals(await Deno.readFile(`${path}/again/b`), large);
      assert(proxied >= 6, `${proxied} requests came by way of the proxy`);
    },
  });

  const nginx = needs("git", "nginx");
  Deno.test({
    name: `git clones by the dumb protocol of nginx through ${name}${nginx.suffix}`,
    ignore: nginx.ignore,
    fn: async () => {
      await using server = await startNginx(
        "server { listen 127.0.0.1:{port}; root {folder}; location / {} }",
      );
      await using proxy = await start();
      await using folder = await temporaryFolder();
      const git = (cwd: string, ...args: string[]) =>
        new Deno.Command(findProgram("git")!, {
          args: ["-c", "user.name=a", "-c", "user.email=a@b", ...args],
          cwd,
          env: { HOME: folder.path, GIT_CONFIG_NOSYSTEM: "1" },
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).output();
      const served = `${server.folder}/served.git`;
      await git(folder.path, "init", "-q", "seed");
      await Deno.writeTextFile(`${folder.path}/seed/a`, "one\n");
      await git(`${folder.path}/seed`, "add", "-A");
      await git(`${folder.path}/seed`, "commit", "-qm", "one");
      await git(folder.path, "clone", "-q", "--bare", "seed", served);
      await git(served, "update-server-info");
      const url = `http://127.0.0.1:${server.port}/served.git`;
      const { success } = await git(
        folder.path,
        ...["-c", `http.proxy=${proxy.url}`, "clone", "-q", url, "clone"],
      );
      assert(success, await server.logs());
      assertEquals(await Deno.readTextFile(`${folder.path}/clone/a`), "one\n");
    },
  });
}

/** Serves a file in ranges, and two pages of which the first links to the second. */
function serveSite(): HttpServer {
  return serveHttp({ port: 0, hardened: true }, (request) => {
    const { pathname } = new URL(request.url);
    const type = { "content-type": "text/html" };
    if (pathname === "/index.html") {
      return new Response('<a href="/page.html">page</a>', { headers: type });
    }
    if (pathname === "/page.html") return new Response("a page", { headers: type });
    if (pathname !== "/file") return new Response(null, { status: 404 });
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    return new Response("0123456789".slice(from), {
      status: from > 0 ? 206 : 200,
      headers: from > 0 ? { "content-range": `bytes ${from}-9/10` } : {},
    });
  });
}

const PYTHON = `
import http.client, json, sys, threading, urllib3
proxy, origin = map(int, sys.argv[1:])
out = {}
c = http.client.HTTPConnection("127.0.0.1", proxy, timeout=20)
c.set_tunnel("127.0.0.1", origin)
def ask(method, target, body=None):
    c.request(method, target, body)
    return c.getresponse().read().decode()
out["tunnel"] = [ask("GET", "/t1"), ask("POST", "/t2", b"hello")]
c.close()
c = http.client.HTTPConnection("127.0.0.1", proxy, timeout=20)
base = f"http://127.0.0.1:{origin}"
chunks = (b"x" * 1000 for _ in range(200))
out["plain"] = [ask("PUT", base + "/p1", chunks), ask("GET", base + "/p2")]
c.close()
pool = urllib3.ProxyManager(f"http://127.0.0.1:{proxy}", maxsize=10, block=True, retries=False)
right, wrong, lock = [0], [0], threading.Lock()
def work(n):
    for i in range(20):
        text = pool.request("GET", f"{base}/{n}/{i}", timeout=20).data.decode()
        with lock:
            (right if text == f"GET /{n}/{i} 0 by way of a proxy\\n" else wrong)[0] += 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
for t in threads: t.start()
for t in threads: t.join()
out["pool"], out["wrong"] = right[0], wrong[0]
print(json.dumps(out))
`;
