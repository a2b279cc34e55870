/** Changes an input at random. @module */

import type { Alphabet } from "../_support/cost.ts";
import type { Random } from "../_support/stress/random.ts";

/** Characters that parsers treat in a way of their own. */
const SPECIAL = [..." \t\r\n\0,;:.\"'\\/=<>()[]{}*+-_&%@?!#|~^$`0aA1z\x1b\x7f\x80\x9b\xa0\xe4\xff"];
/** More of them, which are no bytes. */
const UNICODE = [..."\u0130\u017f\u0301\u200b\u200d\u202e\u2028\u212a\u4e2d\ud800\ufeff\uffff"];
/** Numbers at a border. */
const NUMBERS = [
  ...["0", "1", "-1", "00", "127", "128", "255", "256", "32767", "65535", "65536", "2147483647"],
  ...["2147483648", "4294967295", "4294967296", "9007199254740992", "18446744073709551616"],
  ...["99999999999999999999999999", "0x10", "1e9", "1.5", "NaN"],
];

/** What a mutation may use. */
export interface Material {
  readonly alphabet: Alphabet;
  readonly limit: number;
  readonly words: readonly string[];
  /** Other inputs. */
  readonly corpus: readonly string[];
}

/** Returns an input with one to six changes. */
export function mutate(input: string, random: Random, material: Material): string {
  let text = input;
  for (let left = 1 + random.below(6); left > 0; left--) {
    text = random.pick(CHANGES)(text, random, material);
  }
  return allowed(text.slice(0, material.limit), material.alphabet);
}

type Change = (text: string, random: Random, material: Material) => string;

const CHANGES: readonly Change[] = [
  // A part is missing.
  (text, random) => replaced(text, random, ""),
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => text.slice(random.below(text.length + 1)),
  // A part comes twice or often.
  (text, random) => {
    const [from, to] = range(text, random);
    return text.slice(0, to) + text.slice(from);
  },
  (text, random, { limit }) => {
    const [from, to] = range(text, random);
    const size = to - from;
    const room = Math.max(0, limit - text.length);
    const most = random.chance(0.05) ? room : Math.min(room, 300);
    const count = size === 0 ? 0 : random.below(Math.floor(most / size) + 1);
    return text.slice(0, to) + text.slice(from, to).repeat(count) + text.slice(to);
  },
  // Something else is in its place.
  (text, random, material) => replaced(text, random, character(random, material)),
  (text, random, material) => inserted(text, random, character(random, material)),
  (text, random, { words }) =>
    words.length === 0 ? text : inserted(text, random, random.pick(words)),
  (text, random, { words }) =>
    words.length === 0 ? text : replaced(text, random, random.pick(words)),
  (text, random) => {
    const at = random.below(text.length + 1);
    const code = text.charCodeAt(at);
    if (Number.isNaN(code)) return text;
    return text.slice(0, at) + String.fromCharCode(code ^ 1 << random.below(8)) +
      text.slice(at + 1);
  },
  // A number is another one.
  (text, random) => {
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return text;
    const { 0: digits, index } = random.pick(numbers);
    return text.slice(0, index) + random.pick(NUMBERS) + text.slice(index + digits.length);
  },
  // Parts change places.
  (text, random) => {
    const [from, to] = range(text, random);
    const at = random.below(text.length - (to - from) + 1);
    const rest = text.slice(0, from) + text.slice(to);
    return rest.slice(0, at) + text.slice(from, to) + rest.slice(at);
  },
  (text, random, { corpus }) => {
    const other = random.pick(corpus);
    return text.slice(0, random.below(text.length + 1)) +
      other.slice(random.below(other.length + 1));
  },
  (text, random) => {
    const [from, to] = range(text, random);
    const part = text.slice(from, to);
    const turned = random.chance(0.5) ? part.toUpperCase() : part.toLowerCase();
    return text.slice(0, from) + turned + text.slice(to);
  },
];

/** Returns a range, usually a short one. */
function range(text: string, random: Random): [from: number, to: number] {
  const from = random.below(text.length + 1);
  const most = text.length - from;
  const size = random.below(1 + (random.chance(0.7) ? Math.min(most, 8) : most));
  return [from, from + size];
}

function replaced(text: string, random: Random, by: string): string {
  const [from, to] = range(text, random);
  return text.slice(0, from) + by + text.slice(to);
}

function inserted(text: string, random: Random, part: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + part + text.slice(at);
}

function character(random: Random, { alphabet }: Material): string {
  if (alphabet === "text" && random.chance(0.2)) return random.pick(UNICODE);
  return random.chance(0.7) ? random.pick(SPECIAL) : String.fromCharCode(random.below(256));
}

/** Leaves out what the alphabet does not have. */
function allowed(text: string, alphabet: Alphabet): string {
  switch (alphabet) {
    case "text":
      return text;
    case "bytes":
      return text.replaceAll(/[^\0-\xff]/g, "?");
    case "field":
      return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "?");
  }
}
