/**
 * HTTP/1.1 as bytes (RFC 9112): requests and responses, in both directions, without any I/O.
 *
 * The decoder is strict where two programs could read one message in two ways, since that is how
 * requests are smuggled: bare CR or LF, folded lines, spaces before a colon, both or several
 * lengths, signs, lists, codings other than chunked, malformed chunks are errors. Header lines keep
 * their order, their duplicates and their case. Bodies are views of what was pushed.
 *
 * @example Take a request apart
 * ```ts
 * import { Http1Decoder } from "@portside/kit/http/http1-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new Http1Decoder("request");
 * decoder.push(new TextEncoder().encode(
 *   "POST /a HTTP/1.1\r\nHost: example.com\r\nContent-Length: 2\r\n\r\nhi",
 * ));
 * const kinds = [];
 * for (let event; (event = decoder.next()) !== undefined;) kinds.push(event.kind);
 * assertEquals(kinds, ["request", "data", "end"]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { CLASS, CR, LF, TOKEN } from "./_http1_bytes.ts";
import { addOverhead, badChunk, readSizeLine } from "./_http1_chunk.ts";
import { Http1Error } from "./_http1_error.ts";
import type { Http1Fields } from "./_http1_fields.ts";
import {
  type Http1Framing,
  type Http1Request,
  type Http1Response,
  readRequest,
  readResponse,
  readTrailers,
} from "./_http1_head.ts";
import { checkLimits, type Http1Limits } from "./_http1_limits.ts";

export { encodeHttp1Chunk, encodeHttp1End, encodeHttp1Head } from "./_http1_encode.ts";
export { Http1Error } from "./_http1_error.ts";
export { Http1Fields } from "./_http1_fields.ts";
export type { Http1Limits } from "./_http1_limits.ts";
export type { Http1Framing, Http1Request, Http1Response } from "./_http1_head.ts";

/** Some bytes of a body. */
export interface Http1Data {
  /** Tells it from other events. */
  readonly kind: "data";
  /** A view of what was pushed, lent until the decoder is used again. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The end of a message. */
export interface Http1End {
  /** Tells it from other events. */
  readonly kind: "end";
  /** The fields behind the last chunk, if there are any. */
  readonly trailers: Http1Fields | undefined;
}

/** What the decoder finds, in this order: a head, data, an end. */
export type Http1Event = Http1Request | Http1Response | Http1Data | Http1End;

/** The most empty lines in front of a request: a mistake of some old clients (RFC 9112 §2.2). */
const MAX_EMPTY_LINES = 2;

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);
const END: Http1End = { kind: "end", trailers: undefined };

const enum State {
  /** A response that nobody waits for. */
  Unasked,
  Head,
  /** A body with a length, or the data of a chunk. */
  Counted,
  Close,
  ChunkSize,
  ChunkEnd,
  Trailers,
  /** The end is to be told. */
  End,
  /** What follows is of another protocol. */
  Raw,
}

/**
 * Takes the bytes of one direction of a connection apart.
 *
 * @example A response to HEAD has no body
 * ```ts
 * import { Http1Decoder } from "@portside/kit/http/http1-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new Http1Decoder("response");
 * decoder.answers("HEAD");
 * decoder.push(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"));
 * assertEquals([decoder.next()?.kind, decoder.next()?.kind], ["response", "end"]);
 * ```
 */
export class Http1Decoder {
  readonly #request: boolean;
  readonly #limits: Required<Http1Limits>;

  #state: State;
  #method = "GET";
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #at = 0;
  #end = 0;
  /** Whether the memory is ours, as opposed to lent. */
  #owned = false;
  #finished = false;
  /** Bytes left of a body or chunk. */
  #left = 0;
  #chunked = false;
  /** Overhead of the chunks beyond what is free, in bytes. */
  #excess = 0;
  #emptyLines = 0;
  /** Lines found so far, and where to look on, both from `#at`. */
  #lines: number[] = [];
  #scan = 0;

  /**
   * Makes a decoder.
   *
   * @param side What is to be decoded.
   * @param limits How large it may be.
   * @throws {RangeError} If a limit is no number above 0.
   */
  constructor(side: "request" | "response", limits: Http1Limits = {}) {
    this.#request = side === "request";
    this.#state = this.#request ? State.Head : State.Unasked;
    this.#limits = checkLimits(limits);
  }

  /** How many bytes have been pushed and not been told. */
  get buffered(): number {
    return this.#end - this.#at;
  }

  /** Whether a message has begun whose end has not been told. */
  get inMessage(): boolean {
    return this.#state !== State.Head && this.#state !== State.Unasked && this.#state !== State.Raw;
  }

  /** Whether the next byte begins a message, or would. */
  get between(): boolean {
    return this.#end === this.#at &&
      (this.#state === State.Head || this.#state === State.Unasked);
  }

  /**
   * Says which request the next response answers, without which none is expected.
   *
   * @param method The method of the request.
   */
  answers(method: string): void {
    this.#method = method;
    this.#state = State.Head;
  }

  /**
   * Adds bytes. They are lent until {@linkcode Http1Decoder.next} gives undefined, or an end with
   * nothing behind it.
   *
   * @param bytes What has come.
   */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#at === this.#end) {
      this.#bytes = bytes;
      this.#at = 0;
      this.#end = bytes.length;
      this.#owned = false;
      return;
    }
    this.#own(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
    this.#mark();
  }

  /** Says that the peer has ended: a message that has not is truncated. */
  finish(): void {
    this.#finished = true;
  }

  /**
   * Takes what has been pushed and not been told, for a protocol that follows.
   *
   * @returns The bytes, the caller's own.
   */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = this.#bytes.slice(this.#at, this.#end);
    this.#at = this.#end;
    this.#state = State.Raw;
    return rest;
  }

  /**
   * Finds the next part of a message.
   *
   * @returns The part, or undefined where more bytes are needed.
   * @throws {Http1Error} If the message is malformed, too large or truncated.
   */
  next(): Http1Event | undefined {
    for (;;) {
      switch (this.#state) {
        case State.Head: {
          const head = this.#head();
          if (head === undefined) return this.#starve();
          return head;
        }
        case State.Counted: {
          const size = Math.min(this.#left, this.#end - this.#at);
          if (size === 0) return this.#starve();
          this.#left -= size;
          if (this.#left === 0) this.#state = this.#chunked ? State.ChunkEnd : State.End;
          return this.#data(size);
        }
        case State.Close: {
          const size = this.#end - this.#at;
          if (size > 0) return this.#data(size);
          if (!this.#finished) return undefined;
          this.#state = State.End;
          break;
        }
        case State.ChunkSize:
          if (!this.#chunkSize()) return this.#starve();
          break;
        case State.ChunkEnd:
          if (!this.#chunkEnd()) return this.#starve();
          break;
        case State.Trailers: {
          const trailers = this.#trailers();
          if (trailers === undefined) return this.#starve();
          this.#ended();
          return trailers.size === 0 ? END : { kind: "end", trailers };
        }
        case State.End:
          this.#ended();
          return END;
        case State.Unasked:
        case State.Raw:
          this.keep();
          return undefined;
      }
    }
  }

  #ended(): void {
    this.#state = this.#request ? State.Head : State.Unasked;
    this.#emptyLines = 0;
    if (this.#at === this.#end) this.#giveBack();
  }

  #data(size: number): Http1Data {
    const bytes = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return { kind: "data", bytes };
  }

  /** Nothing more to find: what is left is kept, or the message is truncated. */
  #starve(): undefined {
    if (this.#finished && !this.between) {
      throw new Http1Error("The message is truncated", 400, true);
    }
    this.keep();
    return undefined;
  }

  /**
   * Copies what has been pushed and not been told. The memory that it was pushed in may be used for
   * something else then.
   */
  keep(): void {
    if (this.#at === this.#end) this.#giveBack();
    else if (!this.#owned) this.#own(256);
  }

  /** Releases memory of which everything has been delivered: the caller may transfer it away. */
  #giveBack(): void {
    this.#bytes = NOTHING;
    this.#at = this.#end = 0;
  }

  /**
   * Makes room for `more` bytes in memory of our own. The memory doubles, and bytes are moved within
   * it only if at most half of it is in use, so that each byte is copied a constant number of times
   * however small the pieces are that come.
   */
  #own(more: number): void {
    if (this.#owned && this.#end + more <= this.#bytes.length) return;
    const kept = this.#end - this.#at;
    const target = this.#owned && Math.max(kept * 2, kept + more) <= this.#bytes.length
      ? this.#bytes
      : new Uint8Array(Math.max(kept * 2, kept + more));
    target.set(this.#bytes.subarray(this.#at, this.#end));
    this.#bytes = target;
    this.#at = 0;
    this.#end = kept;
    this.#owned = true;
    this.#mark();
  }

  /**
   * Puts a line feed behind the end of our own memory, so that a search stops there. Without it each
   * search reads all of the memory, and a head that comes byte by byte has quadratic cost.
   */
  #mark(): void {
    if (this.#end < this.#bytes.length) this.#bytes[this.#end] = LF;
  }

  #head(): Http1Request | Http1Response | undefined {
    // An empty line in front of a request is left over from what came before (RFC 9112 §2.2).
    while (
      this.#request && this.#scan === 0 && this.#at < this.#end && this.#bytes[this.#at] === CR
    ) {
      if (this.#end - this.#at < 2) return undefined;
      if (this.#bytes[this.#at + 1] !== LF || ++this.#emptyLines > MAX_EMPTY_LINES) {
        throw new Http1Error("The request line is malformed");
      }
      this.#at += 2;
    }
    // Another protocol, TLS for one, is told from this by its first byte; no line may ever come.
    if (this.#scan === 0 && this.#at < this.#end) {
      const first = this.#bytes[this.#at]!;
      if (this.#request ? (CLASS[first]! & TOKEN) === 0 : first !== 0x48) {
        throw new Http1Error("The first line is malformed");
      }
    }
    const size = this.#fieldsEnd(this.#limits.maxHead, true);
    if (size === -1) return undefined;
    const { start, lines, end } = this.#taken(size);
    if (this.#request) {
      const head = readRequest(this.#bytes, start, lines, end, this.#limits);
      this.#frame(head.framing);
      return head;
    }
    const head = readResponse(this.#bytes, start, lines, end, this.#limits.maxFields, this.#method);
    const { status } = head;
    if (status === 101 || (this.#method === "CONNECT" && status >= 200 && status < 300)) {
      this.#state = State.Raw;
    } else if (status >= 200) this.#frame(head.framing);
    return head;
  }

  #frame(framing: Http1Framing): void {
    this.#chunked = framing === "chunked";
    this.#excess = 0;
    if (framing === "chunked") this.#state = State.ChunkSize;
    else if (framing === "close") this.#state = State.Close;
    else {
      this.#left = framing;
      this.#state = framing === 0 ? State.End : State.Counted;
    }
  }

  /** Finds the empty line behind fields; gives the size up to and with it, or -1. */
  #fieldsEnd(max: number, head: boolean): number {
    const bytes = this.#bytes;
    const at = this.#at;
    for (;;) {
      const feed = bytes.indexOf(LF, at + this.#scan);
      if (feed === -1 || feed >= this.#end) {
        this.#scan = this.#end - at;
        this.#checkSize(this.#scan, max, head);
        return -1;
      }
      if (feed === at || bytes[feed - 1] !== CR) {
        throw new Http1Error("A line ends in a bare LF");
      }
      const before = this.#lines.length === 0 ? 0 : this.#lines.at(-1)! + 2;
      const line = feed - 1 - at;
      this.#scan = line + 2;
      this.#checkSize(this.#scan, max, head);
      if (line === before) return this.#scan;
      this.#lines.push(line);
    }
  }

  #checkSize(size: number, max: number, head: boolean): void {
    const first = this.#lines[0] ?? size;
    if (head && first > this.#limits.maxLine) {
      const status = this.#request ? 414 : 431;
      throw new Http1Error(`The first line has more than ${this.#limits.maxLine} bytes`, status);
    }
    if (size > max) throw new Http1Error(`The head has more than ${max} bytes`, 431);
  }

  /** Takes `size` bytes of lines. */
  #taken(size: number): { start: number; lines: number[]; end: number } {
    const start = this.#at;
    const lines = this.#lines;
    for (let i = 0; i < lines.length; i++) lines[i]! += start;
    this.#lines = [];
    this.#scan = 0;
    this.#at += size;
    // A response that begins with an empty line.
    if (lines.length === 0 && this.#state === State.Head) {
      throw new Http1Error("The first line is empty");
    }
    return { start, lines, end: this.#at };
  }

  #trailers(): Http1Fields | undefined {
    const size = this.#fieldsEnd(this.#limits.maxTrailers, false);
    if (size === -1) return undefined;
    const { start, lines, end } = this.#taken(size);
    return readTrailers(this.#bytes, start, lines, end, this.#limits.maxFields);
  }

  #chunkSize(): boolean {
    const line = readSizeLine(this.#bytes, this.#at, this.#end);
    if (line === undefined) return false;
    this.#excess = addOverhead(this.#excess, line);
    this.#at = line.next;
    this.#left = line.size;
    this.#state = line.size === 0 ? State.Trailers : State.Counted;
    return true;
  }

  #chunkEnd(): boolean {
    const length = this.#end - this.#at;
    if (length > 0 && this.#bytes[this.#at] !== CR) throw badChunk();
    if (length < 2) return false;
    if (this.#bytes[this.#at + 1] !== LF) throw badChunk();
    this.#at += 2;
    this.#state = State.ChunkSize;
    return true;
  }
}
