/**
 * The options, events and types of servers.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ConnectionOptions, ConnectionStats } from "../connection/options.ts";
import type { NetError } from "../errors/errors.ts";
import type { ProxyHeader } from "../proxy_protocol_codec.ts";

/** Options of every server. All times are in milliseconds; 0 lifts a limit. */
export interface ServeOptions<A extends Deno.Addr = Deno.NetAddr> extends ConnectionOptions {
  /**
   * Maximum number of open connections; 0 for no limit.
   *
   * @default 1024
   */
  maxConnections?: number;
  /**
   * The behaviour when `maxConnections` is reached. With "wait", new connections wait in the
   * backlog. With "refuse", the server accepts and closes them at once.
   *
   * @default "wait"
   */
  whenFull?: "wait" | "refuse";
  /** Shuts the server down when the signal is aborted. */
  signal?: AbortSignal;
  /** A function that is called once with the address, before the first connection is accepted. */
  onListen?: (addr: A) => void;
  /** A function that is called for each event. Its errors are logged. */
  onEvent?: (event: ServerEvent<A>) => void;
}

/** Options for the PROXY protocol, which tells a server the addresses of clients behind a proxy. */
export interface ProxyProtocolOptions {
  /**
   * The peers that send a header of the PROXY protocol: addresses, blocks such as `10.0.0.0/8`, and
   * `unix:` for peers on a Unix socket. Each of their connections must begin with a header of
   * version 1 or 2; otherwise it is closed. The server ignores headers of other peers. List only
   * proxies: a peer with one of these addresses can claim any client address.
   */
  trusted: readonly string[];
  /**
   * Time limit for the header in milliseconds; 0 for no limit.
   *
   * @default 5000
   */
  timeout?: number;
}

/** Options of `serveTcp`. All times are in milliseconds; 0 lifts a limit. */
export interface ServeTcpOptions extends ServeOptions {
  /**
   * The address to listen on. With the default, only this machine can connect.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to listen on; 0 takes a free one, which `addr.port` of the server shows.
   *
   * @default 0
   */
  port?: number;
  /**
   * Maximum number of open connections from one IPv4 address or one IPv6 network of 64 bits. Further
   * ones are closed at once. The default is no limit, because behind a reverse proxy all connections
   * come from one address.
   *
   * @default 0
   */
  maxConnectionsPerAddress?: number;
  /**
   * Reads headers of the PROXY protocol, versions 1 and 2, on connections of trusted peers. The
   * client address in the header becomes the remote address of the connection, also for
   * `maxConnectionsPerAddress`. A header without a client, as in a health check, keeps the address
   * of the peer. The client itself does not become trusted. With TLS, the header comes before the
   * handshake, and TLS runs on `node:tls`.
   *
   * @default no headers are read
   */
  proxyProtocol?: ProxyProtocolOptions;
  /**
   * Number of connections that the kernel queues until they are accepted.
   *
   * @default 511
   */
  backlog?: number;
  /**
   * Whether other Workers of this program may listen on the same port. The kernel distributes
   * connections among them. See `serveWithWorkers`.
   *
   * @default false
   */
  sharePort?: boolean;
  /**
   * Whether small writes are sent at once (TCP_NODELAY).
   *
   * @default true
   */
  noDelay?: boolean;
  /**
   * Whether the kernel probes idle connections for dead peers (SO_KEEPALIVE).
   *
   * @default true
   */
  keepAlive?: boolean;
  /**
   * Time in which a connection ends whose peer has disappeared, in milliseconds, at least about 10000. It
   * needs `keepAlive`, and costs about 0.3 ms of CPU time per connection and minute. With 0, the system
   * decides; Linux waits two hours.
   *
   * If sent data waits for a confirmation of the peer, the limit needs the permission `ffi`: it is an
   * option of sockets that Deno cannot set (TCP_USER_TIMEOUT). The connection then ends 0.7 times this
   * time after the data was sent. Without the permission, nobody is asked for it, and the system decides
   * (on Linux 15 minutes, see `net.ipv4.tcp_retries2`).
   *
   * On other systems than Linux, the option sets only the time until the first probe. It has no effect on
   * Windows, and on `serveTls` without `node:tls`.
   *
   * @default 0
   */
  deadPeerTimeout?: number;
  /**
   * Whether {@linkcode Connection.abort}, time limits, a full send queue and errors of handlers end
   * the connection by a reset (RST). The peer then cannot take an incomplete stream for a complete
   * one. Queued data is lost. TLS runs on `node:tls`. The option costs about 0.1 ms and a second
   * file descriptor per connection. It has no effect on Windows, and if no descriptor is left.
   *
   * @default false
   */
  resetOnAbort?: boolean;
}

/** An event of a server. */
export type ServerEvent<A extends Deno.Addr = Deno.NetAddr> =
  /** A handler is about to run. */
  | { readonly type: "open"; readonly connection: Connection }
  /** A connection has ended; `error` is the error that ended it, or undefined. */
  | {
    readonly type: "close";
    readonly connection: Connection;
    readonly stats: ConnectionStats;
    readonly error: NetError | undefined;
  }
  /** A connection was refused: a limit was reached, or the server is shutting down. */
  | {
    readonly type: "refused";
    readonly remoteAddr: A | Deno.NetAddr;
    readonly reason: "full" | "address" | "shutdown";
  }
  /** A handler threw; `expected` is true if the peer or a limit caused the error. */
  | {
    readonly type: "error";
    readonly connection: Connection;
    readonly error: unknown;
    readonly expected: boolean;
  }
  /** A connection failed before its handler ran, in the TLS handshake or at its PROXY header. */
  | {
    readonly type: "handshake-error";
    readonly remoteAddr: A | Deno.NetAddr;
    readonly error: NetError;
  }
  /** Accepting failed, for example because no file descriptor is left. It continues after a pause. */
  | { readonly type: "accept-error"; readonly error: NetError }
  /** New certificates are in use. If `error` is set, they are invalid and the old ones stay. */
  | { readonly type: "tls-reload"; readonly error: NetError | undefined }
  /** The server has begun to shut down. */
  | { readonly type: "shutdown" };

/** Information about a connection for its handler. */
export interface ConnectionInfo<A extends Deno.Addr = Deno.NetAddr> {
  /** The address of the peer, or of the client behind a trusted proxy (`proxyProtocol`). */
  readonly remoteAddr: A | Deno.NetAddr;
  /** The PROXY header of the connection; undefined if it came from no trusted proxy. */
  readonly proxyHeader?: ProxyHeader | undefined;
  /** The address of this end. */
  readonly localAddr: A;
  /** A signal that is aborted when the server begins to shut down. */
  readonly signal: AbortSignal;
  /** The server itself. */
  readonly server: StreamServer<A>;
}

/** A function that serves one connection. The connection is closed when it returns or throws. */
export type ConnectionHandler<A extends Deno.Addr = Deno.NetAddr> = (
  connection: Connection,
  info: ConnectionInfo<A>,
) => void | Promise<void>;

/** Counters of a server. */
export interface ServerStats {
  /** Number of accepted connections, without refused ones. */
  readonly accepted: number;
  /** Number of open connections. */
  readonly active: number;
  /** Number of connections refused by a limit or during a shutdown. */
  readonly refused: number;
  /** Number of failed handshakes and of unexpected errors in handlers. */
  readonly failed: number;
  /** Number of bytes received on all connections. */
  readonly bytesRead: number;
  /** Number of bytes sent on all connections. */
  readonly bytesWritten: number;
}

/** Options of {@linkcode TcpServer.shutdown}. */
export interface ShutdownOptions {
  /**
   * Time for open connections and handlers to end, in milliseconds. Then connections are aborted; 0
   * aborts them at once, and Infinity never.
   *
   * @default 5000
   */
  deadline?: number;
}

/** The report of a shutdown. */
export interface ShutdownReport {
  /** Number of connections that ended before the deadline. */
  readonly drained: number;
  /** Number of connections that were aborted at the deadline. */
  readonly forced: number;
  /** Number of connections that the server has refused since its start. */
  readonly refused: number;
}

/** A running server. */
export interface StreamServer<A extends Deno.Addr> extends AsyncDisposable {
  /** The address that the server listens on. */
  readonly addr: A;
  /** The address as a URL, for example `tcp://127.0.0.1:8000`. */
  readonly url: string;
  /** A promise that resolves when the server has shut down. */
  readonly finished: Promise<void>;
  /** Stops accepting for a while. New connections wait in the backlog. */
  pause(): void;
  /** Continues accepting after `pause`. */
  resume(): void;
  /** Returns the current counters. */
  stats(): ServerStats;
  /** Keeps the process alive while the server listens (the default). */
  ref(): void;
  /** Allows the process to end while the server listens. */
  unref(): void;
  /**
   * Shuts the server down gracefully. It stops accepting, aborts `info.signal`, ends reads between
   * two messages, and waits for handlers. At the deadline, it aborts the remaining connections; it
   * does not wait for handlers without a connection. A second call may bring the deadline forward,
   * and returns the same report.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/** A running server of `serveTcp`. */
export type TcpServer = StreamServer<Deno.NetAddr>;
