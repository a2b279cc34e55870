import { assertEquals } from "@std/assert";
import { matchesETag } from "../../http/etag.ts";

/** Field, tag, and whether they match weakly (`If-None-Match`) and strongly (`If-Match`). */
const ROWS: [value: string, etag: string | undefined, weak: boolean, strong: boolean][] = [
  // The table of RFC 9110 §8.8.3.2.
  ['W/"1"', 'W/"1"', true, false],
  ['W/"1"', 'W/"2"', false, false],
  ['W/"1"', '"1"', true, false],
  ['"1"', '"1"', true, true],
  ['"1"', 'W/"1"', true, false],
  // Lists.
  ['"a", "b", W/"c"', '"b"', true, true],
  ['"a", "b", W/"c"', '"c"', true, false],
  ['\t"a"\t,,"b"', '"b"', true, true],
  ['"a,b"', '"a,b"', true, true],
  ['"a,b"', '"a', false, false],
  [String.raw`"a\", "b"`, '"b"', true, true],
  // Anything that there is.
  ["*", '"a"', true, true],
  [" *\t", '"a"', true, true],
  ["*", undefined, true, true],
  ['"a"', undefined, false, false],
  // A star is no member of a list, and these are no tags.
  ['*, "b"', '"a"', false, false],
  ["a", '"a"', false, false],
  ['w/"a"', '"a"', false, false],
  ['"a" "b"', '"b"', false, false],
  ['"a, "b"', '"b"', true, true],
  ['\u00a0"a"', '"a"', false, false],
  ['"A"', '"a"', false, false],
  ["", '"a"', false, false],
];

for (const [value, etag, weak, strong] of ROWS) {
  Deno.test(`matchesETag() compares ${JSON.stringify(value)} with ${etag}`, () => {
    assertEquals(matchesETag(value, etag, "weak"), weak);
    assertEquals(matchesETag(value, etag, "strong"), strong);
  });
}
