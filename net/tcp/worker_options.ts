/**
 * The options of a server in several Workers, and the types of its parts.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ShutdownOptions, ShutdownReport, TcpServer } from "./server_options.ts";

/** Options of `serveWithWorkers`. */
export interface ServeWithWorkersOptions {
  /** The module that each Worker runs; it calls `runWorker`. */
  module: string | URL;
  /**
   * The folder of the module and of all that it imports, which a Worker must
   * be allowed to read where they are local files.
   *
   * @default the module's own folder
   */
  folder?: string | URL;
  /**
   * How many Workers.
   *
   * @default one for each core
   */
  workers?: number;
  /**
   * The address to listen on.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to listen on; 0 takes a free one, the same for all.
   *
   * @default 0
   */
  port?: number;
  /**
   * How long a Worker may take until it listens, in milliseconds; 0 for ever.
   *
   * @default 30000
   */
  startTimeout?: number;
  /**
   * How long a Worker may be without an answer to the supervisor, in milliseconds, until it counts as
   * stuck and is replaced; 0 for ever. Work that blocks the event loop of a Worker must be shorter.
   *
   * @default 30000
   */
  stuckTimeout?: number;
  /** Whatever the Workers need besides; it is cloned (structured clone). */
  data?: unknown;
  /** Shuts all of them down when it is aborted. */
  signal?: AbortSignal;
}

/** What a Worker gets to start its server with. */
export interface WorkerAssignment {
  /** The address to listen on. */
  readonly hostname: string;
  /** The port to listen on. */
  readonly port: number;
  /** The number of this Worker, from 0. */
  readonly index: number;
  /** What `data` was. */
  readonly data: unknown;
}

/** What a Worker may serve: any server that shares its port and can be shut down. */
export interface SharedServer extends Pick<TcpServer, "shutdown"> {
  /** Its URL, e.g. `http://127.0.0.1:8000`, whose scheme that of all Workers together takes over. */
  readonly url?: string;
  /** Its counters, which `stats()` of the supervisor shows if they can be cloned. */
  stats?(): unknown;
}

/** What the supervisor knows of one Worker. */
export interface WorkerStats {
  /** Its number, from 0. */
  readonly index: number;
  /** "waiting" for the pause before it is replaced to be over. */
  readonly state: "starting" | "listening" | "waiting";
  /** How often it was replaced after it had ended. */
  readonly restarts: number;
  /** Why the one before it ended; undefined if none has. */
  readonly lastEnd: string | undefined;
  /** How long it has been running, in milliseconds. */
  readonly uptime: number;
  /** Counters of its server, up to a few seconds old; undefined if it has none. */
  readonly server: unknown;
}

/** Options of {@linkcode WorkerServer.reload}. */
export interface ReloadOptions {
  /**
   * The module from now on, e.g. with a new query, since Deno loads each URL once.
   *
   * @default the same
   */
  module?: string | URL;
  /**
   * What the Workers need from now on.
   *
   * @default the same
   */
  data?: unknown;
  /**
   * How long the open connections of an old Worker may take, in milliseconds.
   *
   * @default 5000
   */
  deadline?: number;
}

/** Servers of several Workers that act as one. */
export interface WorkerServer extends AsyncDisposable {
  /** Where they listen. */
  readonly addr: Deno.NetAddr;
  /** The same as a URL, with the scheme of their servers. */
  readonly url: string;
  /** How often a Worker was replaced after it had ended. */
  readonly restarts: number;
  /** Resolves when all have shut down. */
  readonly finished: Promise<void>;
  /** What is known of each Worker. */
  stats(): readonly WorkerStats[];
  /**
   * Replaces the Workers one by one: each new one listens before the old one stops accepting and
   * finishes what it has in hand. If a new Worker cannot start, the old ones stay.
   *
   * On Linux, a connection that the kernel has queued for an old Worker at the very moment at which
   * it stops is reset, unless `net.ipv4.tcp_migrate_req` is 1.
   *
   * @param options What is to change.
   * @returns Resolves when all are replaced and the old ones have ended.
   * @throws {NetError} As `serveWithWorkers`; of kind "closed" during a shutdown.
   */
  reload(options?: ReloadOptions): Promise<void>;
  /** Shuts all of them down, and adds their reports up. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}
