import type { HttpStage } from "./errors.ts";

/** Why a guard has aborted: the client was closed. */
export const CLOSED: unique symbol = Symbol("closed");

/** Why a guard has aborted: its own limit, as opposed to the caller's signal. */
export class Expired {
  constructor(readonly stage: HttpStage, readonly limit: number) {}
}

/**
 * The time limits of one request, under one timer for all requests: a timer for
 * each would cost more than everything else here.
 */
export class Guard {
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
    watched.add(this);
    if (this.due < wakeAt) schedule(this.due);
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
      if (due < wakeAt) schedule(due);
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
    watched.add(this);
    this.disarm();
    if (this.due < wakeAt) schedule(this.due);
  }

  /** Ends everything: nothing is watched any more. */
  end(): void {
    this.#live = false;
    this.due = Infinity;
    if (watched.delete(this) && watched.size === 0) {
      clearTimeout(timer);
      wakeAt = Infinity;
    }
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
    const sleeping = setTimeout(resolve, Math.min(wait, 2 ** 31 - 1));
    try {
      await promise;
    } finally {
      clearTimeout(sleeping);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Called by the timer when `due` has come. */
  expire(): void {
    this.#live = false;
    if (watched.delete(this) && watched.size === 0) {
      clearTimeout(timer);
      wakeAt = Infinity;
    }
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

/** Ends whatever an owner has under way. */
export function abortAll(owner: object, reason: unknown): void {
  for (const guard of watched) {
    if (guard.owner !== owner) continue;
    guard.controller.abort(reason);
    guard.end();
  }
}

/** The finest step in milliseconds. */
const QUANTUM = 5;
const watched = new Set<Guard>();
let timer: ReturnType<typeof setTimeout> | undefined;
let wakeAt = Infinity;
/** How many wait for what does not hold the process. */
let holders = 0;

function schedule(due: number): void {
  clearTimeout(timer);
  wakeAt = due;
  const wait = Math.max(QUANTUM, Math.min(due - performance.now(), 2 ** 31 - 1));
  timer = setTimeout(wake, wait);
  // What is under way holds the process by itself; an answer that nobody reads must not.
  if (holders === 0) Deno.unrefTimer(timer);
}

/** Waits for something that does not hold the process, within limits that do meanwhile. */
export async function holding<T>(work: Promise<T>): Promise<T> {
  if (holders++ === 0 && timer !== undefined) Deno.refTimer(timer);
  try {
    return await work;
  } finally {
    if (--holders === 0 && timer !== undefined) Deno.unrefTimer(timer);
  }
}

function wake(): void {
  wakeAt = Infinity;
  const now = performance.now();
  let next = Infinity;
  for (const guard of watched) {
    if (guard.due <= now) guard.expire();
    else if (guard.due < next) next = guard.due;
  }
  if (next < wakeAt) schedule(next);
}
