/**
 * What `serveHttp` takes, tells and gives.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../../net/errors/errors.ts";
import type {
  ProxyProtocolOptions,
  ShutdownOptions,
  ShutdownReport,
} from "../../net/tcp/server_options.ts";
import type { ServeTlsOptions, TlsKeyPair } from "../../net/tls/options.ts";
import type { TlsInfo } from "../../net/connection/transport.ts";

/** What a handler learns besides the request. */
export interface HttpInfo {
  /**
   * The address of the client, or of the proxy that it comes through. Behind a proxy that
   * `trustProxy` or `proxyProtocol` trusts, it is that of the client; the port is 0 where the proxy
   * does not name it.
   */
  readonly remoteAddr: Deno.NetAddr;
  /** What reverse proxies say of the request; undefined where `trustProxy` trusts none. */
  readonly forwarded?: ForwardedInfo | undefined;
  /**
   * What TLS has agreed on, with the client's certificate if `clientAuth` asked for one;
   * undefined without TLS, and on `Deno.serve`, which does not tell.
   */
  readonly tls?: TlsInfo | undefined;
  /**
   * Settles when the response has been sent or can no longer be sent, once the handler has
   * returned. For a connection that was taken over, it settles when that is closed.
   */
  readonly completed: Promise<void>;
  /**
   * Aborted when nobody waits for the response any more: the client has gone, or the time of the
   * handler is up. The reason is a `NetError` of kind "timeout" for the latter. `request.signal` is
   * the same signal. It works until the response has been sent; success does not abort it. The
   * body of a response that streams is cancelled besides, with the same reason.
   *
   * A client that ends its output (a half-close, as `nc -N` does) counts as gone, since it looks
   * like one that has closed its connection. A hardened server still sends what the handler
   * returns, and ends a body that streams only once that has been silent for 500 ms. `Deno.serve`
   * ends it at once.
   *
   * To notice the end of a client, the server reads ahead: 64 KiB, then it stops and TCP holds the
   * client back. The end of a client that has sent more (pipelined requests, a body that nobody
   * reads) is noticed when the handler reads on, or when writing fails. On a hardened server it is
   * noticed after `idleTimeout` at the latest: if nothing was sent or read in that time, the server
   * throws away what comes, and closes the connection behind the response.
   *
   * On `Deno.serve`, ask for the signal before you return the response. The first use of it makes
   * Deno write a hint on its own signals to stderr. Deno 2.9 may miss the end of a client whose
   * body has come in several pieces, until something is sent to it; a hardened server does not.
   */
  readonly signal: AbortSignal;
  /** Aborted when the server begins to shut down, for answers that would not end by themselves. */
  readonly closing: AbortSignal;
  /**
   * Sends a response 103 (Early Hints, RFC 8297) ahead of the real one, so that a browser can begin
   * to fetch what the page will need. It may be called several times.
   *
   * @param headers Fields that the response will have, such as `Link`. They are not added to it.
   * @returns Whether the hints were sent. They are not on `Deno.serve`, which has no means to, to a
   * client of HTTP/1.0 (RFC 9110 §15.2), once the head of the response is out, and once the client
   * has gone.
   * @throws {TypeError} If a field is malformed, or belongs to the connection, as `Content-Length`
   * does.
   */
  sendEarlyHints(headers: HeadersInit): Promise<boolean>;
  /**
   * The fields that the client has sent behind the body of its request (trailers, RFC 9110 §6.5),
   * at most 8 KiB. Fields that have no meaning there, such as `Host` or `Authorization`, are left
   * out. The promise settles once the body has been read: read that first. It rejects if the body
   * is not read to its end. `Deno.serve` does not tell trailers, so there are none.
   */
  readonly trailers: Promise<Headers>;
  /**
   * Sends fields behind the body of the response (trailers, RFC 9110 §6.5): what is known only
   * once the body has been sent, such as its digest. Call it before you return the response. The
   * response is sent in chunks, and announces the names. Several calls add up.
   *
   * Trailers need a body: a response to HEAD, and one with the status 204 or 304, has none.
   *
   * @param names The names of the fields.
   * @param make Called once, when the body has been sent whole. It returns the fields; what it
   * throws breaks the response off, and so does a field that was not named.
   * @param options Whether the client has to ask for trailers.
   * @returns Whether they will be sent. They are not on `Deno.serve`, which has no means to, to a
   * client of HTTP/1.0, to one that does not say `TE: trailers` (see `optional`), once the head of
   * the response is out, and once the client has gone.
   * @throws {TypeError} If a name is malformed, or has no meaning behind a body, as
   * `Content-Length` or `Set-Cookie` (RFC 9110 §6.5.1).
   */
  sendTrailers(
    names: readonly string[],
    make: MakeTrailers,
    options?: TrailerOptions,
  ): boolean;
}

/** Makes the trailers of a response, once its body has been sent. */
export type MakeTrailers = () => HeadersInit | Promise<HeadersInit>;

/** How trailers are sent. */
export interface TrailerOptions {
  /**
   * Whether the client loses nothing without them, as with `Server-Timing`. Then they are sent to
   * every client of HTTP/1.1, also to those that do not say `TE: trailers`: these may drop them.
   *
   * @default false
   */
  optional?: boolean;
}

/** What reverse proxies that are trusted say of a request. */
export interface ForwardedInfo {
  /** The address of the nearest proxy: where the connection comes from. */
  readonly peer: Deno.NetAddr;
  /** The protocol that the client speaks; undefined if the proxy does not say it. */
  readonly proto: "http" | "https" | undefined;
  /** The host that the client asks for, perhaps with a port; undefined if it is not said. */
  readonly host: string | undefined;
}

/** Which reverse proxies are trusted: set `hops` or `from`. */
export interface TrustProxyOptions {
  /**
   * How many proxies are in front of the server. Only where nobody can reach it past them.
   *
   * @default undefined
   */
  hops?: number;
  /**
   * The addresses of the proxies, and blocks such as `10.0.0.0/8`.
   *
   * @default undefined
   */
  from?: readonly string[];
  /**
   * The fields that they set: "x-forwarded" for `X-Forwarded-For`, `-Proto` and `-Host`, "forwarded"
   * for `Forwarded` (RFC 7239). The other ones are ignored, since a client may send them.
   *
   * @default "x-forwarded"
   */
  header?: "x-forwarded" | "forwarded";
}

/**
 * Answers a request. The `fetch` of any framework is one (`app.fetch` of Hono).
 * What it throws becomes an answer with problem details.
 */
export type HttpHandler = (request: Request, info: HttpInfo) => Response | Promise<Response>;

/**
 * The certificates of HTTPS, as `serveTls` takes them: `ServeTlsOptions` tells what each does. With
 * `cert` and `key`, or `certFile` and `keyFile`, the server speaks HTTPS; the others are hardened only.
 */
export type HttpsOptions = Pick<
  ServeTlsOptions,
  | "cert"
  | "key"
  | "certFile"
  | "keyFile"
  | "sni"
  | "clientAuth"
  | "clientCa"
  | "minVersion"
  | "inspect"
  | "engine"
  | "handshakeTimeout"
  | "reloadInterval"
>;

/**
 * Options of `serveHttp`. All times are in milliseconds; 0 lifts a limit, but for `minBodyRate`,
 * `maxHead` and `maxHeaders`, which are from 1 up.
 */
export interface ServeHttpOptions extends HttpsOptions {
  /**
   * The address to listen on. Nothing but this machine reaches the default.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to listen on; 0 takes a free one, to be read from `addr.port`.
   *
   * @default 0
   */
  port?: number;
  /**
   * The most bytes that the body of a request may have; more is 413.
   *
   * @default 10485760
   */
  maxBody?: number;
  /**
   * How long reading a body may wait for the next byte, and, `minBodyRate`
   * apart, in all; then it is 408. The time in which the handler does not read
   * is not counted.
   *
   * @default 30000
   */
  bodyTimeout?: number;
  /**
   * How many bytes of a body buy one second more than `bodyTimeout`, so that
   * long uploads may take long and drops do not: bytes per second, from 1 up;
   * without `bodyTimeout` it has nothing to say.
   *
   * @default 500
   */
  minBodyRate?: number;
  /**
   * How long a handler may take until it returns its response; then the client gets 503 and
   * `info.signal` is aborted. Time spent waiting for the body of the request does not count:
   * `bodyTimeout` and `minBodyRate` limit it. The body of the response may take longer.
   *
   * @default 60000
   */
  handlerTimeout?: number;
  /**
   * The most requests at a time, until their answers have been sent whole; more
   * are answered 503 with `Retry-After`.
   *
   * @default 1024
   */
  maxRequests?: number;
  /**
   * The hosts that requests may name, without a port, or "any"; others are answered 421. On loopback,
   * the default protects against DNS rebinding, by which a web page reaches servers of this machine.
   * A reverse proxy on the same machine that passes its public name on needs that name here.
   *
   * A request of HTTP/1.0 may name no host, as the default health check of HAProxy does. On a
   * hardened server it counts as one for the address that it came to, which is in `request.url`,
   * too. `Deno.serve` answers 400 to it, since it cannot be told from a request of HTTP/1.1, which
   * must name a host (RFC 9112 §3.2).
   *
   * @default on loopback: addresses, names without a dot, `localhost` and names below it; elsewhere
   * "any"
   */
  allowedHosts?: readonly string[] | "any";
  /**
   * The reverse proxies that are trusted to name the client: their number, or their addresses and
   * blocks. `info.remoteAddr` is the address of the client then, for `accessLog`, `rateLimit` and
   * handlers, and `info.forwarded` has the rest. Counted from the server, the first address that is
   * not trusted is the client.
   *
   * @default none: fields of a client mean nothing
   */
  trustProxy?: number | readonly string[] | TrustProxyOptions;
  /**
   * Whether connections are held to limits, too: the options below, for which
   * `Deno.serve` has nothing. It speaks HTTP/1.1 alone then, compresses nothing
   * by itself, and is slower; `Deno.upgradeWebSocket` does not work on it, `upgrade` of
   * `ws/upgrade` does.
   *
   * @default true beyond this machine's loopback addresses, or if an option is set that needs it
   */
  hardened?: boolean;
  /**
   * The most connections at a time; one more waits. Hardened only.
   *
   * @default 1024
   */
  maxConnections?: number;
  /**
   * The most connections at a time from one address, of
   * IPv6 one network of 64 bits; more are closed at once.
   * No limit by default, since behind a reverse proxy all come from one. Hardened only.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /**
   * Reads the header of the PROXY protocol on connections of trusted peers, so that `info.remoteAddr`
   * and `maxConnectionsPerAddress` see the clients of a load balancer; see `ServeTcpOptions`. A
   * client whose header is missing or malformed is an event of type "handshake-error".
   * Hardened only.
   *
   * @default no header is read
   */
  proxyProtocol?: ProxyProtocolOptions;
  /**
   * How long the head of a request may take from its first byte, and a new
   * connection until that; then it is 408. Hardened only.
   *
   * @default 15000
   */
  headTimeout?: number;
  /**
   * How long a connection may be silent between two requests. Hardened only.
   *
   * @default 60000
   */
  idleTimeout?: number;
  /**
   * How long a client may take nothing of its answer. Hardened only.
   *
   * @default 30000
   */
  writeTimeout?: number;
  /**
   * The most bytes that the head of a request may have; more is 431. Hardened only.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * The most headers that a request may have; more is 431. Hardened only.
   *
   * @default 100
   */
  maxHeaders?: number;
  /**
   * How many connections the kernel holds until they are accepted. Hardened only.
   *
   * @default 511
   */
  backlog?: number;
  /**
   * Whether other Workers of this program may listen on the same port; see
   * `serveWithWorkers`. Hardened only.
   *
   * @default false
   */
  sharePort?: boolean;
  /** Shuts the server down when it is aborted. */
  signal?: AbortSignal;
  /** Called once with the address. */
  onListen?: (addr: Deno.NetAddr) => void;
  /** Called for everything worth counting or logging. What it throws is logged. */
  onEvent?: (event: HttpServerEvent) => void;
}

/** Something that happened on an HTTP server. */
export type HttpServerEvent =
  /** A request was answered without its handler: `status` says why. */
  | { readonly type: "refused"; readonly status: number; readonly remoteAddr: Deno.NetAddr }
  /** A handler threw; `expected` when it was what a client or a limit did. */
  | {
    readonly type: "error";
    readonly request: Request;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /** A connection was closed at once, for its address has too many. Hardened only. */
  | { readonly type: "connection-refused"; readonly remoteAddr: Deno.NetAddr }
  /** A connection ended in the TLS handshake, or with its PROXY header. Hardened only. */
  | {
    readonly type: "handshake-error";
    readonly remoteAddr: Deno.NetAddr;
    readonly error: NetError;
  }
  /** New certificates are in use, or could not be: then `error` says why, and the old ones stay. */
  | { readonly type: "tls-reload"; readonly error: NetError | undefined }
  /** Accepting failed, e.g. for want of file descriptors; it goes on after a pause. */
  | { readonly type: "accept-error"; readonly error: NetError }
  /** The server has stopped accepting for good. */
  | { readonly type: "shutdown" };

/** Counters of an HTTP server. */
export interface HttpServerStats {
  /** Requests that reached the handler. */
  readonly requests: number;
  /** Requests whose answers are not sent yet. */
  readonly active: number;
  /** Requests answered without the handler. */
  readonly refused: number;
  /** Requests whose handlers failed for reasons of their own. */
  readonly failed: number;
}

/** A running server of `serveHttp`. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Where it listens as a URL, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Whether connections are held to limits, too. */
  readonly hardened: boolean;
  /** Resolves when the server has shut down. */
  readonly finished: Promise<void>;
  /** Counters of this moment. */
  stats(): HttpServerStats;
  /**
   * Takes new certificates for the connections to come, as `TlsServer` of `serveTls` does.
   *
   * @param certificates The new ones, the default first; without them the files are read again.
   * @throws {NetError} Of kind "tls" if one of them is no use; the old ones stay.
   * @throws {TypeError} If the server was started without `reloadInterval`.
   */
  reloadTls(certificates?: readonly TlsKeyPair[]): void;
  /** Lets the server keep the process alive (the default). */
  ref(): void;
  /** Lets the process end while the server listens. */
  unref(): void;
  /**
   * Aborts `info.closing`, lets requests end, refuses new ones with 503, stops
   * listening, and cuts what is left at the deadline. The report counts
   * requests. A second call may bring the deadline forward and gives the same report.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}
