/**
 * Tries again what may succeed later, with exponential backoff and jitter, and
 * never what cannot: a missing permission, a wrong argument, a bad certificate.
 *
 * @example Connect to a server that is still starting
 * ```ts
 * import { connectTcp } from "@portside/kit/net/tcp";
 * import { retry } from "@portside/kit/net/retry";
 * import { serveTcp } from "@portside/kit/net/tcp";
 *
 * await using server = serveTcp({}, () => {});
 * await using _conn = await retry(
 *   ({ signal }) => connectTcp({ port: server.addr.port, signal }),
 *   { maxAttempts: 5, minTimeout: 100, deadline: 10_000 },
 * );
 * ```
 *
 * **Permissions**: none of its own.
 *
 * @module
 */

import { retry as retryStd, RetryError } from "@std/async/retry";
import { noteAttempts } from "./internal/attempts.ts";
import { NetError, type NetErrorKind, toNetError } from "./errors/errors.ts";
import { withDeadline } from "./internal/deadline.ts";
import { callback, MAX_TIMER, OptionRules } from "./internal/options.ts";
import { BUDGET_RULES, RETRY_RULES } from "./internal/retry_rules.ts";

/** Options of {@linkcode retry}. All times are in milliseconds. */
export interface RetryOptions {
  /**
   * The most tries, the first one included; Infinity for no limit.
   *
   * @default 4
   */
  maxAttempts?: number;
  /**
   * The wait after the first try.
   *
   * @default 500
   */
  minTimeout?: number;
  /**
   * The longest wait.
   *
   * @default 30000
   */
  maxTimeout?: number;
  /**
   * By how much each wait is longer than the one before.
   *
   * @default 2
   */
  multiplier?: number;
  /**
   * How much of a wait is left to chance, from 0 (nothing) to 1 (all of it), so
   * that many clients do not come back together.
   *
   * @default 1
   */
  jitter?: number;
  /**
   * The kinds that are tried again.
   *
   * @default every error that is `retryable`
   */
  kinds?: readonly NetErrorKind[];
  /**
   * Says of an error, and of the number of the try that it ended, whether to try again.
   *
   * @default by `kinds`
   */
  isRetriable?: (error: NetError, attempt: number) => boolean;
  /**
   * How long all tries and waits may take together; 0 for ever. It holds also while `fn` ignores its
   * signal: what `fn` returns afterwards is disposed of, if it can be.
   *
   * @default 0
   */
  deadline?: number;
  /** Ends the tries and the waits, also while `fn` ignores its signal; rejects with its reason. */
  signal?: AbortSignal;
  /**
   * A budget that several calls share. A try is not repeated when the budget is used up.
   *
   * @default none
   */
  budget?: RetryBudget;
  /** Called before each wait with the failed try's error and number. */
  onRetry?: (error: NetError, attempt: number) => void;
}

/** Options of {@linkcode createRetryBudget}. */
export interface RetryBudgetOptions {
  /**
   * How many tries may be repeats, in proportion to first tries: 0.2 allows one repeat for five
   * calls.
   *
   * @default 0.2
   */
  ratio?: number;
  /**
   * How many repeats per second are allowed besides, so that a program with few calls can repeat.
   *
   * @default 10
   */
  minPerSecond?: number;
}

/** A limit on repeats that several calls of {@linkcode retry} share. */
export interface RetryBudget {
  /** How many repeats are allowed at this moment. */
  readonly balance: number;
  /** Counts a first try. */
  deposit(): void;
  /** Takes one repeat; returns false if none is left. */
  withdraw(): boolean;
}

/** What each try gets. */
export interface RetryAttempt {
  /** The number of this try, from 1. */
  readonly attempt: number;
  /** Aborted by the caller's signal and at the deadline. */
  readonly signal: AbortSignal;
}

/** Seconds after which calls no longer count. */
const WINDOW = 10;

/**
 * Creates a retry budget. While a server is down, clients that repeat each call several times keep
 * it down: a budget limits the repeats of a whole program to a share of its calls.
 *
 * @param options The share, and how many repeats are always allowed.
 * @returns The budget, for the option `budget` of any number of calls.
 * @throws {RangeError} If an option is out of range.
 *
 * @example Half as many repeats as calls
 * ```ts
 * import { createRetryBudget } from "@portside/kit/net/retry";
 * import { assertEquals } from "@std/assert";
 *
 * const budget = createRetryBudget({ ratio: 0.5, minPerSecond: 0 });
 * for (let i = 0; i < 4; i++) budget.deposit();
 * assertEquals([budget.withdraw(), budget.withdraw(), budget.withdraw()], [true, true, false]);
 * ```
 */
export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  BUDGET.check("createRetryBudget", options);
  const { ratio = 0.2, minPerSecond = 10 } = options;
  return new SlidingBudget(ratio, minPerSecond);
}

const RETRY = new OptionRules<RetryOptions>(RETRY_RULES);
const BUDGET = new OptionRules<RetryBudgetOptions>(BUDGET_RULES);

/** Counts the last seconds, one slot for each. */
class SlidingBudget implements RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #slots = new Float64Array(WINDOW);
  #second = 0;

  constructor(ratio: number, minPerSecond: number) {
    this.#ratio = ratio;
    this.#reserve = minPerSecond * WINDOW;
  }

  get balance(): number {
    this.#advance();
    let sum = this.#reserve;
    for (const slot of this.#slots) sum += slot;
    // Shares such as 0.2 do not add up exactly.
    return Math.max(0, Math.floor(sum + 1e-9));
  }

  deposit(): void {
    this.#slots[this.#advance()]! += this.#ratio;
  }

  withdraw(): boolean {
    if (this.balance < 1) return false;
    this.#slots[this.#advance()]! -= 1;
    return true;
  }

  /** Clears the slots of seconds that have passed; returns the current one. */
  #advance(): number {
    const second = Math.floor(performance.now() / 1000);
    const passed = Math.min(second - this.#second, WINDOW);
    for (let i = 0; i < passed; i++) this.#slots[(second - i) % WINDOW] = 0;
    this.#second = second;
    return second % WINDOW;
  }
}

/** Trying again does not help against these, whatever `kinds` and `isRetriable` say. */
const NEVER: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "permission",
  "usage",
  "unsupported",
  "aborted",
]);

/**
 * Calls `fn` until it succeeds, fails for good, or may not be tried again.
 *
 * @typeParam T What `fn` results in.
 * @param fn The work; it should pass the signal on.
 * @param options How often and how patiently.
 * @returns What the first successful try returned.
 * @throws The error of the last try as it is, the signal's reason, or at the
 * deadline a {@linkcode NetError} "timeout" with the last error as its cause. A
 * NetError's `attempts` says how many tries there were.
 * @throws {RangeError} If an option is out of range.
 *
 * @example A refused connection, three times
 * ```ts
 * import { retry } from "@portside/kit/net/retry";
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * let tries = 0;
 * const fail = () => {
 *   tries++;
 *   return Promise.reject(new NetError("no", { kind: "refused" }));
 * };
 * const work = () => retry(fail, { maxAttempts: 3, minTimeout: 1 });
 * const error = await assertRejects(work, NetError, "no");
 * assertEquals([tries, error.attempts], [3, 3]);
 * ```
 */
export async function retry<T>(
  fn: (attempt: RetryAttempt) => T | Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  callback("fn", fn);
  RETRY.check("retry", options);
  const { kinds, signal, budget, minTimeout = 500, maxTimeout = 30_000, deadline = 0 } = options;
  const maxAttempts = Math.min(options.maxAttempts ?? 4, Number.MAX_SAFE_INTEGER);
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  let attempt = 0;
  let last: unknown;
  // A timer beyond its range would fire at once.
  const timer = deadline === 0 || deadline > MAX_TIMER ? undefined : setTimeout(() => {
    const message = `Gave up after ${attempt} ${attempt === 1 ? "try" : "tries"} in ${deadline} ms`;
    const late = new NetError(message, { kind: "timeout", cause: last });
    noteAttempts(late, attempt);
    stop.abort(late);
  }, deadline);
  budget?.deposit();
  try {
    return await retryStd(async () => {
      attempt++;
      try {
        const work = fn({ attempt, signal: stop.signal });
        return isThenable(work) ? await orAborted(Promise.resolve(work), stop.signal) : work;
      } catch (error) {
        last = error;
        throw error;
      }
    }, {
      maxAttempts,
      minTimeout,
      // A first wait above the limit is meant; a limit of 0 means no wait at all.
      maxTimeout: Math.max(minTimeout, maxTimeout, 1),
      multiplier: options.multiplier ?? 2,
      jitter: options.jitter ?? 1,
      signal: stop.signal,
      isRetriable: (cause) => {
        if (stop.signal.aborted) return false;
        const error = toNetError(cause);
        const again = !NEVER.has(error.kind) &&
          (options.isRetriable?.(error, attempt) ?? kinds?.includes(error.kind) ?? error.retryable);
        if (!again || attempt >= maxAttempts) return again;
        if (budget?.withdraw() === false) return false;
        options.onRetry?.(error, attempt);
        return true;
      },
    });
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    noteAttempts(last, attempt);
    throw error instanceof RetryError ? last : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null | undefined)?.then === "function";
}

/** Waits for a try, no longer than the signal allows; a result that comes later is disposed of. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await withDeadline(work, 0, unreachable, signal);
  } catch (error) {
    // A connection that nobody gets would stay open.
    if (signal.aborted) work.then(dispose).catch(() => {});
    throw error;
  }
}

async function dispose(value: unknown): Promise<void> {
  if (typeof value !== "object" || value === null) return;
  const disposable: Partial<AsyncDisposable & Disposable> = value;
  if (Symbol.asyncDispose in disposable) await disposable[Symbol.asyncDispose]?.();
  else disposable[Symbol.dispose]?.();
}

function unreachable(): never {
  throw new Error("There is no time limit");
}
