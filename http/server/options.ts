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
import type { HttpAddr } from "./handler.ts";

export type * from "./handler.ts";

/** Which reverse proxies are trusted: set `hops` or `from`. */
export interface TrustProxyOptions {
  /**
   * How many proxies are in front of the server. Only where nobody can reach it past them. One that
   * connects to the Unix socket of the server counts.
   *
   * @default undefined
   */
  hops?: number;
  /**
   * The addresses of the proxies, blocks such as `10.0.0.0/8`, and `unix:` for proxies that connect
   * to the Unix socket of the server. No address or block includes those.
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
 * The limits of a server. All times are in milliseconds; 0 lifts a limit, but for `minBodyRate`,
 * `maxHead` and `maxHeaders`, which are from 1 up.
 *
 * @typeParam A The addresses of clients.
 */
export interface HttpServerOptions<A extends HttpAddr> {
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
   * The hosts that requests may name, without a port, or "any"; others are answered 421. On loopback
   * and on a Unix socket, the default protects against DNS rebinding, by which a web page reaches servers of this machine.
   * A reverse proxy on the same machine that passes its public name on needs that name here.
   *
   * A request of HTTP/1.0 may name no host, as the default health check of HAProxy does. On a
   * hardened server it counts as one for the address that it came to, which is in `request.url`,
   * too. `Deno.serve` answers 400 to it, since it cannot be told from a request of HTTP/1.1, which
   * must name a host (RFC 9112 §3.2).
   *
   * @default on loopback and on a Unix socket: addresses, names without a dot, `localhost` and names
   * below it; elsewhere "any"
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
   * IPv6 one network of 64 bits; more are closed at once. All clients on a Unix socket count as one.
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
  /** Shuts the server down when it is aborted. */
  signal?: AbortSignal;
  /** Called for everything worth counting or logging. What it throws is logged. */
  onEvent?: (event: HttpServerEvent<A>) => void;
}

/** Options of `serveHttp` on TCP. */
export interface ServeHttpOptions extends HttpServerOptions<Deno.NetAddr>, HttpsOptions {
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
  /** Called once with the address. */
  onListen?: (addr: Deno.NetAddr) => void;
}

/** Options of `serveHttp` on a Unix socket. */
export interface ServeHttpUnixOptions extends HttpServerOptions<HttpAddr> {
  /**
   * Where the socket is to be, at most 107 bytes. A socket file that a dead server left behind is
   * taken over. The file goes when the server closes.
   */
  path: string;
  /**
   * Who may connect, as the permission bits of the file: 0o660 for the group as well, as a reverse
   * proxy needs that runs as another user.
   *
   * @default 0o600, the user of this process alone
   */
  mode?: number;
  /** Called once with the address. */
  onListen?: (addr: Deno.UnixAddr) => void;
}

/** Something that happened on an HTTP server. */
export type HttpServerEvent<A extends HttpAddr = Deno.NetAddr> =
  /** A request was answered without its handler: `status` says why. */
  | { readonly type: "refused"; readonly status: number; readonly remoteAddr: A }
  /** A handler threw; `expected` when it was what a client or a limit did. */
  | {
    readonly type: "error";
    readonly request: Request;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /**
   * A response could not be sent as the handler has made it: its body failed or was used up. The
   * client gets 500, or half a response and the end of its connection. `expected` when the body
   * failed by what the client did. `Deno.serve` does not tell which request it was.
   */
  | {
    readonly type: "response-error";
    readonly request: Request | undefined;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /** A connection was closed at once, for its address has too many. Hardened only. */
  | { readonly type: "connection-refused"; readonly remoteAddr: A }
  /** A connection ended in the TLS handshake, or with its PROXY header. Hardened only. */
  | {
    readonly type: "handshake-error";
    readonly remoteAddr: A;
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
export interface HttpServer<A extends HttpAddr = Deno.NetAddr> extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: A;
  /**
   * Where it listens as a URL, e.g. `http://127.0.0.1:8080`. On a Unix socket it is
   * `http://localhost`, for a client that has the path besides (`unixSocket` of `http/client`).
   */
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
