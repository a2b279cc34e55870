/**
 * What one user may put on the screens of the others. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Nothing to do for these: the lines that most people write. */
const PLAIN = /^[\x20-\x7e]*$/;

/** What shows nothing: spaces of every width, joiners, fillers, empty Braille, the note and mark without ink. */
const UNSEEN = "\\s\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800\\u{1D159}\\u{16FE4}";

/**
 * So many blanks push what follows to the next line of a terminal, where it could pass for a
 * notice: twenty indent any code. What takes no room counts too, or it would part the blanks.
 */
const GAPS = new RegExp(`([${UNSEEN}]{20})[${UNSEEN}]+`, "gu");
const GAP = " ".repeat(21);

/**
 * Terminal sequences, whole, so that `\x1b[31mred` leaves `red` and not `[31mred`: CSI, strings
 * (OSC, DCS, SOS, PM, APC) with their end, and the short ones. A string that does not end would
 * swallow the rest of the line, so it only loses its introducer. A string ends at the next
 * introducer at the latest, so that many of them cost no more than one.
 */
const ESCAPES = new RegExp(
  [
    "(?:\\x1b\\[|\\x9b)[\\x30-\\x3f]*[\\x20-\\x2f]*[\\x40-\\x7e]",
    "(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\x90\\x98\\x9d-\\x9f]*(?:\\x07|\\x1b\\\\|\\x9c)",
    "\\x1b[\\x20-\\x2f]*[\\x30-\\x7e]",
  ].join("|"),
  "g",
);

/** What begins a new line somewhere, whatever the others take it for. */
const BREAKS = /[\n\r\v\f\x85\u2028\u2029]+/g;

/** Control characters; direction marks, overrides and isolates; annotations; half characters. */
const HARMFUL = /[\p{Cc}\p{Bidi_Control}\u206A-\u206F\uFEFF\uFFF9-\uFFFB\p{Cs}]/gu;

/** Invisible letters that stand for ASCII; the flags of Scotland and the like are made of them. */
const TAGS = /(\u{1F3F4}[\u{E0020}-\u{E007E}]{1,8}\u{E007F})|[\u{E0000}-\u{E007F}]/gu;

/** No script stacks more marks on a letter; a tower of them covers the lines of others. */
const TOWERS = /((?:\p{M}\p{Cf}*){8})[\p{M}\p{Cf}]+/gu;

/**
 * Makes a line of one user safe for the terminals, pages and logs of all others: no control
 * characters, no terminal sequences, no change of direction, one line. Every script and emoji
 * stays as it is.
 *
 * @param text A line as it came.
 * @returns The line, fit to be shown; possibly empty.
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
 * Says whether a text shows nothing at all.
 *
 * @param text A line, made safe.
 * @returns Whether there is nothing to be seen in it.
 */
export function isBlank(text: string): boolean {
  return BLANK.test(text);
}

const encoder = new TextEncoder();

/**
 * Says how many bytes a text has as UTF-8.
 *
 * @param text Any text.
 * @returns The number of bytes.
 */
export function byteLength(text: string): number {
  return PLAIN.test(text) ? text.length : encoder.encode(text).length;
}

/** The most characters of a list, so that an answer fits into any queue. */
const MAX_LIST = 4000;

/**
 * Writes names in one line, as many as fit.
 *
 * @param names The names.
 * @returns `Ann, Bob`, or `Ann, Bob, …`.
 */
export function enumerate(names: readonly string[]): string {
  let line = "";
  for (const name of names) {
    if (line.length + name.length > MAX_LIST) return `${line}, …`;
    line += line === "" ? name : `, ${name}`;
  }
  return line;
}
