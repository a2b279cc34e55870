import { NetError } from "../errors/errors.ts";
import { Alarm } from "../internal/timer.ts";

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  /** The position of the caller among all queues. */
  readonly number: number;
  /** The end of the time limit, on the clock of `performance.now()`. */
  readonly due: number;
}

/** Number of callers that have ever waited, in any queue. */
let arrivals = 0;

/** A queue of callers that wait for a connection to one host. */
export class Waiters<T> {
  readonly #max: number;
  readonly #timeout: number;
  readonly #waiting: Waiting<T>[] = [];
  /** The time limit of the oldest caller. */
  readonly #alarm: Alarm = new Alarm(() => this.#expire());

  /** Creates a queue for `max` callers. Each may wait for `timeout` milliseconds; 0 for no limit. */
  constructor(max: number, timeout: number) {
    this.#max = max;
    this.#timeout = timeout;
  }

  /** Number of waiting callers. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The position of the oldest caller among all queues, or Infinity if none waits. */
  get first(): number {
    return this.#waiting[0]?.number ?? Infinity;
  }

  /** Waits for a turn. Rejects if the queue is full, at the time limit, or if the signal is aborted. */
  async wait(signal?: AbortSignal): Promise<T> {
    if (this.size >= this.#max) {
      throw new NetError(`Cannot borrow a connection: ${this.#max} callers are waiting already`, {
        kind: "limit",
        phase: "connect",
      });
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const due = performance.now() + this.#timeout;
    const waiting = { resolve, reject, number: arrivals++, due };
    this.#waiting.push(waiting);
    if (this.size === 1 && this.#timeout > 0) this.#alarm.start(this.#timeout);
    const giveUp = () => this.#forget(waiting, signal!.reason);
    signal?.addEventListener("abort", giveUp);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Gives `value` to the oldest caller. Returns false if none waits. */
  next(value: T): boolean {
    const waiting = this.#waiting[0];
    if (waiting === undefined) return false;
    this.#remove(0);
    waiting.resolve(value);
    return true;
  }

  /** Rejects all callers. */
  end(error: unknown): void {
    while (this.#waiting[0] !== undefined) this.#forget(this.#waiting[0], error);
  }

  /** Rejects one caller, unless its turn has come. */
  #forget(waiting: Waiting<T>, error: unknown): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#remove(at);
    waiting.reject(error);
  }

  #remove(at: number): void {
    this.#waiting.splice(at, 1);
    if (this.size === 0) this.#alarm.stop();
  }

  /** Rejects the callers whose time is over, and waits for the next one. */
  #expire(): void {
    const now = performance.now();
    for (let first; (first = this.#waiting[0]) !== undefined;) {
      if (first.due > now) return this.#alarm.start(first.due - now);
      const message = `Cannot borrow a connection: all were in use for ${this.#timeout} ms`;
      this.#forget(first, new NetError(message, { kind: "timeout", phase: "connect" }));
    }
  }
}
