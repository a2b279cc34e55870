/**
 * The options of a {@linkcode Connection} and of its methods, and the types of their results.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { FrameFormat } from "./frame_codec.ts";
import type { TlsInfo, Transport } from "./transport.ts";

/** The behaviour of a full send queue: the sender waits, old messages are dropped, or the peer is disconnected. */
export type SendPolicy = "wait" | "drop-oldest" | "disconnect";

/** Options of the bounded send queue. */
export interface SendQueueOptions {
  /**
   * Maximum number of queued bytes.
   *
   * @default 1048576
   */
  limit?: number;
  /**
   * The behaviour when the queue is full. With "wait", the sender waits. With "drop-oldest", the
   * oldest messages that nobody awaits are dropped. With "disconnect", the connection is aborted.
   *
   * @default "wait"
   */
  policy?: SendPolicy;
}

/** Limits of a {@linkcode Connection}. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectionOptions {
  /**
   * Maximum time without a byte in either direction while a reader waits. Then the connection is
   * aborted with an error of kind "timeout". Time without a waiting reader does not count. The limit
   * is checked in steps of an eighth of it, at most a second, so it may take effect late by one
   * step.
   *
   * @default 0 on clients, 60000 on servers
   */
  idleTimeout?: number;
  /**
   * Maximum duration of one read. The read then rejects with kind "timeout". No byte is lost, and
   * the connection stays usable.
   *
   * @default 0
   */
  readTimeout?: number;
  /**
   * Maximum time without progress of a write because the peer does not read. Then the connection is
   * aborted, as the peer may have received half a message.
   *
   * @default 30000
   */
  writeTimeout?: number;
  /**
   * Time for which {@linkcode Connection.close} waits until the peer has ended its output. Without
   * this wait, a reset could destroy the last bytes before the peer reads them.
   *
   * @default 500
   */
  lingerTimeout?: number;
  /** The send queue behind `send` and `trySend`. */
  sendQueue?: SendQueueOptions;
}

/** Options of one read. */
export interface ReadOptions {
  /**
   * Time limit in milliseconds; 0 for no limit.
   *
   * @default the connection's `readTimeout`
   */
  timeout?: number;
  /** Cancels the read, which rejects with the signal's reason. No byte is lost. */
  signal?: AbortSignal;
}

/** Options of {@linkcode Connection.readChunk}. */
export interface ChunkOptions extends ReadOptions {
  /**
   * Whether the chunk is part of a message that has begun. A draining connection then waits for it
   * as long as the time limits allow.
   *
   * @default false
   */
  inMessage?: boolean;
  /**
   * Whether the chunk is valid only until the next read. This saves an allocation for each chunk.
   *
   * @default false
   */
  lent?: boolean;
}

/** Options of {@linkcode Connection.readLine}. */
export interface LineOptions extends ReadOptions {
  /**
   * Maximum number of bytes in a line, without its terminator.
   *
   * @default 65536
   */
  max?: number;
  /**
   * Whether invalid UTF-8 is an error of kind "protocol". Otherwise it becomes U+FFFD.
   *
   * @default false
   */
  fatal?: boolean;
}

/** Options of {@linkcode Connection.readFrame}. */
export interface FrameOptions extends ReadOptions, FrameFormat {
  /**
   * Maximum number of bytes in a frame, without its prefix.
   *
   * @default 1048576
   */
  max?: number;
}

/** Counters of a connection. */
export interface ConnectionStats {
  /** Number of received bytes. */
  readonly bytesRead: number;
  /** Number of bytes that the operating system has taken for sending. */
  readonly bytesWritten: number;
  /** Number of bytes in the send queue. */
  readonly queuedBytes: number;
  /** Number of received bytes that have not been read. */
  readonly unreadBytes: number;
  /** Number of messages dropped by the policy "drop-oldest". */
  readonly dropped: number;
  /** Time at which the connection was opened, in milliseconds since 1970. */
  readonly openedAt: number;
}

/** The result of {@linkcode Connection.detach}. */
export interface DetachedTransport {
  /** The open transport. */
  readonly transport: Transport;
  /** The bytes that had been received and not been read. */
  readonly buffered: Uint8Array<ArrayBuffer>;
}

/** The result of the callback of {@linkcode Connection.upgrade}. */
export interface UpgradedTransport {
  /** The transport to use from now on. Closing it must close the transport below. */
  readonly transport: Transport;
  /** The result of the TLS handshake, if the layer is TLS. */
  readonly tls?: TlsInfo;
}
