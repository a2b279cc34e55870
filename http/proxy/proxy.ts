/**
 * A forward proxy for plain HTTP/1.1 and `CONNECT`: correct to the byte, safe by default.
 *
 * Paths, header lines and bodies go through as they came; what belongs to a connection stays there
 * (RFC 9110 §7.6). Names are resolved once, the address is checked, and that very address is
 * dialled, so private networks cannot be reached by any way to write them. Malformed requests are
 * refused. Responses of servers that are not well-formed, but are understood by widely used clients,
 * are passed on in canonical form; the table in `http/http1-codec` lists them. All others are a 502.
 * A client that ends its output before it has its answer counts as gone,
 * but for tunnels.
 *
 * Connections to servers are kept, and end before the server ends them where it says when
 * (`Keep-Alive`). A request with an idempotent method and without a body is sent once more on a new
 * connection if the kept one has died before a byte of a response came (RFC 9110 §9.2.2). All other
 * requests use a new connection at once, and are never repeated. A connection that a client has
 * logged in on (NTLM, Negotiate: RFC 4559) serves this client alone.
 *
 * What is cut is not passed on as whole: both sides of a tunnel, and a client of HTTP/1.0 whose
 * response has no length, see a reset when the other side breaks off or a limit ends it. For that, a
 * tunnel takes two file descriptors a side. Windows has no such reset; an end is all there is.
 *
 * @example A proxy for this machine
 * ```ts
 * import { serveProxy } from "@portside/kit/http/proxy";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using origin = serveHttp({ port: 0 }, () => new Response("hello"));
 * await using proxy = serveProxy({ port: 0, allowPrivate: true });
 * using client = Deno.createHttpClient({ proxy: { url: proxy.url } });
 * const response = await fetch(origin.url, { client });
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * @example Through other proxies, by target
 * ```ts
 * import { serveProxy } from "@portside/kit/http/proxy";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using origin = serveHttp({ port: 0 }, () => new Response("hello"));
 * await using next = serveProxy({ port: 0, allowPrivate: true, users: { alice: "secret" } });
 * await using proxy = serveProxy({
 *   port: 0,
 *   allowPrivate: true,
 *   upstream: [
 *     { targets: [".corp.example"], upstream: "socks5h://127.0.0.1:1080" },
 *     { targets: ["*"], upstream: `http://alice:secret@127.0.0.1:${next.addr.port}` },
 *   ],
 * });
 * using client = Deno.createHttpClient({ proxy: { url: proxy.url } });
 * const response = await fetch(origin.url, { client });
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * **Permissions**: `--allow-net`: for the address to listen on, for every address that is asked
 * for, and for every name that is looked up. For a Unix socket, `--allow-read=<path>`,
 * `--allow-write=<path>` and `--allow-net=unix:<path>` besides.
 *
 * @module
 */

import { isLoopback } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { serveUnix } from "../../net/unix/server.ts";
import type { Transport } from "../../net/connection/transport.ts";
import { MAX_HEAD } from "../internal/http1_limits.ts";
import { TickClock } from "./_clock.ts";
import { type Counts, Credentials, type ProxyCore } from "./_core.ts";
import { ClientRules } from "./_clients.ts";
import { NextHops } from "./_next_hop.ts";
import { ProxySession } from "./_session.ts";
import { resolveBySystem, Upstreams } from "./_upstream.ts";
import { anObject, timeLimit } from "../../net/internal/options.ts";
import { PROXY, SERVE_PROXY, SERVE_PROXY_UNIX } from "./_option_rules.ts";
import type { ProxyOptions } from "./options.ts";
import { checkTcpOnly, checkUnixOnly, UNIX_URL } from "../internal/unix_options.ts";
import type {
  Proxy,
  ProxyConnectionInfo,
  ProxyServer,
  ServeProxyOptions,
  ServeProxyUnixOptions,
} from "./serve_options.ts";
import { RunningProxy, Sessions } from "./_running.ts";

export type * from "./options.ts";
export type * from "./serve_options.ts";

/**
 * Makes a proxy to be put behind a listener of one's own.
 *
 * @param options What is allowed, and the limits.
 * @returns The proxy.
 * @throws {TypeError} If a rule, a user or the proxy behind this one is malformed.
 * @throws {RangeError} If a limit is out of range.
 *
 * @example Behind a server of TCP
 * ```ts
 * import { createProxy } from "@portside/kit/http/proxy";
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * using proxy = createProxy();
 * await using server = serveTcp({ port: 0 }, proxy.handle);
 * await using client = await connectTcp({ port: server.addr.port });
 * // Loopback is out of bounds, however it is written.
 * await client.write("GET http://0x7f.1/ HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n");
 * assertEquals(await client.readLine(), "HTTP/1.1 403 Forbidden");
 * ```
 */
export function createProxy(options: ProxyOptions = {}): Proxy {
  PROXY.check("createProxy", options);
  return makeProxy(options);
}

/** Makes a proxy from checked options. */
function makeProxy(options: ProxyOptions): Proxy {
  const limits = {
    maxHead: options.maxHead ?? MAX_HEAD,
    headTimeout: timeLimit(options.headTimeout ?? 15_000),
    idleTimeout: timeLimit(options.idleTimeout ?? 60_000),
    bodyTimeout: timeLimit(options.bodyTimeout ?? 60_000),
    minBodyRate: options.minBodyRate ?? 500,
    responseTimeout: timeLimit(options.responseTimeout ?? 60_000),
    hookTimeout: timeLimit(options.hookTimeout ?? 60_000),
    tunnelTimeout: timeLimit(options.tunnelTimeout ?? 300_000),
    halfCloseTimeout: timeLimit(options.halfCloseTimeout ?? 30_000),
  };
  const connectTimeout = timeLimit(options.connectTimeout ?? 10_000);
  const keepAliveTimeout = timeLimit(options.keepAliveTimeout ?? 15_000);
  const { maxHead: _, minBodyRate: __, ...times } = limits;
  const clock = new TickClock(Math.min(connectTimeout, keepAliveTimeout, ...Object.values(times)));
  const clients = new ClientRules(options);
  const via = options.name ?? `portside-${crypto.randomUUID().slice(0, 8)}`;
  const hops = new NextHops(options.upstream);
  const counts: Counts = {
    requests: 0,
    retries: 0,
    tunnels: 0,
    activeTunnels: 0,
    denied: 0,
    failed: 0,
    received: 0,
    sent: 0,
  };
  const upstreams = new Upstreams({
    clock,
    connectTimeout,
    bodyTimeout: limits.bodyTimeout,
    keepAliveTimeout,
    maxIdlePerHost: options.maxIdlePerHost ?? 64,
    resolve: options.resolve ?? resolveBySystem,
  });
  const core: ProxyCore = {
    options,
    clients,
    hops,
    clock,
    upstreams,
    via,
    limits,
    counts,
    credentials: options.users === undefined ? undefined : new Credentials(options.users),
    introduce: options.sendProxyProtocol,
  };
  return {
    handle: (connection, info) => handle(core, connection, info),
    stats: () => ({ ...counts, idleUpstream: upstreams.idle }),
    close: () => upstreams.close(),
    [Symbol.dispose]: () => upstreams.close(),
  };
}

/**
 * Starts a proxy on a Unix socket.
 *
 * @param options Where to listen, what is allowed, and the limits.
 * @returns The running proxy, once it listens.
 * @throws {TypeError} If an option of TCP is set besides `path`; if a rule, a user or the proxy behind
 * this one is malformed.
 * @throws {RangeError} If a limit is out of range.
 * @throws {NetError} In phase "listen": "address-in-use" if somebody listens there or the file is no
 * socket, "address-unavailable" if there is no such folder, "permission" …
 *
 * @example A client on the socket
 * ```ts
 * import { serveProxy } from "@portside/kit/http/proxy";
 * import { connectUnix } from "@portside/kit/net/unix";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/proxy.sock`;
 * await using proxy = await serveProxy({ path });
 * await using client = await connectUnix({ path });
 * await client.write("GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
 * assertEquals(await client.readLine(), "HTTP/1.1 403 Forbidden");
 * ```
 */
export function serveProxy(
  options: ServeProxyUnixOptions,
): Promise<ProxyServer<Deno.UnixAddr>>;
/**
 * Starts a proxy.
 *
 * @param options Where to listen, what is allowed, and the limits.
 * @returns The running proxy.
 * @throws {TypeError} If it would serve anybody beyond this machine without `users` or `open`; if
 * a rule, a user or the proxy behind this one is malformed.
 * @throws {RangeError} If a limit is out of range.
 * @throws {NetError} In phase "listen": "address-in-use", "address-unavailable", "permission" …
 *
 * @example With a login
 * ```ts
 * import { serveProxy } from "@portside/kit/http/proxy";
 * import { assertEquals } from "@std/assert";
 *
 * await using proxy = serveProxy({ port: 0, users: { alice: "secret" } });
 * using client = Deno.createHttpClient({ proxy: { url: proxy.url } });
 * const response = await fetch("http://192.0.2.1/", { client });
 * assertEquals(response.status, 407);
 * await response.body?.cancel();
 * ```
 */
export function serveProxy(options?: ServeProxyOptions): ProxyServer;
export function serveProxy(
  options: ServeProxyOptions | ServeProxyUnixOptions = {},
): ProxyServer | Promise<ProxyServer<Deno.UnixAddr>> {
  anObject("options", options);
  return isOnUnix(options) ? serveOnUnix(options) : serveOnTcp(options);
}

/** Returns whether options, which have not been checked, are those for a Unix socket. */
function isOnUnix(
  options: ServeProxyOptions | ServeProxyUnixOptions,
): options is ServeProxyUnixOptions {
  return (options as Partial<ServeProxyUnixOptions>).path !== undefined;
}

function serveOnTcp(options: ServeProxyOptions): ProxyServer {
  const { hostname = "127.0.0.1", port, backlog, sharePort, onListen, onEvent } = options;
  checkTcpOnly(options);
  SERVE_PROXY.check("serveProxy", options);
  if (!isLoopback(hostname) && options.users === undefined && options.open !== true) {
    throw new TypeError(
      `Cannot serve everybody on ${hostname}: give users, or say open if that is meant`,
    );
  }
  const sessions = new Sessions(makeProxy(options));
  const server = serveTcp({
    ...settingsOf(options),
    hostname,
    port,
    backlog,
    sharePort,
    onListen,
    onEvent,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? 256,
  }, sessions.handle);
  return new RunningProxy(server, server.url.replace(/^tcp/, "http"), sessions);
}

async function serveOnUnix(
  options: ServeProxyUnixOptions,
): Promise<ProxyServer<Deno.UnixAddr>> {
  checkUnixOnly(options, ["open"]);
  SERVE_PROXY_UNIX.check("serveProxy", options);
  const { path, mode, onListen, onEvent, maxConnectionsPerAddress } = options;
  const sessions = new Sessions(makeProxy(options));
  const server = await serveUnix({
    ...settingsOf(options),
    path,
    mode,
    onListen,
    onEvent,
    maxConnectionsPerAddress,
  }, sessions.handle);
  return new RunningProxy(server, UNIX_URL, sessions);
}

/** How long a client may go on with a body that is refused, before it has to read why. */
const LINGER = 2000;

/** The options that both kinds of listeners take. */
function settingsOf(
  { maxConnections, proxyProtocol, signal }: Pick<
    ServeProxyOptions,
    "maxConnections" | "proxyProtocol" | "signal"
  >,
) {
  return {
    maxConnections,
    proxyProtocol,
    signal,
    idleTimeout: 0, // Each wait here has a limit of its own.
    lingerTimeout: LINGER,
  };
}

/** Serves one client on the raw connection; the limits around it stay those of its server. */
async function handle(
  core: ProxyCore,
  conn: Connection,
  { signal: draining, proxyHeader }: ProxyConnectionInfo,
): Promise<void> {
  let raw: Transport | undefined;
  await conn.upgrade((transport) => {
    raw = transport;
    return Promise.resolve({ transport, tls: conn.tls });
  });
  const session = new ProxySession(core, conn, raw!, proxyHeader);
  const drain = () => session.drain();
  draining.addEventListener("abort", drain);
  try {
    if (draining.aborted) session.drain();
    await session.run();
  } finally {
    draining.removeEventListener("abort", drain);
  }
}
