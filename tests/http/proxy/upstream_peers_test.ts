/** Next proxies that are real: microsocks, Dante, and Squid behind TLS of HAProxy. @module */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ProxyEntry, type ProxyOptions, serveProxy } from "../../../http/proxy/proxy.ts";
import { delay } from "@std/async/delay";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import {
  startDante,
  startHaproxy,
  startMicrosocks,
  startSquid,
} from "../../_support/http_peers.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";
import { freePorts } from "../../_support/ports.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";

const microsocks = needs("microsocks", "curl");
const dante = needs("danted", "curl");
const squid = needs("squid", "haproxy", "curl");

const OPEN = { allowPrivate: true, connectPorts: "any" } as const;
const BIG = "x".repeat(2_000_000);

/** An origin without and with TLS, and curl through a proxy with these options. */
async function world(
  options: ProxyOptions,
  work: (
    ask: (path: string, ...args: string[]) => Promise<string>,
    entries: ProxyEntry[],
  ) => Promise<void>,
) {
  const { ca, good } = await testCertificates();
  const file = await Deno.makeTempFile({ suffix: ".pem" });
  await Deno.writeTextFile(file, ca);
  const answer = async (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/big") return new Response(BIG);
    const size = (await request.bytes()).length;
    return new Response(`${request.method} ${pathname} ${size} via ${request.headers.has("via")}`);
  };
  const entries: ProxyEntry[] = [];
  await using plain = serveHttp({ hardened: true }, answer);
  await using secure = serveHttp({ ...good, hardened: true }, answer);
  await using proxy = serveProxy({ ...OPEN, ...options, onEntry: (entry) => entries.push(entry) });
  const ask = async (path: string, ...args: string[]) => {
    const url = path.startsWith("https:")
      ? `https://localhost:${secure.addr.port}${path.slice(6)}`
      : `http://localhost:${plain.addr.port}${path}`;
    const common = ["-sS", "--max-time", "20", "--noproxy", "", "--cacert", file, "-x", proxy.url];
    const { code, stdout, stderr } = await runPeer(
      findProgram("curl")!,
      [...common, ...args, url],
      BIG,
    );
    return code === 0 ? stdout : `curl ${code}: ${stderr}`;
  };
  try {
    await work(ask, entries);
  } finally {
    await Deno.remove(file);
  }
}

/** What works through every next proxy. */
async function everything(ask: (path: string, ...args: string[]) => Promise<string>, via = true) {
  assertEquals(await ask("/a"), `GET /a 0 via ${via}`);
  assertEquals(await ask("/up", "-T", "-"), `PUT /up ${BIG.length} via ${via}`);
  assertEquals((await ask("/big")).length, BIG.length);
  assertEquals(await ask("https:/b"), "GET /b 0 via false");
  assertEquals(await ask("https:/up", "-T", "-"), `PUT /up ${BIG.length} via false`);
  assertEquals((await ask("https:/big")).length, BIG.length);
}

for (const scheme of ["socks5", "socks5h"]) {
  Deno.test({
    name: `the proxy goes through microsocks as ${scheme}, with a login${microsocks.suffix}`,
    ignore: microsocks.ignore,
    fn: async () => {
      await using socks = await startMicrosocks({ user: "alice", password: "s3cret" });
      const at = `127.0.0.1:${socks.port}`;
      await world({ upstream: `${scheme}://alice:s3cret@${at}` }, (ask) => everything(ask));
      for (const login of ["alice:hunter2@", ""]) {
        await world({ upstream: `${scheme}://${login}${at}` }, async (ask, entries) => {
          assertStringIncludes(await ask("/a"), "502 Bad Gateway");
          assert(/login|ended/.test(entries[0]!.error!), `${login} ${entries[0]!.error}`);
          assert(!JSON.stringify(entries).includes("hunter2"));
        });
      }
    },
  });

  Deno.test({
    name: `the proxy goes through Dante as ${scheme}${dante.suffix}`,
    ignore: dante.ignore,
    fn: async () => {
      await using socks = await startDante();
      const upstream = `${scheme}://127.0.0.1:${socks.port}`;
      await world({ upstream }, (ask) => everything(ask));
      // Its rules, and a port where nobody listens.
      const entries: ProxyEntry[] = [];
      await using proxy = serveProxy({
        ...OPEN,
        upstream,
        onEntry: (entry) => entries.push(entry),
      });
      for (const host of ["127.0.0.9:1", "127.0.0.1:1"]) {
        const request = `CONNECT ${host} HTTP/1.1\r\nHost: h\r\n\r\n`;
        assertEquals(statuses(await exchange(proxy.addr.port, request)), [502]);
      }
      assertStringIncludes(entries[0]!.error!, "rules");
      assertStringIncludes(entries[1]!.error!, "refused");
    },
  });
}

Deno.test({
  name: `the proxy goes through Squid behind TLS, verified${squid.suffix}`,
  ignore: squid.ignore,
  fn: async () => {
    const { ca, good, untrusted } = await testCertificates();
    await using parent = await startSquid("cache deny all\nforwarded_for delete");
    const folder = await Deno.makeTempDir();
    await Deno.chmod(folder, 0o755);
    const terminate = async (name: string, { cert, key }: typeof good) => {
      await Deno.writeTextFile(`${folder}/${name}.pem`, `${cert}\n${key}`);
      await Deno.chmod(`${folder}/${name}.pem`, 0o644);
      return await startHaproxy(`
  mode tcp
listen in
  bind 127.0.0.1:{port} ssl crt ${folder}/${name}.pem
  server s 127.0.0.1:${parent.port}
`);
    };
    {
      await using front = await terminate("good", good);
      const upstream = { url: `https://localhost:${front.port}`, caCerts: [ca] };
      await world({ upstream }, (ask) => everything(ask));
    }
    {
      await using front = await terminate("bad", untrusted);
      const upstream = { url: `https://localhost:${front.port}`, caCerts: [ca] };
      await world({ upstream }, async (ask, entries) => {
        assertStringIncludes(await ask("/a"), "The next proxy cannot be verified");
        assertStringIncludes(entries[0]!.error!, "authority");
      });
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: `Squid behind the proxy takes the client from its PROXY header${squid.suffix}`,
  ignore: squid.ignore,
  fn: async () => {
    await using origin = serveHttp({ hardened: true }, () => new Response("hello"));
    const host = `127.0.0.1:${origin.addr.port}`;
    for (const version of [1, 2] as const) {
      const [port] = freePorts(1);
      await using parent = await startSquid(
        `cache deny all\nhttp_port 127.0.0.1:${port} require-proxy-header\n` +
          "proxy_protocol_access allow all",
      );
      const upstream = `http://127.0.0.1:${port}`;
      await using proxy = serveProxy({ ...OPEN, upstream, sendProxyProtocol: version });
      for (const localAddress of ["127.0.0.5", "127.0.0.6"]) {
        await using conn = await connectTcp({ port: proxy.addr.port, localAddress });
        await conn.write(`GET http://${host}/${localAddress} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        assertStringIncludes(await answer(conn), "hello");
      }
      // Squid writes its log in the background.
      const log = /127\.0\.0\.5 .*\/127\.0\.0\.5 [^]*127\.0\.0\.6 .*\/127\.0\.0\.6 /;
      const end = performance.now() + 10_000;
      for (let text = ""; !log.test(text); text = await parent.logs()) {
        assert(performance.now() < end, text);
        await delay(20);
      }
    }
  },
});
