/**
 * Options and events of the WebSocket client.
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
   * Time limit for the connection and the opening handshake.
   *
   * @default 10000
   */
  timeout?: number;
  /**
   * Cancels the attempt, which rejects with the reason of the signal. It also closes a WebSocket that
   * reconnects.
   */
  signal?: AbortSignal;
  /** Additional header fields for the opening handshake, e.g. `Authorization`. */
  headers?: HeadersInit;
  /** The subprotocols to offer, in order of preference. */
  protocols?: string | string[];
  /** Trusted certificates in PEM, in addition to the usual authorities. */
  caCerts?: string[];
  /**
   * Reconnects when the connection is lost; `true` selects the defaults.
   *
   * @default no reconnecting
   */
  reconnect?: true | ReconnectOptions;
}

/** Options for a WebSocket that reconnects. */
export interface ReconnectOptions {
  /**
   * Wait before the first attempt after a loss, in milliseconds.
   *
   * @default 500
   */
  minTimeout?: number;
  /**
   * Longest wait, in milliseconds.
   *
   * @default 30000
   */
  maxTimeout?: number;
  /**
   * Factor by which each wait is longer than the one before, at least 1.
   *
   * @default 2
   */
  multiplier?: number;
  /**
   * Random part of each wait, from 0 to 1. It keeps many clients from reconnecting at the same time.
   *
   * @default 0.5
   */
  jitter?: number;
  /**
   * Most failed attempts in a row. An attempt whose connection is lost before `stableAfter` also
   * counts as failed.
   *
   * @default Infinity
   */
  maxAttempts?: number;
  /**
   * Lifetime of a connection that resets the waits and attempts, in milliseconds.
   *
   * @default 5000
   */
  stableAfter?: number;
  /**
   * Most bytes of messages to keep while there is no connection. The next connection sends them after
   * `resume`. Above this limit `send` rejects. 0 keeps none, so that `send` always rejects without a
   * connection.
   *
   * @default 0
   */
  keep?: number;
  /**
   * Returns whether to reconnect after a connection that ended in this way.
   *
   * @default after every end except 1000 and the codes for a fault of this side (1002, 1003, 1007 to 1010)
   */
  shouldReconnect?: (close: WsClose) => boolean;
  /**
   * Called with each new connection before any other message is sent, e.g. to log in or to request
   * missed messages; `again` is false for the first connection. If it throws, the connection is
   * closed and the next attempt follows. If the connection is lost meanwhile, `shouldReconnect`
   * decides.
   */
  resume?: (connection: WsConnection, again: boolean) => unknown;
  /** Called for each event. */
  onEvent?: (event: ReconnectEvent) => void;
}

/** An event of a WebSocket that reconnects. */
export type ReconnectEvent =
  /** A connection is open. */
  | { readonly type: "open"; readonly connection: WsConnection; readonly again: boolean }
  /** The connection is lost. */
  | { readonly type: "lost"; readonly close: WsClose }
  /** An attempt failed. */
  | { readonly type: "failed"; readonly error: NetError; readonly attempt: number }
  /**
   * The next attempt follows after `wait` milliseconds. Infinity means that the last eight
   * connections still have unread messages: a program that only sends must read as well.
   */
  | { readonly type: "waiting"; readonly wait: number; readonly attempt: number };
