/**
 * What a node measures about the bus.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Histogram } from "../prometheus.ts";

/** The upper bounds of the classes of durations, in milliseconds. */
const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** The counters of a node. */
export class BusGauges {
  /** The last position of the bus, as of the last renewal. */
  last = 0;
  /** The lines that were read. */
  lines = 0;
  /** The sum of the durations in milliseconds. */
  sum = 0;
  /** The number of durations. */
  count = 0;
  readonly #classes = BOUNDS.map(() => 0);

  /** Adds the time from the receipt of lines to their delivery at this node. */
  hop(duration: number, lines: number): void {
    this.sum += duration * lines;
    this.count += lines;
    const at = BOUNDS.findIndex((bound) => duration <= bound);
    if (at !== -1) this.#classes[at]! += lines;
  }

  /** Returns the durations in seconds, as a histogram of Prometheus. */
  hops(): Histogram {
    return { buckets: this.#buckets(), sum: this.sum / 1000, count: this.count };
  }

  #buckets(): [string, number][] {
    let total = 0;
    const buckets = BOUNDS.map((bound, i): [string, number] => {
      total += this.#classes[i]!;
      return [`${bound / 1000}`, total];
    });
    return [...buckets, ["+Inf", this.count]];
  }
}
