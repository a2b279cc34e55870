import { unwatch, UNWATCHED, watch, type Watched } from "../../net/internal/timer.ts";

/** Something that expires at a tick. */
export interface Ticked {
  /** The tick at which it expires; Infinity for never. */
  due: number;
  expire(): void;
}

/**
 * The time limits of a proxy, counted in ticks of the shared timer. Setting a limit reads no clock. A
 * limit expires up to two ticks late, and never early.
 */
export class TickClock {
  /** Ticks so far. */
  now = 0;
  readonly #step: number;
  readonly #watched = new Set<Ticked>();
  readonly #next: Watched = {
    due: Infinity,
    place: UNWATCHED,
    // The connections keep the process alive, not their limits.
    waiting: false,
    sweep: (now) => this.#sweep(now),
  };

  /**
   * Makes a clock without limits.
   *
   * @param shortest The shortest limit that it will watch, in milliseconds.
   */
  constructor(shortest: number) {
    this.#step = Math.min(Math.max(shortest / 8, 5), 250);
  }

  /** Returns the tick at which `limit` milliseconds are over. */
  after(limit: number): number {
    return this.now + Math.ceil(limit / this.#step) + 1;
  }

  /** Starts to watch a limit. */
  watch(one: Ticked): void {
    this.#watched.add(one);
    if (this.#watched.size > 1) return;
    this.#next.due = performance.now() + this.#step;
    watch(this.#next);
  }

  /** Stops to watch a limit. */
  unwatch(one: Ticked): void {
    if (this.#watched.delete(one) && this.#watched.size === 0) unwatch(this.#next);
  }

  #sweep(now: number): void {
    const next = this.#next;
    // A tick must not be early.
    if (next.due > now) return;
    next.due = now + this.#step;
    const tick = ++this.now;
    for (const one of this.#watched) {
      if (one.due > tick) continue;
      one.due = Infinity;
      one.expire();
    }
  }
}
