import { domainToASCII } from "node:url";
import { formatAddress } from "../address.ts";
import { readAddressBytes } from "../address_block.ts";
import type { UpgradedTransport } from "../connection/options.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { withDeadline } from "../internal/deadline.ts";
import { closeQuietly } from "../internal/dial.ts";
import { guardSocket } from "../internal/socket_guard.ts";
import { isPresentable } from "../internal/x509/names.ts";
import type { TlsInfo, TlsVersion } from "../connection/transport.ts";

/** Options of a handshake. */
export interface HandshakeOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The address in messages. @default the remote address */
  readonly address?: string;
}

/** Options of the client side of a handshake. */
export interface DialTlsOptions {
  readonly serverName: string;
  readonly caCerts?: readonly string[] | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly pin?: string | readonly string[] | undefined;
  readonly alpnProtocols?: readonly string[] | undefined;
  readonly minVersion?: TlsVersion | undefined;
  readonly handshakeTimeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The address in messages. @default the remote address */
  readonly address?: string;
}

/** Performs the client side of a handshake with TLS of Deno. On failure it closes `raw`. */
export async function startTls(
  raw: Deno.TcpConn,
  options: DialTlsOptions,
): Promise<UpgradedTransport> {
  const { caCerts, alpnProtocols, handshakeTimeout, signal } = options;
  const address = options.address ?? formatAddress(raw.remoteAddr);
  using guard = guardSocket(raw);
  let transport: Deno.TlsConn;
  try {
    transport = await Deno.startTls(raw, {
      hostname: nameToVerify(options.serverName),
      ...(caCerts && { caCerts: [...caCerts] }),
      ...(alpnProtocols && { alpnProtocols: [...alpnProtocols] }),
    });
  } catch (error) {
    closeQuietly(raw);
    throw toNetError(error, { phase: "handshake", address });
  }
  try {
    const tls = await completeHandshake(transport, { timeout: handshakeTimeout, signal, address });
    return { transport, tls };
  } catch (error) {
    guard?.cut();
    throw error;
  }
}

/** Performs a TLS handshake. On failure it closes the connection. */
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

/** Returns the error for a handshake that exceeds its time limit. */
export function handshakeTooLong(address: string, timeout: number): NetError {
  const message = `TLS handshake with ${address} took longer than ${timeout} ms`;
  return new NetError(message, { kind: "timeout", phase: "handshake", address });
}

/**
 * Returns the name to request and to verify: in ASCII (RFC 5890), without brackets, a zone, and a dot at
 * its end.
 *
 * @throws {TypeError} If no certificate can have the name.
 */
export function nameToVerify(serverName: string): string {
  const bare = bareName(serverName).replace(/^([^%]*:[^%]*)%.*$/, "$1");
  if (readAddressBytes(bare) !== undefined) return bare;
  const name = /^[!-~]*$/.test(bare) ? bare : bareName(domainToASCII(bare));
  if (isPresentable(name) && !name.startsWith("*")) return name;
  throw new TypeError(`no certificate can have the name ${JSON.stringify(serverName)}`);
}

/** Returns a name as it is in certificates: without brackets, and without a dot at its end. */
export function bareName(serverName: string): string {
  return serverName.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}
