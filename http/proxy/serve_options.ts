/**
 * The options of a proxy that listens, and the types of proxies with and without a listener.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../../net/connection/connection.ts";
import type {
  ConnectionInfo,
  ServeTcpOptions,
  ShutdownOptions,
  ShutdownReport,
} from "../../net/tcp/server_options.ts";
import type { ServeUnixOptions } from "../../net/unix/server.ts";
import type { HttpAddr } from "../server/handler.ts";
import type { ProxyOptions, ProxyStats } from "./options.ts";

/** What a proxy has to know of a connection. */
export type ProxyConnectionInfo = Pick<ConnectionInfo, "signal" | "proxyHeader">;

/** A proxy without a listener: `handle` serves the connections of any server of `net`. */
export interface Proxy extends Disposable {
  /**
   * Serves one client; for `serveTcp` or `serveTls`. With `serveTls`, set its option `resetOnAbort`:
   * without it, a tunnel that breaks off ends with a close_notify, as if it were whole.
   */
  readonly handle: (connection: Connection, info: ProxyConnectionInfo) => Promise<void>;
  /** Counters of this moment. */
  stats(): ProxyStats;
  /** Closes all connections to servers. */
  close(): void;
}

/**
 * Options of `serveProxy` on TCP. All times are in milliseconds; 0 lifts one, and a limit
 * of clients' connections.
 */
export interface ServeProxyOptions extends
  ProxyOptions,
  Pick<
    ServeTcpOptions,
    | "hostname"
    | "port"
    | "maxConnections"
    | "backlog"
    | "sharePort"
    | "proxyProtocol"
    | "signal"
    | "onListen"
    | "onEvent"
  > {
  /**
   * The most connections of clients from one address, of
   * IPv6 one network of 64 bits; more are closed at once.
   *
   * @default 256
   */
  maxConnectionsPerAddress?: number;
  /**
   * Whether anybody may use it who can reach it, without `users`; only needed beyond loopback.
   *
   * @default false
   */
  open?: boolean;
}

/**
 * Options of `serveProxy` on a Unix socket. `mode` says who may connect, the user of this
 * process alone by default; `maxConnectionsPerAddress` counts all clients as one, but for those that
 * `proxyProtocol` names.
 */
export interface ServeProxyUnixOptions extends
  ProxyOptions,
  Pick<
    ServeUnixOptions,
    | "path"
    | "mode"
    | "maxConnections"
    | "maxConnectionsPerAddress"
    | "proxyProtocol"
    | "signal"
    | "onListen"
    | "onEvent"
  > {}

/** A running proxy. */
export interface ProxyServer<A extends HttpAddr = Deno.NetAddr> extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: A;
  /**
   * Where it listens as a URL, e.g. `http://127.0.0.1:8888`. On a Unix socket it is
   * `http://localhost`, for a client that connects to the path instead. curl does with `--unix-socket`
   * and the whole URL in `--request-target`.
   */
  readonly url: string;
  /** Resolves when the proxy has shut down. */
  readonly finished: Promise<void>;
  /** Counters of this moment. */
  stats(): ProxyStats;
  /** Stops accepting, lets requests and tunnels end, and cuts what is left at the deadline. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
  /** Lets the proxy keep the process alive (the default). */
  ref(): void;
  /** Lets the process end while the proxy listens. */
  unref(): void;
}
