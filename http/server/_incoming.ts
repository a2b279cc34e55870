import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { hooks, type ReadListener } from "../../net/internal/connection_hooks.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import {
  Http1Decoder,
  type Http1End,
  Http1Error,
  type Http1Fields,
  type Http1Framing,
  type Http1Limits,
} from "../http1/codec.ts";
import { requestTrailers } from "../internal/trailer_fields.ts";
import { ProblemError } from "../problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Maximum number of bytes that are read ahead. Beyond them the server does not read, so TCP applies
 * backpressure.
 */
export const READ_AHEAD = 64 * 1024;

/** Receives the events of the receiving side during a request. */
export interface Watcher {
  /** Handles the end of the client's output; with an error, the connection is broken. */
  clientEnded(error: unknown): void;
  /** Handles a pause of reading ahead, in which the end of the client cannot be noticed. */
  clientAhead(): void;
}

type ReadOptions = Omit<NonNullable<Parameters<Connection["readChunk"]>[0]>, "lent">;

/** The receiving side of an HTTP connection. Only one read runs at a time. */
export class Incoming {
  /** The decoder of all bytes that arrive. */
  readonly decoder: Http1Decoder;
  readonly #conn: Connection;
  /** The pending read. The body and reading ahead may both wait for it. */
  #reading: Promise<boolean> | undefined;
  #lent = false;
  #watcher: Watcher | undefined;
  /** Stops reading ahead when it is aborted. */
  #stop: AbortController | undefined;
  /** The read that reading ahead has started; `#stop` ends it. */
  #ahead: Promise<boolean> | undefined;
  #paused = false;
  #discards = false;

  constructor(conn: Connection, limits: Http1Limits) {
    this.#conn = conn;
    this.decoder = new Http1Decoder("request", limits);
  }

  /** Whether bytes have been discarded. No further request can be read then. */
  get discards(): boolean {
    return this.#discards;
  }

  /** Whether reading ahead has paused, because the received bytes are not used. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether the next read overwrites the bytes of the decoder. */
  get lent(): boolean {
    return this.#lent;
  }

  /**
   * Reads more bytes. Returns false at the end of the client's output.
   *
   * @param options The options of `readChunk`. They do not change a pending read.
   */
  more(options: ReadOptions): Promise<boolean> {
    if (this.#reading !== undefined) return this.#reading;
    if (this.#lent) this.decoder.keep();
    this.#lent = false;
    return this.#reading = this.#conn.readChunk(options).then(
      (bytes) => this.#onChunk(bytes),
      (error) => this.#onFailure(error),
    );
  }

  /**
   * Reads the next bytes of a head, between two requests. No promise waits for them.
   *
   * @param listener Passes what it gets to {@linkcode Incoming.take}.
   * @param timeout In milliseconds; Infinity for none.
   * @returns What {@linkcode Incoming.take} returns, or undefined if the listener gets the bytes.
   */
  head(listener: ReadListener, timeout: number): boolean | undefined {
    const { decoder } = this;
    if (this.#lent) decoder.keep();
    this.#lent = true;
    const bytes = hooks.read(this.#conn, listener, !decoder.between, timeout);
    return bytes === undefined ? undefined : this.take(bytes);
  }

  /** Takes bytes of a head. Returns false at the end of the client's output. */
  take(bytes: Bytes | null): boolean {
    if (bytes === null) return false;
    this.decoder.push(bytes);
    return true;
  }

  /** Sends 100, so that a waiting client sends the body. */
  continue(): Promise<void> {
    return this.#conn.write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  /** Starts a request. Its watcher receives the events of all reads. */
  begin(watcher: Watcher): void {
    this.#watcher = watcher;
  }

  /**
   * Reads ahead until the request is over, to notice the end of the client. At most
   * {@linkcode READ_AHEAD} bytes are kept.
   */
  watch(): void {
    if (this.#stop !== undefined) return;
    this.#stop = new AbortController();
    void this.#readAhead(this.#stop.signal);
  }

  /** Continues reading ahead, after some of the received bytes were used. */
  resume(): void {
    if (!this.#paused || (this.decoder.buffered >= READ_AHEAD && !this.#discards)) return;
    this.#paused = false;
    void this.#readAhead(this.#stop!.signal);
  }

  /** Discards further input. No reader uses it, and only the end of the client matters. */
  discard(): void {
    this.#discards = true;
    this.resume();
  }

  /**
   * Ends the request. Bytes that were read ahead are kept for the next one.
   *
   * @returns A promise that resolves when the next request can be read; undefined if that is now.
   */
  end(): Promise<unknown> | undefined {
    this.#watcher = undefined;
    if (this.#stop === undefined) return undefined;
    this.#stop.abort(OVER);
    this.#stop = undefined;
    this.#paused = false;
    return this.#ahead && ignoreFailure(this.#ahead);
  }

  async #readAhead(signal: AbortSignal): Promise<void> {
    const options = { inMessage: true, signal };
    try {
      while (this.#discards || this.decoder.buffered < READ_AHEAD) {
        const reading = this.#reading ?? (this.#ahead = this.more(options));
        const more = await reading;
        this.#ahead = undefined;
        if (!more || signal.aborted) return;
      }
    } catch {
      return; // The watcher has been called.
    }
    this.#paused = true;
    this.#watcher?.clientAhead();
  }

  #onChunk(bytes: Bytes | null): boolean {
    if (bytes === null) this.#watcher?.clientEnded(undefined);
    else if (!this.#discards) this.decoder.push(bytes);
    this.#reading = undefined;
    return bytes !== null;
  }

  #onFailure(error: unknown): never {
    if (error !== OVER) this.#watcher?.clientEnded(error);
    this.#reading = undefined;
    throw error;
  }
}

/** The reason that ends reading ahead at the end of a request. */
const OVER = new NetError("The request is over", { kind: "closed", phase: "read" });

/** The body of one request. */
export class IncomingBody {
  /** Whether the whole body has been read, so that the next request follows. */
  done = false;

  readonly #incoming: Incoming;
  #expects: boolean;
  /** Bytes that were decoded before a reader asked for them. */
  #ahead: Bytes = EMPTY;
  #fields: Http1Fields | undefined;
  /** The reason why the end of the body cannot be read. */
  #failure: unknown;
  #over = false;
  #trailers: PromiseWithResolvers<Headers> | undefined;

  constructor(incoming: Incoming, framing: Http1Framing, expects: boolean) {
    this.#incoming = incoming;
    this.#expects = expects;
    if (framing === 0) this.done = incoming.decoder.next()?.kind === "end";
  }

  /** The fields after the body. Rejects if the body is not read to its end. */
  get trailers(): Promise<Headers> {
    if (this.#trailers === undefined) {
      this.#trailers = Promise.withResolvers();
      // An unused promise that rejects must not end the process.
      void ignoreFailure(this.#trailers.promise);
      if (this.done) this.#trailers.resolve(requestTrailers(this.#fields));
      else if (this.#failure !== undefined || this.#over) this.#fail(cutShort());
    }
    return this.#trailers.promise;
  }

  /** Ends the request. The unread part of the body is never read. */
  end(): void {
    this.#over = true;
    if (!this.done && this.#trailers !== undefined) this.#fail(cutShort());
  }

  /** Decodes the bytes that have arrived, and keeps them for a later reader. */
  takeIn(): void {
    if (this.done || this.#ahead.length > 0) return;
    try {
      this.#ahead = this.#take() ?? EMPTY;
      this.#incoming.resume();
    } catch (error) {
      // The reader gets this error again. No request can follow a body without an end.
      if (!(error instanceof ProblemError || error instanceof NetError)) throw error;
    }
  }

  /**
   * Sends no 100 any more, because the head of the response is about to be sent. From now on a 100 would be in the middle
   * of the response, and the client does not need it any more (RFC 9110 §10.1.1).
   */
  answered(): void {
    this.#expects = false;
  }

  /** Takes the whole body, if it has arrived completely and has at most `max` bytes. */
  takeWhole(max: number): Bytes | undefined {
    // A waiting client needs a 100 first, and a reader of the stream needs the bytes or the error.
    if (this.#expects || this.#ahead.length > 0) return undefined;
    try {
      this.#ahead = this.#take() ?? EMPTY;
      this.#incoming.resume();
    } catch {
      return undefined;
    }
    const whole = this.#ahead;
    if (!this.done || whole.length > max) return undefined;
    this.#ahead = EMPTY;
    return whole;
  }

  async read(): Promise<ReadableStreamReadResult<Bytes>> {
    const incoming = this.#incoming;
    for (;;) {
      // The response may have been made during the wait. `takeIn` has kept the bytes then.
      const ahead = this.#ahead;
      if (ahead.length > 0) {
        this.#ahead = EMPTY;
        return { done: false, value: ahead };
      }
      if (this.done) break;
      const value = this.#take();
      incoming.resume();
      if (value !== undefined && value.length > 0) return { done: false, value };
      if (this.done) break;
      if (this.#expects) {
        this.#expects = false;
        await incoming.continue();
      }
      if (!(await incoming.more(IN_MESSAGE))) throw this.#fail(cutShort());
    }
    return { done: true, value: undefined };
  }

  /** Gives up the rest. The connection ends with this request. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }

  /** Returns the bytes that have arrived, in memory that may be transferred; undefined without any. */
  #take(): Bytes | undefined {
    if (this.#incoming.discards) throw cutShort();
    const { decoder } = this.#incoming;
    const pieces: Bytes[] = [];
    try {
      for (let event; !this.done && (event = decoder.next()) !== undefined;) {
        if (event.kind === "data") pieces.push(event.bytes);
        else this.#ended(event as Http1End);
      }
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      const headers = { connection: "close" };
      throw this.#fail(new ProblemError(400, { detail: error.message, headers }));
    }
    if (pieces.length === 0) return this.done ? EMPTY : undefined;
    if (pieces.length === 1 && decoder.buffered === 0 && !this.#incoming.lent) return pieces[0];
    const value = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      value.set(piece, at);
      at += piece.length;
    }
    return value;
  }

  #ended({ trailers }: Http1End): void {
    this.done = true;
    this.#fields = trailers;
    this.#trailers?.resolve(requestTrailers(trailers));
  }

  #fail<E>(error: E): E {
    this.#failure ??= error;
    this.#trailers?.reject(this.#failure);
    return error;
  }
}

function cutShort(): NetError {
  return new NetError("The client has ended in the middle of a body", {
    kind: "truncated",
    phase: "read",
  });
}

const IN_MESSAGE = { inMessage: true };
const EMPTY: Bytes = new Uint8Array(0);
