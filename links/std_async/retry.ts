import * as std from "npm:deno-std@1.4.0/async/retry.js";

/** Options of `retry`. */
export interface RetryOptions {
  /** @default 2 */
  multiplier?: number;
  /** Longest wait in milliseconds. @default 60000 */
  maxTimeout?: number;
  /** Tries in all. @default 5 */
  maxAttempts?: number;
  /** First wait in milliseconds. @default 1000 */
  minTimeout?: number;
  /** 0 waits the full time, 1 anything down to nothing. @default 1 */
  jitter?: number;
  /** Says whether an error is worth another try. */
  isRetriable?: (error: unknown) => boolean;
  /** Ends the tries and the waits. */
  signal?: AbortSignal;
}

/** Thrown when the last try failed; `cause` is its error. */
export const RetryError: new (cause: unknown, attempts: number) => Error = std.RetryError;

/** Calls `fn` until it succeeds or the tries are used up. */
export const retry: <T>(
  fn: () => Promise<T> | T,
  options?: RetryOptions,
) => Promise<T> = std.retry;
