/** The encoding of names in commands, replies and listings (RFC 2640). */

import { isAscii } from "./ascii.ts";

/** The first of 256 lone surrogates. Each of the upper 128 is a byte that is no part of a character. */
const ESCAPE = 0xdc00;
/** "Interpret as command" of Telnet. */
const IAC = 0xff;
/** Encodings that have bytes of ASCII within other characters, or states. */
const UNFIT = /^(?:utf-16|iso-2022|replacement)/;

const encoder = new TextEncoder();

/** Returns whether names can be in an encoding: ASCII is the same in it, and characters have no states. */
export function isNameEncoding(label: unknown): boolean {
  if (typeof label !== "string") return false;
  try {
    return !UNFIT.test(new TextDecoder(label).encoding);
  } catch {
    return false;
  }
}

/**
 * Decodes and encodes text of the server. Bytes that are no characters of the encoding become lone
 * surrogates from U+DC80 to U+DCFF, and are sent back as the same bytes. So do second spellings of a
 * character, or two files could have one name.
 */
export class NameCoding {
  /** The name of the encoding in the Encoding standard. */
  readonly name: string;
  readonly #decoder: TextDecoder;
  /**
   * Whether the byte 255 is sent twice. It is a command of Telnet (RFC 854), on which the control connection
   * of FTP is based. Most servers take it as it is.
   */
  isTelnet = false;

  /** Takes a label of the Encoding standard, such as `gbk`. */
  constructor(label: string) {
    this.#decoder = new TextDecoder(label, { ignoreBOM: true });
    this.name = this.#decoder.encoding;
  }

  /** Decodes bytes. */
  decode(bytes: Uint8Array): string {
    return this.#decoded(bytes) ?? this.#escaped(bytes);
  }

  /**
   * Encodes a text.
   *
   * @throws {TypeError} If a character does not exist in the encoding.
   */
  encode(text: string): Uint8Array {
    return this.#encoded(text, this.isTelnet);
  }

  #encoded(text: string, isTelnet: boolean): Uint8Array {
    if (isAscii(text) || (this.name === "utf-8" && text.isWellFormed())) {
      return encoder.encode(text);
    }
    const bytes: number[] = [];
    for (const char of text) {
      const code = char.codePointAt(0)!;
      if (code < 0x80) bytes.push(code);
      else if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) bytes.push(code - ESCAPE);
      else bytes.push(...this.#bytesOf(char, text));
      if (isTelnet && bytes.at(-1) === IAC) bytes.push(IAC);
    }
    return Uint8Array.from(bytes);
  }

  #bytesOf(char: string, text: string): Iterable<number> {
    if (this.name === "utf-8" && char.isWellFormed()) return encoder.encode(char);
    const code = char.codePointAt(0)!;
    if (code > 0xffff && isGb(this.name)) return fourBytes(code - 0x10000 + 189_000);
    const bytes = tableOf(this.name).get(char);
    if (bytes !== undefined) return bytes;
    const quoted = JSON.stringify(text.slice(0, 200));
    throw new TypeError(`Cannot send ${quoted}: ${this.name} has no ${JSON.stringify(char)}`);
  }

  #decoded(bytes: Uint8Array): string | undefined {
    const text = this.#decoder.decode(bytes);
    // U+FFFD itself is three bytes of UTF-8, and its bytes survive as well.
    if (text.includes("\ufffd")) return undefined;
    return this.name === "utf-8" || this.#isSpelling(text, bytes) ? text : undefined;
  }

  /** Returns whether a text is sent back as the bytes that it was decoded from. */
  #isSpelling(text: string, bytes: Uint8Array): boolean {
    try {
      const sent = this.#encoded(text, false);
      return sent.length === bytes.length && sent.every((byte, at) => byte === bytes[at]);
    } catch (error) {
      // Some bytes are two characters together.
      if (error instanceof TypeError) return false;
      throw error;
    }
  }

  /** Decodes characters one by one. */
  #escaped(bytes: Uint8Array): string {
    let text = "";
    for (let at = 0; at < bytes.length;) {
      const byte = bytes[at]!;
      let char = byte < 0x80 ? String.fromCharCode(byte) : undefined;
      let size = 1;
      for (const each of char === undefined ? this.#sizes(byte) : []) {
        char = this.#decoded(bytes.subarray(at, at + each));
        if (char === undefined) continue;
        size = each;
        break;
      }
      text += char ?? String.fromCharCode(ESCAPE + byte);
      at += size;
    }
    return text;
  }

  /** Returns the possible sizes of a character that begins with a byte. */
  #sizes(byte: number): readonly number[] {
    if (this.name !== "utf-8") return this.name === "euc-jp" ? [1, 2, 3] : [1, 2, 4];
    if (byte < 0xc2 || byte > 0xf4) return [];
    return [byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4];
  }
}

type Table = ReadonlyMap<string, readonly number[]>;

/** The tables that were needed, for all connections: one takes up to 100 ms. */
const tables = new Map<string, Table>();

/** Returns the bytes of the characters of an encoding, except those beyond U+FFFF with four bytes. */
function tableOf(name: string): Table {
  const table = tables.get(name) ?? makeTable(name);
  tables.set(name, table);
  return table;
}

function makeTable(name: string): Table {
  const decoder = new TextDecoder(name, { ignoreBOM: true });
  const table = new Map<string, readonly number[]>();
  /** Adds the characters of these bytes. A line feed ends each, whatever is before it. */
  const add = (all: readonly (readonly number[])[]) => {
    const text = decoder.decode(Uint8Array.from(all.flatMap((bytes) => [...bytes, 0x0a])));
    for (const [index, char] of text.split("\n").entries()) {
      const isOne = char !== "\ufffd" && [...char].length === 1 && char > "\x7f";
      if (isOne && !table.has(char)) table.set(char, all[index]!);
    }
  };
  // The byte 0x80 is a character of GBK alone.
  add(range(name === "gb18030" ? 0x81 : 0x80, 0xff).map((byte) => [byte]));
  // The Encoding standard sends the other bytes of characters that have several.
  const isLate = (lead: number) =>
    name === "big5" ? lead < 0xa1 : name === "shift_jis" && (lead === 0xed || lead === 0xee);
  const leads = range(0x81, 0xfe);
  for (const lead of [...leads.filter((lead) => !isLate(lead)), ...leads.filter(isLate)]) {
    add(range(0x30, 0xfe).map((tail) => [lead, tail]));
  }
  if (name === "euc-jp") {
    for (const second of range(0xa1, 0xfe)) {
      add(range(0xa1, 0xfe).map((third) => [0x8f, second, third]));
    }
  }
  if (isGb(name)) add(range(0, 39_419).map(fourBytes));
  return table;
}

function isGb(name: string): boolean {
  return name === "gbk" || name === "gb18030";
}

/** Returns the bytes of GB 18030 for the index of a character among those with four bytes. */
function fourBytes(index: number): number[] {
  const [a, b, c, d] = [index / 12_600, index / 1260, index / 10, index].map(Math.floor);
  return [0x81 + a!, 0x30 + b! % 10, 0x81 + c! % 126, 0x30 + d! % 10];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
