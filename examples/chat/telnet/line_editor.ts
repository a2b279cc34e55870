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

const KEYS = "\x03\b\x15\x17\x7f";
const EDITED = new RegExp(`[${KEYS}]`);
const PIECES = new RegExp(`[${KEYS}]|[^${KEYS}]+`, "g");

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
  for (const [piece] of line.matchAll(PIECES)) {
    switch (piece) {
      case "\b":
      case "\x7f":
        typed.pop();
        break;
      case "\x17":
        eraseWord(typed);
        break;
      case "\x03":
      case "\x15":
        typed.length = 0;
        break;
      default:
        for (const { segment } of graphemes.segment(piece)) typed.push(segment);
    }
  }
  return typed.join("");
}

function eraseWord(typed: string[]): void {
  while (isSpace(typed.at(-1))) typed.pop();
  while (typed.length > 0 && !isSpace(typed.at(-1))) typed.pop();
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && /^\s/.test(character);
}
