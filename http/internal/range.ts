import { lowerAscii, trimBlanks } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** A piece of a file, from `start` (inclusive) to `end` (exclusive). */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` of one piece (RFC 9110 §14.2). Several pieces, other units and malformed values
 * are ignored, as the RFC allows.
 *
 * @param value The value of the header, or null without one.
 * @param size The size of the file in bytes.
 * @returns The piece; null if the file has no such piece; undefined if the header must be ignored.
 */
export function parseRange(value: string | null, size: number): Piece | null | undefined {
  const [unit = "", ...rest] = (value ?? "").split("=", 3);
  if (rest.length !== 1 || lowerAscii(trimBlanks(unit)) !== "bytes") return undefined;
  const pieces = parseList(rest[0]!);
  const match = pieces.length === 1 ? /^(\d*)-(\d*)$/.exec(pieces[0]!) : null;
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const length = Number(last);
    if (length === 0 || size === 0) return null;
    return { start: Math.max(size - length, 0), end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return null;
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
