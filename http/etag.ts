/**
 * Comparison of entity tags in conditional requests (RFC 9110 §13.1.1, §13.1.2).
 *
 * @example Check whether a client already has a version
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
 * Returns whether `If-Match` or `If-None-Match` contains an entity tag. `*` matches every
 * representation, also one without a tag. Members that are not entity tags match nothing.
 *
 * @param value The value of the field.
 * @param etag The tag of the current representation, such as `"a"` or `W/"a"`; undefined without one.
 * @param comparison "strong" for `If-Match`, where a weak tag matches nothing; "weak" for
 * `If-None-Match`, where `W/` makes no difference.
 * @returns Whether the field contains the tag.
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

/** Returns whether a tag is strong (RFC 9110 §8.8.3). "W/" is always in capitals. */
function isStrong(etag: string): boolean {
  return !etag.startsWith("W/");
}

/** Returns a tag without "W/". */
function opaqueOf(etag: string): string {
  return isStrong(etag) ? etag : etag.slice(2);
}
