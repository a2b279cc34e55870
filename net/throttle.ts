/**
 * How fast somebody may do something: a rate with a burst (token bucket). Pure:
 * the time is passed in.
 *
 * @example Two at once, then ten a second
 * ```ts
 * import { Throttle } from "@portside/kit/net/throttle";
 * import { assertEquals } from "@std/assert";
 *
 * const throttle = new Throttle(10, 2);
 * assertEquals([throttle.take(0), throttle.take(0), throttle.take(0)], [0, 0, 100]);
 * assertEquals(throttle.take(300), 0);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Lets `burst` of something pass at once and `rate` a second after that; a rate of 0 lifts the limit. */
export class Throttle {
  readonly #interval: number;
  readonly #slack: number;
  /** When what was taken so far would have ended had it come at the rate. */
  #paidUntil = -Infinity;

  /**
   * Makes one that nobody has used yet.
   *
   * @param rate How many a second; 0 for any.
   * @param burst How many at once, at least 1.
   */
  constructor(rate: number, burst: number) {
    this.#interval = rate > 0 ? 1000 / rate : 0;
    this.#slack = Math.max(1, burst) * this.#interval;
  }

  /**
   * Counts one.
   *
   * @param now The time in milliseconds, of any clock that only goes forward.
   * @returns How many milliseconds to wait before it may pass.
   */
  take(now: number): number {
    if (this.#interval === 0) return 0;
    this.#paidUntil = Math.max(this.#paidUntil, now) + this.#interval;
    return Math.max(0, this.#paidUntil - now - this.#slack);
  }

  /** Takes one back that was counted and will not pass, so that the next waits less. */
  giveBack(): void {
    this.#paidUntil -= this.#interval;
  }
}
