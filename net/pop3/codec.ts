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

import { splitWords, upperAscii } from "../text.ts";

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
  /** The size of the message in bytes. */
  readonly size: number;
}

/** The unique id of a message, which stays the same in later sessions (RFC 1939 §7). */
export interface Pop3Uid {
  /** The number of the message within this session, from 1. */
  readonly number: number;
  /** The unique id, of 1 to 70 characters. */
  readonly uid: string;
}

/**
 * Parses the first line of a reply.
 *
 * @param line The line, without its line ending.
 * @returns The status; undefined if the line is not a status.
 */
export function parsePop3Status(line: string): Pop3Status | undefined {
  const match = /^(\+OK|-ERR)(?: +(?:\[([\x21-\x5c\x5e-\x7e]{1,100})\] *)?(.*))?$/is.exec(line);
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
  return /^\+(?: (.*))?$/s.exec(line)?.slice(1)[0] ?? (line === "+" ? "" : undefined);
}

/**
 * Parses `number size`, as in replies to LIST and STAT.
 *
 * @param line The line, without its line ending.
 * @returns The two numbers; undefined if the line has another form.
 */
export function parsePop3Numbers(line: string): Pop3Entry | undefined {
  const [, number = "", size = ""] = /^(\d{1,10}) +(\d{1,15})(?: .*)?$/.exec(line) ?? [];
  return number === "" ? undefined : { number: Number(number), size: Number(size) };
}

/**
 * Parses `number uid`, as in replies to UIDL.
 *
 * @param line The line, without its line ending.
 * @returns The number and the unique id; undefined if the line has another form.
 */
export function parsePop3Uid(line: string): Pop3Uid | undefined {
  const [, number = "", uid = ""] = /^(\d{1,10}) +([\x21-\x7e]{1,200})[ \t]*$/.exec(line) ?? [];
  return number === "" ? undefined : { number: Number(number), uid };
}

/**
 * Parses the lines of a reply to CAPA (RFC 2449 §5).
 *
 * @param lines The lines, without their line endings.
 * @returns The names of the capabilities in capitals, each with its arguments.
 */
export function parsePop3Capabilities(lines: readonly string[]): Map<string, readonly string[]> {
  return new Map(lines.map((line) => {
    const [name = "", ...words] = splitWords(line);
    return [upperAscii(name), words];
  }));
}
