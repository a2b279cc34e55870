import type { HttpProgress } from "./client_options.ts";
import type { HttpTry } from "./errors.ts";
import { HttpResponse } from "./response.ts";
import { codingsOf, decompress } from "./_decompress.ts";
import type { Guard } from "./_guard.ts";
import { type Failing, failure, requestError, timeoutError } from "./_request_failure.ts";
import { shownUrl } from "./_url.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A body of a known length up to this is read at once, which is far cheaper than a stream. */
const SMALL = 16 * 1024;
const NULL_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);
const NOTHING: Bytes = new Uint8Array();

/** What an exchange needs to know. */
export interface ExchangeContext extends Failing {
  readonly bodyTimeout: number;
  readonly maxBody: number;
  readonly redirected: boolean;
  readonly onDownload: ((progress: HttpProgress) => void) | undefined;
  /** Whether a connection to this server has been broken off since, unseen by Deno. */
  readonly broken: (() => boolean) | undefined;
  /** Gives the place in the pool back. */
  release(): void;
}

/** An answer whose head is here. */
export class Exchange {
  /** The body, if it was small and has been read. */
  data: Bytes | undefined;
  readonly #native: Response;
  readonly #guard: Guard;
  readonly #context: ExchangeContext;
  /** Reads what arrives, once somebody wants it. */
  #source: ReadableStreamDefaultReader<Bytes> | undefined;
  #released = false;
  #kept = false;

  constructor(native: Response, guard: Guard, context: ExchangeContext) {
    this.#native = native;
    this.#guard = guard;
    this.#context = context;
  }

  get status(): number {
    return this.#native.status;
  }

  get statusText(): string {
    return this.#native.statusText;
  }

  get headers(): Headers {
    return this.#native.headers;
  }

  get shownUrl(): string {
    return shownUrl(this.#context.url);
  }

  get history(): readonly HttpTry[] {
    return this.#context.history;
  }

  /** This is the last try: the time limits end with the body. */
  keep(): this {
    this.#kept = true;
    if (this.#released) this.#guard.end();
    return this;
  }

  /** Whether the body is known to be small; others stay streams. */
  isSmall(): boolean {
    const { headers, status } = this.#native;
    if (this.#context.method === "HEAD" || NULL_BODY.has(status)) return false;
    const length = headers.get("content-length");
    if (length === null || !(Number(length) <= SMALL)) return false;
    return this.#context.onDownload === undefined && !headers.has("content-encoding");
  }

  /** Reads a body that is small at once, so that its place is free. */
  async readSmall(): Promise<void> {
    this.#guard.arm("body", this.#context.bodyTimeout);
    const data = await this.#native.bytes();
    this.#guard.disarm();
    this.data = data;
    this.#release();
    if (data.length > this.#context.maxBody) throw this.#tooLarge();
  }

  /** Lets go of the place at once where there can be no body. */
  async skipEmpty(): Promise<void> {
    const { status, body } = this.#native;
    if (body !== null && this.#context.method !== "HEAD" && !NULL_BODY.has(status)) return;
    await body?.cancel();
    this.data = NOTHING;
    this.#release();
  }

  /** The whole body. */
  async bytes(max = Infinity): Promise<Bytes> {
    if (this.data !== undefined) return this.data;
    const chunks: Bytes[] = [];
    let size = 0;
    const reader = this.stream().getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      if ((size += value.length) >= max) {
        await reader.cancel();
        break;
      }
    }
    if (chunks.length === 1) return chunks[0]!;
    const data = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      data.set(chunk, at);
      at += chunk.length;
    }
    return data;
  }

  /** The answer as a standard `Response`. */
  response(): HttpResponse {
    const { status, statusText, headers } = this.#native;
    const { method, history, redirected } = this.#context;
    const empty = method === "HEAD" || NULL_BODY.has(status);
    const url = new URL(this.#context.url);
    url.hash = "";
    return new HttpResponse(empty ? null : this.data ?? this.stream(), {
      status,
      statusText,
      headers,
      url: url.href,
      shownUrl: this.shownUrl,
      redirected,
      history,
    });
  }

  /** Nobody wants the rest. */
  async discard(): Promise<void> {
    if (this.data === undefined) await this.#native.body?.cancel().catch(() => {});
    this.#release();
  }

  /** The body as it comes: decompressed, bounded, under the time limits. */
  stream(): ReadableStream<Bytes> {
    const { headers } = this.#native;
    const codings = codingsOf(headers.get("content-encoding"));
    const limited = this.#watched(this.#native.body as ReadableStream<Bytes>);
    // What nobody can decode is the caller's, who sees Content-Encoding.
    const plain = codings === undefined || codings.length === 0;
    return this.#bounded(plain ? limited : decompress(limited, codings), plain);
  }

  /** Puts the limits on what arrives. */
  #watched(body: ReadableStream<Bytes>): ReadableStream<Bytes> {
    const reader = this.#source = body.getReader();
    const guard = this.#guard;
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        guard.arm("body", this.#context.bodyTimeout);
        const { done, value } = await reader.read();
        guard.disarm();
        if (!done) return controller.enqueue(value);
        this.#checkEnd();
        this.#release();
        controller.close();
      },
      cancel: () => this.#giveUp(),
    }, { highWaterMark: 0 });
  }

  /** Nobody wants what is left of the body that a stream reads. */
  async #giveUp(): Promise<void> {
    await this.#source?.cancel().catch(() => {});
    this.#release();
  }

  /** Counts what comes out, and gives every error its class. */
  #bounded(body: ReadableStream<Bytes>, plain: boolean): ReadableStream<Bytes> {
    const reader = body.getReader();
    const { maxBody, onDownload } = this.#context;
    const length = this.#native.headers.get("content-length");
    const total = plain && length !== null ? Number(length) : undefined;
    let transferred = 0;
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        let chunk: ReadableStreamReadResult<Bytes>;
        try {
          chunk = await reader.read();
        } catch (error) {
          throw await this.#fail(error);
        }
        if (chunk.done) return controller.close();
        transferred += chunk.value.length;
        if (transferred > maxBody) {
          await this.#giveUp();
          await reader.cancel().catch(() => {});
          throw this.#tooLarge();
        }
        controller.enqueue(chunk.value);
        onDownload?.({ transferred, total });
      },
      cancel: async () => {
        // First what waits for the network, or the rest would wait with it.
        await this.#giveUp();
        await reader.cancel().catch(() => {});
      },
    }, { highWaterMark: 0 });
  }

  /** A body without a length is whole only if its connection has ended in order. */
  #checkEnd(): void {
    const { broken } = this.#context;
    if (broken === undefined) return;
    const { headers } = this.#native;
    if (headers.has("content-length") || headers.has("transfer-encoding")) return;
    if (broken()) throw failure(this.#context, "truncated", "the connection was reset in the body");
  }

  async #fail(error: unknown): Promise<unknown> {
    await this.#giveUp();
    const { expired, cancelled, controller } = this.#guard;
    if (expired !== undefined) return timeoutError(expired, this.#context, "maybe");
    if (cancelled) return controller.signal.reason;
    return bodyError(error, this.#context);
  }

  #tooLarge(): Error {
    const { maxBody } = this.#context;
    const reason = `the body has more than ${maxBody} bytes; set maxBody to allow more`;
    return failure(this.#context, "limit", reason);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#context.release();
    if (this.#kept) this.#guard.end();
  }
}

/** What the decompressor says is the fault of the peer, too. */
function bodyError(error: unknown, context: ExchangeContext): Error {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "Z_BUF_ERROR") {
    return failure(context, "truncated", "the compressed body ends early");
  }
  if (typeof code === "string" && /^(Z_|ERR_(_ERROR_)?|ERR_BROTLI)/.test(code)) {
    return failure(context, "protocol", "the compressed body is damaged");
  }
  return requestError(error, context, "maybe");
}
