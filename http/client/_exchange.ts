import { parseDigits } from "../../net/text.ts";
import type { Attempt } from "./_attempt.ts";
import type { HttpTry } from "./errors.ts";
import type { Incoming } from "./_incoming.ts";
import { HttpResponse } from "./response.ts";
import { codingsOf, decode } from "../internal/decompress.ts";
import { decodeWhole } from "../internal/decompress_whole.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { joinedBytes } from "../../net/internal/joined_bytes.ts";
import { NULL_BODY } from "../internal/null_body.ts";
import { CLOSED, type TimeLimits } from "./_time_limits.ts";
import type { Plan } from "./_request_plan.ts";
import { type Failing, failure, requestError, timeoutError } from "./_request_failure.ts";
import type { Origin, Pool } from "./internal/pool.ts";
import type { Timings } from "./internal/timings.ts";
import type { UploadSending } from "./_upload.ts";
import { shownUrl } from "./_url.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The largest body of known length that is read at once, in bytes. A stream costs much more. */
const SMALL = 16 * 1024;
/** The largest result of decoding a body at once, in bytes. A larger one is decoded in pieces. */
const DECODED_AT_ONCE = 1024 * 1024;
const NOTHING: Bytes = new Uint8Array();

/** A response whose head has arrived. */
export class ClientExchange {
  /** The body, if it is small and has been read. */
  data: Bytes | undefined;
  readonly #incoming: Incoming;
  readonly #guard: TimeLimits;
  readonly #plan: Plan;
  readonly #pool: Pool;
  readonly #origin: Origin;
  /** The upload, which may last longer than the response. */
  readonly #sending: UploadSending | undefined;
  readonly #timings: Timings;
  /** Whether the response has no body, whatever its headers state. */
  readonly #empty: boolean;
  #headers: Headers | undefined;
  #codings: readonly string[] | undefined;
  /** The decoded body, if it is compressed. */
  #decoded: ReadableStreamDefaultReader<Bytes> | undefined;
  /** Whether the compressed body has been read as a whole. */
  #whole = false;
  #transferred = 0;
  #released = false;
  #free = false;
  #kept = false;
  readonly #onAbort = () => this.#stop();

  /** Takes over the response of a try, and its place in the pool. */
  constructor(
    incoming: Incoming,
    guard: TimeLimits,
    plan: Plan,
    pool: Pool,
    attempt: Attempt,
  ) {
    this.#incoming = incoming;
    this.#guard = guard;
    this.#plan = plan;
    this.#pool = pool;
    this.#origin = attempt.origin!;
    attempt.origin = undefined;
    this.#sending = attempt.sending;
    this.#timings = attempt.timings;
    this.#empty = plan.method === "HEAD" || NULL_BODY.has(incoming.status);
    // The connection must end and the place must become free even if nobody reads the body.
    guard.onAbort(this.#onAbort);
    // The server does not want the rest of the upload.
    if (incoming.status >= 300) this.#sending?.stop(NOT_WANTED);
    if (this.#empty) {
      this.data = NOTHING;
      incoming.close();
      this.#release();
    }
  }

  get status(): number {
    return this.#incoming.status;
  }

  get statusText(): string {
    return this.#incoming.statusText;
  }

  /** The headers. Those of a decoded body do not describe the compressed one. */
  get headers(): Headers {
    if (this.#headers !== undefined) return this.#headers;
    const headers = this.#headers = this.#incoming.headers;
    if (!this.#empty && this.#coding.length > 0) {
      headers.delete("content-encoding");
      headers.delete("content-length");
    }
    return headers;
  }

  get shownUrl(): string {
    return shownUrl(this.#plan.url);
  }

  get history(): readonly HttpTry[] {
    return this.#plan.history;
  }

  /**
   * The codings to undo. The caller gets unknown codings as they are, with Content-Encoding. So are the
   * ranges of 206, because a range is a piece of the compressed body (RFC 9110 §14.1).
   */
  get #coding(): readonly string[] {
    const { status, coding } = this.#incoming;
    return this.#codings ??= (status === 206 ? undefined : codingsOf(coding)) ?? [];
  }

  /** Marks the last try. The time limits end with the bodies, and end the bodies when they expire. */
  keep(): this {
    this.#kept = true;
    if (this.#free) this.#guard.end();
    return this;
  }

  /** Returns whether the body is known to be small. Other bodies stay streams. */
  isSmall(): boolean {
    const { length } = this.#incoming;
    if (this.data !== undefined || length === undefined) return false;
    if (length > Math.min(SMALL, this.#plan.maxBody)) return false;
    return this.#plan.onDownload === undefined && this.#coding.length === 0;
  }

  /** Takes a small body, and releases the place. Most have arrived with the head and need no wait. */
  take(): Promise<void> | undefined {
    const data = this.#incoming.whole?.();
    if (data === undefined) return this.#takeLater();
    this.data = data;
    this.#release();
    return undefined;
  }

  /** Waits for a small body. It is one piece for its time limit. */
  async #takeLater(): Promise<void> {
    this.#guard.arm("body", this.#plan.timeouts.body);
    const incoming = this.#incoming;
    let data = await incoming.read() ?? NOTHING;
    for (let more; (more = await incoming.read()) !== undefined;) data = joinedBytes([data, more]);
    this.#guard.disarm();
    this.data = data;
    this.#release();
  }

  /** Reads the whole body, or its first `max` bytes and the rest of that chunk. */
  async bytes(max = Infinity): Promise<Bytes> {
    if (this.data !== undefined) return this.data;
    const chunks: Bytes[] = [];
    for (let size = 0, chunk; (chunk = await this.#next()) !== undefined;) {
      chunks.push(chunk);
      if ((size += chunk.length) >= max) {
        await this.#giveUp();
        break;
      }
    }
    return joinedBytes(chunks);
  }

  /** Returns the response for the caller. */
  response(): HttpResponse {
    const { headers } = this;
    const incoming = this.#incoming;
    const { status, statusText } = incoming;
    const { history, redirected } = this.#plan;
    const url = new URL(this.#plan.url);
    url.hash = "";
    return new HttpResponse(this.#empty ? null : this.data ?? this.stream(), {
      status,
      statusText,
      headers,
      url: url.href,
      shownUrl: this.shownUrl,
      redirected,
      history,
      connection: {
        remoteAddr: incoming.remoteAddr,
        tls: incoming.tls,
        reused: incoming.reused,
        cached: incoming.cached ?? false,
        timings: this.#timings,
        trailers: () => incoming.trailers,
      },
    });
  }

  /** Cancels the rest of the response. */
  discard(): void {
    this.#sending?.stop(NOT_WANTED);
    this.#incoming.close();
    this.#release();
  }

  /** Returns the body as a stream: decompressed, limited in size and time. */
  stream(): ReadableStream<Bytes> {
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        const chunk = await this.#next();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => this.#giveUp(),
    }, { highWaterMark: 0 });
  }

  /** Returns the next piece of the decoded body; undefined at its end. */
  async #next(): Promise<Bytes | undefined> {
    let chunk: Bytes | undefined;
    try {
      chunk = this.#coding.length === 0 ? await this.#raw() : await this.#decoding();
    } catch (error) {
      throw await this.#fail(error);
    }
    if (chunk === undefined) return undefined;
    const { maxBody, onDownload } = this.#plan;
    this.#transferred += chunk.length;
    if (this.#transferred > maxBody) {
      await this.#giveUp();
      throw this.#tooLarge();
    }
    try {
      onDownload?.({ transferred: this.#transferred, total: this.#total() });
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
    return chunk;
  }

  /** Returns the next piece that the server has sent, within its time limit. */
  async #raw(): Promise<Bytes | undefined> {
    this.#guard.arm("body", this.#plan.timeouts.body);
    const chunk = await this.#incoming.read();
    this.#guard.disarm();
    if (chunk === undefined) this.#release();
    return chunk;
  }

  /** Returns the next piece of a compressed body. A small body is decoded at once. */
  async #decoding(): Promise<Bytes | undefined> {
    if (this.#decoded === undefined) {
      if (this.#whole) return undefined;
      const first: Bytes[] = [];
      let piece: Bytes | undefined;
      for (let size = 0; size <= SMALL * 4 && (piece = await this.#raw()) !== undefined;) {
        first.push(piece);
        size += piece.length;
      }
      if (piece === undefined && (first.length > 0 || this.#incoming.framed)) {
        this.#whole = true;
        if (first.length === 0) return undefined;
        const whole = decodeWhole(joinedBytes(first), this.#coding, DECODED_AT_ONCE);
        if (whole !== undefined) return whole.length === 0 ? undefined : whole;
      }
      const rest = pieces(first, () => this.#raw());
      this.#decoded = decode(rest, this.#coding, this.#incoming.framed).getReader();
    }
    const { value } = await this.#decoded.read();
    // The server sends more behind the end of the compressed stream.
    if (value === undefined && !this.#released) await this.#giveUp();
    return value;
  }

  #total(): number | undefined {
    if (this.#coding.length > 0) return undefined;
    return parseDigits(this.headers.get("content-length") ?? "");
  }

  /** Ends the response early. */
  async #giveUp(): Promise<void> {
    // The read from the network ends first, because the decoder waits for it.
    this.#incoming.close();
    this.#release();
    await ignoreFailure(this.#decoded?.cancel());
  }

  async #fail(error: unknown): Promise<unknown> {
    await this.#giveUp();
    const { expired, cancelled, reason } = this.#guard;
    if (expired !== undefined) return timeoutError(expired, this.#plan, "maybe");
    if (reason === CLOSED) return failure(this.#plan, "closed", "the client is closed");
    if (cancelled) return reason;
    return bodyError(error, this.#plan);
  }

  #tooLarge(): Error {
    const { maxBody } = this.#plan;
    const reason = `the body has more than ${maxBody} bytes; set maxBody to allow more`;
    return failure(this.#plan, "limit", reason);
  }

  /** Ends the response. An upload keeps the place, unless the status is 300 or above. */
  #release(): void {
    if (this.#released) return;
    this.#released = true;
    const sending = this.#sending;
    if (sending === undefined || sending.over) {
      // A stopped upload may still be writing.
      if (sending !== undefined) this.#incoming.close();
      return this.#leave();
    }
    sending.onOver = () => this.#leave();
    sending.alone = true;
    this.#guard.arm("headers", this.#plan.timeouts.headers);
  }

  /** Ends the upload and the response. */
  #stop(): void {
    this.#sending?.stop(this.#guard.reason);
    this.#incoming.close();
    this.#release();
  }

  #leave(): void {
    this.#free = true;
    this.#guard.offAbort(this.#onAbort);
    this.#pool.release(this.#origin);
    if (this.#kept) this.#guard.end();
  }
}

async function* pieces(
  first: readonly Bytes[],
  next: () => Promise<Bytes | undefined>,
): AsyncGenerator<Bytes> {
  yield* first;
  for (let piece; (piece = await next()) !== undefined;) yield piece;
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
