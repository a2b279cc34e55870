/**
 * Sets of UIDs as ranges. A few bytes such as `1:4294967295` stand for many numbers, so a set stays a
 * list of ranges until its numbers are needed. Pure.
 */

import { parseDigits } from "../text.ts";

/** The largest number of a message (RFC 9051 §9). */
export const MAX_NUMBER = 2 ** 32 - 1;

/** A range of numbers: the first and the last one. */
export type Range = readonly [first: number, last: number];

/**
 * Reads a set such as `1:9,12`, in its own order. The ends of a range may come in any order, and the
 * range means its numbers in ascending order (RFC 3501 §9, RFC 4315 §4). Invalid parts are skipped.
 */
export function rangesOf(set: string): Range[] {
  const ranges: Range[] = [];
  for (const part of set.split(",")) {
    const colon = part.indexOf(":");
    const one = parseDigits(colon === -1 ? part : part.slice(0, colon), 10);
    const other = colon === -1 ? one : parseDigits(part.slice(colon + 1), 10);
    if (!one || !other || Math.max(one, other) > MAX_NUMBER) continue;
    ranges.push(one <= other ? [one, other] : [other, one]);
  }
  return ranges;
}

/** Sorts ranges and joins those that overlap or touch. */
export function mergedRanges(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    const before = merged.at(-1);
    if (before === undefined || first > before[1] + 1) merged.push([first, last]);
    else if (last > before[1]) before[1] = last;
  }
  return merged;
}

/** Counts the numbers of ranges that do not overlap. */
export function countRanges(ranges: readonly Range[]): number {
  return ranges.reduce((count, [first, last]) => count + last - first + 1, 0);
}

/** Yields the numbers of ranges, at most `most`. */
export function* numbersIn(ranges: readonly Range[], most: number): Generator<number, void, void> {
  let left = most;
  for (const [first, last] of ranges) {
    for (let number = first; number <= last && left > 0; number++, left--) yield number;
  }
}

/** Returns a function that tells whether a set has a number. A set with `*` may have any. */
export function memberOf(set: string): (number: number) => boolean {
  if (set.includes("*")) return () => true;
  const only = parseDigits(set, 10);
  if (only !== undefined) return (number) => number === only;
  const ranges = mergedRanges(rangesOf(set));
  return (number) => {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle]![1] < number) low = middle + 1;
      else high = middle;
    }
    return low < ranges.length && ranges[low]![0] <= number;
  };
}

/** Collects the numbers that a search finds. */
export class FoundNumbers {
  readonly #numbers: number[] = [];
  #ranges: Range[] = [];

  /** Adds a number. */
  add(number: number): void {
    this.#numbers.push(number);
  }

  /** Adds a set such as `1:9,12`. */
  addSet(set: string): void {
    for (const range of rangesOf(set)) this.#ranges.push(range);
  }

  /** The number of numbers that ranges stand for. */
  get size(): number {
    return countRanges(this.#merged());
  }

  /** Returns the numbers in ascending order, each once; of the ranges at most `most`. */
  sorted(most: number): number[] {
    const all = this.#numbers;
    for (const number of numbersIn(this.#merged(), most)) all.push(number);
    // The sort of numbers is faster than one with a function.
    const sorted = Float64Array.from(all).sort();
    return Array.from(sorted.filter((number, i) => number !== sorted[i - 1]));
  }

  /** Returns the ranges, merged once for all responses. */
  #merged(): Range[] {
    return this.#ranges = mergedRanges(this.#ranges);
  }
}
