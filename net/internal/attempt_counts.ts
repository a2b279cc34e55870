/**
 * Number of attempts of `retry` for each error. They are not stored in the errors, because an error
 * may be frozen and its fields are read-only.
 */
const attempts = new WeakMap<object, number>();

/** Stores the number of attempts for an error. It ignores values that are not objects. */
export function noteAttempts(error: unknown, count: number): void {
  if (typeof error === "object" && error !== null) attempts.set(error, count);
}

/** Returns the number of attempts for an error, or undefined if it was not stored. */
export function attemptsOf(error: object): number | undefined {
  return attempts.get(error);
}
