import type { Guard } from "./_guard.ts";

/** In milliseconds. */
const MOMENT = 1;

/** The requests of one origin: so many at a time, all others in the order in which they came. */
export class Origin {
  active = 0;
  readonly waiting = new Set<() => void>();
  constructor(readonly name: string) {}
}

/** Thrown when a queue is full. */
export class QueueFull {
  constructor(readonly limit: number) {}
}

/** Limits how many requests to one origin are under way. */
export class Slots {
  readonly #origins = new Map<string, Origin>();
  readonly #max: number;
  readonly #maxQueued: number;
  readonly #soon = new Map<ReturnType<typeof setTimeout>, Origin>();

  constructor(max: number, maxQueued: number) {
    this.#max = max;
    this.#maxQueued = maxQueued;
  }

  /** A place at once, or the promise of one; the guard ends the wait. */
  acquire(name: string, guard: Guard): Origin | Promise<Origin> {
    let origin = this.#origins.get(name);
    if (origin === undefined) this.#origins.set(name, origin = new Origin(name));
    if (origin.active < this.#max) {
      origin.active++;
      return origin;
    }
    if (origin.waiting.size >= this.#maxQueued) throw new QueueFull(this.#maxQueued);
    return wait(origin, guard.controller.signal);
  }

  /** Gives a place to whoever waits longest. */
  release(origin: Origin): void {
    if (origin.waiting.size > 0) {
      for (const next of origin.waiting) {
        origin.waiting.delete(next);
        return next();
      }
    }
    // A name that nobody uses any more is forgotten: there is no end of names.
    if (--origin.active === 0) this.#origins.delete(origin.name);
  }

  /**
   * The same after a body that was a stream. Deno takes its connection back a
   * moment after the end of the body: a request that came at once would open
   * another one, beyond the limit.
   */
  releaseSoon(origin: Origin): void {
    if (origin.waiting.size === 0) return this.release(origin);
    const timer = setTimeout(() => {
      this.#soon.delete(timer);
      this.release(origin);
    }, MOMENT);
    this.#soon.set(timer, origin);
  }

  /** Gives back at once what {@linkcode releaseSoon} would give back later. */
  close(): void {
    for (const [timer, origin] of this.#soon) {
      clearTimeout(timer);
      this.release(origin);
    }
    this.#soon.clear();
  }

  /** How many are under way and how many wait. */
  count(): { active: number; waiting: number } {
    let active = 0;
    let waiting = 0;
    for (const origin of this.#origins.values()) {
      active += origin.active;
      waiting += origin.waiting.size;
    }
    return { active, waiting };
  }
}

function wait(origin: Origin, signal: AbortSignal): Promise<Origin> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      origin.waiting.delete(next);
      reject(signal.reason);
    };
    const next = () => {
      signal.removeEventListener("abort", onAbort);
      resolve(origin);
    };
    signal.addEventListener("abort", onAbort);
    origin.waiting.add(next);
  });
}
