import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ProxyEntry, type ProxyServer, serveProxy } from "../../../http/proxy/proxy.ts";
import { chrome, launchChrome } from "../../_support/browser.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { findProgram, needs, needsPython, pythonWith } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";
import { send } from "./_support.ts";

const curl = needs("curl");
const wget = needs("wget");
const urllib = needsPython();
const requests = needsPython("requests");

/** Says what it was asked; sockets give back what they get. */
async function answer(request: Request): Promise<Response> {
  if (request.headers.get("upgrade") === "websocket") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`you said ${data}`);
    return response;
  }
  const { pathname } = new URL(request.url);
  const body = await request.bytes();
  const via = request.headers.get("via") === null ? "directly" : "by way of a proxy";
  return new Response(`${request.method} ${pathname} ${body.length} ${via}`, {
    headers: { "content-type": "text/html" },
  });
}

interface World {
  readonly proxy: ProxyServer;
  readonly http: string;
  readonly https: string;
  /** A file with the authority that signed the certificate of `https`. */
  readonly ca: string;
  readonly entries: ProxyEntry[];
}

/** A proxy that wants a login, two origins, and a file with an authority. */
async function world(work: (world: World) => Promise<void>, users?: Record<string, string>) {
  const { ca, good } = await testCertificates();
  const file = await Deno.makeTempFile({ suffix: ".pem" });
  await Deno.writeTextFile(file, ca);
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const plain = Deno.serve(options, answer);
  const secure = Deno.serve({ ...options, cert: good.cert, key: good.key }, answer);
  const entries: ProxyEntry[] = [];
  const proxy = serveProxy({
    allowPrivate: true,
    connectPorts: "any",
    users,
    onEntry: (entry) => entries.push(entry),
  });
  try {
    await work({
      proxy,
      http: `http://127.0.0.1:${plain.addr.port}`,
      https: `https://127.0.0.1:${secure.addr.port}`,
      ca: file,
      entries,
    });
  } finally {
    await proxy.shutdown({ deadline: 0 });
    await Promise.all([plain.shutdown(), secure.shutdown()]);
    await Deno.remove(file);
  }
}

const USERS = { alice: "secret" };
const withLogin = ({ url }: ProxyServer) => url.replace("//", "//alice:secret@");

Deno.test({
  name: `curl fetches, uploads and tunnels through a proxy${curl.suffix}`,
  ignore: curl.ignore,
  fn: () =>
    world(async ({ proxy, http, https, ca, entries }) => {
      const run = async (...args: string[]) => {
        const common = ["-sS", "--noproxy", "", "--cacert", ca];
        const { stdout, stderr } = await runPeer(
          findProgram("curl")!,
          [...common, ...args],
          "x".repeat(300_000),
        );
        return stdout + stderr;
      };
      const at = ["-x", proxy.url, "-U", "alice:secret"];
      assertEquals(await run(...at, `${http}/a`), "GET /a 0 by way of a proxy");
      assertEquals(
        await run(...at, "--path-as-is", `${http}/a/%2F`),
        "GET /a/%2F 0 by way of a proxy",
      );
      assertEquals(await run(...at, "-T", "-", `${http}/up`), "PUT /up 300000 by way of a proxy");
      const expect = ["-H", "Expect: 100-continue", "--data-binary", "@-"];
      assertEquals(await run(...at, ...expect, `${http}/b`), "POST /b 300000 by way of a proxy");
      assertEquals(await run(...at, "-p", `${http}/c`), "GET /c 0 directly");
      assertEquals(await run(...at, `${https}/d`), "GET /d 0 directly");
      assertEquals(await run(...at, "-0", `${http}/e`), "GET /e 0 by way of a proxy");
      assertMatch(await run(...at, "-I", `${http}/f`), /^HTTP\/1\.1 200 OK\r\n/);
      assertEquals(
        await run("-x", proxy.url, "-w", "%{http_code}", "-o", "/dev/null", http),
        "407",
      );
      assertMatch(await run("-x", proxy.url, https), /407/);
      // It asks twice on one connection: without the login, then with it.
      assertEquals(await run(...at, "--proxy-anyauth", `${http}/g`), "GET /g 0 by way of a proxy");
      assertEquals(entries.slice(-2).map(({ status }) => status), [407, 200]);
    }, USERS),
});

Deno.test({
  name: `wget fetches through a proxy, also with TLS${wget.suffix}`,
  ignore: wget.ignore,
  fn: () =>
    world(async ({ proxy, http, https, ca }) => {
      for (
        const [url, how] of [[`${http}/a`, "by way of a proxy"], [
          `${https}/a`,
          "directly",
        ]] as const
      ) {
        const args = ["-q", "-O", "-", "-e", "use_proxy=yes", `--ca-certificate=${ca}`];
        const proxies = ["-e", `http_proxy=${proxy.url}`, "-e", `https_proxy=${proxy.url}`];
        const login = ["--proxy-user=alice", "--proxy-password=secret"];
        const { stdout } = await runPeer(findProgram("wget")!, [
          ...args,
          ...proxies,
          ...login,
          url,
        ]);
        assertEquals(stdout, `GET /a 0 ${how}`);
      }
    }, USERS),
});

const URLLIB = `
import ssl, sys, urllib.request as u
proxy, http, https, ca = sys.argv[1:]
opener = u.build_opener(u.ProxyHandler({"http": proxy, "https": proxy}),
  u.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
for url, data in ((http + "/a", None), (http + "/b", b"x" * 100000), (https + "/c", None)):
    print(opener.open(url, data, timeout=10).read().decode())
`;
const REQUESTS = `
import sys, requests
proxy, http, https, ca = sys.argv[1:]
with requests.Session() as s:
    s.trust_env = False
    s.proxies = {"http": proxy, "https": proxy}
    s.verify = ca
    print(s.get(http + "/a", timeout=10).text)
    print(s.post(http + "/b", data=b"x" * 100000, timeout=10).text)
    print(s.get(https + "/c", timeout=10).text)
`;
for (
  const [name, script, python, modules] of [
    ["urllib", URLLIB, urllib, []],
    ["requests", REQUESTS, requests, ["requests"]],
  ] as const
) {
  Deno.test({
    name: `Python's ${name} talks through a proxy${python.suffix}`,
    ignore: python.ignore,
    fn: () =>
      world(async ({ proxy, http, https, ca }) => {
        const args = ["-c", script, withLogin(proxy), http, https, ca];
        const { stdout, stderr } = await runPeer(pythonWith(...modules)!, args);
        assertEquals(
          stdout,
          "GET /a 0 by way of a proxy\nPOST /b 100000 by way of a proxy\nGET /c 0 directly\n",
          stderr,
        );
      }, USERS),
  });
}

Deno.test({
  name: `Chromium shows pages and opens WebSockets through a proxy${chrome.suffix}`,
  ignore: chrome.ignore,
  fn: () =>
    world(async ({ proxy, http, https, entries }) => {
      const browser = await launchChrome(
        `--proxy-server=${proxy.url}`,
        "--proxy-bypass-list=<-loopback>",
        "--ignore-certificate-errors",
      );
      try {
        const page = await browser.newPage();
        await page.goto(`${https}/secure`);
        assertEquals(await page.textContent("body"), "GET /secure 0 directly");
        await page.goto(`${http}/page`);
        assertEquals(await page.textContent("body"), "GET /page 0 by way of a proxy");
        const said = await page.evaluate(`new Promise((resolve, reject) => {
          const socket = new WebSocket(${JSON.stringify(http.replace("http", "ws"))});
          socket.onopen = () => socket.send("hello");
          socket.onmessage = ({ data }) => { socket.close(); resolve(data); };
          socket.onerror = () => reject(new Error("no socket"));
        })`);
        assertEquals(said, "you said hello");
      } finally {
        await browser.close();
      }
      await proxy.shutdown();
      const asked = entries.map(({ method, target }) => `${method} ${target}`);
      // By CONNECT: the tunnels of TLS and of the socket.
      assertEquals(asked.includes(`CONNECT ${new URL(https).host}`), true);
      assertEquals(asked.includes(`CONNECT ${new URL(http).host}`), true);
      assertEquals(asked.includes(`GET ${http}/page`), true);
    }),
});

Deno.test("a WebSocket works through a proxy by Upgrade", () =>
  world(async ({ proxy, http }) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.addr.port });
    await send(
      conn,
      `GET ${http}/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
        // A text frame with the mask 0, in the same packet.
        "\x81\x85\0\0\0\0hello",
    );
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!text.endsWith("you said hello")) {
      const size = await conn.read(buffer);
      assert(size !== null, `the end, after ${text}`);
      text += String.fromCharCode(...buffer.subarray(0, size));
    }
    assertMatch(
      text,
      /^HTTP\/1\.1 101 [^]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=[^]*\r\n\r\n..you said hello$/i,
    );
    await send(conn, "\x88\x80\0\0\0\0");
    while (await conn.read(buffer) !== null);
  }));
