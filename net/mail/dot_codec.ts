/**
 * Codec for texts that end with a line of a single dot, as in SMTP (RFC 5321 §4.5.2) and POP3
 * (RFC 1939 §3). A dot at the beginning of a line is doubled in transit. Pure; texts may have any size
 * and may be split anywhere.
 *
 * @example Encode and decode
 * ```ts
 * import { DotDecoder, DotEncoder } from "@portside/kit/net/mail";
 * import { assertEquals } from "@std/assert";
 *
 * const encoder = new DotEncoder();
 * const text = new TextEncoder().encode("one\n.two");
 * const sent = new Uint8Array([...encoder.push(text), ...encoder.end()]);
 * assertEquals(new TextDecoder().decode(sent), "one\r\n..two\r\n.\r\n");
 * const { data, done } = new DotDecoder().push(sent);
 * assertEquals([new TextDecoder().decode(data), done], ["one\r\n.two\r\n", true]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { flag, OptionRules } from "../internal/options.ts";

const CR = 13, LF = 10, DOT = 46;

/** Encodes a text. Every line ending becomes CRLF, so that no line can end the text early. */
export class DotEncoder {
  /** Whether the next byte begins a line. */
  #start = true;
  /** Whether the last byte was CR. An LF that follows belongs to the same line ending. */
  #cr = false;
  #size = 0;
  readonly #dots: boolean;

  /**
   * Makes an encoder.
   *
   * @param options `dots`: whether a dot at the beginning of a line is doubled, and a line with a single
   * dot ends the text. Without, only the line endings change, as for BDAT (RFC 3030). Default: true.
   */
  constructor({ dots = true }: { readonly dots?: boolean } = {}) {
    this.#dots = dots;
  }

  /**
   * The size of the text so far, in bytes, as the extension SIZE counts it (RFC 1870 §3): with CRLF
   * line endings and without the added dots.
   */
  get size(): number {
    return this.#size;
  }

  /**
   * Encodes a part of the text.
   *
   * @param chunk The next bytes of the text.
   * @returns The bytes to send, in new memory.
   */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    // In the worst case each byte becomes two: a line ending, or a dot at the start of a line.
    const out = new Uint8Array(2 * chunk.length + 2);
    let at = 0;
    let dots = 0;
    // Returns the position of the next such byte, or the length of the chunk.
    const find = (byte: number, from: number) => {
      const found = chunk.indexOf(byte, from);
      return found === -1 ? chunk.length : found;
    };
    let from = this.#cr && chunk[0] === LF ? 1 : 0;
    if (chunk.length > 0) this.#cr = false;
    let cr = find(CR, from);
    let lf = find(LF, from);
    while (from < chunk.length) {
      if (this.#start && chunk[from] === DOT && this.#dots) {
        out[at++] = DOT;
        dots++;
      }
      // Most bytes do not end a line. Copy them together.
      const end = Math.min(cr, lf);
      if (end > from) {
        out.set(chunk.subarray(from, end), at);
        at += end - from;
      }
      this.#start = end < chunk.length;
      if (!this.#start) break;
      out[at++] = CR;
      out[at++] = LF;
      from = cr === end && chunk[end + 1] === LF ? end + 2 : end + 1;
      this.#cr = cr === end && from === end + 1 && from === chunk.length;
      if (cr < from) cr = find(CR, from);
      if (lf < from) lf = find(LF, from);
    }
    this.#size += at - dots;
    return out.subarray(0, at);
  }

  /**
   * Ends the text.
   *
   * @returns The bytes that end it, with a line ending first if the text lacks one.
   */
  end(): Uint8Array<ArrayBuffer> {
    const end = this.#start ? "" : "\r\n";
    return new TextEncoder().encode(this.#dots ? `${end}.\r\n` : end);
  }
}

/** A part of a text, decoded by {@linkcode DotDecoder}. */
export interface DotChunk {
  /** The text without the added dots, in new memory. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Whether the text is complete. */
  readonly done: boolean;
  /** The bytes after the end of the text; a view of the chunk. */
  readonly rest: Uint8Array;
}

/** The position of a decoder within a line. */
const enum State {
  Start,
  Dot,
  DotCr,
  Line,
  Cr,
}

/** Options of {@linkcode DotDecoder}. */
export interface DotDecoderOptions {
  /**
   * Whether LF alone ends a line, too. Use it only with a server whose lines all end so: in the text of
   * another one, an LF is data, and a dot after it must not end the text.
   *
   * @default false
   */
  bareLf?: boolean;
}

const DECODER = new OptionRules<DotDecoderOptions>({ bareLf: flag });

/** Decodes a received text: removes the added dots and finds its end. Only CRLF ends a line. */
export class DotDecoder {
  readonly #bareLf: boolean;
  #state: State = State.Start;

  /**
   * Makes a decoder for one text.
   *
   * @param options The line endings of the server.
   * @throws {TypeError} If an option is unknown or invalid.
   */
  constructor(options: DotDecoderOptions = {}) {
    this.#bareLf = DECODER.check("DotDecoder", options).bareLf === true;
  }

  /**
   * Decodes a part of the text.
   *
   * @param chunk The next bytes that were received.
   * @returns The decoded bytes, and whether the text is complete.
   */
  push(chunk: Uint8Array): DotChunk {
    if (this.#bareLf) return this.#pushLines(chunk);
    // The memory is for this text, and not for what follows it in the chunk.
    const out = new Uint8Array(endOfText(chunk) + 1);
    let at = 0;
    for (let i = 0; i < chunk.length;) {
      if (this.#state === State.Line) {
        const next = nextLineWithDot(chunk, i);
        out.set(chunk.subarray(i, next), at);
        at += next - i;
        this.#state = stateAfter(chunk, i, next);
        i = next;
        continue;
      }
      const byte = chunk[i++]!;
      switch (this.#state) {
        case State.Start:
          if (byte === DOT) {
            this.#state = State.Dot;
            continue;
          }
          break;
        case State.Dot:
          if (byte === CR) {
            this.#state = State.DotCr;
            continue;
          }
          break;
        case State.DotCr:
          if (byte === LF) {
            this.#state = State.Start;
            return { data: out.subarray(0, at), done: true, rest: chunk.subarray(i) };
          }
          out[at++] = CR;
          break;
        case State.Cr:
          if (byte === LF) {
            out[at++] = LF;
            this.#state = State.Start;
            continue;
          }
          break;
      }
      out[at++] = byte;
      this.#state = byte === CR ? State.Cr : State.Line;
    }
    return { data: out.subarray(0, at), done: false, rest: chunk.subarray(chunk.length) };
  }

  /** Decodes a part of a text whose lines end with LF. The lines of the result end with CRLF. */
  #pushLines(chunk: Uint8Array): DotChunk {
    const out = new Uint8Array(2 * chunk.length + 1);
    let at = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      const state = this.#state;
      if (byte === LF) {
        this.#state = State.Start;
        if (state === State.Dot || state === State.DotCr) {
          return { data: out.subarray(0, at), done: true, rest: chunk.subarray(i + 1) };
        }
        out[at++] = CR;
        out[at++] = LF;
        continue;
      }
      // A CR before anything else is data.
      if (state === State.Cr || state === State.DotCr) out[at++] = CR;
      if (byte === CR) this.#state = state === State.Dot ? State.DotCr : State.Cr;
      else if (byte === DOT && state === State.Start) this.#state = State.Dot;
      else {
        out[at++] = byte;
        this.#state = State.Line;
      }
    }
    return { data: out.subarray(0, at), done: false, rest: chunk.subarray(chunk.length) };
  }
}

/** Returns the position of the next dot at the beginning of a line, or the length of the chunk. */
function nextLineWithDot(chunk: Uint8Array, from: number): number {
  for (let dot = from + 1; (dot = chunk.indexOf(DOT, dot + 1)) !== -1;) {
    if (chunk[dot - 1] === LF && chunk[dot - 2] === CR) return dot;
  }
  return chunk.length;
}

/** Returns the position after the line of a dot that ends a text, or the length of the chunk. */
function endOfText(chunk: Uint8Array): number {
  for (let dot = 0; (dot = nextLineWithDot(chunk, dot)) < chunk.length;) {
    if (chunk[dot + 1] === CR && chunk[dot + 2] === LF) return dot + 3;
  }
  return chunk.length;
}

/** Returns the state at the end of a run of bytes that begins within a line. */
function stateAfter(chunk: Uint8Array, from: number, end: number): State {
  if (chunk[end - 1] === CR) return State.Cr;
  return end - from >= 2 && chunk[end - 1] === LF && chunk[end - 2] === CR
    ? State.Start
    : State.Line;
}
