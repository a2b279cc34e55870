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
import {
  type ImapInvalid,
  type ImapResponseCode,
  type ImapValue,
  isDigit,
  ValueReader,
} from "./_reader.ts";

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
export {
  type ImapInvalid,
  type ImapResponseCode,
  ImapSyntaxError,
  type ImapValue,
} from "./_reader.ts";
export { type ImapSearch, imapSearch } from "./_search.ts";

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
    readonly invalid?: readonly ImapInvalid[];
  }
  /** A status that does not belong to a command. */
  | {
    readonly type: "status";
    readonly status: "OK" | "NO" | "BAD" | "BYE" | "PREAUTH";
    readonly code?: ImapResponseCode;
    readonly text: string;
    readonly invalid?: readonly ImapInvalid[];
  }
  /** Data, either requested or unsolicited. */
  | {
    readonly type: "data";
    readonly name: string;
    readonly number?: number;
    readonly values: readonly ImapValue[];
    readonly invalid?: readonly ImapInvalid[];
  };

const BLANK = 0x20, STAR = 0x2a, PLUS = 0x2b, CURLY = 0x7b, CURLY_END = 0x7d;

/** The first line of a status, or of a request to continue. */
const STATUS = /^(?:\+|\S+ +(?:OK|NO|BAD|BYE|PREAUTH)(?: (?!\[[^\]]*$)|$))/i;

/**
 * The first line of a message of which one section was fetched. It is the most common response, and
 * needs no reader.
 */
const ONE_SECTION =
  /^\* (\d{1,10}) FETCH \(UID (\d{1,10}) (BODY\[[A-Z0-9.]*(?: \([A-Z0-9 -]*\))?\]) \{\d+\}$/;

/** The result of a command that has succeeded, without a code. It needs no reader. */
const SUCCESS = /^([a-z]\d{1,15}) OK ([^[\0][^\0]*)$/;

/** Responses that a number precedes. */
const NUMBERED: ReadonlySet<string> = new Set(["FETCH", "EXISTS", "EXPUNGE", "RECENT"]);

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

/**
 * Parses a response. A response code that cannot be read, an item of FETCH, and a counter of STATUS are
 * left out and reported in `invalid`.
 *
 * @param segments The lines without their line endings, and the literals between them.
 * @param strict Whether an item or a counter that cannot be read is an error. Default: false.
 * @returns The response, with its values.
 * @throws {ImapSyntaxError} If the response is invalid as a whole.
 */
export function parseImapResponse(
  segments: readonly (string | Uint8Array)[],
  strict = false,
): ImapResponse {
  const first = segments[0];
  if (segments.length === 3 && segments[2] === ")") {
    const [, number, uid, section] = ONE_SECTION.exec(first as string) ?? [];
    if (section !== undefined) {
      const items = ["UID", uid!, section, segments[1]!];
      return { type: "data", name: "FETCH", number: Number(number), values: [items] };
    }
  }
  if (segments.length === 1) {
    const [, tag, text] = SUCCESS.exec(first as string) ?? [];
    if (text !== undefined) return { type: "tagged", tag: tag!, status: "OK", text };
  }
  const reader = new ValueReader(segments);
  if (typeof first === "string" && first.startsWith("+")) {
    return { type: "continue", text: reader.rest().replace(/^\+ ?/, "") };
  }
  const isUntagged = reader.star();
  const tag = isUntagged ? "*" : reader.word();
  if (tag === "") reader.fail("a tag");
  const number = isUntagged ? reader.number() : undefined;
  if (number !== undefined) {
    const word = reader.name();
    if (word === "FETCH" || upperAscii(word) === "FETCH") {
      return reported(
        { type: "data", name: "FETCH", number, values: [reader.items(strict)] },
        reader,
      );
    }
    const name = nameOf(word, reader);
    return reported({ type: "data", name, number, values: reader.values(name) }, reader);
  }
  const word = reader.name();
  const status = upperAscii(word);
  if (!isUntagged) {
    if (!/^[A-Za-z0-9]{1,32}$/.test(tag)) reader.fail("a tag");
    if (status !== "OK" && status !== "NO" && status !== "BAD") {
      return reader.fail("OK, NO or BAD");
    }
    return reported({ type: "tagged", tag, status, ...reader.status() }, reader);
  }
  if (isStatus(status)) return reported({ type: "status", status, ...reader.status() }, reader);
  const name = nameOf(word, reader);
  if (NUMBERED.has(name)) reader.fail("a number before the name");
  if (name === "STATUS") {
    return reported({ type: "data", name, values: reader.counters(strict) }, reader);
  }
  return reported({ type: "data", name, values: reader.values(name) }, reader);
}

function nameOf(word: string, reader: ValueReader): string {
  const name = upperAscii(word);
  if (!/^[A-Z][A-Z0-9._-]*$/.test(name)) reader.fail("a name");
  return name;
}

function isStatus(word: string): word is "OK" | "NO" | "BAD" | "BYE" | "PREAUTH" {
  return ["OK", "NO", "BAD", "BYE", "PREAUTH"].includes(word);
}

function reported(response: ImapResponse, { invalid }: ValueReader): ImapResponse {
  return invalid.length === 0 ? response : { ...response, invalid } as ImapResponse;
}
