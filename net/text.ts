/**
 * Text from the network made fit for a terminal, a log line or an error message.
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
