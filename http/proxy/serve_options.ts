/**
 * The options of `serveProxy`, and the types of proxies with and without a listener.
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

/** The part of the connection information that a proxy needs. */
export type ProxyConnectionInfo = Pick<ConnectionInfo, "signal" | "proxyHeader">;

/** A proxy without a listener. Its `handle` serves connections of any server of `net`. */
export interface Proxy extends Disposable {
  /**
   * Serves one client; a handler for `serveTcp` or `serveTls`. `serveTls` needs the option
   * `resetOnAbort`. Without it, an interrupted tunnel ends with a close_notify, as if it were complete.
   */
  readonly handle: (connection: Connection, info: ProxyConnectionInfo) => Promise<void>;
  /** Returns the current counters. */
  stats(): ProxyStats;
  /** Closes all connections to servers. */
  close(): void;
}

/**
 * Options of `serveProxy` on TCP. All times are in milliseconds. For times and for the limits of clients'
 * connections, 0 means no limit.
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
   * The largest number of connections from one address, or from one IPv6 network of 64 bits. The proxy
   * closes further connections at once.
   *
   * @default 256
   */
  maxConnectionsPerAddress?: number;
  /**
   * Whether everybody may use the proxy without a login. An address beyond loopback needs this or
   * `users`.
   *
   * @default false
   */
  open?: boolean;
}

/**
 * Options of `serveProxy` on a Unix socket. By default, `mode` allows only the user of this process to
 * connect. `maxConnectionsPerAddress` counts all clients as one, except those that `proxyProtocol` names.
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
  /** The address that the proxy listens on. */
  readonly addr: A;
  /**
   * The URL of the proxy, such as `http://127.0.0.1:8888`. On a Unix socket it is `http://localhost`, for
   * clients that connect to the path. curl does so with `--unix-socket` and the whole URL in
   * `--request-target`.
   */
  readonly url: string;
  /** Resolves when the proxy has shut down. */
  readonly finished: Promise<void>;
  /** Returns the current counters. */
  stats(): ProxyStats;
  /** Stops accepting, waits for requests and tunnels, and closes the rest at the deadline. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
  /** Makes the proxy keep the process alive (the default). */
  ref(): void;
  /** Allows the process to end while the proxy listens. */
  unref(): void;
}
