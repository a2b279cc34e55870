/** Decodes small bodies at once, which costs a hundredth of decoding them as a stream. @module */

import zlib from "node:zlib";
import { joinedBytes } from "../../net/internal/joined_bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes that never continue a Brotli or Zstandard stream. */
const PAD = new Uint8Array(16).fill(0xff);
/** Flags of a gzip header (RFC 1952 §2.3.1). */
const HEADER_CRC = 2;
const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;
/** The sizes of the fixed part of a gzip header, and of the trailer, in bytes. */
const HEADER = 10;
export const TRAILER = 8;
/** The largest number of gzip members that are decoded at once. Each one costs as much as 1 KiB. */
const MAX_MEMBERS = 64;

/**
 * Decodes a whole body. Bytes behind a complete stream are ignored, as other clients do it. All members
 * of a gzip are decoded.
 *
 * @param body The bytes as the server sent them.
 * @param codings The codings in the order of decoding: gzip, x-gzip, deflate, br or zstd.
 * @param most The largest result in bytes, also of each intermediate step.
 * @returns The decoded bytes; undefined if they are more than `most`, or if a gzip has many members.
 * @throws {Error} With the code `Z_BUF_ERROR` if the body ends early, `Z_DATA_ERROR` if it is damaged.
 */
export function decodeWhole(
  body: Bytes,
  codings: readonly string[],
  most: number,
): Bytes | undefined {
  try {
    return codings.reduce((bytes, coding) => decodeOne(bytes, coding, most), body);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw error;
  }
}

function decodeOne(body: Bytes, coding: string, most: number): Bytes {
  const options = { maxOutputLength: most };
  switch (coding) {
    case "br":
      return padded(body, (bytes) => zlib.brotliDecompressSync(bytes, withInfo(options)));
    case "zstd":
      return padded(body, (bytes) => zlib.zstdDecompressSync(bytes, withInfo(options)));
    case "deflate":
      return view(
        isWrapped(body) ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options),
      );
    default:
      return members(body, most);
  }
}

/** The result of a decoder with the option `info`, which the types do not know. */
interface Decoded {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function withInfo<T extends object>(options: T): T {
  return { ...options, info: true };
}

/** Deno accepts half a stream of Brotli and Zstandard. A decoder that reads on into the pad shows it. */
function padded(body: Bytes, decode: (bytes: Bytes) => unknown): Bytes {
  const bytes = new Uint8Array(body.length + PAD.length);
  bytes.set(body);
  bytes.set(PAD, body.length);
  let decoded: Decoded;
  try {
    decoded = decode(bytes) as Decoded;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") throw error;
    // A damaged stream fails without the pad, too.
    try {
      decode(body);
    } catch {
      throw damaged();
    }
    throw cut();
  }
  if (decoded.engine.bytesWritten > body.length) throw cut();
  return view(decoded.buffer);
}

/** Decodes all members of a gzip (RFC 1952 §2.2). */
function members(body: Bytes, most: number): Bytes {
  const parts: Bytes[] = [];
  let size = 0;
  let at = 0;
  while (at < body.length) {
    const start = headerEnd(body, at);
    // Zeros and other bytes behind the last member.
    if (start === undefined && at > 0) break;
    if (start === undefined) throw damaged();
    if (start > body.length) throw cut();
    const { bytes, used } = inflateMember(body.subarray(start), most);
    at = start + used + TRAILER;
    if (at > body.length) throw cut();
    const trailer = new DataView(body.buffer, body.byteOffset + at - TRAILER, TRAILER);
    const exact = trailer.getUint32(0, true) === zlib.crc32(bytes) &&
      trailer.getUint32(4, true) === bytes.length % 2 ** 32;
    if (!exact) throw damaged();
    if ((size += bytes.length) > most || parts.length === MAX_MEMBERS) throw tooLarge();
    parts.push(bytes);
  }
  if (parts.length === 0) throw cut();
  return joinedBytes(parts);
}

/** Decodes raw deflate, and returns how many bytes it used. Throws if it is incomplete or too large. */
export function inflateMember(body: Bytes, most: number): { bytes: Bytes; used: number } {
  const options = withInfo({ maxOutputLength: most });
  const { buffer, engine } = zlib.inflateRawSync(body, options) as unknown as Decoded;
  return { bytes: view(buffer), used: engine.bytesWritten };
}

/** Returns the end of a gzip header, beyond the body if it is cut; undefined if it is none. */
export function headerEnd(body: Bytes, at: number): number | undefined {
  const magic = [0x1f, 0x8b, 8];
  for (let i = 0; i < magic.length; i++) {
    if (at + i < body.length && body[at + i] !== magic[i]) return undefined;
  }
  const flags = body[at + 3] ?? 0;
  let end = at + HEADER;
  if ((flags & EXTRA) !== 0) end += 2 + (body[end] ?? 0) + 256 * (body[end + 1] ?? 0);
  for (const flag of [NAME, COMMENT]) {
    if ((flags & flag) === 0) continue;
    const zero = body.indexOf(0, end);
    end = zero === -1 ? body.length + 1 : zero + 1;
  }
  return (flags & HEADER_CRC) === 0 ? end : end + 2;
}

/** Returns whether bytes begin with the header of RFC 1950, which some servers omit. */
export function isWrapped(first: Bytes = new Uint8Array()): boolean {
  const [method = 0x78, flags = method === 0x78 ? 0x9c : 0] = first;
  return (method & 15) === 8 && (method * 256 + flags) % 31 === 0;
}

function view(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}

/** Returns the error for a body that ends early. */
export function cut(): Error {
  return Object.assign(new Error("unexpected end of file"), { code: "Z_BUF_ERROR" });
}

/** Returns the error for a body that is malformed. */
export function damaged(): Error {
  return Object.assign(new Error("incorrect data"), { code: "Z_DATA_ERROR" });
}

function tooLarge(): Error {
  return Object.assign(new Error("too large"), { code: "ERR_BUFFER_TOO_LARGE" });
}
