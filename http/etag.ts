/**
 * Compares an entity tag with those that a client names (RFC 9110 §13.1.1, §13.1.2).
 *
 * @example Has the client got it already?
 * ```ts
 * import { matchesETag } from "@portside/kit/http/etag";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/", {
 *   headers: { "if-none-match": 'W/"a", "b"' },
 * });
 * const tags = request.headers.get("if-none-match")!;
 * assertEquals(matchesETag(tags, '"a"', "weak"), true);
 * assertEquals(matchesETag(tags, '"a"', "strong"), false);
 * ```
 *
 * **Permissions**: none. Source: RFC 9110 §8.8.3.2.
 *
 * @module
 */

import { trimBlanks } from "../net/text.ts";
import { parseList } from "./header_list.ts";

/**
 * Tells whether `If-Match` or `If-None-Match` names an entity tag. `*` names every representation,
 * also one without a tag. Members that are no entity tags match nothing.
 *
 * @param value The value of the field.
 * @param etag The tag of what there is now, e.g. `"a"` or `W/"a"`; undefined if it has none.
 * @param comparison "strong" for `If-Match`, where a weak tag matches nothing; "weak" for
 * `If-None-Match`, where `W/` makes no difference.
 * @returns Whether the tag is named.
 *
 * @example Any representation
 * ```ts
 * import { matchesETag } from "@portside/kit/http/etag";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(matchesETag("*", undefined, "weak"), true);
 * assertEquals(matchesETag('"a,b"', '"b"', "weak"), false);
 * ```
 */
export function matchesETag(
  value: string,
  etag: string | undefined,
  comparison: "strong" | "weak",
): boolean {
  if (trimBlanks(value) === "*") return true;
  if (etag === undefined) return false;
  if (comparison === "strong") {
    return isStrong(etag) && parseList(value, "entity-tag").includes(etag);
  }
  const opaque = opaqueOf(etag);
  return parseList(value, "entity-tag").some((tag) => opaqueOf(tag) === opaque);
}

/** Whether it is not weak (RFC 9110 §8.8.3); "W/" is in capitals always. */
function isStrong(etag: string): boolean {
  return !etag.startsWith("W/");
}

/** A tag without the mark of weakness. */
function opaqueOf(etag: string): string {
  return isStrong(etag) ? etag : etag.slice(2);
}
