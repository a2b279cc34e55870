import { joinedBytes } from "../../net/internal/joined_bytes.ts";
import type { Incoming } from "./_incoming.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A response from the cache. */
export class CachedResponse implements Incoming {
  readonly framed = true;
  readonly trailers = undefined;
  readonly remoteAddr = undefined;
  readonly tls = undefined;
  readonly reused = false;
  readonly cached = true;
  readonly #body: Bytes;
  #read = false;

  constructor(
    readonly status: number,
    readonly statusText: string,
    readonly headers: Headers,
    body: Bytes,
  ) {
    this.#body = body;
  }

  get length(): number {
    return this.#body.length;
  }

  get coding(): string | null {
    return this.headers.get("content-encoding");
  }

  read(): Promise<Bytes | undefined> {
    const first = !this.#read && this.#body.length > 0;
    this.#read = true;
    // The caller may transfer the buffer.
    return Promise.resolve(first ? this.#body.slice() : undefined);
  }

  close(): void {}
}

/** A response that is stored once its body has been read to the end. */
export class StoredWhileRead implements Incoming {
  readonly #incoming: Incoming;
  readonly #max: number;
  readonly #store: (body: Bytes) => Promise<void>;
  /** The body so far; undefined if it is too large or has been stored. */
  #chunks: Bytes[] | undefined = [];
  #size = 0;

  constructor(incoming: Incoming, max: number, store: (body: Bytes) => Promise<void>) {
    this.#incoming = incoming;
    this.#max = max;
    this.#store = store;
  }

  get status(): number {
    return this.#incoming.status;
  }

  get statusText(): string {
    return this.#incoming.statusText;
  }

  get headers(): Headers {
    return this.#incoming.headers;
  }

  get length(): number | undefined {
    return this.#incoming.length;
  }

  get framed(): boolean {
    return this.#incoming.framed;
  }

  get coding(): string | null {
    return this.#incoming.coding;
  }

  get trailers(): Headers | undefined {
    return this.#incoming.trailers;
  }

  get remoteAddr(): Incoming["remoteAddr"] {
    return this.#incoming.remoteAddr;
  }

  get tls(): Incoming["tls"] {
    return this.#incoming.tls;
  }

  get reused(): boolean {
    return this.#incoming.reused;
  }

  async read(): Promise<Bytes | undefined> {
    const chunk = await this.#incoming.read();
    if (chunk === undefined) await this.#finish();
    else this.#add(chunk);
    return chunk;
  }

  close(): void {
    this.#chunks = undefined;
    this.#incoming.close();
  }

  #add(chunk: Bytes): void {
    this.#size += chunk.length;
    if (this.#size > this.#max) this.#chunks = undefined;
    // The caller may change or transfer the chunk.
    else this.#chunks?.push(chunk.slice());
  }

  async #finish(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = undefined;
    if (chunks === undefined) return;
    await this.#store(joinedBytes(chunks));
  }
}
