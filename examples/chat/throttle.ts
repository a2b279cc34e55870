/**
 * How fast one user may talk. Pure: the time is passed in.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Lets `burst` lines pass at once and `rate` a second after that; a rate of 0 lifts the limit. */
export class Throttle {
  readonly #interval: number;
  readonly #slack: number;
  /** When the lines so far would have ended had they come at the rate. */
  #paidUntil = -Infinity;

  /** @param rate Lines a second. @param burst Lines at once, at least 1. */
  constructor(rate: number, burst: number) {
    this.#interval = rate > 0 ? 1000 / rate : 0;
    this.#slack = Math.max(1, burst) * this.#interval;
  }

  /**
   * Counts one line.
   *
   * @param now The time in milliseconds, of any clock that only goes forward.
   * @returns How many milliseconds to wait before the line may pass.
   */
  take(now: number): number {
    if (this.#interval === 0) return 0;
    this.#paidUntil = Math.max(this.#paidUntil, now) + this.#interval;
    return Math.max(0, this.#paidUntil - now - this.#slack);
  }
}
