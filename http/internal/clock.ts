import { unwatch, UNWATCHED, watch, type Watched } from "../../net/internal/timer.ts";

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
 * Watches the time limits of requests, in ticks of the shared timer.
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
  /** Whether the shared timer calls `#tick`. It goes on for one tick after the last limit. */
  #ticking = false;
  #stopped = false;
  readonly #next: Watched = {
    due: Infinity,
    place: UNWATCHED,
    // The connections keep the process alive, not their limits.
    waiting: false,
    sweep: (now) => this.#tick(now),
  };

  /**
   * Makes a clock. A limit never expires early, and up to an eighth of the shortest limit late.
   *
   * @param shortest The shortest limit that the clock will watch, in milliseconds.
   */
  constructor(shortest: number) {
    this.#step = Math.min(Math.max(shortest / 8, 5), 1000);
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
    if (this.#ticking) return;
    this.#ticking = true;
    this.#next.due = performance.now() + this.#step;
    watch(this.#next);
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
    this.#end();
    for (let due; (due = this.#ends.next!) !== this.#ends;) this.unwatch(due);
  }

  #end(): void {
    this.#ticking = false;
    unwatch(this.#next);
  }

  #tick(now: number): void {
    // The shared timer may call early.
    if (this.#next.due > now) return;
    this.#next.due = now + this.#step;
    this.#at = this.#ends.next!;
    if (this.#at === this.#ends) return this.#end();
    for (let one; (one = this.#at) !== this.#ends;) {
      this.#at = one.next!;
      if (one.due > now) continue;
      this.unwatch(one);
      // This call may add and remove other limits.
      one.expire();
    }
  }
}
