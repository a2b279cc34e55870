/**
 * The options of a server in several Workers, and its types.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ShutdownOptions, ShutdownReport, TcpServer } from "./server_options.ts";

/** Options of `serveWithWorkers`. */
export interface ServeWithWorkersOptions {
  /** The URL of the module that each Worker runs. The module calls `runWorker`. */
  module: string | URL;
  /**
   * The URL of the folder that contains the module and its imports. The program needs permission to
   * read it if it is local.
   *
   * @default the folder of the module
   */
  folder?: string | URL;
  /**
   * Number of Workers.
   *
   * @default the number of cores
   */
  workers?: number;
  /**
   * The address to listen on.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to listen on; 0 takes a free one, which all Workers share.
   *
   * @default 0
   */
  port?: number;
  /**
   * Time limit until a Worker listens, in milliseconds; 0 for no limit.
   *
   * @default 30000
   */
  startTimeout?: number;
  /**
   * Time without a response to the main thread after which a Worker is replaced, in milliseconds; 0
   * for no limit. Work that blocks the event loop of a Worker must take less time.
   *
   * @default 30000
   */
  stuckTimeout?: number;
  /** Further data for the Workers. Each gets a structured clone. */
  data?: unknown;
  /** Shuts all Workers down when the signal is aborted. */
  signal?: AbortSignal;
}

/** The argument of the function that starts the server of a Worker. */
export interface WorkerAssignment {
  /** The address to listen on. */
  readonly hostname: string;
  /** The port to listen on. */
  readonly port: number;
  /** The number of this Worker, from 0. */
  readonly index: number;
  /** A clone of the option `data`. */
  readonly data: unknown;
}

/** A server that a Worker can run. It shares its port and can be shut down. */
export interface SharedServer extends Pick<TcpServer, "shutdown"> {
  /** The URL of the server, for example `http://127.0.0.1:8000`. The group takes its scheme. */
  readonly url?: string;
  /** Returns the counters of the server. `stats()` of the group includes them if they can be cloned. */
  stats?(): unknown;
}

/** The state of one Worker. */
export interface WorkerStats {
  /** The number of the Worker, from 0. */
  readonly index: number;
  /** The state of the Worker. It is "waiting" during the pause before its replacement. */
  readonly state: "starting" | "listening" | "waiting";
  /** Number of times that the Worker was replaced after it had ended. */
  readonly restarts: number;
  /** The reason why the previous Worker ended; undefined if none has. */
  readonly lastEnd: string | undefined;
  /** Time since the start of the Worker, in milliseconds. */
  readonly uptime: number;
  /** The counters of its server, up to a few seconds old; undefined if it has none. */
  readonly server: unknown;
}

/** Options of {@linkcode WorkerServer.reload}. */
export interface ReloadOptions {
  /**
   * The URL of the new module. Deno loads each URL only once, so add a new query to reload a file.
   *
   * @default the current module
   */
  module?: string | URL;
  /**
   * The new data for the Workers.
   *
   * @default the current data
   */
  data?: unknown;
  /**
   * Time for the open connections of an old Worker to end, in milliseconds.
   *
   * @default 5000
   */
  deadline?: number;
}

/** A group of Workers that act as one server. */
export interface WorkerServer extends AsyncDisposable {
  /** The address that the Workers listen on. */
  readonly addr: Deno.NetAddr;
  /** The address as a URL, with the scheme of the servers. */
  readonly url: string;
  /** Number of times that a Worker was replaced after it had ended. */
  readonly restarts: number;
  /** A promise that resolves when all Workers have shut down. */
  readonly finished: Promise<void>;
  /** Returns the state of each Worker. */
  stats(): readonly WorkerStats[];
  /**
   * Replaces the Workers one by one. Each new Worker listens before the old one stops accepting and
   * completes its connections. If a new Worker cannot start, the old one stays.
   *
   * On Linux, a connection that the kernel has queued for an old Worker while it stops is reset,
   * unless `net.ipv4.tcp_migrate_req` is 1.
   *
   * @param options The new module and data, and the deadline for old Workers.
   * @returns A promise that resolves when all Workers are replaced and the old ones have ended.
   * @throws {NetError} As `serveWithWorkers`; of kind "closed" during a shutdown.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  reload(options?: ReloadOptions): Promise<void>;
  /** Shuts all Workers down, and adds up their reports. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}
