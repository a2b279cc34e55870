/**
 * The rules for retries and for the waits between them. They work like urllib3's `Retry`.
 *
 * Failures count in total and by kind. A failed connection is retried for every method, because nothing
 * was sent. Other failures are retried only for idempotent methods (RFC 9110 §9.2.2) or with an
 * `Idempotency-Key`, and only if the body can be sent again. The first retry starts at once. The
 * following waits double: with a factor of 0.5 they are 0, 1, 2, 4 … seconds.
 *
 * @example Wait as long as the server requests
 * ```ts
 * import { backoffDelay, parseRetryAfter } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseRetryAfter("120", 0), 120_000);
 * assertEquals(parseRetryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 0), 60_000);
 * assertEquals([1, 2, 3].map((failures) => backoffDelay(failures)), [0, 1000, 2000]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { parseDigits, trimBlanks } from "../../net/text.ts";
import { parseHttpDate } from "../internal/http_date.ts";
import { limit, OptionRules } from "../../net/internal/options.ts";
import { policyOf, retryWait } from "./_retry_defaults.ts";
import { RETRY } from "./_option_rules.ts";
import type { HttpRetryOptions, HttpRetryPolicy } from "./retry_options.ts";

export type * from "./retry_options.ts";

const { backoffFactor, jitter, maxBackoff } = RETRY.rules;
const BACKOFF = new OptionRules<
  Pick<HttpRetryOptions, "backoffFactor" | "jitter" | "maxBackoff">
>({ backoffFactor, jitter, maxBackoff });

const AFTER: ReadonlySet<number> = new Set([413, 429, 503]);

/**
 * Fills in the defaults of retry options.
 *
 * @param options The options; false for no retries.
 * @returns The complete policy, with times in milliseconds.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example The defaults
 * ```ts
 * import { retryPolicy } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const policy = retryPolicy();
 * assertEquals([policy.total, policy.backoffFactor], [3, 0.5]);
 * assertEquals([...policy.statuses], [500, 502, 503, 504]);
 * assertEquals(retryPolicy(false).total, 0);
 * ```
 */
export function retryPolicy(options: HttpRetryOptions | false = {}): HttpRetryPolicy {
  return policyOf(options === false ? false : RETRY.check("retryPolicy", options));
}

/**
 * Returns whether a response leads to a retry.
 *
 * @param policy The policy, from `retryPolicy`.
 * @param status The status of the response.
 * @param hasRetryAfter Whether the response has the header `Retry-After`.
 * @returns True if the request is retried, provided that its method and body allow it.
 *
 * @example Too many requests
 * ```ts
 * import { isRetryStatus, retryPolicy } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isRetryStatus(retryPolicy(), 429, true), true);
 * assertEquals(isRetryStatus(retryPolicy(), 429, false), false);
 * ```
 */
export function isRetryStatus(
  policy: HttpRetryPolicy,
  status: number,
  hasRetryAfter: boolean,
): boolean {
  return policy.statuses.has(status) ||
    (policy.respectRetryAfter && hasRetryAfter && AFTER.has(status));
}

/**
 * Returns the wait before the next try.
 *
 * @param failures The number of tries that have failed in a row.
 * @param options The factor in seconds; the jitter and the longest wait in milliseconds.
 * @param random Returns a number from 0 to 1 for the jitter.
 * @returns The wait in milliseconds; 0 before the first retry.
 * @throws {RangeError} If a number is out of range.
 *
 * @example Capped
 * ```ts
 * import { backoffDelay } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(backoffDelay(9, { backoffFactor: 1, maxBackoff: 5000 }), 5000);
 * ```
 */
export function backoffDelay(
  failures: number,
  options: Pick<HttpRetryOptions, "backoffFactor" | "jitter" | "maxBackoff"> = {},
  random: () => number = Math.random,
): number {
  limit("failures", failures);
  options = BACKOFF.check("backoffDelay", options);
  return retryWait(failures, options, random);
}

/**
 * Reads `Retry-After` in both forms: seconds, or a date (RFC 9110 §10.2.3).
 *
 * @param value The value of the header.
 * @param now The current time, in milliseconds since 1970.
 * @returns The wait in milliseconds, 0 for a date in the past; undefined if it is neither form.
 *
 * @example In the past
 * ```ts
 * import { parseRetryAfter } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseRetryAfter("Thu, 01 Jan 1970 00:00:00 GMT", 1000), 0);
 * assertEquals(parseRetryAfter("soon", 0), undefined);
 * ```
 */
export function parseRetryAfter(value: string, now: number): number | undefined {
  const text = trimBlanks(value);
  const seconds = parseDigits(text);
  if (seconds !== undefined) return seconds * 1000;
  const at = parseHttpDate(text, now);
  return at === undefined ? undefined : Math.max(0, at - now);
}
