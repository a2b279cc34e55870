/**
 * Options, faults, events and counters of a fault proxy.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HostPort } from "../../net/address.ts";
import type { NetError } from "../../net/errors/errors.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";

/** The faults of one direction. Byte counts start at the beginning of a connection. */
export interface NetworkFaults {
  /** Delay of all data, in milliseconds. @default 0 */
  latency?: number;
  /** Largest random deviation from `latency`, in milliseconds. @default 0 */
  jitter?: number;
  /** Most bytes per second. @default Infinity */
  bandwidth?: number;
  /** Most bytes in one piece; 1 sends each byte separately. @default Infinity */
  chunkSize?: number;
  /** Largest random deviation from `chunkSize`, in bytes. @default 0 */
  chunkVariation?: number;
  /** Pause after each piece of `chunkSize`, in milliseconds. @default 0 */
  chunkDelay?: number;
  /** Stops the data after this many bytes. The connection stays open. @default Infinity */
  stallAfter?: number;
  /** Resets both ends (RST) after this many bytes. @default Infinity */
  resetAfter?: number;
  /**
   * Ends the direction (FIN) after this many bytes. The sender does not notice it.
   *
   * @default Infinity
   */
  truncateAfter?: number;
  /** Closes the connection, in both directions, after this many bytes. @default Infinity */
  closeAfter?: number;
  /**
   * Closes the connection after this time in milliseconds, from its beginning or from the change of
   * this value.
   *
   * @default Infinity
   */
  closeAfterTime?: number;
  /** Resets both ends (RST) after this time in milliseconds, as `closeAfterTime`. @default Infinity */
  resetAfterTime?: number;
  /** Delay of the end of the direction (FIN), in milliseconds. @default 0 */
  closeDelay?: number;
  /** Whether the data is lost, and the connection stays open. @default false */
  discard?: boolean;
}

/** The faults of a proxy. */
export interface ProxyFaults {
  /** Faults of the data from clients. @default none */
  upload?: NetworkFaults;
  /** Faults of the data from the server. @default none */
  download?: NetworkFaults;
  /** Whether new connections are refused, as by a closed port. @default false */
  refuse?: boolean;
  /** Probability that a connection has the faults of `upload` and `download`, 0 to 1. @default 1 */
  probability?: number;
}

/** Faults that begin at a time. */
export interface ScheduledFaults extends ProxyFaults {
  /** The time in milliseconds, from the start of the proxy or of the repetition. */
  at: number;
}

/** An event of a fault proxy. */
export type FaultProxyEvent =
  /** A client is connected to the target server. */
  | { readonly type: "open"; readonly peer: string }
  /** A fault took effect in one direction. */
  | {
    readonly type: "fault";
    readonly peer: string;
    readonly fault: "reset" | "truncate" | "stall" | "close";
    readonly direction: "upload" | "download";
  }
  /** A connection has ended. */
  | {
    readonly type: "close";
    readonly peer: string;
    readonly uploaded: number;
    readonly downloaded: number;
  }
  /** The connection to the target server failed. The client received a reset. */
  | { readonly type: "error"; readonly peer: string; readonly error: NetError };

/** Options of `serveFaultProxy`. All times are in milliseconds; 0 lifts a limit. */
export interface FaultProxyOptions extends ProxyFaults {
  /** The address to listen on. @default "127.0.0.1" */
  hostname?: string;
  /** The port to listen on; 0 selects a free one. @default 0 */
  port?: number;
  /** The target server. */
  to: HostPort;
  /** Time limit for a connection to the target server. @default 10000 */
  connectTimeout?: number;
  /** Most connections at a time. Further ones are reset. 0 lifts the limit. @default 1024 */
  maxConnections?: number;
  /**
   * Faults that replace the current ones at their times, in this order.
   *
   * @default none
   */
  schedule?: readonly ScheduledFaults[];
  /** Repeats the schedule after this time, in milliseconds; 0 does not repeat it. @default 0 */
  scheduleInterval?: number;
  /** Returns a random number from 0 to 1, for `jitter` and others. @default Math.random */
  random?: () => number;
  /** Shuts the proxy down when it is aborted. */
  signal?: AbortSignal;
  /** Called for each event. */
  onEvent?: (event: FaultProxyEvent) => void;
}

/** Counters of a fault proxy. */
export interface FaultProxyStats {
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly active: number;
  /** Connections that the proxy reset at once, because of `refuse` or `maxConnections`. */
  readonly refused: number;
}

/** A running fault proxy. */
export interface FaultProxy extends AsyncDisposable {
  /** The address on which the proxy listens. */
  readonly addr: Deno.NetAddr;
  /** The URL of the proxy, e.g. `tcp://127.0.0.1:7000`. */
  readonly url: string;
  /** Resolves when the proxy has shut down. */
  readonly finished: Promise<void>;
  /**
   * Returns the current counters.
   *
   * @returns A snapshot, which does not change afterwards.
   */
  stats(): FaultProxyStats;
  /**
   * Replaces the faults, also for open connections. A fault that is not given ends.
   *
   * @param faults The new faults. An empty object ends all of them.
   * @throws {RangeError | TypeError} If a fault is invalid.
   */
  setFaults(faults: ProxyFaults): Promise<void>;
  /** Resets all open connections. */
  reset(): void;
  /**
   * Stops listening, waits for open connections, and cuts the remaining ones at the deadline.
   *
   * @param options The deadline in milliseconds. Default: 0, which cuts at once.
   * @returns The number of drained, forced and refused connections.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}
