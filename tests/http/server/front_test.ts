/** The hardened server behind nginx, HAProxy and Squid, and under ab, wget and curl. @module */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { createClient } from "../../../http/client/client.ts";
import { router } from "../../../http/handlers/router.ts";
import { type HttpServer, serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import { type HttpPeer, startHaproxy, startNginx, startSquid } from "../../_support/http_peers.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runPeer } from "../../_support/runnable.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const LARGE = 5_000_000;

const app = router({
  "GET /": () => new Response("root"),
  "GET /hello": () => new Response("hello"),
  "GET /large": () => new Response(new Uint8Array(LARGE)),
  "GET /slow": (request) => new Response(`${new URL(request.url).search.slice(1)}`),
  "POST /size": async (request) => new Response(String((await request.bytes()).length)),
  "GET /stream": () =>
    new Response(
      ReadableStream.from(["one ", "two ", "three"]).pipeThrough(
        new TextEncoderStream(),
      ),
    ),
});

function serve(options: ServeHttpOptions = {}): HttpServer {
  return serveHttp({ port: 0, hardened: true, ...options }, app);
}

/** Runs a client that must succeed. Returns its output. */
async function run(program: string, args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await runPeer(findProgram(program)!, args, input, 60_000);
  assertEquals(code, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

const ab = needs("ab");
for (const keepAlive of [false, true]) {
  Deno.test({
    name: `ab ${keepAlive ? "-k " : ""}finds no failed request${ab.suffix}`,
    ignore: ab.ignore,
    fn: async () => {
      await using server = serve();
      const args = ["-n", "2000", "-c", "20", ...(keepAlive ? ["-k"] : [])];
      const out = await run("ab", [...args, `${server.url}/hello`]);
      assertMatch(out, /Complete requests:\s+2000\n/);
      assertMatch(out, /Failed requests:\s+0\n/);
      assert(!out.includes("Non-2xx"), out);
      // ab speaks HTTP/1.0; with -k it asks to keep the connection.
      if (keepAlive) assertMatch(out, /Keep-Alive requests:\s+2000\n/);
      const post = `${(await temporary("x".repeat(10_000))).path}`;
      const posted = await run("ab", [
        ...args,
        "-p",
        post,
        "-T",
        "text/plain",
        `${server.url}/size`,
      ]);
      assertMatch(posted, /Failed requests:\s+0\n/);
      await Deno.remove(post);
    },
  });
}

async function temporary(text: string): Promise<{ path: string }> {
  const path = await Deno.makeTempFile({ prefix: "portside-" });
  await Deno.writeTextFile(path, text);
  return { path };
}

const curl = needs("curl");
Deno.test({
  name: `curl --http1.0 keeps a connection where it asks to${curl.suffix}`,
  ignore: curl.ignore,
  fn: async () => {
    await using server = serve();
    const url = `${server.url}/hello`;
    const args = ["-sS", "-0", "--max-time", "10", "-o", "/dev/null", "-w", "%{num_connects}\n"];
    const keep = ["-H", "Connection: keep-alive"];
    assertEquals(await run("curl", [...args, ...keep, url, "-o", "/dev/null", url]), "1\n0\n");
    assertEquals(await run("curl", ["-sS", "-0", `${server.url}/stream`]), "one two three");
  },
});

const wget = needs("wget");
Deno.test({
  name: `wget fetches several files on one connection${wget.suffix}`,
  ignore: wget.ignore,
  fn: async () => {
    await using server = serve();
    await using folder = await temporaryFolder();
    const urls = ["hello", "large", "stream"].map((path) => `${server.url}/${path}`);
    await run("wget", ["-q", "--tries=1", "-P", folder.path, ...urls]);
    assertEquals((await Deno.stat(`${folder.path}/large`)).size, LARGE);
    assertEquals(await Deno.readTextFile(`${folder.path}/stream`), "one two three");
  },
});

/** Ways to put another server in front: its name, the program, and how it is started for a port. */
const FRONTS: [name: string, program: string, start: (port: number) => Promise<HttpPeer>][] = [
  ["nginx with its defaults (HTTP/1.0)", "nginx", (port) =>
    startNginx(`client_max_body_size 0;
  server { listen 127.0.0.1:{port}; location / { proxy_pass http://127.0.0.1:${port}; } }`)],
  [
    "nginx with keep-alive and without buffers",
    "nginx",
    (port) =>
      startNginx(`client_max_body_size 0;
  upstream app { server 127.0.0.1:${port}; keepalive 8; }
  server { listen 127.0.0.1:{port}; location / { proxy_pass http://app; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_request_buffering off; proxy_buffering off; } }`),
  ],
  ["HAProxy with its health check (OPTIONS / HTTP/1.0)", "haproxy", (port) =>
    startHaproxy(`
listen front
  bind 127.0.0.1:{port}
  option httpchk
  http-reuse always
  option log-health-checks
  default-server check inter 1s rise 1 fall 3
  server app 127.0.0.1:${port}`)],
  ["HAProxy with a health check of HTTP/1.1", "haproxy", (port) =>
    startHaproxy(`
listen front
  bind 127.0.0.1:{port}
  option httpchk
  http-check send meth GET uri /hello ver HTTP/1.1 hdr Host app
  http-check expect string hello
  option log-health-checks
  default-server check inter 1s rise 1 fall 3
  server app 127.0.0.1:${port}`)],
  ["Squid as an accelerator", "squid", (port) =>
    startSquid(`cache deny all
http_port 127.0.0.1:{port} accel defaultsite=app
cache_peer 127.0.0.1 parent ${port} 0 no-query no-digest no-netdb-exchange originserver`)],
];

for (const [name, program, startFront] of FRONTS) {
  const { ignore, suffix } = needs(program);
  Deno.test({
    name: `the hardened server works behind ${name}${suffix}`,
    ignore,
    fn: async () => {
      await using server = serve();
      await using front = await startFront(server.addr.port);
      const url = `http://127.0.0.1:${front.port}`;
      await using client = createClient({ retry: false });
      if (program === "haproxy") await untilChecked(front);
      const work = Array.from({ length: 8 }, async () => {
        for (let i = 0; i < 20; i++) {
          assertEquals(await client.get(`${url}/hello`).text(), "hello");
          assertEquals(await client.get(`${url}/stream`).text(), "one two three");
          const body = "x".repeat(i * 1000);
          assertEquals(await client.post(`${url}/size`, { body }).text(), String(body.length));
        }
      });
      await Promise.all(work);
      assertEquals((await client.get(`${url}/large`).bytes()).length, LARGE);
      const upload = ReadableStream.from(
        Array.from({ length: 50 }, () => new Uint8Array(100_000)),
      );
      assertEquals(await client.post(`${url}/size`, { body: upload }).text(), "5000000");
      const missing = await client.get(`${url}/none`, { raiseForStatus: false });
      assertEquals(missing.status, 404);
      await missing.body?.cancel();
      assertEquals((await client.head(`${url}/large`)).headers.get("content-length"), `${LARGE}`);
    },
  });
}

/** Waits until a health check of HAProxy has found the server well. */
async function untilChecked(front: HttpPeer): Promise<void> {
  let logs = "";
  while (!/Health check .* succeeded.*Layer7 check passed/.test(logs)) {
    logs = await front.logs();
    assert(!logs.includes("failed"), logs);
    await delay(20);
  }
}

const nginx = needs("nginx");
Deno.test({
  name: `servers behind nginx are shut down one by one, and no request is lost${nginx.suffix}`,
  ignore: nginx.ignore,
  fn: async () => {
    const first = serve();
    const second = serve();
    await using front = await startNginx(`
  upstream app { server 127.0.0.1:${first.addr.port} max_fails=0;
    server 127.0.0.1:${second.addr.port} max_fails=0; keepalive 8; }
  server { listen 127.0.0.1:{port}; location / { proxy_pass http://app; proxy_http_version 1.1;
    proxy_set_header Connection ""; } }`);
    await using client = createClient({ retry: false });
    let going = true;
    let asked = 0;
    const work = Promise.all(Array.from({ length: 8 }, async (_, index) => {
      for (let i = 0; going; i++, asked++) {
        const tag = `${index}.${i}`;
        assertEquals(
          await client.get(`http://127.0.0.1:${front.port}/slow?${tag}`).text(),
          tag,
        );
      }
    }));
    await until(() => asked > 200);
    const report = await first.shutdown({ deadline: 5000 });
    const before = asked;
    await until(() => asked > before + 200);
    going = false;
    await work;
    await second.shutdown();
    assertEquals(report.forced, 0);
  },
});

Deno.test({
  name: `nginx reloads in front of the hardened server, and no request is lost${nginx.suffix}`,
  ignore: nginx.ignore,
  fn: async () => {
    await using server = serve();
    await using front = await startNginx(`
  upstream app { server 127.0.0.1:${server.addr.port}; keepalive 8; }
  server { listen 127.0.0.1:{port}; location / { proxy_pass http://app; proxy_http_version 1.1;
    proxy_set_header Connection ""; } }`);
    let going = true;
    let asked = 0;
    const work = Promise.all(Array.from({ length: 4 }, async (_, index) => {
      for (let i = 0; going; i++, asked++) {
        // Each request has its own connection, because nginx decides about idle ones.
        const text = await exchange(
          front.port,
          `GET /slow?${index}.${i} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
        );
        assertEquals(statuses(text), [200], text);
        assertStringIncludes(text, `\r\n\r\n${index}.${i}`);
      }
    }));
    for (let reload = 0; reload < 5; reload++) {
      const before = asked;
      front.signal("SIGHUP");
      await until(() => asked > before + 50);
    }
    going = false;
    await work;
  },
});
