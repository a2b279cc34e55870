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
  /** Handles a piece that has been taken. `transferred` counts all bytes so far. */
  moved(transferred: number): void;
  /** Handles a failure of the source. `fetch` would hide the error. */
  failed(error: unknown): void;
}

/** An upload in progress. */
export class UploadSending {
  /** The body for `fetch`. */
  readonly body: BodyInit;
  /** Whether the upload has ended. */
  over = false;
  /** Whether the response has ended before the upload. */
  alone = false;
  /** Called when the upload has ended. */
  onOver: (() => void) | undefined;
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #size: number | undefined;
  readonly #watch: UploadWatch;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #transferred = 0;

  constructor({ stream, size }: Upload, watch: UploadWatch) {
    this.#reader = stream.getReader();
    this.#size = size;
    this.#watch = watch;
    const watched = new ReadableStream<Bytes>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: (reason) => {
        this.#end();
        return this.#reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
    this.body = size === undefined ? watched : new Sized(watched, size);
  }

  /** Ends the upload, its source and its connection. Deno does not do so after the response. */
  stop(reason: unknown): void {
    if (this.over) return;
    this.#end();
    this.#controller.error(reason);
    ignoreFailure(this.#reader.cancel(reason));
  }

  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      // `fetch` has ended the upload during the read.
      if (this.over) return;
      if (done) {
        checkSize(this.#transferred, this.#size);
        this.#controller.close();
        return this.#end();
      }
      if (!(value as unknown instanceof Uint8Array)) {
        throw new TypeError("Cannot send this body: a piece of its stream is no Uint8Array");
      }
      this.#transferred += value.length;
      if (this.#transferred > (this.#size ?? Infinity)) checkSize(this.#transferred, this.#size);
      this.#controller.enqueue(value);
      this.#watch.moved(this.#transferred);
    } catch (error) {
      if (this.over) return;
      this.#watch.failed(error);
      this.#end();
      // The source must not wait for a reader that has ended.
      await ignoreFailure(this.#reader.cancel(error));
      throw error;
    }
  }

  #end(): void {
    this.over = true;
    this.onOver?.();
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
