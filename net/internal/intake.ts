/** What a server has sent and nobody has used yet. Pure. */

import { decodeLine } from "../connection/line_codec.ts";

const CR = 13, LF = 10;

const NOTHING = new Uint8Array(0);
/** Searching so many bytes in vain is cheaper than making a view. */
const ROOM = 1024;

/** Cuts chunks into lines and counted bytes; what is handed out is not copied where that is safe. */
export class Intake {
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #start = 0;
  #end = 0;
  /** What came behind them, to be put together with them as far as it takes. */
  #behind: Uint8Array<ArrayBuffer> = NOTHING;
  /** How many of the bytes are known to hold no end of line. */
  #scanned = 0;

  /** How many bytes there are. */
  get size(): number {
    return this.#end - this.#start + this.#behind.length;
  }

  /** Takes a chunk over. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#behind.length > 0) this.#gather(this.#behind.length);
    this.#behind = chunk;
    if (this.#start === this.#end) this.#goOn();
  }

  /** The next line, without its end; undefined if it is not here whole, null if it is too long. */
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
    const missing = size - (this.#end - this.#start);
    if (missing > this.#behind.length) return undefined;
    // Never the memory that all share who have none.
    if (size === 0) return new Uint8Array(0);
    if (missing > 0) this.#gather(missing);
    const bytes = this.#bytes.subarray(this.#start, this.#start + size);
    this.#skip(size);
    return bytes;
  }

  /** What is at hand, up to so many bytes, in memory that is the caller's; undefined if nothing is. */
  upTo(most: number): Uint8Array<ArrayBuffer> | undefined {
    const size = Math.min(this.#end - this.#start, most);
    if (size === 0) return undefined;
    const bytes = this.#bytes.subarray(this.#start, this.#start + size);
    const whole = size === this.#bytes.length;
    this.#skip(size);
    return whole ? bytes : bytes.slice();
  }

  /** Gives up the memory that is shared with what was handed out. */
  part(): void {
    if (this.#start === this.#end) return;
    this.#bytes = this.#bytes.slice(this.#start, this.#end);
    this.#start = 0;
    this.#end = this.#bytes.length;
  }

  #lineEnd(): number {
    // The free room behind the end holds old bytes. It can be as large as all that has come, and a
    // line that comes byte by byte must not have it searched each time.
    const free = this.#bytes.length - this.#end;
    const bytes = free > ROOM ? this.#bytes.subarray(0, this.#end) : this.#bytes;
    const found = bytes.indexOf(LF, this.#start + this.#scanned);
    return found < this.#end ? found : -1;
  }

  /** Puts so many of the bytes behind together with the others. */
  #gather(size: number): void {
    const kept = this.#end - this.#start;
    if (this.#end + size > this.#bytes.length) {
      // Twice the room: a line of a million chunks is not copied a million times.
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

  /** Goes on with what is behind, if anything is. */
  #goOn(): void {
    this.#bytes = this.#behind;
    this.#start = 0;
    this.#end = this.#bytes.length;
    this.#behind = NOTHING;
  }
}
