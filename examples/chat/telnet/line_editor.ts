/**
 * The editing keys in a line. Clients without line editing, such as the Telnet client of Windows and
 * serial consoles, send them as control characters. Pure.
 *
 * | Key | Effect |
 * |---|---|
 * | Backspace, Delete | erases the last visible character |
 * | Ctrl+W | erases the last word |
 * | Ctrl+U, Ctrl+C | erases the line |
 *
 * **Permissions**: none.
 *
 * @module
 */

import { isAscii } from "../../../net/internal/ascii.ts";

const KEYS = "\x03\b\x15\x17\x7f";
const EDITED = new RegExp(`[${KEYS}]`);

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * Applies the editing keys in a line.
 *
 * @param line The characters in the order in which the user typed them.
 * @returns The line that the user meant.
 */
export function editLine(line: string): string {
  if (!EDITED.test(line)) return line;
  const typed: string[] = [];
  // The characters behind `end` are erased. A shorter array would be allocated again for each key.
  let end = 0;
  for (const character of charactersOf(line)) {
    switch (character) {
      case "\b":
      case "\x7f":
        end = Math.max(0, end - 1);
        break;
      case "\x17":
        end = startOfWord(typed, end);
        break;
      case "\x03":
      case "\x15":
        end = 0;
        break;
      default:
        typed[end++] = character;
    }
  }
  return typed.slice(0, end).join("");
}

/**
 * Returns the visible characters of a line, and its keys. They are found in one pass, because a call for
 * the text between two keys costs as much as 2 µs. A key is never a part of a character (UAX 29 GB4, GB5).
 */
function charactersOf(line: string): Iterable<string> {
  if (isAscii(line)) return line;
  return Array.from(graphemes.segment(line), ({ segment }) => segment);
}

/** Returns where the last word before `end` begins. */
function startOfWord(typed: readonly string[], end: number): number {
  let start = end;
  while (start > 0 && isSpace(typed[start - 1]!)) start--;
  while (start > 0 && !isSpace(typed[start - 1]!)) start--;
  return start;
}

function isSpace(character: string): boolean {
  return /^\s/.test(character);
}
