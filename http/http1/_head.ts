import { CLASS, SP, TARGET, TOKEN, VALUE } from "../internal/http1_bytes.ts";
import { Http1Error } from "./_error.ts";
import {
  codingOf,
  keepsAlive,
  optionsOf,
  readFields,
  REQUEST,
  RESPONSE,
  TRAILERS,
  TUNNEL,
} from "./_fields.ts";
import { fieldsOf, type Http1Fields } from "../internal/http1_fields.ts";
import type { Http1Limits } from "./_limits.ts";

/** The framing of a body (RFC 9112 §6.3): its length, chunks, or the end of the connection. */
export type Http1Framing = number | "chunked" | "close";

/** The head of a request. */
export class Http1Request {
  /** Distinguishes the kinds of events. */
  readonly kind = "request";

  /** Makes a head. Only the decoder calls this. */
  constructor(
    /** The method, as it was sent. */
    readonly method: string,
    /**
     * The target, as it was sent, in ASCII: each byte from 0x80 on is percent-escaped, so `/ü` in
     * UTF-8 is `/%C3%BC`.
     */
    readonly target: string,
    /** The minor version. HTTP/1.2 to HTTP/1.9 count as HTTP/1.1 (RFC 9110 §2.5). */
    readonly minor: 0 | 1,
    /** The header lines. */
    readonly fields: Http1Fields,
    /** The framing of the body; never "close". */
    readonly framing: Http1Framing,
    /** The value of `Host`. Undefined without one, which only HTTP/1.0 allows. */
    readonly host: string | undefined,
    /** The options of `Connection`, in lower case. */
    readonly connection: readonly string[],
    /** The value of `Upgrade`, if `Connection` lists it. */
    readonly upgrade: string | undefined,
    /** The value of `Expect`, in lower case. */
    readonly expect: string | undefined,
    /** Whether the connection may carry another request. */
    readonly keepAlive: boolean,
  ) {}
}

/** The head of a response. */
export class Http1Response {
  /** Distinguishes the kinds of events. */
  readonly kind = "response";

  /** Makes a head. Only the decoder calls this. */
  constructor(
    /** The status, 100 to 599; up to 999 from a tolerant decoder. */
    readonly status: number,
    /** The reason phrase, as it was sent. */
    readonly reason: string,
    /** The minor version. HTTP/1.2 to HTTP/1.9 count as HTTP/1.1 (RFC 9110 §2.5). */
    readonly minor: 0 | 1,
    /** The header lines. */
    readonly fields: Http1Fields,
    /** The framing of the body; 0 if the request or the status allows no body. */
    readonly framing: Http1Framing,
    /** The options of `Connection`, in lower case. */
    readonly connection: readonly string[],
    /** The value of `Upgrade`, if `Connection` lists it. */
    readonly upgrade: string | undefined,
    /**
     * Whether the connection may carry another response. Repairs in the body are not known yet. At
     * the end of the message, see {@linkcode Http1Decoder.between}.
     */
    readonly keepAlive: boolean,
  ) {}
}

/** The rules by which the head of a response is read. */
export interface ResponseRules {
  /** The method of the request. */
  method: string;
  /** Whether no other response may follow on the connection. */
  last: boolean;
  readonly tolerant: boolean;
  readonly maxFields: number;
}

const NO_OPTIONS: readonly string[] = [];
const SLASH = 0x2f;
const QUESTION = 0x3f;

/** Reads the head of a request from `bytes[start, end)`, which ends after the empty line. */
export function readRequest(
  bytes: Uint8Array,
  start: number,
  lines: readonly number[],
  end: number,
  { maxFields, maxLine }: Required<Http1Limits>,
): Http1Request {
  const first = lines[0]!;
  let i = start;
  while (i < first && (CLASS[bytes[i]!]! & TOKEN) !== 0) i++;
  const methodEnd = i;
  if (methodEnd === start || methodEnd - start > 64 || bytes[i] !== SP) throw badLine("request");
  const targetStart = ++i;
  while (i < first && (CLASS[bytes[i]!]! & TARGET) !== 0) i++;
  const ascii = bytes[i]! < 0x80;
  if (!ascii) {
    while (i < first && (bytes[i]! >= 0x80 || (CLASS[bytes[i]!]! & TARGET) !== 0)) i++;
  }
  const targetEnd = i;
  if (targetEnd === targetStart || bytes[i] !== SP) throw badLine("request");
  const minor = version(bytes, i + 1, first, "request");
  const { raw, said } = readFields(bytes, start, lines, end, maxFields, REQUEST);
  const { text } = raw;
  const method = text.slice(0, methodEnd - start);
  const sent = text.slice(targetStart - start, targetEnd - start);
  const target = ascii ? sent : escaped(method, sent, maxLine);
  const { host, length, coding, connection, upgrade, expect } = said;
  if (host === undefined && minor === 1) throw new Http1Error("The Host is missing");
  let framing: Http1Framing = length ?? 0;
  if (coding !== undefined) {
    // RFC 9112 §6.1: both, or chunks from an HTTP/1.0 client, may be request smuggling.
    if (length !== undefined) {
      throw new Http1Error("There are Content-Length and Transfer-Encoding");
    }
    if (minor === 0) throw new Http1Error("HTTP/1.0 has no Transfer-Encoding");
    framing = codingOf(coding);
  }
  if (method === "CONNECT" && (length !== undefined || coding !== undefined)) {
    throw new Http1Error("A CONNECT has no body");
  }
  const options = connection === "" ? NO_OPTIONS : optionsOf(connection);
  return new Http1Request(
    method,
    target,
    minor,
    fieldsOf(raw),
    framing,
    host,
    options,
    upgrade !== undefined && options.includes("upgrade") ? upgrade : undefined,
    expect,
    keepsAlive(minor, options),
  );
}

/** Reads the head of a response from `bytes[start, end)`, which ends after the empty line. */
export function readResponse(
  bytes: Uint8Array,
  start: number,
  lines: readonly number[],
  end: number,
  { method, last, tolerant, maxFields }: ResponseRules,
): Http1Response {
  const first = lines[0]!;
  const minor = version(bytes, start, Math.min(start + 8, first), "status");
  const status = statusOf(bytes, start + 8, first, tolerant ? 999 : 599);
  // Many servers omit the blank before an empty reason.
  if (first > start + 12 && bytes[start + 12] !== SP) throw badLine("status");
  for (let i = start + 12; i < first; i++) {
    if ((CLASS[bytes[i]!]! & VALUE) === 0) throw badLine("status");
  }
  const tunnel = isTunnel(method, status);
  const wanted = tunnel ? TUNNEL : RESPONSE;
  const { raw, said } = readFields(bytes, start, lines, end, maxFields, wanted);
  const { length, coding, connection, upgrade } = said;
  const reason = raw.text.slice(13, Math.max(first - start, 13));
  if (coding !== undefined) {
    if (length !== undefined) {
      throw new Http1Error("There are Content-Length and Transfer-Encoding");
    }
    if (minor === 0 && !tolerant) throw new Http1Error("HTTP/1.0 has no Transfer-Encoding");
  }
  let framing: Http1Framing;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304 || tunnel) framing = 0;
  else framing = coding !== undefined ? codingOf(coding) : length ?? "close";
  const options = connection === "" ? NO_OPTIONS : optionsOf(connection);
  // RFC 9112 §6.1: HTTP/1.0 has no codings. RFC 9110 §8.6: 1xx and 204 have no body. If they announce
  // one, it may follow, and would be read as the next response.
  const faulty = coding !== undefined && minor === 0 ||
    ((status < 200 || status === 204) && (coding !== undefined || (length ?? 0) > 0));
  return new Http1Response(
    status,
    reason,
    minor,
    fieldsOf(raw),
    framing,
    options,
    upgrade !== undefined && options.includes("upgrade") ? upgrade : undefined,
    framing !== "close" && !last && !faulty && keepsAlive(minor, options),
  );
}

/** Reads the lines after the last chunk. */
export function readTrailers(
  bytes: Uint8Array,
  start: number,
  lines: readonly number[],
  end: number,
  maxFields: number,
): Http1Fields {
  return fieldsOf(readFields(bytes, start, lines, end, maxFields, TRAILERS, 0).raw);
}

/** Returns whether a response opens a tunnel (RFC 9110 §9.3.6). */
export function isTunnel(method: string, status: number): boolean {
  return method === "CONNECT" && status >= 200 && status < 300;
}

/**
 * Percent-escapes the bytes from 0x80 on. Clients such as curl send them unescaped, although a URI is
 * ASCII (RFC 3986 §2.1). Such bytes in an authority are an error, because it decides the route.
 */
function escaped(method: string, target: string, maxLine: number): string {
  const authority = method === "CONNECT" ? -1 : target.indexOf("://");
  let inPath = target.charCodeAt(0) === SLASH && method !== "CONNECT";
  let text = "";
  let from = 0;
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code < 0x80) {
      inPath ||= (code === SLASH || code === QUESTION) && authority !== -1 && i > authority + 2;
      continue;
    }
    if (!inPath) throw badLine("request");
    text += `${target.slice(from, i)}%${code.toString(16).toUpperCase()}`;
    from = i + 1;
  }
  text += target.slice(from);
  if (text.length > maxLine) throw new Http1Error("The target is too long", 414);
  return text;
}

/** Reads `HTTP/1.x`. A higher minor version counts as 1, the highest known one (RFC 9110 §2.5). */
function version(bytes: Uint8Array, start: number, end: number, line: string): 0 | 1 {
  // "HTTP/", a digit, a point, a digit.
  if (
    end - start !== 8 || bytes[start] !== 0x48 || bytes[start + 1] !== 0x54 ||
    bytes[start + 2] !== 0x54 || bytes[start + 3] !== 0x50 || bytes[start + 4] !== 0x2f ||
    bytes[start + 6] !== 0x2e || !isDigit(bytes[start + 5]!) || !isDigit(bytes[start + 7]!)
  ) throw badLine(line);
  if (bytes[start + 5] !== 0x31) throw new Http1Error("Only HTTP/1.x is supported", 505);
  return bytes[start + 7] === 0x30 ? 0 : 1;
}

function statusOf(bytes: Uint8Array, start: number, end: number, max: number): number {
  let status = 0;
  for (let i = 1; i < 4; i++) {
    if (start + i >= end || !isDigit(bytes[start + i]!)) throw badLine("status");
    status = status * 10 + bytes[start + i]! - 0x30;
  }
  if (bytes[start] !== SP || status < 100 || status > max) throw badLine("status");
  return status;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function badLine(line: string): Http1Error {
  return new Http1Error(`The ${line} line is malformed`);
}
