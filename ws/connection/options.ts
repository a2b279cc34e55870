/**
 * What a WebSocket connection takes, tells and carries.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../../net/errors/errors.ts";

/** One message: text, or bytes that are the receiver's own memory. */
export type WsMessage = string | Uint8Array<ArrayBuffer>;

/** What happens when more messages have come than may wait for the handler. */
export type WsInboxPolicy = "wait" | "disconnect" | "drop-oldest" | "drop-newest";

/** What waits for the handler. */
export interface WsInboxOptions {
  /**
   * The most messages that wait.
   *
   * @default 1000
   */
  limit?: number;
  /**
   * The most bytes (of text: UTF-16 units) that wait; one message always may.
   *
   * @default 4194304
   */
  maxBytes?: number;
  /**
   * What happens to one more: the sender waits, since nothing is read, or is let go with 1008, or
   * something is lost. A WebSocket of Deno cannot be slowed down by not reading: only that of a
   * hardened server can make the sender wait, on all others "wait" is "disconnect".
   *
   * @default "wait"
   */
  policy?: WsInboxPolicy;
}

/** What waits to be sent. */
export interface WsOutboxOptions {
  /**
   * Bytes that may wait in the socket before `send` waits, and again behind it before `trySend`
   * says no and `send` rejects; one message always may.
   *
   * @default 1048576
   */
  limit?: number;
  /**
   * How long the peer may take nothing while something waits, in milliseconds; 0 for ever.
   *
   * @default 30000
   */
  stallTimeout?: number;
}

/** How many messages a peer may send. */
export interface WsRateOptions {
  /** Messages a second, in the long run. */
  perSecond: number;
  /**
   * Messages at once.
   *
   * @default perSecond, at least 1
   */
  burst?: number;
}

/** Limits of a connection. All times are in milliseconds; 0 lifts a limit. */
export interface WsConnectionOptions {
  /**
   * The largest message in bytes, over all its fragments; the sender of a larger one is let go
   * with 1009. A hardened server does so before it comes; Deno takes a message whole before anybody
   * sees of it: a frame below 64 MiB, and any number of them.
   *
   * @default 1048576
   */
  maxMessageSize?: number;
  /** What waits for the handler. */
  inbox?: WsInboxOptions;
  /** What waits to be sent. */
  outbox?: WsOutboxOptions;
  /**
   * How fast messages are handed to the handler; what comes faster waits in the inbox.
   *
   * @default no limit
   */
  rate?: WsRateOptions;
  /**
   * How long nothing may be received before the connection is closed (1001).
   *
   * @default 0
   */
  idleTimeout?: number;
  /**
   * How long the peer may take to answer a close frame. On a hardened server it is cut then.
   *
   * @default 5000
   */
  closeTimeout?: number;
  /** Messages by which both sides know that the other one is there. */
  heartbeat?: WsHeartbeatOptions;
}

/**
 * A heartbeat of messages, for peers that agree on it: each side that has it sends its own and
 * answers the other's. A hardened server measures its pings (`pingInterval`). Deno answers pings, and
 * a server sends its own, but shows neither to the program, so that a round trip can be measured by
 * messages alone.
 */
export interface WsHeartbeatOptions {
  /**
   * How often to send one, in milliseconds.
   *
   * @default 30000
   */
  interval?: number;
  /**
   * How long the answer may take, in milliseconds, until the connection is given up (1001).
   *
   * @default 10000
   */
  timeout?: number;
  /**
   * What to send, and to answer; it is not handed to the handler.
   *
   * @default "ping"
   */
  message?: string;
  /**
   * What the answer is; it is not handed to the handler.
   *
   * @default "pong"
   */
  answer?: string;
}

/** How a connection ended. */
export interface WsClose {
  /** The close code (RFC 6455 §7.4): 1005 if the peer gave none, 1006 without a close frame. */
  readonly code: number;
  /** What the side that closed says of it; may hold anything. */
  readonly reason: string;
  /** Whether both sides closed in order. */
  readonly wasClean: boolean;
  /** What ended it, if it was no orderly end. */
  readonly error: NetError | undefined;
}

/** What a connection has done so far. */
export interface WsStats {
  /** Messages received. */
  readonly received: number;
  /** Messages sent. */
  readonly sent: number;
  /** Bytes of messages received (of text: UTF-16 units). */
  readonly bytesReceived: number;
  /** Bytes of messages sent (of text: UTF-16 units). */
  readonly bytesSent: number;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Messages that wait for the handler. */
  readonly unread: number;
  /** Messages lost by the policy of the inbox. */
  readonly dropped: number;
  /**
   * The round trip of the last heartbeat in milliseconds, or of the last ping on a hardened server;
   * undefined before the first.
   */
  readonly latency: number | undefined;
  /** When it was made, in milliseconds since 1970. */
  readonly openedAt: number;
}

/** Limits of one `send`. */
export interface WsSendOptions {
  /** Gives up waiting for room; it rejects with the signal's reason, and nothing is sent. */
  signal?: AbortSignal;
}

/** How a {@linkcode WsSocket} ended. */
export interface WsSocketClose {
  /** The close code: 1005 if the peer gave none, 1006 without a close frame. */
  readonly code: number;
  /** What the peer says of it. */
  readonly reason: string;
  /** Whether both sides closed in order. */
  readonly wasClean: boolean;
  /** What ended it, where that was no close frame of the peer. */
  readonly error?: NetError;
}

/**
 * What a connection can stand on besides a `WebSocket`, whose part it has; `upgrade` makes one on a
 * hardened server.
 */
export interface WsSocket {
  /** As of a `WebSocket`. */
  readonly readyState: number;
  /** Bytes that the system has not taken. */
  readonly bufferedAmount: number;
  /** The subprotocol. */
  readonly protocol: string;
  /** The round trip of the last ping in milliseconds. */
  readonly latency: number | undefined;
  /** Resolves when nothing is left of it. */
  readonly gone: Promise<void>;
  /** Called once it is open. */
  onopen: (() => void) | null;
  /** Called for each message: text or bytes that are the receiver's own. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** Called once, at the end. */
  onclose: ((event: WsSocketClose) => void) | null;
  /** Sends a message; never waits. */
  send(data: WsMessage): void;
  /** Sends a close frame, and goes on reading until the peer's. */
  close(code: number, reason: string): void;
  /** Ends it without a word. */
  cut(): void;
  /** Reads no more. */
  pause(): void;
  /** Goes on reading. */
  resume(): void;
}

/** Where a connection comes from. */
export interface WsOrigin {
  /** The peer in words, e.g. `127.0.0.1:50312` or an URL. */
  readonly peer: string;
  /** The URL that was asked for. */
  readonly url: string;
  /** The header fields of the opening handshake. @default none */
  readonly headers?: Headers;
  /** The subprotocol that a server chose; Deno's socket knows only what a client got. */
  readonly protocol?: string;
  /**
   * Whether this is a server's side: only then may a close code be other than 1000 and 3000 to
   * 4999, where a client sends 4009 for 1009.
   */
  readonly server: boolean;
}
