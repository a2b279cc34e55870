import { chooseProxy, type ProxyOption } from "../../http/internal/proxy_choice.ts";
import { openTunnel } from "../../http/internal/tunnel.ts";
import type { Connection } from "../../net/connection/connection.ts";
import type { ConnectionOptions } from "../../net/connection/options.ts";
import { TLS_CLIENT } from "../../net/internal/tls_rules.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { connectTls, type TlsClientSettings } from "../../net/tls/client.ts";
import { upgradeTls } from "../../net/tls/upgrade.ts";
import { connectUnix } from "../../net/unix/client.ts";
import type { WsTarget } from "../internal/client_target.ts";

/** The way in which a client reaches servers. */
export interface TransportOptions {
  readonly tls: TlsClientSettings;
  /** The path of a Unix socket, for all URLs. */
  readonly unixSocket: string | undefined;
  readonly proxy: ProxyOption;
  readonly connection: ConnectionOptions;
}

/** Returns the options of TLS among those of a client. */
export function tlsOf(options: object): TlsClientSettings {
  // Browsers offer the same protocol for `wss:`.
  return { ...TLS_CLIENT.pick(options), alpnProtocols: ["http/1.1"], handshakeTimeout: 0 };
}

/**
 * Opens the connection for a WebSocket: directly, through a proxy, or to a Unix socket; with TLS for
 * `wss:`. The signal has the time limit.
 *
 * @throws {NetError} As `connectTcp`, `connectTls`, `connectUnix` and `openTunnel`.
 * @throws {TypeError} If an option of TLS or the URL of a proxy cannot be used.
 */
export async function openTransport(
  target: WsTarget,
  { tls, unixSocket, proxy, connection }: TransportOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const { hostname, port, secure } = target;
  const limits = { ...connection, timeout: 0, signal };
  const server = unixSocket === undefined ? chooseProxy(proxy)(target.url) : undefined;
  if (unixSocket === undefined && server === undefined) {
    return secure
      ? await connectTls({ ...limits, ...tls, hostname, port })
      : await connectTcp({ ...limits, hostname, port });
  }
  const conn = server === undefined
    ? await connectUnix({ ...limits, path: unixSocket! })
    : await openTunnel(server, { hostname, port }, {
      signal,
      timeout: 0,
      connection,
      caCerts: tls.caCerts,
    });
  if (!secure) return conn;
  try {
    return await upgradeTls(conn, { serverName: hostname, ...tls, signal });
  } catch (error) {
    conn.abort(error);
    throw error;
  }
}
