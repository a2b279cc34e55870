import { formatAddress } from "./address.ts";
import { NetError, toNetError } from "./errors.ts";
import { withDeadline } from "./_deadline.ts";
import { closeQuietly } from "./_dial.ts";
import type { TlsInfo } from "./transport.ts";

/** Limits of a handshake. */
export interface HandshakeOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The address in messages. @default the remote address */
  readonly address?: string;
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
