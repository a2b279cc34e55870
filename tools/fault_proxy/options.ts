/**
 * The options of a proxy with faults, and the types of its faults and events.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HostPort } from "../../net/address.ts";
import type { NetError } from "../../net/errors/errors.ts";

/** What happens to the bytes of one direction. Numbers of bytes count from the connection's start. */
export interface NetworkFaults {
  /** How much later everything arrives, in milliseconds. @default 0 */
  latency?: number;
  /** By how much more or less than `latency`, at random, in milliseconds. @default 0 */
  jitter?: number;
  /** The most bytes in a second. @default Infinity */
  bandwidth?: number;
  /** The most bytes in one piece; 1 sends every byte alone. @default Infinity */
  chunkSize?: number;
  /** After this many bytes nothing moves any more, and the connection stays open. */
  stallAfter?: number;
  /** After this many bytes both ends get a reset (RST). */
  resetAfter?: number;
  /** After this many bytes the receiver sees an orderly end (FIN), the sender nothing. */
  truncateAfter?: number;
}

/** The faults of a proxy. */
export interface ProxyFaults {
  /** What happens to what the clients send. @default none */
  upload?: NetworkFaults;
  /** What happens to what the server sends. @default none */
  download?: NetworkFaults;
  /** Whether new connections are refused, as by a closed port. @default false */
  refuse?: boolean;
}

/** Something that happened. */
export type FaultProxyEvent =
  /** A client is connected to the server behind. */
  | { readonly type: "open"; readonly peer: string }
  /** A fault was done to what one side sends. */
  | {
    readonly type: "fault";
    readonly peer: string;
    readonly fault: "reset" | "truncate" | "stall";
    readonly direction: "upload" | "download";
  }
  /** A connection is gone. */
  | {
    readonly type: "close";
    readonly peer: string;
    readonly uploaded: number;
    readonly downloaded: number;
  }
  /** The server behind could not be reached; the client got a reset. */
  | { readonly type: "error"; readonly peer: string; readonly error: NetError };

/** Options of `serveFaultProxy`. */
export interface FaultProxyOptions extends ProxyFaults {
  /** The address to listen on. @default "127.0.0.1" */
  hostname?: string;
  /** The port to listen on; 0 takes a free one. @default 0 */
  port?: number;
  /** The server behind. */
  to: HostPort;
  /** How long connecting to it may take, in milliseconds. @default 10000 */
  connectTimeout?: number;
  /** The most connections at a time; more are reset. @default 1024 */
  maxConnections?: number;
  /** Gives numbers from 0 to 1, for `jitter`. @default Math.random */
  random?: () => number;
  /** Shuts the proxy down when it is aborted. */
  signal?: AbortSignal;
  /** Called for everything worth logging. */
  onEvent?: (event: FaultProxyEvent) => void;
}

/** A running proxy. */
export interface FaultProxy extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Where it listens as a URL. */
  readonly url: string;
  /** Resolves when it has shut down. */
  readonly finished: Promise<void>;
  /** Connections open now. */
  readonly active: number;
  /** Changes the faults, also of connections that are open; what is left out is lifted. */
  setFaults(faults: ProxyFaults): Promise<void>;
  /** Resets all open connections now. */
  reset(): void;
  /** Stops listening, and cuts what is open after `deadline` milliseconds (0). */
  shutdown(options?: { deadline?: number }): Promise<void>;
}
