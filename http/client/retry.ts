/**
 * When a request is tried again and how long to wait before it: the meaning of
 * urllib3's `Retry`.
 *
 * Failures are counted in all and by kind. A failed connection is tried again
 * whatever the method, for nothing was sent. Everything else only for methods
 * that may be repeated (RFC 9110 §9.2.2), or with an `Idempotency-Key`, and
 * only if the body can be sent again. The first retry comes at once; the waits
 * after it double: with a factor of 0.5 they are 0, 1, 2, 4 … seconds.
 *
 * @example Wait as the server asks
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
import { checkCount, checkTime } from "../internal/option_defaults.ts";

/** Options of retrying. All times are in milliseconds. */
export interface HttpRetryOptions {
  /**
   * The most retries, whatever they are for; 0 for none. Redirects do not count, as
   * in a session of Python's requests.
   *
   * @default 3
   */
  total?: number;
  /**
   * The most retries after failures to connect.
   *
   * @default total
   */
  connect?: number;
  /**
   * The most retries after failures when the request may have been sent.
   *
   * @default total
   */
  read?: number;
  /**
   * The most retries after an answer with a status of `statusForcelist`, or with `Retry-After`.
   *
   * @default total
   */
  status?: number;
  /**
   * The most redirects, where that is less than `maxRedirects`.
   *
   * @default maxRedirects
   */
  redirect?: number;
  /**
   * The most retries after any other failure that may pass.
   *
   * @default total
   */
  other?: number;
  /**
   * Waits are this, in seconds, times two to the power of the failures in a row less one.
   *
   * @default 0.5
   */
  backoffFactor?: number;
  /**
   * Up to how much is added to each wait by chance.
   *
   * @default 0
   */
  jitter?: number;
  /**
   * The longest wait of the backoff.
   *
   * @default 120000
   */
  maxBackoff?: number;
  /**
   * The statuses that are tried again.
   *
   * @default [500, 502, 503, 504]
   */
  statusForcelist?: readonly number[];
  /**
   * The methods that are tried again once a request may have been sent.
   *
   * @default ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"]
   */
  methods?: readonly string[];
  /**
   * Whether to wait as long as `Retry-After` says, and to try 413, 429 and 503 again that have it.
   *
   * @default true
   */
  respectRetryAfter?: boolean;
  /**
   * The longest wait that a server can ask for; beyond it we wait that long.
   *
   * @default 60000
   */
  maxRetryAfter?: number;
}

/** {@linkcode HttpRetryOptions} checked and complete. */
export interface HttpRetryPolicy {
  /** Retries in all. */
  readonly total: number;
  /** Retries by what failed. */
  readonly limits: Readonly<Record<HttpRetryCause, number>>;
  /** Redirects. */
  readonly redirect: number;
  /** In seconds. */
  readonly backoffFactor: number;
  /** In milliseconds. */
  readonly jitter: number;
  /** In milliseconds. */
  readonly maxBackoff: number;
  /** Statuses that are tried again. */
  readonly statuses: ReadonlySet<number>;
  /** Methods that are tried again. */
  readonly methods: ReadonlySet<string>;
  /** Whether `Retry-After` counts. */
  readonly respectRetryAfter: boolean;
  /** In milliseconds. */
  readonly maxRetryAfter: number;
}

/** What a retry is for. */
export type HttpRetryCause = "connect" | "read" | "status" | "other";

const IDEMPOTENT = ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"];
const AFTER: ReadonlySet<number> = new Set([413, 429, 503]);

/**
 * Fills in the defaults.
 *
 * @param options What was asked for; false for no retries.
 * @returns The policy.
 * @throws {RangeError} If an option is out of range.
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
  const given = options === false ? { total: 0 } : options;
  const total = count("retry.total", given.total ?? 3);
  const limit = (name: HttpRetryCause) => count(`retry.${name}`, given[name] ?? total);
  return {
    total,
    limits: {
      connect: limit("connect"),
      read: limit("read"),
      status: limit("status"),
      other: limit("other"),
    },
    redirect: count("retry.redirect", given.redirect ?? Infinity),
    backoffFactor: number("retry.backoffFactor", given.backoffFactor ?? 0.5),
    jitter: number("retry.jitter", given.jitter ?? 0),
    maxBackoff: checkTime("retry.maxBackoff", given.maxBackoff, 120_000),
    statuses: new Set(given.statusForcelist ?? [500, 502, 503, 504]),
    methods: new Set((given.methods ?? IDEMPOTENT).map((method) => method.toUpperCase())),
    respectRetryAfter: given.respectRetryAfter ?? true,
    maxRetryAfter: checkTime("retry.maxRetryAfter", given.maxRetryAfter, 60_000),
  };
}

/**
 * Says whether an answer is one to try again.
 *
 * @param policy The policy.
 * @param status The status of the answer.
 * @param hasRetryAfter Whether it has the header `Retry-After`.
 * @returns Whether, if the method and the body allow it.
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
 * The wait before the next try.
 *
 * @param failures How many tries have failed in a row.
 * @param options The factor in seconds, jitter and longest wait in milliseconds.
 * @param random A number from 0 up to 1, for the jitter.
 * @returns The wait in milliseconds.
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
  if (failures <= 1) return 0;
  const { backoffFactor = 0.5, jitter = 0, maxBackoff = 120_000 } = options;
  const wait = backoffFactor * 1000 * 2 ** (failures - 1) + random() * jitter;
  return Math.max(0, Math.min(maxBackoff, wait));
}

/**
 * Reads `Retry-After` in both forms: seconds, or a date (RFC 9110 §10.2.3).
 *
 * @param value The header.
 * @param now The time, in milliseconds since 1970.
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

function count(name: string, value: number): number {
  return value === 0 ? 0 : checkCount(name, value, 0);
}

function number(name: string, value: number): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(`Cannot use ${name}: it is a number from 0 up, not ${value}`);
}
