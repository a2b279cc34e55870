/**
 * The options of a pool, and its types.
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
   * Maximum number of connections to one host and port, including idle ones.
   *
   * @default 10
   */
  maxPerHost?: number;
  /**
   * Maximum number of connections to all hosts together, including idle ones. When it is reached,
   * the pool closes the connection that has been idle for longest. If none is idle, callers wait in
   * order.
   *
   * @default Infinity
   */
  maxTotal?: number;
  /**
   * Number of idle connections to keep open for each host that has been used. They are opened in
   * the background, within the other limits, and `idleTimeout` does not close them.
   *
   * @default 0
   */
  minIdle?: number;
  /**
   * Time after which an idle connection is closed.
   *
   * @default 30000
   */
  idleTimeout?: number;
  /**
   * Maximum age of a connection when it is lent. Each connection gets up to a tenth less, at random,
   * so that connections that were opened together are not all replaced at the same time.
   *
   * @default 0
   */
  maxAge?: number;
  /**
   * Time to wait for a connection while all are in use. The `timeout` of the target limits
   * connecting and checking.
   *
   * @default 30000
   */
  acquireTimeout?: number;
  /**
   * Maximum number of callers that wait for one host. Further callers are rejected at once.
   *
   * @default 1000
   */
  maxWaiting?: number;
  /**
   * Returns whether an idle connection is still usable, for example after a NOOP. The pool detects
   * closed sockets without it. The `timeout` of the target limits all checks of one `acquire`
   * together. Connections that fail the check are closed.
   *
   * @default every open connection is usable
   */
  check?: (connection: Connection) => boolean | Promise<boolean>;
}

/** The server to connect to, over TCP, or over TLS if `tls` is true. */
export type PoolTarget =
  | (ConnectTcpOptions & { tls?: false })
  | (ConnectTlsOptions & { tls: true });

/** Counters of a pool. */
export interface PoolStats {
  /** Number of lent connections. */
  readonly active: number;
  /** Number of idle connections. */
  readonly idle: number;
  /** Number of callers that wait for a connection. */
  readonly waiting: number;
  /** Total number of connections opened so far. */
  readonly opened: number;
  /** Total number of times that an idle connection was lent again. */
  readonly reused: number;
}

/**
 * A borrowed connection. Dispose of the lease to return it. If `keep` was not called, the connection
 * is closed in the background: disposal does not wait for the peer, `close` of the pool does.
 */
export interface Lease extends AsyncDisposable {
  /** The borrowed connection. */
  readonly connection: Connection;
  /** Whether the connection has been lent before. */
  readonly reused: boolean;
  /** Marks the exchange as complete, so that disposal returns the connection to the pool. */
  keep(): void;
}

/** Options of {@linkcode Pool.close}. */
export interface ClosePoolOptions {
  /**
   * Time to wait for lent connections, in milliseconds. Then they are aborted; 0 aborts at once.
   *
   * @default 5000
   */
  deadline?: number;
}

/** A pool of connections. Disposal closes it with the default deadline. */
export interface Pool extends AsyncDisposable {
  /**
   * Borrows a connection: an idle one, a new one, or the next one that is returned.
   *
   * @param target The server to connect to. Connections are shared among callers whose targets
   * differ in time limits only.
   * @returns The lease of one connection.
   * @throws {NetError} As `connectTcp` and `connectTls`; of kind "timeout" or "limit" if all
   * connections stay in use, and "closed" after `close`.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  acquire(target: PoolTarget): Promise<Lease>;
  /** Returns the current counters. */
  stats(): PoolStats;
  /**
   * Closes the pool: it lends no more connections, closes idle ones, and waits for lent ones.
   *
   * @param options The deadline after which lent connections are aborted.
   * @returns A promise that resolves when all connections are closed.
   */
  close(options?: ClosePoolOptions): Promise<void>;
}
