/**
 * WebSockets in a server that also has other routes: limits for all WebSockets together, isolated
 * handlers, and a graceful shutdown.
 *
 * @example WebSockets and another route
 * ```ts
 * import { serveHttp } from "@portside/kit/http/server";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { createUpgrader } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * const sockets = createUpgrader({ maxConnections: 100 }, async (conn) => {
 *   for await (const message of conn) await conn.send(message);
 * });
 * await using server = serveHttp({ port: 0 }, (request, info) => {
 *   const { pathname } = new URL(request.url);
 *   return pathname === "/ws" ? sockets.upgrade(request, info) : new Response("hello");
 * });
 * await using conn = await connectWebSocket(`${server.url.replace("http", "ws")}/ws`);
 * await conn.send("hi");
 * assertEquals(await conn.receive({ timeout: 1000 }), "hi");
 * await conn.close();
 * await sockets.shutdown();
 * ```
 *
 * **Permissions**: none of its own.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { originalRequest } from "../../http/internal/handler_request.ts";
import { formatAddress, peerNetwork } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import { Countdown } from "../../net/internal/countdown.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import { callback, countLimit } from "../../net/internal/options.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import type { WsConnection } from "../connection/connection.ts";
import { MAX_CONNECTIONS, UPGRADER } from "./_option_rules.ts";
import { upgradeRequest } from "./_upgrade_request.ts";
import type {
  UpgradeInfo,
  UpgradeOptions,
  UpgraderOptions,
  WsHandler,
  WsServerEvent,
  WsServerStats,
} from "./upgrade_options.ts";
import { type ConnectionEvents, listenTo } from "../internal/connection_events.ts";
import { CloseCode } from "../internal/close_codes.ts";

/** The WebSockets of a server. */
export interface Upgrader {
  /** The open connections. */
  readonly connections: ReadonlySet<WsConnection>;
  /**
   * Returns the current counters.
   *
   * @returns A snapshot, which does not change afterwards.
   */
  stats(): WsServerStats;
  /**
   * Upgrades a request and starts the handler for the connection, or refuses the request.
   *
   * @param request The request that the handler received. A copy works with the `info` of `serveHttp`.
   * @param info The second argument of the handler.
   * @returns The response that the handler must return.
   */
  upgrade(request: Request, info: UpgradeInfo): Promise<Response>;
  /**
   * Refuses new requests with 503, closes the open connections with 1001, and waits for the handlers.
   *
   * @param options The deadline in milliseconds. Default: 5000. Infinity waits without a limit.
   * @returns The number of drained and forced handlers, and of refused requests.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

const logger = getLogger(["portside", "ws", "server"]);

/**
 * Creates an upgrader.
 *
 * @param options Who may connect, and the limits for all connections together.
 * @param handler Called for each connection when it is open.
 * @returns The upgrader, for use in the handler of a server.
 * @throws {RangeError | TypeError} If an option is invalid, or the handler is missing.
 */
export function createUpgrader(options: UpgraderOptions, handler: WsHandler): Upgrader {
  options = UPGRADER.check("createUpgrader", options);
  callback("handler", handler);
  return new Sockets(options, handler);
}

/** Follows one connection until its TCP connection is closed. */
class Held implements ConnectionEvents {
  readonly #sockets: Sockets;
  /** The second argument of the handler, until it is called. */
  #info: UpgradeInfo | undefined;
  /** The address or network that it counts for. */
  readonly #address: string;

  constructor(sockets: Sockets, info: UpgradeInfo, address: string) {
    this.#sockets = sockets;
    this.#info = info;
    this.#address = address;
  }

  opened(connection: WsConnection): void {
    const info = this.#info!;
    this.#info = undefined;
    this.#sockets.opened(connection, info);
  }

  ended(connection: WsConnection): void {
    this.#sockets.ended(connection, this.#info === undefined);
  }

  gone(): void {
    this.#sockets.gone(this.#address);
  }
}

class Sockets implements Upgrader {
  readonly connections = new Set<WsConnection>();

  readonly #options: UpgraderOptions;
  readonly #upgradeOptions: UpgradeOptions;
  readonly #handler: WsHandler;
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #perAddress = new Map<string, number>();
  /** Number of handlers that run or will run. */
  #running = 0;
  /** Resolves during a shutdown when no handler runs. */
  readonly #idle = Promise.withResolvers<void>();
  #opening = 0;
  /** Number of upgrades that wait for `authorize`. */
  #asking = 0;
  /** Resolves when no upgrade is in progress, except in `authorize`. */
  #opened: PromiseWithResolvers<void> | undefined;
  #closing = 0;
  #drained = 0;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  #shutdown: Promise<ShutdownReport> | undefined;
  readonly #force = Promise.withResolvers<void>();
  readonly #countdown: Countdown = new Countdown(this.#force.resolve);

  constructor(options: UpgraderOptions, handler: WsHandler) {
    this.#options = options;
    const { authorize } = options;
    this.#upgradeOptions = authorize === undefined ? options : {
      ...options,
      authorize: async (request, info) => {
        this.#asking++;
        try {
          const refusal = await authorize(request, info);
          // The shutdown may have begun in the meantime.
          return refusal ?? (this.#shutdown && unavailable(503));
        } finally {
          this.#asking--;
        }
      },
    };
    this.#handler = handler;
    this.#most = countLimit(options.maxConnections ?? MAX_CONNECTIONS);
    this.#mostPerAddress = countLimit(options.maxConnectionsPerAddress ?? 0);
  }

  stats(): WsServerStats {
    return {
      accepted: this.#accepted,
      active: this.connections.size,
      closing: this.#closing,
      refused: this.#refused,
      failed: this.#failed,
    };
  }

  async upgrade(request: Request, info: UpgradeInfo): Promise<Response> {
    const { remoteAddr, tls } = info;
    const original = originalRequest(request, info);
    // After the upgrade, Deno does not know the address any more.
    info = { remoteAddr, ...tls && { tls } };
    const address = "hostname" in remoteAddr ? peerNetwork(remoteAddr.hostname) : "";
    const here = this.#perAddress.get(address) ?? 0;
    const taken = this.connections.size + this.#opening;
    // Closing sockets use as many resources as open ones, so they have the same limit.
    if (this.#shutdown || taken >= this.#most || this.#closing >= this.#most) {
      return this.#refuse(503, info);
    }
    if (here >= this.#mostPerAddress) return this.#refuse(429, info);
    this.#perAddress.set(address, here + 1);
    this.#opening++;
    let connection: WsConnection | undefined;
    try {
      const upgraded = await upgradeRequest(request, original, info, this.#upgradeOptions);
      connection = upgraded.connection;
      if (connection === undefined) this.#tellRefused(upgraded.response.status, info);
      return upgraded.response;
    } catch (error) {
      this.#failed++;
      throw error;
    } finally {
      if (--this.#opening <= this.#asking) this.#opened?.resolve();
      if (connection === undefined) this.#leave(address);
      else this.#hold(connection, info, address);
    }
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    const { deadline = 5000 } = SHUTDOWN.check("shutdown", options);
    this.#countdown.start(deadline);
    return this.#shutdown ??= this.#drain();
  }

  async #drain(): Promise<ShutdownReport> {
    await null; // So that #shutdown is set below.
    for (const connection of this.connections) this.#stop(connection);
    await Promise.race([this.#untilIdle(), this.#force.promise]);
    this.#countdown.stop();
    return { drained: this.#drained, forced: this.#running, refused: this.#refused };
  }

  /** Resolves when no upgrade is in progress and no handler runs. */
  async #untilIdle(): Promise<void> {
    // Requests in `authorize` will be refused.
    if (this.#opening > this.#asking) await (this.#opened = Promise.withResolvers()).promise;
    if (this.#running > 0) await this.#idle.promise;
  }

  #stop(connection: WsConnection): void {
    void connection.close(CloseCode.goingAway, "the server stops");
  }

  #refuse(status: 429 | 503, info: UpgradeInfo): Response {
    this.#tellRefused(status, info);
    return unavailable(status);
  }

  #tellRefused(status: number, info: UpgradeInfo): void {
    this.#refused++;
    this.#event({ type: "refused", status, peer: formatAddress(info.remoteAddr) });
  }

  /** Counts the connection until its TCP connection is closed. */
  #hold(connection: WsConnection, info: UpgradeInfo, address: string): void {
    this.connections.add(connection);
    this.#running++;
    listenTo(connection, new Held(this, info, address));
    // The shutdown began during the upgrade.
    if (this.#shutdown) this.#stop(connection);
  }

  /** Runs the handler. */
  opened(connection: WsConnection, info: UpgradeInfo): void {
    this.#accepted++;
    this.#event({ type: "open", connection });
    this.#run(connection, info);
  }

  /** Counts the connection as closing. `ran` tells whether its handler was called. */
  ended(connection: WsConnection, ran: boolean): void {
    if (!ran) {
      this.#failed++;
      logger.debug("{peer} did not open", { peer: connection.peer });
      this.#handlerEnded();
    }
    this.connections.delete(connection);
    this.#event({ type: "close", connection });
    this.#closing++;
  }

  /** Counts the connection no more. */
  gone(address: string): void {
    // Counted per address until now, or one address could use the whole limit of closing sockets.
    this.#closing--;
    this.#leave(address);
  }

  /** Calls the handler. No async function is suspended meanwhile, to save memory per connection. */
  #run(connection: WsConnection, info: UpgradeInfo): void {
    try {
      Promise.resolve(this.#handler(connection, info)).then(
        () => this.#finish(connection),
        (error) => this.#finish(connection, { error }),
      );
    } catch (error) {
      void this.#finish(connection, { error });
    }
  }

  async #finish(connection: WsConnection, failure?: { readonly error: unknown }): Promise<void> {
    if (failure === undefined) await connection.close();
    else await this.#handlerFailed(connection, failure.error);
    this.#handlerEnded();
  }

  #handlerEnded(): void {
    this.#running--;
    if (this.#shutdown === undefined) return;
    this.#drained++;
    if (this.#running === 0) this.#idle.resolve();
  }

  async #handlerFailed(connection: WsConnection, error: unknown): Promise<void> {
    const expected = error instanceof NetError && !connection.open;
    if (expected) logger.debug("{peer}: {error}", { peer: connection.peer, error: error.message });
    else {
      this.#failed++;
      logger.error("the handler of {peer} failed: {error}", { peer: connection.peer, error });
    }
    this.#event({ type: "error", connection, error, expected });
    await connection.close(CloseCode.internalError, "internal error");
  }

  #leave(address: string): void {
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }

  #event(event: WsServerEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      logger.error("onEvent failed on {type}: {error}", { type: event.type, error });
    }
  }
}

function unavailable(status: 429 | 503): Response {
  const why = status === 429 ? "Too many connections from this address" : "No more connections";
  return new Response(`${why}\n`, { status, headers: { "retry-after": "10" } });
}
