import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { parseDigits } from "../../net/text.ts";
import type { Incoming } from "./_incoming.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A response of `fetch`, which serves HTTP/2. */
export class FetchedResponse implements Incoming {
  readonly trailers = undefined;
  readonly remoteAddr = undefined;
  readonly tls = undefined;
  readonly reused = false;
  /** A copy, because those of `fetch` cannot be changed. */
  readonly headers: Headers;
  readonly #native: Response;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;

  constructor(native: Response) {
    this.#native = native;
    this.headers = new Headers(native.headers);
  }

  get status(): number {
    return this.#native.status;
  }

  get statusText(): string {
    return this.#native.statusText;
  }

  get length(): number | undefined {
    return this.#native.body === null ? 0 : parseDigits(this.headers.get("content-length") ?? "");
  }

  get framed(): boolean {
    return true;
  }

  get coding(): string | null {
    return this.headers.get("content-encoding");
  }

  async read(): Promise<Bytes | undefined> {
    this.#reader ??= this.#native.body?.getReader() as ReadableStreamDefaultReader<Bytes>;
    if (this.#reader === undefined) return undefined;
    return (await this.#reader.read()).value;
  }

  close(): void {
    const { body } = this.#native;
    void ignoreFailure(this.#reader === undefined ? body?.cancel() : this.#reader.cancel());
  }
}
