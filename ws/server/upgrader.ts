/**
 * WebSockets inside of a server that does other things too: limits over all of them, handlers
 * that are contained, a graceful end.
 *
 * @example Beside other routes
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
import { formatAddress, peerNetwork } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import type { WsConnection } from "../connection/connection.ts";
import { checkOrigins, checkWsOptions, count, time } from "../internal/options.ts";
import { upgrade } from "./upgrade.ts";
import type {
  UpgradeInfo,
  UpgradeOptions,
  UpgraderOptions,
  WsHandler,
  WsServerEvent,
  WsServerStats,
} from "./upgrade_options.ts";

/** The WebSockets of a server. */
export interface Upgrader {
  /** The connections that are open. */
  readonly connections: ReadonlySet<WsConnection>;
  /** Counters of this moment. */
  stats(): WsServerStats;
  /**
   * Upgrades a request and lets the handler have the connection, or refuses it.
   *
   * @param request The request as the handler got it: a copy is no use on a hardened server.
   * @param info Its second half, as `Deno.serve` and `serveHttp` give it.
   * @returns The response to return.
   */
  upgrade(request: Request, info: UpgradeInfo): Promise<Response>;
  /**
   * Refuses what comes, closes what is open with 1001, and waits for the handlers.
   *
   * @param options How long to wait.
   * @returns What happened.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

const logger = getLogger(["portside", "ws", "server"]);

/**
 * Makes an upgrader.
 *
 * @param options Who may connect, and the limits.
 * @param handler Called for each connection once it is open.
 * @returns The upgrader.
 * @throws {RangeError | TypeError} If an option is out of range.
 */
export function createUpgrader(options: UpgraderOptions, handler: WsHandler): Upgrader {
  return new Sockets(options, handler);
}

class Sockets implements Upgrader {
  readonly connections = new Set<WsConnection>();

  readonly #options: UpgraderOptions;
  readonly #upgradeOptions: UpgradeOptions;
  readonly #handler: WsHandler;
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #perAddress = new Map<string, number>();
  readonly #running = new Set<Promise<void>>();
  #opening = 0;
  /** How many of them `authorize` looks at. */
  #asking = 0;
  /** Resolves when nobody is being let in any more. */
  #opened: PromiseWithResolvers<void> | undefined;
  #closing = 0;
  #drained = 0;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  #shutdown: Promise<ShutdownReport> | undefined;
  #force = Promise.withResolvers<void>();
  #forceAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: UpgraderOptions, handler: WsHandler) {
    checkWsOptions(options);
    checkOrigins(options.allowedOrigins);
    this.#options = options;
    const { authorize } = options;
    this.#upgradeOptions = authorize === undefined ? options : {
      ...options,
      authorize: async (request, info) => {
        this.#asking++;
        try {
          const refusal = await authorize(request, info);
          // The server may have stopped meanwhile.
          return refusal ?? (this.#shutdown && unavailable(503));
        } finally {
          this.#asking--;
        }
      },
    };
    this.#handler = handler;
    this.#most = count("maxConnections", options.maxConnections, 1024);
    this.#mostPerAddress = count("maxConnectionsPerAddress", options.maxConnectionsPerAddress, 0);
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
    const { remoteAddr } = info;
    // Deno forgets the address with the upgrade.
    info = { remoteAddr };
    const address = "hostname" in remoteAddr ? peerNetwork(remoteAddr.hostname) : "";
    const here = this.#perAddress.get(address) ?? 0;
    const taken = this.connections.size + this.#opening;
    // Sockets whose peer does not let go are no use to anybody, but they cost as much as others.
    if (this.#shutdown || taken >= this.#most || this.#closing >= this.#most) {
      return this.#refuse(503, info);
    }
    if (here >= this.#mostPerAddress) return this.#refuse(429, info);
    this.#perAddress.set(address, here + 1);
    this.#opening++;
    let connection: WsConnection | undefined;
    try {
      const upgraded = await upgrade(request, info, this.#upgradeOptions);
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

  shutdown({ deadline = 5000 }: ShutdownOptions = {}): Promise<ShutdownReport> {
    const wait = time("deadline", deadline, 5000);
    // A second call may bring the deadline forward, never put it off.
    const at = performance.now() + wait;
    if (at < this.#forceAt) {
      this.#forceAt = at;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#force.resolve, wait);
    }
    return this.#shutdown ??= this.#drain();
  }

  async #drain(): Promise<ShutdownReport> {
    await null; // So that #shutdown is set below.
    for (const connection of this.connections) this.#stop(connection);
    await Promise.race([this.#untilIdle(), this.#force.promise]);
    clearTimeout(this.#timer);
    return { drained: this.#drained, forced: this.#running.size, refused: this.#refused };
  }

  /** Resolves when nobody is being let in, and no handler runs. */
  async #untilIdle(): Promise<void> {
    // Who is being looked at is refused in the end.
    if (this.#opening > this.#asking) await (this.#opened = Promise.withResolvers()).promise;
    await Promise.all(this.#running);
  }

  #stop(connection: WsConnection): void {
    void connection.close(1001, "the server stops");
  }

  #refuse(status: 429 | 503, info: UpgradeInfo): Response {
    this.#tellRefused(status, info);
    return unavailable(status);
  }

  #tellRefused(status: number, info: UpgradeInfo): void {
    this.#refused++;
    this.#event({ type: "refused", status, peer: formatAddress(info.remoteAddr) });
  }

  /** Runs the handler, and keeps the place taken until the connection is over. */
  #hold(connection: WsConnection, info: UpgradeInfo, address: string): void {
    this.connections.add(connection);
    const running = this.#run(connection, info);
    this.#running.add(running);
    running.then(() => {
      this.#running.delete(running);
      if (this.#shutdown) this.#drained++;
    });
    // The server began to stop while it was being opened.
    if (this.#shutdown) this.#stop(connection);
    connection.closed.then(() => {
      this.connections.delete(connection);
      this.#event({ type: "close", connection });
      this.#closing++;
    });
    // Not before: or one address could hold all the places of those that are being closed.
    connection.gone.then(() => {
      this.#closing--;
      this.#leave(address);
    });
  }

  async #run(connection: WsConnection, info: UpgradeInfo): Promise<void> {
    try {
      await connection.opened;
    } catch (error) {
      this.#failed++;
      logger.debug("{peer} did not open: {error}", { peer: connection.peer, error });
      return;
    }
    this.#accepted++;
    this.#event({ type: "open", connection });
    try {
      await this.#handler(connection, info);
      await connection.close();
    } catch (error) {
      await this.#handlerFailed(connection, error);
    }
  }

  async #handlerFailed(connection: WsConnection, error: unknown): Promise<void> {
    const expected = error instanceof NetError && !connection.open;
    if (expected) logger.debug("{peer}: {error}", { peer: connection.peer, error: error.message });
    else {
      this.#failed++;
      logger.error("the handler of {peer} failed: {error}", { peer: connection.peer, error });
    }
    this.#event({ type: "error", connection, error, expected });
    await connection.close(1011, "internal error");
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
