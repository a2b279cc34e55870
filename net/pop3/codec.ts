/**
 * Parsers for the replies of POP3 (RFC 1939, RFC 2449). Pure. `DotDecoder` of `net/mail` reads texts.
 *
 * @example Read a status line
 * ```ts
 * import { parsePop3Status } from "@portside/kit/net/pop3";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parsePop3Status("-ERR [IN-USE] maildrop is locked"), {
 *   ok: false,
 *   code: "IN-USE",
 *   text: "maildrop is locked",
 * });
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { splitWords, trimBlanks, upperAscii } from "../text.ts";

/** The first line of a reply. */
export interface Pop3Status {
  /** Whether the line begins with `+OK`. */
  readonly ok: boolean;
  /** The response code in brackets (RFC 2449 §8), in capitals. */
  readonly code?: string;
  /** The text after the code. */
  readonly text: string;
}

/** The number and size of a message in the maildrop. */
export interface Pop3Entry {
  /** The number of the message within this session, from 1. */
  readonly number: number;
  /** The size of the message in bytes; 0 if the server does not tell it. */
  readonly size: number;
}

/** The unique id of a message, which stays the same in later sessions (RFC 1939 §7). */
export interface Pop3Uid {
  /** The number of the message within this session, from 1. */
  readonly number: number;
  /** The unique id, usually of 1 to 70 characters; empty if the server gives none. */
  readonly uid: string;
}

/** A language for the texts of a server (RFC 6856 §3.3). */
export interface Pop3Language {
  /** The tag of the language, such as `de`. */
  readonly tag: string;
  /** The name of the language, in this language. */
  readonly description: string;
}

/**
 * Parses the first line of a reply. Blanks before it, and tabs in it, are accepted.
 *
 * @param line The line, without its line ending.
 * @returns The status; undefined if the line is not a status.
 */
export function parsePop3Status(line: string): Pop3Status | undefined {
  const match = /^[ \t]*(\+OK|-ERR)(?:[ \t]+(?:\[([\x21-\x5c\x5e-\x7e]{1,100})\][ \t]*)?(.*)|)$/is
    .exec(line);
  if (match === null) return undefined;
  const [, status = "", code, text = ""] = match;
  return {
    ok: status.startsWith("+"),
    ...(code !== undefined && { code: upperAscii(code) }),
    text,
  };
}

/**
 * Parses the challenge of a login (RFC 5034 §4).
 *
 * @param line The line, without its line ending.
 * @returns The challenge in Base64; undefined if the line is not a challenge.
 */
export function parsePop3Challenge(line: string): string | undefined {
  const match = /^\+(?:[ \t](.*)|)$/s.exec(line);
  return match === null ? undefined : trimBlanks(match[1] ?? "");
}

/**
 * Parses `number size`, as in replies to LIST and STAT. Blanks at the ends, and tabs, are accepted.
 *
 * @param line The line, without its line ending.
 * @returns The two numbers, with the size 0 if it is missing or no number; undefined if the line does not
 * begin with a number.
 */
export function parsePop3Numbers(line: string): Pop3Entry | undefined {
  const [first = "", second = ""] = splitWords(line);
  if (!/^\d{1,10}$/.test(first)) return undefined;
  return { number: Number(first), size: /^\d{1,15}$/.test(second) ? Number(second) : 0 };
}

/**
 * Parses `number uid`, as in replies to UIDL. Blanks at the ends, and tabs, are accepted.
 *
 * @param line The line, without its line ending.
 * @returns The number and the unique id, which is empty if it is missing or contains a control character;
 * undefined if the line does not begin with a number.
 */
export function parsePop3Uid(line: string): Pop3Uid | undefined {
  const trimmed = trimBlanks(line);
  const [first = ""] = splitWords(trimmed);
  if (!/^\d{1,10}$/.test(first)) return undefined;
  const uid = trimBlanks(trimmed.slice(first.length));
  return { number: Number(first), uid: /\p{Cc}/u.test(uid) ? "" : uid };
}

/**
 * Parses `tag description`, as in replies to LANG (RFC 6856 §3.3).
 *
 * @param line The line, without its line ending.
 * @returns The language; undefined if the line is empty.
 */
export function parsePop3Language(line: string): Pop3Language | undefined {
  const trimmed = trimBlanks(line);
  const [tag] = splitWords(trimmed);
  return tag === undefined
    ? undefined
    : { tag, description: trimBlanks(trimmed.slice(tag.length)) };
}

/**
 * Parses the lines of a reply to CAPA (RFC 2449 §5). The arguments of a capability on several lines are
 * joined.
 *
 * @param lines The lines, without their line endings.
 * @returns The names of the capabilities in capitals, each with its arguments.
 */
export function parsePop3Capabilities(lines: readonly string[]): Map<string, readonly string[]> {
  const capabilities = new Map<string, string[]>();
  for (const line of lines) {
    const [name, ...words] = splitWords(line);
    if (name === undefined) continue;
    const key = upperAscii(name);
    const known = capabilities.get(key);
    if (known === undefined) capabilities.set(key, words);
    else known.push(...words);
  }
  return capabilities;
}
