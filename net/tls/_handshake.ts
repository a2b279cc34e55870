import { formatAddress } from "../address.ts";
import type { UpgradedTransport } from "../connection/options.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { withDeadline } from "../internal/deadline.ts";
import { closeQuietly } from "../internal/dial.ts";
import type { TlsInfo, TlsVersion } from "../connection/transport.ts";

/** Limits of a handshake. */
export interface HandshakeOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The address in messages. @default the remote address */
  readonly address?: string;
}

/** What the client's side of a handshake needs. */
export interface DialTlsOptions {
  readonly serverName: string;
  readonly caCerts?: readonly string[] | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly alpnProtocols?: readonly string[] | undefined;
  readonly minVersion?: TlsVersion | undefined;
  readonly handshakeTimeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The address in messages. @default the remote address */
  readonly address?: string;
}

/** Does the client's side of the handshake by Deno's own TLS; on failure `raw` is closed. */
export async function startTls(
  raw: Deno.TcpConn,
  options: DialTlsOptions,
): Promise<UpgradedTransport> {
  const { caCerts, alpnProtocols, handshakeTimeout, signal } = options;
  const address = options.address ?? formatAddress(raw.remoteAddr);
  let transport: Deno.TlsConn;
  try {
    transport = await Deno.startTls(raw, {
      hostname: bareName(options.serverName),
      ...(caCerts && { caCerts: [...caCerts] }),
      ...(alpnProtocols && { alpnProtocols: [...alpnProtocols] }),
    });
  } catch (error) {
    closeQuietly(raw);
    throw toNetError(error, { phase: "handshake", address });
  }
  const tls = await completeHandshake(transport, { timeout: handshakeTimeout, signal, address });
  return { transport, tls };
}

/** Does the TLS handshake; on failure the connection is closed. */
export async function completeHandshake(
  conn: Deno.TlsConn,
  options: HandshakeOptions,
): Promise<TlsInfo> {
  const { timeout, signal } = options;
  const address = options.address ?? formatAddress(conn.remoteAddr);
  try {
    const { alpnProtocol } = await withDeadline(
      conn.handshake(),
      timeout,
      () => handshakeTooLong(address, timeout),
      signal,
    );
    return { alpnProtocol };
  } catch (error) {
    closeQuietly(conn);
    if (signal?.aborted) throw signal.reason;
    throw toNetError(error, { phase: "handshake", address });
  }
}

/** The error of a handshake that is given up. */
export function handshakeTooLong(address: string, timeout: number): NetError {
  const message = `TLS handshake with ${address} took longer than ${timeout} ms`;
  return new NetError(message, { kind: "timeout", phase: "handshake", address });
}

/** A name as certificates bear it: an address without brackets, a name without the point at its end. */
export function bareName(serverName: string): string {
  return serverName.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}
