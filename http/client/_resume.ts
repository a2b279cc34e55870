import { parseDigits } from "../../net/text.ts";
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
export function stateOf(url: string, headers: Headers): PartialState | undefined {
  const validator = validatorOf(headers);
  // Encoded content is no part of the file.
  if (validator === undefined || headers.has("content-encoding")) return undefined;
  return { url, validator, total: lengthOf(headers) };
}

/** Returns whether the content has changed, although the server got `If-Range`. */
export function hasChanged(
  state: PartialState,
  headers: Headers,
  total: number | undefined,
): boolean {
  const etag = headers.get("etag");
  if (etag !== null && state.validator.startsWith('"') && etag !== state.validator) return true;
  return total !== undefined && state.total !== undefined && total !== state.total;
}

/** Returns the value for `If-Range` (RFC 9110 §13.1.5, §8.8.2.2). */
function validatorOf(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  if (etag !== null && etag.startsWith('"')) return etag;
  const modified = headers.get("last-modified");
  const age = Date.parse(headers.get("date") ?? "") - Date.parse(modified ?? "");
  return modified !== null && age >= 1000 ? modified : undefined;
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
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (start === undefined || headers.has("content-encoding")) return undefined;
  const size = total === "*" ? undefined : Number(total);
  const end = Number(last) + 1;
  if (end <= Number(start) || end > (size ?? Infinity)) return undefined;
  return { start: Number(start), end, total: size };
}
