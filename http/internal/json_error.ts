/** The place of the first syntax error in a JSON text. */
export interface JsonPlace {
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 1, in UTF-16 code units. */
  readonly column: number;
  /** The error, such as `expected a value`. */
  readonly reason: string;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WORD = /true|false|null/y;
const BLANK = /[ \t\n\r]*/y;

/**
 * Finds the first syntax error in a JSON text. V8 reports the place only for some errors. The stack is
 * explicit, because the peer decides the depth of nesting.
 *
 * @param text A text that `JSON.parse` rejects.
 * @returns The place of the first error.
 */
export function jsonPlace(text: string): JsonPlace {
  let at = 0;
  const open: string[] = [];
  const fault = (reason: string, where = at): JsonPlace => {
    const before = text.slice(0, where);
    const lastBreak = before.lastIndexOf("\n");
    return {
      line: before.split("\n").length,
      column: where - lastBreak,
      reason: where >= text.length ? `${reason}, found the end` : reason,
    };
  };
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const takeString = (): string | undefined => {
    if (text[at] !== '"') return "expected a string";
    at++;
    // A regular expression with a repetition would need a stack as long as the string.
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) return void at++;
      if (code === BACKSLASH ? !take(ESCAPE) : !(code >= 0x20)) {
        return "expected the rest of a string";
      }
      if (code !== BACKSLASH) at++;
    }
  };
  const takeKey = (): string | undefined => {
    take(BLANK);
    const wrong = takeString();
    if (wrong !== undefined) return wrong.replace("a string", "a name in double quotes");
    take(BLANK);
    return text[at++] === ":" ? undefined : (at--, "expected a colon");
  };

  for (;;) {
    take(BLANK);
    const first = text[at];
    if (first === "{" || first === "[") {
      at++;
      take(BLANK);
      const end = first === "{" ? "}" : "]";
      if (text[at] !== end) {
        open.push(end);
        const wrong = first === "{" ? takeKey() : undefined;
        if (wrong !== undefined) return fault(wrong);
        continue;
      }
      at++;
    } else if (first === '"') {
      const wrong = takeString();
      if (wrong !== undefined) return fault(wrong);
    } else if (!take(NUMBER) && !take(WORD)) {
      return fault("expected a value");
    }
    for (;;) {
      take(BLANK);
      const end = open.at(-1);
      if (end === undefined) return fault("expected nothing more");
      if (text[at] === end) {
        at++;
        open.pop();
      } else if (text[at] === ",") {
        at++;
        const wrong = end === "}" ? takeKey() : undefined;
        if (wrong !== undefined) return fault(wrong);
        break;
      } else {
        return fault(`expected a comma or ${end}`);
      }
    }
  }
}
