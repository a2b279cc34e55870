/** Reads the field lines of a head, and their values for the body and the connection. */

import { lowerAscii } from "../../net/text.ts";
import {
  CLASS,
  COLON,
  HOST,
  isBlank,
  latin1,
  lowerTokens,
  TOKEN,
  VALUE,
} from "../internal/http1_bytes.ts";
import { Known, knownField, type RawFields } from "../internal/http1_fields.ts";
import { Http1Error } from "./_error.ts";

/** Fields of a response, one bit for each number of a known field. */
export const RESPONSE = bits(
  Known.contentLength,
  Known.transferEncoding,
  Known.connection,
  Known.upgrade,
);
/** Fields of a request. */
export const REQUEST = RESPONSE | bits(Known.host, Known.expect);
/** Fields of a response that opens a tunnel. It never has a body (RFC 9110 §9.3.6). */
export const TUNNEL = bits(Known.connection, Known.upgrade);
/** Fields of trailers. They have no meaning for the message. */
export const TRAILERS = 0;

function bits(...known: number[]): number {
  return known.reduce((all, one) => all | (1 << one), 0);
}

/** The values of the fields that matter for framing and for the connection. */
export interface Said {
  host: string | undefined;
  length: number | undefined;
  coding: string | undefined;
  connection: string;
  upgrade: string | undefined;
  expect: string | undefined;
}

/**
 * Reads fields. `lines` has the indices of the CRs, `from` is the index of the first field line, and
 * `wanted` selects the known fields whose values are read.
 */
export function readFields(
  bytes: Uint8Array,
  start: number,
  lines: readonly number[],
  end: number,
  maxFields: number,
  wanted: number,
  from = 1,
): { raw: RawFields; said: Readonly<Said> } {
  const count = lines.length;
  if (count - from > maxFields) {
    throw new Http1Error(`The message has more than ${maxFields} fields`, 431);
  }
  const at: number[] = [];
  let high = 0;
  let special = false;
  for (let line = from; line < count; line++) {
    const nameStart = line === 0 ? start : lines[line - 1]! + 2;
    const lineEnd = lines[line]!;
    let i = nameStart;
    while ((CLASS[bytes[i]!]! & TOKEN) !== 0) i++;
    // A blank here is a folded line (RFC 9112 §5.2) or stands before the colon (§5.1).
    if (i === nameStart || i >= lineEnd || bytes[i] !== COLON) {
      throw new Http1Error("A header is malformed");
    }
    const nameEnd = i++;
    while (i < lineEnd && isBlank(bytes[i]!)) i++;
    let valueEnd = lineEnd;
    while (valueEnd > i && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
    for (let v = i; v < valueEnd; v++) {
      const byte = bytes[v]!;
      high |= byte;
      if ((CLASS[byte]! & VALUE) === 0) {
        throw new Http1Error("A header holds a control character");
      }
    }
    const known = knownField(bytes, nameStart, nameEnd);
    special ||= (wanted >> known & 1) === 1;
    at.push(nameStart - start, nameEnd - start, i - start, valueEnd - start, known);
  }
  const firstEnd = from === 1 ? lines[0]! : start;
  for (let i = start; i < firstEnd; i++) high |= bytes[i]!;
  const text = latin1(bytes.subarray(start, end), high < 0x80);
  return { raw: { text, at }, said: special ? whatIsSaid(text, at, wanted) : NOTHING };
}

function nothing(): Said {
  return {
    host: undefined,
    length: undefined,
    coding: undefined,
    connection: "",
    upgrade: undefined,
    expect: undefined,
  };
}

const NOTHING: Readonly<Said> = nothing();

function whatIsSaid(text: string, at: readonly number[], wanted: number): Said {
  const said = nothing();
  for (let i = 4; i < at.length; i += 5) {
    const known = at[i]!;
    if ((wanted >> known & 1) === 0) continue;
    const value = text.slice(at[i - 2], at[i - 1]);
    switch (known) {
      case Known.host:
        if (said.host !== undefined) throw new Http1Error("There is more than one Host");
        for (let c = 0; c < value.length; c++) {
          if ((CLASS[value.charCodeAt(c)]! & HOST) === 0) {
            throw new Http1Error("The Host is malformed");
          }
        }
        said.host = value;
        break;
      case Known.contentLength:
        if (said.length !== undefined) {
          throw new Http1Error("There is more than one Content-Length");
        }
        if (!/^\d{1,15}$/.test(value)) throw new Http1Error("The Content-Length is malformed");
        said.length = Number(value);
        break;
      case Known.transferEncoding:
        if (said.coding !== undefined) {
          throw new Http1Error("There is more than one Transfer-Encoding");
        }
        said.coding = value;
        break;
      case Known.connection:
        said.connection += `,${value}`;
        break;
      case Known.upgrade:
        said.upgrade = said.upgrade === undefined ? value : `${said.upgrade}, ${value}`;
        break;
      case Known.expect:
        if (said.expect !== undefined) throw new Http1Error("There is more than one Expect");
        said.expect = lowerAscii(value);
    }
  }
  return said;
}

/** Accepts only `chunked`, once and as the last coding (RFC 9112 §6.1). Other codings are obsolete. */
export function codingOf(coding: string): "chunked" {
  const lower = lowerAscii(coding);
  if (lower === "chunked") return "chunked";
  const codings = lowerTokens(lower);
  // Empty elements are legal, but other programs reject them.
  if (codings.length === 1 && codings[0] === "chunked") {
    throw new Http1Error("The Transfer-Encoding is malformed");
  }
  if (codings.length === 0 || codings.indexOf("chunked") !== codings.length - 1) {
    throw new Http1Error("The Transfer-Encoding does not end in chunked");
  }
  throw new Http1Error("No Transfer-Encoding is known but chunked", 501);
}

/** The options for the usual values of `Connection`, which need no parsing. */
const USUAL: ReadonlyMap<string, readonly string[]> = new Map(
  ["keep-alive", "Keep-Alive", "close"].map((one) => [`,${one}`, [one.toLowerCase()]]),
);

/** Returns the options of `Connection` in lower case. */
export function optionsOf(connection: string): readonly string[] {
  return USUAL.get(connection) ?? lowerTokens(connection);
}

/** Returns whether the connection goes on after the message (RFC 9112 §9.3). */
export function keepsAlive(minor: 0 | 1, options: readonly string[]): boolean {
  if (options.length === 0) return minor === 1;
  return !options.includes("close") && (minor === 1 || options.includes("keep-alive"));
}
