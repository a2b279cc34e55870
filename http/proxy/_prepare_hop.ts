/** Turns a TCP connection to the next hop into a connection for requests. */

import type { HostPort } from "../../net/address.ts";
import { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { SocksHandshake, type SocksLogin } from "../../net/socks_codec.ts";
import type { Transport } from "../../net/connection/transport.ts";
import { upgradeTls } from "../../net/tls/upgrade.ts";
import { closeQuietly } from "../../net/internal/close_quietly.ts";
import type { ParentProxy } from "./_next_hop.ts";
import type { Way } from "./_route.ts";
import { writeAll } from "../internal/write_all.ts";

/**
 * Prepares a connection for requests: SOCKS handshake, PROXY header, TLS handshake. SOCKS servers do not
 * support the PROXY header, so the server behind one gets it.
 *
 * @param conn The connection to the next hop. It is closed on failure and when the signal aborts.
 * @param way The way that the connection serves.
 * @param host The host for a SOCKS server: a name or an allowed address.
 * @param signal Ends the preparation when it aborts.
 * @throws {NetError} If the next hop violates its protocol, or refuses.
 */
export async function passHop(
  conn: Transport,
  way: Way,
  host: HostPort,
  signal: AbortSignal,
): Promise<Transport> {
  const stop = () => closeQuietly(conn);
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    return await pass(conn, way, host, signal);
  } catch (error) {
    closeQuietly(conn);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function pass(
  conn: Transport,
  { hop: { proxy }, introduction }: Way,
  host: HostPort,
  signal: AbortSignal,
): Promise<Transport> {
  const behind = proxy?.protocol === "socks";
  if (behind) await throughSocks(conn, host, proxy.login);
  if (introduction !== undefined) await writeAll(conn, introduction.header);
  return proxy?.secure ? await startTls(conn, proxy, signal) : conn;
}

async function startTls(
  conn: Transport,
  { target, caCerts, pin }: ParentProxy,
  signal: AbortSignal,
): Promise<Transport> {
  const connection = new Connection(conn, { writeTimeout: 0 });
  await upgradeTls(connection, {
    serverName: target.hostname,
    ...(caCerts && { caCerts: [...caCerts] }),
    ...(pin !== undefined && { pin }),
    // The signal limits the handshake.
    handshakeTimeout: 0,
    signal,
  });
  return connection.detach().transport;
}

async function throughSocks(
  conn: Transport,
  host: HostPort,
  login: SocksLogin | undefined,
): Promise<void> {
  const socks = new SocksHandshake(host, login);
  await writeAll(conn, socks.start());
  while (!socks.connected) {
    // Never read more than is missing: the bytes that follow come from the target.
    const buffer = new Uint8Array(socks.missing);
    const size = await conn.read(buffer);
    if (size === null) {
      throw new NetError("The SOCKS server ended the connection", {
        kind: "truncated",
        phase: "connect",
      });
    }
    for (const event of socks.push(buffer.subarray(0, size))) {
      if (event.kind === "send") await writeAll(conn, event.bytes);
    }
  }
}
