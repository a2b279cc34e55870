/** The meaning of close codes (RFC 6455 section 7.4). */

import { NetError } from "../../net/errors/errors.ts";
import { escapeControls } from "../../net/text.ts";
import { isCloseCode } from "../frame_codec.ts";

/** Codes of a normal end. */
const ORDERLY: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Codes after which a new connection would end in the same way. */
const FINAL: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);

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
 * Returns the code to send. The API of Deno's client accepts only 1000 and 3000 to 4999, so a client
 * sends, for example, 4009 in place of 1009.
 */
export function sendableCode(code: number, server: boolean): number {
  return server || code === 1000 || code >= 3000 ? code : code + 3000;
}

/** Returns the error for a close by the peer; undefined for a normal end. */
export function judgeClose(peer: string, code: number, reason: string): NetError | undefined {
  if (ORDERLY.has(code)) return undefined;
  const rest = { phase: "read", address: peer } as const;
  if (code === 1006) {
    const message = `${peer} ended the connection without a close frame`;
    return new NetError(message, { kind: "truncated", ...rest });
  }
  const why = reason === "" ? "" : `: ${escapeControls(reason)}`;
  const message = `${peer} closed with ${code}${why}`;
  return new NetError(message, { kind: "closed", code: `${code}`, ...rest });
}
