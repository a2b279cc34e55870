/**
 * The answers of POP3 (RFC 1939, RFC 2449), read. Pure; texts are read by `net/dot-codec`.
 *
 * @example A status
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

/** The first line of an answer. */
export interface Pop3Status {
  /** Whether it is `+OK`. */
  readonly ok: boolean;
  /** The response code in brackets (RFC 2449 §8), in capitals. */
  readonly code?: string;
  /** What follows. */
  readonly text: string;
}

/** A message in the maildrop. */
export interface Pop3Entry {
  /** Its number in this session. */
  readonly number: number;
  /** Its size in bytes. */
  readonly size: number;
}

/** The name of a message that outlives the session (RFC 1939 §7). */
export interface Pop3Uid {
  /** Its number in this session. */
  readonly number: number;
  /** Its name: 1 to 70 characters. */
  readonly uid: string;
}

/**
 * Reads the first line of an answer.
 *
 * @param line The line, without its end.
 * @returns The status; undefined if it is none.
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
 * Reads the challenge of a login.
 *
 * @param line The line, without its end.
 * @returns The challenge in Base64; undefined if it is none.
 */
export function parsePop3Challenge(line: string): string | undefined {
  return /^\+(?: (.*))?$/s.exec(line)?.slice(1)[0] ?? (line === "+" ? "" : undefined);
}

/**
 * Reads `number size`, of LIST or STAT.
 *
 * @param line The line.
 * @returns The two numbers; undefined if it holds none.
 */
export function parsePop3Numbers(line: string): Pop3Entry | undefined {
  const [, number = "", size = ""] = /^(\d{1,10}) +(\d{1,15})(?: .*)?$/.exec(line) ?? [];
  return number === "" ? undefined : { number: Number(number), size: Number(size) };
}

/**
 * Reads `number uid`, of UIDL.
 *
 * @param line The line.
 * @returns Both; undefined if it holds none.
 */
export function parsePop3Uid(line: string): Pop3Uid | undefined {
  const [, number = "", uid = ""] = /^(\d{1,10}) +([\x21-\x7e]{1,200})[ \t]*$/.exec(line) ?? [];
  return number === "" ? undefined : { number: Number(number), uid };
}

/**
 * Reads the lines of CAPA (RFC 2449 §5).
 *
 * @param lines The lines.
 * @returns The capabilities in capitals, each with its words.
 */
export function parsePop3Capabilities(lines: readonly string[]): Map<string, readonly string[]> {
  return new Map(lines.map((line) => {
    const [name = "", ...words] = splitWords(line);
    return [upperAscii(name), words];
  }));
}
