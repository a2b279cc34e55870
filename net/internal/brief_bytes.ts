/**
 * Memory for small arrays that are written at once. It costs a tenth of memory of their own, because the
 * arrays are parts of one block.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** Sizes in bytes of a block, and of the largest array that is a part of one. */
const BLOCK = 4096, LARGEST = 512;

const encoder = new TextEncoder();
let block: Bytes = new Uint8Array(0);
let at = 0;

/**
 * Returns a small array whose bytes are undefined; undefined if the size is not small.
 *
 * An array keeps its whole block in memory. So it must not wait in a queue, and callers of the package
 * must not get it.
 */
export function briefBytes(size: number): Bytes | undefined {
  if (size > LARGEST) return undefined;
  if (at + size > block.length) {
    block = new Uint8Array(BLOCK);
    at = 0;
  }
  return block.subarray(at, at += size);
}

/** Encodes text as UTF-8. A short text takes memory of {@linkcode briefBytes}. */
export function briefText(text: string): Bytes {
  const bytes = briefBytes(text.length);
  const isWhole = bytes !== undefined && encoder.encodeInto(text, bytes).read === text.length;
  return isWhole ? bytes : encoder.encode(text);
}
