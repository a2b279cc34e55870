/**
 * The rate limits of an address. Each join is a notice to a whole room, and each line is sent to a whole
 * room. Many connections of one address must not flood all other users.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Throttle } from "../../net/throttle.ts";

/** The maximum number of addresses in memory. The least recently used one is dropped. */
const MAX_ADDRESSES = 10_000;

/** The limits of an address, as a multiple of the limits of a user. */
const USERS = 10;

/** The bytes that count as one line. A longer line counts as several, because it fills more memory. */
const LINE = 512;

/** Limits a rate, separately for each address. */
export class AddressRate {
  readonly #rate: number;
  readonly #burst: number;
  readonly #throttles = new Map<string, Throttle>();

  /**
   * @param rate The events per second of one address; 0 removes the limit.
   * @param burst The events of one address at once.
   */
  constructor(rate: number, burst: number) {
    this.#rate = rate;
    this.#burst = burst;
  }

  /**
   * Counts an event, and waits until it may happen. A wait that is cancelled does not delay others.
   *
   * @param network The address of the user; for IPv6, the network of 64 bits.
   * @param signal The signal that cancels the wait.
   * @param count The number of events.
   * @returns A promise to await; undefined if the event may happen now.
   * @throws The reason of the signal.
   */
  turn(network: string, signal: AbortSignal, count = 1): Promise<void> | undefined {
    if (this.#rate === 0) return undefined;
    const throttle = this.#throttle(network);
    const wait = throttle.take(performance.now(), count);
    return wait === 0 ? undefined : pause(wait, signal, () => throttle.giveBack(count));
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

/** The rate limits of all connections of an address together, on both sides of the chat. */
export class AddressRates {
  /** Users that join without a token of an earlier connection. */
  readonly joins: AddressRate;
  /** Lines, in portions of 512 bytes. */
  readonly lines: AddressRate;

  /**
   * @param rate The lines per second of one user; 0 removes all limits.
   * @param burst The lines of one user at once.
   * @param shared Whether many users share an address, as behind a reverse proxy.
   */
  constructor(rate: number, burst: number, shared = false) {
    this.joins = shared
      ? new AddressRate(rate * USERS, burst * USERS)
      : new AddressRate(rate, burst);
    this.lines = new AddressRate(shared ? 0 : rate * USERS, burst * USERS);
  }

  /** Waits until a line of a size in bytes may be said; undefined if it may be said now. */
  line(network: string, signal: AbortSignal, size: number): Promise<void> | undefined {
    return this.lines.turn(network, signal, Math.max(1, Math.ceil(size / LINE)));
  }
}

async function pause(wait: number, signal: AbortSignal, giveBack: () => void): Promise<void> {
  try {
    await delay(wait, { signal });
  } catch (error) {
    giveBack();
    throw error;
  }
}
