/**
 * A decoder of HTTP/1.1 messages (RFC 9112), for requests and responses, without I/O.
 *
 * The decoder is strict where two programs could read a message in different ways, because this makes
 * request smuggling possible. Bare CR or LF, folded lines, blanks before a colon, several lengths,
 * signs, lists, codings other than chunked, and malformed chunks are errors. Header lines keep their
 * order, their duplicates and their case. Bodies are views of the pushed bytes. The cost is linear in
 * the number of bytes, also if they arrive one by one.
 *
 * HTTP/1.2 to HTTP/1.9 count as HTTP/1.1 (RFC 9110 §2.5). Bytes from 0x80 on in a request target are
 * percent-escaped; an authority with such bytes is an error. Chunk extensions are discarded. Each
 * chunk may have 16 bytes of them, and two for each byte of data. Further extensions may add up to 16
 * KiB in one body (RFC 9112 §7.1.1).
 *
 * ## Tolerant responses
 *
 * Many servers send malformed responses, and clients and proxies accept them. With the option
 * `tolerant`, a decoder of responses accepts them, too, and **delivers the canonical form**: a message
 * that is written from its events is well-formed and has exact framing. Ambiguous framing is still an
 * error. A repaired response is the last one on its connection, see
 * {@linkcode Http1Response.keepAlive} and {@linkcode Http1Decoder.between}. The server may have meant
 * another end of the response, and the rest could be read as the response to another client. Requests
 * are never repaired.
 *
 * | A response has | strict | `tolerant` | RFC |
 * |---|---|---|---|
 * | a bare LF at the end of a line | error | CRLF | 9112 §2.2 |
 * | a bare CR, or a NUL | error | error | 9112 §2.2, 9110 §5.5 |
 * | up to two empty lines in front of it | error | dropped | 9112 §2.2 |
 * | other case or other blanks in `HTTP/1.1 200 OK`; `200OK` | error | canonical status line | 9112 §4 |
 * | `ICY` in place of `HTTP/1.0` | error | `HTTP/1.0` | none |
 * | no status line (HTTP/0.9), or another major version | error | error | 9112 §4, 9110 §2.5 |
 * | no reason, or one with bytes from 0x80 on | as it is | as it is | 9112 §4 |
 * | a status from 600 to 999 | error | as it is | 9110 §15 |
 * | a status below 100, or without three digits | error | error | 9110 §15 |
 * | more than 100 fields, or a long status line | error | as it is, up to `maxHead` | 9110 §5.4 |
 * | a folded line | error | joined by a SP | 9112 §5.2 |
 * | lines with a blank in front of the first field | error | dropped | 9112 §2.2 |
 * | blanks in front of the colon | error | removed | 9112 §5.1 |
 * | bytes from 0x80 on in a value | as it is | as it is | 9110 §5.5 |
 * | other control characters in a value or reason | error | SP | 9110 §5.5 |
 * | a line without a colon, or whose name is no token | error | dropped | 9112 §5 |
 * | such a line that looks like a framing field | error | error | 9112 §6.3 |
 * | `Content-Length` again with the same number, or as a list of it | error | once | 9110 §8.6 |
 * | `Content-Length` with zeros in front | up to 15 digits | without them, if repeated or longer | 9110 §8.6 |
 * | different lengths; signs, hexadecimal digits, other text | error | error | 9112 §6.3 |
 * | `Transfer-Encoding: identity`, empty, or with empty elements | error | without them | 9112 §7, 9110 §5.6.1 |
 * | `chunked` twice or not last; other codings | error | error | 9112 §6.1 |
 * | `Transfer-Encoding` and `Content-Length`, on a connection that may go on | error | error | 9112 §6.3 |
 * | the same on a connection that ends | error | chunks, without the length | 9112 §6.3 |
 * | chunks in HTTP/1.0 | error | chunks, and the connection ends | 9112 §6.1 |
 * | control characters or bytes from 0x80 on in a length or a coding | error | error | 9112 §6.3 |
 * | blanks after a chunk size | error | removed | 9112 §7.1 |
 * | a chunk size with zeros in front | up to 16 digits | up to 1024 digits | 9112 §7.1 |
 * | a bare LF after a chunk size or chunk data | error | CRLF | 9112 §2.2 |
 * | a bare LF after or in a chunk extension | error | error | 9112 §7.1.1 |
 * | other faults of a chunk, or no end of the last one | error | error | 9112 §7.1, §8 |
 * | such lines among the trailers | error | as in a head | 9112 §7.1.2 |
 * | a length or coding in 1xx or 204 | the connection ends | the connection ends | 9110 §8.6 |
 * | a length or coding in a 2xx response to CONNECT | ignored | ignored | 9110 §9.3.6 |
 *
 * The client does not see a dropped line, as in browsers. Squid, HAProxy and Node reject the whole
 * response instead. A dropped line cannot inject anything, and a page that works without a proxy also
 * works with one.
 *
 * @example Decode a request
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

import { CLASS, CR, isBlank, LF, TOKEN } from "../internal/http1_bytes.ts";
import { withRoom } from "../internal/input_room.ts";
import { addOverhead, badChunk, readSizeLine } from "./_chunk.ts";
import { Http1Error } from "./_error.ts";
import type { Http1Fields } from "../internal/http1_fields.ts";
import {
  type Http1Framing,
  type Http1Request,
  type Http1Response,
  isTunnel,
  readRequest,
  readResponse,
  readTrailers,
  type ResponseRules,
} from "./_head.ts";
import { checkOptions, type Http1DecoderOptions } from "./_limits.ts";
import { repairHead, repairTrailers } from "./_repair.ts";

export { Http1Error } from "./_error.ts";
export { Http1Fields } from "../internal/http1_fields.ts";
export type { Http1DecoderOptions, Http1Limits } from "./_limits.ts";
export type { Http1Framing, Http1Request, Http1Response } from "./_head.ts";

/** Some bytes of a body. */
export interface Http1Data {
  /** Distinguishes the kinds of events. */
  readonly kind: "data";
  /** A view of the pushed bytes, valid until the decoder is used again. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The end of a message. */
export interface Http1End {
  /** Distinguishes the kinds of events. */
  readonly kind: "end";
  /** The fields after the last chunk, if there are any. */
  readonly trailers: Http1Fields | undefined;
}

/** An event of the decoder. For each message it delivers a head, data, and an end. */
export type Http1Event = Http1Request | Http1Response | Http1Data | Http1End;

/** Maximum number of empty lines before a message, which some old programs send (RFC 9112 §2.2). */
const MAX_EMPTY_LINES = 2;

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);
const END: Http1End = { kind: "end", trailers: undefined };
/** Shared by the decoders of requests, none of which changes it. */
const FOR_REQUESTS: ResponseRules = { method: "GET", last: false, tolerant: false, maxFields: 0 };

const enum State {
  /** A response that answers no request. */
  Unasked,
  Head,
  /** A body with a length, or the data of a chunk. */
  Counted,
  Close,
  ChunkSize,
  ChunkEnd,
  Trailers,
  /** The end has not been delivered yet. */
  End,
  /** Further bytes belong to another protocol. */
  Raw,
}

/**
 * Decodes the bytes of one direction of a connection.
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
 *
 * @example A response of an old server, in canonical form
 * ```ts
 * import { Http1Decoder } from "@portside/kit/http/http1-codec";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const decoder = new Http1Decoder("response", { tolerant: true });
 * decoder.answers("GET");
 * decoder.push(new TextEncoder().encode("HTTP/1.1 200\nX-A : b\n c\nContent-Length: 0, 0\n\n"));
 * const head = decoder.next();
 * assert(head?.kind === "response");
 * assertEquals([...head.fields], [["X-A", "b c"], ["Content-Length", "0"]]);
 * assertEquals([decoder.repaired, head.keepAlive], [true, false]);
 * ```
 */
export class Http1Decoder {
  readonly #request: boolean;
  readonly #options: Required<Http1DecoderOptions>;
  readonly #rules: ResponseRules;

  #state: State;
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #at = 0;
  #end = 0;
  /** Whether the memory belongs to the decoder and not to the caller. */
  #owned = false;
  #finished = false;
  /** Bytes left of a body or chunk. */
  #left = 0;
  #chunked = false;
  /** Overhead of the chunks beyond the free one, in bytes. */
  #excess = 0;
  #emptyLines = 0;
  /** The ends of the lines so far, the start of the next one, and the index of the next search. */
  #lines: number[] | undefined;
  #line = 0;
  #scan = 0;
  /** Whether one of these lines ends in a bare LF. */
  #bare = false;
  #repaired = false;

  /**
   * Makes a decoder.
   *
   * @param side The kind of messages to decode.
   * @param options The limits, and whether to repair responses.
   * @throws {RangeError} If a limit is out of range.
   * @throws {TypeError} If an option is unknown or has the wrong type, or if a decoder of requests
   * should be tolerant.
   */
  constructor(side: "request" | "response", options: Http1DecoderOptions = {}) {
    this.#options = checkOptions(side, options);
    this.#request = side === "request";
    this.#state = this.#request ? State.Head : State.Unasked;
    const { tolerant, maxFields } = this.#options;
    this.#rules = this.#request
      ? FOR_REQUESTS
      : { method: "GET", last: false, tolerant, maxFields };
  }

  /** Number of bytes that were pushed and have not been delivered. */
  get buffered(): number {
    return this.#end - this.#at;
  }

  /** Whether a message has begun whose end has not been delivered. */
  get inMessage(): boolean {
    return this.#state !== State.Head && this.#state !== State.Unasked && this.#state !== State.Raw;
  }

  /**
   * Whether the next byte would begin a message. False after the last response of a connection: one
   * that announces this, that only the end of the connection ends, or that was repaired.
   */
  get between(): boolean {
    return this.#atStart && !this.#rules.last;
  }

  /**
   * Whether the current or last response was malformed and has been repaired. The value is final when
   * the end has been delivered. Always false without the option `tolerant`.
   */
  get repaired(): boolean {
    return this.#repaired;
  }

  get #atStart(): boolean {
    return this.#end === this.#at &&
      (this.#state === State.Head || this.#state === State.Unasked);
  }

  /**
   * Expects the response to a request. Without this call, the decoder reads no response.
   *
   * @param method The method of the request.
   */
  answers(method: string): void {
    if (!this.#request) this.#rules.method = method;
    this.#state = State.Head;
    this.#repaired = false;
  }

  /**
   * Adds bytes. They must not change until {@linkcode Http1Decoder.next} returns undefined, or an end
   * without further bytes.
   *
   * @param bytes The bytes that were received.
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

  /** Marks the end of the input. An incomplete message is then truncated. */
  finish(): void {
    this.#finished = true;
  }

  /**
   * Removes the bytes that were pushed and have not been delivered, for another protocol. After an error
   * in the head of a request, they include the received part of the head.
   *
   * @returns The bytes, in new memory.
   */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = this.#bytes.slice(this.#at, this.#end);
    this.#at = this.#end;
    this.#state = State.Raw;
    return rest;
  }

  /**
   * Returns the next part of a message.
   *
   * @returns The part, or undefined if the decoder needs more bytes.
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

  /** Keeps the rest for the next push. Throws if the message is truncated. */
  #starve(): undefined {
    if (this.#finished && !this.#atStart) {
      throw new Http1Error("The message is truncated", 400, true);
    }
    this.keep();
    return undefined;
  }

  /**
   * Copies the bytes that were pushed and have not been delivered. Afterwards the caller may reuse the
   * pushed memory.
   */
  keep(): void {
    if (this.#at === this.#end) this.#giveBack();
    else if (!this.#owned) this.#own(256);
  }

  /** Releases memory after all its bytes have been delivered, so that the caller may transfer it. */
  #giveBack(): void {
    this.#bytes = NOTHING;
    this.#at = this.#end = 0;
  }

  /** Makes room for `more` bytes in memory of the decoder. */
  #own(more: number): void {
    if (this.#owned && this.#end + more <= this.#bytes.length) return;
    this.#bytes = withRoom(this.#bytes, this.#at, this.#end, more, this.#owned);
    this.#end -= this.#at;
    this.#at = 0;
    this.#owned = true;
    this.#mark();
  }

  /**
   * Puts a line feed after the last byte, so that a search stops there. Otherwise each search reads the
   * whole memory, and a head that arrives byte by byte has quadratic cost.
   */
  #mark(): void {
    if (this.#end < this.#bytes.length) this.#bytes[this.#end] = LF;
  }

  #head(): Http1Request | Http1Response | undefined {
    if (this.#scan === 0 && !this.#fits(this.#at) && !this.#start()) return undefined;
    const size = this.#fieldsEnd(this.#options.maxHead, true);
    if (size === -1) return undefined;
    const start = this.#at;
    const end = start + size;
    const bare = this.#bare;
    const lines = this.#taken(size);
    if (lines.length === 0) throw new Http1Error("The first line is empty");
    if (this.#request) {
      // A rejected head stays, for `takeRest`.
      this.#at = start;
      const head = readRequest(this.#bytes, start, lines, end, this.#options);
      this.#at = end;
      this.#frame(head.framing);
      return head;
    }
    const rules = this.#rules;
    const head = rules.tolerant
      ? this.#repairable(start, lines, end, bare)
      : readResponse(this.#bytes, start, lines, end, rules);
    const { status } = head;
    // The end of the connection in an interim response also applies to the final one.
    if (!head.keepAlive) rules.last = true;
    if (status === 101 || isTunnel(rules.method, status)) this.#state = State.Raw;
    else if (status >= 200) this.#frame(head.framing);
    return head;
  }

  /** Returns whether a well-formed message may begin with the byte at an index. */
  #fits(at: number): boolean {
    if (at === this.#end) return false;
    const byte = this.#bytes[at]!;
    return this.#request ? (CLASS[byte]! & TOKEN) !== 0 : byte === 0x48;
  }

  /** Skips empty lines before a message, and checks its first byte. Returns false without one. */
  #start(): boolean {
    const { tolerant } = this.#rules;
    while (this.#at < this.#end && (this.#request || tolerant)) {
      // An empty line is the rest of the previous message (RFC 9112 §2.2).
      const first = this.#bytes[this.#at]!;
      let size = 1;
      if (first === CR) {
        if (this.#end - this.#at < 2) return false;
        if (this.#bytes[this.#at + 1] !== LF) throw this.#badStart();
        size = 2;
      } else if (first !== LF || !tolerant) break;
      if (++this.#emptyLines > MAX_EMPTY_LINES) throw this.#badStart();
      this.#at += size;
      if (tolerant) this.#repair();
    }
    if (this.#at === this.#end) return false;
    // The first byte reveals another protocol, such as TLS, which may never send a whole line.
    const odd = tolerant && startsOddly(this.#bytes[this.#at]!);
    if (!odd && !this.#fits(this.#at)) throw this.#badStart();
    return true;
  }

  #badStart(): Http1Error {
    return new Http1Error("The first line is malformed");
  }

  #repairable(start: number, lines: number[], end: number, bare: boolean): Http1Response {
    const rules = this.#rules;
    if (!bare) {
      try {
        return readResponse(this.#bytes, start, lines, end, rules);
      } catch (error) {
        if (!(error instanceof Http1Error)) throw error;
      }
    }
    const head = repairHead(this.#bytes.subarray(start, end), rules.method);
    this.#repair();
    return readResponse(head.bytes, 0, head.lines, head.bytes.length, rules);
  }

  /**
   * Notes a repair. The sender may have meant something else, so the next bytes on this connection must
   * not be read as another response.
   */
  #repair(): void {
    this.#repaired = this.#rules.last = true;
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

  /** Finds the empty line after fields. Returns the size including this line, or -1. */
  #fieldsEnd(max: number, head: boolean): number {
    const bytes = this.#bytes;
    const at = this.#at;
    const lines = this.#lines ??= [];
    let scan = this.#scan;
    let start = this.#line;
    for (;;) {
      const feed = bytes.indexOf(LF, at + scan);
      const found = feed !== -1 && feed < this.#end;
      scan = found ? feed + 1 - at : this.#end - at;
      if (head && start === 0) this.#checkFirst(found ? scan - 2 : scan);
      if (scan > max) throw new Http1Error(`The head has more than ${max} bytes`, 431);
      if (!found) {
        this.#line = start;
        this.#scan = scan;
        return -1;
      }
      let line = feed - at;
      if (line > start && bytes[feed - 1] === CR) line--;
      else if (!this.#rules.tolerant) throw new Http1Error("A line ends in a bare LF");
      else this.#bare = true;
      if (line === start) return scan;
      start = scan;
      lines.push(line);
    }
  }

  #checkFirst(size: number): void {
    const { maxLine } = this.#options;
    if (size <= maxLine) return;
    const status = this.#request ? 414 : 431;
    throw new Http1Error(`The first line has more than ${maxLine} bytes`, status);
  }

  /** Removes `size` bytes of lines, and returns the ends of the lines. */
  #taken(size: number): number[] {
    const lines = this.#lines ?? [];
    for (let i = 0; i < lines.length; i++) lines[i]! += this.#at;
    this.#lines = undefined;
    this.#line = this.#scan = 0;
    this.#bare = false;
    this.#at += size;
    return lines;
  }

  #trailers(): Http1Fields | undefined {
    const { maxTrailers, maxFields, tolerant } = this.#options;
    const size = this.#fieldsEnd(maxTrailers, false);
    if (size === -1) return undefined;
    const start = this.#at;
    const end = start + size;
    const bare = this.#bare;
    const lines = this.#taken(size);
    if (!tolerant) return readTrailers(this.#bytes, start, lines, end, maxFields);
    if (!bare) {
      try {
        return readTrailers(this.#bytes, start, lines, end, maxFields);
      } catch (error) {
        if (!(error instanceof Http1Error)) throw error;
      }
    }
    const trailers = repairTrailers(this.#bytes.subarray(start, end));
    this.#repair();
    return readTrailers(trailers.bytes, 0, trailers.lines, trailers.bytes.length, maxFields);
  }

  #chunkSize(): boolean {
    const { tolerant } = this.#rules;
    const line = readSizeLine(this.#bytes, this.#at, this.#end, tolerant, this.#scan);
    if (line === undefined) {
      this.#scan = Math.max(this.#end - this.#at - 1, 0);
      return false;
    }
    this.#scan = 0;
    this.#excess = addOverhead(this.#excess, line);
    if (line.odd) this.#repair();
    this.#at = line.next;
    this.#left = line.size;
    this.#state = line.size === 0 ? State.Trailers : State.Counted;
    return true;
  }

  #chunkEnd(): boolean {
    const length = this.#end - this.#at;
    if (length === 0) return false;
    let size = 2;
    if (this.#rules.tolerant && this.#bytes[this.#at] === LF) {
      this.#repair();
      size = 1;
    } else {
      if (this.#bytes[this.#at] !== CR) throw badChunk();
      if (length < 2) return false;
      if (this.#bytes[this.#at + 1] !== LF) throw badChunk();
    }
    this.#at += size;
    this.#state = State.ChunkSize;
    return true;
  }
}

/** Returns whether the first line of a repairable response may begin with a byte. */
function startsOddly(byte: number): boolean {
  const lower = byte | 0x20;
  // `http`, `ICY`, or a blank before them.
  return isBlank(byte) || lower === 0x68 || lower === 0x69;
}
