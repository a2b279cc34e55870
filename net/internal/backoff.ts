import { MAX_TIMER } from "./options.ts";

/** The settings of {@linkcode backoff}. All times are in milliseconds. */
export interface Backoff {
  /** The wait after the first failure. */
  readonly minTimeout: number;
  /** The longest wait. @default the longest delay of a timer */
  readonly maxTimeout?: number;
  /** The factor by which each wait is longer than the one before. @default 2 */
  readonly multiplier?: number;
  /** The part of each wait that is random, from 0 to 1. @default 0 */
  readonly jitter?: number;
}

/**
 * Returns the wait before the next try, in milliseconds. It grows with each failure.
 *
 * @param failures The number of failures so far, at least 1.
 * @param settings The limits of the wait, and its random part.
 * @returns A wait that a timer can take.
 */
export function backoff(
  failures: number,
  { minTimeout, maxTimeout = MAX_TIMER, multiplier = 2, jitter = 0 }: Backoff,
): number {
  // 2 ** 31 exceeds every timer. A larger power could become Infinity, and 0 * Infinity is NaN.
  const longer = minTimeout * Math.min(multiplier ** (failures - 1), 2 ** 31);
  return Math.min(longer, maxTimeout, MAX_TIMER) * (1 - jitter * Math.random());
}
