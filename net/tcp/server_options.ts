/**
 * What every server of `net` takes, tells and gives.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ConnectionOptions, ConnectionStats } from "../connection/options.ts";
import type { NetError } from "../errors/errors.ts";
import type { ProxyHeader } from "../proxy_protocol_codec.ts";

/** What every server takes. All times are in milliseconds; 0 lifts a limit. */
export interface ServeOptions<A extends Deno.Addr = Deno.NetAddr> extends ConnectionOptions {
  /**
   * The most connections at a time.
   *
   * @default 1024
   */
  maxConnections?: number;
  /**
   * What happens to one connection more: it waits in the backlog, or it is
   * accepted and closed at once.
   *
   * @default "wait"
   */
  whenFull?: "wait" | "refuse";
  /** Shuts the server down when it is aborted. */
  signal?: AbortSignal;
  /** Called once with the address, before anything is accepted. */
  onListen?: (addr: A) => void;
  /** Called for everything worth counting or logging. What it throws is logged. */
  onEvent?: (event: ServerEvent<A>) => void;
}

/** How a server learns the addresses of clients from a proxy or load balancer in front of it. */
export interface ProxyProtocolOptions {
  /**
   * The peers that send a header of the PROXY protocol: addresses, blocks such as `10.0.0.0/8`, and
   * `unix:` for peers on a Unix socket.
   * Each of their connections has to begin with one, of version 1 or 2; else it is closed. A
   * connection of any other peer is served as it is, and no header in it is interpreted. Name
   * proxies alone: whoever connects from one of these addresses can claim any client address.
   */
  trusted: readonly string[];
  /**
   * How long the header may take, in milliseconds; 0 for ever.
   *
   * @default 5000
   */
  timeout?: number;
}

/** Options of `serveTcp`. All times are in milliseconds; 0 lifts a limit. */
export interface ServeTcpOptions extends ServeOptions {
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
   * The most connections at a time from one address, of
   * IPv6 one network of 64 bits; more are closed at once.
   * No limit by default, since behind a reverse proxy all come from one.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /**
   * Reads the header of the PROXY protocol, versions 1 and 2, on connections of trusted peers. The
   * address of the client in it becomes the remote address of the connection, by which
   * `maxConnectionsPerAddress` counts, too. A header that names no client, as in a health check,
   * leaves the address of the peer. A header gives no rights: the client is not trusted in turn.
   * With TLS, the header comes before the handshake, and TLS runs on `node:tls`.
   *
   * @default no header is read
   */
  proxyProtocol?: ProxyProtocolOptions;
  /**
   * How many connections the kernel holds until they are accepted.
   *
   * @default 511
   */
  backlog?: number;
  /**
   * Whether other Workers of this program may listen on the same port; the
   * kernel spreads connections over them. See `serveWithWorkers`.
   *
   * @default false
   */
  sharePort?: boolean;
  /**
   * Whether small writes go out at once (TCP_NODELAY).
   *
   * @default true
   */
  noDelay?: boolean;
  /**
   * Whether the kernel looks for dead peers (SO_KEEPALIVE).
   *
   * @default true
   */
  keepAlive?: boolean;
  /**
   * Whether {@linkcode Connection.abort}, a time limit, a send queue that overflows and a handler
   * that throws end the connection by a reset (RST), so that the peer cannot take a stream that
   * broke off for a complete one. What is queued is lost then. TLS then runs on `node:tls`. It costs about 0.1 ms and a second file descriptor
   * for each connection. Without effect on Windows, and while no descriptor is left.
   *
   * @default false
   */
  resetOnAbort?: boolean;
}

/** Something that happened on a server. */
export type ServerEvent<A extends Deno.Addr = Deno.NetAddr> =
  /** A handler is about to run. */
  | { readonly type: "open"; readonly connection: Connection }
  /** A connection is gone; `error` says what ended it, if something did. */
  | {
    readonly type: "close";
    readonly connection: Connection;
    readonly stats: ConnectionStats;
    readonly error: NetError | undefined;
  }
  /** A connection was turned away: too many in all, too many of its address, shutting down. */
  | {
    readonly type: "refused";
    readonly remoteAddr: A | Deno.NetAddr;
    readonly reason: "full" | "address" | "shutdown";
  }
  /** A handler threw; `expected` when it was what a peer or a limit did. */
  | {
    readonly type: "error";
    readonly connection: Connection;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /** A connection ended before its handler ran: in the TLS handshake, or with its PROXY header. */
  | {
    readonly type: "handshake-error";
    readonly remoteAddr: A | Deno.NetAddr;
    readonly error: NetError;
  }
  /** Accepting failed, e.g. for want of file descriptors; it goes on after a pause. */
  | { readonly type: "accept-error"; readonly error: NetError }
  /** New certificates are in use, or could not be: then `error` says why, and the old ones stay. */
  | { readonly type: "tls-reload"; readonly error: NetError | undefined }
  /** The server has stopped accepting for good. */
  | { readonly type: "shutdown" };

/** What a handler learns besides its connection. */
export interface ConnectionInfo<A extends Deno.Addr = Deno.NetAddr> {
  /** The address of the peer; of a client behind a proxy that `proxyProtocol` trusts, its own. */
  readonly remoteAddr: A | Deno.NetAddr;
  /** What the proxy in front said of the connection; undefined where `proxyProtocol` trusts none. */
  readonly proxyHeader?: ProxyHeader | undefined;
  /** The address of this end. */
  readonly localAddr: A;
  /** Aborted when the server begins to shut down. */
  readonly signal: AbortSignal;
  /** The server itself. */
  readonly server: StreamServer<A>;
}

/** Serves one connection. When it ends the connection is closed, what it throws is contained. */
export type ConnectionHandler<A extends Deno.Addr = Deno.NetAddr> = (
  connection: Connection,
  info: ConnectionInfo<A>,
) => void | Promise<void>;

/** Counters of a server. */
export interface ServerStats {
  /** Connections that got a slot. */
  readonly accepted: number;
  /** Connections open now. */
  readonly active: number;
  /** Connections turned away by a limit. */
  readonly refused: number;
  /** Failed handshakes, and handlers that failed for reasons of their own. */
  readonly failed: number;
  /** Bytes received over all connections. */
  readonly bytesRead: number;
  /** Bytes sent over all connections. */
  readonly bytesWritten: number;
}

/** Options of {@linkcode TcpServer.shutdown}. */
export interface ShutdownOptions {
  /**
   * How long open connections and handlers may take to end, in milliseconds; 0 cuts at once.
   *
   * @default 5000
   */
  deadline?: number;
}

/** What a shutdown did. */
export interface ShutdownReport {
  /** Connections that ended by themselves. */
  readonly drained: number;
  /** Connections that were cut at the deadline. */
  readonly forced: number;
  /** Connections turned away over the life of the server. */
  readonly refused: number;
}

/** A running server. */
export interface StreamServer<A extends Deno.Addr> extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: A;
  /** Where it listens as a URL, e.g. `tcp://127.0.0.1:8000`. */
  readonly url: string;
  /** Resolves when the server has shut down. */
  readonly finished: Promise<void>;
  /** Stops accepting; new connections wait in the backlog. */
  pause(): void;
  /** Accepts again. */
  resume(): void;
  /** Counters of this moment. */
  stats(): ServerStats;
  /** Lets the server keep the process alive (the default). */
  ref(): void;
  /** Lets the process end while the server listens. */
  unref(): void;
  /**
   * Stops accepting, lets open connections end (their reads end between two
   * messages, `info.signal` is aborted) and handlers finish, and cuts what is left
   * at the deadline; a handler that runs on without its connection is left alone.
   * A second call may bring the deadline forward and gives the same report.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/** A running server of `serveTcp`. */
export type TcpServer = StreamServer<Deno.NetAddr>;
