import type { Connection } from "../net/connection.ts";
import { NetError } from "../net/errors.ts";
import { Http1Decoder, Http1Error, type Http1Framing, type Http1Limits } from "./http1_codec.ts";
import { ProblemError } from "./problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The receiving side of an HTTP connection. */
export class Incoming {
  /** Where all that comes goes through. */
  readonly decoder: Http1Decoder;
  readonly #conn: Connection;

  constructor(conn: Connection, limits: Http1Limits) {
    this.#conn = conn;
    this.decoder = new Http1Decoder("request", limits);
  }

  /**
   * Reads more; gives false at the end.
   *
   * @param options As `readChunk` takes them.
   */
  async more(options: Parameters<Connection["readChunk"]>[0]): Promise<boolean> {
    const bytes = await this.#conn.readChunk(options);
    if (bytes === null) return false;
    this.decoder.push(bytes);
    return true;
  }

  /** Tells a client that waits for it to send the body. */
  continue(): Promise<void> {
    return this.#conn.write("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

/** The body of one request, as its head frames it. */
export class IncomingBody {
  /** Whether it has been read whole, so that the next request follows. */
  done = false;
  /** Called when it has been. */
  onDone: (() => void) | undefined;

  readonly #incoming: Incoming;
  #expects: boolean;
  /** What was taken in before anybody read it. */
  #ahead: Bytes = EMPTY;

  constructor(incoming: Incoming, framing: Http1Framing, expects: boolean) {
    this.#incoming = incoming;
    this.#expects = expects;
    if (framing === 0) this.done = incoming.decoder.next()?.kind === "end";
  }

  /** Looks whether all of it has come; nothing is lost to a reader that comes later. */
  takeIn(): void {
    if (this.done || this.#ahead.length > 0) return;
    try {
      this.#ahead = this.#take() ?? EMPTY;
    } catch (error) {
      // Who reads is told again, and nothing can follow a body that has no end.
      if (!(error instanceof ProblemError)) throw error;
    }
  }

  async read(): Promise<ReadableStreamReadResult<Bytes>> {
    const ahead = this.#ahead;
    if (ahead.length > 0) {
      this.#ahead = EMPTY;
      return { done: false, value: ahead };
    }
    while (!this.done) {
      const value = this.#take();
      if (this.done) this.onDone?.();
      if (value !== undefined && value.length > 0) return { done: false, value };
      if (this.done) break;
      if (this.#expects) {
        this.#expects = false;
        await this.#incoming.continue();
      }
      if (!(await this.#incoming.more({ inMessage: true }))) {
        throw new NetError("The client has ended in the middle of a body", {
          kind: "truncated",
          phase: "read",
        });
      }
    }
    return { done: true, value: undefined };
  }

  /** Nobody wants the rest; the connection ends with this request then. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }

  /** All that has come of it, in memory that may be transferred away; undefined if nothing has. */
  #take(): Bytes | undefined {
    const { decoder } = this.#incoming;
    const pieces: Bytes[] = [];
    try {
      for (let event; !this.done && (event = decoder.next()) !== undefined;) {
        if (event.kind === "data") pieces.push(event.bytes);
        else this.done = true;
      }
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      throw new ProblemError(400, { detail: error.message, headers: { connection: "close" } });
    }
    if (pieces.length === 0) return this.done ? EMPTY : undefined;
    if (pieces.length === 1 && decoder.buffered === 0) return pieces[0];
    const value = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      value.set(piece, at);
      at += piece.length;
    }
    return value;
  }
}

const EMPTY: Bytes = new Uint8Array(0);
