import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { parseDigits } from "../../net/text.ts";
import type { BodySource, LimitedBody } from "./_request_body.ts";
import type { Clock, Due } from "../internal/clock.ts";
import type { Gate } from "./_gate.ts";
import { clientGone, HandlerInfo } from "./_handler_info.ts";
import { READ_AHEAD } from "./_incoming.ts";
import { type ServedBody, takeServedBody } from "../internal/served_request.ts";
import type { HttpAddr } from "./handler.ts";
import { NULL_BODY } from "../internal/null_body.ts";
import { lengthToSend } from "../internal/sent_bytes.ts";
import { type Body, openBody } from "./_response_body.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Read = ReadableStreamReadResult<Bytes>;

/** Deno's own signal of a request. It is aborted when the request ends, also by success. */
const signalOf = Object.getOwnPropertyDescriptor(Request.prototype, "signal")!.get as (
  this: Request,
) => AbortSignal;

/**
 * Delay after which the server reads ahead of a handler that does not read a body, in milliseconds.
 * Reading has a price: Deno 2.9 sometimes misses the end of a client after a body was read in several
 * pieces. A handler that answers at once does not need it.
 */
const READ_AHEAD_DELAY = 250;

/** A request of `Deno.serve`, and its response. */
export class DenoInfo extends HandlerInfo {
  /** The body of the request, if it has one. */
  body: LimitedBody | undefined;
  source: DenoBody | undefined;

  readonly #inner: Deno.ServeHandlerInfo<HttpAddr>;
  readonly #request: Request;
  readonly #clock: Clock;
  #peer: HttpAddr | undefined;
  #onAbort: (() => void) | undefined;
  #ended = false;
  #ahead: Due | undefined;
  /** Length of the body of the response, if it is known beforehand; 0 without a response. */
  #length = 0;
  /** Bytes of a body of unknown length that were handed to Deno. */
  #streamed: number | undefined;
  /** The streaming body of the response, if this class has to notice its end. */
  #out: { readonly body: Body; readonly fail: (error: unknown) => void } | undefined;

  /**
   * @param gate The gate of the server, whose clock watches clients.
   * @param inner The information that Deno provides.
   * @param request The request that Deno has made.
   */
  constructor(
    gate: Gate,
    inner: Deno.ServeHandlerInfo<HttpAddr>,
    request: Request,
  ) {
    super(gate.closing.signal);
    this.#clock = gate.clientClock;
    this.#inner = inner;
    this.#request = request;
  }

  get peerAddr(): HttpAddr {
    return this.#peer ?? this.#inner.remoteAddr;
  }

  get completed(): Promise<void> {
    return this.#inner.completed;
  }

  override whenComplete(callback: () => void): void {
    this.completed.then(callback, callback);
  }

  protected override watch(): void {
    if (!this.#remember()) return;
    const over = () => {
      this.end();
      this.source?.release();
    };
    this.completed.then(over, over);
    const signal = signalOf.call(this.#request);
    this.#onAbort = () => this.clientEnded();
    if (signal.aborted) this.clientEnded();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
    const { source } = this;
    if (source === undefined) return;
    // Deno does not notice the end of a client behind an unread body.
    this.#ahead = { due: performance.now() + READ_AHEAD_DELAY, expire: () => source.watch() };
    this.#clock.watch(this.#ahead);
  }

  /** Marks the client as gone, and ends the body of the response. */
  clientEnded(cause?: unknown): void {
    this.#ended = true;
    this.leave(clientGone(this.remoteAddr, cause));
    const out = this.#out;
    if (out === undefined) return;
    this.#out = undefined;
    out.body.cancel(this.gone);
    out.fail(this.gone);
  }

  /** Ends the request, unless its body still streams. Over HTTP/2, Deno cancels the body later. */
  override end(): void {
    if (this.#out === undefined) super.end();
  }

  override returned(response: Response): Response | Promise<Response> {
    if (this.#ahead !== undefined) this.#clock.unwatch(this.#ahead);
    this.source?.stop();
    if (this.#onAbort !== undefined) {
      signalOf.call(this.#request).removeEventListener("abort", this.#onAbort);
    }
    let unknown = false;
    if (this.counting) {
      const length = lengthToSend(response, this.#request.method);
      unknown = length === undefined;
      this.#length = length ?? 0;
    }
    // Following a body costs time, and Deno cancels it when the client leaves. But it does not do so
    // while the body of the request is read, and its own signal is also aborted by success.
    const reading = this.body?.reading ?? false;
    if ((!this.watched && !reading && !unknown) || NULL_BODY.has(response.status)) return response;
    if (this.#request.method === "HEAD") return response; // Deno cancels this body by itself.
    return this.#remember() ? this.#follow(response) : response;
  }

  protected override sentBytes(): number {
    // For a body that Deno sends alone, it does not report the number of sent bytes.
    return this.#streamed ?? this.#length;
  }

  /** Keeps the address, which Deno forgets when the request is over or was upgraded. */
  #remember(): boolean {
    try {
      this.#peer = this.peerAddr;
      return true;
    } catch {
      return false;
    }
  }

  /** Returns the same response with a body that notices whether the client receives all of it. */
  async #follow(response: Response): Promise<Response> {
    const body = await openBody(response);
    const { status, statusText, headers } = response;
    const init = { status, statusText, headers };
    if (body.whole !== undefined) {
      this.#length = body.whole.length;
      return new Response(body.whole, init);
    }
    this.#streamed = 0;
    if (this.#ended) {
      body.cancel(this.gone);
      return new Response(null, init);
    }
    let left = parseDigits(headers.get("content-length") ?? "") ?? Infinity;
    let fail: (error: unknown) => void;
    const stream = new ReadableStream<Bytes>({
      start: (controller) => void (fail = (error) => controller.error(error)),
      pull: async (controller) => {
        const { done, value } = await body.next();
        if (this.#out === undefined) return;
        if (!done) {
          left -= value.length;
          this.#streamed! += value.length;
          return controller.enqueue(value);
        }
        this.#out = undefined;
        controller.close();
      },
      cancel: (reason) => {
        if (left > 0) return this.clientEnded();
        // Deno also cancels a body after it has sent its whole length.
        this.#out = undefined;
        body.cancel(reason);
      },
    }, { highWaterMark: 0 });
    this.#out = { body, fail: fail! };
    return new Response(stream, init);
  }
}

/** The body of a request of `Deno.serve`. */
export class DenoBody implements BodySource {
  readonly #body: ServedBody;
  /** Called if reading ahead notices that the client has gone. */
  readonly #onEnd: (error: unknown) => void;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  /** The reads ahead, and the number of their bytes. */
  #ahead: Promise<Read>[] = [];
  #size = 0;
  #watching = false;
  #paused = false;
  #stopped = false;

  constructor(body: ServedBody, onEnd: (error: unknown) => void) {
    this.#body = body;
    this.#onEnd = onEnd;
  }

  takeWhole(max: number): Bytes | undefined {
    return this.#reader === undefined ? takeServedBody(this.#body, max) : undefined;
  }

  read(): Promise<Read> {
    const first = this.#ahead.shift();
    return first === undefined ? this.#read() : first.then((read) => this.#used(read));
  }

  cancel(reason: unknown): Promise<void> {
    return (this.#reader ?? this.#body.stream).cancel(reason);
  }

  /** Reads a bounded number of bytes ahead, because Deno notices the end of a client only then. */
  watch(): void {
    if (this.#watching || this.#stopped) return;
    this.#watching = true;
    void this.#readAhead();
  }

  /** Stops reading ahead. */
  stop(): void {
    this.#stopped = true;
  }

  /** Releases the body at the end of the request. Deno does this only for an unread body. */
  release(): void {
    if (this.#watching) void ignoreFailure(this.cancel(undefined));
  }

  /** Reads. The reader is made as late as possible, so that Deno can release an unread body. */
  #read(): Promise<Read> {
    return (this.#reader ??= this.#body.stream.getReader()).read();
  }

  async #readAhead(): Promise<void> {
    try {
      while (this.#size < READ_AHEAD) {
        if (this.#stopped) return;
        const reading = this.#read();
        this.#ahead.push(reading);
        const { done, value } = await reading;
        if (done) return;
        this.#size += value.length;
      }
      this.#paused = true;
    } catch (error) {
      this.#onEnd(error);
    }
  }

  #used(read: Read): Read {
    if (!read.done) this.#size -= read.value.length;
    if (this.#paused && this.#size < READ_AHEAD) {
      this.#paused = false;
      void this.#readAhead();
    }
    return read;
  }
}
