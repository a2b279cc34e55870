/**
 * Makes text of users safe for the screens of other users. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Printable ASCII. Most lines match and need no further work. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Invisible characters: spaces, joiners, fillers, empty Braille, the invisible note and mark. */
const UNSEEN = "\\s\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800\\u{1D159}\\u{16FE4}";

/**
 * More than twenty blanks. Many blanks would push text to the next line of a terminal, where it could
 * look like a notice. Twenty are enough to indent code. Characters without width count, because they
 * could separate the blanks.
 */
const GAPS = new RegExp(`([${UNSEEN}]{20})[${UNSEEN}]+`, "gu");
const GAP = " ".repeat(21);

/**
 * Complete terminal sequences, so that `\x1b[31mred` becomes `red` and not `[31mred`: CSI, strings (OSC,
 * DCS, SOS, PM, APC) with their end, and short ones. A string without an end loses only its introducer,
 * because otherwise the rest of the line would disappear. A string ends at the next introducer at the
 * latest, so the cost stays linear.
 */
const ESCAPES = new RegExp(
  [
    "(?:\\x1b\\[|\\x9b)[\\x30-\\x3f]*[\\x20-\\x2f]*[\\x40-\\x7e]",
    "(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\x90\\x98\\x9d-\\x9f]*(?:\\x07|\\x1b\\\\|\\x9c)",
    "\\x1b[\\x20-\\x2f]*[\\x30-\\x7e]",
  ].join("|"),
  "g",
);

/** Characters that begin a new line in some program. */
const BREAKS = /[\n\r\v\f\x85\u2028\u2029]+/g;

/** Control characters; direction marks, overrides and isolates; annotations; lone surrogates. */
const HARMFUL = /[\p{Cc}\p{Bidi_Control}\u206A-\u206F\uFEFF\uFFF9-\uFFFB\p{Cs}]/gu;

/** Invisible tag characters. Flags such as that of Scotland consist of them and stay. */
const TAGS = /(\u{1F3F4}[\u{E0020}-\u{E007E}]{1,8}\u{E007F})|[\u{E0000}-\u{E007F}]/gu;

/** More stacked marks than any script uses. They would cover the lines of other users. */
const TOWERS = /((?:\p{M}\p{Cf}*){7}\p{M})[\p{M}\p{Cf}]+/gu;

/**
 * Makes a line of a user safe for terminals, pages and logs. The result has no control characters, no
 * terminal sequences, no direction changes and no line ends. All scripts and emoji stay unchanged.
 *
 * @param text The line as the user entered it.
 * @returns The safe line, which can be empty.
 */
export function neutralise(text: string): string {
  if (PLAIN.test(text)) return text.includes(GAP) ? text.replace(GAPS, "$1") : text;
  return text
    .replace(ESCAPES, "")
    .replace(BREAKS, " ")
    .replaceAll("\t", "    ")
    .replace(HARMFUL, "")
    .replace(TAGS, "$1")
    .replace(TOWERS, "$1")
    .replace(GAPS, "$1");
}

const BLANK = new RegExp(`^[${UNSEEN}]*$`, "u");

/**
 * Returns whether a text has no visible characters.
 *
 * @param text A line after {@linkcode neutralise}.
 * @returns True if the text is invisible or empty.
 */
export function isBlank(text: string): boolean {
  return BLANK.test(text);
}

const encoder = new TextEncoder();

/**
 * Returns the size of a text in UTF-8.
 *
 * @param text The text to measure.
 * @returns The number of bytes.
 */
export function byteLength(text: string): number {
  return PLAIN.test(text) ? text.length : encoder.encode(text).length;
}

/** The maximum characters of a list, so that an answer fits into every queue. */
const MAX_LIST = 4000;

/**
 * Joins names in one line, as many as fit.
 *
 * @param names The names in the order of the output.
 * @returns A list such as `Ann, Bob`; `…` replaces the names that do not fit.
 */
export function enumerate(names: readonly string[]): string {
  let line = "";
  for (const name of names) {
    if (line.length + name.length > MAX_LIST) return `${line}, …`;
    line += line === "" ? name : `, ${name}`;
  }
  return line;
}
