type Bytes = Uint8Array<ArrayBuffer>;

/** What goes up piece by piece. */
export interface Upload {
  readonly stream: ReadableStream<Bytes>;
  /** How many bytes it has, where that is known. */
  readonly size: number | undefined;
}

/** What is told of an upload on its way. */
export interface UploadWatch {
  /** A piece has been taken; `transferred` counts all bytes so far. */
  moved(transferred: number): void;
  /** Its source has failed, which `fetch` would hide. */
  failed(error: unknown): void;
}

/** An upload on its way. */
export class UploadSending {
  /** What `fetch` takes for it. */
  readonly body: BodyInit;
  /** Whether nothing of it goes up any more. */
  over = false;
  /** Whether the answer is over, and it goes on alone. */
  alone = false;
  /** Called once it is over. */
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

  /** Ends it, its source, and by that its connection: Deno does not, once the answer is over. */
  stop(reason: unknown): void {
    if (this.over) return;
    this.#end();
    this.#controller.error(reason);
    this.#reader.cancel(reason).catch(() => {});
  }

  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      // What came while `fetch` gave up is nobody's.
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
      // Whoever is the source shall not wait for a reader that has gone.
      await this.#reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  #end(): void {
    this.over = true;
    this.onOver?.();
  }
}

/**
 * A stream whose size is known. Deno asks a Blob for its size and its stream,
 * so that this one goes out with `Content-Length`; a stream goes out in chunks,
 * which many servers do not take.
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
