/**
 * How often `retry` had tried when it let an error through. Kept beside the errors and not in
 * them: an error may be frozen, and its fields are for reading.
 */
const attempts = new WeakMap<object, number>();

/** Notes the number of tries; what is no object cannot bear a note. */
export function noteAttempts(error: unknown, count: number): void {
  if (typeof error === "object" && error !== null) attempts.set(error, count);
}

/** The number of tries, if it was noted. */
export function attemptsOf(error: object): number | undefined {
  return attempts.get(error);
}
