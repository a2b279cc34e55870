/**
 * A rate limit with a burst (token bucket). It is pure: callers pass the time.
 *
 * @example Two at once, then ten per second
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

import { numberFrom } from "./internal/options.ts";

const rateRule = numberFrom(0);
const burstRule = numberFrom(1);

/** A rate limit: `burst` events may pass at once, and `rate` events per second after that. */
export class Throttle {
  readonly #interval: number;
  readonly #slack: number;
  /** Time at which the events so far would have ended at the given rate. */
  #paidUntil = -Infinity;

  /**
   * Creates a rate limit that has not been used yet.
   *
   * @param rate Maximum number of events per second; 0 for no limit.
   * @param burst Maximum number of events at once, at least 1.
   * @throws {RangeError | TypeError} If a number is out of range.
   */
  constructor(rate: number, burst: number) {
    rateRule("rate", rate);
    burstRule("burst", burst);
    this.#interval = rate > 0 ? 1000 / rate : 0;
    this.#slack = this.#interval === 0 ? 0 : burst * this.#interval;
  }

  /**
   * Counts an event.
   *
   * @param now The time in milliseconds, from any clock that does not go back.
   * @param count The number of events that it counts as. Default: 1.
   * @returns The number of milliseconds to wait before the event may pass.
   */
  take(now: number, count = 1): number {
    if (this.#interval === 0) return 0;
    this.#paidUntil = Math.max(this.#paidUntil, now) + this.#interval * count;
    return Math.max(0, this.#paidUntil - now - this.#slack);
  }

  /**
   * Removes an event that was counted and will not happen, so that the next one waits less.
   *
   * @param count The number of events that it counted as. Default: 1.
   */
  giveBack(count = 1): void {
    this.#paidUntil -= this.#interval * count;
  }
}
