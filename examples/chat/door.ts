/**
 * How fast users may come in from one address. Everyone in a room is told of each who comes and
 * goes, so one who does that all the time would fill the screens of all others.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Throttle } from "../../net/throttle.ts";

/** The most addresses that are remembered; the one that was away the longest is forgotten. */
const MOST = 10_000;

/** Where users come in, by address. */
export class Door {
  readonly #rate: number;
  readonly #burst: number;
  readonly #throttles = new Map<string, Throttle>();

  /** @param rate Users a second and address; 0 lifts the limit. @param burst Users at once. */
  constructor(rate: number, burst: number) {
    this.#rate = rate;
    this.#burst = burst;
  }

  /**
   * Waits until a user may come in. Who gives up waiting keeps nobody else waiting.
   *
   * @param network The user's address, of IPv6 the network.
   * @param signal Ends the waiting.
   * @throws The reason of the signal.
   */
  async turn(network: string, signal: AbortSignal): Promise<void> {
    const throttle = this.#throttle(network);
    const wait = throttle.take(performance.now());
    if (wait === 0) return;
    try {
      await delay(wait, { signal });
    } catch (error) {
      throttle.giveBack();
      throw error;
    }
  }

  #throttle(network: string): Throttle {
    const throttle = this.#throttles.get(network) ?? new Throttle(this.#rate, this.#burst);
    this.#throttles.delete(network);
    this.#throttles.set(network, throttle);
    if (this.#throttles.size > MOST) {
      this.#throttles.delete(this.#throttles.keys().next().value!);
    }
    return throttle;
  }
}
