/**
 * Parsers for the values of header fields: lists, parameters and weights (RFC 9110 §5.6). They are
 * pure, and their cost is linear in the length of the value, whatever a peer sends.
 *
 * @example A comma inside quotes does not separate members
 * ```ts
 * import { parseList } from "@portside/kit/http/header-list";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseList('gzip, , text/html;title="a, b"'), ["gzip", 'text/html;title="a, b"']);
 * ```
 *
 * **Permissions**: none. Source: RFC 9110 §5.6.1 (lists), §5.6.3 (whitespace), §5.6.6 (parameters),
 * §12.4.2 (weights).
 *
 * @module
 */

import { lowerAscii, trimBlanks } from "../net/text.ts";

/**
 * The syntax inside which a comma does not end a member.
 *
 * - `"quoted-string"`: double quotes, in which a backslash escapes the next character (RFC 9110
 *   §5.6.4). Nearly all fields use it.
 * - `"entity-tag"`: double quotes without escapes (RFC 9110 §8.8.3), as in `If-None-Match`.
 * - `"comment"`: parentheses, nested, with escapes (RFC 9110 §5.6.5), as in `Via`.
 */
export type ListQuoting = "quoted-string" | "entity-tag" | "comment";

/** A member of a list with its weight. */
export interface WeightedMember {
  /** The member without its parameters. */
  readonly value: string;
  /** The weight, from 0 to 1. 0 means not acceptable. */
  readonly weight: number;
}

/** A value with its parameters, as in `text/html; charset=utf-8`. */
export interface ParsedValue {
  /** The value in front of the parameters. */
  readonly value: string;
  /** The parameters: names in lower case, values without quotes. The first one of a name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const HTAB = 0x09, SP = 0x20, QUOTE = 0x22, OPEN = 0x28, CLOSE = 0x29, COMMA = 0x2c;
const SEMICOLON = 0x3b, BACKSLASH = 0x5c;

/**
 * Splits the value of a list field into its members (RFC 9110 §5.6.1). Empty members are skipped. A
 * quotation must end at the end of a member or parameter. Otherwise its first character is an ordinary
 * one. A client that opens a quotation can so not hide the members that proxies append.
 *
 * @param value The value. Several lines of a field are one value, joined by commas.
 * @param quoting The syntax inside which a comma does not end a member. @default "quoted-string"
 * @returns The members as they were sent, without SP and HTAB at their ends.
 *
 * @example The hops of a request
 * ```ts
 * import { parseList } from "@portside/kit/http/header-list";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseList("1.1 a (x, y), 1.1 b", "comment"), ["1.1 a (x, y)", "1.1 b"]);
 * ```
 */
export function parseList(value: string, quoting: ListQuoting = "quoted-string"): string[] {
  const members: string[] = [];
  const parts = new Parts(value, COMMA, quoting);
  while (parts.next()) members.push(value.slice(parts.start, parts.end));
  return members;
}

/**
 * Returns whether a list contains a token, without regard to case. A member with parameters does not
 * match.
 *
 * @param value The value of the field; null or undefined without one.
 * @param token The token, in any case.
 * @returns Whether a member equals the token.
 *
 * @example The options of Connection
 * ```ts
 * import { hasMember } from "@portside/kit/http/header-list";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hasMember("keep-alive, Upgrade", "upgrade"), true);
 * assertEquals(hasMember("x-close", "close"), false);
 * ```
 */
export function hasMember(value: string | null | undefined, token: string): boolean {
  // The usual value is the token alone.
  if (value === token) return true;
  if (value === null || value === undefined || value.length < token.length) return false;
  const parts = new Parts(value, COMMA, "quoted-string");
  while (parts.next()) {
    if (parts.end - parts.start === token.length && equalsAt(value, parts.start, token)) {
      return true;
    }
  }
  return false;
}

/**
 * Reads a value with parameters, such as that of `Content-Type` (RFC 9110 §5.6.6). A parameter without
 * a name or without `=` is skipped.
 *
 * @param value The value of the field, or one member of a list.
 * @returns The value in front of the parameters, and the parameters.
 *
 * @example A media type
 * ```ts
 * import { parseParameters } from "@portside/kit/http/header-list";
 * import { assertEquals } from "@std/assert";
 *
 * const { value, parameters } = parseParameters('text/plain; Charset="utf-8"');
 * assertEquals([value, parameters.get("charset")], ["text/plain", "utf-8"]);
 * ```
 */
export function parseParameters(value: string): ParsedValue {
  const parameters = new Map<string, string>();
  const parts = new Parts(value, SEMICOLON, "quoted-string");
  let front = "";
  while (parts.next()) {
    const part = value.slice(parts.start, parts.end);
    if (parts.first) front = part;
    else {
      const equals = part.indexOf("=");
      const name = lowerAscii(trimBlanks(part.slice(0, Math.max(equals, 0))));
      if (name !== "" && !parameters.has(name)) {
        parameters.set(name, unquoted(trimBlanks(part.slice(equals + 1))));
      }
    }
  }
  return { value: front, parameters };
}

/**
 * Reads a list with weights, such as that of `Accept-Language` (RFC 9110 §12.4.2). A member with a
 * malformed weight is skipped.
 *
 * @param value The value of the field.
 * @returns The members, highest weight first. Members of equal weight keep the order of the list.
 *
 * @example Languages
 * ```ts
 * import { parseWeights } from "@portside/kit/http/header-list";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseWeights("en;q=0.5, zh-CN, fr;q=0"), [
 *   { value: "zh-CN", weight: 1 },
 *   { value: "en", weight: 0.5 },
 *   { value: "fr", weight: 0 },
 * ]);
 * ```
 */
export function parseWeights(value: string): WeightedMember[] {
  const members: WeightedMember[] = [];
  for (const member of parseList(value)) {
    const { value: name, parameters } = parseParameters(member);
    const given = parameters.get("q");
    if (name !== "" && (given === undefined || WEIGHT.test(given))) {
      members.push({ value: name, weight: given === undefined ? 1 : Number(given) });
    }
  }
  return members.sort((a, b) => b.weight - a.weight);
}

/** A number from 0 to 1 with up to three digits after the point. */
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** Iterates over the parts of a value between delimiters, without copying them. */
class Parts {
  /** Start index of the current part, without blanks. */
  start = 0;
  /** End index of the current part, without blanks. */
  end = 0;
  /** Whether the current part is the first one of the value. */
  first = false;
  readonly #value: string;
  readonly #delimiter: number;
  readonly #quoting: ListQuoting;
  /** The character that begins a quotation. */
  readonly #opening: number;
  /** Up to this index, no such character begins a quotation. */
  #tried = 0;
  /** Start index of the next part. */
  #next = 0;

  constructor(value: string, delimiter: number, quoting: ListQuoting) {
    this.#value = value;
    this.#delimiter = delimiter;
    this.#quoting = quoting;
    this.#opening = quoting === "comment" ? OPEN : QUOTE;
  }

  /** Moves to the next part that is not empty. Returns false after the last one. */
  next(): boolean {
    const value = this.#value;
    while (this.#next < value.length) {
      const from = this.#next;
      const stop = this.#delimiterAt(from);
      this.#next = stop + 1;
      let start = from;
      let end = stop;
      while (start < end && isBlank(value.charCodeAt(start))) start++;
      while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
      if (start === end) continue;
      this.first = from === 0;
      this.start = start;
      this.end = end;
      return true;
    }
    return false;
  }

  /** Returns the index of the next delimiter outside quotations, or of the end. */
  #delimiterAt(from: number): number {
    const value = this.#value;
    for (let i = from; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code === this.#delimiter) return i;
      if (code !== this.#opening || i < this.#tried) continue;
      const end = quotationEnd(value, i, this.#quoting);
      // Do not try the characters in between again: that would have quadratic cost.
      if (end === -1) this.#tried = value.length;
      else if (endsPart(value, end + 1)) i = end;
      else this.#tried = end;
    }
    return value.length;
  }
}

/** Returns whether a member or a parameter ends at `at`, after blanks. */
function endsPart(value: string, at: number): boolean {
  while (at < value.length && isBlank(value.charCodeAt(at))) at++;
  const code = value.charCodeAt(at);
  return at === value.length || code === COMMA || code === SEMICOLON;
}

/** Returns the index of the character that ends the quotation at `at`, or -1. */
function quotationEnd(value: string, at: number, quoting: ListQuoting): number {
  if (quoting === "entity-tag") return value.indexOf('"', at + 1);
  let depth = 1;
  for (let i = at + 1; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (quoting === "comment") {
      if (code === OPEN) depth++;
      else if (code === CLOSE && --depth === 0) return i;
    } else if (code === QUOTE) return i;
  }
  return -1;
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

/** Returns whether `token` is at `at`, without regard to the case of ASCII letters. */
function equalsAt(value: string, at: number, token: string): boolean {
  for (let i = 0; i < token.length; i++) {
    const [one, other] = [value.charCodeAt(at + i), token.charCodeAt(i)];
    if (one !== other && ((one ^ other) !== 0x20 || !isLetter(one))) return false;
  }
  return true;
}

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** Returns the text of a quoted-string (RFC 9110 §5.6.4); other text is unchanged. */
function unquoted(text: string): string {
  const quoted = text.startsWith('"') &&
    quotationEnd(text, 0, "quoted-string") === text.length - 1;
  return quoted ? text.slice(1, -1).replace(/\\(.)/gs, "$1") : text;
}
