import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
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
 * How many bytes are read ahead of whoever uses them. Beyond that nothing is read, so TCP holds the
 * client back.
 */
export const READ_AHEAD = 64 * 1024;

/** Who is told what happens on the receiving side while a request is worked on. */
export interface Watcher {
  /** The client has ended its output; with an error, the whole connection is broken. */
  clientEnded(error: unknown): void;
  /** The client has sent so much that nothing more is read. Its end cannot be noticed now. */
  clientAhead(): void;
}

type ReadOptions = NonNullable<Parameters<Connection["readChunk"]>[0]>;

/** The receiving side of an HTTP connection. One read at a time, whoever asks for it. */
export class Incoming {
  /** Takes all bytes that arrive. */
  readonly decoder: Http1Decoder;
  readonly #conn: Connection;
  /** The read in flight. The body and reading ahead may both wait for it. */
  #reading: Promise<boolean> | undefined;
  #lent = false;
  #watcher: Watcher | undefined;
  /** Ends reading ahead. */
  #stop: AbortController | undefined;
  /** The read that reading ahead has begun; it ends by `#stop`. */
  #ahead: Promise<boolean> | undefined;
  #paused = false;
  #discards = false;

  constructor(conn: Connection, limits: Http1Limits) {
    this.#conn = conn;
    this.decoder = new Http1Decoder("request", limits);
  }

  /** Whether bytes have been thrown away. No further request can be found then. */
  get discards(): boolean {
    return this.#discards;
  }

  /** Whether reading ahead pauses, since nobody uses what has come. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether the decoder finds its next bytes in memory that the next read overwrites. */
  get lent(): boolean {
    return this.#lent;
  }

  /**
   * Reads more. Gives false at the end of the client's output.
   *
   * @param options As `readChunk` takes them; those of a read in flight stay.
   */
  more(options: ReadOptions): Promise<boolean> {
    if (this.#reading !== undefined) return this.#reading;
    if (this.#lent) this.decoder.keep();
    this.#lent = options.lent === true;
    return this.#reading = this.#conn.readChunk(options).then(this.#onChunk, this.#onFailure);
  }

  /** Tells a client that waits for it to send the body. */
  continue(): Promise<void> {
    return this.#conn.write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  /** A request begins: its watcher learns what any read of it finds. */
  begin(watcher: Watcher): void {
    this.#watcher = watcher;
  }

  /**
   * Reads ahead until the request is over, so that the end of the client is noticed. What comes is
   * kept, up to {@linkcode READ_AHEAD} bytes.
   */
  watch(): void {
    if (this.#stop !== undefined) return;
    this.#stop = new AbortController();
    void this.#readAhead(this.#stop.signal);
  }

  /** Goes on reading ahead, now that some of what has come was used. */
  resume(): void {
    if (!this.#paused || (this.decoder.buffered >= READ_AHEAD && !this.#discards)) return;
    this.#paused = false;
    void this.#readAhead(this.#stop!.signal);
  }

  /** Throws away what comes from now on: nobody will use it, and the end of the client matters. */
  discard(): void {
    this.#discards = true;
    this.resume();
  }

  /**
   * The request is over. What was read ahead is kept for the next one.
   *
   * @returns Resolves when the next request can be read; undefined if that is now.
   */
  end(): Promise<unknown> | undefined {
    this.#watcher = undefined;
    if (this.#stop === undefined) return undefined;
    this.#stop.abort(OVER);
    this.#stop = undefined;
    this.#paused = false;
    return this.#ahead?.catch(() => {});
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
      return; // The watcher knows.
    }
    this.#paused = true;
    this.#watcher?.clientAhead();
  }

  readonly #onChunk = (bytes: Bytes | null): boolean => {
    if (bytes === null) this.#watcher?.clientEnded(undefined);
    else if (!this.#discards) this.decoder.push(bytes);
    this.#reading = undefined;
    return bytes !== null;
  };

  readonly #onFailure = (error: unknown): never => {
    if (error !== OVER) this.#watcher?.clientEnded(error);
    this.#reading = undefined;
    throw error;
  };
}

/** The reason why reading ahead ends when its request is over. */
const OVER = new NetError("The request is over", { kind: "closed", phase: "read" });

/** The body of one request, as its head frames it. */
export class IncomingBody {
  /** Whether it has been read whole, so that the next request follows. */
  done = false;

  readonly #incoming: Incoming;
  #expects: boolean;
  /** What was taken in before anybody read it. */
  #ahead: Bytes = EMPTY;
  #fields: Http1Fields | undefined;
  /** Why the end of the body will not be read. */
  #failure: unknown;
  #over = false;
  #trailers: PromiseWithResolvers<Headers> | undefined;

  constructor(incoming: Incoming, framing: Http1Framing, expects: boolean) {
    this.#incoming = incoming;
    this.#expects = expects;
    if (framing === 0) this.done = incoming.decoder.next()?.kind === "end";
  }

  /** The fields behind the body, once it has been read. Rejects if that cannot be any more. */
  get trailers(): Promise<Headers> {
    if (this.#trailers === undefined) {
      this.#trailers = Promise.withResolvers();
      // Whoever does not look must not end the process.
      this.#trailers.promise.catch(() => {});
      if (this.done) this.#trailers.resolve(requestTrailers(this.#fields));
      else if (this.#failure !== undefined || this.#over) this.#fail(cutShort());
    }
    return this.#trailers.promise;
  }

  /** The request is over: what has not been read now is never read. */
  end(): void {
    this.#over = true;
    if (!this.done && this.#trailers !== undefined) this.#fail(cutShort());
  }

  /** Looks whether all of it has come; nothing is lost to a reader that comes later. */
  takeIn(): void {
    if (this.done || this.#ahead.length > 0) return;
    try {
      this.#ahead = this.#take() ?? EMPTY;
      this.#incoming.resume();
    } catch (error) {
      // The reader gets this error again. Nothing can follow a body that has no end.
      if (!(error instanceof ProblemError || error instanceof NetError)) throw error;
    }
  }

  /**
   * The head of the response goes out. From now on a 100 would stand in the middle of it, and the
   * client knows without it that its request has been read (RFC 9110 §10.1.1).
   */
  answered(): void {
    this.#expects = false;
  }

  /** Takes the whole body, if all of it has arrived and has at most so many bytes. */
  takeWhole(max: number): Bytes | undefined {
    // A 100 is owed to a client that waits for it, and an error to whoever reads.
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
      // The response may have been made during a wait, and what came then is here.
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

  /** Nobody wants the rest. The connection ends with this request then. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }

  /** All that has come of it, in memory that may be transferred away; undefined if nothing has. */
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
