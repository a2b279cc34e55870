import { ignoreFailure } from "../../net/internal/ignore_failure.ts";

type Url = string | URL;

/** Takes URLs from an iterable or an async iterable, one by one and without blocking. */
export class UrlSource {
  /** Whether there are no more URLs. */
  ended = false;
  readonly #iterator: Iterator<Url> | AsyncIterator<Url>;
  readonly #isAsync: boolean;
  readonly #onReady: () => void;
  /** Whether an async iterable has been asked for its next URL. */
  #asked = false;
  #ready: Url | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** Takes URLs from an iterable. `onReady` runs when an async iterable has answered. */
  constructor(urls: Iterable<Url> | AsyncIterable<Url>, onReady: () => void) {
    this.#isAsync = Symbol.asyncIterator in urls;
    this.#iterator = Symbol.asyncIterator in urls
      ? urls[Symbol.asyncIterator]()
      : urls[Symbol.iterator]();
    this.#onReady = onReady;
  }

  /**
   * Returns the next URL; undefined if there is none now. Throws what the iterable has thrown.
   */
  take(): Url | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const ready = this.#ready;
    if (ready !== undefined) {
      this.#ready = undefined;
      return ready;
    }
    if (this.ended || this.#asked) return undefined;
    let next: IteratorResult<Url> | Promise<IteratorResult<Url>>;
    try {
      next = this.#iterator.next();
    } catch (error) {
      this.ended = true;
      throw error;
    }
    if (!this.#isAsync) return this.#accept(next as IteratorResult<Url>);
    this.#asked = true;
    Promise.resolve(next)
      .then((result) => this.#ready = this.#accept(result))
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#asked = false;
        this.#onReady();
      });
    return undefined;
  }

  /**
   * Closes an iterable that was not read to its end. One that has not answered yet closes later, because
   * it could take any time.
   */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    const closed = this.#iterator.return?.();
    if (this.#asked) void ignoreFailure(Promise.resolve(closed));
    else await closed;
  }

  #accept(result: IteratorResult<Url>): Url | undefined {
    if (!result.done) return result.value;
    this.ended = true;
    return undefined;
  }

  #fail(error: unknown): void {
    this.ended = true;
    this.#failure = { error };
  }
}
