/**
 * The options of clients.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ConnectionOptions } from "../connection/options.ts";
import type { RetryOptions } from "../retry.ts";

/** Options of every client. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectOptions extends ConnectionOptions {
  /**
   * Time limit for name resolution and connecting.
   *
   * @default 10000
   */
  timeout?: number;
  /** Cancels connecting, which rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Retries after temporary failures.
   *
   * @default no retries
   */
  retry?: RetryOptions;
}

/** Options of `connectTcp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectTcpOptions extends ConnectOptions {
  /**
   * The host name or IP address of the peer. Both address families are tried (RFC 8305).
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /** The port of the peer. */
  port: number;
  /**
   * The local IP address to connect from. The peer must have an address of the same family. TLS
   * then runs on `node:tls`. It does not work on Windows. Additional required permission:
   * `--allow-net=<localAddress>:0`.
   *
   * @default the choice of the operating system
   */
  localAddress?: string;
  /**
   * Whether small writes are sent at once (TCP_NODELAY).
   *
   * @default true
   */
  noDelay?: boolean;
  /**
   * Whether the kernel probes an idle connection for a dead peer (SO_KEEPALIVE).
   *
   * @default true
   */
  keepAlive?: boolean;
  /**
   * Whether {@linkcode Connection.abort}, time limits and a full send queue end the connection by a
   * reset (RST). The peer then cannot take an incomplete stream for a complete one. Queued data is
   * lost. TLS runs on `node:tls`. The option costs about 0.1 ms and a second file descriptor per
   * connection. It has no effect on Windows, and if no descriptor is left.
   *
   * @default false
   */
  resetOnAbort?: boolean;
}
