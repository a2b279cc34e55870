/**
 * A pool of output buffers. Making a new buffer for each response takes longer than filling it, and
 * leaves garbage outside of the heap.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** The size of a small buffer in bytes. */
export const OUTPUT_SIZE = 8 * 1024;
/** The size of a large buffer in bytes: 64 KiB, and room for a head or the size of a chunk. */
export const LARGE_OUTPUT = 66 * 1024;

/** Maximum size of the unused buffers of each kind, in bytes. */
const KEPT = 1024 * 1024;

const small: Bytes[] = [];
const large: Bytes[] = [];

/**
 * Takes a buffer. It still contains bytes of an earlier use.
 *
 * @param size Minimum size of the buffer in bytes.
 */
export function takeOutput(size: number): Bytes {
  if (size <= OUTPUT_SIZE) return small.pop() ?? new Uint8Array(OUTPUT_SIZE);
  if (size <= LARGE_OUTPUT) return large.pop() ?? new Uint8Array(LARGE_OUTPUT);
  return new Uint8Array(size);
}

/**
 * Returns a buffer to the pool after a successful write. After a failed write, do not return it: the
 * operating system may still read from it, and send the response of another client.
 */
export function returnOutput(buffer: Bytes): void {
  const { length } = buffer;
  const free = length === OUTPUT_SIZE ? small : large;
  if ((length === OUTPUT_SIZE || length === LARGE_OUTPUT) && free.length * length < KEPT) {
    free.push(buffer);
  }
}
