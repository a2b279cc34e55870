import type { TimeLimits } from "./_time_limits.ts";

/** The delay of `releaseSoon` in milliseconds. */
const MOMENT = 1;

/** The requests to one origin: the number in progress, and those that wait in their order. */
export class Origin {
  active = 0;
  readonly waiting = new Set<() => void>();
  constructor(readonly name: string) {}
}

/** Thrown when a queue is full. */
export class QueueFull {
  constructor(readonly limit: number) {}
}

/** Limits the number of simultaneous requests to one origin. */
export class ConcurrencyLimit {
  readonly #origins = new Map<string, Origin>();
  readonly #max: number;
  readonly #maxQueued: number;
  readonly #soon = new Map<ReturnType<typeof setTimeout>, Origin>();

  constructor(max: number, maxQueued: number) {
    this.#max = max;
    this.#maxQueued = maxQueued;
  }

  /** Returns a place, or the promise of one. The guard can end the wait. */
  acquire(name: string, guard: TimeLimits): Origin | Promise<Origin> {
    let origin = this.#origins.get(name);
    if (origin === undefined) this.#origins.set(name, origin = new Origin(name));
    if (origin.active < this.#max) {
      origin.active++;
      return origin;
    }
    if (origin.waiting.size >= this.#maxQueued) throw new QueueFull(this.#maxQueued);
    return wait(origin, guard.controller.signal);
  }

  /** Passes a place on to the request that has waited longest. */
  release(origin: Origin): void {
    if (origin.waiting.size > 0) {
      for (const next of origin.waiting) {
        origin.waiting.delete(next);
        return next();
      }
    }
    // Unused origins are removed, because their number is unlimited.
    if (--origin.active === 0) this.#origins.delete(origin.name);
  }

  /**
   * Releases a place shortly after the end of a streamed body. Deno returns the connection to its pool a
   * moment later. An immediate request would open another connection beyond the limit.
   */
  releaseSoon(origin: Origin): void {
    if (origin.waiting.size === 0) return this.release(origin);
    const timer = setTimeout(() => {
      this.#soon.delete(timer);
      this.release(origin);
    }, MOMENT);
    this.#soon.set(timer, origin);
  }

  /** Releases at once the places that {@linkcode releaseSoon} would release later. */
  close(): void {
    for (const [timer, origin] of this.#soon) {
      clearTimeout(timer);
      this.release(origin);
    }
    this.#soon.clear();
  }

  /** Returns the number of requests in progress and of those that wait. */
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
