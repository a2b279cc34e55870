import { chunkLine } from "../internal/chunk_framing.ts";
import { writeLatin1 } from "../internal/http1_bytes.ts";

/** Data up to this size is copied into the buffer. Larger data is written directly. */
const COPIED = 8 * 1024;
const FULL = 256 * 1024;
const SMALL = 2048;
const KEPT = 32 * 1024;

/** The writing half of a connection, for one write at a time. */
export interface Writer {
  write(bytes: Uint8Array): Promise<void>;
}

/** The output buffer of a connection. It joins a head and its body into one write. */
export class Out {
  /** Whether data was written since this was set to false. */
  written = false;
  readonly #writer: Writer;
  #bytes = new Uint8Array(SMALL);
  #at = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** Whether the buffer is empty. */
  get empty(): boolean {
    return this.#at === 0;
  }

  /** Adds text, one byte per character. */
  text(text: string): void {
    this.#room(text.length);
    this.#at = writeLatin1(text, this.#bytes, this.#at);
  }

  /** Adds bytes of a body, as a chunk if `chunked`. The caller must await the result, if any. */
  data(bytes: Uint8Array, chunked: boolean): Promise<void> | undefined {
    if (chunked) this.text(chunkLine(bytes.length));
    else if (this.#at === 0 && bytes.length > COPIED) {
      this.written = true;
      return this.#writer.write(bytes);
    }
    this.#room(bytes.length + 2);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    if (chunked) {
      // CHUNK_END. Two bytes are faster than a call of the encoder.
      this.#bytes[this.#at++] = 0x0d;
      this.#bytes[this.#at++] = 0x0a;
    }
    return this.#at >= FULL ? this.flush() : undefined;
  }

  /** Writes the buffer, if it is not empty. */
  flush(): Promise<void> | undefined {
    if (this.#at === 0) return undefined;
    const bytes = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    this.written = true;
    return this.#writer.write(bytes);
  }

  /** Empties the buffer, and frees the memory that only large bodies need. */
  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT) this.#bytes = new Uint8Array(SMALL);
  }

  #room(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 4));
    bytes.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bytes;
  }
}
