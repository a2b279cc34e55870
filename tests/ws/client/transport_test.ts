/** How the client reaches servers: proxies, Unix sockets, TLS, redirects. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serveHttp } from "../../../http/server/server.ts";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { serveUnix } from "../../../net/unix/server.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import { TunnelError, WsHandshakeError } from "../../../ws/client/errors.ts";
import type { ConnectWebSocketOptions } from "../../../ws/client/options.ts";
import { upgrade } from "../../../ws/server/upgrade.ts";
import { serveWebSocket } from "../../../ws/server/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { LOCK } from "../../_support/flags.ts";
import { startMicrosocks, startSquid, startTinyproxy } from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { SocksServer } from "../../_support/socks_server.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";
import { echo, serve } from "../../_support/ws_peers.ts";

/** Sends a message through a new connection, and returns the answer. */
async function ask(url: string, options: ConnectWebSocketOptions = {}): Promise<unknown> {
  await using conn = await connectWebSocket(url, options);
  await conn.send("hello");
  return await conn.receive({ timeout: 20_000 });
}

/** Passes bytes between a connection and a local port. */
async function relay(near: Connection, port: number): Promise<void> {
  await using far = await connectTcp({ port });
  const up = near.readable.pipeTo(far.writable).catch(() => {});
  await far.readable.pipeTo(near.writable).catch(() => {});
  await up;
}

/**
 * Asks in a process of its own, because all tests share the variables of the environment.
 *
 * @returns The answers, one for each URL.
 */
async function askWith(
  variables: Record<string, string>,
  asks: readonly (readonly [url: string, options: ConnectWebSocketOptions])[],
): Promise<unknown> {
  const client = new URL("../../../ws/client/client.ts", import.meta.url).href;
  const script = `
    import { connectWebSocket } from ${JSON.stringify(client)};
    const answers = [];
    for (const [url, options] of ${JSON.stringify(asks)}) {
      await using conn = await connectWebSocket(url, options);
      await conn.send("hello");
      answers.push(await conn.receive({ timeout: 20_000 }));
    }
    console.log(JSON.stringify(answers));
  `;
  const none = { http_proxy: "", https_proxy: "", no_proxy: "", HTTP_PROXY: "", HTTPS_PROXY: "" };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", LOCK, "--allow-net", "--allow-env", "--ext=ts", "-"],
    env: { ...none, NO_PROXY: "", ...variables },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(script));
  await input.close();
  const { stdout, stderr } = await child.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a WebSocket goes through an HTTP proxy, for ws and wss, by option or environment", async () => {
  const { ca, good } = await testCertificates();
  await using plain = serve();
  await using secure = serve({ cert: good.cert, key: good.key });
  const seen: string[] = [];
  await using proxy = serveProxy({
    allowPrivate: true,
    connectPorts: "any",
    users: { ada: "s3cret" },
    onEntry: ({ method, target }) => void seen.push(`${method} ${target}`),
  });
  const login = `http://ada:s3cret@127.0.0.1:${proxy.addr.port}`;
  const trusted = { caCerts: [ca] };
  assertEquals(await ask(plain.url, { proxy: login }), "hello");
  assertEquals(await ask(secure.url, { proxy: new URL(login), ...trusted }), "hello");
  const setting = {
    url: `http://127.0.0.1:${proxy.addr.port}`,
    username: "ada",
    password: "s3cret",
  };
  assertEquals(await ask(plain.url, { proxy: setting }), "hello");
  const variables = { http_proxy: login, HTTPS_PROXY: login };
  const asks = [[plain.url, {}], [secure.url, trusted], [plain.url, { proxy: false }]] as const;
  assertEquals(await askWith(variables, asks), ["hello", "hello", "hello"]);
  const direct = { ...variables, NO_PROXY: "127.0.0.0/8" };
  assertEquals(await askWith(direct, [[plain.url, {}]]), ["hello"]);
  assertEquals(await ask(plain.url, { proxy: { ...setting, noProxy: ["127.0.0.1"] } }), "hello");
  await proxy.shutdown();
  const connect = (port: number) => `CONNECT 127.0.0.1:${port}`;
  const [p, s] = [connect(plain.addr.port), connect(secure.addr.port)];
  assertEquals(seen.toSorted(), [p, s, p, p, s].toSorted());
});

Deno.test("an https proxy is verified by the authorities of the client, or its own", async () => {
  const { ca, good, untrusted } = await testCertificates();
  await using server = serve();
  await using target = serveProxy({ allowPrivate: true, connectPorts: "any" });
  const { port } = target.addr;
  await using proxy = serveTls({ cert: good.cert, key: good.key }, (conn) => relay(conn, port));
  const { cert, key } = untrusted;
  await using stranger = serveTls({ cert, key }, (conn) => relay(conn, port));
  const url = `https://localhost:${proxy.addr.port}`;
  assertEquals(await ask(server.url, { proxy: url, caCerts: [ca] }), "hello");
  assertEquals(await ask(server.url, { proxy: { url, caCerts: [ca] } }), "hello");
  const wrong = `https://localhost:${stranger.addr.port}`;
  const error = await assertRejects(
    () => ask(server.url, { proxy: wrong, caCerts: [ca] }),
    NetError,
  );
  assertEquals([error.kind, error.tls], ["tls", "untrusted"]);
  assertMatch(error.message, new RegExp(`through the proxy ${wrong}`));
});

Deno.test("a proxy that refuses is named with its status, and never with its login", async () => {
  await using proxy = serveProxy({ allowPrivate: true, users: { ada: "right" } });
  await using forbids = serveProxy({});
  const at = `127.0.0.1:${proxy.addr.port}`;
  const rows: [proxy: string, status: number][] = [
    [`http://${at}`, 407],
    [`http://ada:s3cret@${at}`, 407],
    [`http://127.0.0.1:${forbids.addr.port}`, 403],
  ];
  for (const [url, status] of rows) {
    const dialling = connectWebSocket("ws://127.0.0.1:9/?s3cret", { proxy: url });
    const error = await assertRejects(() => dialling, TunnelError);
    assertEquals([error.status, error.kind], [status, "reply"]);
    assert(!Deno.inspect(error).includes("s3cret"), Deno.inspect(error));
  }
});

Deno.test("a WebSocket goes through a SOCKS proxy", async () => {
  await using server = serve({ allowedHosts: ["far.test"] });
  await using socks = new SocksServer({ login: "ada:pw", port: server.addr.port });
  const proxy = `socks5h://ada:pw@127.0.0.1:${socks.port}`;
  assertEquals(await ask("ws://far.test/", { proxy }), "hello");
  assertEquals(socks.seen.map(({ target }) => target), ["3 far.test:80"]);
});

Deno.test({
  name: "a WebSocket runs over a Unix socket, with and without TLS",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { ca, good } = await testCertificates();
    const path = `${await Deno.makeTempDir()}/ws.sock`;
    await using server = await serveHttp(
      { path, allowedHosts: ["any.test"] },
      async (request, info) => {
        const { response } = await upgrade(request, info, { allowedOrigins: "*" });
        return response;
      },
    );
    await using conn = await connectWebSocket("ws://any.test/path", { unixSocket: path });
    assertEquals(conn.peer, `unix:${path}`);
    await conn.close();
    await server.shutdown();
    await using secure = serve({ cert: good.cert, key: good.key });
    const other = `${path}2`;
    const { port } = secure.addr;
    await using _relay = await serveUnix({ path: other }, (conn) => relay(conn, port));
    const url = "wss://localhost/";
    assertEquals(await ask(url, { unixSocket: other, caCerts: [ca] }), "hello");
    const error = await assertRejects(() => ask(url, { unixSocket: other }), NetError);
    assertEquals(error.kind, "tls");
    const none = connectWebSocket("ws://a.test", { unixSocket: `${path}3` });
    assertEquals((await assertRejects(() => none, NetError)).kind, "refused");
    const both = { unixSocket: path, proxy: "http://127.0.0.1:1" };
    await assertRejects(() => connectWebSocket("ws://a.test", both), TypeError, "Only one of");
  },
});

Deno.test("cert, key, serverName and minVersion reach TLS", async () => {
  const { ca, good, client } = await testCertificates();
  await using server = serveWebSocket(
    {
      cert: good.cert,
      key: good.key,
      clientAuth: "require",
      clientCa: [ca],
      minVersion: "TLSv1.3",
    },
    echo,
  );
  const { cert, key } = client;
  const minVersion = "TLSv1.3" as const;
  const options = { caCerts: [ca], cert, key, minVersion };
  assertEquals(await ask(server.url, options), "hello");
  const error = await assertRejects(() => ask(server.url, { caCerts: [ca] }), NetError);
  assertEquals(error.kind, "tls");
  const wrong = { ...options, serverName: "other.test" };
  assertEquals((await assertRejects(() => ask(server.url, wrong), NetError)).tls, "wrong-name");
  await assertRejects(() => ask(server.url, { cert }), TypeError, "key");
});

Deno.test("a pin or caCerts identify a server with a certificate of its own, also behind a proxy", async () => {
  const own = await writeCertificate({ cn: "localhost", ca: true, names: [{ dns: "localhost" }] });
  const other = await writeCertificate({ cn: "other" });
  await using server = serve({ cert: own.pem, key: own.key });
  await using proxy = serveProxy({ allowPrivate: true, connectPorts: "any" });
  const url = server.url.replace("127.0.0.1", "localhost");
  for (const by of [{}, { proxy: `http://127.0.0.1:${proxy.addr.port}` }]) {
    assertEquals(await ask(server.url, { ...by, pin: own.pin }), "hello");
    assertEquals(await ask(url, { ...by, caCerts: [own.pem] }), "hello");
    const wrong = { ...by, pin: [other.pin], caCerts: [own.pem] };
    const error = await assertRejects(() => ask(url, wrong), NetError, own.pin);
    assertEquals([error.kind, error.tls], ["tls", "pin"]);
  }
  const plain = connectWebSocket("ws://127.0.0.1:1", { pin: own.pin });
  await assertRejects(() => plain, TypeError, "a pin requires a URL of wss:");
});

Deno.test("redirects are followed as far as maxRedirects, and lose secrets at another origin", async () => {
  const seen: (string | null)[][] = [];
  await using server = serve({
    authorize: ({ headers, url }) => {
      const names = ["authorization", "cookie", "x-own", "host"];
      seen.push([new URL(url).pathname, ...names.map((name) => headers.get(name))]);
    },
  });
  const { port } = server.addr;
  await using first = serveHttp({}, (request) => {
    const { pathname } = new URL(request.url);
    const location = pathname === "/here"
      ? "/there?t=1"
      : pathname === "/loop"
      ? "/loop"
      : pathname === "/odd"
      ? "ftp://a.test"
      : `http://localhost:${port}/end`;
    return new Response("moved", {
      status: pathname === "/here" ? 301 : 307,
      headers: { location },
    });
  });
  const url = first.url.replace("http://", "ws://ada:pw@");
  const headers = { cookie: "a=b", "x-own": "mine", host: "127.0.0.1" };
  const options = { headers, maxRedirects: 2 };
  await using conn = await connectWebSocket(`${url}/here`, options);
  assertEquals(conn.url, `ws://localhost:${port}/end`);
  assertEquals(seen, [["/end", null, null, "mine", `localhost:${port}`]]);
  const none = await assertRejects(() => connectWebSocket(`${url}/here`), WsHandshakeError);
  assertEquals([none.status, none.headers.get("location"), none.body], [
    301,
    "/there?t=1",
    "moved",
  ]);
  assert(!Deno.inspect(none).includes("t=1"), Deno.inspect(none));
  assertMatch(
    none.message,
    /answered 301, no WebSocket; it redirects to ws:.*\/there\?… \(option /,
  );
  for (const path of ["/loop", "/odd"]) {
    const error = await assertRejects(() => connectWebSocket(`${url}${path}`, options), NetError);
    assertEquals([error.kind, error.code], ["protocol", "307"]);
  }
});

Deno.test("a redirect from wss to ws is an error", async () => {
  const { ca, good } = await testCertificates();
  await using server = serve();
  await using secure = serveHttp(
    { cert: good.cert, key: good.key },
    () => new Response(null, { status: 302, headers: { location: `${server.url}/?s3cret` } }),
  );
  const url = secure.url.replace("https:", "wss:");
  const dialling = connectWebSocket(url, { caCerts: [ca], maxRedirects: 5 });
  const error = await assertRejects(() => dialling, NetError, "which has no TLS");
  assert(!error.message.includes("s3cret"));
});

const proxies = needs("squid", "tinyproxy", "microsocks");
Deno.test({
  name: `a WebSocket goes through Squid, tinyproxy and microsocks${proxies.suffix}`,
  ignore: proxies.ignore,
  async fn() {
    const { ca, good } = await testCertificates();
    await using server = serve({ cert: good.cert, key: good.key });
    await using squid = await startSquid();
    await using tiny = await startTinyproxy();
    await using socks = await startMicrosocks();
    for (
      const [scheme, { port }] of [["http", squid], ["http", tiny], ["socks5", socks]] as const
    ) {
      const proxy = `${scheme}://127.0.0.1:${port}`;
      assertEquals(await ask(server.url, { proxy, caCerts: [ca] }), "hello");
    }
  },
});
