/**
 * Buffers for what is written in one piece, used again after the write. A new buffer for each
 * response costs more than to fill it, and is garbage outside of the heap.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** The size of a small buffer in bytes. */
export const OUTPUT_SIZE = 8 * 1024;
/** The size of a large buffer: 64 KiB with a head or the size of a chunk. */
export const LARGE_OUTPUT = 66 * 1024;

/** The most bytes of each size that are kept while nobody uses them. */
const KEPT = 1024 * 1024;

const small: Bytes[] = [];
const large: Bytes[] = [];

/**
 * Takes a buffer. What it holds is left over from an earlier use.
 *
 * @param size How many bytes it needs at least.
 */
export function takeOutput(size: number): Bytes {
  if (size <= OUTPUT_SIZE) return small.pop() ?? new Uint8Array(OUTPUT_SIZE);
  if (size <= LARGE_OUTPUT) return large.pop() ?? new Uint8Array(LARGE_OUTPUT);
  return new Uint8Array(size);
}

/**
 * Gives a buffer back, once the write has succeeded. After a write that failed the buffer is not
 * given back: the operating system may still read from it, and send to that client what is meant
 * for another one.
 */
export function returnOutput(buffer: Bytes): void {
  const { length } = buffer;
  const free = length === OUTPUT_SIZE ? small : large;
  if ((length === OUTPUT_SIZE || length === LARGE_OUTPUT) && free.length * length < KEPT) {
    free.push(buffer);
  }
}
