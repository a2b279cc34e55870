/**
 * The character encodings of terminals. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { isAscii } from "../../../net/internal/ascii.ts";
import { lowerAscii } from "../../../net/text.ts";

/** The encodings that `--charset` can name. */
export const CHARSETS = ["utf-8", "gbk", "latin-1"] as const;

/** A character encoding of terminals. */
export type Charset = (typeof CHARSETS)[number];

/** Three times as fast as the strict decoder, because it never throws. */
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The names that people type for the encodings. */
const NAMES: Readonly<Record<string, Charset>> = {
  utf8: "utf-8",
  gbk: "gbk",
  gb2312: "gbk",
  gb18030: "gbk",
  cp936: "gbk",
  latin1: "latin-1",
  iso88591: "latin-1",
};

/**
 * Returns the encoding of a name.
 *
 * @param name The name as a user entered it, such as `UTF8` or `iso-8859-1`.
 * @returns The encoding; undefined for another name.
 */
export function charsetNamed(name: string): Charset | undefined {
  const plain = lowerAscii(name).replace(/[-_ ]/g, "");
  return Object.hasOwn(NAMES, plain) ? NAMES[plain] : undefined;
}

const decoders: Readonly<Record<Charset, TextDecoder>> = {
  "utf-8": new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  "gbk": new TextDecoder("gbk", { fatal: true }),
  "latin-1": new TextDecoder("latin1", { fatal: true }),
};

/**
 * Decodes one line.
 *
 * @param bytes The line in the given encoding.
 * @param charset The encoding of the terminal.
 * @returns The text; undefined if the bytes are not in this encoding.
 */
export function decodeText(bytes: Uint8Array, charset: Charset): string | undefined {
  if (charset === "utf-8") {
    const text = lenientUtf8.decode(bytes);
    // A replacement character can be part of the text, too.
    if (!text.includes("\ufffd")) return text;
  }
  try {
    return decoders[charset].decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Guesses the encoding of a line that is not in the expected one.
 *
 * @param bytes The line without its end.
 * @returns `utf-8` or `gbk` if the bytes have its form; otherwise `latin-1`, in which any byte is valid.
 */
export function guessCharset(bytes: Uint8Array): Charset {
  if (decodeText(bytes, "utf-8") !== undefined) return "utf-8";
  const chinese = decodeText(bytes, "gbk");
  // Both bytes of common Chinese characters are high. "café" has a single high byte, and GBK allows low
  // second bytes, such as in "Zoë M".
  const pairs = /^(?:[^\x80-\uffff]|\p{Script=Han}|[\u2000-\u206f\u3000-\u303f\uff00-\uffef])*$/u;
  return chinese !== undefined && pairs.test(chinese) && highBytesInPairs(bytes)
    ? "gbk"
    : "latin-1";
}

/** Returns whether each run of bytes above 127 has an even length. */
function highBytesInPairs(bytes: Uint8Array): boolean {
  let run = 0;
  for (const byte of bytes) {
    if (byte > 127) run++;
    else if (run % 2 === 1) return false;
    else run = 0;
  }
  return run % 2 === 0;
}

const utf8 = new TextEncoder();

/**
 * Encodes text for a terminal. A character that the encoding lacks becomes its letters without marks, or
 * a question mark.
 *
 * @param text The text, which may have any characters.
 * @param charset The encoding of the terminal.
 * @returns The bytes of the encoded text.
 */
export function encodeText(text: string, charset: Charset): Uint8Array<ArrayBuffer> {
  if (charset === "utf-8" || isAscii(text)) return utf8.encode(text);
  const bytesOf = charset === "gbk" ? gbkBytes() : LATIN_1;
  const bytes: number[] = [];
  for (const character of text) bytes.push(...bytesIn(bytesOf, character));
  return Uint8Array.from(bytes);
}

type Table = ReadonlyMap<string, readonly number[]>;

const QUESTION_MARK = [0x3f];

function bytesIn(table: Table, character: string): readonly number[] {
  if (character < "\x80") return [character.charCodeAt(0)];
  const bytes = table.get(character);
  if (bytes !== undefined) return bytes;
  // A mark of its own has nothing left, and is left out.
  const parts = Array.from(character.normalize("NFKD").replace(/\p{M}/gu, ""));
  if (parts.length === 1 && parts[0] === character) return QUESTION_MARK;
  return parts.flatMap((part) =>
    part < "\x80" ? [part.charCodeAt(0)] : table.get(part) ?? QUESTION_MARK
  );
}

/**
 * The printable part of Latin-1. The codes 128 to 159 are controls in terminals. The code 255 is left
 * out, because it is the escape byte of Telnet.
 */
const LATIN_1: Table = new Map(
  Array.from({ length: 255 - 0xa0 }, (_, i) => [String.fromCharCode(0xa0 + i), [0xa0 + i]]),
);

const LINE_FEED = 0x0a;

let gbk: Table | undefined;

/** The pairs of bytes in GBK, by character. The table is made from the decoder when it is needed. */
function gbkBytes(): Table {
  if (gbk !== undefined) return gbk;
  const table = new Map<string, readonly number[]>();
  const decoder = new TextDecoder("gbk");
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    // One call for all pairs of a lead byte takes a tenth of the time of a call for each.
    const trails = Array.from({ length: 0xff - 0x40 }, (_, i) => 0x40 + i);
    const pairs = Uint8Array.from(trails.flatMap((trail) => [lead, trail, LINE_FEED]));
    for (const [i, text] of decoder.decode(pairs).split("\n").entries()) {
      if (text.length === 1 && text !== "\ufffd" && !table.has(text)) {
        table.set(text, [lead, trails[i]!]);
      }
    }
  }
  return gbk = table;
}
