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

/** What `fetch` takes for an upload. */
export function uploadBody({ stream, size }: Upload, watch: UploadWatch): BodyInit {
  const reader = stream.getReader();
  let transferred = 0;
  let over = false;
  const watched = new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        // What came while `fetch` gave up is nobody's.
        if (over) return;
        if (done) checkSize(transferred, size);
        if (done) return controller.close();
        if (!(value as unknown instanceof Uint8Array)) {
          throw new TypeError("Cannot send this body: a piece of its stream is no Uint8Array");
        }
        transferred += value.length;
        if (transferred > (size ?? Infinity)) checkSize(transferred, size);
        controller.enqueue(value);
        watch.moved(transferred);
      } catch (error) {
        if (over) return;
        watch.failed(error);
        // Whoever is the source shall not wait for a reader that has gone.
        await reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    cancel(reason) {
      over = true;
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return size === undefined ? watched : new Sized(watched, size);
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
