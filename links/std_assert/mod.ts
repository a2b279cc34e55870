import * as std from "npm:deno-std@1.4.0/assert/mod.js";

// Assertion signatures need a declared type, hence the functions written out one by one.

/** Fails unless `expr` is true. */
export const assert: (expr: unknown, msg?: string) => asserts expr = std.assert;
/** Fails unless both are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertEquals;
/** Fails if both are deeply equal. */
export const assertNotEquals: <T>(actual: T, expected: T, msg?: string) => void =
  std.assertNotEquals;
/** Fails unless both are the same value. */
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is T = std.assertStrictEquals;
/** Fails unless `actual` holds `expected`. */
export const assertStringIncludes: (actual: string, expected: string, msg?: string) => void =
  std.assertStringIncludes;
/** Fails unless `actual` matches. */
export const assertMatch: (actual: string, expected: RegExp, msg?: string) => void =
  std.assertMatch;
/** Fails unless `actual` is an instance of the class. */
export const assertInstanceOf: <T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- any constructor fits, as in @std/assert
  expected: abstract new (...args: any[]) => T,
  msg?: string,
) => asserts actual is T = std.assertInstanceOf;
/** Fails unless `fn` throws; returns what it threw. */
export const assertThrows: {
  (fn: () => unknown, msg?: string): unknown;
  <E extends Error>(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any -- any constructor fits, as in @std/assert
    ErrorClass: abstract new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
} = std.assertThrows;

/** Fails unless `fn` rejects; resolves to what it rejected with. */
export const assertRejects: {
  (fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  <E extends Error>(
    fn: () => PromiseLike<unknown>,
    // deno-lint-ignore no-explicit-any -- any constructor fits, as in @std/assert
    ErrorClass: abstract new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
} = std.assertRejects;
