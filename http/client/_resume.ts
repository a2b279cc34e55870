import { parseDigits } from "../../net/text.ts";
import { parseHttpDate } from "../internal/http_date.ts";
import type { PartialState } from "./_partial_file.ts";

/** Returns the headers that request the rest of unchanged content. */
export function rangeHeaders(
  size: number,
  state: PartialState | undefined,
): Record<string, string> {
  if (size === 0 || state === undefined) return { "accept-encoding": "identity" };
  return {
    "accept-encoding": "identity",
    "range": `bytes=${size}-`,
    "if-range": state.validator,
  };
}

/** Returns the identity of the content of a response; undefined if the download could not resume. */
export function stateOf(
  url: string,
  headers: Headers,
  total = lengthOf(headers),
): PartialState | undefined {
  const [etag, modified] = [headers.get("etag"), headers.get("last-modified")];
  const validator = etag?.startsWith('"') ? etag : strongDate(modified, headers.get("date"));
  // Encoded content is no part of the file.
  if (validator === undefined || headers.has("content-encoding")) return undefined;
  return { url, validator, etag: etag ?? undefined, modified: modified ?? undefined, total };
}

/**
 * Returns whether the content has changed. A server that knows ranges but not `If-Range` sends a piece of
 * the new content, so everything that both responses state must be equal.
 */
export function hasChanged(
  state: PartialState,
  headers: Headers,
  total: number | undefined,
): boolean {
  return differs(state.etag, headers.get("etag")) ||
    differs(state.modified, headers.get("last-modified")) || differs(state.total, total);
}

function differs<T>(before: T | undefined, now: T | null | undefined): boolean {
  return before !== undefined && now !== undefined && now !== null && before !== now;
}

/**
 * Returns a date that can be used in `If-Range` (RFC 9110 §13.1.5, §8.8.2.2). A response without `Date`
 * counts as sent now (§6.6.1).
 */
function strongDate(modified: string | null, date: string | null): string | undefined {
  if (modified === null) return undefined;
  const sent = date === null ? Date.now() : parseHttpDate(date);
  const changed = parseHttpDate(modified);
  if (sent === undefined || changed === undefined) return undefined;
  return sent - changed >= 1000 ? modified : undefined;
}

/** Returns the length of the content in bytes; undefined if the server does not state it. */
export function lengthOf(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : parseDigits(length);
}

/** The range of a 206 response. `end` is exclusive. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly total: number | undefined;
}

/** Returns the range of a 206 response; undefined if it states none. */
export function rangeOf(headers: Headers): Piece | undefined {
  const [, start, last, total] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(headers.get("content-range") ?? "") ?? [];
  if (start === undefined || headers.has("content-encoding")) return undefined;
  const size = total === "*" ? undefined : Number(total);
  const end = Number(last) + 1;
  if (end <= Number(start) || end > (size ?? Infinity)) return undefined;
  return { start: Number(start), end, total: size };
}
