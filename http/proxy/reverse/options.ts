/**
 * What `reverseProxy` takes, tells and gives.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsClientSettings } from "../../../net/tls/options.ts";
import type { HttpHandler, HttpInfo } from "../../server/options.ts";

/**
 * Where requests go: `http://host:port`, `https://host:port`, or `unix:/path` for a Unix socket.
 * A path behind the host is put in front of the path of each request.
 */
export type ReverseProxyTarget = string | URL;

/**
 * Chooses the target of a request. It must not take the target from the request itself, or clients
 * could reach any host.
 *
 * @param request The request.
 * @param info What is known besides.
 * @returns The target; undefined to answer 404.
 */
export type ReverseProxyChoose = (
  request: Request,
  info: HttpInfo,
) => ReverseProxyTarget | undefined | Promise<ReverseProxyTarget | undefined>;

/** A request as it is about to be sent to its target. */
export interface ReverseProxyRequest {
  /** The method. */
  readonly method: string;
  /** The target that the request goes to. */
  readonly target: string;
  /** The path with the query. It may be replaced, and begins with `/`. */
  path: string;
  /**
   * The fields, which may be changed. The proxy writes `Connection`, `Content-Length`,
   * `Transfer-Encoding`, `TE` and `Upgrade` itself.
   */
  readonly headers: Headers;
}

/** A request that could not be passed on, or whose response broke off. */
export interface ReverseProxyFailure {
  /** The status that the client gets. It is not sent where the response had begun. */
  readonly status: number;
  /** Whether the client had got the head of a response. Then its response is cut. */
  readonly begun: boolean;
  /** The target; undefined where none was available. */
  readonly target: string | undefined;
  /** The request. */
  readonly request: Request;
  /** What went wrong. */
  readonly error: Error;
}

/** Options of `reverseProxy`. Times are in milliseconds; 0 means no limit. */
export interface ReverseProxyOptions {
  /**
   * How one of several targets is chosen. A function returns one of the targets; health checks do
   * not apply to what it chooses.
   *
   * @default "round-robin"
   */
  policy?: "round-robin" | "least-connections" | "random" | ReverseProxyChoose;
  /**
   * A target that fails so many times within `failTimeout` gets no requests for `failTimeout`. Then
   * one request tries it. Failures are: no connection, no or a malformed response, a response that
   * is late or breaks off. Statuses are not failures. 0 means that targets are always used. A single
   * target is always used.
   *
   * @default 3
   */
  maxFails?: number;
  /**
   * The time for `maxFails`.
   *
   * @default 10000
   */
  failTimeout?: number;
  /**
   * The most requests at a time on one target. Where all targets have that many, a request is
   * answered 503. 0 means no limit but that of the server.
   *
   * @default 0
   */
  maxConnections?: number;
  /**
   * The most idle connections that are kept for one target.
   *
   * @default 64
   */
  maxIdle?: number;
  /**
   * How long an idle connection is kept. A `Keep-Alive` field of the target shortens it.
   *
   * @default 30000
   */
  keepAliveTimeout?: number;
  /**
   * How long connecting may take, the TLS handshake included.
   *
   * @default 5000
   */
  connectTimeout?: number;
  /**
   * How long the target may take from the end of the request to the head of its response; then it is
   * 504. Keep it below `handlerTimeout` of the server.
   *
   * @default 30000
   */
  responseTimeout?: number;
  /**
   * How long the body of a response may be silent, and how long a target may take nothing of the
   * body of a request. Raise it for event streams that are silent for longer.
   *
   * @default 60000
   */
  bodyTimeout?: number;
  /**
   * How long both sides of an upgraded connection may be silent.
   *
   * @default 300000
   */
  tunnelTimeout?: number;
  /**
   * The `Host` that targets get: that of the target, or that of the client.
   *
   * @default "target"
   */
  host?: "target" | "client";
  /**
   * The fields that tell targets of the client: `X-Forwarded-For`, `-Proto` and `-Host`, or
   * `Forwarded` (RFC 7239). What the client sent in these fields is dropped, unless it is a proxy
   * that the option `trustProxy` of the server trusts. A client on a Unix socket is `unknown`
   * (RFC 7239 §6.2).
   *
   * @default "x-forwarded"
   */
  forwarded?: "x-forwarded" | "forwarded" | "both" | "none";
  /**
   * The name of this proxy in `Via` (RFC 9110 §7.6.3), a token. A request that bears it already is
   * answered 508, so each proxy of a chain needs a name of its own.
   *
   * @default "portside-" and a random number
   */
  name?: string;
  /**
   * A path that is removed from the front of the paths of requests, such as `/api`. Other paths stay.
   *
   * @default none
   */
  stripPrefix?: string;
  /**
   * Called before a request is sent to a target, for each attempt. It may change path and fields.
   * What it throws is answered as what a handler throws.
   */
  rewrite?: (
    outgoing: ReverseProxyRequest,
    request: Request,
    info: HttpInfo,
  ) => void | Promise<void>;
  /** TLS of `https` targets: authorities (`caCerts`), a certificate, the name to verify. */
  tls?: Pick<TlsClientSettings, "caCerts" | "cert" | "key" | "serverName" | "minVersion">;
  /**
   * Called for each request that fails with 502, 503, 504 or 508, and for each response that breaks
   * off. It is not called for clients that leave.
   */
  onError?: (failure: ReverseProxyFailure) => void;
}

/** Counters of one target. */
export interface ReverseProxyTargetStats {
  /** The target as a URL. */
  readonly target: string;
  /** Whether it gets requests. */
  readonly available: boolean;
  /** Requests under way. */
  readonly active: number;
  /** Idle connections. */
  readonly idle: number;
  /** Requests that it was sent. */
  readonly requests: number;
  /** Failures. */
  readonly failed: number;
}

/** Counters of a reverse proxy. */
export interface ReverseProxyStats {
  /** Requests that were passed on, or were to be. */
  readonly requests: number;
  /** Requests that were sent again, since their connection had died. */
  readonly retries: number;
  /** Requests that failed with 502, 503, 504 or 508, and responses that broke off. */
  readonly failed: number;
  /** Connections that were upgraded and are open. */
  readonly tunnels: number;
  /** Each target. */
  readonly targets: readonly ReverseProxyTargetStats[];
}

/**
 * A handler for `serveHttp` that passes requests on. Its idle connections end when a server that
 * uses it shuts down, and when it is closed.
 */
export interface ReverseProxy extends HttpHandler, AsyncDisposable {
  /** Counters of this moment. */
  stats(): ReverseProxyStats;
  /** Closes idle connections, and lets those in use end with their responses. */
  close(): void;
}
