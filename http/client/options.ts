/**
 * What a client and each of its requests can be told.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../../net/errors/errors.ts";
import type { CookieStore } from "./cookie_jar.ts";
import type { HttpTry } from "./errors.ts";
import type { MultipartParts } from "./multipart.ts";
import type { HttpRetryOptions } from "./retry_options.ts";

/** Query parameters: an array gives one parameter for each entry, null and undefined none. */
export type HttpParams =
  | URLSearchParams
  | string
  | Iterable<readonly [string, HttpParam]>
  | Readonly<Record<string, HttpParam | readonly HttpParam[]>>;

/** The value of a parameter. */
export type HttpParam = string | number | bigint | boolean | null | undefined;

/** How a client proves who it is. */
export type HttpAuth =
  | {
    /** The user's name, for Basic authentication (RFC 7617). It has no colon. */
    readonly username: string;
    /** The password. */
    readonly password: string;
  }
  | {
    /** The token, or what gives it for each request, for Bearer authentication (RFC 6750). */
    readonly bearer: string | (() => string | Promise<string>);
  };

/** Time limits, all in milliseconds; 0 lifts one. */
export interface HttpTimeouts {
  /**
   * How long to wait for a place in the pool.
   *
   * @default 60000
   */
  queue?: number;
  /**
   * How long the head of the answer may take, connecting and sending included;
   * `dialer` has a limit on connecting alone. A stream, a form of `multipart`,
   * what has more than 1 MiB, and what `onUpload` watches go up piece by piece,
   * and it begins anew with each.
   *
   * @default 30000
   */
  headers?: number;
  /**
   * How long the next piece of the body may take. A body of at most 16 KiB
   * whose length is known counts as one piece.
   *
   * @default 30000
   */
  body?: number;
  /**
   * How long everything may take together: all tries, redirects, waits, and the body.
   *
   * @default 0
   */
  total?: number;
}

/** How far the transfer of a body is. */
export interface HttpProgress {
  /** The bytes so far; of an answer as they are once decompressed. */
  readonly transferred: number;
  /** The bytes in all, where that is known. */
  readonly total: number | undefined;
}

/** What a hook sees of a request. */
export interface HttpHookRequest {
  /** Its method. */
  readonly method: string;
  /** Its URL. It may hold secrets. */
  readonly url: string;
  /** Its headers, which `beforeRequest` may change. They may hold secrets. */
  readonly headers: Headers;
  /** The number of this try, from 1. */
  readonly attempt: number;
}

/** Called at the turns of a request; what they throw ends it. */
export interface HttpHooks {
  /** Before each try, and after each redirect. */
  beforeRequest?: (request: HttpHookRequest) => void | Promise<void>;
  /** After each head, before its status is judged; the body is not theirs to read. */
  afterResponse?: (
    response: { readonly status: number; readonly headers: Headers },
    request: HttpHookRequest,
  ) => void | Promise<void>;
  /** Before the wait for another try. */
  beforeRetry?: (failed: HttpTry) => void | Promise<void>;
}

/** How many requests one host may get in a time. */
export interface HttpRateLimit {
  /** How many may begin. */
  readonly requests: number;
  /** In which time, in milliseconds. */
  readonly per: number;
}

/** A proxy for every request of a client. */
export interface HttpProxy {
  /** `http://`, `https://` or `socks5://`, with host and port. Credentials in it are used. */
  readonly url: string;
  /** The user's name. */
  readonly username?: string;
  /** The password. */
  readonly password?: string;
  /**
   * The hosts that are asked directly: names with all below them, addresses,
   * CIDR blocks are not known, `host:port`, or `*` for all; in the form of the
   * variable `NO_PROXY` or as a list. The variables of the environment still
   * hold for them.
   *
   * @default none
   */
  readonly noProxy?: string | readonly string[];
}

/** Where a dialer is about to connect to. */
export interface HttpDialTarget {
  /** The name or address in the URL. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The address that it stands for, which is the one that is connected to. */
  readonly address: string;
}

/** What came of connecting. Times are in milliseconds. */
export interface HttpDial {
  /** The name or address in the URL. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The address that was connected to; undefined if that failed. */
  readonly address?: string;
  /** How long resolving took; undefined where it is the system's part of connecting. */
  readonly resolveTime?: number;
  /** How long connecting took. */
  readonly connectTime: number;
  /** Why there is no connection. */
  readonly error?: NetError;
}

/** How a client connects. */
export interface HttpDialer {
  /**
   * How long resolving and connecting may take together, in milliseconds; 0 for
   * no limit. An error of that limit has the stage "connect".
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * Gives the addresses of a name; they are tried in this order (RFC 8305).
   *
   * @default the system's resolver
   */
  resolve?: (
    hostname: string,
    signal: AbortSignal,
  ) => readonly string[] | Promise<readonly string[]>;
  /**
   * Says whether to connect to an address; it is asked for the very address that
   * is then used, for redirects too, so that no trick with names gets past it.
   *
   * @default every address
   */
  allow?: (target: HttpDialTarget) => boolean | Promise<boolean>;
  /** Called after each attempt to connect. */
  onDial?: (dial: HttpDial) => void;
}

/** What both a client and a single request can set. */
export interface HttpCommonOptions {
  /** Headers; those of a request replace those of its client, null removes one. */
  headers?: HeadersInit | Readonly<Record<string, string | null>>;
  /** Query parameters, added to those of the URL; those of a request follow those of its client. */
  params?: HttpParams;
  /** Proves who we are; null for not at all. */
  auth?: HttpAuth | null;
  /** Time limits. */
  timeouts?: HttpTimeouts;
  /**
   * When to try again; false for never. What a request does not set is as its client has it.
   *
   * @default 3 retries, as {@linkcode HttpRetryOptions} says
   */
  retry?: HttpRetryOptions | false;
  /**
   * The most redirects that are followed; 0 for none, so that the answer is the redirect.
   *
   * @default 20
   */
  maxRedirects?: number;
  /**
   * Whether an answer of 400 and above is an `HttpStatusError`, or which is.
   *
   * @default true
   */
  raiseForStatus?: boolean | ((status: number) => boolean);
  /**
   * The most bytes that the body of an answer may have once decompressed; Infinity for no limit.
   *
   * @default 67108864
   */
  maxBody?: number;
}

/** Options of `createClient`. */
export interface HttpClientOptions extends HttpCommonOptions {
  /**
   * The base of relative URLs. Its path names a folder, whether or not it ends in a slash: `users` is
   * `/api/v1/users` below `http://host/api/v1`.
   *
   * @default none
   */
  baseUrl?: string | URL;
  /**
   * The most requests under way to one origin, and so the connections that are
   * in use over HTTP/1.1; all others wait in the order in which they came. As
   * many unused ones may be kept besides: what may not be repeated, such as a
   * POST, opens one of its own.
   *
   * @default 10
   */
  maxPerHost?: number;
  /**
   * The most requests that may wait for one origin; one more is refused.
   *
   * @default 10000
   */
  maxQueued?: number;
  /**
   * How long an unused connection is kept, in milliseconds.
   *
   * @default 30000
   */
  idleTimeout?: number;
  /**
   * Whether HTTP/2 is offered in the TLS handshake.
   *
   * @default true
   */
  http2?: boolean;
  /**
   * A limit on the requests to each host.
   *
   * @default none
   */
  rateLimit?: HttpRateLimit;
  /**
   * Keeps cookies: true for a jar of this client alone, or a jar to share.
   *
   * @default no cookies
   */
  cookies?: boolean | CookieStore;
  /** Functions that are called at the turns of each request. */
  hooks?: HttpHooks;
  /**
   * The proxy. Without one, Deno follows the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
   *
   * @default none
   */
  proxy?: HttpProxy;
  /**
   * Connects by way of this process instead of letting Deno do it, which gives a
   * limit on connecting, its times, own name resolution and a policy for
   * addresses; TLS stays between Deno and the server. All bytes are copied once
   * more, so that small answers come at about six tenths of the rate (benchmark
   * `http_client`). It takes the place of a proxy, those
   * of the environment included, and needs `--allow-net=127.0.0.1` besides; with
   * `resolve` or `allow` permission for the addresses, too.
   *
   * @default false
   */
  dialer?: boolean | HttpDialer;
  /** The Unix socket that every request goes to, whatever host its URL names; `http:` alone. */
  unixSocket?: string;
  /** Certificates in PEM that are trusted besides the usual authorities. */
  caCerts?: string[];
  /** The certificate to show if a server asks for one, in PEM; together with `key`. */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). */
  key?: string;
}

/** Options of one request without a body. */
export interface HttpFetchOptions extends HttpCommonOptions {
  /** Gives the request up; it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called while the body of the answer arrives. */
  onDownload?: (progress: HttpProgress) => void;
}

/** Options of one request; of the bodies at most one is set. */
export interface HttpRequestOptions extends HttpFetchOptions {
  /** A value that is sent as JSON. */
  json?: unknown;
  /** Fields that are sent as an HTML form does (`application/x-www-form-urlencoded`); with files: `multipart`. */
  form?: HttpParams;
  /** Fields and files that are sent as `multipart/form-data`, files as a stream. */
  multipart?: FormData | MultipartParts;
  /** The body as it is. A stream can be sent once only, so that it is never tried again. */
  body?: BodyInit | null;
  /** Called while the body of the request is sent. */
  onUpload?: (progress: HttpProgress) => void;
}
