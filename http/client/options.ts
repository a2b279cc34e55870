/**
 * The options of a client and of its requests.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsVersion } from "../../net/connection/transport.ts";
import type { HttpCacheOptions } from "./cache.ts";
import type { HttpConnectSettings, HttpDialer, HttpProxy } from "./connect_options.ts";
import type { CookieStore } from "./cookie_jar.ts";
import type { HttpTry } from "./errors.ts";
import type { MultipartParts } from "./multipart.ts";
import type { HttpRetryOptions } from "./retry_options.ts";

export type * from "./connect_options.ts";

/**
 * Query parameters. An array becomes one parameter for each entry. Null and undefined add no parameter.
 */
export type HttpParams =
  | URLSearchParams
  | string
  | Iterable<readonly [string, HttpParam]>
  | Readonly<Record<string, HttpParam | readonly HttpParam[]>>;

/** The value of a query parameter. */
export type HttpParam = string | number | bigint | boolean | null | undefined;

/** The credentials of a request. */
export type HttpCredentials =
  | {
    /** The user name. For Basic authentication, it must not contain a colon. */
    readonly username: string;
    /** The password. */
    readonly password: string;
    /**
     * The scheme: Basic (RFC 7617), which sends the password at once, or Digest (RFC 7616), which never
     * sends the password and waits for the challenge of the server. The client keeps the nonce for further
     * requests. It supports MD5, SHA-256 and SHA-512-256, also with sessions, and `auth-int` for a body
     * that is known as a whole.
     *
     * @default "basic"
     */
    readonly scheme?: "basic" | "digest";
  }
  | {
    /**
     * The token for Bearer authentication (RFC 6750), or a function that returns it for each request.
     */
    readonly bearer: string | (() => string | Promise<string>);
  };

/** A challenge of a server (RFC 9110 §11.6.1). */
export interface HttpChallenge {
  /** The scheme in lower case, such as "bearer". */
  readonly scheme: string;
  /** The parameters: names in lower case, values without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A request for which a function chooses the credentials. */
export interface HttpAuthRequest {
  /** The method of the request. */
  readonly method: string;
  /** The URL, which may contain secrets. */
  readonly url: string;
  /** The response with the status 401 to the try before; undefined before the first try. */
  readonly refused: {
    /** The status of the response. */
    readonly status: 401;
    /** The headers of the response. */
    readonly headers: Headers;
    /** The challenges of `WWW-Authenticate`. */
    readonly challenges: readonly HttpChallenge[];
  } | undefined;
}

/**
 * The credentials of a client, or a function that returns them; null for none. The function runs before each
 * try. After a 401, it runs once more with `refused`, and the request is repeated once with the result. A
 * body that can be sent only once is not repeated.
 */
export type HttpAuth =
  | HttpCredentials
  | ((
    request: HttpAuthRequest,
  ) => HttpCredentials | null | undefined | Promise<HttpCredentials | null | undefined>);

/** Time limits of a request in milliseconds. 0 removes a limit. */
export interface HttpTimeouts {
  /**
   * The longest wait for a place in the pool.
   *
   * @default 60000
   */
  queue?: number;
  /**
   * The longest time until the head of the response, including connecting and sending. Connecting has a
   * limit of its own, see `connectTimeout`. The client sends streams, `multipart` forms, bodies of more than
   * 1 MiB and bodies with `onUpload` in pieces. The limit restarts with each piece.
   *
   * @default 30000
   */
  headers?: number;
  /**
   * The longest wait for the next piece of the body. A body of known length up to 16 KiB counts as one
   * piece.
   *
   * @default 30000
   */
  body?: number;
  /**
   * The longest time for everything together: all tries, redirects, waits, and the body.
   *
   * @default 0
   */
  total?: number;
}

/** The progress of a body. */
export interface HttpProgress {
  /** The bytes transferred so far. For a response, the bytes after decompression. */
  readonly transferred: number;
  /** The total number of bytes; undefined if it is unknown. */
  readonly total: number | undefined;
}

/**
 * A request, as hooks see it. `beforeRequest` may change it, and the changes hold for all further tries. If
 * the URL gets another origin, credentials and cookies of the client stay behind.
 */
export interface HttpHookRequest {
  /** The method of the request. */
  method: string;
  /** The URL, which may contain secrets. */
  url: string;
  /** The headers, which may contain secrets. */
  readonly headers: Headers;
  /** A body that replaces that of the request; null removes it. Undefined leaves it as it is. */
  body?: BodyInit | null;
  /** The number of this try, from 1. */
  readonly attempt: number;
}

/** Functions that run at certain points of a request. An error that one throws ends the request. */
export interface HttpHooks {
  /** Runs before each try and after each redirect. It may change the request. */
  beforeRequest?: (request: HttpHookRequest) => void | Promise<void>;
  /**
   * Runs after the head of each response, before its status is checked. It cannot read the body. The result
   * "repeat" drops the response and sends the request again, up to 10 times. A body that can be sent only
   * once makes this an error.
   */
  afterResponse?: (
    response: { readonly status: number; readonly headers: Headers },
    request: HttpHookRequest,
  ) => void | "repeat" | Promise<void | "repeat">;
  /**
   * Runs for each interim response (1xx, RFC 9110 §15.2), such as 103 Early Hints. Deno's `fetch`, and so
   * HTTP/2, does not report them.
   */
  informational?: (
    response: { readonly status: number; readonly headers: Headers },
    request: HttpHookRequest,
  ) => void;
  /** Runs before the wait for another try. */
  beforeRetry?: (failed: HttpTry) => void | Promise<void>;
}

/** A rate limit for each host. */
export interface HttpRateLimit {
  /** The number of requests that may start within `per`. */
  readonly requests: number;
  /** The period in milliseconds. */
  readonly per: number;
}

/** Options of both a client and a single request. */
export interface HttpCommonOptions {
  /**
   * The headers. Those of a request replace those of its client. Null removes a header. `Host` replaces
   * the host of the URL in the request.
   */
  headers?: HeadersInit | Readonly<Record<string, string | null>>;
  /**
   * Query parameters. They are added to those of the URL. Parameters of a request follow those of its
   * client. A client with a `baseUrl` sends its parameters only to the origin of that URL.
   */
  params?: HttpParams;
  /**
   * The credentials; null for none. A client with a `baseUrl` sends its credentials only to the origin of
   * that URL.
   */
  auth?: HttpAuth | null;
  /** The time limits. A request keeps the limits of its client that it does not set. */
  timeouts?: HttpTimeouts;
  /**
   * The rules for retries; false for no retries. A request keeps the settings of its client that it does
   * not set.
   *
   * @default 3 retries, as {@linkcode HttpRetryOptions} says
   */
  retry?: HttpRetryOptions | false;
  /**
   * The largest number of redirects to follow. 0 returns the redirect itself as the response.
   *
   * @default 20
   */
  maxRedirects?: number;
  /**
   * Whether a status of 400 or above throws an `HttpStatusError`, or a function that decides by status.
   *
   * @default true
   */
  raiseForStatus?: boolean | ((status: number) => boolean);
  /**
   * The largest body of a response after decompression, in bytes; Infinity for no limit.
   *
   * @default 67108864
   */
  maxBody?: number;
  /**
   * Whether a request waits up to one second for `100 Continue` before it sends its body (RFC 9110
   * §10.1.1), or the smallest size of such a body in bytes. Bodies of unknown size count as large. A
   * server can then refuse a large body before it is sent.
   *
   * @default false
   */
  expectContinue?: boolean | number;
}

/** Options of `createClient`. */
export interface HttpClientOptions extends HttpCommonOptions, HttpConnectSettings {
  /**
   * The base of relative URLs. Its path names a folder, whether or not it ends in a slash: `users` is
   * `/api/v1/users` below `http://host/api/v1`.
   *
   * @default none
   */
  baseUrl?: string | URL;
  /**
   * The largest number of simultaneous requests to one origin, and so of connections to it over
   * HTTP/1.1. Further requests wait in their order.
   *
   * @default 10
   */
  maxPerHost?: number;
  /**
   * The largest number of requests that wait for one origin. Further requests fail.
   *
   * @default 10000
   */
  maxQueued?: number;
  /**
   * The longest time that an idle connection stays open, in milliseconds; 0 for no limit.
   *
   * @default 30000
   */
  idleTimeout?: number;
  /**
   * Whether requests to `https:` use HTTP/2 if the server supports it. Deno's `fetch` sends them, so their
   * responses have no `remoteAddr`, `tls` and trailers. `http/client` says when HTTP/2 pays.
   *
   * @default false
   */
  http2?: boolean;
  /**
   * The rate limit for each host.
   *
   * @default none
   */
  rateLimit?: HttpRateLimit;
  /**
   * The cookie jar: true for a jar of this client alone, or a jar that several clients share.
   *
   * @default no cookies
   */
  cookies?: boolean | CookieStore;
  /**
   * The cache (RFC 9111): true for one of this client alone in memory, or its options. It is a private
   * cache: it also stores responses that are for one user. It serves GET requests, revalidates stale
   * responses, and drops what other methods change. Requests with `Range` or conditions bypass it.
   *
   * @default false
   */
  cache?: boolean | HttpCacheOptions;
  /** Functions that run at certain points of each request. */
  hooks?: HttpHooks;
  /**
   * The proxy: its URL, or an object with its URL and exceptions; false for none. Requests to `http:`
   * go to an HTTP proxy as they are, all others through a tunnel. Without this option, the variables
   * `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` apply, in lower or upper case, if the program
   * has the permission `--allow-env` for them.
   *
   * @default the proxy of the environment
   */
  proxy?: string | URL | HttpProxy | false;
  /**
   * The settings for connecting in one object, with a function that reports each attempt. `true` only
   * excludes a proxy. A dialer, `resolve`, `allow` and `publicOnly` exclude a proxy, including one from the
   * environment, because a proxy chooses the addresses. With `resolve`, `allow` or `publicOnly`, the
   * client needs the permission for the addresses.
   *
   * @default false
   */
  dialer?: boolean | HttpDialer;
  /** The path of a Unix socket for all requests, whatever host the URL names. Only for `http:`. */
  unixSocket?: string;
  /** Certificates in PEM that are trusted in addition to the usual authorities. */
  caCerts?: string[];
  /** The client certificate in PEM, for servers that request one. It needs `key`. */
  cert?: string;
  /** The private key of `cert` in PEM (PKCS #8). */
  key?: string;
  /**
   * The key or certificate that identifies the server instead of an authority and a name, or several of
   * them: `sha256/` and the SHA-256 of the public key in Base64 (RFC 7469 §2.4), or the fingerprint of the
   * certificate in hexadecimal digits. TLS then runs on `node:tls`. It applies to every `https:` server.
   */
  pin?: string | readonly string[];
  /**
   * The minimum version of TLS. "TLSv1.3" runs on `node:tls`.
   *
   * @default "TLSv1.2"
   */
  minVersion?: TlsVersion;
  /**
   * Whether `response.tls` has the version, the cipher suite and the certificate of the server, and not
   * only the protocol. TLS then runs on `node:tls`. With `cert`, `pin` or `minVersion` it always has them.
   *
   * @default false
   */
  inspectTls?: boolean;
}

/** Options of one request without a body. */
export interface HttpFetchOptions extends HttpCommonOptions {
  /** Cancels the request. The request rejects with the reason of the signal. */
  signal?: AbortSignal;
  /** Runs while the body of the response arrives. */
  onDownload?: (progress: HttpProgress) => void;
}

/** Options of one request. At most one of `json`, `form`, `multipart` and `body` may be set. */
export interface HttpRequestOptions extends HttpFetchOptions {
  /** A value to send as JSON. */
  json?: unknown;
  /**
   * Fields to send as an HTML form (`application/x-www-form-urlencoded`). Forms with files need
   * `multipart`.
   */
  form?: HttpParams;
  /** Fields and files to send as `multipart/form-data`. Files are streamed. */
  multipart?: FormData | MultipartParts;
  /** The body as it is. A stream can be sent only once, so the request is never retried. */
  body?: BodyInit | null;
  /** Runs while the body of the request is sent. */
  onUpload?: (progress: HttpProgress) => void;
}
