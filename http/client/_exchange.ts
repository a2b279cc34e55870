import { lowerAscii, parseDigits } from "../../net/text.ts";
import type { Attempt } from "./_attempt.ts";
import type { HttpTry } from "./errors.ts";
import { HttpResponse } from "./response.ts";
import { codingsOf, decode } from "../internal/decompress.ts";
import { CLOSED, type Guard } from "./_guard.ts";
import type { Plan } from "./_plan.ts";
import { type Failing, failure, requestError, timeoutError } from "./_request_failure.ts";
import type { Origin, Slots } from "./_slots.ts";
import type { UploadSending } from "./_upload.ts";
import { shownUrl } from "./_url.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A body of a known length up to this is read at once, which is far cheaper than a stream. */
const SMALL = 16 * 1024;
const NULL_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);
const NOTHING: Bytes = new Uint8Array();

/** An answer whose head is here. */
export class ClientExchange {
  /** The body, if it was small and has been read. */
  data: Bytes | undefined;
  readonly #native: Response;
  readonly #guard: Guard;
  readonly #plan: Plan;
  readonly #slots: Slots;
  readonly #origin: Origin;
  /** Whether a connection to this server has been broken off since, unseen by Deno. */
  readonly #broken: (() => boolean) | undefined;
  /** What goes up piece by piece, perhaps longer than the answer lasts. */
  readonly #sending: UploadSending | undefined;
  /** Reads what arrives, once somebody wants it. */
  #source: ReadableStreamDefaultReader<Bytes> | undefined;
  #released = false;
  #free = false;
  #kept = false;

  constructor(
    native: Response,
    guard: Guard,
    plan: Plan,
    place: Pick<Attempt, "broken" | "sending"> & { slots: Slots; origin: Origin },
  ) {
    this.#native = native;
    this.#guard = guard;
    this.#plan = plan;
    this.#slots = place.slots;
    this.#origin = place.origin;
    this.#broken = place.broken;
    this.#sending = place.sending;
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

  /** This is the last try: the time limits end with the bodies, and the bodies with them. */
  keep(): this {
    this.#kept = true;
    if (this.#free) this.#guard.end();
    // Nobody may be reading: the place must not wait for that.
    else this.#guard.controller.signal.addEventListener("abort", () => this.#stop());
    return this;
  }

  /** Whether the body is known to be small; others stay streams. */
  isSmall(): boolean {
    const { headers, status } = this.#native;
    if (this.#plan.method === "HEAD" || NULL_BODY.has(status)) return false;
    const length = parseDigits(headers.get("content-length") ?? "");
    if (length === undefined || length > Math.min(SMALL, this.#plan.maxBody)) return false;
    // Where both are sent, the chunks count and not the length (RFC 9112 §6.3).
    if (headers.has("transfer-encoding")) return false;
    return this.#plan.onDownload === undefined && !headers.has("content-encoding");
  }

  /** Takes a body that is small and has been read, so that its place is free. */
  take(data: Bytes): void {
    this.#guard.disarm();
    this.data = data;
    this.#release();
  }

  /** Whether there can be no body. */
  isEmpty(): boolean {
    const { status, body } = this.#native;
    return body === null || this.#plan.method === "HEAD" || NULL_BODY.has(status);
  }

  /** Lets go of the place at once where there can be no body. */
  async skip(): Promise<void> {
    await this.#native.body?.cancel();
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

  /** Nobody wants the rest. */
  async discard(): Promise<void> {
    this.#sending?.stop(NOT_WANTED);
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
    return this.#bounded(plain ? limited : decode(limited, codings, this.#framed()), plain);
  }

  /** Puts the limits on what arrives. */
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

  /** Nobody wants what is left of the body that a stream reads. */
  async #giveUp(): Promise<void> {
    await this.#source?.cancel().catch(() => {});
    this.#release();
  }

  /** Counts what comes out, and gives every error its class. */
  #bounded(body: ReadableStream<Bytes>, plain: boolean): ReadableStream<Bytes> {
    const reader = body.getReader();
    const { maxBody, onDownload } = this.#plan;
    const length = this.#native.headers.get("content-length");
    const total = plain ? parseDigits(length ?? "") : undefined;
    let transferred = 0;
    const giveUp = async () => {
      // First what waits for the network, or the rest would wait with it.
      await this.#giveUp();
      await reader.cancel().catch(() => {});
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

  /** Deno undoes chunks alone, and takes all else for a body that lasts as long as its connection. */
  #checkTransfer(): void {
    const transfer = lowerAscii(this.#native.headers.get("transfer-encoding") ?? "identity");
    if (transfer === "chunked" || transfer === "identity") return;
    throw failure(this.#plan, "protocol", "its body has a transfer coding that nobody asked for");
  }

  /** A body without a length is whole only if its connection has ended in order. */
  #checkEnd(): void {
    if (this.#broken === undefined) return;
    if (!this.#framed() && this.#broken()) {
      throw failure(this.#plan, "truncated", "the connection was reset in the body");
    }
  }

  /** Whether its own form says where the body ends, and not its connection. */
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

  /** The answer is over. What still goes up keeps the place, unless nobody wants it. */
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

  /** Everything ends. */
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

const NOT_WANTED = new Error("The server has answered and wants no more of the body");

/** What the decompressor says is the fault of the peer, too. */
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
