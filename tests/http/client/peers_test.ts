import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { createClient } from "../../../http/client/client.ts";
import { download } from "../../../http/client/download.ts";
import { HttpRequestError, HttpStatusError } from "../../../http/client/errors.ts";
import { fetchAll } from "../../../http/client/fetch_all.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { findProgram, needs, needsPython, pythonWith } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { startPeer } from "../../_support/runnable.ts";
import { deadPort } from "../../_support/http_servers.ts";

const TEXT = "a page that is worth compressing\n".repeat(4000);
const DATA = crypto.getRandomValues(new Uint8Array(60_000));

/** Debian's nginx in the foreground: over a Unix socket, and with TLS on a port that was free. */
async function startNginx() {
  const folder = await temporaryFolder();
  const { path } = folder;
  const { good } = await testCertificates();
  await Deno.mkdir(`${path}/www`);
  // As root nginx gives its workers to nobody.
  await Deno.chmod(path, 0o755);
  await Deno.writeTextFile(`${path}/www/page.txt`, TEXT);
  await Deno.writeFile(`${path}/www/data.bin`, DATA);
  await Deno.writeFile(
    `${path}/www/members.gz`,
    Buffer.concat([gzipSync(TEXT), gzipSync(""), gzipSync(TEXT)]),
  );
  await Deno.writeTextFile(`${path}/users`, "ada:{PLAIN}secret\n");
  await Deno.writeTextFile(`${path}/cert.pem`, good.cert);
  await Deno.writeTextFile(`${path}/key.pem`, good.key);
  // It cannot take any free port by itself; nobody else of this test run is given this one.
  const port = deadPort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${path}/${name};`).join(" ");
  await Deno.writeTextFile(
    `${path}/nginx.conf`,
    `daemon off; pid ${path}/pid; error_log stderr warn; worker_processes 1;
events { worker_connections 64; }
http {
  ${temporary}
  access_log ${path}/access.log;
  gzip on; gzip_types text/plain; default_type application/octet-stream; types { text/plain txt; }
  limit_req_zone $request_method zone=few:64k rate=1r/m; limit_req_status 429;
  server {
    listen unix:${path}/plain;
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${path}/cert.pem; ssl_certificate_key ${path}/key.pem;
    root ${path}/www; client_max_body_size 10k;
    location = /echo { return 200 "$request_method $http_x_a $server_protocol"; }
    location = /old { return 301 /page.txt; }
    location = /private { auth_basic "private"; auth_basic_user_file ${path}/users; try_files /page.txt =404; }
    location = /few { limit_req zone=few; try_files /page.txt =404; }
    location = /gone { return 444; }
    location = /members { add_header Content-Encoding gzip; try_files /members.gz =404; }
    location = /upload { proxy_pass http://unix:${path}/plain:/echo; }
  }
}`,
  );
  const child = new Deno.Command(findProgram("nginx")!, {
    args: ["-e", "stderr", "-c", `${path}/nginx.conf`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (let i = 0; i < 200; i++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    path,
    tls: `https://localhost:${port}/`,
    log: () => Deno.readTextFile(`${path}/access.log`),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await folder[Symbol.asyncDispose]();
    },
  };
}

const nginx = needs("nginx");

Deno.test({
  name: `the client and nginx understand each other${nginx.suffix}`,
  ignore: nginx.ignore,
  fn: async () => {
    await using server = await startNginx();
    const { ca } = await testCertificates();
    for (const tls of [false, true]) {
      await using client = createClient({
        ...tls
          ? { baseUrl: server.tls, caCerts: [ca] }
          : { baseUrl: "http://localhost/", unixSocket: `${server.path}/plain` },
        retry: false,
      });
      const version = "HTTP/1.1";
      const echo = await client.get("echo", { headers: { "x-a": "1" } }).text();
      assertEquals(echo, `GET 1 ${version}`);
      assertEquals(await client.post("echo", { json: {} }).text(), `POST  ${version}`);
      const page = await client.get("old");
      assertEquals([await page.text(), page.redirected], [TEXT, true]);
      assertEquals(
        (await client.head("page.txt", { headers: { "accept-encoding": "identity" } })).headers.get(
          "content-length",
        ),
        `${TEXT.length}`,
      );
      const members = await client.get("members");
      assertEquals(members.headers.get("content-encoding"), null);
      assertEquals(await members.text(), TEXT + TEXT);
      const denied = await assertRejects(() => client.get("private"), HttpStatusError);
      assertEquals(denied.status, 401);
      const auth = { username: "ada", password: "secret" };
      assertEquals((await client.get("private", { auth }).text()).length, TEXT.length);
      const large = await assertRejects(
        () => client.put("upload", { body: new Uint8Array(20_000) }),
        HttpStatusError,
      );
      assertEquals(large.status, 413);
      assertEquals((await assertRejects(() => client.get("none"), HttpStatusError)).status, 404);
      const gone = await assertRejects(() => client.get("gone"), HttpRequestError);
      assertEquals(
        [/^(truncated|reset)$/.test(gone.kind), gone.sent],
        [true, "maybe"],
        gone.message,
      );
      const urls = Array.from({ length: 40 }, () => "page.txt");
      const all = await fetchAll(urls, { client, read: async (one) => (await one.text()).length })
        .gather();
      assert(all.every((one) => one.ok && one.value === TEXT.length));
      assertEquals(client.stats().active, 0);
    }
  },
});

Deno.test({
  name: `a POST reaches nginx once, also when nginx hangs up${nginx.suffix}`,
  ignore: nginx.ignore,
  fn: async () => {
    await using server = await startNginx();
    await using client = createClient({
      baseUrl: "http://localhost/",
      unixSocket: `${server.path}/plain`,
      retry: { backoffFactor: 0 },
    });
    await client.get("echo");
    await assertRejects(() => client.post("gone", { json: 1 }), HttpRequestError);
    await client.post("echo", { json: 1 });
    await assertRejects(() => client.get("gone"), HttpRequestError);
    const lines = (await server.log()).split("\n");
    assertEquals(
      lines.filter((line) => line.includes("/gone") && line.includes("POST")).length,
      1,
      `${lines}`,
    );
    // A GET may be repeated: four tries, and what Deno adds on connections that it kept.
    assert(lines.filter((line) => line.includes("/gone") && line.includes("GET")).length >= 4);
    await client.get("few");
    const few = await assertRejects(() => client.get("few"), HttpStatusError);
    assertEquals([few.status, few.history.length], [429, 0]);
  },
});

Deno.test({
  name: `download() goes on with a file of nginx${nginx.suffix}`,
  ignore: nginx.ignore,
  fn: async () => {
    await using server = await startNginx();
    await using client = createClient({
      baseUrl: "http://localhost/",
      unixSocket: `${server.path}/plain`,
    });
    const file = `${server.path}/copy.bin`;
    const stop = new AbortController();
    const reason = new Error("enough");
    const cut = download("data.bin", file, {
      client,
      signal: stop.signal,
      onDownload: () => stop.abort(reason),
    });
    assertEquals(await assertRejects(() => cut), reason);
    const { size: half } = await Deno.stat(`${file}.part`);
    const hex = createHash("sha256").update(DATA).digest("hex");
    const { resumedFrom, size } = await download("data.bin", file, {
      client,
      digest: { algorithm: "sha256", hex },
    });
    assertEquals([resumedFrom, size], [half, DATA.length]);
    // The name of a page that nginx would compress, whose size it then does not say.
    assertEquals((await download("page.txt", file, { client })).size, TEXT.length);
  },
});

const SERVER = `
import http.server, os, sys
os.chdir(sys.argv[1])
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = sys.argv[2]
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
`;

const python = needsPython();

Deno.test({
  name: `the client and Python's http.server understand each other${python.suffix}`,
  ignore: python.ignore,
  fn: async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/page.txt`, TEXT);
    for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
      await using server = await startPeer(pythonWith()!, ["-c", SERVER, folder.path, version]);
      const baseUrl = server.urls[0]!;
      for (const dialer of [false, true]) {
        await using client = createClient({ baseUrl, retry: false, dialer });
        assertEquals(await client.get("page.txt").text(), TEXT);
        assertEquals(await client.post("x", { body: "ä" }).text(), "ä");
        // It takes no chunks, as many servers do not.
        const file = { path: `${folder.path}/page.txt` };
        const form = await client.post("x", { multipart: { a: "1", file } }).text();
        assert(form.includes(TEXT) && form.includes('name="a"'), form.slice(0, 200));
        assertEquals(
          (await client.head("page.txt")).headers.get("content-length"),
          `${TEXT.length}`,
        );
        const error = await assertRejects(() => client.get("none"), HttpStatusError);
        assert(error.body.includes("404"));
        assertEquals(
          (await assertRejects(() => client.delete("page.txt"), HttpStatusError)).status,
          501,
        );
        const urls = Array.from({ length: 30 }, () => "page.txt");
        const all = await fetchAll(urls, { client, read: (one) => one.text() }).gather();
        assert(all.every((one) => one.ok && one.value === TEXT));
        assertEquals(client.stats().active, 0);
      }
    }
  },
});
