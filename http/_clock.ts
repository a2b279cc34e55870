import { MAX_TIMER } from "./_server_limits.ts";

/** Something that is over at a time. */
export interface Due {
  /** When, on the clock of `performance.now`. */
  due: number;
  /** Called once it is, after which it is no longer watched. */
  expire(): void;
}

/** Watches any number of limits with one timer, which is cheaper than a timer for each. */
export class Clock {
  readonly #step: number;
  readonly #watched = new Set<Due>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Makes a clock that is never early, and late by `step` at most.
   *
   * @param shortest The shortest limit that it will watch, in milliseconds.
   */
  constructor(shortest: number) {
    this.#step = Math.min(Math.max(shortest / 8, 5), 1000, MAX_TIMER);
  }

  watch(due: Due): void {
    if (this.#stopped) return;
    this.#watched.add(due);
    if (this.#timer === undefined) this.#arm();
  }

  unwatch(due: Due): void {
    this.#watched.delete(due);
  }

  /** Stops for good; for the end of a server. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
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
    for (const one of this.#watched) {
      if (one.due > now) continue;
      this.#watched.delete(one);
      one.expire();
    }
    if (this.#watched.size > 0 && this.#timer === undefined) this.#arm();
  }
}
