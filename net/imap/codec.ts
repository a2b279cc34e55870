/**
 * Parser for the responses of IMAP (RFC 3501, RFC 9051), and formatters for its commands. Pure. A
 * response consists of lines, and of the literals between them.
 *
 * @example Parse a response with a literal
 * ```ts
 * import { parseImapResponse } from "@portside/kit/net/imap";
 * import { assertEquals } from "@std/assert";
 *
 * const literal = new TextEncoder().encode("hello");
 * const response = parseImapResponse(["* 1 FETCH (UID 7 BODY[TEXT] {5}", literal, ")"]);
 * assertEquals(response, {
 *   type: "data",
 *   name: "FETCH",
 *   number: 1,
 *   values: [["UID", "7", "BODY[TEXT]", literal]],
 * });
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { upperAscii } from "../text.ts";

export {
  decodeModifiedUtf7,
  encodeModifiedUtf7,
  imapDateTime,
  imapFlag,
  imapFolderName,
  type ImapPart,
  imapSet,
  imapString,
} from "./_commands.ts";
export { type ImapSearch, imapSearch } from "./_search.ts";

/** A value: null for NIL, a string for an atom or a quoted string, bytes for a literal, or a list. */
export type ImapValue = null | string | Uint8Array | readonly ImapValue[];

/** The response code in brackets, such as `[UIDNEXT 12]`. */
export interface ImapResponseCode {
  /** The name of the code, in capitals. */
  readonly name: string;
  /** The arguments of the code. */
  readonly values: readonly ImapValue[];
}

/** A response of the server. */
export type ImapResponse =
  /** A request to continue the command. */
  | { readonly type: "continue"; readonly text: string }
  /** The result of a command. */
  | {
    readonly type: "tagged";
    readonly tag: string;
    readonly status: "OK" | "NO" | "BAD";
    readonly code?: ImapResponseCode;
    readonly text: string;
  }
  /** A status that does not belong to a command. */
  | {
    readonly type: "status";
    readonly status: "OK" | "NO" | "BAD" | "BYE" | "PREAUTH";
    readonly code?: ImapResponseCode;
    readonly text: string;
  }
  /** Data, either requested or unsolicited. */
  | {
    readonly type: "data";
    readonly name: string;
    readonly number?: number;
    readonly values: readonly ImapValue[];
  };

/** The error for an invalid response. */
export class ImapSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "ImapSyntaxError";
}

const BLANK = 0x20, QUOTE = 0x22, OPEN = 0x28, CLOSE = 0x29, STAR = 0x2a, PLUS = 0x2b;
const OPENING = 0x5b, BACKSLASH = 0x5c, CLOSING = 0x5d, CURLY = 0x7b, CURLY_END = 0x7d;

/** The first line of a status, or of a request to continue. */
const STATUS = /^(?:\+(?: |$)|\S+ (?:OK|NO|BAD|BYE|PREAUTH)(?: (?!\[[^\]]*$)|$))/i;

/** Maximum depth of nested lists. The structure of a message, which its sender chooses, may be deep. */
const MAX_DEPTH = 1000;

/**
 * Returns the size of the literal that a line announces at its end.
 *
 * @param line The line, without its line ending.
 * @param first Whether it is the first line of a response. The text of a status may end like a literal.
 * @returns The size in bytes, which can be any number; undefined if no literal follows.
 */
export function literalSize(line: string, first = false): number | undefined {
  let at = line.length - 1;
  if (line.charCodeAt(at) !== CURLY_END) return undefined;
  // An incomplete code in brackets may contain a literal, the text of a status may not.
  if (first && !isCount(line) && STATUS.test(line)) return undefined;
  if (line.charCodeAt(at - 1) === PLUS) at--;
  const end = at;
  let size = 0;
  for (let scale = 1; isDigit(line.charCodeAt(at - 1)); scale *= 10) {
    size += (line.charCodeAt(--at) - 0x30) * scale;
  }
  const marked = at < end && end - at <= 20 && line.charCodeAt(at - 1) === CURLY;
  return marked ? size : undefined;
}

/** Returns whether a number follows the star. This is faster than an expression for most responses. */
function isCount(line: string): boolean {
  return line.charCodeAt(0) === STAR && line.charCodeAt(1) === BLANK &&
    isDigit(line.charCodeAt(2));
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/**
 * Parses a response.
 *
 * @param segments The lines without their line endings, and the literals between them.
 * @returns The response, with its values.
 * @throws {ImapSyntaxError} If the response is invalid.
 */
export function parseImapResponse(segments: readonly (string | Uint8Array)[]): ImapResponse {
  const reader = new Reader(segments);
  const first = segments[0];
  if (first === "+" || (typeof first === "string" && first.startsWith("+ "))) {
    return { type: "continue", text: reader.rest().slice(2) };
  }
  const tag = reader.word();
  if (tag === "") reader.fail("a tag");
  const number = tag === "*" ? reader.number() : undefined;
  if (number !== undefined) {
    let name = reader.word();
    if (name !== "FETCH") {
      name = upperAscii(name);
      if (!/^[A-Z]+$/.test(name)) reader.fail("a name after the number");
    }
    return { type: "data", name, number, values: reader.values() };
  }
  const word = reader.word();
  const status = upperAscii(word);
  if (tag !== "*") {
    if (!/^[A-Za-z0-9]{1,32}$/.test(tag)) reader.fail("a tag");
    if (status !== "OK" && status !== "NO" && status !== "BAD") reader.fail("OK, NO or BAD");
    return { type: "tagged", tag, status, ...reader.status() } as ImapResponse;
  }
  if (["OK", "NO", "BAD", "BYE", "PREAUTH"].includes(status)) {
    return { type: "status", status, ...reader.status() } as ImapResponse;
  }
  if (!/^[A-Z0-9-]+$/.test(status)) reader.fail("a name");
  return { type: "data", name: status, values: reader.values() };
}

/** Reads values across lines and the literals between them. */
class Reader {
  readonly #segments: readonly (string | Uint8Array)[];
  #text = "";
  #at = 0;
  /** The end of the line, or the position of the size of the literal that follows. */
  #end = 0;
  #literal: Uint8Array | undefined;
  /** The index of the segment after the literal. */
  #behind = 0;

  constructor(segments: readonly (string | Uint8Array)[]) {
    this.#segments = segments;
    this.#open(0);
  }

  #open(index: number): void {
    let text = "";
    let next = this.#segments[index];
    for (; typeof next === "string"; next = this.#segments[++index]) text += next;
    this.#text = text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text;
    this.#at = 0;
    this.#end = text.length;
    this.#literal = next;
    this.#behind = index + 1;
    if (next === undefined) return;
    const size = text.lastIndexOf("{");
    this.#end = text[size - 1] === "~" ? size - 1 : size;
  }

  fail(wanted: string): never {
    const near = this.#text.slice(this.#at, this.#at + 40);
    throw new ImapSyntaxError(`Expected ${wanted} at ${this.#at}: ${JSON.stringify(near)}`);
  }

  /** Reads up to the next space. */
  word(): string {
    const from = this.#at;
    const blank = this.#text.indexOf(" ", from);
    const end = blank === -1 || blank > this.#end ? this.#end : blank;
    this.#at = end === blank ? end + 1 : end;
    return this.#text.slice(from, end);
  }

  /** Reads a number of up to ten digits, up to the next space. */
  number(): number | undefined {
    const from = this.#at;
    let number = 0;
    let i = from;
    for (; i < this.#end && this.#text.charCodeAt(i) !== BLANK; i++) {
      const code = this.#text.charCodeAt(i);
      if (!isDigit(code) || i - from === 10) return undefined;
      number = number * 10 + code - 0x30;
    }
    if (i === from) return undefined;
    this.#at = i < this.#end ? i + 1 : i;
    return number;
  }

  /** Reads the rest, with a question mark for each literal. */
  rest(): string {
    let rest = this.#text.slice(this.#at, this.#end);
    while (this.#literal !== undefined) {
      this.#open(this.#behind);
      rest += `?${this.#text.slice(0, this.#end)}`;
    }
    return rest;
  }

  /** Reads the code and text after OK, NO, BAD, BYE or PREAUTH. */
  status(): { code?: ImapResponseCode; text: string } {
    if (this.#text[this.#at] !== "[") return { text: this.rest() };
    const from = this.#at;
    this.#at++;
    const name = /^[^ \]]*/.exec(this.#text.slice(this.#at, this.#end))![0];
    this.#at += name.length;
    const values: ImapValue[] = [];
    while (this.#text[this.#at] === " ") {
      this.#at++;
      values.push(this.#value(0, "]"));
    }
    if (this.#text[this.#at] !== "]" || name === "") {
      // Some texts begin with a bracket that does not belong to a code.
      this.#open(0);
      this.#at = from;
      return { text: this.rest() };
    }
    this.#at++;
    if (this.#text[this.#at] === " ") this.#at++;
    return { code: { name: upperAscii(name), values }, text: this.rest() };
  }

  /** Reads the rest as values. */
  values(): ImapValue[] {
    if (this.#over) return [];
    const values = [this.#value(0, "")];
    while (!this.#over) {
      if (this.#text[this.#at] !== " ") this.fail("a space");
      this.#at++;
      // Many servers send a space at the end. It has no meaning.
      if (this.#over) break;
      values.push(this.#value(0, ""));
    }
    return values;
  }

  get #over(): boolean {
    return this.#at >= this.#end && this.#literal === undefined;
  }

  #value(depth: number, end: string): ImapValue {
    if (this.#at >= this.#end) {
      const literal = this.#literal;
      if (literal === undefined) this.fail("a value");
      this.#open(this.#behind);
      return literal;
    }
    const first = this.#text.charCodeAt(this.#at);
    if (first === OPEN) return this.#list(depth + 1);
    return first === QUOTE ? this.#quoted() : this.#atom(end);
  }

  #list(depth: number): ImapValue[] {
    if (depth > MAX_DEPTH) this.fail("fewer lists within lists");
    this.#at++;
    const list: ImapValue[] = [];
    while (this.#text.charCodeAt(this.#at) !== CLOSE) {
      if (this.#over) this.fail("the end of a list");
      list.push(this.#value(depth, ""));
      while (this.#text.charCodeAt(this.#at) === BLANK) this.#at++;
    }
    this.#at++;
    return list;
  }

  #quoted(): string {
    let text = "";
    let from = this.#at + 1;
    for (let i = from; i < this.#end; i++) {
      const code = this.#text.charCodeAt(i);
      if (code !== QUOTE && code !== BACKSLASH) continue;
      text += this.#text.slice(from, i);
      if (code === QUOTE) {
        this.#at = i + 1;
        return text;
      }
      // The backslash escapes the next character.
      from = ++i;
    }
    return this.fail("the end of a quoted string");
  }

  /** Reads an atom. Text in brackets is part of it, as in `BODY[HEADER.FIELDS (TO)]<0>`. */
  #atom(end: string): string | null {
    const from = this.#at;
    const text = this.#text;
    let i = from;
    for (; i < this.#end; i++) {
      const code = text.charCodeAt(i);
      if (code === OPENING && end !== "]") {
        i = text.indexOf("]", i);
        if (i === -1 || i >= this.#end) this.fail("a value");
      } else if (code <= CLOSE) {
        if (code === BLANK || code >= OPEN || code === QUOTE) break;
      } else if (code === CLOSING && end === "]") break;
    }
    if (i === from) this.fail("a value");
    this.#at = i;
    const atom = text.slice(from, i);
    return isNil(atom) ? null : atom;
  }
}

function isNil(atom: string): boolean {
  // Compare the first letter before calling upperAscii(). UID is the most common atom of three.
  return atom.length === 3 && (atom.charCodeAt(0) | 0x20) === 0x6e && upperAscii(atom) === "NIL";
}
