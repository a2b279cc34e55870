/** What close codes say (RFC 6455 section 7.4). */

import { NetError } from "../../net/errors/errors.ts";
import { escapeControls } from "../../net/text.ts";
import { isCloseCode } from "../frame_codec.ts";

/** The codes with which a connection ends in good order. */
const ORDERLY: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Ends after which the same would happen again. */
const OVER: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);

/** Whether to come back after this end may help. */
export function mayComeBack(code: number): boolean {
  return !OVER.has(code);
}

/** Refuses codes and reasons of a close frame that the standard has not. */
export function checkClose(code: number, reason: string): void {
  if (!isCloseCode(code)) {
    throw new RangeError(`Cannot close with ${code}: it is none of the codes of RFC 6455, 7.4`);
  }
  if (new TextEncoder().encode(reason).length > 123) {
    throw new RangeError("Cannot close with this reason: it may have 123 bytes");
  }
}

/** The code that may be sent: a client has only 1000 and its own, e.g. 4009 for 1009. */
export function sendableCode(code: number, server: boolean): number {
  return server || code === 1000 || code >= 3000 ? code : code + 3000;
}

/** What a close of the peer's says, if it is no orderly end. */
export function judgeClose(peer: string, code: number, reason: string): NetError | undefined {
  if (ORDERLY.has(code)) return undefined;
  const rest = { phase: "read", address: peer } as const;
  if (code === 1006) {
    return new NetError(`${peer} broke off without a close frame`, { kind: "truncated", ...rest });
  }
  const why = reason === "" ? "" : `: ${escapeControls(reason)}`;
  const message = `${peer} closed with ${code}${why}`;
  return new NetError(message, { kind: "closed", code: `${code}`, ...rest });
}
