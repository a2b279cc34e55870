/**
 * A WebSocket server with safe limits: connections in total and per address, message size, queues in
 * both directions, pings, origin checks, isolated handlers, and a graceful shutdown.
 *
 * The server uses `serveHttp`. Like that, it is hardened by default unless it listens on loopback. A
 * hardened server also limits silent connections, endless heads and messages, and peers that do not
 * answer a close frame. It answers a protocol violation with the close code of RFC 6455.
 *
 * With a certificate, the server takes all options of `serveHttp` for TLS, such as reloading and
 * client certificates. The handler finds the certificate of a client in `info.tls`.
 *
 * **Permissions**: `--allow-net=127.0.0.1:8765` for the address to listen on
 * (`--allow-net=127.0.0.1:0` for a free port). The WebSocket protocol is RFC 6455.
 *
 * @module
 */

import { serveHttp } from "../../http/server/server.ts";
import type { HttpServerEvent, HttpsOptions, ServeHttpOptions } from "../../http/server/options.ts";
import { formatAddress, isLoopback } from "../../net/address.ts";
import { SERVE_HTTP } from "../../http/internal/server_rules.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import { OptionRules, text } from "../../net/internal/options.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import type { TlsKeyPair } from "../../net/tls/options.ts";
import type { WsConnection } from "../connection/connection.ts";
import { STALL_TIMEOUT } from "../internal/option_rules.ts";
import { HANDSHAKE_TIMEOUT, MAX_CONNECTIONS, UPGRADER } from "./_option_rules.ts";
import { createUpgrader } from "./upgrader.ts";
import type { UpgraderOptions, WsHandler, WsServerStats } from "./upgrade_options.ts";

export type * from "./upgrade_options.ts";

/**
 * Options of {@linkcode serveWebSocket}. All times are in milliseconds; 0 lifts a limit. Options of TLS
 * other than `cert` and `key`, options of TCP and `compression` need a hardened server.
 *
 * All options of `serveTls` are here, some of them in the form that a WebSocket has: `outbox` is the send
 * queue, `handshakeTimeout` limits the handshake of TLS, too, and a full server refuses with status 503 in
 * place of `whenFull`. `alpnProtocols` is always `http/1.1` (RFC 6455 §1.2). `resetOnAbort` has no
 * counterpart.
 */
export interface ServeWebSocketOptions
  extends
    UpgraderOptions,
    Omit<HttpsOptions, "handshakeTimeout">,
    Pick<
      ServeHttpOptions,
      | "hostname"
      | "port"
      | "backlog"
      | "sharePort"
      | "noDelay"
      | "keepAlive"
      | "deadPeerTimeout"
      | "proxyProtocol"
      | "allowedHosts"
      | "trustProxy"
      | "signal"
      | "onListen"
    > {
  /**
   * Whether the server limits everything that a peer does; see `ServeHttpOptions`.
   *
   * @default true if the server listens beyond loopback, or if an option is set that needs it
   */
  hardened?: boolean;
  /**
   * The path of the WebSocket in URLs. Requests for other paths are answered with 404. For a Unix
   * socket, use `serveHttp({ path })` with `createUpgrader`.
   *
   * @default every path
   */
  path?: string;
}

/** The options that `serveWebSocket` passes on, only to a hardened `serveHttp`. */
const HARDENED_ONLY = [
  "backlog",
  "sharePort",
  "noDelay",
  "keepAlive",
  "deadPeerTimeout",
  "proxyProtocol",
  "certFile",
  "keyFile",
  "sni",
  "clientAuth",
  "clientCa",
  "minVersion",
  "inspect",
  "engine",
  "reloadInterval",
] as const;

/** The other options that it passes on. */
const PASSED = [
  "hostname",
  "port",
  "cert",
  "key",
  "allowedHosts",
  "trustProxy",
  "onListen",
] as const;

type PassedOptions = Pick<
  ServeWebSocketOptions,
  typeof HARDENED_ONLY[number] | typeof PASSED[number]
>;

const { hardened, signal } = SERVE_HTTP.rules;

const PASSED_ON = new OptionRules<PassedOptions>(pickRules([...PASSED, ...HARDENED_ONLY]));

const SERVE_WS = new OptionRules<ServeWebSocketOptions>({
  ...UPGRADER.rules,
  ...PASSED_ON.rules,
  hardened,
  signal,
  path: text,
});

/** A running server of {@linkcode serveWebSocket}. */
export interface WebSocketServer extends AsyncDisposable {
  /** The address on which the server listens. */
  readonly addr: Deno.NetAddr;
  /** The URL of the server, e.g. `ws://127.0.0.1:8765`. */
  readonly url: string;
  /** Whether the server limits everything that a peer does, in place of the limits of `Deno.serve`. */
  readonly hardened: boolean;
  /** Resolves when the server has shut down. */
  readonly finished: Promise<void>;
  /** The open connections. */
  readonly connections: ReadonlySet<WsConnection>;
  /**
   * Returns the current counters.
   *
   * @returns A snapshot, which does not change afterwards.
   */
  stats(): WsServerStats;
  /**
   * Replaces the certificates for future connections, as `TlsServer` of `serveTls` does.
   *
   * @param certificates The new certificates, the default one first. Without them the server reads
   * the files again.
   * @throws {NetError} Of kind "tls" if a certificate is not usable; the old ones stay.
   * @throws {TypeError} If the server was started without `reloadInterval`.
   */
  reloadTls(certificates?: readonly TlsKeyPair[]): void;
  /**
   * Shuts down gracefully: stops accepting, closes the open connections with 1001, and waits for the
   * handlers. At the deadline it cuts the remaining connections.
   *
   * @param options The deadline in milliseconds. Default: 5000. Infinity waits without a limit.
   * @returns The number of drained and forced handlers, and of refused requests.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/**
 * Starts a WebSocket server.
 *
 * @param options The address to listen on, who may connect, and the limits.
 * @param handler Called for each connection. The connection is closed with 1000 when the handler
 * returns, and with 1011 when it throws.
 * @returns The running server. It listens already.
 * @throws {NetError} In phase "listen": "address-in-use", "address-unavailable", "permission" …
 * @throws {RangeError | TypeError} If an option is invalid, or the handler is missing.
 *
 * @example Limits
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ maxMessageSize: 10 }, async (conn) => {
 *   for await (const message of conn) await conn.send(message);
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.send("eleven bytes");
 * assertEquals((await conn.closed).code, 1009);
 * ```
 */
export function serveWebSocket(
  options: ServeWebSocketOptions,
  handler: WsHandler,
): WebSocketServer {
  options = SERVE_WS.checkGiven("serveWebSocket", options);
  const { path, signal, hostname = "127.0.0.1" } = options;
  const hardened = isHardened(options, hostname);
  const limits = UPGRADER.pick(options);
  const sockets = createUpgrader(limits, handler);
  const http = serveHttp({
    ...PASSED_ON.pick(options),
    hostname,
    hardened,
    ...(hardened && connectionLimits(limits, options)),
    maxRequests: 0,
    handlerTimeout: 0,
    ...(limits.onEvent && { onEvent: passOn(limits.onEvent) }),
  }, (request, info) => {
    if (path !== undefined && new URL(request.url).pathname !== path) {
      return new Response("Not found\n", { status: 404 });
    }
    return sockets.upgrade(request, info);
  });
  let stopping: Promise<ShutdownReport> | undefined;
  // The WebSockets end first: after the end of the HTTP server they cannot be cut any more.
  const stop = async (options: ShutdownOptions): Promise<ShutdownReport> => {
    signal?.removeEventListener("abort", onAbort);
    const report = await sockets.shutdown(options);
    await http.shutdown({ deadline: 0 });
    return report;
  };
  const shutdown = (options: ShutdownOptions = {}): Promise<ShutdownReport> => {
    options = SHUTDOWN.check("shutdown", options);
    if (stopping !== undefined && options.deadline !== undefined) void sockets.shutdown(options);
    return stopping ??= stop(options);
  };
  const onAbort = () => void shutdown();
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  return {
    addr: http.addr,
    hardened,
    url: http.url.replace(/^http/, "ws"),
    finished: http.finished,
    connections: sockets.connections,
    stats: () => sockets.stats(),
    reloadTls: (certificates) => http.reloadTls(certificates),
    shutdown,
    [Symbol.asyncDispose]: async () => void await shutdown(),
  };
}

/** Returns a function that passes on the events of TLS. The upgrader reports all others. */
function passOn(
  onEvent: NonNullable<UpgraderOptions["onEvent"]>,
): (event: HttpServerEvent) => void {
  return (event) => {
    if (event.type === "tls-reload") onEvent(event);
    else if (event.type === "handshake-error") {
      const { type, remoteAddr, error } = event;
      onEvent({ type, peer: formatAddress(remoteAddr), error });
    }
  };
}

/** Returns the rules of `serveHttp` for these options. */
function pickRules<Name extends keyof ServeHttpOptions>(
  names: readonly Name[],
): Pick<typeof SERVE_HTTP.rules, Name> {
  const rules: Partial<Pick<typeof SERVE_HTTP.rules, Name>> = {};
  for (const name of names) rules[name] = SERVE_HTTP.rules[name];
  return rules as Pick<typeof SERVE_HTTP.rules, Name>;
}

function isHardened(options: ServeWebSocketOptions, hostname: string): boolean {
  const { compression } = options;
  const wanted = compression !== undefined && compression !== false
    ? "compression"
    : HARDENED_ONLY.find((name) => options[name] !== undefined);
  if (wanted !== undefined && options.hardened === false) {
    throw new TypeError(`Cannot use ${wanted} with hardened: false: only a hardened server has it`);
  }
  return options.hardened ?? (wanted !== undefined || !isLoopback(hostname));
}

/**
 * Returns the limits of the HTTP connections. There are twice as many as WebSockets, so that a full
 * server still answers requests with 503.
 */
function connectionLimits(
  options: UpgraderOptions,
  { cert, certFile }: ServeWebSocketOptions,
): Partial<ServeHttpOptions> {
  const { handshakeTimeout = HANDSHAKE_TIMEOUT, maxConnections = MAX_CONNECTIONS } = options;
  const { maxConnectionsPerAddress = 0, outbox: { stallTimeout = STALL_TIMEOUT } = {} } = options;
  const room = (most: number) => most === 0 ? 0 : Math.max(2 * most, 128);
  return {
    headTimeout: handshakeTimeout,
    idleTimeout: handshakeTimeout,
    writeTimeout: stallTimeout,
    ...((cert ?? certFile) !== undefined && { handshakeTimeout }),
    maxConnections: room(maxConnections),
    maxConnectionsPerAddress: room(maxConnectionsPerAddress),
  };
}
