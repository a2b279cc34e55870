/**
 * The rate limit for joining from one address. Each join and leave is a notice to the whole room, so a
 * client that joins and leaves all the time would flood all other users.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Throttle } from "../../net/throttle.ts";

/** The maximum number of addresses in memory. The least recently used one is dropped. */
const MAX_ADDRESSES = 10_000;

/** Limits the rate of joining, separately for each address. */
export class JoinRate {
  readonly #rate: number;
  readonly #burst: number;
  readonly #throttles = new Map<string, Throttle>();

  /**
   * @param rate The users per second from one address; 0 removes the limit.
   * @param burst The users from one address that may join at once.
   */
  constructor(rate: number, burst: number) {
    this.#rate = rate;
    this.#burst = burst;
  }

  /**
   * Waits until a user may join. A wait that is cancelled does not delay other users.
   *
   * @param network The address of the user; for IPv6, the network of 64 bits.
   * @param signal The signal that cancels the wait.
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
    if (this.#throttles.size > MAX_ADDRESSES) {
      this.#throttles.delete(this.#throttles.keys().next().value!);
    }
    return throttle;
  }
}
