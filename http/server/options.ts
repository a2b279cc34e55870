/**
 * The options, events and counters of `serveHttp`.
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

/** The reverse proxies that the server trusts. Set either `hops` or `from`. */
export interface TrustProxyOptions {
  /**
   * Number of proxies in front of the server. Use it only if no client can bypass the proxies. A
   * proxy that connects to the Unix socket of the server counts as one.
   *
   * @default undefined
   */
  hops?: number;
  /**
   * Addresses of the proxies, blocks such as `10.0.0.0/8`, and `unix:` for proxies that connect to
   * the Unix socket of the server. No address and no block includes `unix:`.
   *
   * @default undefined
   */
  from?: readonly string[];
  /**
   * The header fields that the proxies set: "x-forwarded" stands for `X-Forwarded-For`, `-Proto` and
   * `-Host`, "forwarded" for `Forwarded` (RFC 7239). The server ignores the other fields, because a
   * client can send them.
   *
   * @default "x-forwarded"
   */
  header?: "x-forwarded" | "forwarded";
}

/**
 * The certificates of HTTPS. `ServeTlsOptions` describes each option. With `cert` and `key`, or with
 * `certFile` and `keyFile`, the server speaks HTTPS. All other options need a hardened server.
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
 * The limits of an HTTP server. All times are in milliseconds. 0 and Infinity lift a limit, but
 * `minBodyRate`, `maxHead` and `maxHeaders` must be at least 1.
 *
 * @typeParam A The addresses of clients.
 */
export interface HttpServerOptions<A extends HttpAddr> {
  /**
   * Maximum size of the body of a request, in bytes. A larger body gets 413.
   *
   * @default 10485760
   */
  maxBody?: number;
  /**
   * Maximum time to wait for the next bytes of a body, and for the whole body. Received bytes extend
   * the time for the whole body, see `minBodyRate`. A slower client gets 408. Time in which the
   * handler does not read does not count.
   *
   * @default 30000
   */
  bodyTimeout?: number;
  /**
   * Minimum rate of a body, in bytes per second. Each `minBodyRate` bytes that arrive extend
   * `bodyTimeout` for the whole body by one second, so a long upload may take long, and a client that
   * sends single bytes may not. It has no effect without `bodyTimeout`.
   *
   * @default 500
   */
  minBodyRate?: number;
  /**
   * Maximum time until a handler returns its response. After that the client gets 503, and
   * `info.signal` is aborted. Time spent waiting for the body of the request does not count, because
   * `bodyTimeout` and `minBodyRate` limit it. The body of the response may take longer.
   *
   * @default 60000
   */
  handlerTimeout?: number;
  /**
   * Maximum number of simultaneous requests. A request ends when its response has been sent. Further
   * requests get 503 with `Retry-After`.
   *
   * @default 1024
   */
  maxRequests?: number;
  /**
   * The hosts that requests may name, without ports, or "any". Other hosts get 421. On loopback and
   * on a Unix socket, the default protects against DNS rebinding, by which a web page reaches servers
   * on the machine of its reader. If a reverse proxy on the same machine passes its public name on,
   * add that name here.
   *
   * A request of HTTP/1.0 may name no host; the default health check of HAProxy does not. A hardened
   * server uses the address that the client has connected to, also in `request.url`. `Deno.serve`
   * answers 400, because there such a request looks like one of HTTP/1.1, which must name a host
   * (RFC 9112 §3.2).
   *
   * @default on loopback and on a Unix socket: addresses, names without a dot, `localhost` and names
   * below it; elsewhere "any"
   */
  allowedHosts?: readonly string[] | "any";
  /**
   * The reverse proxies that may name the client: their number, or their addresses and blocks. With
   * this option, `info.remoteAddr` is the address of the client for `accessLog`, `rateLimit` and
   * handlers, and `info.forwarded` has the rest. The client is the first address, counted from the
   * server, that is not trusted.
   *
   * @default none: the server ignores these fields
   */
  trustProxy?: number | readonly string[] | TrustProxyOptions;
  /**
   * Whether the server also limits connections, by the options below. `Deno.serve` has no such
   * limits. A hardened server speaks only HTTP/1.1, does not compress responses by itself, and is
   * slower. `Deno.upgradeWebSocket` does not work on it; use `upgrade` of `ws/server`.
   *
   * @default true if the server listens beyond loopback, or if an option is set that needs it
   */
  hardened?: boolean;
  /**
   * Maximum number of simultaneous connections. Further connections wait. Hardened only.
   *
   * @default 1024
   */
  maxConnections?: number;
  /**
   * Maximum number of simultaneous connections from one address; for IPv6, from one network of 64
   * bits. Further connections are closed at once. All clients on a Unix socket count as one address.
   * The default is no limit, because behind a reverse proxy all clients have the same address.
   * Hardened only.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /**
   * Reads the header of the PROXY protocol on connections of trusted peers. `info.remoteAddr` and
   * `maxConnectionsPerAddress` then see the clients of a load balancer; see `ServeTcpOptions`. A
   * missing or malformed header is an event of type "handshake-error". Hardened only.
   *
   * @default no header is read
   */
  proxyProtocol?: ProxyProtocolOptions;
  /**
   * Maximum time from the first byte of a request to the end of its head, and from the start of a
   * connection to its first byte. A slower client gets 408. Hardened only.
   *
   * @default 15000
   */
  headTimeout?: number;
  /**
   * Maximum time between two requests of a connection. Hardened only.
   *
   * @default 60000
   */
  idleTimeout?: number;
  /**
   * Maximum time in which a client accepts no bytes of its response. Hardened only.
   *
   * @default 30000
   */
  writeTimeout?: number;
  /**
   * Maximum size of the head of a request, in bytes. A larger head gets 431. Hardened only.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * Maximum number of header lines of a request. More get 431. Hardened only.
   *
   * @default 100
   */
  maxHeaders?: number;
  /** Aborting this signal shuts the server down. */
  signal?: AbortSignal;
  /** Receives events that are worth counting or logging. Its own errors are logged. */
  onEvent?: (event: HttpServerEvent<A>) => void;
}

/** Options of `serveHttp` on TCP. */
export interface ServeHttpOptions extends HttpServerOptions<Deno.NetAddr>, HttpsOptions {
  /**
   * The address to listen on. Only this machine reaches the default.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to listen on. 0 chooses a free port, see `addr.port`.
   *
   * @default 0
   */
  port?: number;
  /**
   * Number of connections that the kernel keeps until the server accepts them. Hardened only.
   *
   * @default 511
   */
  backlog?: number;
  /**
   * Whether other Workers of this program may listen on the same port; see `serveWithWorkers`.
   * Hardened only.
   *
   * @default false
   */
  sharePort?: boolean;
  /**
   * The behaviour when `maxConnections` is reached; see `serveTcp`. Hardened only.
   *
   * @default "wait"
   */
  whenFull?: "wait" | "refuse";
  /**
   * Whether small writes are sent at once (TCP_NODELAY). Hardened only.
   *
   * @default true
   */
  noDelay?: boolean;
  /**
   * Whether the kernel probes idle connections for dead peers (SO_KEEPALIVE). Hardened only.
   *
   * @default true
   */
  keepAlive?: boolean;
  /**
   * Time in which a connection ends whose peer has disappeared, in milliseconds; see `serveTcp`. Hardened
   * only.
   *
   * @default 0, which leaves it to the system
   */
  deadPeerTimeout?: number;
  /** Called once, with the address that the server listens on. */
  onListen?: (addr: Deno.NetAddr) => void;
}

/** Options of `serveHttp` on a Unix socket. */
export interface ServeHttpUnixOptions extends HttpServerOptions<HttpAddr> {
  /**
   * The path of the socket, at most 107 bytes, on macOS 103. The server replaces a socket file that a
   * dead server has left behind, and removes the file when it closes.
   */
  path: string;
  /**
   * The permission bits of the socket file. They decide which users may connect. A reverse proxy that
   * runs as another user of the same group needs 0o660.
   *
   * @default 0o600, only the user of this process
   */
  mode?: number;
  /** Called once, with the address that the server listens on. */
  onListen?: (addr: Deno.UnixAddr) => void;
}

/** Something that happened on an HTTP server. */
export type HttpServerEvent<A extends HttpAddr = Deno.NetAddr> =
  /** The server has answered a request without its handler. `status` tells the reason. */
  | { readonly type: "refused"; readonly status: number; readonly remoteAddr: A }
  /** A handler has thrown. `expected` is true if the cause is a client or a limit. */
  | {
    readonly type: "error";
    readonly request: Request;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /**
   * The response of a handler cannot be sent: its body has failed or was used before. The client gets
   * 500, or half a response and the end of its connection. `expected` is true if the cause is a
   * client. On `Deno.serve`, the request is unknown.
   */
  | {
    readonly type: "response-error";
    readonly request: Request | undefined;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /** The server has closed a new connection, because its address has too many. Hardened only. */
  | { readonly type: "connection-refused"; readonly remoteAddr: A }
  /** A connection has ended in the TLS handshake, or by a bad PROXY header. Hardened only. */
  | {
    readonly type: "handshake-error";
    readonly remoteAddr: A;
    readonly error: NetError;
  }
  /** The server uses new certificates. If `error` is set, it keeps the old ones. */
  | { readonly type: "tls-reload"; readonly error: NetError | undefined }
  /** Accepting has failed, for example without free file descriptors. The server tries again. */
  | { readonly type: "accept-error"; readonly error: NetError }
  /** The server has begun to shut down. */
  | { readonly type: "shutdown" };

/** Counters of an HTTP server. */
export interface HttpServerStats {
  /** Requests that have reached the handler. */
  readonly requests: number;
  /** Requests whose responses have not been sent completely. */
  readonly active: number;
  /** Requests that the server has answered without the handler. */
  readonly refused: number;
  /** Requests whose handlers have failed, other than by a fault of the client. */
  readonly failed: number;
}

/** A running server of `serveHttp`. */
export interface HttpServer<A extends HttpAddr = Deno.NetAddr> extends AsyncDisposable {
  /** The address that the server listens on. */
  readonly addr: A;
  /**
   * The address as a URL, such as `http://127.0.0.1:8080`. On a Unix socket it is
   * `http://localhost`; a client needs the path, too (`unixSocket` of `http/client`).
   */
  readonly url: string;
  /** Whether the server also limits connections. */
  readonly hardened: boolean;
  /** Resolves when the server has shut down. */
  readonly finished: Promise<void>;
  /** Returns the current counters. */
  stats(): HttpServerStats;
  /**
   * Replaces the certificates for future connections, as `TlsServer` of `serveTls` does.
   *
   * @param certificates The new certificates, the default one first. Without them the server reads
   * the files again.
   * @throws {NetError} Of kind "tls" if a certificate is not usable; the old ones stay.
   * @throws {TypeError} If the server was started without `reloadInterval`.
   */
  reloadTls(certificates?: readonly TlsKeyPair[]): void;
  /** Makes the server keep the process alive. This is the default. */
  ref(): void;
  /** Lets the process end while the server listens. */
  unref(): void;
  /**
   * Shuts the server down gracefully: aborts `info.closing`, waits for the active requests, answers
   * new ones with 503, and stops listening. At the deadline it cuts the remaining connections. The
   * report counts requests. A second call may bring the deadline forward and returns the same report.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}
