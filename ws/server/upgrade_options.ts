/**
 * What the opening of WebSockets takes and tells on the server's side.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { WsConnection } from "../connection/connection.ts";
import type { WsConnectionOptions } from "../connection/options.ts";

/** What is known of a request besides itself; what `Deno.serve` and `serveHttp` hand out is one. */
export interface UpgradeInfo {
  /** The address of the client. */
  readonly remoteAddr: Deno.Addr;
}

/** Options of `upgrade`. All times are in milliseconds; 0 lifts a limit. */
export interface UpgradeOptions extends WsConnectionOptions {
  /**
   * The subprotocols that this side speaks, the preferred one first (RFC 6455 §1.9).
   *
   * @default none
   */
  protocols?: readonly string[];
  /**
   * The origins whose pages may open a WebSocket, e.g. `https://app.example`; "*" for all.
   * Programs, which send no `Origin`, may always.
   *
   * @default the origin of the host that the request names, of which `allowedHosts` may say more
   */
  allowedOrigins?: readonly string[] | "*";
  /**
   * Looks at the request before it is upgraded, e.g. for a login; a response refuses it. The
   * handler of a server gets the same `info`, so that a `WeakMap` carries who it is. On `Deno.serve`
   * the signal of the request is looked at, of which Deno warns once on stderr, but for
   * `--unstable-no-legacy-abort`.
   *
   * @default everybody is let in
   */
  authorize?: (
    request: Request,
    info: UpgradeInfo,
  ) => Response | undefined | void | Promise<Response | undefined | void>;
  /**
   * How long `authorize` and the opening may take, once the request is there. Until then the limit
   * of `serveWebSocket` is the same, and that of a hardened `serveHttp` is `headTimeout`;
   * `Deno.serve` waits as long as it takes.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /**
   * How often a client is pinged (RFC 6455 §5.5.2); one from which nothing comes until the next
   * ping is let go. A WebSocket of Deno pings silent clients alone, and rounds up to whole seconds.
   *
   * @default 30000
   */
  pingInterval?: number;
}

/** Limits of all connections together. */
export interface UpgraderOptions extends UpgradeOptions {
  /**
   * The most connections at a time; more are answered 503.
   *
   * @default 1024
   */
  maxConnections?: number;
  /**
   * The most connections at a time from one address, of IPv6 one network of 64 bits; more are
   * answered 429. No limit by default, since behind a reverse proxy all come from one.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /** Called for everything worth counting or logging. What it throws is logged. */
  onEvent?: (event: WsServerEvent) => void;
}

/** Something that happened to the connections of a server. */
export type WsServerEvent =
  /** A handler is about to run. */
  | { readonly type: "open"; readonly connection: WsConnection }
  /** A connection is over; `connection.closed` says how. */
  | { readonly type: "close"; readonly connection: WsConnection }
  /** A request was refused with this status. */
  | { readonly type: "refused"; readonly status: number; readonly peer: string }
  /** A handler threw; `expected` when it was what a peer or a limit did. */
  | {
    readonly type: "error";
    readonly connection: WsConnection;
    readonly error: unknown;
    readonly expected: boolean;
  };

/** Serves one connection. When it ends the connection is closed, what it throws is contained. */
export type WsHandler = (connection: WsConnection, info: UpgradeInfo) => unknown;

/** Counters of the connections of a server. */
export interface WsServerStats {
  /** Connections opened so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly active: number;
  /** Connections that were closed here and whose peer has not let go yet. */
  readonly closing: number;
  /** Requests refused. */
  readonly refused: number;
  /** Handlers and `authorize` that failed by themselves, and openings that came to nothing. */
  readonly failed: number;
}
