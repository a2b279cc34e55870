/**
 * The options of a pool, and what it gives.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ConnectTcpOptions } from "../tcp/connect_options.ts";
import type { ConnectTlsOptions } from "../tls/options.ts";

/** Options of `createPool`. All times are in milliseconds; 0 lifts a limit. */
export interface PoolOptions {
  /**
   * The most connections to one host and port, idle ones included.
   *
   * @default 10
   */
  maxPerHost?: number;
  /**
   * The most connections to all hosts together, idle ones included. When it is reached, the idle
   * connection that was unused for longest makes room; without one, callers wait in order.
   *
   * @default Infinity
   */
  maxTotal?: number;
  /**
   * How many idle connections are kept ready for each host that was asked for. They are opened in
   * the background, within the limits, and `idleTimeout` does not close them.
   *
   * @default 0
   */
  minIdle?: number;
  /**
   * How long a connection is kept unused.
   *
   * @default 30000
   */
  idleTimeout?: number;
  /**
   * How long a connection is used at the most, counted from its opening. Each connection gets up to
   * a tenth less, at random, so that connections opened together are not renewed together.
   *
   * @default 0
   */
  maxAge?: number;
  /**
   * How long to wait for a connection while all are in use. Connecting and checking have the
   * `timeout` of the target.
   *
   * @default 30000
   */
  acquireTimeout?: number;
  /**
   * The most who may wait for one host; one more is refused at once.
   *
   * @default 1000
   */
  maxWaiting?: number;
  /**
   * Says whether a connection that was idle is still good, beyond what the
   * socket itself tells; e.g. by a NOOP. All checks of one `acquire` together have
   * the `timeout` of its target; what they have not found good by then is thrown away.
   */
  check?: (connection: Connection) => boolean | Promise<boolean>;
}

/** Where to connect to: plain TCP, or TLS if `tls` is set. */
export type PoolTarget =
  | (ConnectTcpOptions & { tls?: false })
  | (ConnectTlsOptions & { tls: true });

/** Counters of a pool. */
export interface PoolStats {
  /** Connections that are lent. */
  readonly active: number;
  /** Connections that wait to be lent. */
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  /** Connections opened, ever. */
  readonly opened: number;
  /** Times that an idle connection was lent again, ever. */
  readonly reused: number;
}

/**
 * A borrowed connection. Dispose of it when done. A connection that is not kept is closed in the
 * background: disposing does not wait for the peer's goodbye, `drain` does.
 */
export interface Lease extends AsyncDisposable {
  /** The connection. */
  readonly connection: Connection;
  /** Whether it has served others before. */
  readonly reused: boolean;
  /** Says that the exchange is whole, so that disposing gives the connection back. */
  keep(): void;
}

/** A pool. */
export interface Pool extends AsyncDisposable {
  /**
   * Borrows a connection: an idle one, a new one, or the next that comes back.
   *
   * @param target Where to. What differs in anything but limits is a pool of its own.
   * @returns The lease.
   * @throws {NetError} As dialling does; "timeout" or "limit" when all stay in use.
   */
  acquire(target: PoolTarget): Promise<Lease>;
  /** Counters of this moment. */
  stats(): PoolStats;
  /**
   * Lends nothing more, closes what is idle, and waits for what is lent.
   *
   * @param options How long to wait before it is cut, in milliseconds.
   * @returns Resolves when nothing is open any more.
   */
  drain(options?: { deadline?: number }): Promise<void>;
}
