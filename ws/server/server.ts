/**
 * A WebSocket server with safe limits: connections in all and per address, message size, queues
 * in both directions, pings, origins, contained handlers, a graceful end.
 *
 * @example Answer every message
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   for await (const message of conn) await conn.send(message);
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.send("hello");
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * ```
 *
 * It stands on `serveHttp`, and like that is hardened where strangers connect, beyond loopback: then
 * connections that say nothing, heads and messages that never end, and peers that answer no close
 * frame have limits, too, and breaches of the protocol end with the code that is theirs.
 *
 * For more of TLS than one certificate, such as reloading or clients' certificates, `createUpgrader`
 * stands in a `serveHttp`, which has all of it.
 *
 * **Permissions**: `--allow-net=127.0.0.1:8765` for the address to listen on
 * (`--allow-net=127.0.0.1:0` for a free port). The WebSocket protocol is RFC 6455.
 *
 * @module
 */

import { serveHttp } from "../../http/server/server.ts";
import type { ServeHttpOptions } from "../../http/server/options.ts";
import { isLoopback } from "../../net/address.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import type { WsConnection } from "../connection/connection.ts";
import { createUpgrader } from "./upgrader.ts";
import type { UpgraderOptions, WsHandler, WsServerStats } from "./upgrade_options.ts";

export type * from "./upgrade_options.ts";

/** Options of {@linkcode serveWebSocket}. All times are in milliseconds; 0 lifts a limit. */
export interface ServeWebSocketOptions extends
  UpgraderOptions,
  Pick<
    ServeHttpOptions,
    | "hostname"
    | "port"
    | "cert"
    | "key"
    | "allowedHosts"
    | "trustProxy"
    | "hardened"
    | "signal"
    | "onListen"
  > {
  /**
   * The path of the WebSocket; elsewhere there is 404.
   *
   * @default every path
   */
  path?: string;
}

/** A running server of {@linkcode serveWebSocket}. */
export interface WebSocketServer extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Where it listens as a URL, e.g. `ws://127.0.0.1:8765`. */
  readonly url: string;
  /** Whether all that a peer does is held to limits, instead of what `Deno.serve` lets through. */
  readonly hardened: boolean;
  /** Resolves when the server has shut down. */
  readonly finished: Promise<void>;
  /** The connections that are open. */
  readonly connections: ReadonlySet<WsConnection>;
  /** Counters of this moment. */
  stats(): WsServerStats;
  /**
   * Stops accepting, closes what is open with 1001, and waits for the handlers; what is left at
   * the deadline is cut.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/**
 * Starts a WebSocket server.
 *
 * @param options Where to listen, who may connect, and the limits.
 * @param handler Called for each connection. When it returns the connection is closed with 1000,
 * when it throws with 1011.
 * @returns The running server.
 * @throws {NetError} In phase "listen": "address-in-use", "address-unavailable", "permission" …
 * @throws {RangeError | TypeError} If an option is out of range.
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
  const { path, signal, ...rest } = options;
  const sockets = createUpgrader(rest, handler);
  const { hostname = "127.0.0.1", port, cert, key, allowedHosts, trustProxy, onListen } = rest;
  const { hardened = !isLoopback(hostname) } = rest;
  const http = serveHttp({
    hostname,
    ...(port !== undefined && { port }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(allowedHosts !== undefined && { allowedHosts }),
    ...(trustProxy !== undefined && { trustProxy }),
    ...(onListen !== undefined && { onListen }),
    hardened,
    ...(hardened && connectionLimits(rest)),
    maxRequests: 0,
    handlerTimeout: 0,
  }, (request, info) => {
    if (path !== undefined && new URL(request.url).pathname !== path) {
      return new Response("There is nothing here\n", { status: 404 });
    }
    return sockets.upgrade(request, info);
  });
  let stopping: Promise<ShutdownReport> | undefined;
  // The sockets first: when the HTTP server has ended they cannot be cut any more.
  const stop = async (deadline: number | undefined): Promise<ShutdownReport> => {
    signal?.removeEventListener("abort", onAbort);
    const report = await sockets.shutdown(deadline === undefined ? {} : { deadline });
    await http.shutdown({ deadline: 0 });
    return report;
  };
  const shutdown = ({ deadline }: ShutdownOptions = {}): Promise<ShutdownReport> => {
    if (stopping !== undefined && deadline !== undefined) void sockets.shutdown({ deadline });
    return stopping ??= stop(deadline);
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
    shutdown,
    [Symbol.asyncDispose]: async () => void await shutdown(),
  };
}

/** What the connections below are held to, so that those with a WebSocket leave room for others. */
function connectionLimits(options: UpgraderOptions): Partial<ServeHttpOptions> {
  const { handshakeTimeout = 10_000, outbox: { stallTimeout = 30_000 } = {} } = options;
  const { maxConnections = 1024, maxConnectionsPerAddress = 0 } = options;
  const room = (most: number) => most === 0 ? 0 : Math.max(2 * most, 128);
  return {
    headTimeout: handshakeTimeout,
    idleTimeout: handshakeTimeout,
    writeTimeout: stallTimeout,
    maxConnections: room(maxConnections),
    maxConnectionsPerAddress: room(maxConnectionsPerAddress),
  };
}
