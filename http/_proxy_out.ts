import { writeLatin1 } from "./_http1_bytes.ts";
import type { Peer } from "./_proxy_peer.ts";

/** Up to here data is copied behind what waits, above it is written as it is. */
const COPIED = 8 * 1024;
const FULL = 256 * 1024;
const SMALL = 2048;
const KEPT = 32 * 1024;

/** Collects what goes out, so that a head and its body are one write. */
export class Out {
  /** Whether anything has been written since this was set to false. */
  written = false;
  #bytes = new Uint8Array(SMALL);
  #at = 0;

  /** Adds text, one byte a character. */
  text(text: string): void {
    this.#room(text.length);
    this.#at = writeLatin1(text, this.#bytes, this.#at);
  }

  /** Adds some bytes of a body; as a chunk, if it is to be one. */
  data(peer: Peer, bytes: Uint8Array, chunked: boolean): Promise<void> | undefined {
    if (chunked) this.text(`${bytes.length.toString(16)}\r\n`);
    else if (this.#at === 0 && bytes.length > COPIED) {
      this.written = true;
      return peer.write(bytes);
    }
    this.#room(bytes.length + 2);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    if (chunked) {
      this.#bytes[this.#at++] = 0x0d;
      this.#bytes[this.#at++] = 0x0a;
    }
    return this.#at >= FULL ? this.flush(peer) : undefined;
  }

  /** Writes what waits, if anything does. */
  flush(peer: Peer): Promise<void> | undefined {
    if (this.#at === 0) return undefined;
    const bytes = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    this.written = true;
    return peer.write(bytes);
  }

  /** Forgets what waits, and the memory that only large bodies need. */
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
