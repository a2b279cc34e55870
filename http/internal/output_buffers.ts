/**
 * Buffers for what is written in one piece, used again after the write. A new buffer for each
 * response costs more than to fill it, and is garbage outside of the heap.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** The size of a buffer in bytes. A response that does not fit has memory of its own. */
export const OUTPUT_SIZE = 8 * 1024;
/** The most buffers that are kept while nobody uses them: one MiB. */
const KEPT = 128;

const free: Bytes[] = [];

/** Takes a buffer. What it holds is left over from an earlier use. */
export function takeOutput(): Bytes {
  return free.pop() ?? new Uint8Array(OUTPUT_SIZE);
}

/**
 * Gives a buffer back, once the write has succeeded. After a write that failed the buffer is not
 * given back: the operating system may still read from it, and send to that client what is meant
 * for another one.
 */
export function returnOutput(buffer: Bytes): void {
  if (free.length < KEPT) free.push(buffer);
}
