/** Reads the values of IMAP responses across lines and literals (RFC 9051 §9). Pure. */

import { upperAscii } from "../text.ts";
import { decodeText } from "./_text.ts";

/** A value: null for NIL, a string for an atom or a quoted string, bytes for a literal, or a list. */
export type ImapValue = null | string | Uint8Array | readonly ImapValue[];

/** The response code in brackets, such as `[UIDNEXT 12]`. */
export interface ImapResponseCode {
  /** The name of the code, in capitals. */
  readonly name: string;
  /** The arguments of the code. */
  readonly values: readonly ImapValue[];
}

/** A part of a response that cannot be read. It is left out, and the session goes on. */
export interface ImapInvalid {
  /**
   * The kind of part: a whole untagged response, a response code, an item of a message or a counter of a
   * folder, or an encoded word in a header field.
   */
  readonly what: "response" | "code" | "item" | "word";
  /** The name of the item, if it is known, such as `RFC822.SIZE`. */
  readonly name?: string;
  /** The part as the server sent it, at most 200 characters. It may contain control characters. */
  readonly text: string;
  /** The reason, such as `Expected a number`. */
  readonly reason: string;
}

/** The error for an invalid response. */
export class ImapSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "ImapSyntaxError";
  /** Whether the response ends within a string or a list. */
  readonly open: boolean;

  /**
   * Describes an invalid response.
   *
   * @param message The expectation, and the text that is there instead.
   * @param open Whether the response ends within a string or a list.
   */
  constructor(message: string, open = false) {
    super(message);
    this.open = open;
  }
}

const BLANK = 0x20, QUOTE = 0x22, OPEN = 0x28, CLOSE = 0x29, OPENING = 0x5b, BACKSLASH = 0x5c;
const CLOSING = 0x5d, STAR = 0x2a;

/** Maximum depth of nested lists. The structure of a message, which its sender chooses, may be deep. */
const MAX_DEPTH = 1000;
/** Maximum number of characters that a report shows. */
const MAX_SHOWN = 200;

/** Codes whose arguments are values. */
const CODES: ReadonlySet<string> = new Set([
  "APPENDUID",
  "BADCHARSET",
  "CAPABILITY",
  "COPYUID",
  "HIGHESTMODSEQ",
  "MODIFIED",
  "PERMANENTFLAGS",
  "UIDNEXT",
  "UIDVALIDITY",
  "UNSEEN",
]);

/** Items whose names contain a section in brackets (RFC 9051 §7.5.2, RFC 3516). */
const SECTION_OF: ReadonlySet<string> = new Set(["BODY", "BINARY", "BINARY.SIZE"]);
/** The length of the longest of these names. */
const MAX_NAME = 11;
/** Items that consist of strings, numbers, NIL and lists of them. */
const STRUCTURE: ReadonlySet<string> = new Set(["ENVELOPE", "BODYSTRUCTURE", "BODY"]);
/** Items whose values are numbers. */
const NUMERIC: ReadonlySet<string> = new Set(["UID", "RFC822.SIZE"]);

/** What the value of an item is. */
type Kind = "number" | "structure" | "other";

/** The kinds of items by their names as servers write them. All messages have the same ones. */
const KINDS = new Map<string, Kind>();

function kindOf(name: string): Kind {
  const known = KINDS.get(name);
  if (known !== undefined) return known;
  const capitals = upperAscii(name);
  const kind = NUMERIC.has(capitals) ? "number" : STRUCTURE.has(capitals) ? "structure" : "other";
  if (KINDS.size < 100 && name.length < 100) KINDS.set(name, kind);
  return kind;
}

/**
 * The beginning of an item, in place of a missing value or behind a structure. It ends before the next
 * quote, so that the test of each quote does not read the same text again.
 */
const ITEM =
  /(?:UID|FLAGS|RFC822(?:\.SIZE|\.HEADER|\.TEXT)?|INTERNALDATE|ENVELOPE|BODY(?:STRUCTURE|\[[^ "]*)?|MODSEQ) /iy;
/** The beginning of any item. */
const ANY_ITEM = /[A-Z][A-Z0-9.-]*[ [(]/y;
/** What follows a string within a structure: a number, NIL, a string or a list. */
const FIELD = /(?:-?\d+|NIL)(?=[ ()]|$)|["(]/iy;
/** A counter of a folder, or its id in a list: the name and the value. */
const COUNTER = /(?<=[ (])([A-Z][A-Z0-9-]{0,30}) (?:(\d{1,20})(?=[ )]|$)|\(([\w-]{1,255})\))/gi;
/** Responses that end with a name, perhaps with a list behind it, and the number of values before it. */
const NAMING: Readonly<Record<string, number>> = { LIST: 2, LSUB: 2, XLIST: 2 };

/** Returns the report of a part that cannot be read. */
export function invalid(
  what: ImapInvalid["what"],
  text: string,
  reason: string,
  name?: string,
): ImapInvalid {
  return { what, ...(name !== undefined && { name }), text: text.slice(0, MAX_SHOWN), reason };
}

/** Returns whether a character is an ASCII digit. */
export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Reads values across lines and the literals between them. */
export class ValueReader {
  /** The parts that cannot be read. */
  readonly invalid: ImapInvalid[] = [];
  readonly #segments: readonly (string | Uint8Array)[];
  #text = "";
  #at = 0;
  /** The end of the line, or the position of the size of the literal that follows. */
  #end = 0;
  /** The next backslash at or after the position, or beyond the end. -1 if it is not searched yet. */
  #slash = -1;
  #literal: Uint8Array | undefined;
  /** The index of the segment after the literal. */
  #behind = 0;
  /** The depth of the list that is the value of an item with a known structure; 0 outside of it. */
  #structure = 0;
  /** Whether the strings of the structure cannot be told by what follows them. */
  #isLoose = false;
  /** Whether the next string is a name that ends the response, or that a list follows. */
  #isName = false;

  /**
   * Starts at the beginning of a response.
   *
   * @param segments The lines without their line endings, and the literals between them.
   */
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
    this.#slash = -1;
    this.#end = text.length;
    this.#literal = next;
    this.#behind = index + 1;
    if (next === undefined) return;
    const size = text.lastIndexOf("{");
    this.#end = text[size - 1] === "~" ? size - 1 : size;
  }

  /** Throws the error for an unexpected text. */
  fail(wanted: string): never {
    const near = this.#text.slice(this.#at, this.#at + 40);
    const message = `Expected ${wanted} at ${this.#at}: ${JSON.stringify(near)}`;
    throw new ImapSyntaxError(message, this.#over);
  }

  /** Reads up to the next blank, and the blanks. */
  word(): string {
    const from = this.#at;
    const blank = this.#text.indexOf(" ", from);
    const end = blank === -1 || blank > this.#end ? this.#end : blank;
    this.#at = end;
    if (end === blank) this.#blanks();
    return this.#text.slice(from, end);
  }

  /** Reads a star and the blanks behind it. Returns false if there is none. */
  star(): boolean {
    if (this.#text.charCodeAt(this.#at) !== STAR) return false;
    this.#at++;
    this.#blanks();
    return true;
  }

  /** Reads up to the next blank or the list that follows without one, and the blanks. */
  name(): string {
    const from = this.#at;
    const word = this.word();
    const list = word.indexOf("(");
    if (list === -1) return word;
    this.#at = from + list;
    return word.slice(0, list);
  }

  /** Reads a number of up to ten digits, and the blanks behind it. */
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
    this.#at = i;
    this.#blanks();
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

  /**
   * Reads the code and the text after OK, NO, BAD, BYE or PREAUTH. A code that cannot be read becomes
   * part of the text, because the command has its result all the same.
   */
  status(): { code?: ImapResponseCode; text: string } {
    if (this.#text[this.#at] !== "[") return { text: this.rest() };
    const from = this.#at;
    try {
      return { code: this.#code(), text: this.rest() };
    } catch (error) {
      if (!(error instanceof ImapSyntaxError)) throw error;
      this.#open(0);
      this.#at = from;
      const text = this.rest();
      // The arguments of an unknown code can be any text without a bracket (RFC 9051 §9).
      const [whole, name, argument] = /^\[([^ \]]+) ([^\]]*)\] */.exec(text) ?? [];
      const capitals = upperAscii(name ?? "");
      if (whole !== undefined && !CODES.has(capitals)) {
        return { code: { name: capitals, values: [argument!] }, text: text.slice(whole.length) };
      }
      this.invalid.push(invalid("code", text, error.message));
      return { text };
    }
  }

  #code(): ImapResponseCode {
    this.#at++;
    this.#blanks();
    const name = /^[^ \]]*/.exec(this.#text.slice(this.#at, this.#end))![0];
    this.#at += name.length;
    const values: ImapValue[] = [];
    for (;;) {
      this.#blanks();
      if (this.#over || this.#text.charCodeAt(this.#at) === CLOSING) break;
      values.push(this.#value(0, true));
    }
    if (this.#text[this.#at] !== "]" || name === "") this.fail("the end of a code");
    this.#at++;
    this.#blanks();
    return { name: upperAscii(name), values };
  }

  /**
   * Reads the rest as values. Blanks beside lists may be missing, as in THREAD (RFC 5256 §5).
   *
   * @param name The name of the response, in capitals.
   */
  values(name: string): ImapValue[] {
    const values: ImapValue[] = [];
    const naming = NAMING[name];
    for (;;) {
      this.#blanks();
      if (this.#over) return values;
      if (this.#text.charCodeAt(this.#at) === CLOSE && values.length > 0) {
        // One report is enough, as there may be millions.
        if (this.invalid.length === 0) {
          this.invalid.push(invalid("response", this.#text, `Expected a value at ${this.#at}`));
        }
        this.#at++;
        continue;
      }
      this.#isName = values.length === naming;
      const isDelimiter = naming !== undefined && values.length === naming - 1;
      values.push((isDelimiter ? this.#bareDelimiter() : undefined) ?? this.#value(0, false));
    }
  }

  /** Reads a delimiter that is a backslash, if the server has not escaped it. */
  #bareDelimiter(): string | undefined {
    if (!this.#text.startsWith('"\\" ', this.#at)) return undefined;
    this.#at += 3;
    return "\\";
  }

  /**
   * Reads the name and the counters of a folder, as in STATUS.
   *
   * @param strict Whether a counter that cannot be read is an error. Otherwise the counters are reported,
   * and those that can be found count. Some versions of Cyrus send any bytes as the id of a folder.
   */
  counters(strict: boolean): ImapValue[] {
    const values: ImapValue[] = [];
    while (this.#blanks(), !this.#over && this.#text.charCodeAt(this.#at) !== OPEN) {
      this.#isName = values.length === 0;
      values.push(this.#value(0, false));
    }
    if (this.#over) return values;
    const text = this.#text.slice(this.#at, this.#end);
    try {
      const list = this.#list(1);
      this.#blanks();
      if (!this.#over) this.fail("the end of the response");
      return [...values, list];
    } catch (error) {
      if (strict || !(error instanceof ImapSyntaxError)) throw error;
      this.invalid.push(invalid("item", text, error.message));
      const found = text.matchAll(COUNTER);
      return [
        ...values,
        Array.from(found, ([, word, number, id]) => [word!, number ?? [id!]]).flat(),
      ];
    }
  }

  /**
   * Reads the items of a message: names and values in turn.
   *
   * @param strict Whether an item that cannot be read is an error. Otherwise it is reported, and the
   * items before it count.
   */
  items(strict: boolean): ImapValue[] {
    if (this.#text.charCodeAt(this.#at) !== OPEN) this.fail("a list of items");
    this.#at++;
    const items: ImapValue[] = [];
    let name: string | undefined;
    const from = this.#at;
    try {
      for (;;) {
        name = undefined;
        this.#blanks();
        if (this.#text.charCodeAt(this.#at) === CLOSE) break;
        name = this.#itemName();
        this.#blanks();
        const value = this.#itemValue(name);
        if (value !== undefined) items.push(name, value);
      }
      this.#at++;
      this.#blanks();
      if (!this.#over) this.fail("the end of the response");
    } catch (error) {
      this.#structure = 0;
      if (strict || !(error instanceof ImapSyntaxError)) throw error;
      const text = this.#text.slice(Math.min(from, this.#end));
      this.invalid.push(invalid("item", text, error.message, name));
    }
    return items;
  }

  #itemName(): string {
    const text = this.#text;
    const from = this.#at;
    const blank = text.indexOf(" ", from);
    const known = text.slice(from, blank);
    if (blank !== -1 && blank <= this.#end && KINDS.has(known)) {
      this.#at = blank;
      return known;
    }
    let i = from;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (isBreak(code)) break;
      if (code !== OPENING || i - from > MAX_NAME) continue;
      if (!SECTION_OF.has(upperAscii(text.slice(from, i)))) continue;
      this.#at = i;
      return this.#section(text.slice(from, i));
    }
    if (i > this.#end || i === from) this.fail("the name of an item");
    this.#at = i;
    return text.slice(from, i);
  }

  /** Reads a section in brackets and the blank behind it. The names of fields in it may be strings. */
  #section(name: string): string {
    let section = name;
    let from = this.#at;
    let isQuoted = false;
    for (;;) {
      const literal = this.#literal;
      let i = this.#at;
      for (; i < this.#end; i++) {
        const code = this.#text.charCodeAt(i);
        if (code === QUOTE) isQuoted = !isQuoted;
        if (code === CLOSING && !isQuoted) break;
      }
      if (i < this.#end) {
        do i++; while (i < this.#end && !isBreak(this.#text.charCodeAt(i)));
        this.#at = i;
        return section + this.#text.slice(from, i);
      }
      section += this.#text.slice(from, i);
      this.#at = i;
      if (literal === undefined) this.fail("the end of a section");
      section += `"${decodeText(literal)}"`;
      this.#open(this.#behind);
      from = 0;
    }
  }

  /** Reads the value of an item; undefined if it is missing. */
  #itemValue(name: string): ImapValue | undefined {
    const kind = kindOf(name);
    const first = this.#text.charCodeAt(this.#at);
    if (
      first === CLOSE || (kind === "number" && !isDigit(first) && this.#follows(ITEM, this.#at))
    ) {
      this.invalid.push(invalid("item", name, "The value is missing", upperAscii(name)));
      return undefined;
    }
    if (kind !== "structure") return this.#value(1, false);
    this.#structure = 1;
    this.#isLoose = false;
    const value = this.#value(1, false);
    this.#structure = 0;
    return value;
  }

  get #over(): boolean {
    return this.#at >= this.#end && this.#literal === undefined;
  }

  #blanks(): void {
    while (this.#text.charCodeAt(this.#at) === BLANK && this.#at < this.#end) this.#at++;
  }

  #value(depth: number, isCode: boolean): ImapValue {
    if (this.#at >= this.#end) {
      const literal = this.#literal;
      if (literal === undefined) this.fail("a value");
      this.#open(this.#behind);
      return literal;
    }
    const first = this.#text.charCodeAt(this.#at);
    if (first === OPEN) return this.#list(depth + 1);
    return first === QUOTE ? this.#quoted(isCode) : this.#atom(isCode);
  }

  #list(depth: number): ImapValue[] {
    if (depth > MAX_DEPTH) this.fail("fewer lists within lists");
    this.#at++;
    const isStructure = this.#structure > 0;
    if (isStructure) this.#structure = depth;
    const list: ImapValue[] = [];
    this.#blanks();
    while (this.#text.charCodeAt(this.#at) !== CLOSE) {
      if (this.#over) this.fail("the end of a list");
      list.push(this.#value(depth, false));
      this.#blanks();
    }
    this.#at++;
    if (isStructure) this.#structure = depth - 1;
    return list;
  }

  #quoted(isCode: boolean): string {
    const opening = this.#at;
    let text = "";
    let from = opening + 1;
    /** The position behind a quote that other text follows, the last one outside of structures. */
    let last = -1;
    let said = "";
    /** The position of a backslash that may be the last character of the string. */
    let slash = -1;
    for (let i = from;;) {
      const quote = this.#text.indexOf('"', i);
      if (this.#slash < i) this.#slash = this.#text.indexOf("\\", i);
      if (this.#slash === -1) this.#slash = Infinity;
      if (this.#slash < quote) {
        const code = this.#text.charCodeAt(this.#slash + 1);
        i = this.#slash + 1;
        if (code !== QUOTE && code !== BACKSLASH) continue;
        if (code === QUOTE && slash === -1 && this.#closes(i + 1, isCode)) slash = i;
        // The backslash escapes the next character.
        text += this.#text.slice(from, this.#slash);
        from = i++;
        continue;
      }
      if (quote === -1 || quote >= this.#end) break;
      if (this.#closes(quote + 1, isCode)) {
        this.#at = quote + 1;
        return text + this.#text.slice(from, quote);
      }
      // Some servers do not escape quotes. Others leave out the blank behind a string.
      i = quote + 1;
      text += this.#text.slice(from, quote);
      from = quote;
      if (last === -1 || this.#structure === 0 || this.#isLoose) {
        last = i;
        said = text;
      }
    }
    if (last === -1 && slash !== -1) {
      this.#at = slash + 1;
      return this.#text.slice(opening + 1, slash);
    }
    if (last === -1) {
      const near = JSON.stringify(this.#text.slice(opening, opening + 40));
      const message = `Expected the end of a quoted string at ${opening}: ${near}`;
      throw new ImapSyntaxError(message, this.#literal === undefined);
    }
    this.#isLoose = true;
    this.#at = last;
    return said;
  }

  /**
   * Returns whether a quoted string can end before a position. Within an envelope or a structure, only
   * strings, numbers, NIL and lists follow.
   */
  #closes(at: number, isCode: boolean): boolean {
    if (at >= this.#end) return true;
    const next = this.#text.charCodeAt(at);
    const isEnd = next === BLANK || next === CLOSE || next === OPEN || (isCode && next === CLOSING);
    if (!isEnd || (this.#structure > 0 && this.#isLoose)) return isEnd;
    let depth = this.#structure;
    let i = at;
    for (; i < this.#end; i++) {
      const code = this.#text.charCodeAt(i);
      if (code === CLOSE) depth--;
      else if (code !== BLANK) break;
    }
    if (i >= this.#end) return true;
    if (this.#structure === 0) return !this.#isName || this.#text.charCodeAt(i) === OPEN;
    if (next === OPEN) return false;
    if (depth > 1) return this.#follows(FIELD, i);
    return this.#follows(ANY_ITEM, i) || this.#follows(ITEM, i);
  }

  #follows(expression: RegExp, at: number): boolean {
    expression.lastIndex = at;
    return expression.test(this.#text);
  }

  /** Reads an atom. In a code it ends before a bracket. */
  #atom(isCode: boolean): string | null {
    const from = this.#at;
    const text = this.#text;
    let i = from;
    for (; i < this.#end; i++) {
      const code = text.charCodeAt(i);
      if (code <= CLOSE ? isBreak(code) : code === CLOSING && isCode) break;
    }
    if (i === from) this.fail("a value");
    this.#at = i;
    const atom = text.slice(from, i);
    return isNil(atom) ? null : atom;
  }
}

function isBreak(code: number): boolean {
  return code === BLANK || code === OPEN || code === CLOSE || code === QUOTE;
}

function isNil(atom: string): boolean {
  // Compare the first letter before calling upperAscii(). UID is the most common atom of three.
  return atom.length === 3 && (atom.charCodeAt(0) | 0x20) === 0x6e && upperAscii(atom) === "NIL";
}
