import type { Transform } from "node:stream";
import { damaged } from "./decompress_whole.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The largest piece that a decoder gets at once, in bytes. It bounds the output of one step. */
export const STEP = 8 * 1024;

/** A decoder of `node:zlib`. */
export type ZlibDecoder = Transform & {
  /** The number of bytes that the decoder has used. */
  readonly bytesWritten: number;
};

/**
 * A decoder of `node:zlib` that gets a small piece, and whose output is taken before the next one. In
 * this way its errors always reach the caller. In a pipe, the decoder of Deno for Zstandard throws some
 * of them where nobody can catch them, which ends the process, and the one for gzip loses its last output.
 */
export class SteppedDecoder {
  /** The number of bytes that the decoder got. */
  given = 0;
  readonly #decoder: ZlibDecoder;
  readonly #ended = Promise.withResolvers<void>();
  #output: Bytes[] = [];

  constructor(decoder: ZlibDecoder) {
    this.#decoder = decoder;
    decoder.on("data", (chunk: Uint8Array) => this.#output.push(new Uint8Array(chunk)));
    decoder.on("end", () => this.#ended.resolve());
    decoder.on("error", (error) => this.#ended.reject(coded(error)));
    // The step in progress or the next one throws it.
    this.#ended.promise.catch(() => {});
  }

  /** The number of bytes that the decoder has used. */
  get used(): number {
    return this.#decoder.bytesWritten;
  }

  /** Whether the stream is complete, and further bytes follow it. */
  get over(): boolean {
    return this.used < this.given;
  }

  /** Decodes a piece of at most {@linkcode STEP} bytes, and returns the output so far. */
  async step(piece: Bytes): Promise<Bytes[]> {
    this.given += piece.length;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#decoder.write(piece, (error) => error ? reject(coded(error)) : resolve());
    await Promise.race([promise, this.#ended.promise.then(() => promise)]);
    return this.#take();
  }

  /** Ends the input, and returns the rest of the output. Throws if the stream is incomplete. */
  async finish(): Promise<Bytes[]> {
    this.#decoder.end();
    await this.#ended.promise;
    return this.#take();
  }

  /** Releases the memory of the decoder. */
  close(): void {
    this.#decoder.destroy();
  }

  #take(): Bytes[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }
}

/** Errors of Brotli and Zstandard have no code. */
function coded(error: Error): Error {
  return (error as { code?: unknown }).code === undefined ? damaged() : error;
}
