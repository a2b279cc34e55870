import { CLASS, CR, LF, SP, TAB, VALUE } from "./_http1_bytes.ts";
import { Http1Error } from "./_http1_error.ts";

/** The longest line that says how long a chunk is, with extensions. */
const MAX_SIZE_LINE = 256;
/** 12 digits are 256 TiB, and far from what a number cannot hold. */
const MAX_DIGITS = 12;
const SEMICOLON = 0x3b;

/** What the line in front of a chunk says. */
export interface SizeLine {
  readonly size: number;
  /** How many bytes of the line are extensions, which are nobody's. */
  readonly extension: number;
  /** Where the chunk begins. */
  readonly next: number;
}

/** Reads the line in front of a chunk (RFC 9112 §7.1); undefined while it is not whole. */
export function readSizeLine(bytes: Uint8Array, at: number, end: number): SizeLine | undefined {
  let i = at;
  let size = 0;
  for (; i < end; i++) {
    const digit = hexValue(bytes[i]!);
    if (digit === -1) break;
    if (i - at >= MAX_DIGITS) throw badChunk();
    size = size * 16 + digit;
  }
  if (i === end) return undefined;
  if (i === at) throw badChunk();
  const digits = i;
  while (i < end && (bytes[i] === SP || bytes[i] === TAB)) i++;
  // Spaces stand before an extension alone.
  if (i < end && (i > digits || bytes[i] !== CR) && bytes[i] !== SEMICOLON) throw badChunk();
  while (i < end && (CLASS[bytes[i]!]! & VALUE) !== 0) i++;
  if (i - at > MAX_SIZE_LINE) throw new Http1Error("The line of a chunk is too long");
  if (i < end && bytes[i] !== CR) throw badChunk();
  if (i + 1 >= end) return undefined;
  if (bytes[i + 1] !== LF) throw badChunk();
  return { size, extension: i - digits, next: i + 2 };
}

/** What is wrong with chunks that are none. */
export function badChunk(): Http1Error {
  return new Http1Error("A chunk is malformed");
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
