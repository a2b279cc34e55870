/**
 * What dialling takes.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ConnectionOptions } from "../connection/options.ts";
import type { RetryOptions } from "../retry.ts";

/** What every client takes. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectOptions extends ConnectionOptions {
  /**
   * How long resolving and connecting may take.
   *
   * @default 10000
   */
  timeout?: number;
  /** Gives up; it rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Tries again after failures that may pass.
   *
   * @default no retries
   */
  retry?: RetryOptions;
}

/** Options of `connectTcp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectTcpOptions extends ConnectOptions {
  /**
   * The name or address of the peer. Both address families are tried (RFC 8305).
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /** The port of the peer. */
  port: number;
  /**
   * The address of this machine to connect from, where it has several. The peer has to have one
   * of the same family. TLS then runs on `node:tls`. Not on Windows. It takes the permission
   * `--allow-net=<localAddress>:0` besides that for the peer.
   *
   * @default what the routing table says
   */
  localAddress?: string;
  /**
   * Whether small writes go out at once (TCP_NODELAY).
   *
   * @default true
   */
  noDelay?: boolean;
  /**
   * Whether the kernel looks for a dead peer (SO_KEEPALIVE).
   *
   * @default true
   */
  keepAlive?: boolean;
  /**
   * Whether {@linkcode Connection.abort}, a time limit and a send queue that overflows end the
   * connection by a reset (RST), so that the peer cannot take a stream that broke off for a
   * complete one. What is queued is lost then. TLS then runs on `node:tls`. It costs about 0.1 ms and a second file descriptor
   * for each connection. Without effect on Windows, and while no descriptor is left.
   *
   * @default false
   */
  resetOnAbort?: boolean;
}
