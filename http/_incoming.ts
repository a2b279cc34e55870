import type { Connection } from "../net/connection.ts";
import { NetError } from "../net/errors.ts";
import { ChunkDecoder } from "./_chunks.ts";
import { ProblemError } from "./problem.ts";
import type { Framing } from "./_request_head.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The receiving side of an HTTP connection: what came too much is kept for who reads next. */
export class Incoming {
  readonly #conn: Connection;
  #kept: Bytes | undefined;

  constructor(conn: Connection) {
    this.#conn = conn;
  }

  /** How many bytes are kept. */
  get kept(): number {
    return this.#kept?.length ?? 0;
  }

  /** Keeps what is the next one's. */
  keep(bytes: Bytes): void {
    if (bytes.length > 0) this.#kept = bytes;
  }

  /**
   * The next bytes, or null at the end.
   *
   * @param options As `readChunk` takes them.
   */
  read(options: Parameters<Connection["readChunk"]>[0]): Promise<Bytes | null> {
    const kept = this.#kept;
    if (kept === undefined) return this.#conn.readChunk(options);
    this.#kept = undefined;
    return Promise.resolve(kept);
  }

  /** Tells a client that waits for it to send the body. */
  continue(): Promise<void> {
    return this.#conn.write("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

/** The body of one request, as its head frames it. */
export class IncomingBody {
  /** Whether it has been read whole, so that the next request follows. */
  done: boolean;
  /** Called when it has been. */
  onDone: (() => void) | undefined;

  readonly #incoming: Incoming;
  readonly #decoder: ChunkDecoder | undefined;
  #left: number;
  #expects: boolean;

  constructor(incoming: Incoming, framing: Framing, expects: boolean) {
    this.#incoming = incoming;
    this.#expects = expects;
    this.#left = framing === "chunked" ? Infinity : framing;
    this.#decoder = framing === "chunked" ? new ChunkDecoder() : undefined;
    this.done = framing === 0;
  }

  /** Takes what is left of it, if that has come already. */
  async skip(): Promise<void> {
    if (this.done || this.#left > this.#incoming.kept) return;
    while (!this.done) await this.read();
  }

  async read(): Promise<ReadableStreamReadResult<Bytes>> {
    while (!this.done) {
      if (this.#expects) {
        this.#expects = false;
        await this.#incoming.continue();
      }
      const bytes = await this.#incoming.read({ inMessage: true });
      if (bytes === null) {
        throw new NetError("The client has ended in the middle of a body", {
          kind: "truncated",
          phase: "read",
        });
      }
      const value = this.#decoder ? this.#decode(this.#decoder, bytes) : this.#count(bytes);
      if (this.done) this.onDone?.();
      if (value.length > 0) return { done: false, value };
    }
    return { done: true, value: undefined };
  }

  /** Nobody wants the rest; the connection ends with this request then. */
  cancel(): Promise<void> {
    return Promise.resolve();
  }

  #count(bytes: Bytes): Bytes {
    let value = bytes;
    if (bytes.length > this.#left) {
      // Two copies: a reader may transfer its memory away.
      value = bytes.slice(0, this.#left);
      this.#incoming.keep(bytes.slice(this.#left));
    }
    this.#left -= value.length;
    this.done = this.#left === 0;
    return value;
  }

  #decode(decoder: ChunkDecoder, bytes: Bytes): Bytes {
    const pieces: Bytes[] = [];
    try {
      decoder.push(bytes, pieces);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new ProblemError(400, { detail: error.message, headers: { connection: "close" } });
    }
    if (decoder.done) {
      this.done = true;
      this.#incoming.keep(decoder.rest.slice());
    }
    const value = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      value.set(piece, at);
      at += piece.length;
    }
    return value;
  }
}
