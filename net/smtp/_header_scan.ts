/** The search for text beyond ASCII in the header of a message. Pure. */

/** Maximum size of the header that is searched, in bytes. */
const MAX_HEADER = 1024 * 1024;

const CR = 13, LF = 10;

/** Reads a message part by part up to the end of its header. Line endings of any kind count. */
export class HeaderScan {
  /** Whether the header has ended, or is longer than any header. */
  done = false;
  #isEightBit = false;
  #isUtf8 = true;
  /** Whether the next byte begins a line. */
  #start = true;
  #cr = false;
  #size = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  /** Whether the header contains text beyond ASCII, and all of it is UTF-8 (RFC 6532 §3.2). */
  get needsUtf8(): boolean {
    return this.#isEightBit && this.#isUtf8;
  }

  /** Reads the next part of the message. */
  push(part: Uint8Array): void {
    let at = 0;
    for (; at < part.length && !this.done; at++) this.#take(part[at]!);
    this.#size += at;
    if (this.#size > MAX_HEADER) this.done = true;
    try {
      this.#decoder.decode(part.subarray(0, at), { stream: true });
    } catch {
      this.#isUtf8 = false;
    }
  }

  #take(byte: number): void {
    const isRest = byte === LF && this.#cr;
    this.#cr = byte === CR;
    if (isRest) return;
    const isEnd = byte === LF || byte === CR;
    // An empty line ends the header.
    this.done = isEnd && this.#start;
    this.#start = isEnd;
    if (byte > 127) this.#isEightBit = true;
  }
}
