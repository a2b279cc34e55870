import { MAX_TIMER } from "../../net/internal/options.ts";

/** Something that is over at a time. */
export interface Due {
  /** When, on the clock of `performance.now`. */
  due: number;
  /** Called once it is, after which it is no longer watched. */
  expire(): void;
  /** The neighbours in the list of the clock that watches it; set by the clock alone. */
  next?: Due | undefined;
  previous?: Due | undefined;
}

/**
 * Watches any number of limits with one timer, which is cheaper than a timer for each.
 *
 * The limits are in a linked list. A `Set` that changes with every request keeps the garbage collector
 * busy: it grows a new table now and then, each old table refers to the next one, and with the tables
 * everything that they refer to survives the collections of young objects.
 */
export class Clock {
  readonly #step: number;
  /** The limits that are watched, in a circle that begins and ends here. */
  readonly #ends: Due = { due: Infinity, expire() {} };
  /** The limit to look at next, while the clock looks. */
  #at: Due = this.#ends;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Makes a clock that is never early, and late by `step` at most.
   *
   * @param shortest The shortest limit that it will watch, in milliseconds.
   */
  constructor(shortest: number) {
    this.#step = Math.min(Math.max(shortest / 8, 5), 1000, MAX_TIMER);
    this.#ends.next = this.#ends.previous = this.#ends;
  }

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

  unwatch(due: Due): void {
    const { previous, next } = due;
    if (previous === undefined || next === undefined) return;
    if (this.#at === due) this.#at = next;
    previous.next = next;
    next.previous = previous;
    due.previous = due.next = undefined;
  }

  /** Stops for good; for the end of a server. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let due; (due = this.#ends.next!) !== this.#ends;) this.unwatch(due);
  }

  #arm(): void {
    const timer = setTimeout(() => this.#tick(), this.#step);
    // The first timer of a process loads code of Deno, and other work of this clock may run meanwhile.
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
      // Others may come and go meanwhile.
      one.expire();
    }
    if (this.#ends.next !== this.#ends && this.#timer === undefined) this.#arm();
  }
}
