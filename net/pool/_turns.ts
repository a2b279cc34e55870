import { NetError } from "../errors/errors.ts";
import { MAX_TIMER } from "../internal/options.ts";

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  /** Its number in the order of all queues. */
  readonly number: number;
  /** When it has waited long enough, on the clock of `performance.now()`. */
  readonly due: number;
}

/** How many have ever waited, in any queue. */
let arrivals = 0;

/** Those who wait for a connection of one host, in the order in which they came. */
export class Turns<T> {
  readonly #max: number;
  readonly #timeout: number;
  readonly #waiting: Waiting<T>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** So many may wait, each so many milliseconds; 0 for ever. */
  constructor(max: number, timeout: number) {
    this.#max = max;
    this.#timeout = timeout;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The number of who waits longest, among all queues; Infinity if nobody waits. */
  get first(): number {
    return this.#waiting[0]?.number ?? Infinity;
  }

  /** Waits for its turn; rejects if too many wait already, it takes too long, or it is given up. */
  async wait(signal?: AbortSignal): Promise<T> {
    if (this.size >= this.#max) {
      throw new NetError(`Cannot borrow a connection: ${this.#max} wait for one already`, {
        kind: "limit",
        phase: "connect",
      });
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const due = performance.now() + this.#timeout;
    const waiting = { resolve, reject, number: arrivals++, due };
    this.#waiting.push(waiting);
    if (this.size === 1) this.#expireLater(waiting.due);
    const giveUp = () => this.#forget(waiting, signal!.reason);
    signal?.addEventListener("abort", giveUp);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Gives `value` to who waits longest; false if nobody does. */
  next(value: T): boolean {
    const waiting = this.#waiting[0];
    if (waiting === undefined) return false;
    this.#remove(0);
    waiting.resolve(value);
    return true;
  }

  /** Tells all that they wait in vain. */
  end(error: unknown): void {
    while (this.#waiting[0] !== undefined) this.#forget(this.#waiting[0], error);
  }

  /** Tells one that it waits in vain, unless it is its turn already. */
  #forget(waiting: Waiting<T>, error: unknown): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#remove(at);
    waiting.reject(error);
  }

  #remove(at: number): void {
    this.#waiting.splice(at, 1);
    if (this.size === 0) clearTimeout(this.#timer);
  }

  /** One timer for all who wait. */
  #expireLater(due: number): void {
    const limit = this.#timeout;
    if (limit === 0 || limit > MAX_TIMER) return;
    this.#timer = setTimeout(() => {
      const now = performance.now();
      for (let first; (first = this.#waiting[0]) !== undefined;) {
        if (first.due > now) return this.#expireLater(first.due);
        const message = `Cannot borrow a connection: all were in use for ${limit} ms`;
        this.#forget(first, new NetError(message, { kind: "timeout", phase: "connect" }));
      }
    }, Math.max(0, due - performance.now()));
  }
}
