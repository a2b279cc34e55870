import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { lowerAscii, parseDigits } from "../../net/text.ts";
import type { Attempt } from "./_attempt.ts";
import type { HttpTry } from "./errors.ts";
import { HttpResponse } from "./response.ts";
import { codingsOf, decode } from "../internal/decompress.ts";
import { NULL_BODY } from "../internal/null_body.ts";
import { CLOSED, type TimeLimits } from "./_time_limits.ts";
import type { Plan } from "./_request_plan.ts";
import { type Failing, failure, requestError, timeoutError } from "./_request_failure.ts";
import type { ConcurrencyLimit, Origin } from "./_concurrency_limit.ts";
import type { UploadSending } from "./_upload.ts";
import { shownUrl } from "./_url.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The largest body of known length that is read at once, in bytes. A stream costs much more. */
const SMALL = 16 * 1024;
const NOTHING: Bytes = new Uint8Array();

/** A response whose head has arrived. */
export class ClientExchange {
  /** The body, if it is small and has been read. */
  data: Bytes | undefined;
  readonly #native: Response;
  readonly #guard: TimeLimits;
  readonly #plan: Plan;
  readonly #slots: ConcurrencyLimit;
  readonly #origin: Origin;
  /** Returns whether the server has reset a connection since, which Deno does not see. */
  readonly #broken: (() => boolean) | undefined;
  /** The upload, which may last longer than the response. */
  readonly #sending: UploadSending | undefined;
  /** The reader of the body, once the body is used. */
  #source: ReadableStreamDefaultReader<Bytes> | undefined;
  #released = false;
  #free = false;
  #kept = false;

  /** Takes over the response of a try, and its place in the pool. */
  constructor(
    native: Response,
    guard: TimeLimits,
    plan: Plan,
    slots: ConcurrencyLimit,
    attempt: Attempt,
  ) {
    this.#native = native;
    this.#guard = guard;
    this.#plan = plan;
    this.#slots = slots;
    this.#origin = attempt.origin!;
    attempt.origin = undefined;
    this.#broken = attempt.broken;
    this.#sending = attempt.sending;
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
    return shownUrl(this.#plan.url);
  }

  get history(): readonly HttpTry[] {
    return this.#plan.history;
  }

  /** Marks the last try. The time limits end with the bodies, and end the bodies when they expire. */
  keep(): this {
    this.#kept = true;
    if (this.#free) this.#guard.end();
    // The place must become free even if nobody reads the body.
    else this.#guard.controller.signal.addEventListener("abort", () => this.#stop());
    return this;
  }

  /** Returns whether the body is known to be small. Other bodies stay streams. */
  isSmall(): boolean {
    const { headers, status } = this.#native;
    if (this.#plan.method === "HEAD" || NULL_BODY.has(status)) return false;
    const length = parseDigits(headers.get("content-length") ?? "");
    if (length === undefined || length > Math.min(SMALL, this.#plan.maxBody)) return false;
    // Transfer-Encoding overrides Content-Length (RFC 9112 §6.3).
    if (headers.has("transfer-encoding")) return false;
    return this.#plan.onDownload === undefined && !headers.has("content-encoding");
  }

  /** Stores a small body that has been read, and releases the place. */
  take(data: Bytes): void {
    this.#guard.disarm();
    this.data = data;
    this.#release();
  }

  /** Returns whether the response cannot have a body. */
  isEmpty(): boolean {
    const { status, body } = this.#native;
    return body === null || this.#plan.method === "HEAD" || NULL_BODY.has(status);
  }

  /** Releases the place of a response that cannot have a body. */
  async skip(): Promise<void> {
    await this.#native.body?.cancel();
    this.data = NOTHING;
    this.#release();
  }

  /** Reads the whole body, or its first `max` bytes and the rest of that chunk. */
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

  /** Returns the response for the caller. */
  response(): HttpResponse {
    const { status, statusText, headers } = this.#native;
    const { method, history, redirected } = this.#plan;
    const empty = method === "HEAD" || NULL_BODY.has(status);
    const url = new URL(this.#plan.url);
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

  /** Cancels the rest of the response. */
  async discard(): Promise<void> {
    this.#sending?.stop(NOT_WANTED);
    if (this.data === undefined) await ignoreFailure(this.#native.body?.cancel());
    this.#release();
  }

  /** Returns the body as a stream: decompressed, limited in size and time. */
  stream(): ReadableStream<Bytes> {
    const { headers } = this.#native;
    const codings = codingsOf(headers.get("content-encoding"));
    const limited = this.#watched(this.#native.body as ReadableStream<Bytes>);
    // The caller gets unknown codings as they are, with Content-Encoding.
    const plain = codings === undefined || codings.length === 0;
    return this.#bounded(plain ? limited : decode(limited, codings, this.#framed()), plain);
  }

  /** Applies the time limits to the bytes that arrive. */
  #watched(body: ReadableStream<Bytes>): ReadableStream<Bytes> {
    const reader = this.#source = body.getReader();
    const guard = this.#guard;
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        this.#checkTransfer();
        guard.arm("body", this.#plan.timeouts.body);
        const { done, value } = await reader.read();
        guard.disarm();
        if (!done) return controller.enqueue(value);
        this.#checkEnd();
        this.#release(true);
        controller.close();
      },
      cancel: () => this.#giveUp(),
    }, { highWaterMark: 0 });
  }

  /** Cancels the body that a stream reads. */
  async #giveUp(): Promise<void> {
    await ignoreFailure(this.#source?.cancel());
    this.#release();
  }

  /** Limits the decoded size, reports the progress and converts errors. */
  #bounded(body: ReadableStream<Bytes>, plain: boolean): ReadableStream<Bytes> {
    const reader = body.getReader();
    const { maxBody, onDownload } = this.#plan;
    const length = this.#native.headers.get("content-length");
    const total = plain ? parseDigits(length ?? "") : undefined;
    let transferred = 0;
    const giveUp = async () => {
      // First cancel the read from the network, because the rest waits for it.
      await this.#giveUp();
      await ignoreFailure(reader.cancel());
    };
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
          await giveUp();
          throw this.#tooLarge();
        }
        controller.enqueue(chunk.value);
        try {
          onDownload?.({ transferred, total });
        } catch (error) {
          await giveUp();
          throw error;
        }
      },
      cancel: giveUp,
    }, { highWaterMark: 0 });
  }

  /** Rejects transfer codings other than chunked. Deno would read them until the connection ends. */
  #checkTransfer(): void {
    const transfer = lowerAscii(this.#native.headers.get("transfer-encoding") ?? "identity");
    if (transfer === "chunked" || transfer === "identity") return;
    throw failure(this.#plan, "protocol", "its body has a transfer coding that was not requested");
  }

  /** Rejects a body without a length whose connection was reset. It may be truncated. */
  #checkEnd(): void {
    if (this.#broken === undefined) return;
    if (!this.#framed() && this.#broken()) {
      throw failure(this.#plan, "truncated", "the connection was reset in the body");
    }
  }

  /** Returns whether the body has a length or chunks, and does not end with the connection. */
  #framed(): boolean {
    const { headers } = this.#native;
    return headers.has("content-length") || headers.has("transfer-encoding");
  }

  async #fail(error: unknown): Promise<unknown> {
    await this.#giveUp();
    const { expired, cancelled, controller } = this.#guard;
    if (expired !== undefined) return timeoutError(expired, this.#plan, "maybe");
    if (controller.signal.reason === CLOSED) {
      return failure(this.#plan, "closed", "the client is closed");
    }
    if (cancelled) return controller.signal.reason;
    return bodyError(error, this.#plan);
  }

  #tooLarge(): Error {
    const { maxBody } = this.#plan;
    const reason = `the body has more than ${maxBody} bytes; set maxBody to allow more`;
    return failure(this.#plan, "limit", reason);
  }

  /** Ends the response. An upload keeps the place, unless the status is 300 or above. */
  #release(soon = false): void {
    if (this.#released) return;
    this.#released = true;
    const sending = this.#sending;
    if (sending === undefined || sending.over) return this.#leave(soon);
    sending.onOver = () => this.#leave(false);
    if (this.status >= 300) return sending.stop(NOT_WANTED);
    sending.alone = true;
    this.#guard.arm("headers", this.#plan.timeouts.headers);
  }

  /** Ends the upload and the response. */
  #stop(): void {
    this.#sending?.stop(this.#guard.controller.signal.reason);
    this.#release();
  }

  #leave(soon: boolean): void {
    this.#free = true;
    if (soon) this.#slots.releaseSoon(this.#origin);
    else this.#slots.release(this.#origin);
    if (this.#kept) this.#guard.end();
  }
}

const NOT_WANTED = new Error("The server has answered and does not need the rest of the body");

/** Converts an error of reading or decompressing a body. */
function bodyError(error: unknown, context: Failing): Error {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "Z_BUF_ERROR") {
    return failure(context, "truncated", "the compressed body ends early");
  }
  if (typeof code === "string" && /^(Z_|ERR_(_ERROR_)?|ERR_BROTLI)/.test(code)) {
    return failure(context, "protocol", "the compressed body is damaged");
  }
  return requestError(error, context, "maybe");
}
