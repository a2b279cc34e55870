/** The longest timer, 24.8 days in milliseconds; one beyond would fire at once. */
export const MAX_TIMER = 2 ** 31 - 1;

/** A time in milliseconds: a number from 0 up, 0 for ever. Given back as Infinity if it is for ever. */
export function checkTime(name: string, value: number | undefined, fallback: number): number {
  const time = value ?? fallback;
  if (typeof time !== "number" || !(time >= 0)) {
    throw new RangeError(`Cannot use ${name}: it is a number from 0 up, not ${time}`);
  }
  return time === 0 || time > MAX_TIMER ? Infinity : time;
}

/** A count of which 0 lifts the limit: given back as Infinity then. */
export function checkLimit(name: string, value: number | undefined, fallback: number): number {
  const limit = value ?? fallback;
  if (limit === Infinity || (Number.isInteger(limit) && limit >= 0)) return limit || Infinity;
  throw new RangeError(`Cannot use ${name}: it is a whole number from 0 up, not ${limit}`);
}

/** A size or a count: a whole number from 1 up, or Infinity. */
export function checkCount(name: string, value: number | undefined, fallback: number): number {
  const count = value ?? fallback;
  if (count === Infinity || (Number.isInteger(count) && count > 0)) return count;
  throw new RangeError(`Cannot use ${name}: it is a whole number from 1 up, not ${count}`);
}
