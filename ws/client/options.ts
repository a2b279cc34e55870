/**
 * What dialling a WebSocket takes.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../../net/errors/errors.ts";
import type { WsConnection } from "../connection/connection.ts";
import type { WsClose, WsConnectionOptions } from "../connection/options.ts";

/** Options of `connectWebSocket`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectWebSocketOptions extends WsConnectionOptions {
  /**
   * How long the opening may take.
   *
   * @default 10000
   */
  timeout?: number;
  /** Gives up; it rejects with the signal's reason. A WebSocket that reconnects is closed by it. */
  signal?: AbortSignal;
  /** More header fields for the opening handshake, e.g. `Authorization`. */
  headers?: HeadersInit;
  /** The subprotocols to offer, the preferred one first. */
  protocols?: string | string[];
  /** Certificates in PEM that are trusted besides the usual authorities. */
  caCerts?: string[];
  /**
   * Comes back by itself when the connection is lost: `true` for the defaults.
   *
   * @default no reconnecting
   */
  reconnect?: true | ReconnectOptions;
}

/** How a WebSocket comes back. */
export interface ReconnectOptions {
  /**
   * The wait before the first try after a loss, in milliseconds.
   *
   * @default 500
   */
  minTimeout?: number;
  /**
   * The longest wait, in milliseconds.
   *
   * @default 30000
   */
  maxTimeout?: number;
  /**
   * By how much each wait is longer than the one before.
   *
   * @default 2
   */
  multiplier?: number;
  /**
   * How much of a wait is left to chance, from 0 to 1, so that many clients do not come back together.
   *
   * @default 0.5
   */
  jitter?: number;
  /**
   * The most tries in a row that fail, or whose connection is lost before `stableAfter`; then it
   * is over.
   *
   * @default Infinity
   */
  maxAttempts?: number;
  /**
   * How long a connection must have lived for the waits and tries to begin anew, in milliseconds.
   *
   * @default 5000
   */
  stableAfter?: number;
  /**
   * Bytes of messages that are kept while there is no connection, and sent by the next one after
   * `resume`; above it `send` rejects. 0 keeps none: `send` then rejects while there is none.
   *
   * @default 0
   */
  keep?: number;
  /**
   * Whether to come back after a connection that ended like this.
   *
   * @default after every end but 1000 and the codes for a mistake of this side (1002, 1003, 1007 to 1010)
   */
  shouldReconnect?: (close: WsClose) => boolean;
  /**
   * Called with each new connection before anything else is sent, e.g. to log in or to ask for
   * what was missed; `again` is false for the first. When it throws, the connection is closed
   * and the next is tried; when the connection is lost meanwhile, `shouldReconnect` says whether.
   */
  resume?: (connection: WsConnection, again: boolean) => unknown;
  /** Called for what happens. */
  onEvent?: (event: ReconnectEvent) => void;
}

/** Something that happened to a WebSocket that reconnects. */
export type ReconnectEvent =
  /** There is a connection. */
  | { readonly type: "open"; readonly connection: WsConnection; readonly again: boolean }
  /** The connection is lost. */
  | { readonly type: "lost"; readonly close: WsClose }
  /** A try failed. */
  | { readonly type: "failed"; readonly error: NetError; readonly attempt: number }
  /**
   * The next try is in so many milliseconds, or, with Infinity, once messages of the last eight
   * connections have been read: who only sends has to read as well.
   */
  | { readonly type: "waiting"; readonly wait: number; readonly attempt: number };
