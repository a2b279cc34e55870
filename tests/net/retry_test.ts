import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { retry as retryStd, RetryError } from "@std/async/retry";
import { NetError, type NetErrorKind } from "../../net/errors/errors.ts";
import { createRetryBudget, retry, type RetryOptions } from "../../net/retry.ts";
import { thrown } from "../_support/errors.ts";

/** No waiting worth speaking of. */
const QUICK: RetryOptions = { minTimeout: 1, maxTimeout: 1 };

function failure(kind: NetErrorKind = "refused"): NetError {
  return new NetError(`it is ${kind}`, { kind });
}

/** Work that fails with these errors in turn, then gives its number of tries. */
function failing(...errors: unknown[]): { work: () => Promise<number>; tries: () => number } {
  let tries = 0;
  return {
    work: () => {
      const error = errors[tries++];
      return error === undefined ? Promise.resolve(tries) : Promise.reject(error);
    },
    tries: () => tries,
  };
}

Deno.test("retry() calls once what succeeds at once", async () => {
  const { work, tries } = failing();
  assertEquals(await retry(work, { onRetry: () => assert(false, "a retry") }), 1);
  assertEquals(tries(), 1);
});

Deno.test("retry() takes a plain value and a plain throw", async () => {
  let tries = 0;
  const work = (): string => {
    if (++tries === 1) throw failure();
    return "done";
  };
  assertEquals(await retry(work, QUICK), "done");
  assertEquals(tries, 2);
});

Deno.test("retry() goes on until it succeeds and numbers the tries", async () => {
  const numbers: number[] = [];
  const result = await retry(({ attempt }) => {
    numbers.push(attempt);
    if (attempt < 4) throw failure();
    return attempt;
  }, QUICK);
  assertEquals(result, 4);
  assertEquals(numbers, [1, 2, 3, 4]);
});

Deno.test("retry() throws the last try's error itself", async () => {
  for (const maxAttempts of [1, 2, 5]) {
    const errors = Array.from({ length: 10 }, () => failure());
    const { work, tries } = failing(...errors);
    const error = await thrown(retry(work, { ...QUICK, maxAttempts }));
    assertStrictEquals(error, errors[maxAttempts - 1]);
    assertEquals(tries(), maxAttempts);
  }
});

Deno.test("retry() tries four times unless told otherwise", async () => {
  const { work, tries } = failing(...Array.from({ length: 10 }, () => failure()));
  await assertRejects(() => retry(work, QUICK), NetError);
  assertEquals(tries(), 4);
});

Deno.test("retry() without a limit on attempts goes on", async () => {
  const { work } = failing(...Array.from({ length: 50 }, () => failure()));
  assertEquals(await retry(work, { ...QUICK, maxAttempts: Infinity }), 51);
});

Deno.test("retry() classifies what is no NetError and throws it unchanged", async () => {
  const refused = new Deno.errors.ConnectionRefused("os error 111");
  const { work, tries } = failing(refused, refused, refused);
  assertStrictEquals(await thrown(retry(work, { ...QUICK, maxAttempts: 3 })), refused);
  assertEquals(tries(), 3);
});

Deno.test("retry() gives up at once on what cannot succeed later", async () => {
  for (
    const error of [
      failure("permission"),
      failure("tls"),
      failure("limit"),
      failure("protocol"),
      failure("closed"),
      failure("address-in-use"),
      new TypeError("no host name"),
      new RangeError("port -1"),
      new URIError("invalid host 'a..b'"),
      new Deno.errors.NotCapable("Requires net access"),
      new DOMException("aborted", "AbortError"),
      new Error("a bug"),
      "a string",
      null,
    ]
  ) {
    let tries = 0;
    const work = () => {
      tries++;
      return Promise.reject(error);
    };
    assertStrictEquals(await thrown(retry(work, QUICK)), error);
    assertEquals(tries, 1, String(error));
  }
});

Deno.test("retry() goes by the error's own advice before its kind", async () => {
  const temporary = new NetError("busy", { kind: "protocol", retryable: true });
  assertEquals(await retry(failing(temporary).work, QUICK), 2);
  const final = new NetError("gone", { kind: "refused", retryable: false });
  assertStrictEquals(await thrown(retry(failing(final).work, QUICK)), final);
});

Deno.test("kinds replaces the choice of what is tried again", async () => {
  const kinds: NetErrorKind[] = ["tls"];
  assertEquals(await retry(failing(failure("tls")).work, { ...QUICK, kinds }), 2);
  const refused = failure();
  assertStrictEquals(await thrown(retry(failing(refused).work, { ...QUICK, kinds })), refused);
  const none = { ...QUICK, kinds: [] };
  assertStrictEquals(await thrown(retry(failing(refused).work, none)), refused);
});

Deno.test("isRetriable decides about each error in the place of kinds", async () => {
  const asked: Array<[NetErrorKind, number]> = [];
  const isRetriable = (error: NetError, attempt: number) => {
    asked.push([error.kind, attempt]);
    return error.kind === "tls";
  };
  const refused = new Deno.errors.ConnectionRefused("os error 111");
  const { work, tries } = failing(failure("tls"), refused, failure("tls"));
  const options: RetryOptions = { ...QUICK, isRetriable, kinds: ["refused"] };
  assertStrictEquals(await thrown(retry(work, options)), refused);
  assertEquals([tries(), asked], [2, [["tls", 1], ["refused", 2]]]);
});

Deno.test("what isRetriable throws ends the tries", async () => {
  const stop = new Error("enough");
  const isRetriable = () => {
    throw stop;
  };
  const { work, tries } = failing(failure(), failure());
  assertStrictEquals(await thrown(retry(work, { ...QUICK, isRetriable })), stop);
  assertEquals(tries(), 1);
});

Deno.test("the error that ends the tries knows how many there were", async () => {
  const final = Object.freeze(failure("tls"));
  assertEquals(final.attempts, undefined);
  await thrown(retry(failing(failure(), failure(), final).work, QUICK));
  assertEquals(final.attempts, 3);

  const last = failure();
  await thrown(retry(failing(failure(), last, last).work, { ...QUICK, maxAttempts: 2 }));
  assertEquals(last.attempts, 2);

  const late = await thrown(retry(async ({ attempt, signal }) => {
    if (attempt < 3) throw failure();
    await delay(60_000, { signal });
  }, { ...QUICK, deadline: 60 }));
  assert(late instanceof NetError, `${late}`);
  assertEquals([late.kind, late.attempts], ["timeout", 3]);

  // The reason of an abort is the caller's: nothing is noted on it.
  const reason = failure("closed");
  const stop = new AbortController();
  await thrown(retry(() => {
    stop.abort(reason);
    throw failure();
  }, { ...QUICK, signal: stop.signal }));
  assertEquals(reason.attempts, undefined);
});

Deno.test("some kinds are never tried again, whatever kinds says", async () => {
  for (const kind of ["permission", "usage", "unsupported", "aborted"] as const) {
    const error = new NetError("no", { kind, retryable: true });
    const { work, tries } = failing(error, error);
    const insisting: RetryOptions = { ...QUICK, kinds: [kind], isRetriable: () => true };
    assertStrictEquals(await thrown(retry(work, insisting)), error);
    assertStrictEquals(await thrown(retry(failing(error, error).work, QUICK)), error);
    assertEquals(tries(), 1);
  }
});

/** When each try began, in milliseconds after the first. */
async function spacing(options: RetryOptions): Promise<number[]> {
  const times: number[] = [];
  await thrown(retry(() => {
    times.push(performance.now());
    throw failure();
  }, options));
  return times.slice(1).map((time, i) => time - times[i]!);
}

Deno.test("without jitter each wait is longer than the last by the multiplier", async () => {
  const waits = await spacing({ maxAttempts: 4, minTimeout: 20, multiplier: 3, jitter: 0 });
  assertEquals(waits.length, 3);
  // A timer may be late, never early; a millisecond is lost in rounding.
  for (const [i, least] of [20, 60, 180].entries()) {
    assert(waits[i]! >= least - 1, `${waits[i]!} ms`);
  }
  assert(waits[2]! > waits[0]!, `${waits[2]!} ms`);
});

Deno.test("maxTimeout caps the waits", async () => {
  const started = performance.now();
  await spacing({ maxAttempts: 5, minTimeout: 10, maxTimeout: 20, multiplier: 1000, jitter: 0 });
  const took = performance.now() - started;
  assert(took >= 10 + 3 * 20 - 4, `${took} ms`);
  assert(took < 5000, `${took} ms`);
});

Deno.test("a first wait above maxTimeout is kept", async () => {
  const [wait] = await spacing({ maxAttempts: 2, minTimeout: 60, maxTimeout: 1, jitter: 0 });
  assert(wait! >= 59, `${wait!} ms`);
});

Deno.test("jitter says how much of a wait chance may take away", async () => {
  const { random } = Math;
  Math.random = () => 1 - Number.EPSILON;
  try {
    const wait = { maxAttempts: 2, minTimeout: 60_000, maxTimeout: 60_000 };
    const [all] = await spacing({ ...wait, jitter: 1 });
    assert(all! < 5000, `${all} ms`);
    const [half] = await spacing({ maxAttempts: 2, minTimeout: 80, jitter: 0.5 });
    assert(half! >= 39, `${half} ms`);
  } finally {
    Math.random = random;
  }
});

Deno.test("no time at all between tries is possible", async () => {
  const { work } = failing(...Array.from({ length: 20 }, () => failure()));
  const options = { maxAttempts: 30, minTimeout: 0, maxTimeout: 0 };
  assertEquals(await retry(work, options), 21);
});

Deno.test("onRetry hears of each failure that is followed by another try", async () => {
  const heard: Array<[NetErrorKind, number]> = [];
  const onRetry = (error: NetError, attempt: number) => {
    heard.push([error.kind, attempt]);
  };
  const errors = [failure("refused"), new Deno.errors.TimedOut("late"), failure("reset")];
  await thrown(retry(failing(...errors).work, { ...QUICK, maxAttempts: 3, onRetry }));
  assertEquals(heard, [["refused", 1], ["timeout", 2]]);

  heard.length = 0;
  await thrown(retry(failing(failure(), failure("tls")).work, { ...QUICK, onRetry }));
  assertEquals(heard, [["refused", 1]]);
});

Deno.test("what onRetry throws ends the tries", async () => {
  const { work, tries } = failing(failure(), failure());
  const stop = new Error("enough");
  const onRetry = () => {
    throw stop;
  };
  assertStrictEquals(await thrown(retry(work, { ...QUICK, onRetry })), stop);
  assertEquals(tries(), 1);
});

Deno.test("the deadline ends a long wait and keeps the last error as the cause", async () => {
  const last = failure();
  const { work, tries } = failing(last, last, last);
  const started = performance.now();
  const options = { minTimeout: 60_000, maxTimeout: 60_000, jitter: 0, deadline: 60 };
  const error = await thrown(retry(work, options));
  assert(error instanceof NetError, `${error}`);
  assertEquals([error.kind, error.retryable], ["timeout", true]);
  assertEquals(error.message, "Gave up after 1 try in 60 ms");
  assertStrictEquals(error.cause, last);
  assertEquals(tries(), 1);
  const took = performance.now() - started;
  assert(took >= 59, `${took} ms`);
  assert(took < 5000, `${took} ms`);
});

Deno.test("the deadline aborts the signal of the try in hand", async () => {
  const signals: AbortSignal[] = [];
  const error = await thrown(retry(async ({ attempt, signal }) => {
    signals.push(signal);
    if (attempt === 1) throw failure();
    await delay(60_000, { signal });
  }, { ...QUICK, deadline: 60 }));
  assert(error instanceof NetError, `${error}`);
  assertEquals([error.kind, error.message], ["timeout", "Gave up after 2 tries in 60 ms"]);
  assertEquals(signals.length, 2);
  assertStrictEquals(signals[1]!.reason, error);
});

Deno.test("a success before the deadline leaves no timer behind", async () => {
  assertEquals(await retry(() => "quick", { deadline: 60_000 }), "quick");
  assertEquals(await retry(failing(failure()).work, { ...QUICK, deadline: 60_000 }), 2);
  const final = failure("tls");
  assertStrictEquals(await thrown(retry(failing(final).work, { deadline: 60_000 })), final);
});

Deno.test("a deadline of 0, of Infinity or beyond any timer is none", async () => {
  for (const deadline of [0, Infinity, 2 ** 31, 2 ** 53]) {
    const result = retry(async ({ signal }) => {
      await delay(30, { signal });
      return "done";
    }, { deadline });
    assertEquals(await result, "done");
  }
});

Deno.test("a signal that is aborted already prevents the first try", async () => {
  const { work, tries } = failing();
  for (const reason of ["why", 0, new Error("gone")]) {
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await thrown(retry(work, { signal })), reason);
  }
  assertEquals(tries(), 0);
});

Deno.test("an abort during the wait ends it at once with the reason", async () => {
  for (const reason of ["the user went away", new Error("gone"), failure("closed"), null]) {
    const stop = new AbortController();
    const { work, tries } = failing(failure(), failure());
    const started = performance.now();
    const retrying = thrown(retry(work, {
      minTimeout: 60_000,
      maxTimeout: 60_000,
      jitter: 0,
      deadline: 120_000,
      signal: stop.signal,
      onRetry: () => void setTimeout(() => stop.abort(reason), 5),
    }));
    assertStrictEquals(await retrying, reason);
    assertEquals(tries(), 1);
    assert(performance.now() - started < 5000, `${performance.now() - started} ms`);
  }
});

Deno.test("an abort during a try reaches the try and is the end", async () => {
  const stop = new AbortController();
  let seen: unknown;
  const retrying = thrown(retry(async ({ signal }) => {
    setTimeout(() => stop.abort("enough"), 5);
    try {
      await delay(60_000, { signal });
    } catch {
      seen = signal.reason;
      throw failure();
    }
  }, { ...QUICK, signal: stop.signal }));
  assertEquals(await retrying, "enough");
  assertEquals(seen, "enough");
});

Deno.test("a try that succeeds in spite of an abort has succeeded", async () => {
  const stop = new AbortController();
  const result = await retry(() => {
    stop.abort("too late");
    return "done";
  }, { signal: stop.signal });
  assertEquals(result, "done");
});

/** A signal that counts who listens to it. */
function countingSignal(): { signal: AbortSignal; listeners: () => number } {
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    Reflect.apply(add, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    Reflect.apply(remove, signal, args);
  };
  return { signal, listeners: () => listeners };
}

Deno.test("nobody listens to the caller's signal afterwards", async () => {
  const { signal, listeners } = countingSignal();
  let during = 0;
  await retry(({ attempt }) => {
    during = listeners();
    if (attempt < 5) throw failure();
  }, { ...QUICK, maxAttempts: 5, signal });
  assertEquals([during, listeners()], [1, 0]);
  await thrown(retry(failing(failure("tls")).work, { signal }));
  assertEquals(listeners(), 0);
});

Deno.test("retry() of a retry passes the inner end on as it is", async () => {
  const inner = new RetryError(failure(), 2);
  assertStrictEquals(await thrown(retry(failing(inner).work, { ...QUICK, kinds: [] })), inner);
  const last = failure();
  const nested = () => retryStd(() => Promise.reject(last), { maxAttempts: 1, minTimeout: 1 });
  const error = await thrown(retry(nested, { ...QUICK, maxAttempts: 2 }));
  assert(error instanceof RetryError, `${error}`);
  assertStrictEquals(error.cause, last);
});

Deno.test("retry() rejects nonsense before the first try", async () => {
  const rows: RetryOptions[] = [
    { maxAttempts: 0 },
    { maxAttempts: -1 },
    { maxAttempts: 1.5 },
    { maxAttempts: NaN },
    { minTimeout: -1 },
    { minTimeout: NaN },
    { maxTimeout: -1 },
    { maxTimeout: NaN },
    { multiplier: 0.5 },
    { multiplier: NaN },
    { multiplier: Infinity },
    { jitter: -0.1 },
    { jitter: 1.1 },
    { jitter: NaN },
    { deadline: -1 },
    { deadline: NaN },
  ];
  for (const options of rows) {
    const { work, tries } = failing();
    const [name] = Object.keys(options);
    await assertRejects(() => retry(work, options), RangeError, name);
    assertEquals(tries(), 0);
  }
});

Deno.test("the deadline and the signal hold while the try ignores its signal", async () => {
  const never = () => new Promise<void>(() => {});
  const hold = setTimeout(() => {}, 60_000);
  const late = await thrown(retry(never, { deadline: 30 }));
  assert(late instanceof NetError && late.kind === "timeout", `${late}`);
  const stop = new AbortController();
  const retrying = thrown(retry(never, { signal: stop.signal }));
  stop.abort("enough");
  assertEquals(await retrying, "enough");
  clearTimeout(hold);
});

Deno.test("what a try returns after the end is disposed of", async () => {
  for (const symbol of [Symbol.asyncDispose, Symbol.dispose] as const) {
    const { promise: disposed, resolve } = Promise.withResolvers<void>();
    const { promise, resolve: finish } = Promise.withResolvers<object>();
    const stop = new AbortController();
    const retrying = thrown(retry(() => promise, { signal: stop.signal }));
    stop.abort("enough");
    assertEquals(await retrying, "enough");
    finish({ [symbol]: () => resolve() });
    await disposed;
  }
  // What fails after the end is no unhandled rejection.
  const { promise, reject } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const retrying = thrown(retry(() => promise, { signal: stop.signal }));
  stop.abort("enough");
  await retrying;
  reject(failure());
  await delay(0);
});

Deno.test("a budget limits the repeats of all calls together", async () => {
  const budget = createRetryBudget({ ratio: 0.5, minPerSecond: 0 });
  let tries = 0;
  const call = () =>
    thrown(retry(() => {
      tries++;
      throw failure();
    }, { ...QUICK, maxAttempts: 10, budget }));
  // Each call earns half a repeat.
  for (let i = 0; i < 10; i++) assert(await call() instanceof NetError);
  assertEquals(tries, 15);
  assertEquals(budget.balance, 0);
  const reserve = createRetryBudget({ ratio: 0, minPerSecond: 0.3 });
  assertEquals([1, 2, 3, 4].map(() => reserve.withdraw()), [true, true, true, false]);
  assertEquals(createRetryBudget().balance, 100);
  for (const options of [{ ratio: -1 }, { minPerSecond: NaN }]) {
    assertThrows(() => createRetryBudget(options), RangeError);
  }
});
