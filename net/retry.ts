/**
 * Tries again what may succeed later, with exponential backoff and jitter, and
 * never what cannot: a missing permission, a wrong argument, a bad certificate.
 *
 * @example Connect to a server that is still starting
 * ```ts
 * import { connectTcp } from "@portside/kit/net/tcp-client";
 * import { retry } from "@portside/kit/net/retry";
 * import { serveTcp } from "@portside/kit/net/tcp-server";
 *
 * await using server = serveTcp({}, () => {});
 * await using _conn = await retry(
 *   ({ signal }) => connectTcp({ port: server.addr.port, signal }),
 *   { maxAttempts: 5, minTimeout: 100, deadline: 10_000 },
 * );
 * ```
 *
 * **Permissions**: none of its own.
 *
 * @module
 */

import { retry as retryStd, RetryError } from "@std/async/retry";
import { noteAttempts } from "./_attempts.ts";
import { NetError, type NetErrorKind, toNetError } from "./errors.ts";
import { checkNumber, MAX_TIMER } from "./_limits.ts";

/** Options of {@linkcode retry}. All times are in milliseconds. */
export interface RetryOptions {
  /**
   * The most tries, the first one included; Infinity for no limit.
   *
   * @default 4
   */
  maxAttempts?: number;
  /**
   * The wait after the first try.
   *
   * @default 500
   */
  minTimeout?: number;
  /**
   * The longest wait.
   *
   * @default 30000
   */
  maxTimeout?: number;
  /**
   * By how much each wait is longer than the one before.
   *
   * @default 2
   */
  multiplier?: number;
  /**
   * How much of a wait is left to chance, from 0 (nothing) to 1 (all of it), so
   * that many clients do not come back together.
   *
   * @default 1
   */
  jitter?: number;
  /**
   * The kinds that are tried again.
   *
   * @default every error that is `retryable`
   */
  kinds?: readonly NetErrorKind[];
  /**
   * Says of an error, and of the number of the try that it ended, whether to try again.
   *
   * @default by `kinds`
   */
  isRetriable?: (error: NetError, attempt: number) => boolean;
  /**
   * How long all tries and waits may take together; 0 for ever.
   *
   * @default 0
   */
  deadline?: number;
  /** Ends the tries and the waits; rejects with its reason. */
  signal?: AbortSignal;
  /** Called before each wait with the failed try's error and number. */
  onRetry?: (error: NetError, attempt: number) => void;
}

/** What each try gets. */
export interface RetryAttempt {
  /** The number of this try, from 1. */
  readonly attempt: number;
  /** Aborted by the caller's signal and at the deadline. */
  readonly signal: AbortSignal;
}

/** Trying again does not help against these, whatever `kinds` and `isRetriable` say. */
const NEVER: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "permission",
  "usage",
  "unsupported",
  "aborted",
]);

/**
 * Calls `fn` until it succeeds, fails for good, or may not be tried again.
 *
 * @typeParam T What `fn` results in.
 * @param fn The work; it should pass the signal on.
 * @param options How often and how patiently.
 * @returns What the first successful try returned.
 * @throws The error of the last try as it is, the signal's reason, or at the
 * deadline a {@linkcode NetError} "timeout" with the last error as its cause. A
 * NetError's `attempts` says how many tries there were.
 * @throws {RangeError} If an option is out of range.
 *
 * @example A refused connection, three times
 * ```ts
 * import { retry } from "@portside/kit/net/retry";
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * let tries = 0;
 * const fail = () => {
 *   tries++;
 *   return Promise.reject(new NetError("no", { kind: "refused" }));
 * };
 * const work = () => retry(fail, { maxAttempts: 3, minTimeout: 1 });
 * const error = await assertRejects(work, NetError, "no");
 * assertEquals([tries, error.attempts], [3, 3]);
 * ```
 */
export async function retry<T>(
  fn: (attempt: RetryAttempt) => T | Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { kinds, signal } = options;
  const maxAttempts = Math.min(options.maxAttempts ?? 4, Number.MAX_SAFE_INTEGER);
  const minTimeout = checkNumber("minTimeout", options.minTimeout ?? 500);
  const maxTimeout = checkNumber("maxTimeout", options.maxTimeout ?? 30_000);
  const deadline = checkNumber("deadline", options.deadline ?? 0);
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  let attempt = 0;
  let last: unknown;
  // A timer beyond its range would fire at once.
  const timer = deadline === 0 || deadline > MAX_TIMER ? undefined : setTimeout(() => {
    const message = `Gave up after ${attempt} ${attempt === 1 ? "try" : "tries"} in ${deadline} ms`;
    const late = new NetError(message, { kind: "timeout", cause: last });
    noteAttempts(late, attempt);
    stop.abort(late);
  }, deadline);
  try {
    return await retryStd(async () => {
      attempt++;
      try {
        return await fn({ attempt, signal: stop.signal });
      } catch (error) {
        last = error;
        throw error;
      }
    }, {
      maxAttempts,
      minTimeout,
      // A first wait above the limit is meant; a limit of 0 means no wait at all.
      maxTimeout: Math.max(minTimeout, maxTimeout, 1),
      multiplier: options.multiplier ?? 2,
      jitter: options.jitter ?? 1,
      signal: stop.signal,
      isRetriable: (cause) => {
        if (stop.signal.aborted) return false;
        const error = toNetError(cause);
        const again = !NEVER.has(error.kind) &&
          (options.isRetriable?.(error, attempt) ?? kinds?.includes(error.kind) ?? error.retryable);
        if (again && attempt < maxAttempts) options.onRetry?.(error, attempt);
        return again;
      },
    });
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    noteAttempts(last, attempt);
    throw error instanceof RetryError ? last : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
