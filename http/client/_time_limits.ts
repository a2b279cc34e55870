import {
  forEachWatched,
  touch,
  unwatch,
  UNWATCHED,
  watch,
  type Watched,
} from "../../net/internal/timer.ts";
import { MAX_TIMER } from "../../net/internal/options.ts";
import type { HttpStage } from "./errors.ts";

/** The reason of a guard that aborts because the client was closed. */
export const CLOSED: unique symbol = Symbol("closed");

/** The reason of a guard that aborts because a time limit has expired. */
export class Expired {
  constructor(readonly stage: HttpStage, readonly limit: number) {}
}

/**
 * The time limits of one request. It uses the shared timer, because a timer of its own would cost more
 * than the rest of the request.
 */
export class TimeLimits implements Watched {
  /** The request itself keeps the process alive. A response that nobody reads must not. */
  readonly waiting = false;
  /** The time of the next limit, on the clock of `performance.now`. */
  due: number;
  place: number = UNWATCHED;
  /** Whether the try in progress has to end. {@linkcode renew} resets it. */
  aborted = false;
  /** The reason for that. */
  reason: unknown;
  /** Made on demand, because most requests need none. */
  #controller: AbortController | undefined;
  readonly #listeners: (() => void)[] = [];
  readonly #total: number;
  /** The start of the request, on the same clock. */
  readonly begun: number;
  readonly #end: number;
  readonly #signal: AbortSignal | undefined;
  #stage: HttpStage = "total";
  #limit: number;
  #live = true;
  #onAbort: (() => void) | undefined;

  /** Starts the limits. `total` is Infinity for no limit. `abortAll` ends all guards of an owner. */
  constructor(total: number, signal: AbortSignal | undefined, readonly owner?: object) {
    this.#total = this.#limit = total;
    this.begun = nearlyNow();
    this.#end = this.due = this.begun + total;
    this.#signal = signal;
    if (signal !== undefined) {
      if (signal.aborted) this.abort(signal.reason);
      this.#onAbort = () => this.abort(signal.reason);
      signal.addEventListener("abort", this.#onAbort);
    }
    watch(this);
  }

  /** A signal that aborts with the try in progress. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** Ends the try in progress. Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls a function when the try in progress has to end. */
  onAbort(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Removes a function of {@linkcode onAbort}. */
  offAbort(listener: () => void): void {
    const listeners = this.#listeners;
    const at = listeners.lastIndexOf(listener);
    if (at === listeners.length - 1) listeners.pop();
    else if (at !== -1) listeners.splice(at, 1);
  }

  /** Throws the reason if the try in progress has to end. */
  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Limits the current stage to `limit` milliseconds from `now`. */
  arm(stage: HttpStage, limit: number, now = nearlyNow()): void {
    // A guard that has ended must not be registered again.
    if (!this.#live) return;
    const due = now + limit;
    if (due < this.#end) {
      this.due = due;
      this.#stage = stage;
      this.#limit = limit;
      touch(this);
    } else this.disarm();
  }

  /** Removes the limit of the current stage. The total limit remains. */
  disarm(): void {
    this.due = this.#end;
    this.#stage = "total";
    this.#limit = this.#total;
  }

  /** Returns the rest of the total limit in milliseconds. */
  get left(): number {
    return this.#end === Infinity ? Infinity : this.#end - performance.now();
  }

  /** Returns the limit that has expired; undefined if none has. */
  get expired(): Expired | undefined {
    return this.aborted && this.reason instanceof Expired ? this.reason : undefined;
  }

  /** Returns whether the caller has cancelled the request. */
  get cancelled(): boolean {
    return this.aborted && this.expired === undefined;
  }

  /** Prepares another try after a limit of one try has expired. */
  renew(): void {
    if (this.expired === undefined) return;
    this.aborted = false;
    this.reason = undefined;
    this.#controller = undefined;
    this.#live = true;
    this.disarm();
    watch(this);
  }

  /** Removes all limits. */
  end(): void {
    this.#live = false;
    this.due = Infinity;
    unwatch(this);
    if (this.#onAbort !== undefined) {
      this.#signal!.removeEventListener("abort", this.#onAbort);
      this.#onAbort = undefined;
    }
  }

  /** Waits `wait` milliseconds. Rejects as soon as the guard aborts. */
  async sleep(wait: number): Promise<void> {
    this.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(this.reason);
    this.onAbort(onAbort);
    const sleeping = setTimeout(resolve, Math.min(wait, MAX_TIMER));
    try {
      await promise;
    } finally {
      clearTimeout(sleeping);
      this.offAbort(onAbort);
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
    this.abort(new Expired(this.#stage, this.#limit));
  }
}

/** The real function. A test of the caller may replace `Date.now`. */
const dateNow = Date.now;
let lastDate = NaN;
let lastNow = 0;

/**
 * Returns the time on the clock of `performance.now`, up to a millisecond late. `performance.now` costs
 * three times as much as `Date.now`, and many requests start within the same millisecond.
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
    if (!(guard instanceof TimeLimits) || guard.owner !== owner) return;
    guard.abort(reason);
    guard.end();
  });
}
