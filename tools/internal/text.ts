import { escapeControls } from "../../net/text.ts";

/** Quotes a value for an error message: escaped, and shortened to `limit` characters. */
export function quote(value: string, limit = 120): string {
  const characters = [...value];
  const shown = characters.length > limit ? characters.slice(0, limit).join("") + "…" : value;
  return `"${escapeControls(shown.replace(/[\\"]/g, "\\$&"))}"`;
}

/** Returns the candidate that is most similar to a word with a typo; undefined if none is similar. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // The distance has a quadratic cost, and a very long word is not a typo.
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) && word.length > 2 ? 1 : editDistance(
      word,
      candidate,
    );
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Returns the number of insertions, deletions, replacements and swaps between two words. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}

/** Formats a time: `0.42 ms`, `7.1 ms`, `312 ms`, `3.1 s`. */
export function showTime(ms: number): string {
  if (ms >= 9999.5) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : 2)} ms`;
}

/** Lists the first texts and the number of the others: `a, b, c, d and 12 more`. */
export function listSome(texts: readonly string[], most = 4): string {
  if (texts.length <= most + 1) return texts.join(", ");
  return `${texts.slice(0, most).join(", ")} and ${texts.length - most} more`;
}

/** Formats a number with a noun: `1 hop`, `2 hops`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303F\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const NARROW_KANA = /^[\uFF61-\uFF9F]/;

/** Returns the columns that a character takes on a terminal, with its combining marks. */
function columns(character: string): number {
  if (/^[\p{M}\p{Cf}]+$/u.test(character)) return 0;
  return WIDE.test(character) && !NARROW_KANA.test(character) ? 2 : 1;
}

let segmenter: Intl.Segmenter | undefined;

/** Splits a text into characters as a reader sees them. */
function segments(text: string): Intl.Segments {
  // The first one of a process takes 20 ms, which only a text that is wrapped must pay.
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** Wraps a text to lines of at most `width` columns, at spaces if possible. */
export function wrap(text: string, width: number): string[] {
  // A number and its unit stay on one line, as does `[default: …`.
  const [first = "", ...words] = text.split(/(?<!\[default:) (?!(?:ms|s|days?)\b)/);
  const lines = cut(first, width);
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(...cut(word, width));
  }
  return lines;
}

/** Splits a word that is longer than a line. */
function cut(word: string, width: number): string[] {
  const pieces = [""];
  let used = 0;
  for (const { segment } of segments(word)) {
    const more = columns(segment);
    if (used + more > width) {
      pieces.push("");
      used = 0;
    }
    pieces[pieces.length - 1] += segment;
    used += more;
  }
  return pieces;
}

/** Returns the columns that a text takes. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of segments(text)) width += columns(segment);
  return width;
}
