import { backoff } from "../../net/internal/backoff.ts";
import { timeLimit } from "../../net/internal/options.ts";
import type { HttpRetryCause, HttpRetryOptions, HttpRetryPolicy } from "./retry_options.ts";

const IDEMPOTENT = ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"];

/** The default of `backoffFactor`, in seconds. */
const FACTOR = 0.5;
/** The default of `maxBackoff`, in milliseconds. */
const MAX_BACKOFF = 120_000;

/** Fills in the defaults of options that have been checked. */
export function policyOf(options: HttpRetryOptions | false = {}): HttpRetryPolicy {
  const given = options === false ? { total: 0 } : options;
  const { total = 3 } = given;
  const most = (name: HttpRetryCause) => given[name] ?? total;
  return {
    total,
    limits: {
      connect: most("connect"),
      read: most("read"),
      status: most("status"),
      other: most("other"),
    },
    redirect: given.redirect ?? Infinity,
    backoffFactor: given.backoffFactor ?? FACTOR,
    jitter: given.jitter ?? 0,
    maxBackoff: timeLimit(given.maxBackoff ?? MAX_BACKOFF),
    statuses: new Set(given.statusForcelist ?? [500, 502, 503, 504]),
    methods: new Set((given.methods ?? IDEMPOTENT).map((method) => method.toUpperCase())),
    respectRetryAfter: given.respectRetryAfter ?? true,
    maxRetryAfter: timeLimit(given.maxRetryAfter ?? 60_000),
  };
}

/** Returns the wait before the next try, in milliseconds. The first retry comes at once. */
export function retryWait(
  failures: number,
  options: Pick<HttpRetryOptions, "backoffFactor" | "jitter" | "maxBackoff">,
  random: () => number = Math.random,
): number {
  if (failures <= 1) return 0;
  const { backoffFactor = FACTOR, jitter = 0, maxBackoff = MAX_BACKOFF } = options;
  const wait = backoff(failures, { minTimeout: backoffFactor * 1000 }) + random() * jitter;
  return Math.min(maxBackoff, wait);
}
