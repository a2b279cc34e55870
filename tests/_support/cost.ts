/**
 * Finds functions whose cost grows faster than the size of their input.
 *
 * A peer that may send 64 KiB makes a function that is quadratic in them work for a second, and
 * nobody else is served meanwhile. Each row of `tests/cost/` names a function that takes bytes of a
 * peer. It is fed with hostile input of growing size, up to the function's own limit. For 16 times
 * the input a linear function takes 16 times as long, a quadratic one 256 times, and 64 times are
 * allowed. This leaves room for the memory that the larger input takes. The times are the best of
 * several runs, and time in which another thread had the processor does not count.
 *
 * @module
 */

import { processorTime } from "./processor_time.ts";

/** What characters an input may hold. */
export type Alphabet =
  /** Any text. */
  | "text"
  /** Bytes, one a character: U+0000 to U+00FF. */
  | "bytes"
  /** The value of a header field, one byte a character, without control characters but HTAB. */
  | "field";

/** A class of errors. */
// deno-lint-ignore no-explicit-any -- any constructor of an error
export type ErrorClass = abstract new (...args: any[]) => Error;

/** A function that takes bytes of a peer. */
export interface CostRow {
  /** What is measured, as the name of a test has it. */
  readonly name: string;
  /** The exported names that are covered. */
  readonly covers?: readonly string[];
  /** The most characters of the input: the function's own limit, or 64 KiB if it has none. */
  readonly limit: number;
  /** What the input may hold. @default "text" */
  readonly alphabet?: Alphabet;
  /** Feeds the input to the function. What it throws is an answer as good as any. */
  readonly run: (input: string) => unknown;
  /** Valid beginnings and ends, put around what repeats. */
  readonly around?: readonly (readonly [before: string, after: string])[];
  /** More texts to repeat, up to the limit. */
  readonly units?: readonly string[];
  /** Inputs of a size that do not consist of something that repeats. */
  readonly shapes?: Readonly<Record<string, (size: number) => string>>;
  /** An input that must be accepted: it shows that the row measures what it says. */
  readonly valid?: string;
  /** The documented errors, for the fuzzer. @default none */
  readonly throws?: readonly ErrorClass[];
  /** Whether a run opens connections. @default false */
  readonly connects?: boolean;
  /** Whether only the size of the input counts, so that random inputs are of no use. @default false */
  readonly isSizeOnly?: boolean;
  /** Whether only the row's own units and shapes are tried, since a run is dear. @default false */
  readonly only?: boolean;
}

/** Of each class of characters that some parser treats in a way of its own. */
const SINGLES = [
  ..." \t,;:.\"'\\/=<>()[]{}*+-_&%@?!#|~^$`",
  ..."0aAeflu1x",
  ..."\r\n\0\x1b\x7f\x80\x9b\xa0\xe4\xff",
  ..."\u017f\u0301\u200d\u2028\u212a\u4e2d\ufeff",
  "\u{1F3F4}",
];

/** Those of which every pair is tried. */
const PAIRED = [...' \t,;:."\\/=<(%a1\r\n'];
const PAIRS = PAIRED.flatMap((one) =>
  PAIRED.filter((other) => other !== one).map((other) => one + other)
);

/** What some grammars repeat. */
export const PHRASES: readonly string[] = [
  ...[", ", ",,", "; ", ": ", "= ", '" ', '",', '","', '\\"', '"\\"', "a,", "a, ", "a;a", "a=b;"],
  ...['a="b", ', "a;q=0.1,", "1,1", "1.", "1.1.", "1:", "::", ":: ", "a.", "a-", "a a", "a: b\r\n"],
  ...["\r\n", "\n\n", "\r\n ", "(a)", "((", "[[", "{{", "=?", "=?a?q?", "=?a?q?a?=", "%20", "%"],
  ...["&-", "&a", "&AA-", "0x", "0.0", "1e1", "aa ", "a  ", "  a", ". ", " .", "* ", "NIL ", "{1}"],
  ...[
    "\x1b[",
    "\x1b]",
    "\u0301\u200d",
    "a\u0301",
    "\u200d\u{1F3F4}",
    "a=1 ",
    "a<1 ",
    "1 ms ",
    "ff:",
  ],
];

/** What every row tries is tried up to this size, and its own texts up to its limit. */
const USUAL = 32 * 1024;
/** Pairs are tried up to this size: their number makes more too dear. */
const PAIR_SIZE = 8 * 1024;
/** Less than this is no cost, whatever the growth: in milliseconds. */
const FLOOR = 10;
/** By how much the input grows. */
const STEP = 16;
/** How much longer it may take then. */
const MARGIN = 64;
/** How often a size is measured before it is judged too slow. */
const ROUNDS = 6;
/** The system counts the time of a thread in steps of this size: in milliseconds. */
const TICK = 4;
/** After so much time no pause of the machine can be the reason: in milliseconds. */
const PATIENCE = 2000;

/** An input that is too dear. */
export interface Steep {
  /** The input in words. */
  readonly input: string;
  /** Its size. */
  readonly size: number;
  /** The best time of it, and of a sixteenth, in milliseconds. */
  readonly times: readonly [whole: number, part: number];
}

/** Feeds a function with all inputs that a row allows; gives the first one that is too dear. */
export async function findSteep(row: CostRow): Promise<Steep | undefined> {
  if (row.valid !== undefined) await row.run(row.valid);
  for (const [words, make, limit] of inputsOf(row)) {
    const steep = await climb(row, make, limit);
    if (steep !== undefined) return { input: words, ...steep };
  }
  return undefined;
}

type Input = readonly [words: string, make: (size: number) => string, limit: number];

function* inputsOf(row: CostRow): Generator<Input> {
  const { limit, alphabet = "text", around = [], units = [], shapes = {}, only = false } = row;
  for (const [words, make] of Object.entries(shapes)) yield [words, make, limit];
  const bare = around.length === 0 ? [["", ""] as const] : around;
  const fits = (unit: string) => FITS[alphabet].test(unit);
  yield* repeated(units.filter(fits), bare, limit);
  if (only) return;
  const all = [...SINGLES, ...PHRASES].filter(fits);
  yield* repeated(all, [...bare, ["", ""], ["x", "y"]], Math.min(limit, USUAL));
  yield* repeated(PAIRS.filter(fits), bare, Math.min(limit, PAIR_SIZE));
}

function* repeated(
  units: readonly string[],
  around: readonly (readonly [before: string, after: string])[],
  limit: number,
): Generator<Input> {
  for (const unit of units) {
    for (const [before, after] of around) {
      const words = `${quoted(before)} + ${quoted(unit)}.repeat(n) + ${quoted(after)}`;
      yield [words, (size) => fill(before, unit, after, size), limit];
    }
  }
}

const FITS: Readonly<Record<Alphabet, RegExp>> = {
  text: /^/,
  // deno-lint-ignore no-control-regex -- all bytes
  bytes: /^[\x00-\xff]*$/,
  field: /^[\t\x20-\x7e\x80-\xff]*$/,
};

function fill(before: string, unit: string, after: string, size: number): string {
  const count = Math.max(1, Math.floor((size - before.length - after.length) / unit.length));
  return before + unit.repeat(count) + after;
}

/** Goes up to the limit in steps, so that a function is stopped before it takes hours. */
async function climb(
  row: CostRow,
  make: (size: number) => string,
  limit: number,
): Promise<Omit<Steep, "input"> | undefined> {
  for (const size of [24, 32, 48, Math.floor(limit / STEP), limit]) {
    const input = flat(make(size));
    let whole = await timeOf(row, input, false);
    if (whole < FLOOR) continue;
    const part = flat(make(Math.floor(size / STEP)));
    let least = Infinity;
    const since = performance.now();
    for (let round = 0; whole >= FLOOR; round++) {
      for (let i = 0; i < 3; i++) least = Math.min(least, await timeOf(row, part));
      if (whole <= MARGIN * least) break;
      if (round === ROUNDS || performance.now() - since > PATIENCE) {
        return { size, times: [whole, least] };
      }
      whole = Math.min(whole, await timeOf(row, input));
    }
  }
  return undefined;
}

/** Puts a text that was joined together now, and not while the time is taken. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** How long a run takes, in milliseconds. */
async function timeOf({ run }: CostRow, input: string, exactly = true): Promise<number> {
  const [start, busy] = [performance.now(), exactly ? processorTime() : 0];
  try {
    const result = run(input);
    if (result instanceof Promise) await result;
  } catch { /* To refuse it is right, too. */ }
  const took = performance.now() - start;
  // Other threads prolong the one, and the other has steps.
  return exactly ? Math.min(took, Math.max(processorTime() - busy, TICK)) : took;
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text as bytes, one a character. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
