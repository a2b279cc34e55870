/** curl and nginx talk to `serveHttp` on a Unix socket, which needs the permissions that it names. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { serveHttp } from "../../../http/server/server.ts";
import { startNginx } from "../../_support/http_peers.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { rest } from "../../_support/raw_http.ts";
import { runPeer } from "../../_support/runnable.ts";
import {
  bodyOf,
  CLOSE,
  exchange,
  get,
  leaveStale,
  unixTest as test,
} from "../../_support/unix_http.ts";
import { CONFIG } from "../../_support/flags.ts";

const SERVER = new URL("../../../http/server/server.ts", import.meta.url).href;

/** Runs a script of a Deno with few permissions. */
function run(script: string, flags: readonly string[]) {
  const file = Deno.makeTempFileSync({ suffix: ".ts" });
  Deno.writeTextFileSync(file, script);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", ...CONFIG, ...flags, file],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const errors = rest(child.stderr);
  return {
    async line() {
      const { value } = await reader.read();
      return new TextDecoder().decode(value).trim();
    },
    async end() {
      await child.stdin.close();
      const { code } = await child.status;
      return { code, stderr: await errors };
    },
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      await child.status;
      await Deno.remove(file);
    },
  };
}

for (const hardened of [true, false]) {
  const on = hardened ? "hardened" : "Deno.serve";

  const curl = needs("curl");
  test(`curl talks to serveHttp() on a Unix socket, ${on}${curl.suffix}`, async (path) => {
    await using _server = await serveHttp(
      { path, hardened },
      async (request) => new Response(`${request.method} ${request.url} ${await request.text()}`),
    );
    const args = ["-sS", "-m", "30", "--unix-socket", path, "-d", "data", "http://localhost/a"];
    const { code, stdout, stderr } = await runPeer(findProgram("curl")!, args, "", 60_000);
    assertEquals([code, stdout], [0, "POST http://localhost/a data"], stderr);
  }, curl.ignore);

  const nginx = needs("nginx");
  test(`nginx passes requests on to a Unix socket, ${on}${nginx.suffix}`, async (path) => {
    await using _server = await serveHttp(
      // nginx is another user here.
      { path, mode: 0o666, hardened, trustProxy: ["unix:"] },
      async (request, info) =>
        Response.json([
          request.url,
          "hostname" in info.remoteAddr && info.remoteAddr.hostname,
          info.forwarded?.host,
          (await request.text()).length,
        ]),
    );
    await using peer = await startNginx(`server {
      listen 127.0.0.1:{port};
      location / {
        proxy_pass http://unix:${path}:/base/;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Host $host;
      }
    }`);
    const response = await fetch(`http://127.0.0.1:${peer.port}/a?b`, {
      method: "POST",
      headers: { host: "app.example", "x-forwarded-for": "192.0.2.1" },
      body: "x".repeat(50_000),
    });
    const [url, client, host, length] = await response.json();
    assertEquals(url, `http://${host}/base/a?b`);
    // The field of the client precedes that of nginx, and is not trusted.
    assertEquals([client, length], ["127.0.0.1", 50_000]);
  }, nginx.ignore);

  test(`serveHttp() on a Unix socket needs the permissions that it names, ${on}`, async (path) => {
    const script = `import { serveHttp } from ${JSON.stringify(SERVER)};
      const server = await serveHttp(
        { path: ${JSON.stringify(path)}, hardened: ${hardened} },
        () => new Response("least"),
      );
      console.log("up");
      for await (const _ of Deno.stdin.readable) { /* Until the test ends it. */ }
      await server.shutdown();`;
    const flags = [`--allow-read=${path}`, `--allow-write=${path}`, `--allow-net=unix:${path}`];
    await leaveStale(path);
    await using child = run(script, flags);
    assertEquals(await child.line(), "up");
    assertEquals(bodyOf(await exchange(path, get("/", `Host: a\r\n${CLOSE}`))), "least");
    const { code, stderr } = await child.end();
    assertEquals(code, 0, stderr);
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    for (const missing of flags) {
      await using refused = run(script, flags.filter((flag) => flag !== missing));
      const { code, stderr } = await refused.end();
      assertEquals(code, 1);
      assertStringIncludes(stderr, missing);
    }
  });
}
