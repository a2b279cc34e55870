/** Decoders for a charset, and those with a state that `TextDecoder` does not have. */

/** A decoder for one text. `TextDecoder` is one. */
export interface CharsetDecoder {
  /** The name of the charset. */
  readonly encoding: string;
  /**
   * Decodes bytes. A byte that the charset does not have becomes U+FFFD.
   *
   * @param input The next bytes of the text; none to end it.
   * @param options `stream`: whether more bytes follow. Default: false.
   * @returns The text of the bytes so far.
   */
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: ReadonlyMap<number, number> = new Map(
  Array.from(BASE64, (letter, value) => [letter.charCodeAt(0), value]),
);

const SO = 14, SI = 15, ESC = 27, LF = 10, PLUS = 0x2b, MINUS = 0x2d, TILDE = 0x7e;

/** UTF-7 (RFC 2152). */
export class Utf7Decoder implements CharsetDecoder {
  readonly encoding = "utf-7";
  #bits = 0;
  #count = 0;
  #shifted = false;
  #empty = false;
  /** The first half of a surrogate pair. */
  #half = "";

  decode(input: Uint8Array = new Uint8Array(), options: { stream?: boolean } = {}): string {
    let text = this.#half;
    this.#half = "";
    for (const byte of input) text += this.#shifted ? this.#inBase64(byte) : this.#direct(byte);
    if (options.stream !== true) this.#shifted = false;
    else if (/[\uD800-\uDBFF]$/.test(text)) {
      this.#half = text.slice(-1);
      text = text.slice(0, -1);
    }
    return text.toWellFormed();
  }

  #direct(byte: number): string {
    if (byte !== PLUS) return byte < 128 ? String.fromCharCode(byte) : "\uFFFD";
    this.#shifted = this.#empty = true;
    this.#bits = this.#count = 0;
    return "";
  }

  #inBase64(byte: number): string {
    const value = VALUES.get(byte);
    if (value === undefined) {
      this.#shifted = false;
      if (byte !== MINUS) return this.#direct(byte);
      return this.#empty ? "+" : "";
    }
    this.#empty = false;
    this.#bits = (this.#bits << 6 | value) & 0x3fffff;
    this.#count += 6;
    if (this.#count < 16) return "";
    this.#count -= 16;
    return String.fromCharCode(this.#bits >> this.#count & 0xffff);
  }
}

/** A charset of two sets of characters, which becomes EUC when the high bit marks the second one. */
abstract class ShiftDecoder implements CharsetDecoder {
  abstract readonly encoding: string;
  readonly #euc: TextDecoder;
  /** Whether the second set is in use. */
  protected shifted = false;
  /** The beginning of an escape sequence. */
  protected pending: number[] = [];

  constructor(euc: string) {
    this.#euc = new TextDecoder(euc, { ignoreBOM: true });
  }

  decode(input: Uint8Array = new Uint8Array(), options: { stream?: boolean } = {}): string {
    const bytes: number[] = [];
    for (const byte of input) this.next(byte, bytes);
    if (options.stream !== true) {
      bytes.push(...this.pending);
      this.pending = [];
      this.shifted = false;
    }
    return this.#euc.decode(new Uint8Array(bytes), options);
  }

  /** Reads a byte and appends those of the other charset. */
  protected abstract next(byte: number, bytes: number[]): void;

  /** Returns a byte of the set in use. */
  protected marked(byte: number): number {
    return this.shifted && byte > 0x20 && byte < 0x7f ? byte | 0x80 : byte;
  }
}

/** ISO-2022-KR (RFC 1557). */
export class Iso2022KrDecoder extends ShiftDecoder {
  readonly encoding = "iso-2022-kr";

  constructor() {
    super("euc-kr");
  }

  protected override next(byte: number, bytes: number[]): void {
    // The header `ESC $ ) C` designates the set. It has no character.
    const header = [ESC, 0x24, 0x29, 0x43];
    if (byte === header[this.pending.length]) {
      this.pending.push(byte);
      if (this.pending.length === header.length) this.pending = [];
      return;
    }
    bytes.push(...this.pending.splice(0).map((one) => this.marked(one)));
    if (byte === SO) this.shifted = true;
    else if (byte === SI) this.shifted = false;
    else bytes.push(this.marked(byte));
    if (byte === LF) this.shifted = false;
  }
}

/** HZ-GB-2312 (RFC 1843). */
export class HzDecoder extends ShiftDecoder {
  readonly encoding = "hz-gb-2312";

  constructor() {
    super("gbk");
  }

  protected override next(byte: number, bytes: number[]): void {
    if (this.pending.length === 0) {
      if (byte === TILDE) this.pending.push(byte);
      else bytes.push(this.marked(byte));
      if (byte === LF) this.shifted = false;
      return;
    }
    this.pending = [];
    if (byte === 0x7b) this.shifted = true;
    else if (byte === 0x7d) this.shifted = false;
    else if (byte === TILDE) bytes.push(TILDE);
    else if (byte !== LF) bytes.push(TILDE, this.marked(byte));
  }
}
