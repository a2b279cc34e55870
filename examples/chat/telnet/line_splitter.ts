/**
 * Lines of a terminal in a byte stream. Pure.
 *
 * A line ends with LF, with CR LF, or with CR alone, as a terminal in raw mode sends it. A Telnet client
 * sends CR NUL for the Enter key (RFC 854, "The NVT Printer and Keyboard").
 *
 * **Permissions**: none.
 *
 * @module
 */

const NUL = 0;
const LF = 0x0a;
const CR = 0x0d;

const NOTHING = new Uint8Array(0);

/** The size of the memory for an incomplete line at first. */
const SMALL = 64;

/** Splits the bytes of one terminal into lines. It keeps at most one incomplete line. */
export class LineSplitter {
  readonly #max: number;
  /** The bytes that have not been returned, behind `#start`. */
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  /** The bytes in front of this index contain no end of a line. */
  #scanned = 0;
  /** The memory of an incomplete line. `#bytes` is in it if a line is incomplete. */
  #kept: Uint8Array<ArrayBuffer> = NOTHING;
  #afterReturn = false;
  #skipping = false;

  /** @param max The maximum bytes of a line. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether the beginning of a line waits for its rest. */
  get partial(): boolean {
    return this.#skipping || this.#start < this.#bytes.length;
  }

  /**
   * Adds bytes. Before this call, {@linkcode LineSplitter.next} must have returned undefined.
   *
   * @param bytes The next bytes. They must not change until `next` returns undefined again.
   */
  push(bytes: Uint8Array): void {
    const size = this.#bytes.length;
    if (size === 0) this.#bytes = bytes;
    else {
      this.#reserve(size + bytes.length);
      this.#kept.set(bytes, size);
      this.#bytes = this.#kept.subarray(0, size + bytes.length);
    }
  }

  /**
   * Returns the next complete line.
   *
   * @returns The bytes without the end of the line, valid until the next push; `"too-long"` once for a
   * line above the maximum; undefined if no line is complete.
   */
  next(): Uint8Array | "too-long" | undefined {
    while (true) {
      this.#skipPairOfReturn();
      const end = this.#findEnd();
      if (end === undefined) return this.#keepRest();
      const line = this.#bytes.subarray(this.#start, end);
      this.#start = this.#scanned = end + 1;
      this.#afterReturn = this.#bytes[end] === CR;
      if (!this.#skipping) return line.length > this.#max ? "too-long" : line;
      this.#skipping = false;
    }
  }

  /**
   * Ends the stream.
   *
   * @returns The last line if its end is missing; undefined if there is none.
   */
  end(): Uint8Array | undefined {
    const last = this.#bytes.subarray(this.#start);
    this.#bytes = NOTHING;
    return last.length > 0 ? last : undefined;
  }

  /** Drops the LF or NUL of CR LF and CR NUL. The two bytes may arrive separately. */
  #skipPairOfReturn(): void {
    if (!this.#afterReturn || this.#start === this.#bytes.length) return;
    const byte = this.#bytes[this.#start];
    if (byte === LF || byte === NUL) this.#scanned = ++this.#start;
    this.#afterReturn = false;
  }

  #findEnd(): number | undefined {
    const bytes = this.#bytes;
    for (let i = this.#scanned; i < bytes.length; i++) {
      if (bytes[i] === LF || bytes[i] === CR) return i;
    }
    return undefined;
  }

  /** Copies the incomplete line, because the caller may reuse its bytes. A long one is dropped. */
  #keepRest(): "too-long" | undefined {
    const rest = this.#bytes.subarray(this.#start);
    const long = rest.length > this.#max;
    const first = long && !this.#skipping;
    if (long || this.#skipping || rest.length === 0) {
      this.#skipping ||= long;
      this.#bytes = this.#kept = NOTHING;
    } else if (this.#start > 0 || rest.buffer !== this.#kept.buffer) {
      this.#kept = new Uint8Array(Math.max(SMALL, rest.length));
      this.#kept.set(rest);
      this.#bytes = this.#kept.subarray(0, rest.length);
    }
    this.#start = 0;
    this.#scanned = this.#bytes.length;
    return first ? "too-long" : undefined;
  }

  /** Doubles the memory of the incomplete line, so that single bytes cost linear time. */
  #reserve(size: number): void {
    if (size <= this.#kept.length) return;
    const larger = new Uint8Array(Math.max(size, this.#kept.length * 2));
    larger.set(this.#bytes);
    this.#kept = larger;
  }
}
