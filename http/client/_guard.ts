import { forEachWatched, touch, unwatch, watch, type Watched } from "../../net/internal/timer.ts";
import { MAX_TIMER } from "../../net/internal/options.ts";
import type { HttpStage } from "./errors.ts";

/** Why a guard has aborted: the client was closed. */
export const CLOSED: unique symbol = Symbol("closed");

/** Why a guard has aborted: its own limit, as opposed to the caller's signal. */
export class Expired {
  constructor(readonly stage: HttpStage, readonly limit: number) {}
}

/**
 * The time limits of one request. It uses the shared timer, because a timer of its own would cost more
 * than the rest of the request.
 */
export class Guard implements Watched {
  /** The request itself keeps the process alive. A response that nobody reads must not. */
  readonly waiting = false;
  /** When it acts next, on the clock of `performance.now`. */
  due: number;
  /** Aborts what is under way; a new one after {@linkcode renew}. */
  controller = new AbortController();
  readonly #total: number;
  /** When it began, on the same clock. */
  readonly begun: number;
  readonly #end: number;
  readonly #signal: AbortSignal | undefined;
  #stage: HttpStage = "total";
  #limit: number;
  #live = true;
  #onAbort: (() => void) | undefined;

  /** Begins; `total` is Infinity for no limit. The owner is whoever may end all of its own. */
  constructor(total: number, signal: AbortSignal | undefined, readonly owner?: object) {
    this.#total = this.#limit = total;
    this.begun = nearlyNow();
    this.#end = this.due = this.begun + total;
    this.#signal = signal;
    if (signal !== undefined) {
      if (signal.aborted) this.controller.abort(signal.reason);
      this.#onAbort = () => this.controller.abort(signal.reason);
      signal.addEventListener("abort", this.#onAbort);
    }
    watch(this);
  }

  /** What is under way has to be over in `limit` milliseconds from `now`. */
  arm(stage: HttpStage, limit: number, now = nearlyNow()): void {
    // Once it has ended a timer would only hold the process.
    if (!this.#live) return;
    const due = now + limit;
    if (due < this.#end) {
      this.due = due;
      this.#stage = stage;
      this.#limit = limit;
      touch(this);
    } else this.disarm();
  }

  /** Nothing is under way but the whole. */
  disarm(): void {
    this.due = this.#end;
    this.#stage = "total";
    this.#limit = this.#total;
  }

  /** What is left of the whole, in milliseconds. */
  get left(): number {
    return this.#end === Infinity ? Infinity : this.#end - performance.now();
  }

  /** The limit that was hit, if it was that. */
  get expired(): Expired | undefined {
    const { signal } = this.controller;
    return signal.aborted && signal.reason instanceof Expired ? signal.reason : undefined;
  }

  /** Whether it was the caller who gave up. */
  get cancelled(): boolean {
    return this.controller.signal.aborted && this.expired === undefined;
  }

  /** Makes another try possible after a limit of one try. */
  renew(): void {
    if (this.expired === undefined) return;
    this.controller = new AbortController();
    this.#live = true;
    this.disarm();
    watch(this);
  }

  /** Ends everything: nothing is watched any more. */
  end(): void {
    this.#live = false;
    this.due = Infinity;
    unwatch(this);
    if (this.#onAbort !== undefined) {
      this.#signal!.removeEventListener("abort", this.#onAbort);
      this.#onAbort = undefined;
    }
  }

  /** Waits; rejects as soon as the guard aborts. */
  async sleep(wait: number): Promise<void> {
    const { signal } = this.controller;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    const sleeping = setTimeout(resolve, Math.min(wait, MAX_TIMER));
    try {
      await promise;
    } finally {
      clearTimeout(sleeping);
      signal.removeEventListener("abort", onAbort);
    }
  }

  sweep(now: number): void {
    // A limit must not end early.
    if (this.due <= now) this.expire();
  }

  /** Aborts what is under way because its limit is over. */
  expire(): void {
    this.#live = false;
    unwatch(this);
    this.due = Infinity;
    this.controller.abort(new Expired(this.#stage, this.#limit));
  }
}

/** The real one, also where a test of the caller stops the time. */
const dateNow = Date.now;
let lastDate = NaN;
let lastNow = 0;

/**
 * The time on the clock of `performance.now`, or up to a millisecond more. Deno's clock costs
 * thrice what the date does, and many requests begin within the same millisecond.
 */
function nearlyNow(): number {
  const date = dateNow();
  if (date === lastDate) return lastNow;
  lastDate = date;
  const now = performance.now();
  lastNow = now + 1;
  return now;
}

/** Ends everything that an owner has under way. */
export function abortAll(owner: object, reason: unknown): void {
  forEachWatched((guard) => {
    if (!(guard instanceof Guard) || guard.owner !== owner) return;
    guard.controller.abort(reason);
    guard.end();
  });
}
