/** Something that is over at a tick. */
export interface Ticked {
  /** The tick from which on it is over; Infinity for never. */
  due: number;
  expire(): void;
}

/**
 * One timer for all time limits of a proxy, and no look at the clock for each of them: a limit is a
 * number of ticks, late by a tick or two and never early.
 */
export class TickClock {
  /** Ticks so far. */
  now = 0;
  readonly #step: number;
  readonly #watched = new Set<Ticked>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(shortest: number) {
    this.#step = Math.min(Math.max(shortest / 8, 5), 250);
  }

  /** The tick at which `limit` milliseconds are over. */
  after(limit: number): number {
    return this.now + Math.ceil(limit / this.#step) + 1;
  }

  watch(one: Ticked): void {
    this.#watched.add(one);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#tick(), this.#step);
    // It is the connections that keep a process alive.
    Deno.unrefTimer(this.#timer);
  }

  unwatch(one: Ticked): void {
    this.#watched.delete(one);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = ++this.now;
    for (const one of this.#watched) {
      if (one.due > now) continue;
      one.due = Infinity;
      one.expire();
    }
  }
}
