/**
 * The rate limits of an address. Each join is a notice to a whole room, and each line is sent to a whole
 * room. Many connections of one address must not flood all other users.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Throttle } from "../../net/throttle.ts";
import { byteLength } from "./safe_text.ts";

/** The maximum number of addresses in memory. The least recently used one is dropped. */
const MAX_ADDRESSES = 10_000;

/** The limits of an address, as a multiple of the limits of a user. */
const USERS = 10;

/** The limits of an address for users who come back, as a multiple, if many users share an address. */
const SHARED_RETURNS = 50;

/** The limits of one user who comes back, as a part of the limits of joins: ten at once, one per second. */
const [RETURN_RATE, RETURN_BURST] = [1 / 10, 1 / 5];

/** The bytes that count as one line. A longer line counts as several, because it fills more memory. */
const LINE = 512;

/** The lines that a question counts as. Its answer can have many messages. */
const QUESTION = 3;

/** A command whose answer can have many messages. */
const ASKS = /^\/(?:join|search|history)\b/i;

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
  /** Users that join with a token of an earlier connection, by address. */
  readonly #returns: AddressRate;
  /** Connections of one user, by the id of the user. */
  readonly #resumes: AddressRate;

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
    const returns = shared ? SHARED_RETURNS : USERS;
    this.#returns = new AddressRate(rate * returns, burst * returns);
    this.#resumes = new AddressRate(rate * RETURN_RATE, Math.ceil(burst * RETURN_BURST));
  }

  /** Waits until a line may be said; undefined if it may be said now. */
  line(network: string, signal: AbortSignal, text: string): Promise<void> | undefined {
    const size = Math.max(1, Math.ceil(byteLength(text) / LINE));
    const asks = text.startsWith("/") && ASKS.test(text);
    return this.lines.turn(network, signal, asks ? size + QUESTION : size);
  }

  /** Waits until a question may be asked; undefined if it may be asked now. */
  question(network: string, signal: AbortSignal): Promise<void> | undefined {
    return this.lines.turn(network, signal, QUESTION);
  }

  /**
   * Waits until a user may come back. Each return is answered with the history of all rooms of the user.
   *
   * @param network The address of the user.
   * @param user The id of the user.
   * @param signal The signal that cancels the wait.
   */
  async return(network: string, user: number, signal: AbortSignal): Promise<void> {
    await this.#resumes.turn(`${user}`, signal);
    await this.#returns.turn(network, signal);
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
