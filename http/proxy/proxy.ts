/**
 * A forward proxy for plain HTTP/1.1 and `CONNECT`, with safe defaults.
 *
 * The proxy forwards paths, header fields and bodies unchanged, except for the fields of the connection
 * (RFC 9110 §7.6). It resolves a name once, checks the address, and connects to exactly that address, so
 * that no notation gives access to private networks. It refuses malformed requests. It forwards
 * malformed responses that common clients accept in canonical form; the table in `http/http1-codec`
 * lists them. Other malformed responses become a 502. A client that ends its output before it has the
 * response counts as gone, except in tunnels.
 *
 * The proxy reuses connections to servers, and closes them before the server does if the server states its
 * limit (`Keep-Alive`). It repeats a request with an idempotent method and without a body once, on a new
 * connection, if a reused connection ends before the first byte of a response (RFC 9110 §9.2.2). Other
 * requests always use a new connection, and are never repeated. A connection with a login of a client
 * (NTLM, Negotiate: RFC 4559) serves only this client.
 *
 * Interrupted data never looks complete. When one side breaks off or a limit expires, both sides of a
 * tunnel see a reset. So does an HTTP/1.0 client whose response has no length. For this, a tunnel uses two
 * file descriptors for each side. Windows does not support such a reset, and shows a normal end.
 *
 * @example Other proxies for some targets
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
 * **Permissions**: `--allow-net` for the address to listen on, for all requested addresses, and for all
 * resolved names. A Unix socket also needs `--allow-read=<path>`, `--allow-write=<path>` and
 * `--allow-net=unix:<path>`.
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
import { type Counts, Credentials, type ProxyCore } from "./_proxy_state.ts";
import { ClientRules } from "./_client_rules.ts";
import { NextHops } from "./_next_hop.ts";
import { ProxySession } from "./_session.ts";
import { resolveBySystem, Upstreams } from "./_upstream.ts";
import { timeLimit } from "../../net/internal/options.ts";
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
import { ProxySessions, RunningProxy } from "./_running_proxy.ts";
import { ProxyTracing } from "./_tracing.ts";

export type * from "./options.ts";
export type * from "./serve_options.ts";

/**
 * Makes a proxy without a listener.
 *
 * @param options The rules and the limits.
 * @returns The proxy. Its `handle` serves connections.
 * @throws {TypeError} If an option is unknown, malformed or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 *
 * @example A handler for `serveTcp`
 * ```ts
 * import { createProxy } from "@portside/kit/http/proxy";
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * using proxy = createProxy();
 * await using server = serveTcp({ port: 0 }, proxy.handle);
 * await using client = await connectTcp({ port: server.addr.port });
 * // The proxy refuses loopback addresses in every notation.
 * await client.write("GET http://0x7f.1/ HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n");
 * assertEquals(await client.readLine(), "HTTP/1.1 403 Forbidden");
 * ```
 */
export function createProxy(options: ProxyOptions = {}): Proxy {
  options = PROXY.check("createProxy", options);
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
    tracing: ProxyTracing.find(),
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
 * @param options The path, the rules and the limits.
 * @returns The running proxy, as soon as it listens.
 * @throws {TypeError} If `path` is combined with an option of TCP, or if an option is unknown, malformed or
 * has the wrong type.
 * @throws {RangeError} If a number is out of range.
 * @throws {NetError} In phase "listen": "address-in-use" if another server listens there or the file is no
 * socket, "address-unavailable" if the folder does not exist, "permission" …
 *
 * @example Connect to the socket
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
 * Starts a proxy on TCP.
 *
 * @param options The address, the rules and the limits.
 * @returns The running proxy, which already listens.
 * @throws {TypeError} If the address is beyond loopback without `users` or `open`, or if an option is
 * unknown, malformed or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 * @throws {NetError} In phase "listen": "address-in-use", "address-unavailable", "permission" …
 *
 * @example Require a login
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
  return isOnUnix(options) ? serveOnUnix(options) : serveOnTcp(options);
}

/** Returns whether options, which have not been checked, are those for a Unix socket. */
function isOnUnix(
  options: ServeProxyOptions | ServeProxyUnixOptions,
): options is ServeProxyUnixOptions {
  return (options as Partial<ServeProxyUnixOptions> | null)?.path !== undefined;
}

function serveOnTcp(options: ServeProxyOptions): ProxyServer {
  checkTcpOnly(options);
  options = SERVE_PROXY.check("serveProxy", options);
  const { hostname = "127.0.0.1", port, backlog, sharePort, onListen, onEvent } = options;
  if (!isLoopback(hostname) && options.users === undefined && options.open !== true) {
    throw new TypeError(
      `Cannot serve everybody on ${hostname}: set users, or set open to serve without a login`,
    );
  }
  const sessions = new ProxySessions(makeProxy(options));
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
  options = SERVE_PROXY_UNIX.check("serveProxy", options);
  const { path, mode, onListen, onEvent, maxConnectionsPerAddress } = options;
  const sessions = new ProxySessions(makeProxy(options));
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

/** How long the proxy reads a refused body, so that the client can read the response. */
const LINGER = 2000;

/** Returns the options that both kinds of listeners use. */
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
    idleTimeout: 0, // Each wait of the proxy has its own limit.
    lingerTimeout: LINGER,
  };
}

/** Serves one client on the raw connection. The limits of its server still apply. */
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
