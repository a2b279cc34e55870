import { NetError } from "../errors/errors.ts";
import { escapeOctets } from "./_octets.ts";

/** Maximum length of an encoded name in octets (RFC 1035 §2.3.4). */
const MAX_NAME = 255;
/** Maximum number of labels in such a name: each takes an octet and its length. */
const MAX_LABELS = 127;

/** Returns the error for a message that violates RFC 1035. */
export function malformed(what: string): NetError {
  return new NetError(`Cannot read the DNS message: ${what}`, {
    kind: "protocol",
    phase: "response",
  });
}

/** Reads values from bytes. A read beyond the end throws. */
export class DnsReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.at + length > this.end) throw malformed("it ends too early");
    return this.bytes.slice(this.at, this.at += length);
  }

  /** Returns all bytes up to the end. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.take(this.end - this.at);
  }

  uint8(): number {
    if (this.at >= this.end) throw malformed("it ends too early");
    return this.bytes[this.at++]!;
  }

  uint16(): number {
    return this.uint8() << 8 | this.uint8();
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  /**
   * Returns a reader of the next `length` bytes and skips them. Names in this part may point to
   * bytes before it.
   */
  part(length: number): DnsReader {
    if (this.at + length > this.end) throw malformed("it ends too early");
    return new DnsReader(this.bytes, this.at, this.at += length);
  }

  /**
   * Reads a name and follows its pointers (RFC 1035 §4.1.4). Each pointer must lead to a place before
   * all bytes read for this name so far, which rules out loops. A name never needs more pointers than
   * labels. Without this limit, each record of a message could follow a chain of thousands.
   */
  name(): string {
    const labels: string[] = [];
    let length = 1;
    let at = this.at;
    let end = this.end;
    let before = at;
    let jumps = 0;
    for (;;) {
      if (at >= end) throw malformed("a name ends too early");
      const size = this.bytes[at]!;
      if (size >= 0xc0) {
        if (at + 1 >= end) throw malformed("a name ends too early");
        const target = (size & 0x3f) << 8 | this.bytes[at + 1]!;
        if (jumps === 0) this.at = at + 2;
        if (++jumps > MAX_LABELS) throw malformed("a name has too many pointers");
        if (target >= before) throw malformed("a name points at itself or forward");
        before = at = target;
        end = this.bytes.length;
        continue;
      }
      if (size > 63) throw malformed("a label of an unknown kind");
      if (size === 0) {
        if (jumps === 0) this.at = at + 1;
        return labels.length === 0 ? "." : labels.join(".");
      }
      length += size + 1;
      if (length > MAX_NAME) throw malformed("a name is longer than 255 octets");
      if (at + 1 + size > end) throw malformed("a name ends too early");
      labels.push(writeLabel(this.bytes.subarray(at + 1, at + 1 + size)));
      at += size + 1;
    }
  }
}

/** The characters that have a meaning in zone files (RFC 1035 §5.1) or separate labels. */
const SPECIAL = '.\\"()@$;';

/** Writes a label as text. Special characters and octets outside printable ASCII are escaped. */
function writeLabel(label: Uint8Array): string {
  return escapeOctets(label, SPECIAL, 0x21);
}

/** Splits a name into labels and decodes the escapes `\.` and `\DDD`. */
function readLabels(name: string): Uint8Array[] {
  const fail = (why: string): never => {
    throw new TypeError(`Cannot encode the name ${JSON.stringify(name.slice(0, 300))}: ${why}`);
  };
  if (name === ".") return [];
  const labels: number[][] = [[]];
  for (let i = 0; i < name.length; i++) {
    let code = name.charCodeAt(i);
    if (code === 0x2e) {
      if (i < name.length - 1) labels.push([]);
      continue;
    }
    if (code === 0x5c) {
      const [, digits, character] = /^(?:(\d{3})|([!-/:-~]))/.exec(name.slice(i + 1, i + 4)) ?? [];
      code = digits === undefined ? character?.charCodeAt(0) ?? 256 : Number(digits);
      i += digits === undefined ? 1 : 3;
      if (code > 255) fail("a backslash must precede a punctuation mark or three digits");
    } else if (code < 0x21 || code > 0x7e) fail("it contains a character outside printable ASCII");
    labels.at(-1)!.push(code);
  }
  if (labels.some((label) => label.length === 0)) fail("it has an empty label");
  if (labels.some((label) => label.length > 63)) fail("a label is longer than 63 octets");
  const length = labels.reduce((sum, label) => sum + label.length + 1, 1);
  if (length > MAX_NAME) fail("it is longer than 255 octets");
  return labels.map((label) => Uint8Array.from(label));
}

/** Writes values to a growing buffer, and remembers names so that later ones can point to them. */
export class DnsWriter {
  readonly #bytes: number[] = [];
  readonly #names = new Map<string, number>();

  get length(): number {
    return this.#bytes.length;
  }

  uint8(value: number): void {
    this.#bytes.push(value & 0xff);
  }

  uint16(value: number): void {
    this.#bytes.push(value >> 8 & 0xff, value & 0xff);
  }

  uint32(value: number): void {
    this.uint16(Math.floor(value / 0x10000));
    this.uint16(value % 0x10000);
  }

  put(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }

  /**
   * Writes a name.
   *
   * @param compress Whether the name may point to an earlier one. Only the types of RFC 1035 may do
   * this (RFC 3597 §4).
   */
  name(name: string, compress: boolean): void {
    const labels = readLabels(name);
    for (let i = 0; i < labels.length; i++) {
      const key = labels.slice(i).map((label) => writeLabel(label).toLowerCase()).join(".");
      const known = this.#names.get(key);
      if (compress && known !== undefined) return this.uint16(0xc000 | known);
      if (known === undefined && this.length < 0x4000) this.#names.set(key, this.length);
      this.uint8(labels[i]!.length);
      this.put(labels[i]!);
    }
    this.uint8(0);
  }

  /** Writes up to 255 octets after their number. */
  short(octets: Uint8Array): void {
    if (octets.length > 255) {
      throw new RangeError(`Cannot write a text of ${octets.length} octets: the maximum is 255`);
    }
    this.uint8(octets.length);
    this.put(octets);
  }

  /** Writes a length of 16 bits, then the bytes that `write` writes. */
  sized(write: () => void): void {
    const at = this.length;
    this.uint16(0);
    write();
    const length = this.length - at - 2;
    if (length > 0xffff) {
      throw new RangeError(`Cannot write ${length} bytes: the maximum is 65535`);
    }
    this.#bytes[at] = length >> 8;
    this.#bytes[at + 1] = length & 0xff;
  }

  finish(): Uint8Array<ArrayBuffer> {
    if (this.length > 0xffff) {
      throw new RangeError(`Cannot write a message of ${this.length} bytes: the maximum is 65535`);
    }
    return Uint8Array.from(this.#bytes);
  }
}
