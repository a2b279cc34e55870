/**
 * The options and types of `reverseProxy`.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsClientSettings } from "../../../net/tls/options.ts";
import type { HttpHandler, HttpInfo } from "../../server/options.ts";

/**
 * The target of requests: `http://host:port`, `https://host:port`, or `unix:/path` for a Unix socket. A
 * path after the host is prepended to the path of each request.
 */
export type ReverseProxyTarget = string | URL;

/**
 * Chooses the target of a request. It must not derive the target from the request. Otherwise clients
 * could reach any host.
 *
 * @param request The request of the client.
 * @param info Further information about the request.
 * @returns The target; undefined for a 404.
 */
export type ReverseProxyChoose = (
  request: Request,
  info: HttpInfo,
) => ReverseProxyTarget | undefined | Promise<ReverseProxyTarget | undefined>;

/** A request before it is sent to its target. */
export interface ReverseProxyRequest {
  /** The method of the request. */
  readonly method: string;
  /** The target of the request. */
  readonly target: string;
  /** The path with the query. It may be replaced, and must begin with `/`. */
  path: string;
  /**
   * The header fields, which may be changed. The proxy itself writes `Connection`, `Content-Length`,
   * `Transfer-Encoding`, `TE` and `Upgrade`.
   */
  readonly headers: Headers;
}

/** A request that could not be forwarded, or whose response was interrupted. */
export interface ReverseProxyFailure {
  /** The status for the client. It is not sent if the response has already begun. */
  readonly status: number;
  /** Whether the client has got the head of a response. Then its response is truncated. */
  readonly begun: boolean;
  /** The target; undefined if none was available. */
  readonly target: string | undefined;
  /** The request of the client. */
  readonly request: Request;
  /** The reason of the failure. */
  readonly error: Error;
}

/** Options of `reverseProxy`. Times are in milliseconds; 0 means no limit. */
export interface ReverseProxyOptions {
  /**
   * The policy that selects one of several targets. A function returns one of the targets. Health checks
   * do not apply to its choice.
   *
   * @default "round-robin"
   */
  policy?: "round-robin" | "least-connections" | "random" | ReverseProxyChoose;
  /**
   * The number of failures within `failTimeout` after which a target gets no requests for `failTimeout`.
   * After that, one request tests the target. Failures are: no connection, no response, and a
   * malformed, late or interrupted response. Statuses are not failures. 0 disables health checks. A
   * single target is always used.
   *
   * @default 3
   */
  maxFails?: number;
  /**
   * The period for `maxFails`.
   *
   * @default 10000
   */
  failTimeout?: number;
  /**
   * The largest number of simultaneous requests to one target. If all targets have reached it, further
   * requests get 503. 0 means no limit.
   *
   * @default 0
   */
  maxConnections?: number;
  /**
   * The largest number of idle connections to one target.
   *
   * @default 64
   */
  maxIdle?: number;
  /**
   * The longest time that an idle connection stays open. The target can shorten it (`Keep-Alive`).
   *
   * @default 30000
   */
  keepAliveTimeout?: number;
  /**
   * The longest time for connecting, including the TLS handshake.
   *
   * @default 5000
   */
  connectTimeout?: number;
  /**
   * The longest time from the end of a request to the head of its response. When it expires, the client
   * gets 504. It should be below `handlerTimeout` of the server.
   *
   * @default 30000
   */
  responseTimeout?: number;
  /**
   * The longest pause in the body of a response, and the longest time without write progress in the body
   * of a request. Event streams with longer pauses need a higher value.
   *
   * @default 60000
   */
  bodyTimeout?: number;
  /**
   * The longest time without data in both directions of an upgraded connection.
   *
   * @default 300000
   */
  tunnelTimeout?: number;
  /**
   * The `Host` field for targets: that of the target, or that of the client.
   *
   * @default "target"
   */
  host?: "target" | "client";
  /**
   * The fields that describe the client: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded`
   * (RFC 7239). The proxy drops these fields of a client, unless the option `trustProxy` of the server
   * trusts the client. A client on a Unix socket is `unknown` (RFC 7239 §6.2).
   *
   * @default "x-forwarded"
   */
  forwarded?: "x-forwarded" | "forwarded" | "both" | "none";
  /**
   * The name of this proxy in `Via` (RFC 9110 §7.6.3), a token. A request that already has this name
   * gets 508. Each proxy of a chain needs a different name.
   *
   * @default "portside-" and a random number
   */
  name?: string;
  /**
   * A prefix to remove from the paths of requests, such as `/api`. Other paths stay unchanged.
   *
   * @default none
   */
  stripPrefix?: string;
  /**
   * Runs before each attempt to send a request. It may change the path and the fields. The server handles
   * an error of this function like an error of a handler.
   */
  rewrite?: (
    outgoing: ReverseProxyRequest,
    request: Request,
    info: HttpInfo,
  ) => void | Promise<void>;
  /** TLS settings for `https` targets: authorities, pins, client certificate, name to verify. */
  tls?: Pick<TlsClientSettings, "caCerts" | "cert" | "key" | "pin" | "serverName" | "minVersion">;
  /**
   * Runs for each request that fails with 502, 503, 504 or 508, and for each interrupted response. It does
   * not run for clients that leave.
   */
  onError?: (failure: ReverseProxyFailure) => void;
}

/** Counters of one target. */
export interface ReverseProxyTargetStats {
  /** The URL of the target. */
  readonly target: string;
  /** Whether the target currently gets requests. */
  readonly available: boolean;
  /** Number of requests in progress. */
  readonly active: number;
  /** Number of idle connections. */
  readonly idle: number;
  /** Number of requests sent to the target. */
  readonly requests: number;
  /** Number of failures. */
  readonly failed: number;
}

/** Counters of a reverse proxy. */
export interface ReverseProxyStats {
  /** Number of requests, including those that failed. */
  readonly requests: number;
  /** Number of requests that were repeated because their connection had ended. */
  readonly retries: number;
  /** Number of requests that failed with 502, 503, 504 or 508, and of interrupted responses. */
  readonly failed: number;
  /** Number of open upgraded connections. */
  readonly tunnels: number;
  /** The counters of each target. */
  readonly targets: readonly ReverseProxyTargetStats[];
}

/**
 * A handler for `serveHttp` that forwards requests. Its idle connections end when it is closed, and when
 * a server that uses it shuts down.
 */
export interface ReverseProxy extends HttpHandler, AsyncDisposable {
  /** Returns the current counters. */
  stats(): ReverseProxyStats;
  /** Closes idle connections. Connections in use end with their responses. */
  close(): void;
}
