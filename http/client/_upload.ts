import { ignoreFailure } from "../../net/internal/ignore_failure.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A body that is sent in pieces. */
export interface Upload {
  readonly stream: ReadableStream<Bytes>;
  /** The size in bytes; undefined if it is unknown. */
  readonly size: number | undefined;
}

/** Receives the events of an upload. */
export interface UploadWatch {
  /** Handles a piece that has been sent. `transferred` counts all bytes so far. */
  moved(transferred: number): void;
  /** Handles a failure of the source. */
  failed(error: unknown): void;
}

/** An upload in progress. */
export class UploadSending {
  /** Whether the upload has ended. */
  over = false;
  /** Whether the response has ended before the upload. */
  alone = false;
  /** Called when the upload has ended. */
  onOver: (() => void) | undefined;
  /** The size in bytes; undefined if it is unknown. */
  readonly size: number | undefined;
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #watch: UploadWatch;
  #controller: ReadableStreamDefaultController<Bytes> | undefined;
  #taken = 0;
  #sent = 0;

  constructor({ stream, size }: Upload, watch: UploadWatch) {
    this.#reader = stream.getReader();
    this.size = size;
    this.#watch = watch;
  }

  /** Returns the next piece; undefined at the end, or if the upload has been stopped. */
  async next(): Promise<Bytes | undefined> {
    if (this.over) return undefined;
    try {
      const { done, value } = await this.#reader.read();
      // The upload was stopped during the read.
      if (this.over) return undefined;
      if (done) {
        checkSize(this.#taken, this.size);
        return undefined;
      }
      if (!(value as unknown instanceof Uint8Array)) {
        throw new TypeError("Cannot send this body: a piece of its stream is no Uint8Array");
      }
      this.#taken += value.length;
      if (this.#taken > (this.size ?? Infinity)) checkSize(this.#taken, this.size);
      return value;
    } catch (error) {
      if (this.over) return undefined;
      await this.#fail(error);
      throw error;
    }
  }

  /** Counts bytes that have been sent. */
  async sent(size: number): Promise<void> {
    this.#sent += size;
    try {
      this.#watch.moved(this.#sent);
    } catch (error) {
      await this.#fail(error);
      throw error;
    }
  }

  /** Marks the end of the upload. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.onOver?.();
  }

  /** Ends the upload and its source early. */
  stop(reason: unknown): void {
    if (this.over) return;
    this.end();
    this.#controller?.error(reason);
    void ignoreFailure(this.#reader.cancel(reason));
  }

  /** Returns the body for `fetch`. */
  body(): BodyInit {
    const stream = new ReadableStream<Bytes>({
      start: (controller) => void (this.#controller = controller),
      pull: async (controller) => {
        const piece = await this.next();
        if (this.over) return;
        if (piece === undefined) {
          controller.close();
          return this.end();
        }
        controller.enqueue(piece);
        await this.sent(piece.length);
      },
      cancel: (reason) => {
        this.end();
        return this.#reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
    return this.size === undefined ? stream : new Sized(stream, this.size);
  }

  async #fail(error: unknown): Promise<void> {
    this.#watch.failed(error);
    this.end();
    // The source must not wait for a reader that has ended.
    await ignoreFailure(this.#reader.cancel(error));
  }
}

/**
 * A stream of known size. Deno reads the size and the stream of a Blob, and sends `Content-Length`. It
 * sends a plain stream in chunks, which many servers do not support.
 */
class Sized extends Blob {
  readonly #stream: ReadableStream<Bytes>;
  readonly #size: number;

  constructor(stream: ReadableStream<Bytes>, size: number) {
    super();
    this.#stream = stream;
    this.#size = size;
  }

  override get size(): number {
    return this.#size;
  }

  override stream(): ReadableStream<Bytes> {
    return this.#stream;
  }
}

function checkSize(transferred: number, size: number | undefined): void {
  if (size === undefined || transferred === size) return;
  const than = transferred < size ? "less" : "more";
  throw new TypeError(`Cannot send this body: it has ${than} than the ${size} bytes announced`);
}
