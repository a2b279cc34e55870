/**
 * The responses and commands of IMAP (RFC 3501, RFC 9051), read and written. Pure: a response comes
 * as its lines and the literals between them.
 *
 * @example A response with a literal
 * ```ts
 * import { parseImapResponse } from "@portside/kit/net/imap-codec";
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

export * from "./_imap_commands.ts";

/** NIL, an atom or a quoted string, a literal, or a list. */
export type ImapValue = null | string | Uint8Array | readonly ImapValue[];

/** What a status says in brackets, e.g. `[UIDNEXT 12]`. */
export interface ImapResponseCode {
  /** Its name, in capitals. */
  readonly name: string;
  /** What follows. */
  readonly values: readonly ImapValue[];
}

/** What a server says. */
export type ImapResponse =
  /** Go on with what you were sending. */
  | { readonly type: "continue"; readonly text: string }
  /** How a command ended. */
  | {
    readonly type: "tagged";
    readonly tag: string;
    readonly status: "OK" | "NO" | "BAD";
    readonly code?: ImapResponseCode;
    readonly text: string;
  }
  /** A remark. */
  | {
    readonly type: "status";
    readonly status: "OK" | "NO" | "BAD" | "BYE" | "PREAUTH";
    readonly code?: ImapResponseCode;
    readonly text: string;
  }
  /** Data, whoever has asked for it. */
  | {
    readonly type: "data";
    readonly name: string;
    readonly number?: number;
    readonly values: readonly ImapValue[];
  };

/** A response that is none. */
export class ImapSyntaxError extends Error {
  /** The name of the class. */
  override readonly name = "ImapSyntaxError";
}

const QUOTE = 0x22, BACKSLASH = 0x5c, OPENING = 0x5b, CLOSING = 0x5d;
/** What ends an atom: NUL, blank, quote and parentheses. */
const ENDS: ReadonlySet<number> = new Set([0, 0x20, QUOTE, 0x28, 0x29]);
const CLOSE = 0x29;

/** Lists within lists. */
const MAX_DEPTH = 100;

/**
 * The size of the literal that a line ends with.
 *
 * @param line The line, without its end.
 * @param first Whether it is the first line of a response: the words of a status end as they like.
 * @returns The size in bytes, undefined if none follows; it can be any number.
 */
export function literalSize(line: string, first = false): number | undefined {
  if (!line.endsWith("}")) return undefined;
  // But for a code in brackets that has not ended yet.
  if (first && /^(?:\+(?: |$)|\S+ (?:OK|NO|BAD|BYE|PREAUTH)(?: (?!\[[^\]]*$)|$))/i.test(line)) {
    return undefined;
  }
  const size = /~?\{(\d{1,20})\+?\}$/.exec(line)?.[1];
  return size === undefined ? undefined : Number(size);
}

/**
 * Reads a response.
 *
 * @param segments Its lines without their ends, and the literals between them.
 * @returns The response.
 * @throws {ImapSyntaxError} If it is none.
 */
export function parseImapResponse(segments: readonly (string | Uint8Array)[]): ImapResponse {
  const literals: Uint8Array[] = [];
  const pieces: string[] = [];
  for (const segment of segments) {
    if (typeof segment === "string") {
      pieces.push(segment.includes("\0") ? segment.replaceAll("\0", "\uFFFD") : segment);
    } else {
      // Where a literal stood is marked by what no line may hold.
      const line = pieces.pop() ?? "";
      const size = line.lastIndexOf("{");
      pieces.push(line.slice(0, line[size - 1] === "~" ? size - 1 : size), "\0");
      literals.push(segment);
    }
  }
  const text = pieces.join("");
  if (text === "+" || text.startsWith("+ ")) return { type: "continue", text: text.slice(2) };
  const reader = new Reader(text, literals);
  const tag = reader.word();
  if (tag === "") reader.fail("a tag");
  const word = reader.word();
  const status = word.toUpperCase();
  if (tag !== "*") {
    if (!/^[A-Za-z0-9]{1,32}$/.test(tag)) reader.fail("a tag");
    if (status !== "OK" && status !== "NO" && status !== "BAD") reader.fail("OK, NO or BAD");
    return { type: "tagged", tag, status, ...reader.status() } as ImapResponse;
  }
  if (["OK", "NO", "BAD", "BYE", "PREAUTH"].includes(status)) {
    return { type: "status", status, ...reader.status() } as ImapResponse;
  }
  if (/^\d{1,10}$/.test(word)) {
    const name = reader.word().toUpperCase();
    if (!/^[A-Z]+$/.test(name)) reader.fail("what the number counts");
    return { type: "data", name, number: Number(word), values: reader.values() };
  }
  if (!/^[A-Z0-9-]+$/.test(status)) reader.fail("a name");
  return { type: "data", name: status, values: reader.values() };
}

class Reader {
  readonly #text: string;
  readonly #literals: readonly Uint8Array[];
  #at = 0;
  /** How many of the literals have been met. */
  #met = 0;

  constructor(text: string, literals: readonly Uint8Array[]) {
    this.#text = text;
    this.#literals = literals;
  }

  fail(wanted: string): never {
    const near = this.#text.slice(this.#at, this.#at + 40).replaceAll("\0", "?");
    throw new ImapSyntaxError(`Expected ${wanted} at ${this.#at}: ${JSON.stringify(near)}`);
  }

  /** Up to the next blank. */
  word(): string {
    const end = this.#text.indexOf(" ", this.#at);
    const word = this.#text.slice(this.#at, end === -1 ? undefined : end);
    this.#at = end === -1 ? this.#text.length : end + 1;
    return word;
  }

  /** What follows OK, NO, BAD, BYE and PREAUTH. */
  status(): { code?: ImapResponseCode; text: string } {
    const rest = () => this.#text.slice(this.#at).replaceAll("\0", "?");
    if (this.#text[this.#at] !== "[") return { text: rest() };
    const from = this.#at;
    this.#at++;
    const name = /^[^\s\]]*/.exec(this.#text.slice(this.#at))![0];
    this.#at += name.length;
    const values: ImapValue[] = [];
    while (this.#text[this.#at] === " ") {
      this.#at++;
      values.push(this.#value(0, "]"));
    }
    if (this.#text[this.#at] !== "]" || name === "") {
      // Some texts begin with a bracket that is no code.
      this.#at = from;
      return { text: rest() };
    }
    this.#at++;
    if (this.#text[this.#at] === " ") this.#at++;
    return { code: { name: name.toUpperCase(), values }, text: rest() };
  }

  /** All that is left. */
  values(): ImapValue[] {
    const values: ImapValue[] = [];
    while (this.#at < this.#text.length) {
      values.push(this.#value(0, ""));
      if (this.#at === this.#text.length) break;
      if (this.#text[this.#at] !== " ") this.fail("a blank");
      this.#at++;
      // A blank at the end is common, and means nothing.
    }
    return values;
  }

  #value(depth: number, end: string): ImapValue {
    const first = this.#text[this.#at];
    if (first === "(") return this.#list(depth + 1);
    if (first === '"') return this.#quoted();
    if (first === "\0") {
      this.#at++;
      return this.#literals[this.#met++]!;
    }
    return this.#atom(end);
  }

  #list(depth: number): ImapValue[] {
    if (depth > MAX_DEPTH) this.fail("fewer lists within lists");
    this.#at++;
    const list: ImapValue[] = [];
    while (this.#text[this.#at] !== ")") {
      if (this.#at >= this.#text.length) this.fail("the end of a list");
      list.push(this.#value(depth, ""));
      while (this.#text[this.#at] === " ") this.#at++;
    }
    this.#at++;
    return list;
  }

  #quoted(): string {
    let text = "";
    let from = this.#at + 1;
    for (let i = from; i < this.#text.length; i++) {
      const code = this.#text.charCodeAt(i);
      if (code !== QUOTE && code !== BACKSLASH) continue;
      text += this.#text.slice(from, i);
      if (code === QUOTE) {
        this.#at = i + 1;
        return text;
      }
      // Whatever comes next stands for itself.
      from = ++i;
    }
    return this.fail("the end of a quoted string");
  }

  /** An atom; what stands in brackets is part of it, as in `BODY[HEADER.FIELDS (TO)]<0>`. */
  #atom(end: string): string | null {
    const from = this.#at;
    const text = this.#text;
    let i = from;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === OPENING && end !== "]") {
        const closing = text.indexOf("]", i);
        const mark = text.indexOf("\0", i);
        if (closing === -1 || (mark !== -1 && mark < closing)) this.fail("a value");
        i = closing;
      } else if (code <= CLOSE && ENDS.has(code) || code === CLOSING && end === "]") break;
    }
    if (i === from) this.fail("a value");
    this.#at = i;
    const atom = text.slice(from, i);
    return atom.length === 3 && atom.toUpperCase() === "NIL" ? null : atom;
  }
}
