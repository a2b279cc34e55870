/**
 * Options, events and counters of WebSocket servers.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsInfo } from "../../net/connection/transport.ts";
import type { NetError } from "../../net/errors/errors.ts";
import type { WsConnection } from "../connection/connection.ts";
import type { WsConnectionOptions, WsRateOptions } from "../connection/options.ts";

/** The part of a handler's second argument that an upgrade needs, in `Deno.serve` and `serveHttp`. */
export interface UpgradeInfo {
  /** The address of the client. */
  readonly remoteAddr: Deno.Addr;
  /** The TLS session, with the certificate of a client that has one. Only on a hardened server. */
  readonly tls?: TlsInfo | undefined;
}

/** Options of `upgrade`. All times are in milliseconds; 0 lifts a limit. */
export interface UpgradeOptions extends WsConnectionOptions {
  /**
   * Supported subprotocols in order of preference (RFC 6455 §1.9).
   *
   * @default none
   */
  protocols?: readonly string[];
  /**
   * Origins whose pages may open a WebSocket, e.g. `https://app.example`; "*" allows all. Programs
   * send no `Origin` and may always connect.
   *
   * @default the origin with the host of the request; `allowedHosts` restricts these hosts
   */
  allowedOrigins?: readonly string[] | "*";
  /**
   * Checks the request before the upgrade, e.g. for a login. A returned response refuses it. The
   * handler of the connection receives the same `info`, so that a `WeakMap` can link the two. On
   * `Deno.serve`, this option reads the signal of the request. Deno then prints a warning once, unless
   * it runs with `--unstable-no-legacy-abort`.
   *
   * @default no check
   */
  authorize?: (
    request: Request,
    info: UpgradeInfo,
  ) => Response | undefined | void | Promise<Response | undefined | void>;
  /**
   * Time limit for `authorize` and the opening, from the arrival of the request. Before that,
   * `serveWebSocket` applies the same limit, a hardened `serveHttp` applies `headTimeout`, and
   * `Deno.serve` has no limit.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /**
   * Interval between pings (RFC 6455 §5.5.2). A client that sends no data until the next ping is
   * disconnected. A WebSocket of Deno pings only silent clients, and rounds up to whole seconds.
   *
   * @default 30000
   */
  pingInterval?: number;
  /**
   * Rate limit for pings and pongs of the client. A client that sends more is read more slowly. Each one
   * costs as much time as a message, and no handler sees it. A WebSocket of Deno does not apply it.
   *
   * @default no limit
   */
  controlRate?: WsRateOptions;
}

/** Options of `createUpgrader`. All times are in milliseconds; 0 lifts a limit. */
export interface UpgraderOptions extends UpgradeOptions {
  /**
   * Most connections at a time. Further requests are answered with 503.
   *
   * @default 1024
   */
  maxConnections?: number;
  /**
   * Most connections at a time from one IPv4 address, or one IPv6 network of 64 bits. Further requests
   * are answered with 429. There is no limit by default, because all connections through a reverse
   * proxy come from one address.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /** Called for each event. An error that it throws is logged. */
  onEvent?: (event: WsServerEvent) => void;
}

/** An event of a WebSocket server. */
export type WsServerEvent =
  /** A connection is open; its handler starts next. */
  | { readonly type: "open"; readonly connection: WsConnection }
  /** A connection has ended; `connection.closed` has the details. */
  | { readonly type: "close"; readonly connection: WsConnection }
  /** A request was refused with this status. */
  | { readonly type: "refused"; readonly status: number; readonly peer: string }
  /** A client of `serveWebSocket` has failed in the handshake of TLS or by a bad PROXY header. */
  | { readonly type: "handshake-error"; readonly peer: string; readonly error: NetError }
  /** `serveWebSocket` uses new certificates. If `error` is set, it keeps the old ones. */
  | { readonly type: "tls-reload"; readonly error: NetError | undefined }
  /** A handler threw. `expected` is true if the peer or a limit was the cause. */
  | {
    readonly type: "error";
    readonly connection: WsConnection;
    readonly error: unknown;
    readonly expected: boolean;
  };

/** Serves one connection. The connection is closed when the handler ends. Its errors are logged. */
export type WsHandler = (connection: WsConnection, info: UpgradeInfo) => unknown;

/** Counters of the connections of a server. */
export interface WsServerStats {
  /** Connections opened so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly active: number;
  /** Connections that this side closed and whose TCP connection is still open. */
  readonly closing: number;
  /** Requests refused. */
  readonly refused: number;
  /** Handlers and `authorize` calls that failed, and connections that never opened. */
  readonly failed: number;
}
