/**
 * Answers to GET and HEAD with a representation: conditions (RFC 9110 §13) and ranges (§14).
 *
 * @module
 */

import { matchesETag } from "../etag.ts";
import { problem } from "../problem.ts";
import { parseHttpDate } from "./http_date.ts";
import { parseRange, type Piece } from "./range.ts";

/** The current version of a representation. */
export interface Representation {
  /** The size in bytes. */
  readonly size: number;
  /** The entity tag. */
  readonly etag: string;
  /** The modification time in whole seconds since 1970; undefined if it is unknown. */
  readonly modified?: number | undefined;
  /** Whether the modification time identifies a version (RFC 9110 §8.8.2.2). */
  readonly strongDate?: boolean;
}

/** Returns the bytes of a piece, or a stream of them. */
export type PieceSource = (piece: Piece) => BodyInit | Promise<BodyInit>;

/**
 * Answers a request with a representation: with all of it, a piece of it, or only a status, as the
 * conditions and the range of the request demand.
 *
 * @param request A request with the method GET or HEAD.
 * @param version The current version of the representation.
 * @param headers The fields of the response. This function adds its own.
 * @param body Returns the bytes of a piece; not called if the response has no body.
 * @returns The response, with status 200, 206, 304, 412 or 416.
 */
export async function answerWith(
  request: Request,
  version: Representation,
  headers: Headers,
  body: PieceSource,
): Promise<Response> {
  const { size, etag, modified, strongDate = false } = version;
  const { headers: given, method } = request;
  headers.set("etag", etag);
  headers.set("accept-ranges", "bytes");
  if (modified !== undefined) {
    headers.set("last-modified", new Date(modified * 1000).toUTCString());
  }
  if (isOther(given, etag, modified)) return problem(412);
  if (isUnchanged(given, etag, modified)) {
    headers.delete("content-type");
    return new Response(null, { status: 304, headers });
  }
  const ranged = method === "GET" && rangeApplies(given, etag, strongDate ? modified : undefined);
  const piece = ranged ? parseRange(given.get("range"), size) : undefined;
  if (piece === null) return problem(416, { headers: { "content-range": `bytes */${size}` } });
  const { start, end } = piece ?? { start: 0, end: size };
  headers.set("content-length", String(end - start));
  if (piece !== undefined) headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
  const status = piece === undefined ? 200 : 206;
  return new Response(method === "HEAD" ? null : await body({ start, end }), { status, headers });
}

/** Returns whether the request is for another version (RFC 9110 §13.1.1, §13.1.4). */
function isOther(headers: Headers, etag: string, modified: number | undefined): boolean {
  const tags = headers.get("if-match");
  if (tags !== null) return !matchesETag(tags, etag, "strong");
  const since = dateOf(headers, "if-unmodified-since");
  return since !== undefined && modified !== undefined && modified > since;
}

/** Returns whether the client already has this version (RFC 9110 §13.1.2, §13.1.3). */
function isUnchanged(headers: Headers, etag: string, modified: number | undefined): boolean {
  const tags = headers.get("if-none-match");
  // RFC 9110 §13.2.2: tags take precedence over the date.
  if (tags !== null) return matchesETag(tags, etag, "weak");
  const since = dateOf(headers, "if-modified-since");
  return since !== undefined && modified !== undefined && modified <= since;
}

/** Returns whether `If-Range` allows `Range`: only for exactly this version (RFC 9110 §13.1.5). */
function rangeApplies(headers: Headers, etag: string, modified: number | undefined): boolean {
  const condition = headers.get("if-range");
  if (condition === null) return true;
  if (condition.startsWith('"')) return condition === etag;
  return modified !== undefined && dateOf(headers, "if-range") === modified;
}

/** Returns a date in seconds since 1970; undefined if it is missing or malformed. */
function dateOf(headers: Headers, name: string): number | undefined {
  const value = headers.get(name);
  const time = value === null ? undefined : parseHttpDate(value);
  return time === undefined ? undefined : time / 1000;
}
