/**
 * Functions for text from the network. They escape it for terminals, logs and error messages, and
 * they parse it as protocols define it: blanks are SP and HTAB, and letters are those of ASCII.
 * `trim()`, `\s` and `toLowerCase()` of JavaScript use Unicode, so a parser with them accepts text
 * that other programs on the path reject.
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

// Control characters (C0, DEL, C1), line separators, the byte-order mark, the zero-width space, and
// direction overrides. Joiners are kept, because emoji and several scripts need them.
const UNSAFE =
  /[\p{Cc}\p{Cs}\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u061C\uFEFF\uFFF9-\uFFFB]/gu;

/** The same without a position. Testing a text first is faster, because hardly any has such characters. */
const ANY_UNSAFE = new RegExp(UNSAFE.source, "u");

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Replaces control characters, terminal escapes and direction overrides by visible escapes.
 * Untrusted text then can neither move the cursor nor start a new line.
 *
 * @param text The text to escape, which may contain anything.
 * @returns The escaped text, on one line.
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
  if (!ANY_UNSAFE.test(text)) return text;
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return SHORT[character] ??
      (code < 0x100
        ? `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`
        : `\\u{${code.toString(16).toUpperCase()}}`);
  });
}

/**
 * Replaces the same characters within JSON text by `\u` escapes, which do not change any value.
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
 * @param text The text to trim, which may contain anything.
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
 * @param text The text to split, which may contain anything.
 * @returns The words between the blanks. None of them is empty.
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

/** Returns whether a UTF-16 unit is SP or HTAB. */
function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

// deno-lint-ignore no-control-regex -- the range is ASCII
const BEYOND_ASCII = /[^\x00-\x7f]/;

/**
 * Converts A to Z to lower case. All other characters stay the same. `toLowerCase()` would convert
 * the Kelvin sign U+212A to an ASCII "k".
 *
 * @param text The text to convert, which may contain anything.
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
 * Converts a to z to upper case. All other characters stay the same. `toUpperCase()` would convert
 * the long s U+017F to an ASCII "S", and the sharp s U+00DF to "SS".
 *
 * @param text The text to convert, which may contain anything.
 * @returns The text in upper case.
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
 * Parses a decimal number that consists of ASCII digits only. `Number()` would also accept blanks,
 * signs, exponents, `0x10` and the empty string.
 *
 * @param text The digits, without blanks.
 * @param maxDigits Maximum number of digits, including leading zeros. Numbers of up to 15 digits are
 * exact. @default 15
 * @returns The number, or undefined if the text has other characters or too many digits.
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
