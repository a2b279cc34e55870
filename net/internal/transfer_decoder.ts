/** Decodes transfer encodings of MIME parts chunk by chunk (RFC 2045 §6). Pure. */

/** A decoder for one part. */
export interface TransferDecoder {
  /** Decodes the next bytes. */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Returns the bytes that an incomplete end stands for. */
  end(): Uint8Array<ArrayBuffer>;
}

const LF = 10, CR = 13, TAB = 9, BLANK = 32, EQUALS = 0x3d;
const NOTHING: readonly number[] = [];
/** Maximum number of blanks that are held back, because they may stand at the end of a line. */
const MAX_BLANKS = 1000;

/** The values of the letters of Base64; 64 for the padding, 255 for other bytes. */
const VALUES = new Uint8Array(256).fill(255);
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
for (let i = 0; i < LETTERS.length; i++) VALUES[LETTERS.charCodeAt(i)] = i;

/** Returns a decoder for a transfer encoding, in lower case; undefined if the bytes are the content. */
export function transferDecoder(encoding: string): TransferDecoder | undefined {
  if (encoding === "base64") return new Base64Decoder();
  return encoding === "quoted-printable" ? new QuotedPrintableDecoder() : undefined;
}

/** Base64 (RFC 2045 §6.8). Other bytes are skipped, and padding may be missing or in the middle. */
class Base64Decoder implements TransferDecoder {
  #bits = 0;
  #count = 0;

  push(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const decoded = new Uint8Array(Math.ceil((bytes.length + 4) * 3 / 4));
    let size = 0;
    let bits = this.#bits;
    let count = this.#count;
    for (let i = 0; i < bytes.length; i++) {
      const value = VALUES[bytes[i]!]!;
      if (value === 255) continue;
      if (value === 64) {
        // Padding ends a group. What follows is another one.
        bits = count = 0;
        continue;
      }
      bits = (bits << 6 | value) & 0xffff;
      count += 6;
      if (count < 8) continue;
      count -= 8;
      decoded[size++] = bits >> count;
    }
    this.#bits = bits;
    this.#count = count;
    return decoded.subarray(0, size);
  }

  end(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(0);
  }
}

/** Quoted-printable (RFC 2045 §6.7). Invalid sequences stay as they are. */
class QuotedPrintableDecoder implements TransferDecoder {
  /** The bytes that can be the beginning of a sequence, or blanks at the end of a line. */
  #held: number[] = [];

  push(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const decoded = new Uint8Array(bytes.length + this.#held.length);
    let size = 0;
    const put = (some: readonly number[]) => {
      for (const byte of some) decoded[size++] = byte;
    };
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      const isFree = this.#held.length === 0;
      const isBlank = byte === BLANK || byte === TAB;
      const next = bytes[i + 1] ?? 0;
      // A blank before a visible character is not at the end of its line.
      if (isFree && byte !== EQUALS && (!isBlank || next > BLANK)) decoded[size++] = byte;
      else if (isFree && byte === EQUALS && isHex(next) && isHex(bytes[i + 2] ?? 0)) {
        decoded[size++] = digitOf(next) << 4 | digitOf(bytes[i + 2]!);
        i += 2;
      } else put(this.#next(byte));
    }
    return decoded.subarray(0, size);
  }

  /** Takes a byte after those that are held back. Returns the bytes that are decided. */
  #next(byte: number): readonly number[] {
    const held = this.#held;
    const [first, second] = held;
    if (first === EQUALS && held.length === 1 && isHex(byte)) {
      held.push(byte);
      return NOTHING;
    }
    if (first === EQUALS && held.length === 2 && isHex(second!) && isHex(byte)) {
      this.#held = [];
      return [digitOf(second!) << 4 | digitOf(byte)];
    }
    const isBroken = first === EQUALS && held.at(-1) === CR;
    // The end of a line: blanks before it are dropped, and so is the end itself after `=`.
    if (byte === LF) {
      this.#held = [];
      return first === EQUALS && !isHex(second ?? 0) ? NOTHING : [...withoutBlanks(held), byte];
    }
    if (!isBroken && isHeld(first, second, byte) && held.length < MAX_BLANKS) {
      held.push(byte);
      return NOTHING;
    }
    this.#held = byte === EQUALS || byte === BLANK || byte === TAB ? [byte] : [];
    const decided = byte === CR && first !== EQUALS ? withoutBlanks(held) : held;
    return this.#held.length === 0 ? [...decided, byte] : decided;
  }

  end(): Uint8Array<ArrayBuffer> {
    const rest = this.#held;
    this.#held = [];
    const isBreak = rest[0] === EQUALS && !isHex(rest[1] ?? 0);
    return new Uint8Array(isBreak ? [] : withoutBlanks(rest));
  }
}

/** Returns whether a byte goes on with what is held back: blanks, or a line that ends with `=`. */
function isHeld(first: number | undefined, second: number | undefined, byte: number): boolean {
  const isBlank = byte === BLANK || byte === TAB;
  if (first !== EQUALS) return first !== undefined && isBlank;
  return !isHex(second ?? 0) && (isBlank || byte === CR);
}

function withoutBlanks(bytes: readonly number[]): readonly number[] {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === BLANK || bytes[end - 1] === TAB)) end--;
  return bytes.slice(0, end);
}

function isHex(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

/** Returns the value of a hexadecimal digit. */
function digitOf(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
}
