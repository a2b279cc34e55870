/** `serveProxy` on a Unix socket. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ProxyEntry, ProxyOptions } from "../../../http/proxy/options.ts";
import {
  serveProxy,
  type ServeProxyOptions,
  type ServeProxyUnixOptions,
} from "../../../http/proxy/proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import { connectUnix } from "../../../net/unix/client.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { answer, rest, statuses } from "../../_support/raw_http.ts";
import { runPeer } from "../../_support/runnable.ts";
import {
  bodyOf,
  CLOSE,
  exchange,
  get,
  leaveStale,
  unixTest as test,
} from "../../_support/unix_http.ts";
import { until } from "../../_support/until.ts";

const hello = () => serveHttp({ port: 0 }, ({ url }) => new Response(`hello ${url}`));

/** A request for the proxy. */
const ask = (url: string) => get(url, `Host: ${new URL(url).host}\r\n${CLOSE}`);

test("serveProxy() passes requests of a Unix socket on, and its file goes with it", async (path) => {
  await using origin = hello();
  const entries: ProxyEntry[] = [];
  await leaveStale(path);
  const proxy = await serveProxy({
    path,
    allowPrivate: true,
    onEntry: (entry) => entries.push(entry),
  });
  assertEquals([proxy.addr, proxy.url], [{ transport: "unix", path }, "http://localhost"]);
  assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
  assertEquals(bodyOf(await exchange(path, ask(`${origin.url}/a`))), `hello ${origin.url}/a`);
  await until(() => entries.length === 1);
  assertEquals(entries[0]!.client, "unix:");
  const used = await assertRejects(() => serveProxy({ path }), NetError);
  assertEquals(used.kind, "address-in-use");
  const report = await proxy.shutdown();
  assertEquals([report.forced, proxy.stats().requests], [0, 1]);
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

test("serveProxy() opens tunnels on a Unix socket", async (path) => {
  await using origin = hello();
  await using _proxy = await serveProxy({ path, allowPrivate: true, connectPorts: "any" });
  await using conn = await connectUnix({ path, lingerTimeout: 0 });
  const { host } = new URL(origin.url);
  await conn.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  assertEquals(statuses(await answer(conn)), [200]);
  await conn.write(get("/b", `Host: ${host}\r\n${CLOSE}`));
  assertEquals(bodyOf(await rest(conn)), `hello ${origin.url}/b`);
});

const HEADER = encodeProxyHeader({
  version: 2,
  source: { hostname: "192.0.2.1", port: 50000 },
  destination: { hostname: "192.0.2.2", port: 3128 },
});
const proxyProtocol = { trusted: ["unix:"] };

const RULES: [options: ProxyOptions, unix: number, named: number][] = [
  [{}, 200, 200],
  [{ allowClients: ["unix:"] }, 200, 403],
  [{ allowClients: ["0.0.0.0/0", "::/0"] }, 403, 200],
  [{ denyClients: ["unix:"] }, 403, 200],
  [{ denyClients: ["192.0.2.0/24"] }, 200, 403],
  [{ clientRules: [{ clients: ["unix:"], deny: ["127.0.0.0/8"] }] }, 403, 200],
  [{ clientRules: [{ clients: ["192.0.2.1"], deny: ["127.0.0.0/8"] }] }, 200, 403],
];
for (const [options, unix, named] of RULES) {
  test(`rules ${JSON.stringify(options)} on a Unix socket`, async (path) => {
    await using origin = hello();
    await using _proxy = await serveProxy({
      path,
      allowPrivate: true,
      proxyProtocol,
      ...options,
    });
    const request = ask(origin.url);
    const bytes = new TextEncoder().encode(request);
    assertEquals(statuses(await exchange(path, `PROXY UNKNOWN\r\n${request}`)), [unix]);
    assertEquals(statuses(await exchange(path, new Uint8Array([...HEADER, ...bytes]))), [named]);
  });
}

test("serveProxy() has no limit of connections for all clients of a Unix socket", async (path) => {
  await using _proxy = await serveProxy({ path });
  const all = [];
  try {
    for (let i = 0; i < 300; i++) all.push(await connectUnix({ path, lingerTimeout: 0 }));
    const last = all.at(-1)!;
    await last.write(ask("http://127.0.0.1/"));
    assertEquals(statuses(await answer(last)), [403]);
  } finally {
    await Promise.all(all.map((conn) => conn.close()));
  }
});

for (const [name, value] of [["hostname", "::"], ["port", 0], ["backlog", 1], ["open", true]]) {
  test(`path excludes ${name} of serveProxy()`, async (path) => {
    const options = { path, [name as string]: value } as ServeProxyUnixOptions;
    await assertRejects(
      async () => await serveProxy(options),
      TypeError,
      `Cannot use path and ${name}`,
    );
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });
}

Deno.test("mode of serveProxy() needs a path", () => {
  const options = { mode: 0o600 } as ServeProxyOptions;
  assertThrows(() => serveProxy(options), TypeError, "Cannot use mode without path");
});

const curl = needs("curl");
test(`curl uses serveProxy() on a Unix socket${curl.suffix}`, async (path) => {
  await using origin = hello();
  await using _proxy = await serveProxy({ path, allowPrivate: true });
  // curl ignores --proxy besides --unix-socket, so the whole URL is the target.
  const url = `${origin.url}/c`;
  const args = ["-sS", "-m", "30", "--unix-socket", path, "--request-target", url, url];
  const { code, stdout, stderr } = await runPeer(findProgram("curl")!, args, "", 60_000);
  assertEquals([code, stdout], [0, `hello ${url}`], stderr);
}, curl.ignore);
