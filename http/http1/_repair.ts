import { lowerAscii, trimBlanks } from "../../net/text.ts";
import { parseList } from "../header_list.ts";
import {
  CLASS,
  CR,
  isBlank,
  latin1,
  LF,
  lowerTokens,
  SP,
  TOKEN,
  toLatin1,
  VALUE,
} from "../internal/http1_bytes.ts";
import { Http1Error } from "./_error.ts";
import { consistsOf } from "../internal/http1_fields.ts";
import { isTunnel } from "./_head.ts";

/** Lines in canonical form. */
export interface Repaired {
  /** The lines, each with its CRLF, and the empty line. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The index of the CR of each line but the empty one. */
  readonly lines: number[];
}

interface Line {
  readonly name: string;
  /** The name in lower case, if this module reads the field; undefined for other fields. */
  readonly known: "content-length" | "transfer-encoding" | "connection" | undefined;
  value: string;
}

const LENGTH = "content-length";
const CODING = "transfer-encoding";
const CONNECTION = "connection";
const KNOWN = [LENGTH, CODING, CONNECTION] as const;
/** Length of the shortest name that could be that of a framing field. */
const SHORTEST = "contentlength".length;

/**
 * Writes the head of a response in canonical form.
 *
 * The strict reader reads the result and makes all other checks. Ambiguous framing is rejected here or
 * by the strict reader.
 *
 * @param bytes A head, with its empty line.
 * @param method The method of the request.
 * @throws {Http1Error} If it cannot be repaired.
 */
export function repairHead(bytes: Uint8Array, method: string): Repaired {
  const [first = "", ...rest] = linesOf(bytes);
  const status = repairStatusLine(first);
  const tunnel = isTunnel(method, Number(status.slice(9, 12)));
  const fields = framed(fieldsOf(rest), status, tunnel);
  return written([status, ...fields.map(({ name, value }) => `${name}: ${value}`)]);
}

/**
 * Writes trailer fields in canonical form.
 *
 * @param bytes The lines, with the empty one.
 * @throws {Http1Error} If they cannot be repaired.
 */
export function repairTrailers(bytes: Uint8Array): Repaired {
  return written(fieldsOf(linesOf(bytes)).map(({ name, value }) => `${name}: ${cleaned(value)}`));
}

/** Splits lines at LF, with or without a CR before it (RFC 9112 §2.2). */
function linesOf(bytes: Uint8Array): string[] {
  let high = 0;
  for (let i = 0; i < bytes.length; i++) high |= bytes[i]!;
  const text = latin1(bytes, high < 0x80);
  // RFC 9110 §5.5: CR and NUL are dangerous, because recipients treat them in different ways.
  if (text.includes("\0")) throw new Http1Error("A line holds a NUL");
  for (let i = -1; (i = text.indexOf("\r", i + 1)) !== -1;) {
    if (text.charCodeAt(i + 1) !== LF) throw new Http1Error("A line holds a bare CR");
  }
  const lines = text.split("\n");
  // Remove the empty line, and the empty text after the last LF.
  lines.length -= 2;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.charCodeAt(line.length - 1) === CR) lines[i] = line.slice(0, -1);
  }
  return lines;
}

/** Returns `HTTP/1.x status reason` for a line with other case or other blanks. */
function repairStatusLine(line: string): string {
  let i = skipBlanks(line, 0);
  let version = "HTTP/1.0";
  // SHOUTcast servers send ICY in place of HTTP/1.0.
  if (lowerAscii(line.slice(i, i + 3)) === "icy") i += 3;
  else {
    if (lowerAscii(line.slice(i, i + 4)) !== "http") throw badStatus();
    i = skipBlanks(line, i + 4);
    if (line[i] !== "/") throw badStatus();
    i = skipBlanks(line, i + 1);
    version = `HTTP/${line.slice(i, i + 3)}`;
    i += 3;
  }
  if (!isBlank(line.charCodeAt(i))) throw badStatus();
  i = skipBlanks(line, i);
  const status = line.slice(i, i + 3);
  const next = lowerAscii(line.charAt(i + 3));
  if (next !== "" && !isBlank(next.charCodeAt(0)) && !(next >= "a" && next <= "z")) {
    throw badStatus();
  }
  return `${version} ${status} ${cleaned(line.slice(i + 3))}`;
}

/** Joins folded lines, and drops lines that are not fields. */
function fieldsOf(lines: string[]): Line[] {
  const fields: Line[] = [];
  // Undefined after the first line and after a dropped line.
  let last: Line | undefined;
  for (const line of lines) {
    if (isBlank(line.charCodeAt(0))) {
      // RFC 9112 §2.2: lines with a blank in front of the first field are dropped.
      if (last === undefined) drop(line);
      // RFC 9112 §5.2: a folded line continues the value.
      else last.value += ` ${trimBlanks(line)}`;
      continue;
    }
    const colon = line.indexOf(":");
    // RFC 9112 §5.1: blanks in front of the colon are removed.
    const name = trimBlanks(line.slice(0, Math.max(colon, 0)));
    if (name === "" || !consistsOf(name, TOKEN)) {
      drop(line);
      last = undefined;
      continue;
    }
    fields.push(last = { name, known: knownName(name), value: line.slice(colon + 1) });
  }
  return fields;
}

function knownName(name: string): Line["known"] {
  for (const known of KNOWN) {
    if (name.length === known.length && lowerAscii(name) === known) return known;
  }
  return undefined;
}

/** Drops a line that is not a field. Throws if the line may be a malformed framing field. */
function drop(line: string): void {
  const colon = line.indexOf(":");
  const end = colon === -1 ? line.length : colon;
  if (end < SHORTEST) return;
  const letters: number[] = [];
  for (let i = 0; i < end; i++) {
    const lower = line.charCodeAt(i) | 0x20;
    if (lower >= 0x61 && lower <= 0x7a) letters.push(lower);
  }
  const name = latin1(Uint8Array.from(letters), true);
  if (name.includes("contentlength") || name.includes("transferencoding")) {
    throw new Http1Error("A framing field is malformed");
  }
}

/** Reduces the framing fields to one length, one coding, or none. */
function framed(fields: Line[], status: string, tunnel: boolean): Line[] {
  let length: string | undefined;
  const codingLines: string[] = [];
  const optionLines: string[] = [];
  let coded: Line | undefined;
  let measured: Line | undefined;
  for (const field of fields) {
    if (tunnel && (field.known === LENGTH || field.known === CODING)) continue;
    if (field.known === LENGTH) {
      measured ??= field;
      length = lengthOf(field.value, length);
    } else if (field.known === CODING) {
      coded ??= field;
      codingLines.push(field.value);
    } else {
      field.value = cleaned(field.value);
      if (field.known === CONNECTION) optionLines.push(field.value);
    }
  }
  // All lines of a name are one list (RFC 9110 §5.3).
  const codings = codingsOf(codingLines.join());
  const options = lowerTokens(optionLines.join());
  if (coded !== undefined) coded.value = codings.join(", ");
  if (measured !== undefined && length !== undefined) measured.value = length;
  const chunked = codings.length > 0;
  // RFC 9112 §6.3: the coding wins, and the connection has to end with this message.
  if (chunked && length !== undefined && !closes(status, options)) {
    throw new Http1Error("There are Content-Length and Transfer-Encoding");
  }
  return fields.filter((field) =>
    field.known === LENGTH
      ? field === measured && !chunked
      : field.known === CODING
      ? field === coded && chunked
      : true
  );
}

function closes(status: string, options: readonly string[]): boolean {
  return options.includes("close") ||
    (status.startsWith("HTTP/1.0") && !options.includes("keep-alive"));
}

/** Reads a line of Content-Length, which may repeat the same number (RFC 9110 §8.6). */
function lengthOf(value: string, before: string | undefined): string {
  const [first, ...others] = elementsOf(value, "Content-Length").map(digitsOf);
  if (first === undefined) throw new Http1Error("The Content-Length is malformed");
  const length = before ?? first;
  if (first !== length || others.some((other) => other !== length)) {
    throw new Http1Error("There are different Content-Lengths");
  }
  return length;
}

/** Returns decimal digits without leading zeros. */
function digitsOf(text: string): string {
  let zeros = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) throw new Http1Error("The Content-Length is malformed");
    if (code === 0x30 && zeros === i && i < text.length - 1) zeros++;
  }
  return text.slice(zeros);
}

/** Returns codings in lower case, without a leading `identity`, which is no coding (RFC 2616 §3.6). */
function codingsOf(list: string): string[] {
  const codings = elementsOf(list, "Transfer-Encoding").map(lowerAscii);
  const first = codings.findIndex((coding) => coding !== "identity");
  return first === -1 ? [] : codings.slice(first);
}

/** Splits a list, without its empty elements. The elements themselves are not repaired. */
function elementsOf(value: string, name: string): string[] {
  if (!consistsOf(value, VALUE)) throw new Http1Error(`The ${name} is malformed`);
  return parseList(value);
}

/** Replaces control characters with SP, as RFC 9110 §5.5 allows, and trims blanks. */
function cleaned(value: string): string {
  if (!consistsOf(value, VALUE)) {
    const bytes = toLatin1(value);
    for (let i = 0; i < bytes.length; i++) {
      if ((CLASS[bytes[i]!]! & VALUE) === 0) bytes[i] = SP;
    }
    value = latin1(bytes, false);
  }
  return trimBlanks(value);
}

function written(texts: string[]): Repaired {
  const lines: number[] = [];
  let size = 0;
  for (const text of texts) {
    lines.push(size + text.length);
    size += text.length + 2;
  }
  return { bytes: toLatin1(`${texts.map((text) => `${text}\r\n`).join("")}\r\n`), lines };
}

function skipBlanks(line: string, from: number): number {
  let i = from;
  while (i < line.length && isBlank(line.charCodeAt(i))) i++;
  return i;
}

function badStatus(): Http1Error {
  return new Http1Error("The status line is malformed");
}
