/**
 * Texts that end with a line of a single dot, as SMTP (RFC 5321 §4.5.2) and POP3 (RFC 1939 §3)
 * send them: dots at the beginning of lines are doubled on the way. Pure, and for streams of any
 * size split anywhere.
 *
 * @example There and back
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

const CR = 13, LF = 10, DOT = 46;

/** Makes a text fit to be sent: every kind of line end becomes CRLF, so that none can end it early. */
export class DotEncoder {
  /** Whether a line begins here. */
  #start = true;
  /** Whether the last byte was CR, of which the LF may follow. */
  #cr = false;
  #size = 0;

  /**
   * The size of the text so far, as the extension SIZE counts it (RFC 1870 §3): line ends as CRLF,
   * and nothing that was added to send it.
   */
  get size(): number {
    return this.#size;
  }

  /**
   * Encodes a part.
   *
   * @param chunk The next bytes.
   * @returns What to send for them; new memory.
   */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    // At worst every byte is the end of a line, or a dot at its beginning.
    const out = new Uint8Array(2 * chunk.length + 2);
    let at = 0;
    let dots = 0;
    // Where the next CR and LF are; none is at the end.
    const find = (byte: number, from: number) => {
      const found = chunk.indexOf(byte, from);
      return found === -1 ? chunk.length : found;
    };
    let from = this.#cr && chunk[0] === LF ? 1 : 0;
    if (chunk.length > 0) this.#cr = false;
    let cr = find(CR, from);
    let lf = find(LF, from);
    while (from < chunk.length) {
      if (this.#start && chunk[from] === DOT) {
        out[at++] = DOT;
        dots++;
      }
      // Most bytes are no ends of lines: they go over together.
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
   * @returns The end to send, with the line end that the text may lack.
   */
  end(): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(this.#start ? ".\r\n" : "\r\n.\r\n");
  }
}

/** What a {@linkcode DotDecoder} made of a part. */
export interface DotChunk {
  /** The text, dots removed; new memory. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Whether the end of the text has come. */
  readonly done: boolean;
  /** What came behind the end. */
  readonly rest: Uint8Array;
}

/** Where in a line a decoder is. */
const enum State {
  Start,
  Dot,
  DotCr,
  Line,
  Cr,
}

/** Takes the doubled dots and the end out of a text that was received. Only CRLF ends a line. */
export class DotDecoder {
  #state: State = State.Start;

  /**
   * Decodes a part.
   *
   * @param chunk The next bytes.
   * @returns The text, and whether it has ended.
   */
  push(chunk: Uint8Array): DotChunk {
    const out = new Uint8Array(chunk.length + 1);
    let at = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
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
            return { data: out.subarray(0, at), done: true, rest: chunk.subarray(i + 1) };
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
        case State.Line: {
          // Most bytes are neither: they go over together.
          const next = chunk.indexOf(CR, i);
          const end = next === -1 ? chunk.length : next;
          out.set(chunk.subarray(i, end), at);
          at += end - i;
          i = end - 1;
          if (next === -1) continue;
          out[at++] = CR;
          i = next;
          this.#state = State.Cr;
          continue;
        }
      }
      out[at++] = byte;
      this.#state = byte === CR ? State.Cr : State.Line;
    }
    return { data: out.subarray(0, at), done: false, rest: chunk.subarray(chunk.length) };
  }
}
