/**
 * Reads the line of a search: `words "a phrase" from:ann in:#team after:2026-11-01 before:2026-12-01`.
 * Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { withoutHash } from "../names.ts";

/** A search as the user wrote it. */
export interface ParsedSearch {
  /** Words and phrases. */
  readonly words: readonly string[];
  /** The names of `from:`, without `@`. */
  readonly from: readonly string[];
  /** The rooms of `in:`, without `#`. */
  readonly in: readonly string[];
  /** The start of the day of `before:`, in milliseconds since 1970. */
  readonly before?: number;
  /** The start of the day of `after:`, in milliseconds since 1970. Messages of that day match. */
  readonly after?: number;
  /** The values of `before:` and `after:` that are no dates. */
  readonly badDates: readonly string[];
  /** Whether the line has nothing to search for. */
  readonly isEmpty: boolean;
}

/** Maximum number of words and phrases. Further ones are ignored. */
export const MAX_WORDS = 16;

/** Maximum number of characters of a word or a phrase. The rest is ignored. */
export const MAX_WORD = 100;

/** A filter or a word: `key:"value"`, `key:value`, `"phrase"`, `word`; with the quotes of Chinese, too. */
const PART =
  /(?:(from|in|before|after)[:：])?(?:["“”「『]([^"“”」』]*)(?:["“”」』]|$)|([^\s"“”「」『』]+))/giu;

/** Control characters, which no message contains. */
const CONTROLS = /\p{Cc}/gu;

/**
 * Reads a search.
 *
 * @param line The line of the user, without a command.
 * @param zone The time zone of the user: minutes east of UTC. Default: 0.
 * @returns The parts of the search. Every line is a valid search.
 */
export function parseSearch(line: string, zone = 0): ParsedSearch {
  const words: string[] = [];
  const found: Record<"from" | "in" | "before" | "after", string[]> = {
    from: [],
    in: [],
    before: [],
    after: [],
  };
  for (const [, key, phrase, word] of line.slice(0, 4096).matchAll(PART)) {
    const text = (phrase ?? word ?? "").replace(CONTROLS, " ").trim();
    const value = [...text].slice(0, MAX_WORD).join("");
    if (value === "") continue;
    const list = key === undefined ? words : found[key.toLowerCase() as keyof typeof found];
    if (list.length < MAX_WORDS) list.push(value);
  }
  const before = dates(found.before, zone);
  const after = dates(found.after, zone);
  const times = {
    ...(before.good.length > 0 && { before: Math.min(...before.good) }),
    ...(after.good.length > 0 && { after: Math.max(...after.good) }),
  };
  const from = found.from.map((name) => name.replace(/^[@＠]/, "")).filter((name) => name !== "");
  const rooms = found.in.map(withoutHash).filter((name) => name !== "");
  return {
    words,
    from,
    in: rooms,
    ...times,
    badDates: [...before.bad, ...after.bad],
    isEmpty: [words, from, rooms, before.good, after.good].every((list) => list.length === 0),
  };
}

function dates(values: readonly string[], zone: number): { good: number[]; bad: string[] } {
  const result: { good: number[]; bad: string[] } = { good: [], bad: [] };
  for (const value of values) {
    const start = startOfDay(value);
    if (start === undefined) result.bad.push(value);
    else result.good.push(start - zone * 60_000);
  }
  return result;
}

/** Returns the start of a day such as `2026-11-30` in UTC; undefined if there is no such day. */
function startOfDay(text: string): number | undefined {
  const match = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const time = Date.UTC(year, month - 1, day);
  const date = new Date(time);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? time : undefined;
}
