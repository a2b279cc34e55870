/**
 * Finds words in a text, in any case, and their places for highlighting. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Start and end of a part of a text, in UTF-16 units. */
export type Mark = readonly [number, number];

/** Maximum number of marks in one text. */
const MAX_MARKS = 100;

/** A text in lower case, with the place of each of its units in the original. */
interface Folded {
  readonly text: string;
  /** Undefined if the places are the same. */
  readonly places?: readonly number[];
}

/**
 * Finds all occurrences of words.
 *
 * @param text The text of a message.
 * @param words The words and phrases.
 * @returns The places in ascending order, without overlaps; undefined if a word does not occur.
 */
export function findMarks(text: string, words: readonly string[]): readonly Mark[] | undefined {
  const folded = fold(text);
  const found: Mark[] = [];
  for (const word of words) {
    const places = occurrences(folded, fold(word).text);
    if (places.length === 0) return undefined;
    found.push(...places);
  }
  return merge(found.sort(([a], [b]) => a - b)).slice(0, MAX_MARKS);
}

function fold(text: string): Folded {
  const lower = lowerCase(text);
  if (lower.length === text.length) return { text: lower };
  const places: number[] = [];
  let [folded, at] = ["", 0];
  for (const character of text) {
    const small = lowerCase(character);
    for (let i = 0; i < small.length; i++) places.push(at);
    folded += small;
    at += character.length;
  }
  places.push(at);
  return { text: folded, places };
}

function occurrences({ text, places }: Folded, word: string): Mark[] {
  const found: Mark[] = [];
  if (word === "") return found;
  let at = text.indexOf(word);
  while (at >= 0 && found.length < MAX_MARKS) {
    const end = at + word.length;
    found.push(places === undefined ? [at, end] : [places[at]!, places[end]!]);
    at = text.indexOf(word, end);
  }
  return found;
}

/** Joins marks that overlap or touch. */
function merge(marks: readonly Mark[]): Mark[] {
  const joined: [number, number][] = [];
  for (const [start, end] of marks) {
    const last = joined.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

/** Returns a text in lower case, with one form of the Greek sigma. */
function lowerCase(text: string): string {
  return text.toLowerCase().replaceAll("ς", "σ");
}
