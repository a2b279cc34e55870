import { joinedBytes } from "../../net/internal/joined_bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Reads chunks of any size as pieces of the sizes that the reader asks for. */
export class PieceReader {
  /** The bytes that have arrived and have not been taken. */
  rest: Bytes = new Uint8Array();
  readonly #chunks: AsyncIterator<Bytes>;

  constructor(source: AsyncIterable<Bytes>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Waits until this many bytes are there, or the end. Returns whether there are any. */
  async more(size = 1): Promise<boolean> {
    while (this.rest.length < size) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      this.rest = this.rest.length === 0 ? value : joinedBytes([this.rest, value]);
    }
    return this.rest.length > 0;
  }

  /** Removes up to this many bytes. */
  take(size: number): Bytes {
    const piece = this.rest.subarray(0, size);
    this.rest = this.rest.subarray(size);
    return piece;
  }

  /** Puts bytes back that were taken and not used. */
  putBack(bytes: Bytes): void {
    this.rest = this.rest.length === 0 ? bytes : joinedBytes([bytes, this.rest]);
  }

  /** Ends the source. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
