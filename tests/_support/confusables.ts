/**
 * Makes the tables of look-alikes from `confusables.txt` of Unicode (UTS 39 §4). The file is at
 * https://www.unicode.org/Public/security/ and is not part of this repository.
 *
 * ```sh
 * deno run --allow-read --allow-write tests/_support/confusables.ts confusables.txt
 * ```
 *
 * It writes `examples/chat/names/confusables.ts`, and for the tests the look-alikes of each ASCII letter
 * as the file lists them, `tests/examples/chat/names/_lookalikes.ts`.
 *
 * @module
 */

import { foldText } from "../../examples/chat/names/skeleton.ts";

/**
 * Pairs of a character and one that it resembles. They come before those of Unicode. The small capitals
 * and the Greek letters connect the small form of a letter with its capital form.
 */
const OWN =
  ("вb еe кk мm нh тt βb εe ζz ηh κk μm τt χx ĸk ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp " +
    "ꞯq ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz").split(" ").map((pair) => [pair[0]!, pair[1]!] as const);

type Row = readonly [source: string, target: string];

/** Returns the rows of the file, and its version. */
function readRows(text: string): { version: string; rows: Row[] } {
  const version = /^# Version: ([\d.]+)$/m.exec(text)?.[1];
  const total = /^# total: (\d+)$/m.exec(text)?.[1];
  const characters = (hex: string) =>
    hex.trim().split(" ").map((one) => String.fromCodePoint(parseInt(one, 16))).join("");
  const rows = Array.from(
    text.matchAll(/^([0-9A-F]+) ;\t([0-9A-F ]+) ;\tMA/gm),
    ([, source, target]): Row => [characters(source!), characters(target!)],
  );
  if (version === undefined || Number(total) !== rows.length) {
    throw new Error(`This is not a complete confusables.txt: ${rows.length} of ${total} rows`);
  }
  return { version, rows };
}

const isOne = (text: string) => [...text].length === 1;

/** Returns the prototype of each folded character, before prototypes of prototypes are applied. */
function fold(rows: readonly Row[]): Map<string, string> {
  const map = new Map<string, string>(OWN);
  const add = (source: string, target: string) => {
    const folded = foldText(target);
    if (!map.has(source) && folded !== source) map.set(source, folded);
  };
  for (const [source, target] of rows) if (foldText(source) === source) add(source, target);
  // Capital letters speak for their small form only if that has no row of its own, such as I and i.
  for (const [source, target] of rows) {
    const small = foldText(source);
    if (/^\p{Lu}$/u.test(source) && isOne(small)) add(small, target);
  }
  return map;
}

/** Applies a table to its own results until nothing changes. */
function close(map: Map<string, string>): Map<string, string> {
  const resolve = (text: string, depth = 0): string => {
    const letters = [...foldText(text).normalize("NFD")];
    if (depth > 20) throw new Error(`The prototypes of ${text} have no end`);
    return letters.map((one) => map.has(one) ? resolve(map.get(one)!, depth + 1) : one).join("");
  };
  const closed = new Map<string, string>();
  for (const source of map.keys()) {
    // Names are decomposed before the table is applied.
    const target = resolve(source);
    if (source.normalize("NFD") === source && target !== source) closed.set(source, target);
  }
  return closed;
}

/** Packs a table as `readTable` of `skeleton.ts` reads it. */
function pack(map: ReadonlyMap<string, string>): string {
  const byTarget = Map.groupBy(map.keys(), (source) => map.get(source)!);
  const number = (value: number) => value.toString(36);
  const groups = Array.from(byTarget, ([target, sources]) => {
    const points = sources.map((one) => one.codePointAt(0)!).sort((a, b) => a - b);
    const distances = points.map((point, i) => number(point - (points[i - 1] ?? 0)));
    const prototype = Array.from(target, (one) => number(one.codePointAt(0)!)).join("+");
    return `${prototype}:${distances.join(".")}`;
  }).sort();
  return wrap(groups);
}

function wrap(words: readonly string[]): string {
  const lines: string[] = [""];
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length <= 100) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** Returns the look-alikes of the ASCII letters, such as `I` for `l`, as JSON. */
function lookalikes(rows: readonly Row[]): string {
  const letters = rows.filter(([source, target]) => /^[A-Za-z]$/.test(target) && source !== target);
  const byTarget = Map.groupBy(letters, ([, target]) => target);
  return wrap(
    Array.from(byTarget, ([target, sources]) => {
      const points = sources.map(([source]) => source.codePointAt(0)!.toString(36));
      return `${target}:${points.join(".")}`;
    }).sort(),
  );
}

const [path] = Deno.args;
if (path === undefined) throw new TypeError("Give the path of confusables.txt");
const { version, rows } = readRows(Deno.readTextFileSync(path));
const map = close(fold(rows));
const apply = (text: string) =>
  Array.from(foldText(text).normalize("NFD"), (one) => map.get(one) ?? one).join("");
/** The characters that look like ASCII characters, but not like those of their folded form. */
const looks = new Map(
  rows.filter(([source, target]) =>
    /^[\x21-\x7e]+$/.test(target) && source.normalize("NFD") === source &&
    foldText(source) !== source && apply(source) !== apply(target)
  ).map(([source, target]) => [source, apply(target)]),
);
const source = `confusables.txt ${version} of Unicode (https://www.unicode.org/Public/security/)`;
const licence = "Copyright © Unicode, Inc. Terms of use: https://www.unicode.org/terms_of_use.html";
const root = new URL("../../", import.meta.url);
Deno.writeTextFileSync(
  new URL("examples/chat/names/confusables.ts", root),
  `/**
 * The characters that look alike. \`tests/_support/confusables.ts\` made this file from
 * ${source}.
 * ${licence}
 *
 * @module
 */

/** The prototypes of folded characters, as \`readTable\` of \`skeleton.ts\` reads them. */
export const CONFUSABLES = \`
${pack(map)}
\`;

/** The characters that look like ASCII characters, but not like those of their folded form. */
export const LOOKS = \`
${pack(looks)}
\`;
`,
);
Deno.writeTextFileSync(
  new URL("tests/examples/chat/names/_lookalikes.ts", root),
  `/**
 * The look-alikes of each ASCII letter in ${source},
 * packed by \`tests/_support/confusables.ts\`. ${licence}
 *
 * @module
 */

const PACKED = \`
${lookalikes(rows)}
\`;

/** Each ASCII letter with all characters that look like it. */
export const LOOKALIKES: ReadonlyMap<string, readonly string[]> = new Map(
  PACKED.trim().split(/\\s+/).map((group) => {
    const points = group.slice(2).split(".").map((point) => parseInt(point, 36));
    return [group[0]!, points.map((point) => String.fromCodePoint(point))];
  }),
);
`,
);
console.log(`${rows.length} rows of ${version}: ${map.size} prototypes, ${looks.size} looks`);
