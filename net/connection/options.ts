/**
 * The options of a {@linkcode Connection}, and what its methods take and give.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { FrameFormat } from "./frame_codec.ts";
import type { TlsInfo, Transport } from "./transport.ts";

/** What a full send queue does with one message more. */
export type SendPolicy = "wait" | "drop-oldest" | "disconnect";

/** The bounded queue of what has not been sent. */
export interface SendQueueOptions {
  /**
   * The most bytes that may be queued.
   *
   * @default 1048576
   */
  limit?: number;
  /**
   * What happens to one message more: the sender waits, the oldest messages
   * that nobody waits for are thrown away, or the peer is disconnected.
   *
   * @default "wait"
   */
  policy?: SendPolicy;
}

/** Limits of a {@linkcode Connection}. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectionOptions {
  /**
   * How long a reader may wait for the peer without a byte in either direction
   * before the connection is closed; while nobody reads, nobody waits for the
   * peer. Checked in steps of an eighth (at most a second), so that it may come
   * late by that much, and never early.
   *
   * @default 0 on clients, 60000 on servers
   */
  idleTimeout?: number;
  /**
   * How long one read may take. It rejects with kind "timeout", loses no byte,
   * and the connection stays usable.
   *
   * @default 0
   */
  readTimeout?: number;
  /**
   * How long a write may make no progress because the peer does not read. Then
   * the connection is aborted, for the peer may have half a message.
   *
   * @default 30000
   */
  writeTimeout?: number;
  /**
   * How long {@linkcode Connection.close} waits for the peer to end, so that a
   * reset does not destroy the last bytes on their way.
   *
   * @default 500
   */
  lingerTimeout?: number;
  /** The queue behind `send` and `trySend`. */
  sendQueue?: SendQueueOptions;
}

/** Limits of one read. */
export interface ReadOptions {
  /**
   * How long it may take, in milliseconds; 0 for ever.
   *
   * @default the connection's `readTimeout`
   */
  timeout?: number;
  /** Gives the read up; it rejects with the signal's reason and loses no byte. */
  signal?: AbortSignal;
}

/** Options of {@linkcode Connection.readChunk}. */
export interface ChunkOptions extends ReadOptions {
  /**
   * Whether the chunk belongs to a message that has begun, so that a connection
   * that drains still waits for it as long as the limits allow.
   *
   * @default false
   */
  inMessage?: boolean;
  /**
   * Whether the chunk is only lent until the next read, which costs no memory for each.
   *
   * @default false
   */
  lent?: boolean;
}

/** Options of {@linkcode Connection.readLine}. */
export interface LineOptions extends ReadOptions {
  /**
   * The most bytes that a line may have, its terminator not counted.
   *
   * @default 65536
   */
  max?: number;
  /**
   * Whether invalid UTF-8 is an error of kind "protocol" instead of U+FFFD.
   *
   * @default false
   */
  fatal?: boolean;
}

/** Options of {@linkcode Connection.readFrame}. */
export interface FrameOptions extends ReadOptions, FrameFormat {
  /**
   * The most bytes that a frame may have, its prefix not counted.
   *
   * @default 1048576
   */
  max?: number;
}

/** What a connection has done so far. */
export interface ConnectionStats {
  /** Bytes received. */
  readonly bytesRead: number;
  /** Bytes that the operating system has taken for sending. */
  readonly bytesWritten: number;
  /** Bytes waiting in the send queue. */
  readonly queuedBytes: number;
  /** Bytes that have arrived here and not been read. */
  readonly unreadBytes: number;
  /** Messages thrown away by the policy "drop-oldest". */
  readonly dropped: number;
  /** When it was opened, in milliseconds since 1970. */
  readonly openedAt: number;
}

/** What {@linkcode Connection.detach} hands over. */
export interface DetachedTransport {
  /** The raw stream, open. */
  readonly transport: Transport;
  /** What had arrived and was not read. */
  readonly buffered: Uint8Array<ArrayBuffer>;
}

/** What the layer of {@linkcode Connection.upgrade} gives. */
export interface UpgradedTransport {
  /** What to read from and write to from now on; closing it closes what is below. */
  readonly transport: Transport;
  /** What the handshake agreed on, where the layer is TLS. */
  readonly tls?: TlsInfo;
}
