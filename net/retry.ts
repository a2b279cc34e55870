/**
 * Retries operations with exponential backoff and jitter. It does not retry permanent errors, such
 * as a missing permission, a wrong argument or an invalid certificate.
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
 * **Permissions**: none.
 *
 * @module
 */

import { retry as retryStd, RetryError } from "@std/async/retry";
import { noteAttempts } from "./internal/attempt_counts.ts";
import { NetError, type NetErrorKind, toNetError } from "./errors/errors.ts";
import { orAbort } from "./internal/or_abort.ts";
import { callback, OptionRules } from "./internal/options.ts";
import { BUDGET_RULES, RETRY_RULES } from "./internal/retry_rules.ts";
import { Alarm } from "./internal/timer.ts";

/** Options of {@linkcode retry}. All times are in milliseconds. */
export interface RetryOptions {
  /**
   * Maximum number of attempts, including the first one; Infinity for no limit.
   *
   * @default 4
   */
  maxAttempts?: number;
  /**
   * The delay after the first attempt.
   *
   * @default 500
   */
  minTimeout?: number;
  /**
   * Maximum delay between two attempts.
   *
   * @default 30000
   */
  maxTimeout?: number;
  /**
   * The factor between each delay and the previous one, at least 1.
   *
   * @default 2
   */
  multiplier?: number;
  /**
   * The random part of each delay, from 0 (none) to 1 (all of it). It keeps many clients from
   * retrying at the same time.
   *
   * @default 1
   */
  jitter?: number;
  /**
   * The kinds of errors that are retried.
   *
   * @default every error that is `retryable`
   */
  kinds?: readonly NetErrorKind[];
  /**
   * Returns whether to retry after an error. It gets the error and the number of the attempt.
   *
   * @default the decision by `kinds`
   */
  isRetriable?: (error: NetError, attempt: number) => boolean;
  /**
   * Time limit for all attempts and delays together; 0 for no limit. It also applies if `fn` ignores
   * its signal. A disposable value that `fn` returns later is disposed of.
   *
   * @default 0
   */
  deadline?: number;
  /** Cancels the attempts and delays, even if `fn` ignores its signal. Rejects with its reason. */
  signal?: AbortSignal;
  /**
   * A budget that several calls share. There is no further attempt when the budget is used up.
   *
   * @default none
   */
  budget?: RetryBudget;
  /** A function that is called before each delay with the error and the number of the attempt. */
  onRetry?: (error: NetError, attempt: number) => void;
}

/** Options of {@linkcode createRetryBudget}. */
export interface RetryBudgetOptions {
  /**
   * The allowed ratio of retries to calls. 0.2 allows one retry for every five calls.
   *
   * @default 0.2
   */
  ratio?: number;
  /**
   * Number of additional retries per second, so that a program with few calls can also retry.
   *
   * @default 10
   */
  minPerSecond?: number;
}

/** A limit on retries that several calls of {@linkcode retry} share. */
export interface RetryBudget {
  /** Number of retries that are allowed now. */
  readonly balance: number;
  /** Counts a call. */
  deposit(): void;
  /** Takes one retry. Returns false if none is left. */
  withdraw(): boolean;
}

/** The argument of the function that `retry` calls. */
export interface RetryAttempt {
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** A signal that is aborted by the caller's signal and at the deadline. */
  readonly signal: AbortSignal;
}

/** Seconds after which calls no longer count. */
const WINDOW = 10;

/**
 * Creates a retry budget. If clients retry each call several times, an overloaded server cannot
 * recover. A budget limits the retries of a whole program to a share of its calls.
 *
 * @param options The ratio, and the number of retries that are always allowed.
 * @returns The budget, for the option `budget` of any number of calls.
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example Half as many retries as calls
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
  options = BUDGET.check("createRetryBudget", options);
  const { ratio = 0.2, minPerSecond = 10 } = options;
  return new SlidingBudget(ratio, minPerSecond);
}

const RETRY = new OptionRules<RetryOptions>(RETRY_RULES);
const BUDGET = new OptionRules<RetryBudgetOptions>(BUDGET_RULES);

/** Counts the calls and retries of the last seconds. Each second has a slot. */
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
    // Sums of ratios such as 0.2 are not exact.
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

/** Kinds of permanent errors, which are never retried. */
const NEVER: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "permission",
  "usage",
  "unsupported",
  "aborted",
]);

/**
 * Calls `fn` until it succeeds, fails permanently, or a limit is reached.
 *
 * @typeParam T The type of the result of `fn`.
 * @param fn The operation. It should pass its signal on.
 * @param options The number of attempts, the delays, and the errors to retry.
 * @returns The result of the first successful attempt.
 * @throws The error of the last attempt, or the signal's reason. At the deadline, a
 * {@linkcode NetError} of kind "timeout" with the last error as its cause. `attempts` of a NetError
 * is the number of attempts.
 * @throws {RangeError | TypeError} If an option is invalid.
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
  options = RETRY.check("retry", options);
  const { kinds, signal, budget, minTimeout = 500, maxTimeout = 30_000, deadline = 0 } = options;
  const maxAttempts = Math.min(options.maxAttempts ?? 4, Number.MAX_SAFE_INTEGER);
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  let attempt = 0;
  let last: unknown;
  const alarm = new Alarm(() => {
    const message = `Gave up after ${attempt} ${attempt === 1 ? "try" : "tries"} in ${deadline} ms`;
    const late = new NetError(message, { kind: "timeout", cause: last });
    noteAttempts(late, attempt);
    stop.abort(late);
  });
  if (deadline > 0) alarm.start(deadline);
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
      // A first delay above the maximum is intended. A maximum of 0 means no delay.
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
    alarm.stop();
    signal?.removeEventListener("abort", onAbort);
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null | undefined)?.then === "function";
}

/** Waits for an attempt until the signal is aborted. A later result is disposed of. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await orAbort(work, signal);
  } catch (error) {
    // Otherwise a connection that nobody receives would stay open.
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
