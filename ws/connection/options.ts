/**
 * Options, messages and events of a WebSocket connection.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../../net/errors/errors.ts";

/** One message: text, or bytes that the receiver owns. */
export type WsMessage = string | Uint8Array<ArrayBuffer>;

/** The action for a message that arrives when the receive queue is full. */
export type WsInboxPolicy = "wait" | "disconnect" | "drop-oldest" | "drop-newest";

/** The receive queue: messages that the handler has not read yet. */
export interface WsInboxOptions {
  /**
   * Most messages in the queue.
   *
   * @default 1000
   */
  limit?: number;
  /**
   * Most bytes in the queue; text counts in UTF-16 units. One message always fits.
   *
   * @default 4194304
   */
  maxBytes?: number;
  /**
   * Action for one more message. "wait" stops reading, so that the sender waits. "disconnect" closes
   * the connection with 1008. The two others discard a message. A WebSocket of Deno cannot stop
   * reading, so on it "wait" is the same as "disconnect".
   *
   * @default "wait"
   */
  policy?: WsInboxPolicy;
}

/** The send buffer: messages that the peer has not accepted yet. */
export interface WsOutboxOptions {
  /**
   * Most bytes in the buffer of the socket before `send` waits, and most bytes in waiting calls before
   * `trySend` returns false and `send` rejects. One message always fits.
   *
   * @default 1048576
   */
  limit?: number;
  /**
   * Time limit for a peer that accepts no data while messages wait, in milliseconds; 0 lifts it.
   *
   * @default 30000
   */
  stallTimeout?: number;
}

/** The rate limit for messages of the peer. */
export interface WsRateOptions {
  /** Messages per second in the long run. */
  perSecond: number;
  /**
   * Messages that may arrive at once.
   *
   * @default perSecond, at least 1
   */
  burst?: number;
}

/**
 * Options of permessage-deflate (RFC 7692). A compressor holds about 256 KiB with the largest window,
 * and half of that for each bit less. It is released after 10 seconds without a message, and after
 * each message if it has no context takeover. A decompressor holds at most its window and 10 KiB.
 */
export interface WsCompressionOptions {
  /**
   * Smallest message that is compressed, in bytes; text counts in UTF-16 units.
   *
   * @default 1024
   */
  threshold?: number;
  /**
   * Whether the server compresses each message on its own. It then needs no memory between messages
   * and compresses less, most of all small messages (§7.1.1.1).
   *
   * @default false, unless the peer asks for it
   */
  serverNoContextTakeover?: boolean;
  /**
   * Whether the client compresses each message on its own (§7.1.1.2).
   *
   * @default false, unless the peer asks for it
   */
  clientNoContextTakeover?: boolean;
  /**
   * Largest window of the server's compressor, from 8 to 15: a window has 2 to the power of this
   * number of bytes (§7.1.2.1).
   *
   * @default 15
   */
  serverMaxWindowBits?: number;
  /**
   * Largest window of the client's compressor, from 8 to 15. A server cannot limit a client that does
   * not offer it (§7.1.2.2).
   *
   * @default 15
   */
  clientMaxWindowBits?: number;
  /**
   * Level of compression, from 1 (fast) to 9 (small).
   *
   * @default 6
   */
  level?: number;
}

/** Limits of a connection. All times are in milliseconds; 0 lifts a limit. */
export interface WsConnectionOptions {
  /**
   * Whether messages may be compressed (permessage-deflate, RFC 7692), with default or given options.
   * Both sides must agree, otherwise nothing is compressed. `maxMessageSize` is the limit of the
   * decompressed message, and is applied while it is decompressed. The WebSocket of Deno has no
   * compression, so a server needs `hardened: true`.
   *
   * Do not compress messages that contain both a secret and text that an attacker chooses: their
   * length tells about the secret.
   *
   * @default false
   */
  compression?: boolean | WsCompressionOptions;
  /**
   * Largest message in bytes, all fragments together. A larger one closes the connection with 1009.
   * Clients and hardened servers check the declared length before they read the payload. The WebSocket
   * of Deno buffers the complete message first: frames of up to 64 MiB, and any number of them.
   *
   * @default 1048576
   */
  maxMessageSize?: number;
  /** Limits of the receive queue. */
  inbox?: WsInboxOptions;
  /** Limits of the send buffer. */
  outbox?: WsOutboxOptions;
  /**
   * Rate limit for messages to the handler. Faster messages wait in the receive queue.
   *
   * @default no limit
   */
  rate?: WsRateOptions;
  /**
   * Closes the connection (1001) after this time without a message.
   *
   * @default 0
   */
  idleTimeout?: number;
  /**
   * Time limit for the peer's answer to a close frame, from the moment at which the operating system
   * has taken that frame. Clients and hardened servers then end the TCP connection. Until that moment,
   * `outbox.stallTimeout` limits a peer that accepts no data.
   *
   * @default 5000
   */
  closeTimeout?: number;
  /**
   * Maximum time from the first to the last byte of a message. Received bytes extend it, see
   * `minMessageRate`. A slower peer is disconnected with 1008. Time in which this side does not read
   * does not count. The WebSocket of Deno has no such limit.
   *
   * @default 30000
   */
  messageTimeout?: number;
  /**
   * Minimum rate of a message, in bytes per second. Each `minMessageRate` bytes that arrive extend
   * `messageTimeout` by one second, so a large message may take long, and a peer that sends single
   * bytes may not. 0 means that bytes extend nothing.
   *
   * @default 500
   */
  minMessageRate?: number;
  /** Messages by which each side detects that the other one is alive. */
  heartbeat?: WsHeartbeatOptions;
}

/**
 * A heartbeat of ordinary messages. Both peers must agree on it: each side with this option sends
 * its own heartbeats and answers those of the peer.
 *
 * Clients and hardened servers do not need it, because they measure their own pings (`pingInterval`).
 * The WebSocket of Deno answers pings and sends some, but it shows neither to the program.
 */
export interface WsHeartbeatOptions {
  /**
   * Silence after which a heartbeat is sent, in milliseconds.
   *
   * @default 30000
   */
  interval?: number;
  /**
   * Time limit for the answer, in milliseconds. The connection is then closed with 1001.
   *
   * @default 10000
   */
  timeout?: number;
  /**
   * Text of a heartbeat. It is not passed to the handler.
   *
   * @default "ping"
   */
  message?: string;
  /**
   * Text of the answer. It is not passed to the handler.
   *
   * @default "pong"
   */
  answer?: string;
}

/** The end of a connection. */
export interface WsClose {
  /** The close code (RFC 6455 §7.4): 1005 if the peer gave none, 1006 without a close frame. */
  readonly code: number;
  /** The reason from the closing side. It may contain any characters. */
  readonly reason: string;
  /** Whether both sides sent a close frame. */
  readonly wasClean: boolean;
  /** The cause of an abnormal end; undefined after a normal one. */
  readonly error: NetError | undefined;
}

/** Counters of a connection. */
export interface WsStats {
  /** Messages received. */
  readonly received: number;
  /** Messages sent. */
  readonly sent: number;
  /** Bytes of messages received; text counts in UTF-16 units. */
  readonly bytesReceived: number;
  /** Bytes of messages sent; text counts in UTF-16 units. */
  readonly bytesSent: number;
  /** Bytes in the send buffer. */
  readonly queuedBytes: number;
  /** Messages in the receive queue. */
  readonly unread: number;
  /** Messages discarded because the receive queue was full. */
  readonly dropped: number;
  /**
   * Round-trip time of the last heartbeat in milliseconds, or of the last ping on clients and hardened
   * servers; undefined before the first.
   */
  readonly latency: number | undefined;
  /** Creation time of the connection, in milliseconds since 1970. */
  readonly openedAt: number;
}

/** Options of one `send`. */
export interface WsSendOptions {
  /** Stops waiting for room in the send buffer. `send` rejects with its reason and sends nothing. */
  signal?: AbortSignal;
}

/** The end of a {@linkcode WsSocket}. */
export interface WsSocketClose {
  /** The close code: 1005 if the peer gave none, 1006 without a close frame. */
  readonly code: number;
  /** The reason that the peer gave. */
  readonly reason: string;
  /** Whether both sides sent a close frame. */
  readonly wasClean: boolean;
  /** The cause, if a close frame of the peer was not the cause. */
  readonly error?: NetError;
}

/**
 * Takes the events of a {@linkcode WsSocket}. All connections share the functions, because a function
 * of its own for each event would need more memory than the connection.
 *
 * @typeParam T The owner of a socket.
 */
export interface WsSocketEvents<T> {
  /** Takes the news that the socket is open. */
  opened(owner: T): void;
  /** Takes a message: text, or bytes that the owner keeps. */
  message(owner: T, data: WsMessage): void;
  /** Takes the end of the socket, once. */
  closed(owner: T, close: WsSocketClose): void;
  /** Takes the news that the TCP connection is closed, once. */
  gone(owner: T): void;
}

/** The part of a `WebSocket` that a connection needs. Clients and hardened servers have their own. */
export interface WsSocket {
  /** The state, as in `WebSocket.readyState`. */
  readonly readyState: number;
  /** Bytes that the operating system has not accepted yet. */
  readonly bufferedAmount: number;
  /** The agreed subprotocol. */
  readonly protocol: string;
  /** Round-trip time of the last ping, in milliseconds. */
  readonly latency: number | undefined;
  /** Sets the owner of the socket, and the functions that get its events. */
  listen<T>(owner: T, events: WsSocketEvents<T>): void;
  /** Sends a message without waiting. */
  send(data: WsMessage): void;
  /** Sends a close frame and continues to read until the peer's close frame. */
  close(code: number, reason: string): void;
  /** Closes the TCP connection without a close frame. */
  cut(): void;
  /** Stops reading. */
  pause(): void;
  /** Continues to read. */
  resume(): void;
}

/** The facts about a connection that its socket does not know. */
export interface WsOrigin {
  /** The peer as text, e.g. `127.0.0.1:50312` or a URL. */
  readonly peer: string;
  /** The requested URL. */
  readonly url: string;
  /** The header fields of the opening handshake. @default none */
  readonly headers?: Headers;
  /** The subprotocol that a server chose; a socket of Deno knows it only on the client side. */
  readonly protocol?: string;
  /**
   * Whether this is the server side. On the client side, a WebSocket of Deno can close only with 1000
   * and 3000 to 4999; it sends, for example, 4009 in place of 1009.
   */
  readonly server: boolean;
}
