/** Reads DER (X.690). Only the canonical form is accepted. */

import { Defect } from "./defect.ts";

/** An element of DER. */
export interface Element {
  readonly tag: number;
  /** The content, without tag and length. */
  readonly body: Uint8Array;
  /** The whole element. */
  readonly whole: Uint8Array;
}

/** Maximum size of an element in bytes. Certificates are smaller. */
const MOST = 0xfffe;

/** Reads the elements of a byte string one after the other. Malformed ones throw a Defect. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** Takes the bytes. An optional part that is missing has none. */
  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#bytes = bytes;
  }

  /** Whether all bytes have been read. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The tag of the next element; undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** Reads the next element. */
  read(): Element {
    const bytes = this.#bytes;
    const start = this.#at;
    const tag = bytes[start];
    let length = bytes[start + 1];
    if (tag === undefined || length === undefined || (tag & 0x1f) === 0x1f) throw malformed();
    let body = start + 2;
    if (length > 0x7f) {
      const size = length & 0x7f;
      if (size < 1 || size > 2 || body + size > bytes.length) throw malformed();
      length = size === 1 ? bytes[body]! : bytes[body]! * 256 + bytes[body + 1]!;
      if (length < (size === 1 ? 0x80 : 0x100)) throw malformed();
      body += size;
    }
    const end = body + length;
    if (length > MOST || end > bytes.length) throw malformed();
    this.#at = end;
    return { tag, body: bytes.subarray(body, end), whole: bytes.subarray(start, end) };
  }

  /** Reads the next element, which must have this tag. */
  take(tag: number): Element {
    const element = this.read();
    if (element.tag !== tag) throw malformed();
    return element;
  }

  /** Reads the next element if it has this tag. */
  takeIf(tag: number): Element | undefined {
    return this.next === tag ? this.read() : undefined;
  }

  /** Throws if there are more bytes. */
  end(): void {
    if (!this.done) throw malformed();
  }
}

/** Returns the only element of a byte string, which must have this tag. */
export function onlyElement(bytes: Uint8Array, tag: number): Element {
  const reader = new DerReader(bytes);
  const element = reader.take(tag);
  reader.end();
  return element;
}

/** Reads an optional boolean; false if it is missing. */
export function readFlag(reader: DerReader): boolean {
  const body = reader.takeIf(0x01)?.body;
  if (body === undefined) return false;
  if (body.length !== 1 || (body[0] !== 0xff && body[0] !== 0)) throw malformed();
  return body[0] === 0xff;
}

/** Returns the error for bytes that are no DER. */
export function malformed(): Defect {
  return new Defect("BadEncoding");
}
