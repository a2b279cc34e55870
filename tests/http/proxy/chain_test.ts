/** Squid, HAProxy and nginx in front of the proxy and behind it. @module */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { createClient } from "../../../http/client/client.ts";
import { type ProxyEntry, serveProxy, type ServeProxyOptions } from "../../../http/proxy/proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import {
  type HttpPeer,
  startHaproxy,
  startNginx,
  startSquid,
  startTinyproxy,
} from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { send } from "./_support.ts";
import { until } from "../../_support/until.ts";

const squid = needs("squid");
const haproxy = needs("haproxy");
const nginx = needs("nginx");

/** Starts a proxy that reaches loopback and every port. */
function start(options: ServeProxyOptions = {}) {
  return serveProxy({ allowPrivate: true, connectPorts: "any", ...options });
}

/** Says what came, and by way of whom. */
async function echo(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const body = await request.bytes();
  const hops = request.headers.get("via")?.split(",").length ?? 0;
  return new Response(`${request.method} ${pathname} ${body.length} hops ${hops}`);
}

/** One client of a proxy, which keeps its connection as long as the proxy lets it. */
class Client implements AsyncDisposable {
  #conn: Connection | undefined;

  constructor(readonly proxy: number) {}

  /** Sends one request in absolute form, and returns the answer. */
  async ask(method: string, url: string, body: string): Promise<string> {
    this.#conn ??= await connectTcp({ port: this.proxy });
    const length = method === "POST" ? `Content-Length: ${body.length}\r\n` : "";
    await this.#conn.write(
      `${method} ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${length}\r\n${body}`,
    );
    const text = await answer(this.#conn);
    if (/^connection: close$/im.test(text)) await this[Symbol.asyncDispose]();
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#conn?.[Symbol.asyncDispose]();
    this.#conn = undefined;
  }
}

/**
 * Eight clients at once send requests one after the other. Every answer is checked: it tells
 * method, path and length of the body.
 *
 * @param goesOn How many requests each sends, or whether it sends one more.
 * @returns How many answers were right.
 */
async function flow(
  proxy: number,
  origin: string,
  method: string,
  goesOn: number | (() => boolean),
): Promise<number> {
  const counts = await Promise.all(Array.from({ length: 8 }, async (_, index) => {
    await using client = new Client(proxy);
    let round = 0;
    for (; typeof goesOn === "number" ? round < goesOn : goesOn(); round++) {
      const path = `/${index}/${round}`;
      const text = await client.ask(
        method,
        `http://${origin}${path}`,
        method === "POST" ? "body" : "",
      );
      assertStringIncludes(text, `\r\n\r\n${method} ${path} ${method === "POST" ? 4 : ""}`);
    }
    return round;
  }));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Sends 200 GETs and 200 POSTs, and one request through a tunnel. */
async function checkAll(proxy: number, origin: string): Promise<void> {
  assertEquals(await flow(proxy, origin, "GET", 25), 200);
  assertEquals(await flow(proxy, origin, "POST", 25), 200);
  const tunnel = await exchange(
    proxy,
    `CONNECT ${origin} HTTP/1.1\r\nHost: ${origin}\r\n\r\nGET /t HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
  );
  assertEquals(statuses(tunnel), [200, 200]);
  assertStringIncludes(tunnel, "GET /t 0 hops 0");
}

Deno.test({
  name: `Squid is a parent of the proxy, with a login${squid.suffix}`,
  ignore: squid.ignore,
  fn: async () => {
    await using origin = serveHttp({ port: 0, hardened: true }, echo);
    await using parent = await startSquid(`cache deny all
auth_param basic program /bin/sh {folder}/login.sh
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access deny !known`);
    // Squid's own protocol of helpers: a line with user and password in, OK or ERR out.
    await Deno.writeTextFile(
      `${parent.folder}/login.sh`,
      'while read -r line; do [ "$line" = "alice secret" ] && echo OK || echo ERR; done\n',
    );
    const { host } = new URL(origin.url);
    const upstream = `http://alice:secret@127.0.0.1:${parent.port}`;
    await using proxy = start({ upstream });
    await checkAll(proxy.addr.port, host);
    await using wrong = start({ upstream: upstream.replace("secret", "guess") });
    const refused = await exchange(
      wrong.addr.port,
      `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    // The login is between the two proxies: the client is not asked for it.
    assertEquals(statuses(refused), [502]);
    assertEquals(/proxy-authenticate/i.test(refused), false, refused);
  },
});

Deno.test({
  name: `the proxy is a parent of Squid${squid.suffix}`,
  ignore: squid.ignore,
  fn: async () => {
    await using origin = serveHttp({ port: 0, hardened: true }, echo);
    await using proxy = start();
    await using front = await startSquid(`cache deny all
cache_peer 127.0.0.1 parent ${proxy.addr.port} 0 no-query no-digest no-netdb-exchange default
never_direct allow all`);
    const { host } = new URL(origin.url);
    await checkAll(front.port, host);
    const { requests, tunnels, failed } = proxy.stats();
    assertEquals([requests, tunnels, failed], [401, 1, 0]);
  },
});

const PARENTS: [name: string, found: typeof squid, start: () => Promise<HttpPeer>][] = [
  ["Squid", squid, () => startSquid()],
  ["tinyproxy", needs("tinyproxy"), () => startTinyproxy()],
];
for (const [name, found, startParent] of PARENTS) {
  Deno.test({
    name: `a server behind ${name} cannot answer requests for another server${found.suffix}`,
    ignore: found.ignore,
    fn: async () => {
      await using parent = await startParent();
      await using proxy = start({ upstream: `http://127.0.0.1:${parent.port}` });
      await using victim = serveHttp({ port: 0, hardened: true }, async () => {
        asked.resolve();
        await sent.promise;
        return new Response("right");
      });
      // Once the victim's request is under way, the hostile server sends a second response.
      let [asked, sent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      for (const head of ["204 No Content", "304 Not Modified", "200 OK\r\nContent-Length: 0"]) {
        [asked, sent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        await using hostile = new SplittingOrigin(head, asked.promise, sent.resolve);
        const get = (port: number) =>
          exchange(
            proxy.addr.port,
            `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
          );
        assertEquals(statuses(await get(hostile.port)), [Number.parseInt(head)]);
        const text = await get(victim.addr.port);
        assert(text.endsWith("\r\n\r\nright"), `${head}: ${text}`);
      }
    },
  });
}

/** Answers one request with a head, and later sends one more response that nobody has asked for. */
class SplittingOrigin implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#listener.addr.port;
  readonly #serving: Promise<void>;

  constructor(head: string, later: Promise<void>, sent: () => void) {
    this.#serving = this.#serve(head, later, sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(head: string, later: Promise<void>, sent: () => void): Promise<void> {
    for await (const conn of this.#listener) {
      using _ = conn;
      await conn.read(new Uint8Array(4096));
      await send(conn, `HTTP/1.1 ${head}\r\n\r\n`);
      // Or once something has come that was meant for another server.
      await Promise.race([later, conn.read(new Uint8Array(1)).catch(() => {})]);
      await send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong").catch(() => {});
      // It may take a while until that has come through the parent.
      await delay(50);
      sent();
    }
  }
}

Deno.test({
  name: `a loop through Squid ends with 508${squid.suffix}`,
  ignore: squid.ignore,
  fn: async () => {
    const entries: ProxyEntry[] = [];
    await using parent = await startSquid();
    await using proxy = start({
      upstream: `http://127.0.0.1:${parent.port}`,
      onEntry: (entry) => entries.push(entry),
    });
    // The target is the proxy itself: the request comes back by way of Squid.
    const { port } = proxy.addr;
    const text = await exchange(
      port,
      `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    );
    assertEquals(statuses(text), [508]);
    assertEquals(entries.map(({ status }) => status), [508, 508]);
  },
});

for (const mode of ["tcp", "http"]) {
  Deno.test({
    name: `HAProxy in mode ${mode} stands in front of the proxy${haproxy.suffix}`,
    ignore: haproxy.ignore,
    fn: async () => {
      await using origin = serveHttp({ port: 0, hardened: true }, echo);
      await using proxy = start();
      await using front = await startHaproxy(`
listen front
  bind 127.0.0.1:{port}
  mode ${mode}
  ${mode === "http" ? "http-reuse always" : ""}
  server proxy 127.0.0.1:${proxy.addr.port} check inter 200ms`);
      const { host } = new URL(origin.url);
      await checkAll(front.port, host);
      assertEquals(proxy.stats().requests, 401);
    },
  });
}

/** Servers that close idle connections while requests flow. */
const BEHIND: [name: string, found: typeof nginx, start: () => Promise<HttpPeer>][] = [
  ["nginx that closes after ten requests", nginx, () =>
    startNginx(`keepalive_requests 10;
  server { listen 127.0.0.1:{port}; location / { return 200 "$request_method $uri $content_length"; } }`)],
  ["nginx that closes at once when idle", nginx, () =>
    startNginx(`keepalive_timeout 1ms;
  server { listen 127.0.0.1:{port}; location / { return 200 "$request_method $uri $content_length"; } }`)],
  ["HAProxy that closes at once when idle", haproxy, () =>
    startHaproxy(`
listen web
  bind 127.0.0.1:{port}
  timeout http-keep-alive 1ms
  option http-buffer-request
  http-request return status 200 content-type text/plain lf-string "%[method] %[path] %[req.hdr(content-length)]"`)],
];

for (const [name, found, startOrigin] of BEHIND) {
  Deno.test({
    name: `nothing is lost on the way to ${name}${found.suffix}`,
    ignore: found.ignore,
    fn: async () => {
      await using origin = await startOrigin();
      await using proxy = start();
      const totals = await Promise.all(
        ["GET", "POST"].map((method) =>
          flow(proxy.addr.port, `127.0.0.1:${origin.port}`, method, 60)
        ),
      );
      assertEquals(totals, [480, 480]);
      assertEquals(proxy.stats().failed, 0);
    },
  });
}

Deno.test({
  name: `nginx reloads behind the proxy, and no request is lost${nginx.suffix}`,
  ignore: nginx.ignore,
  fn: async () => {
    await using origin = await startNginx(
      'server { listen 127.0.0.1:{port}; location / { return 200 "$request_method $uri $content_length"; } }',
    );
    await using proxy = start();
    let going = true;
    const flows = ["GET", "POST"].map((method) =>
      flow(proxy.addr.port, `127.0.0.1:${origin.port}`, method, () => going)
    );
    for (let reload = 0; reload < 5; reload++) {
      const before = proxy.stats().requests;
      origin.signal("SIGHUP");
      await until(() => proxy.stats().requests > before + 200);
    }
    going = false;
    const totals = await Promise.all(flows);
    assert(totals.every((total) => total > 100), String(totals));
    assertEquals(proxy.stats().failed, 0);
  },
});

Deno.test({
  name: `HAProxy makes origin requests into proxy requests${haproxy.suffix}`,
  ignore: haproxy.ignore,
  fn: async () => {
    await using origin = serveHttp({ port: 0, hardened: true }, echo);
    await using proxy = start();
    await using front = await startHaproxy(`
listen front
  bind 127.0.0.1:{port}
  http-request set-uri http://${new URL(origin.url).host}%[path]
  server proxy 127.0.0.1:${proxy.addr.port}`);
    const client = createClient({ retry: false });
    const url = `http://127.0.0.1:${front.port}`;
    for (let i = 0; i < 20; i++) {
      assertEquals(await client.get(`${url}/${i}`).text(), `GET /${i} 0 hops 1`);
    }
    assertEquals(
      await client.post(`${url}/p`, { body: "x".repeat(100_000) }).text(),
      "POST /p 100000 hops 1",
    );
    await client[Symbol.asyncDispose]();
  },
});
