/** Splits a message into its parts while its bytes arrive (RFC 2046 §5.1). Pure. */

import { NetError } from "../../errors/errors.ts";
import { joinedBytes } from "../../internal/joined_bytes.ts";
import { type MimeHead, parseMimeHead } from "./_mime_head.ts";

/** A part that contains no other parts, or the whole message. */
export interface MimePart extends MimeHead {
  /** The number of the part, as in IMAP: "1" for the first one, "2.1" for the first one within the second. */
  readonly number: string;
  /** The types of the multiparts around it, the outermost first. */
  readonly parents: readonly string[];
}

/** An event within a message. The first one is always the header. */
export type MimeEvent =
  | { readonly type: "header"; readonly head: MimeHead }
  | { readonly type: "part"; readonly part: MimePart }
  /** Bytes of the part, as they are encoded. */
  | { readonly type: "data"; readonly bytes: Uint8Array }
  /** The end of the part. `isLine`: a line break followed, which belongs to the boundary. */
  | { readonly type: "end"; readonly isLine: boolean };

/** Bounds of a message. */
export interface MimeLimits {
  /** Most bytes of all headers together. */
  readonly maxHeaderSize: number;
  /** Most multiparts that are within one another. */
  readonly maxDepth: number;
  /** Most parts, with those that contain others. */
  readonly maxParts: number;
}

/** A multipart whose end has not come. */
interface Multipart {
  /** The boundary with its dashes, in hexadecimal. */
  readonly boundary: string;
  readonly number: string;
  readonly types: readonly string[];
  /** The number of its parts so far. */
  count: number;
}

/** A line that begins or ends a part. */
interface Delimiter {
  /** The index of its multipart. */
  readonly index: number;
  readonly isLast: boolean;
  /** The position after the line. */
  readonly next: number;
}

const CR = 13, LF = 10, DASH = 45, BLANK = 32, TAB = 9;
/** Longest boundary. RFC 2046 §5.1.1 allows 70 characters. */
const MAX_BOUNDARY = 250;
/** Longest line that is taken for a boundary, with blanks at its end. */
const MAX_LINE = 1000;

const utf8 = new TextEncoder();

/** Splits one message. */
export class MimeSplitter {
  readonly #limits: MimeLimits;
  readonly #open: Multipart[] = [];
  /** The index of the innermost multipart with a boundary. A search in a list of 100 would be slow. */
  #indexes = new Map<string, number>();
  readonly #head = new ByteList();
  readonly #events: MimeEvent[] = [];
  /** What the next bytes are: a header, the content of a part, or text between parts. */
  #state: "header" | "content" | "between" = "header";
  /** The position in the header at which its last line begins. */
  #lineAt = 0;
  /** Whether the next byte begins a line of a content. */
  #isLineStart = false;
  /** Bytes of a content that can be a part of a boundary. */
  #held = new Uint8Array(0);
  #headerSize = 0;
  #parts = 0;

  constructor(limits: MimeLimits) {
    this.#limits = limits;
  }

  /**
   * Takes the next bytes.
   *
   * @returns The events that they complete. The bytes in them share the memory of those given.
   * @throws {NetError} "limit" if the message exceeds a limit.
   */
  push(bytes: Uint8Array): MimeEvent[] {
    this.#take(bytes, false);
    return this.#events.splice(0);
  }

  /** Takes the end of the message. */
  end(): MimeEvent[] {
    this.#take(new Uint8Array(0), true);
    if (this.#state === "header") this.#begin(this.#head.take());
    this.#finish(false);
    return this.#events.splice(0);
  }

  #take(bytes: Uint8Array, isEnd: boolean): void {
    const all = this.#held.length === 0 ? bytes : joinedBytes([this.#held, bytes]);
    this.#held = new Uint8Array(0);
    for (let at = 0; at < all.length;) {
      if (this.#state === "header") at = this.#headerLine(all, at);
      else {
        const next = this.#content(all, at, isEnd);
        if (next === undefined) break;
        at = next;
      }
    }
  }

  /** Reads a line of a header, or the beginning of one. Returns the position after it. */
  #headerLine(all: Uint8Array, at: number): number {
    const end = all.indexOf(LF, at);
    const next = end === -1 ? all.length : end + 1;
    this.#headerSize += next - at;
    if (this.#headerSize > this.#limits.maxHeaderSize) {
      throw tooMuch(`its headers are larger than ${this.#limits.maxHeaderSize} bytes`);
    }
    this.#head.push(all.subarray(at, next));
    if (end === -1) return next;
    const line = withoutBreak(this.#head.from(this.#lineAt));
    const delimiter = this.#match(line, next);
    if (line.length > 0 && delimiter === undefined) {
      this.#lineAt = this.#head.size;
      return next;
    }
    this.#begin(this.#head.take().subarray(0, this.#lineAt));
    if (delimiter !== undefined) this.#turn(delimiter, false);
    return next;
  }

  /**
   * Reads content up to the next boundary.
   *
   * @returns The position after the boundary; undefined if none has come.
   */
  #content(all: Uint8Array, start: number, isEnd: boolean): number | undefined {
    if (this.#open.length === 0) return void this.#data(all, start, all.length);
    let at = this.#isLineStart ? start : lineAfter(all, start);
    for (; at !== -1; at = lineAfter(all, at)) {
      if (at < all.length && all[at] !== DASH) continue;
      const delimiter = this.#delimiter(all, at, isEnd);
      if (delimiter === undefined) continue;
      const end = breakBefore(all, start, at);
      this.#data(all, start, end);
      if (delimiter === "unknown") {
        this.#hold(all, end, end === at);
        return undefined;
      }
      this.#turn(delimiter, end < at);
      return delimiter.next;
    }
    const isHeld = !isEnd && all[all.length - 1] === CR;
    const end = isHeld ? all.length - 1 : all.length;
    this.#data(all, start, end);
    this.#hold(all, end, false);
    return undefined;
  }

  #hold(all: Uint8Array, at: number, isLineStart: boolean): void {
    this.#held = all.slice(at);
    this.#isLineStart = isLineStart;
  }

  #data(all: Uint8Array, start: number, end: number): void {
    if (this.#state !== "content" || start === end) return;
    this.#events.push({ type: "data", bytes: all.subarray(start, end) });
  }

  /** Returns the boundary on a line, "unknown" if more bytes must tell, or undefined if there is none. */
  #delimiter(all: Uint8Array, at: number, isEnd: boolean): Delimiter | "unknown" | undefined {
    const most = all.subarray(at, at + MAX_LINE);
    const end = most.indexOf(LF);
    if (end !== -1) return this.#match(withoutBreak(most.subarray(0, end)), at + end + 1);
    if (most.length === MAX_LINE) return undefined;
    if (isEnd) return this.#match(withoutBreak(most), all.length);
    const text = most.subarray(0, MAX_BOUNDARY).toHex();
    for (const boundary of this.#indexes.keys()) {
      if (boundary.startsWith(text) || text.startsWith(boundary)) return "unknown";
    }
    return undefined;
  }

  /** Finds the innermost multipart whose boundary a line is. */
  #match(line: Uint8Array, next: number): Delimiter | undefined {
    if (line[0] !== DASH || line[1] !== DASH) return undefined;
    const text = withoutBlanks(line);
    const begun = this.#indexOf(text);
    const isLast = text.at(-1) === DASH && text.at(-2) === DASH;
    const ended = isLast ? this.#indexOf(withoutBlanks(text.subarray(0, -2))) : -1;
    if (begun === -1 && ended === -1) return undefined;
    return { index: Math.max(begun, ended), isLast: ended > begun, next };
  }

  #indexOf(text: Uint8Array): number {
    return text.length > MAX_BOUNDARY ? -1 : this.#indexes.get(text.toHex()) ?? -1;
  }

  /** Goes on after a boundary. */
  #turn({ index, isLast }: Delimiter, isLine: boolean): void {
    this.#finish(isLine);
    this.#leave(isLast ? index : index + 1);
    this.#state = isLast ? "between" : "header";
    this.#isLineStart = true;
    this.#lineAt = 0;
    if (!isLast) this.#open[index]!.count++;
  }

  /** Forgets the multiparts from an index on. */
  #leave(count: number): void {
    if (this.#open.length === count) return;
    this.#open.length = count;
    this.#indexes = new Map(this.#open.map(({ boundary }, index) => [boundary, index]));
  }

  #finish(isLine: boolean): void {
    if (this.#state === "content") this.#events.push({ type: "end", isLine });
    this.#state = "between";
  }

  /** Begins a part after its header. */
  #begin(bytes: Uint8Array): void {
    const { maxDepth, maxParts } = this.#limits;
    if (++this.#parts > maxParts) throw tooMuch(`it has more than ${maxParts} parts`);
    const parent = this.#open.at(-1);
    const usual = parent?.types.at(-1) === "multipart/digest" ? "message/rfc822" : "text/plain";
    const head = parseMimeHead(bytes, usual);
    if (this.#parts === 1) this.#events.push({ type: "header", head });
    const boundary = withoutBlanks(utf8.encode(`--${head.parameters.get("boundary") ?? ""}`));
    const isMultipart = head.type.startsWith("multipart/") &&
      boundary.length > 2 && boundary.length <= MAX_BOUNDARY;
    const number = parent === undefined
      ? ""
      : `${parent.number === "" ? "" : `${parent.number}.`}${parent.count}`;
    const types = parent?.types ?? [];
    this.#isLineStart = true;
    this.#state = isMultipart ? "between" : "content";
    if (!isMultipart) {
      const part = { ...head, number: number || "1", parents: types };
      this.#events.push({ type: "part", part });
      return;
    }
    const index = this.#open.length;
    this.#open.push({ boundary: boundary.toHex(), number, types: [...types, head.type], count: 0 });
    this.#indexes.set(this.#open[index]!.boundary, index);
    if (index >= maxDepth) {
      throw tooMuch(`more than ${maxDepth} parts are within one another`);
    }
  }
}

/** Bytes that arrive piece by piece. */
class ByteList {
  #bytes = new Uint8Array(1024);
  size = 0;

  push(piece: Uint8Array): void {
    if (this.size + piece.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.size + piece.length));
      larger.set(this.#bytes.subarray(0, this.size));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.size);
    this.size += piece.length;
  }

  from(at: number): Uint8Array {
    return this.#bytes.subarray(at, this.size);
  }

  /** Returns all bytes, until the next call of `push`, and forgets them. */
  take(): Uint8Array {
    const all = this.from(0);
    this.size = 0;
    return all;
  }
}

function tooMuch(what: string): NetError {
  return new NetError(`Cannot read the message: ${what}`, { kind: "limit", phase: "read" });
}

/** Returns the position of the next line, or -1. */
function lineAfter(all: Uint8Array, at: number): number {
  return all.indexOf(LF, at) + 1 || -1;
}

/** Returns the position of the line break before a line. */
function breakBefore(all: Uint8Array, start: number, at: number): number {
  if (at === start) return at;
  return at - 2 >= start && all[at - 2] === CR ? at - 2 : at - 1;
}

function withoutBreak(line: Uint8Array): Uint8Array {
  let end = line.length;
  while (end > 0 && (line[end - 1] === CR || line[end - 1] === LF)) end--;
  return line.subarray(0, end);
}

function withoutBlanks(line: Uint8Array): Uint8Array {
  let end = line.length;
  while (end > 0 && (line[end - 1] === BLANK || line[end - 1] === TAB)) end--;
  return line.subarray(0, end);
}
