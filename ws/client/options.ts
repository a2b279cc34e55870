/**
 * Options and events of the WebSocket client.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HttpProxy } from "../../http/client/options.ts";
import type { NetError } from "../../net/errors/errors.ts";
import type { TlsClientSettings } from "../../net/tls/options.ts";
import type { WsConnection } from "../connection/connection.ts";
import type { WsClose, WsConnectionOptions } from "../connection/options.ts";

/** One attempt to connect. */
export interface WsAttempt {
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Aborted when the attempt is cancelled or takes too long. */
  readonly signal: AbortSignal;
}

/**
 * A value, or a function that returns it. The function is called before each attempt to connect, so it
 * can return a fresh token for each reconnection. The time limit includes it. If it throws a `NetError`
 * that is retryable, a WebSocket that reconnects tries again. Any other error ends it.
 *
 * @typeParam T The type of the value.
 */
export type WsPerAttempt<T> = T | ((attempt: WsAttempt) => T | Promise<T>);

/** The options of TLS for a URL of `wss:`. The time limit of the handshake is `timeout`. */
export type WsTlsSettings = Omit<
  TlsClientSettings,
  "alpnProtocols" | "handshakeTimeout" | "inspect"
>;

/** Options of `connectWebSocket`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectWebSocketOptions extends WsConnectionOptions, WsTlsSettings {
  /**
   * Time limit for everything up to the open connection: functions, name resolution, the proxy, TLS,
   * redirects and the opening handshake.
   *
   * @default 10000
   */
  timeout?: number;
  /**
   * Cancels the attempt, which rejects with the reason of the signal. It also closes a WebSocket that
   * reconnects.
   */
  signal?: AbortSignal;
  /**
   * Additional header fields for the opening handshake, e.g. `Authorization`, `Cookie` or `Origin`.
   * `Host` and `User-Agent` replace the usual ones. Fields of the handshake itself are a `TypeError`.
   *
   * @default none
   */
  headers?: WsPerAttempt<HeadersInit | undefined>;
  /**
   * The subprotocols to offer, in order of preference.
   *
   * @default none
   */
  protocols?: WsPerAttempt<string | string[] | undefined>;
  /**
   * Most redirects to follow. A redirect from `wss:` to `ws:` is an error. `Authorization`, `Cookie`,
   * `Host` and a login in the URL are not sent to another origin.
   *
   * @default 0
   */
  maxRedirects?: number;
  /**
   * The proxy: the URL of an HTTP proxy (`http:`, `https:`) or a SOCKS proxy (`socks5:`, `socks5h:`),
   * an object with the URL, a login and exceptions, or false for none. HTTP proxies get CONNECT, also
   * for `ws:` (RFC 6455 §4.1).
   *
   * @default the variables `http_proxy` for `ws:`, `https_proxy` for `wss:`, `all_proxy` and
   * `no_proxy`, or their names in upper case, if the program may read them (`--allow-env`)
   */
  proxy?: string | URL | WsProxy | false;
  /**
   * The path of a Unix socket to connect to. The URL then only names the host and the path of the
   * request. It excludes `proxy`, and needs `--allow-read`, `--allow-write` and `--allow-net=unix:PATH`.
   *
   * @default none
   */
  unixSocket?: string;
  /**
   * Interval between pings (RFC 6455 §5.5.2). A server that sends no data until the next ping is
   * disconnected.
   *
   * @default 30000
   */
  pingInterval?: number;
  /**
   * Reconnects when the connection is lost; `true` selects the defaults.
   *
   * @default no reconnecting
   */
  reconnect?: true | ReconnectOptions;
}

/** A proxy with a login and exceptions. */
export interface WsProxy extends HttpProxy {
  /**
   * Authorities in PEM for the certificate of an `https:` proxy.
   *
   * @default the option `caCerts` of the client
   */
  readonly caCerts?: readonly string[];
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
   * Longest wait in milliseconds that a server can ask for by `Retry-After`. It replaces a shorter
   * wait; 0 ignores the field.
   *
   * @default 300000
   */
  maxRetryAfter?: number;
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
