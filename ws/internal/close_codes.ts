/** The close codes: when each of them is sent, and what a received one means (RFC 6455 §7.4). */

import { NetError } from "../../net/errors/errors.ts";
import { escapeControls } from "../../net/text.ts";

/** The codes that this package sends or reports itself. */
export const CloseCode = {
  /** The program has closed the connection. */
  normal: 1000,
  /** The server stops, the handshake took too long, or the peer does not answer a ping. */
  goingAway: 1001,
  /** A frame violates the protocol. Exceptions have a code of their own below. */
  protocolError: 1002,
  /** Reported, never sent: the close frame of the peer has no code. */
  none: 1005,
  /** Reported, never sent: the connection ended without a close frame. */
  abnormal: 1006,
  /** A text is not valid UTF-8, or is not JSON where JSON is required. */
  invalidText: 1007,
  /** Too many messages, too many empty fragments, a value that fails its check, or a slow reader. */
  policyViolation: 1008,
  /** A message is above the size limit. */
  tooLarge: 1009,
  /** The handler has failed. */
  internalError: 1011,
} as const;

/** Codes of a normal end. */
const ORDERLY: ReadonlySet<number> = new Set([
  CloseCode.normal,
  CloseCode.goingAway,
  CloseCode.none,
]);

/** Codes after which a new connection would end in the same way. */
const FINAL: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);

/**
 * Returns whether a close frame may contain a code (RFC 6455 §7.4): 1000 to 1003, 1007 to 1014, and
 * 3000 to 4999.
 *
 * @param code The close code to check.
 * @returns True if the code may be sent.
 */
export function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code) || (code >= 1004 && code <= 1006)) return false;
  return (code >= 1000 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** Returns whether a new connection may succeed after a connection ended with this code. */
export function mayComeBack(code: number): boolean {
  return !FINAL.has(code);
}

/** Rejects codes and reasons that the standard does not allow in a close frame. */
export function checkClose(code: number, reason: string): void {
  if (!isCloseCode(code)) {
    throw new RangeError(
      `Cannot close with ${code}: the code must be 1000 to 1003, 1007 to 1014, or 3000 to 4999`,
    );
  }
  if (new TextEncoder().encode(reason).length > 123) {
    throw new RangeError("Cannot close with this reason: it has more than 123 bytes");
  }
}

/**
 * Returns the code to send with a WebSocket of Deno. On the client side, its API accepts only 1000 and
 * 3000 to 4999, so it sends, for example, 4009 in place of 1009.
 */
export function sendableCode(code: number, server: boolean): number {
  return server || code === CloseCode.normal || code >= 3000 ? code : code + 3000;
}

/** Returns the error for a close by the peer; undefined for a normal end. */
export function judgeClose(peer: string, code: number, reason: string): NetError | undefined {
  if (ORDERLY.has(code)) return undefined;
  const rest = { phase: "read", address: peer } as const;
  if (code === CloseCode.abnormal) {
    const message = `${peer} ended the connection without a close frame`;
    return new NetError(message, { kind: "truncated", ...rest });
  }
  const why = reason === "" ? "" : `: ${escapeControls(reason)}`;
  const message = `${peer} closed with ${code}${why}`;
  return new NetError(message, { kind: "closed", code: `${code}`, ...rest });
}
