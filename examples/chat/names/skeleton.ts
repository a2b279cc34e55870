/**
 * Keys of names: names that people could confuse have the same key. Pure.
 *
 * A key is the skeleton of UTS 39 §4 of a name without its case: every character is replaced by the
 * prototype of those that look like it. Because keys ignore case, `I`, `i`, `l` and `1` are one letter.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { CONFUSABLES, LOOKS } from "./confusables.ts";

/**
 * The part of a text that counts, in UTF-16 units. No name is longer. The normalization of Unicode needs
 * quadratic time for stacked marks: 9 ms for 4096 of them, and a user can ask for a room ten times a second.
 */
const MAX_UNITS = 512;

/**
 * Returns a text without case, width, ligatures and invisible characters.
 *
 * @param text The name of a user or a room.
 * @returns The text in its folded form.
 */
export function foldText(text: string): string {
  // Upper case turns ß into SS. The capital ẞ has to become ß first.
  return text.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase().toUpperCase().toLowerCase().normalize("NFKC").replaceAll("ς", "σ");
}

/**
 * Returns the key of a name.
 *
 * @param name The name of a user or a room.
 * @returns The key, which is equal for names that people could confuse.
 */
export function nameKey(name: string): string {
  const folded = foldText(name.slice(0, MAX_UNITS)).normalize("NFD");
  return replaceEach(folded, prototypes()).normalize("NFC");
}

/**
 * Returns the key of the other name as which a name can be read. Some capital letters look like another
 * letter than their small form: the Greek `Ν` looks like N, but `ν` looks like v.
 *
 * @param name The name of a user or a room.
 * @returns The key of the name in Latin letters; undefined if there is none.
 */
export function otherKey(name: string): string | undefined {
  const letters = name.slice(0, MAX_UNITS).normalize("NFD");
  const read = replaceEach(letters, looks());
  if (read === letters) return undefined;
  const key = nameKey(read);
  return /^[\x21-\x7e]+$/.test(key) && key !== nameKey(name) ? key : undefined;
}

function replaceEach(text: string, table: ReadonlyMap<string, string>): string {
  let replaced = "";
  for (const character of text) replaced += table.get(character) ?? character;
  return replaced;
}

type Table = ReadonlyMap<string, string>;

let prototypeTable: Table | undefined;
let lookTable: Table | undefined;

function prototypes(): Table {
  return prototypeTable ??= readTable(CONFUSABLES);
}

function looks(): Table {
  return lookTable ??= readTable(LOOKS);
}

/** Reads `TARGET:SOURCE.SOURCE… …`. The numbers have base 36; sources are the distances of code points. */
function readTable(packed: string): Table {
  const table = new Map<string, string>();
  for (const group of packed.split(/\s+/).filter(Boolean)) {
    const [target = "", sources = ""] = group.split(":");
    const replacement = target.split("+").map(character).join("");
    let source = 0;
    for (const distance of sources.split(".")) {
      source += parseInt(distance, 36);
      table.set(String.fromCodePoint(source), replacement);
    }
  }
  return table;
}

function character(number: string): string {
  return String.fromCodePoint(parseInt(number, 36));
}
