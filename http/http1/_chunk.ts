import { CLASS, CR, isBlank, LF, VALUE } from "../internal/http1_bytes.ts";
import { Http1Error } from "./_error.ts";

/** Maximum size of the line in front of a chunk, with extensions, in bytes. */
const MAX_SIZE_LINE = 8192;
/** Maximum number of digits of a chunk size, as printed by `%016x`. */
const MAX_DIGITS = 16;
/** Maximum number of digits for a tolerant decoder. Nearly all of them must be zeros. */
const MAX_PADDED = 1024;
/** Sizes below 2^48 stay exact in a number. */
const MAX_BEFORE_DIGIT = 2 ** 44;
const SEMICOLON = 0x3b;

/** Free overhead per chunk, in bytes. */
const FREE_PER_CHUNK = 16;
/** Free overhead per byte of data, in bytes. */
const FREE_PER_BYTE = 2;
/** Maximum overhead of a body beyond the free one, in bytes. */
const MAX_EXCESS = 16 * 1024;

/** The line in front of a chunk. */
export interface SizeLine {
  readonly size: number;
  /** Bytes of the line that do not state the size: the extensions, which are discarded. */
  readonly overhead: number;
  /** The index of the data. */
  readonly next: number;
  /** Whether the line is malformed, so that only a tolerant decoder accepts it. */
  readonly odd: boolean;
}

/**
 * Reads the line in front of a chunk (RFC 9112 §7.1). Returns undefined while it is incomplete.
 *
 * @param seen Number of bytes of the line that an earlier call has read, without the last one. Those of
 * an extension are not read again, so a long extension has linear cost.
 */
export function readSizeLine(
  bytes: Uint8Array,
  at: number,
  end: number,
  tolerant: boolean,
  seen: number,
): SizeLine | undefined {
  let i = at;
  let size = 0;
  for (; i < end; i++) {
    const digit = hexValue(bytes[i]!);
    if (digit === -1) break;
    if (size >= MAX_BEFORE_DIGIT) throw badChunk();
    size = size * 16 + digit;
  }
  const digits = i - at;
  if (digits > (tolerant ? MAX_PADDED : MAX_DIGITS)) throw badChunk();
  if (i === end) return undefined;
  if (digits === 0) throw badChunk();
  // Nearly all lines are well-formed and have no extension.
  if (bytes[i] === CR && bytes[i + 1] === LF && i + 1 < end && digits <= MAX_DIGITS) {
    return { size, overhead: 0, next: i + 2, odd: false };
  }
  while (i < end && isBlank(bytes[i]!)) i++;
  const extended = i < end && bytes[i] === SEMICOLON;
  // RFC 9112 §7.1 allows blanks in front of an extension only, but not at the end of the line.
  let odd = digits > MAX_DIGITS || (!extended && i > at + digits);
  if (extended) {
    i = Math.max(i, at + seen);
    while (i < end && (CLASS[bytes[i]!]! & VALUE) !== 0) i++;
  }
  const length = i - at;
  if (length > MAX_SIZE_LINE) throw new Http1Error("The line of a chunk is too long");
  if (i === end) return undefined;
  if (bytes[i] === CR) {
    if (++i === end) return undefined;
  } else {
    // A bare LF after an extension is ambiguous: for some programs it is part of the extension.
    if (extended) throw badChunk();
    odd = true;
  }
  if (bytes[i] !== LF || (odd && !tolerant)) throw badChunk();
  return { size, overhead: length - Math.min(digits, MAX_DIGITS), next: i + 1, odd };
}

/**
 * Adds the overhead of one chunk to the excess of its body, and returns the new excess.
 *
 * Extensions are discarded, but each byte takes time (RFC 9112 §7.1.1). The limit is relative to the
 * data: each chunk may have 16 bytes of overhead, and two bytes for each byte of data. The overhead
 * beyond this may add up to 16 KiB. Unused allowance reduces an earlier excess and is not saved.
 */
export function addOverhead(excess: number, { size, overhead }: SizeLine): number {
  if (excess === 0 && overhead <= FREE_PER_CHUNK) return 0;
  const sum = excess + overhead - FREE_PER_CHUNK - FREE_PER_BYTE * size;
  if (sum > MAX_EXCESS) throw new Http1Error("The chunk extensions are too long");
  return sum > 0 ? sum : 0;
}

/** Returns the error for malformed chunk framing. */
export function badChunk(): Http1Error {
  return new Http1Error("A chunk is malformed");
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
