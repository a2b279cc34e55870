import { assert, assertEquals, assertRejects } from "@std/assert";
import { readProxy } from "../../../http/internal/proxy_server.ts";
import { openTunnel, TunnelError, type TunnelOptions } from "../../../http/internal/tunnel.ts";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import type { HostPort } from "../../../net/address.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { upgradeTls } from "../../../net/tls/upgrade.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import {
  startDante,
  startMicrosocks,
  startSquid,
  startTinyproxy,
} from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { SocksServer } from "../../_support/socks_server.ts";

const TARGET = { hostname: "a.test", port: 443 };

async function greet(conn: Connection): Promise<void> {
  await conn.write("ready\n");
  for await (const line of conn.lines()) await conn.write(`${line}!\n`);
}

/** Opens a tunnel through a proxy with this URL. */
function open(url: string, target: HostPort = TARGET, options: TunnelOptions = {}) {
  return openTunnel(readProxy("proxy", { url }), target, { timeout: 20_000, ...options });
}

/** Opens a tunnel to a greeting server, and speaks with it. */
async function talk(url: string, target: HostPort, options?: TunnelOptions): Promise<void> {
  await using conn = await open(url, target, options);
  assertEquals(await conn.readLine({ timeout: 20_000 }), "ready");
  await conn.write("hello\n");
  assertEquals(await conn.readLine({ timeout: 20_000 }), "hello!");
}

/** A proxy that answers each request with these bytes, and then does `then`. */
function scripted(answer: string, then: (conn: Connection) => Promise<unknown> = greetEnd) {
  const heads: string[] = [];
  const server = serveTcp({ lingerTimeout: 0 }, async (conn) => {
    let head = "";
    for (let line; (line = await conn.readLine()) !== null && line !== "";) head += `${line}\n`;
    heads.push(head);
    await conn.write(answer);
    await then(conn);
  });
  return { heads, server, url: `http://127.0.0.1:${server.addr.port}` };
}

async function greetEnd(conn: Connection): Promise<void> {
  await conn.closeWrite();
}

async function untilEnd(conn: Connection): Promise<void> {
  while (await conn.readChunk() !== null);
}

async function failure(url: string, options?: TunnelOptions): Promise<NetError> {
  return await assertRejects(() => open(url, TARGET, options), NetError);
}

Deno.test("openTunnel() leads through a proxy of http and https, with a login", async () => {
  const { ca, good } = await testCertificates();
  await using server = serveTcp({}, greet);
  const rules = { allowPrivate: true, connectPorts: "any", users: { ada: "se@cret" } } as const;
  await using proxy = serveProxy(rules);
  const target = { hostname: "127.0.0.1", port: server.addr.port };
  await talk(`http://ada:se%40cret@127.0.0.1:${proxy.addr.port}`, target);
  await using secure = serveTls({ ...good }, async (conn) => {
    await using far = await open(`http://ada:se%40cret@127.0.0.1:${proxy.addr.port}`, target);
    assertEquals(await conn.readLine(), `CONNECT 127.0.0.1:${target.port} HTTP/1.1`);
    while (await conn.readLine() !== "");
    await conn.write("HTTP/1.1 200 OK\r\n\r\n");
    await Promise.all([conn.readable.pipeTo(far.writable), far.readable.pipeTo(conn.writable)]);
  });
  await talk(`https://localhost:${secure.addr.port}`, target, { caCerts: [ca] });
  const error = await failure(`https://localhost:${secure.addr.port}`);
  assertEquals([error.kind, error.tls], ["tls", "untrusted"]);
  const refused = await failure(`http://ada:wrong@127.0.0.1:${proxy.addr.port}`);
  assert(refused instanceof TunnelError);
  assertEquals([refused.status, refused.code, refused.kind], [407, "407", "reply"]);
  assert(!/ada|wrong/.test(refused.message));
});

Deno.test("openTunnel() sends one exact request, and skips interim responses", async () => {
  const answer =
    "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.0 200 Fine\r\nContent-Length: 9\r\n\r\nearly\n";
  const { heads, server, url } = scripted(answer, untilEnd);
  await using _server = server;
  await using conn = await open(`${url.replace("//", "//ada:pw@")}`);
  assertEquals(await conn.readLine({ timeout: 20_000 }), "early");
  assertEquals(heads, [
    `CONNECT a.test:443 HTTP/1.1\nHost: a.test:443\nProxy-Authorization: Basic ${btoa("ada:pw")}\n`,
  ]);
  await using six = await open(url, { hostname: "::1", port: 80 });
  assertEquals(heads[1], "CONNECT [::1]:80 HTTP/1.1\nHost: [::1]:80\n");
  await Promise.all([conn.close(), six.close()]);
});

Deno.test("openTunnel() carries TLS to the target", async () => {
  const { ca, good } = await testCertificates();
  await using server = serveTls({ ...good }, greet);
  await using proxy = serveProxy({ allowPrivate: true, connectPorts: "any" });
  await using conn = await open(`http://127.0.0.1:${proxy.addr.port}`, {
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await upgradeTls(conn, { serverName: "localhost", caCerts: [ca] });
  assertEquals(await conn.readLine({ timeout: 20_000 }), "ready");
});

Deno.test("openTunnel() reports the status and the first KiB of a refusal", async () => {
  const long = "é".repeat(2000);
  const rows: [answer: string, status: number, body: string, retryable: boolean][] = [
    ["HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope", 403, "nope", false],
    ["HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 502, "hi", true],
    [`HTTP/1.1 407\r\n\r\n${long}`, 407, long.slice(0, 512), false],
    ["HTTP/1.1 301 Moved\r\nContent-Length: 9\r\n\r\ncut", 301, "cut", false],
    ["HTTP/1.0 503 \u001b[31m\r\n\r\n", 503, "", true],
  ];
  for (const [answer, status, body, retryable] of rows) {
    const { server, url } = scripted(answer);
    await using _server = server;
    const error = await failure(url);
    assert(error instanceof TunnelError, answer);
    assertEquals([error.status, error.body, error.retryable], [status, body, retryable]);
    assertEquals(
      error.message.startsWith(`Cannot connect to a.test:443: the proxy ${url} answered ${status}`),
      true,
      error.message,
    );
    assert(!error.message.includes("\u001b"));
  }
});

Deno.test("openTunnel() does not wait for the text of a refusal that never comes", async () => {
  const { server, url } = scripted("HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\n", untilEnd);
  await using _server = server;
  const error = await failure(url);
  assert(error instanceof TunnelError);
  assertEquals([error.status, error.body], [403, ""]);
});

Deno.test("openTunnel() tells apart an absent, a silent and a malformed proxy", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.8", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const refused = await failure(`http://127.0.0.8:${port}`);
  assertEquals(refused.kind, "refused");
  assertEquals(
    refused.message,
    `Cannot connect to a.test:443 through the proxy http://127.0.0.8:${port}: connection refused`,
  );
  assertEquals((await failure("http://proxy.invalid:1")).kind, "dns");
  const rows: [answer: string, kind: string][] = [
    ["", "truncated"],
    ["HTTP/1.1 200", "truncated"],
    ["HTTP/1.0 100 Continue\r\n\r\n", "truncated"],
    ["\r\n", "truncated"],
    ["SSH-2.0-OpenSSH\r\n\r\n", "protocol"],
  ];
  for (const [answer, kind] of rows) {
    const { server, url } = scripted(answer);
    await using _server = server;
    assertEquals((await failure(url)).kind, kind, answer);
  }
  const { server, url } = scripted("", untilEnd);
  await using _server = server;
  for (const silent of [url, url.replace("http:", "socks5h:")]) {
    const late = await failure(silent, { timeout: 100 });
    assertEquals([late.kind, late.phase], ["timeout", "connect"]);
    const reason = new Error("enough");
    const aborter = new AbortController();
    const opening = open(silent, TARGET, { signal: aborter.signal });
    aborter.abort(reason);
    await assertRejects(() => opening, Error, "enough");
    const { signal } = aborter;
    await assertRejects(() => open(silent, TARGET, { signal }), Error, "enough");
  }
});

Deno.test("openTunnel() speaks SOCKS: names by the proxy with socks5h, by this side with socks5", async () => {
  await using server = serveTcp({}, greet);
  const { port } = server.addr;
  await using socks = new SocksServer({ login: "ada:pw", port });
  const at = `ada:pw@127.0.0.1:${socks.port}`;
  await talk(`socks5h://${at}`, { hostname: "far.test", port: 70 });
  await talk(`socks5://${at}`, { hostname: "127.0.0.3", port: 71 });
  const resolve = (name: string) => Promise.resolve(name === "near.test" ? ["127.0.0.4"] : []);
  await talk(`socks5://${at}`, { hostname: "near.test", port: 72 }, { resolve });
  assertEquals(socks.seen.map(({ target }) => target), [
    "3 far.test:70",
    "1 127.0.0.3:71",
    "1 127.0.0.4:72",
  ]);
  const none = await failure(`socks5://${at}`, { resolve });
  assertEquals(none.kind, "dns");
  assertEquals((await failure(`socks5h://ada:no@127.0.0.1:${socks.port}`)).kind, "reply");
  await using refusing = new SocksServer({ reply: () => 5 });
  const error = await failure(`socks5h://127.0.0.1:${refusing.port}`);
  assertEquals([error.kind, error.message], [
    "refused",
    `Cannot connect to a.test:443 through the proxy socks5h://127.0.0.1:${refusing.port}: ` +
    "the target refused the connection",
  ]);
});

const squid = needs("squid", "tinyproxy");
Deno.test({
  name: `openTunnel() works with Squid and tinyproxy${squid.suffix}`,
  ignore: squid.ignore,
  async fn() {
    await using server = serveTcp({}, greet);
    for (const start of [startSquid, startTinyproxy]) {
      await using proxy = await start();
      const target = { hostname: "127.0.0.1", port: server.addr.port };
      await talk(`http://127.0.0.1:${proxy.port}`, target);
      using taken = Deno.listen({ hostname: "127.0.0.8", port: 0 });
      const { port } = taken.addr;
      taken.close();
      const url = `http://127.0.0.1:${proxy.port}`;
      const error = await assertRejects(
        () => open(url, { hostname: "127.0.0.8", port }),
        TunnelError,
      );
      assert(error.status >= 500 && error.body.length > 0 && error.body.length <= 1024);
    }
  },
});

const socks = needs("microsocks", "danted");
Deno.test({
  name: `openTunnel() works with microsocks and Dante${socks.suffix}`,
  ignore: socks.ignore,
  async fn() {
    await using server = serveTcp({}, greet);
    const target = { hostname: "127.0.0.1", port: server.addr.port };
    await using microsocks = await startMicrosocks({ user: "ada", password: "pw" });
    await using dante = await startDante();
    await talk(`socks5://ada:pw@127.0.0.1:${microsocks.port}`, target);
    await talk(`socks5h://127.0.0.1:${dante.port}`, target);
    const error = await failure(`socks5://ada:no@127.0.0.1:${microsocks.port}`, {
      resolve: () => Promise.resolve(["127.0.0.1"]),
    });
    assertEquals(error.kind, "reply");
  },
});
