/** A buffer for bytes that a server has sent and that are not used yet. Pure. */

import { decodeLine } from "../connection/line_codec.ts";

const CR = 13, LF = 10;

const NOTHING = new Uint8Array(0);
/** Searching this many bytes too far is cheaper than making a view. */
const ROOM = 1024;

/** Cuts chunks into lines and into runs of a given size. Bytes are copied only where it is unsafe not to. */
export class ReceiveBuffer {
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #start = 0;
  #end = 0;
  /** The chunk that follows `#bytes`. It is joined with them only as far as needed. */
  #behind: Uint8Array<ArrayBuffer> = NOTHING;
  /** The number of bytes that are known to contain no line ending. */
  #scanned = 0;
  readonly #decode: (bytes: Uint8Array) => string;

  /** Takes the function that decodes lines. An ASCII character must be one byte, and the same one. */
  constructor(decode: (bytes: Uint8Array) => string = decodeLine) {
    this.#decode = decode;
  }

  /** Whether the last line ended with LF alone. */
  endsBare = false;

  /** The number of bytes in the buffer. */
  get size(): number {
    return this.#end - this.#start + this.#behind.length;
  }

  /** Adds a chunk and takes over its memory. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#behind.length > 0) this.#gather(this.#behind.length);
    this.#behind = chunk;
    if (this.#start === this.#end) this.#goOn();
  }

  /**
   * Takes the next line, without its line ending.
   *
   * @returns The line; undefined if it is incomplete; null if it is longer than `max` bytes.
   */
  line(max: number): string | undefined | null {
    let lf = this.#lineEnd();
    if (lf === -1 && this.#behind.length > 0) {
      this.#scanned = this.#end - this.#start;
      this.#gather(this.#behind.indexOf(LF) + 1 || this.#behind.length);
      lf = this.#lineEnd();
    }
    const bytes = this.#bytes;
    const start = this.#start;
    let end = lf === -1 ? this.#end : lf;
    // The byte above the maximum may be the CR of the line ending.
    if (end > start && bytes[end - 1] === CR) end--;
    if (end - start > max) return null;
    if (lf === -1) {
      this.#scanned = this.size;
      return undefined;
    }
    this.endsBare = end === lf;
    // Many IMAP responses end with a line of one parenthesis. It needs no view and no decoder.
    const line = end === start + 1 && bytes[start]! < 128
      ? String.fromCharCode(bytes[start]!)
      : this.#decode(bytes.subarray(start, end));
    this.#skip(lf + 1 - start);
    return line;
  }

  /** Takes exactly `size` bytes, in memory that is shared; undefined if there are fewer. */
  exact(size: number): Uint8Array | undefined {
    const missing = size - (this.#end - this.#start);
    if (missing > this.#behind.length) return undefined;
    // Callers may transfer the buffer, and the empty buffer is shared.
    if (size === 0) return new Uint8Array(0);
    if (missing > 0) this.#gather(missing);
    const bytes = this.#bytes.subarray(this.#start, this.#start + size);
    this.#skip(size);
    return bytes;
  }

  /** Takes the bytes that are in one piece, in memory that is shared; undefined if there are none. */
  shared(): Uint8Array | undefined {
    const size = this.#end - this.#start;
    return size === 0 ? undefined : this.exact(size);
  }

  /** Takes up to `most` bytes, in memory that the caller owns; undefined if there are none. */
  upTo(most: number): Uint8Array<ArrayBuffer> | undefined {
    const size = Math.min(this.#end - this.#start, most);
    if (size === 0) return undefined;
    const bytes = this.#bytes.subarray(this.#start, this.#start + size);
    const whole = size === this.#bytes.length;
    this.#skip(size);
    return whole ? bytes : bytes.slice();
  }

  /** Copies the remaining bytes, so that they no longer share memory with those taken so far. */
  part(): void {
    if (this.#start === this.#end) return;
    this.#bytes = this.#bytes.slice(this.#start, this.#end);
    this.#start = 0;
    this.#end = this.#bytes.length;
  }

  #lineEnd(): number {
    // The free room after the end holds old bytes, and it can be large. If a line arrives byte by
    // byte, searching that room each time would be slow.
    const free = this.#bytes.length - this.#end;
    const bytes = free > ROOM ? this.#bytes.subarray(0, this.#end) : this.#bytes;
    const found = bytes.indexOf(LF, this.#start + this.#scanned);
    return found < this.#end ? found : -1;
  }

  /** Joins `size` bytes of the following chunk with `#bytes`. */
  #gather(size: number): void {
    const kept = this.#end - this.#start;
    if (this.#end + size > this.#bytes.length) {
      // Double the room, so that a line of a million chunks is not copied a million times.
      const bytes = new Uint8Array(Math.max(kept + size, 2 * kept));
      bytes.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = bytes;
      this.#start = 0;
      this.#end = kept;
    }
    this.#bytes.set(this.#behind.subarray(0, size), this.#end);
    this.#end += size;
    this.#behind = size === this.#behind.length ? NOTHING : this.#behind.subarray(size);
  }

  #skip(size: number): void {
    this.#start += size;
    this.#scanned = 0;
    if (this.#start === this.#end) this.#goOn();
  }

  /** Continues with the following chunk. */
  #goOn(): void {
    this.#bytes = this.#behind;
    this.#start = 0;
    this.#end = this.#bytes.length;
    this.#behind = NOTHING;
  }
}
