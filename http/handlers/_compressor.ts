import zlib from "node:zlib";

type Bytes = Uint8Array<ArrayBuffer>;

/** The content codings that a server can apply. */
export type ContentCoding = "gzip" | "br" | "zstd";

/** A compressed stream. Calls must not overlap. */
export class Compressor {
  readonly #stream: zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress;
  readonly #flush: number;
  #out: Bytes[] = [];
  #reject: ((error: Error) => void) | undefined;

  /**
   * Starts a stream.
   *
   * @param coding The content coding to apply.
   * @param level The level of the coding: gzip 1 to 9, br 0 to 11, zstd 1 to 22.
   */
  constructor(coding: ContentCoding, level: number) {
    const { constants } = zlib;
    if (coding === "gzip") {
      this.#stream = zlib.createGzip({ level });
      this.#flush = constants.Z_SYNC_FLUSH;
    } else if (coding === "br") {
      this.#stream = zlib.createBrotliCompress({
        params: { [constants.BROTLI_PARAM_QUALITY]: level },
      });
      this.#flush = constants.BROTLI_OPERATION_FLUSH;
    } else {
      this.#stream = zlib.createZstdCompress({
        params: { [constants.ZSTD_c_compressionLevel]: level },
      });
      this.#flush = constants.ZSTD_e_flush;
    }
    this.#stream.on("data", (chunk: Bytes) => this.#out.push(new Uint8Array(chunk)));
    this.#stream.on("error", (error) => this.#reject?.(error));
  }

  /**
   * Compresses a chunk.
   *
   * @param chunk The bytes to compress.
   * @param flush Whether the result must contain the whole chunk.
   * @returns The compressed bytes that are ready.
   */
  async write(chunk: Bytes, flush: boolean): Promise<Bytes[]> {
    await this.#step((done) => this.#stream.write(chunk, done));
    if (flush) await this.#step((done) => this.#stream.flush(this.#flush, () => done()));
    return this.#take();
  }

  /** Ends the stream and returns its last bytes. */
  async end(): Promise<Bytes[]> {
    await this.#step((done) => {
      this.#stream.once("end", done);
      this.#stream.end();
    });
    return this.#take();
  }

  /** Releases the memory of the stream, also before its end. */
  close(): void {
    this.#stream.destroy();
  }

  #step(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      start((error) => error ? reject(error) : resolve());
    });
  }

  #take(): Bytes[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}
