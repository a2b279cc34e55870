import { CR, LF, TOKEN, toLatin1, VALUE } from "../internal/http1_bytes.ts";
import { consistsOf, Http1Fields } from "../internal/http1_fields.ts";

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Encodes a head (RFC 9112 §2.1).
 *
 * @param first The first line without its end: `GET / HTTP/1.1`, `HTTP/1.1 200 OK`. A status may be
 * as high as 999, because a tolerant decoder delivers such.
 * @param fields The lines that follow.
 * @returns The bytes, with the empty line.
 * @throws {TypeError} If the first line is malformed.
 *
 * @example A request
 * ```ts
 * import { encodeHttp1Head, Http1Fields } from "@portside/kit/http/http1-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeHttp1Head("GET / HTTP/1.1", new Http1Fields([["Host", "example.com"]]));
 * assertEquals(new TextDecoder().decode(bytes), "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
 * ```
 */
export function encodeHttp1Head(first: string, fields: Http1Fields): Uint8Array<ArrayBuffer> {
  if (!isFirstLine(first)) {
    throw new TypeError(`Cannot send the line ${JSON.stringify(first)}: it is malformed`);
  }
  return toLatin1(`${first}\r\n${linesOf(fields)}\r\n`);
}

/**
 * Encodes one chunk (RFC 9112 §7.1).
 *
 * @param data The data of the chunk.
 * @returns The bytes; none without data, because an empty chunk would be the last one.
 *
 * @example A chunk
 * ```ts
 * import { encodeHttp1Chunk } from "@portside/kit/http/http1-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeHttp1Chunk(new TextEncoder().encode("hello"));
 * assertEquals(new TextDecoder().decode(bytes), "5\r\nhello\r\n");
 * ```
 */
export function encodeHttp1Chunk(data: Uint8Array): Uint8Array<ArrayBuffer> {
  if (data.length === 0) return NOTHING;
  const size = toLatin1(`${data.length.toString(16)}\r\n`);
  const bytes = new Uint8Array(size.length + data.length + 2);
  bytes.set(size);
  bytes.set(data, size.length);
  bytes[bytes.length - 2] = CR;
  bytes[bytes.length - 1] = LF;
  return bytes;
}

/**
 * Encodes the end of a chunked body: the last chunk, and trailers (RFC 9112 §7.1.2).
 *
 * @param trailers The trailer fields.
 * @returns The bytes.
 *
 * @example The end of a chunked body
 * ```ts
 * import { encodeHttp1End } from "@portside/kit/http/http1-codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new TextDecoder().decode(encodeHttp1End()), "0\r\n\r\n");
 * ```
 */
export function encodeHttp1End(trailers: Http1Fields = NO_FIELDS): Uint8Array<ArrayBuffer> {
  return toLatin1(`0\r\n${linesOf(trailers)}\r\n`);
}

const NO_FIELDS = new Http1Fields();

function linesOf(fields: Http1Fields): string {
  let lines = "";
  for (const [name, value] of fields) lines += `${name}: ${value}\r\n`;
  return lines;
}

function isFirstLine(line: string): boolean {
  const request = /^(\S+) [\x21-\x22\x24-\x7e]+ HTTP\/1\.[01]$/.exec(line);
  if (request !== null) return consistsOf(request[1]!, TOKEN);
  return /^HTTP\/1\.[01] [1-9]\d\d /.test(line) && consistsOf(line, VALUE);
}
