import { MAX_TIMER } from "../../net/internal/options.ts";

/** A time limit. */
export interface Due {
  /** The end of the time, on the clock of `performance.now()`. */
  due: number;
  /** Handles the end of the time. The limit is no longer watched then. */
  expire(): void;
  /** The neighbours in the list of the clock. Only the clock sets them. */
  next?: Due | undefined;
  previous?: Due | undefined;
}

/**
 * Watches many time limits with one timer, which is faster than one timer for each.
 *
 * The limits are in a linked list. A `Set` that changes with every request burdens the garbage
 * collector: from time to time it makes a new table, each old table refers to the next one, and all
 * objects in the tables survive the collections of young objects.
 */
export class Clock {
  readonly #step: number;
  /** The watched limits, in a circle that begins and ends here. */
  readonly #ends: Due = { due: Infinity, expire() {} };
  /** The next limit to check during a tick. */
  #at: Due = this.#ends;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Makes a clock. It is never early, and late by an eighth of the shortest limit at most.
   *
   * @param shortest The shortest limit that the clock will watch, in milliseconds.
   */
  constructor(shortest: number) {
    this.#step = Math.min(Math.max(shortest / 8, 5), 1000, MAX_TIMER);
    this.#ends.next = this.#ends.previous = this.#ends;
  }

  /** Watches a limit. */
  watch(due: Due): void {
    if (this.#stopped || due.previous !== undefined) return;
    const ends = this.#ends;
    const last = ends.previous!;
    due.previous = last;
    due.next = ends;
    last.next = due;
    ends.previous = due;
    if (this.#timer === undefined) this.#arm();
  }

  /** Stops watching a limit. */
  unwatch(due: Due): void {
    const { previous, next } = due;
    if (previous === undefined || next === undefined) return;
    if (this.#at === due) this.#at = next;
    previous.next = next;
    next.previous = previous;
    due.previous = due.next = undefined;
  }

  /** Stops the clock for ever, at the end of a server. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let due; (due = this.#ends.next!) !== this.#ends;) this.unwatch(due);
  }

  #arm(): void {
    const timer = setTimeout(() => this.#tick(), this.#step);
    // The first timer of a process loads code of Deno, and this clock may be used meanwhile.
    if (this.#timer !== undefined) return clearTimeout(timer);
    this.#timer = timer;
    Deno.unrefTimer(timer);
  }

  #tick(): void {
    this.#timer = undefined;
    const now = performance.now();
    this.#at = this.#ends.next!;
    for (let one; (one = this.#at) !== this.#ends;) {
      this.#at = one.next!;
      if (one.due > now) continue;
      this.unwatch(one);
      // This call may add and remove other limits.
      one.expire();
    }
    if (this.#ends.next !== this.#ends && this.#timer === undefined) this.#arm();
  }
}
