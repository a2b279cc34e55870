import { withRoom } from "../internal/input_room.ts";
import { lowerAscii, trimBlanks } from "../../net/text.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Limits of a form. */
export interface MultipartLimits {
  /** Maximum size of the fields in front of one part, in bytes. */
  readonly maxPartHead: number;
  /** Maximum number of parts. */
  readonly maxParts: number;
}

/** Events of a form: for each part "part", any number of "data", and "part-end"; then "end". */
export type MultipartEvent =
  | { readonly kind: "part"; readonly fields: ReadonlyMap<string, string> }
  /** A view that is valid until the parser is used again. */
  | { readonly kind: "data"; readonly bytes: Bytes }
  | { readonly kind: "part-end" }
  | { readonly kind: "end" };

/** The error for a form that is malformed (400) or beyond a limit (413). */
export class MultipartError extends Error {
  constructor(message: string, readonly status: 400 | 413 = 400) {
    super(message);
  }
}

const CR = 13;
const LF = 10;
const DASH = 45;
const NOTHING: Bytes = new Uint8Array(0);
const PART_END = { kind: "part-end" } as const;
const END = { kind: "end" } as const;
/** Maximum number of blanks after a boundary (RFC 2046 §5.1.1). They have no use. */
const MAX_PADDING = 128;

const enum State {
  /** In front of the first boundary. */
  Preamble,
  /** Behind a boundary. */
  Boundary,
  Head,
  /** At the empty line after a head. */
  Start,
  Data,
  Epilogue,
}

/** A parser of `multipart/form-data` (RFC 7578) without I/O: bytes in, events out. */
export class MultipartParser {
  readonly #limits: MultipartLimits;
  /** CRLF, two dashes, and the boundary. */
  readonly #delimiter: Bytes;
  #state = State.Preamble;
  #bytes: Bytes;
  #at = 0;
  #end: number;
  #owned = true;
  /** Index at which the search continues, relative to `#at`. */
  #scanned = 0;
  #finished = false;
  #parts = 0;

  /**
   * Makes a parser.
   *
   * @param boundary The boundary from `Content-Type`.
   * @param limits The limits of the form.
   */
  constructor(boundary: string, limits: MultipartLimits) {
    this.#limits = limits;
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
    // A boundary follows a line end, and this one serves a boundary at the very start.
    this.#bytes = Uint8Array.of(CR, LF);
    this.#end = 2;
  }

  /** Adds bytes. They must not change until `next` returns undefined. */
  push(bytes: Bytes): void {
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
  }

  /** Marks the end of the input. */
  finish(): void {
    this.#finished = true;
  }

  /**
   * Returns the next event, or undefined if more bytes are needed.
   *
   * @throws {MultipartError} If the form is malformed, truncated or too large.
   */
  next(): MultipartEvent | undefined {
    for (;;) {
      switch (this.#state) {
        case State.Preamble: {
          const found = this.#find();
          this.#at += found.before;
          if (!found.whole) return this.#starve();
          this.#enter(State.Boundary, this.#delimiter.length);
          break;
        }
        case State.Boundary:
          if (!this.#boundary()) return this.#starve();
          break;
        case State.Head: {
          const fields = this.#head();
          if (fields === undefined) return this.#starve();
          return { kind: "part", fields };
        }
        case State.Start: {
          // If the empty line is also the line end in front of a boundary, the part has no body.
          const matched = this.#match(this.#at);
          if (matched === this.#delimiter.length) {
            this.#enter(State.Boundary, matched);
            return PART_END;
          }
          if (this.#at + matched === this.#end) return this.#starve();
          this.#enter(State.Data, 2);
          break;
        }
        case State.Data: {
          const found = this.#find();
          if (found.before > 0) {
            const bytes = this.#bytes.subarray(this.#at, this.#at + found.before);
            this.#at += found.before;
            return { kind: "data", bytes };
          }
          if (!found.whole) return this.#starve();
          this.#enter(State.Boundary, this.#delimiter.length);
          return PART_END;
        }
        case State.Epilogue:
          this.#bytes = NOTHING;
          this.#at = this.#end = 0;
          return this.#finished ? END : undefined;
      }
    }
  }

  #enter(state: State, skip: number): void {
    this.#state = state;
    this.#at += skip;
    this.#scanned = 0;
  }

  /** Copies the rest of the pushed bytes, because the caller may reuse their memory. */
  #starve(): undefined {
    if (this.#finished) throw new MultipartError("The form is truncated");
    if (!this.#owned) this.#own(256);
    return undefined;
  }

  #own(more: number): void {
    if (this.#owned && this.#end + more <= this.#bytes.length) return;
    // Events that have been delivered are views of the old memory.
    this.#bytes = withRoom(this.#bytes, this.#at, this.#end, more, false);
    this.#end -= this.#at;
    this.#at = 0;
    this.#owned = true;
  }

  /** Finds the number of bytes in front of the delimiter, or of the beginning of one. */
  #find(): { readonly before: number; readonly whole: boolean } {
    const bytes = this.#bytes;
    const end = this.#end;
    let i = this.#at;
    while (i < end) {
      // Handle runs of CR here, because a call of `indexOf` for each CR is slower.
      if (bytes[i] !== CR) {
        i = bytes.indexOf(CR, i);
        if (i === -1 || i >= end) break;
      }
      const matched = this.#match(i);
      if (matched === this.#delimiter.length) return { before: i - this.#at, whole: true };
      if (i + matched === end) return { before: i - this.#at, whole: false };
      i++;
    }
    return { before: end - this.#at, whole: false };
  }

  /** Returns the number of bytes from `at` on that match the delimiter. */
  #match(at: number): number {
    const bytes = this.#bytes;
    const delimiter = this.#delimiter;
    const most = Math.min(delimiter.length, this.#end - at);
    let length = 0;
    while (length < most && bytes[at + length] === delimiter[length]) length++;
    return length;
  }

  /** Reads the end of a boundary: padding and a line end, or the two dashes of the last one. */
  #boundary(): boolean {
    const bytes = this.#bytes;
    let i = this.#at;
    if (this.#end - i < 2) return false;
    if (bytes[i] === DASH && bytes[i + 1] === DASH) {
      this.#enter(State.Epilogue, 2);
      return true;
    }
    while (i < this.#end && (bytes[i] === 32 || bytes[i] === 9)) i++;
    if (i - this.#at > MAX_PADDING) throw new MultipartError("A boundary of the form is malformed");
    if (this.#end - i < 2) return false;
    if (bytes[i] !== CR || bytes[i + 1] !== LF) {
      throw new MultipartError("A boundary of the form is malformed");
    }
    if (++this.#parts > this.#limits.maxParts) {
      throw new MultipartError(`The form has more than ${this.#limits.maxParts} parts`, 413);
    }
    this.#enter(State.Head, i + 2 - this.#at);
    return true;
  }

  #head(): ReadonlyMap<string, string> | undefined {
    const bytes = this.#bytes;
    const { maxPartHead } = this.#limits;
    for (;;) {
      const feed = bytes.indexOf(LF, this.#at + this.#scanned);
      const size = (feed === -1 || feed >= this.#end ? this.#end : feed) - this.#at;
      if (size > maxPartHead) {
        throw new MultipartError(`The head of a part has more than ${maxPartHead} bytes`, 413);
      }
      if (feed === -1 || feed >= this.#end) {
        this.#scanned = size;
        return undefined;
      }
      const line = bytes.subarray(this.#at, feed + 1);
      const ended = feed === this.#at + 1 ||
        (bytes[feed - 2] === LF && feed - 2 >= this.#at);
      if (bytes[feed - 1] !== CR) throw new MultipartError("A line of a part ends in a bare LF");
      this.#scanned = feed + 1 - this.#at;
      if (!ended) continue;
      const fields = readFields(line.subarray(0, -2));
      this.#enter(State.Start, feed - 1 - this.#at);
      return fields;
    }
  }
}

const decoder = new TextDecoder();

/** Reads the fields of a part. Names are in lower case. */
function readFields(bytes: Bytes): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of decoder.decode(bytes).split("\r\n")) {
    if (line === "") continue;
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):/.exec(line);
    if (match === null) throw new MultipartError("A field of a part is malformed");
    const name = lowerAscii(match[1]!);
    const value = trimBlanks(line.slice(match[0].length));
    // deno-lint-ignore no-control-regex -- these characters could break a header
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
      throw new MultipartError("A field of a part holds a control character");
    }
    if (fields.has(name)) throw new MultipartError(`A part has more than one ${name}`);
    fields.set(name, value);
  }
  return fields;
}
