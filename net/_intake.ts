/** What a server has sent and nobody has used yet. Pure. */

import { decodeLine } from "./line_codec.ts";

const CR = 13, LF = 10;

const NOTHING = new Uint8Array(0);

/** Cuts chunks into lines and counted bytes; what is handed out is not copied where that is safe. */
export class Intake {
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #start = 0;
  #end = 0;
  /** How many of the bytes are known to hold no end of line. */
  #scanned = 0;

  /** How many bytes there are. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** Takes a chunk over. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    const kept = this.size;
    if (kept === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    const size = kept + chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      // Twice the room: a line of a million chunks is not copied a million times.
      const bytes = new Uint8Array(Math.max(size, 2 * kept));
      bytes.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = bytes;
      this.#start = 0;
      this.#end = kept;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next line, without its end; undefined if it is not here whole, null if it is too long. */
  line(max: number): string | undefined | null {
    const bytes = this.#bytes;
    const start = this.#start;
    // Behind the end stands nothing but old bytes, if any.
    const found = bytes.indexOf(LF, start + this.#scanned);
    const lf = found < this.#end ? found : -1;
    let end = lf === -1 ? this.#end : lf;
    // One byte above the maximum may still be the CR of the end.
    if (end > start && bytes[end - 1] === CR) end--;
    if (end - start > max) return null;
    if (lf === -1) {
      this.#scanned = this.size;
      return undefined;
    }
    // The end of a response of IMAP's is a parenthesis: it needs no view and no decoder.
    const line = end === start + 1 && bytes[start]! < 128
      ? String.fromCharCode(bytes[start]!)
      : decodeLine(bytes.subarray(start, end));
    this.#skip(lf + 1 - start);
    return line;
  }

  /** So many bytes, in memory that others share; undefined if there are fewer. */
  exact(size: number): Uint8Array | undefined {
    if (this.size < size) return undefined;
    // Never the memory that all share who have none.
    if (size === 0) return new Uint8Array(0);
    const bytes = this.#bytes.subarray(this.#start, this.#start + size);
    this.#skip(size);
    return bytes;
  }

  /** What there is, up to so many bytes, in memory that is the caller's; undefined if nothing is. */
  upTo(most: number): Uint8Array<ArrayBuffer> | undefined {
    const size = Math.min(this.size, most);
    if (size === 0) return undefined;
    const bytes = this.#bytes.subarray(this.#start, this.#start + size);
    const whole = size === this.#bytes.length;
    this.#skip(size);
    return whole ? bytes : bytes.slice();
  }

  /** Gives up the memory that is shared with what was handed out. */
  part(): void {
    this.#bytes = this.#bytes.slice(this.#start, this.#end);
    this.#start = 0;
    this.#end = this.#bytes.length;
  }

  #skip(size: number): void {
    this.#start += size;
    this.#scanned = 0;
    if (this.#start < this.#end) return;
    this.#bytes = NOTHING;
    this.#start = this.#end = 0;
  }
}
