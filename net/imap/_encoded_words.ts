/** Decodes texts in mail headers, which are ASCII (RFC 2047, RFC 2231). Pure. */

/** `=?charset*language?B?text?=` (RFC 2047 §2, RFC 2231 §5). */
const WORD = /=\?([!-)+->@-~]+)(?:\*[!-)+->@-~]*)?\?([BQ])\?([!->@-~]*)\?=/gi;
/** `name*`, `name*0`, `name*0*` (RFC 2231 §3 and §4). */
const PIECE = /^([^*]+)\*(?:(0|[1-9]\d{0,2})(\*?))?$/;

const utf8 = new TextEncoder();

/** Encoded words in the same charset that are decoded together. */
interface Run {
  readonly charset: string;
  readonly bytes: number[];
  /** The words as they are written. */
  written: string;
}

/** A piece of a parameter. */
interface Piece {
  readonly value: string;
  /** Whether it is percent-encoded. */
  readonly coded: boolean;
}

/**
 * Decodes the encoded words of a field. Other text, and words in an unknown charset, stay as they are.
 * Control characters become U+FFFD.
 */
export function decodeWords(text: string): string {
  let decoded = "";
  let run: Run | undefined;
  let end = 0;
  for (const match of text.matchAll(WORD)) {
    const [word, charset = "", encoding = "", content = ""] = match;
    const bytes = /b/i.test(encoding) ? ofBase64(content) : ofEscapes(content, "=");
    if (bytes === undefined) continue;
    const between = text.slice(end, match.index);
    end = match.index + word.length;
    // White space between two encoded words is ignored (RFC 2047 §6.2).
    const next = run !== undefined && /^[ \t\r\n]*$/.test(between);
    if (next && run!.charset === charset.toLowerCase()) {
      // Some senders split a character across two words.
      for (const byte of bytes) run!.bytes.push(byte);
      run!.written += between + word;
      continue;
    }
    decoded += textOf(run) + (next ? "" : between);
    run = { charset: charset.toLowerCase(), bytes: [...bytes], written: word };
  }
  return decoded + textOf(run) + text.slice(end);
}

/**
 * Decodes parameters that are split into pieces or in another charset (RFC 2231 §3, §4). A map keeps the
 * pieces, so that a single piece with a high number needs no memory for those before it.
 */
export function decodeParameters(given: Iterable<[string, string]>): Map<string, string> {
  const parameters = new Map<string, string>();
  const pieces = new Map<string, Map<number, Piece>>();
  for (const [key, value] of given) {
    const [, name, index = "0", star] = PIECE.exec(key) ?? [];
    if (name === undefined) {
      parameters.set(key, value);
      continue;
    }
    let found = pieces.get(name);
    if (found === undefined) pieces.set(name, found = new Map());
    const number = Number(index);
    if (!found.has(number)) found.set(number, { value, coded: star !== "" });
  }
  for (const [name, found] of pieces) {
    const first = found.get(0);
    if (first !== undefined) parameters.set(name, joined(first, found));
  }
  return parameters;
}

/** Joins the pieces up to the first one that is missing. */
function joined(start: Piece, pieces: ReadonlyMap<number, Piece>): string {
  const [, charset = "utf-8", first] = start.coded
    ? /^([^']*)'[^']*'(.*)$/s.exec(start.value) ?? []
    : [];
  const bytes: number[] = [];
  let written = "";
  for (let i = 0, piece; (piece = pieces.get(i)) !== undefined; i++) {
    const value = i === 0 ? first ?? piece.value : piece.value;
    for (const byte of piece.coded ? ofEscapes(value, "%") : utf8.encode(value)) bytes.push(byte);
    written += piece.value;
  }
  return textOf({ charset: charset || "utf-8", bytes, written });
}

function textOf(run: Run | undefined): string {
  if (run === undefined) return "";
  try {
    const text = new TextDecoder(run.charset).decode(new Uint8Array(run.bytes));
    return text.replace(/\p{Cc}/gu, "\uFFFD");
  } catch {
    return run.written;
  }
}

function ofBase64(content: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    return undefined;
  }
}

/** Decodes bytes in hexadecimal after a sign. In encoded words `_` means a space. */
function ofEscapes(content: string, sign: "=" | "%"): Uint8Array {
  const bytes = utf8.encode(content);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    const hex = content[i] === sign ? content.slice(i + 1, i + 3) : "";
    if (/^[\dA-F]{2}$/i.test(hex)) {
      bytes[size++] = parseInt(hex, 16);
      i += 2;
    } else bytes[size++] = sign === "=" && bytes[i] === 0x5f ? 0x20 : bytes[i]!;
  }
  return bytes.subarray(0, size);
}
