/** HTTP dates, as `Retry-After` carries them (RFC 9110 §5.6.7). */

import { assertEquals } from "@std/assert";
import { parseRetryAfter } from "../../../http/client/retry.ts";

const NOW = Date.UTC(2026, 0, 1);

for (
  const [value, time] of [
    ["Sun, 06 Nov 2044 08:49:37 GMT", Date.UTC(2044, 10, 6, 8, 49, 37)],
    ["Sunday, 06-Nov-44 08:49:37 GMT", Date.UTC(2044, 10, 6, 8, 49, 37)],
    ["Sun Nov  6 08:49:37 2044", Date.UTC(2044, 10, 6, 8, 49, 37)],
    ["Sun Nov 06 08:49:37 2044", Date.UTC(2044, 10, 6, 8, 49, 37)],
    ["Tue, 29 Feb 2028 23:59:60 GMT", Date.UTC(2028, 1, 29, 23, 59, 59)],
    ["Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59)],
    ["Sun, 06 Nov 1994 08:49:37 GMT", NOW],
    ["Thu, 01 Jan 1970 00:00:00 GMT", NOW],
    // Two digits are never more than 50 years in the future.
    ["Friday, 01-Jan-76 00:00:00 GMT", Date.UTC(2076, 0, 1)],
    ["Friday, 01-Jan-77 00:00:00 GMT", NOW],
  ] as const
) {
  Deno.test(`parseRetryAfter() reads ${value}`, () => {
    assertEquals(parseRetryAfter(value, NOW), time - NOW);
  });
}

for (
  const value of [
    "",
    "yesterday",
    "Wait 2099",
    "2044-11-06T08:49:37Z",
    "Sun, 06 Nov 2044 08:49:37",
    "Sun, 06 Nov 2044 08:49:37 UTC",
    "Sun, 06 Nov 2044 08:49:37 +0000",
    "Sun, 06 Nov 2044 04:49:37 EST",
    "sun, 06 nov 2044 08:49:37 gmt",
    "Sun, 6 Nov 2044 08:49:37 GMT",
    "Sun, 00 Nov 2044 08:49:37 GMT",
    "Sun, 31 Nov 2044 08:49:37 GMT",
    "Sun, 29 Feb 2043 08:49:37 GMT",
    "Sun, 06 Nov 2044 24:00:00 GMT",
    "Sun, 06 Nov 2044 08:60:37 GMT",
    "Sun, 06 Nov 2044 08:49:61 GMT",
    "Sun, 06 Nov 2044 08:49:37 GMT\u00a0",
    "Sun Nov  6 08:49:37 2044 GMT",
    "Sun Nov 6 08:49:37 2044",
    "+5",
    "1e3",
    "5.5",
    "5 s",
  ]
) {
  Deno.test(`parseRetryAfter() refuses ${JSON.stringify(value)}`, () => {
    assertEquals(parseRetryAfter(value, NOW), undefined);
  });
}
