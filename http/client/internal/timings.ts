/**
 * The times of a request.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HttpTimings } from "../response.ts";

/** The clock of one try. */
export class Timings implements HttpTimings {
  queue = 0;
  resolve: number | undefined;
  connect: number | undefined;
  tls: number | undefined;
  sent: number | undefined;
  firstByte: number | undefined;
  total: number | undefined;
  readonly #begun = performance.now();

  /** Returns the time since the start. */
  get elapsed(): number {
    return performance.now() - this.#begun;
  }
}
