/**
 * Text from the network: made fit for a terminal, a log line or an error message, and read as
 * protocols define it. Network protocols know two blanks, SP and HTAB, and the letters of ASCII.
 * `trim()`, `\s` and `toLowerCase()` of JavaScript know all of Unicode, so a parser that uses them
 * accepts what other programs on the path do not.
 *
 * @example A peer that sends a terminal escape
 * ```ts
 * import { escapeControls } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(escapeControls("hi\x1b[2J\n"), "hi\\x1B[2J\\n");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

// Cc: C0, DEL and C1. Then line separators, byte-order mark, zero-width space, and what turns the
// direction of text round; joiners stay, since emoji and several scripts are built with them.
const UNSAFE =
  /[\p{Cc}\p{Cs}\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u061C\uFEFF\uFFF9-\uFFFB]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Writes control characters, terminal escapes and direction overrides as
 * visible escapes, so that text of a stranger can neither move the cursor nor
 * begin a line of its own.
 *
 * @param text Any text.
 * @returns The text, on one line.
 *
 * @example A direction override
 * ```ts
 * import { escapeControls } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(escapeControls("a\u202eb"), "a\\u{202E}b");
 * ```
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return SHORT[character] ??
      (code < 0x100
        ? `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`
        : `\\u{${code.toString(16).toUpperCase()}}`);
  });
}

/**
 * The same inside of JSON text: `\u` escapes, so that every value stays what it was.
 *
 * @param json The result of `JSON.stringify`, without indentation: a line break between the values
 * would be escaped too.
 * @returns JSON for the same value, without a control character or direction override.
 *
 * @example JSON for a terminal
 * ```ts
 * import { escapeJson } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * const json = escapeJson(JSON.stringify({ text: "a\u202eb" }));
 * assertEquals(json, '{"text":"a\\u202eb"}');
 * assertEquals(JSON.parse(json), { text: "a\u202eb" });
 * ```
 */
export function escapeJson(json: string): string {
  return json.replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const SP = 0x20;
const HTAB = 0x09;

/**
 * Removes SP and HTAB from both ends of a text, and nothing else. This is the optional whitespace
 * of HTTP (RFC 9110 §5.6.3) and the WSP of the mail protocols (RFC 5234 §B.1).
 *
 * @param text Any text.
 * @returns The text without the blanks at its ends.
 *
 * @example A no-break space is no blank
 * ```ts
 * import { trimBlanks } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(trimBlanks(" \tchunked\t"), "chunked");
 * assertEquals(trimBlanks("\u00a0chunked"), "\u00a0chunked");
 * ```
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/**
 * Splits a text at runs of SP and HTAB.
 *
 * @param text Any text.
 * @returns The words, none of them empty.
 *
 * @example The words of a reply
 * ```ts
 * import { splitWords } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(splitWords("AUTH  PLAIN\tLOGIN "), ["AUTH", "PLAIN", "LOGIN"]);
 * ```
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length;) {
    if (isBlank(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const start = at;
    while (at < text.length && !isBlank(text.charCodeAt(at))) at++;
    words.push(text.slice(start, at));
  }
  return words;
}

/** Whether a UTF-16 unit is SP or HTAB. */
function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

// deno-lint-ignore no-control-regex -- the range is ASCII
const BEYOND_ASCII = /[^\x00-\x7f]/;

/**
 * Writes A to Z in lower case and leaves every other character as it is. `toLowerCase()` would make
 * an ASCII "k" of the Kelvin sign U+212A.
 *
 * @param text Any text.
 * @returns The text in lower case.
 *
 * @example The Kelvin sign is no letter of ASCII
 * ```ts
 * import { lowerAscii } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(lowerAscii("Keep-Alive"), "keep-alive");
 * assertEquals(lowerAscii("\u212aeep-Alive"), "\u212aeep-alive");
 * ```
 */
export function lowerAscii(text: string): string {
  return BEYOND_ASCII.test(text)
    ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase())
    : text.toLowerCase();
}

/**
 * Writes a to z in capitals and leaves every other character as it is. `toUpperCase()` would make
 * an ASCII "S" of the long s U+017F and "SS" of the sharp s U+00DF.
 *
 * @param text Any text.
 * @returns The text in capitals.
 *
 * @example The long s is no letter of ASCII
 * ```ts
 * import { upperAscii } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(upperAscii("starttls"), "STARTTLS");
 * assertEquals(upperAscii("\u017ftarttls"), "\u017fTARTTLS");
 * ```
 */
export function upperAscii(text: string): string {
  return BEYOND_ASCII.test(text)
    ? text.replace(/[a-z]+/g, (run) => run.toUpperCase())
    : text.toUpperCase();
}

/**
 * Reads a decimal number that consists of ASCII digits alone. `Number()` would also accept blanks,
 * signs, exponents, `0x10` and the empty text.
 *
 * @param text The digits, without blanks.
 * @param maxDigits The most digits that are accepted, leading zeros included. Every number of up to
 * 15 digits is exact. @default 15
 * @returns The number; undefined if the text is none, or has more digits.
 *
 * @example A length
 * ```ts
 * import { parseDigits } from "@portside/kit/net/text";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseDigits("1024"), 1024);
 * assertEquals(["", " 1", "+1", "0x10", "1e3", "\u0661"].map((text) => parseDigits(text)), [
 *   ...Array(6).fill(undefined),
 * ]);
 * ```
 */
export function parseDigits(text: string, maxDigits = 15): number | undefined {
  const { length } = text;
  if (length === 0 || length > maxDigits) return undefined;
  let number = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}
