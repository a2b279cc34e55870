/**
 * Text in mail headers: encoded words (RFC 2047) and parameters in pieces (RFC 2231). Pure.
 *
 * The decoders accept what senders write a little wrong: blanks, question marks and other characters
 * within a word, superfluous or missing padding, and names of charsets that are not those of the web.
 *
 * @example A subject
 * ```ts
 * import { decodeEncodedWords } from "@portside/kit/net/mail";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeEncodedWords("=?utf-8?Q?gr=C3=BC=C3=9Fe?= =?UTF-8?B?IQ==?="), "grüße!");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { decodeCharset, decodeUnlabelled } from "./charset.ts";
import { lowerAscii } from "../text.ts";

/**
 * `=?charset*language?B?text?=` (RFC 2047 §2, RFC 2231 §5). The text may contain anything except the
 * beginning of another word.
 */
const WORD = /=\?([!-)+->@-~]+)(?:\*[!-)+->@-~]*)?\?([BQ])\?((?:(?!=\?(?!=))[^])*?)\?=/gi;
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
 * Control characters of decoded words become U+FFFD.
 *
 * @param text The text of the field, which may be folded.
 * @returns The text without encoded words.
 */
export function decodeEncodedWords(text: string): string {
  if (!text.includes("=?")) return text;
  let decoded = "";
  let run: Run | undefined;
  let end = 0;
  for (const match of text.matchAll(WORD)) {
    const [word, name = "", encoding = "", content = ""] = match;
    const charset = lowerAscii(name);
    const bytes = /b/i.test(encoding) ? ofBase64(content) : ofQuoted(content, charset);
    if (bytes === undefined) continue;
    const between = text.slice(end, match.index);
    end = match.index + word.length;
    // White space between two encoded words is ignored (RFC 2047 §6.2).
    const next = run !== undefined && /^[ \t\r\n]*$/.test(between);
    if (typeof bytes === "string") {
      decoded += textOf(run) + (next ? "" : between) + withoutControls(bytes);
      run = { charset, bytes: [], written: "" };
      continue;
    }
    if (next && run!.charset === charset) {
      // Some senders split a character across two words.
      for (const byte of bytes) run!.bytes.push(byte);
      run!.written += between + word;
      continue;
    }
    decoded += textOf(run) + (next ? "" : between);
    run = { charset, bytes: [...bytes], written: word };
  }
  return decoded + textOf(run) + text.slice(end);
}

/**
 * Decodes parameters that are split into pieces or in another charset (RFC 2231 §3, §4). A piece
 * without those before it is left out.
 *
 * @param given The names, in lower case, and the values.
 * @returns The parameters, each with its whole value.
 */
export function decodeParameters(given: Iterable<[string, string]>): Map<string, string> {
  const parameters = new Map<string, string>();
  // A map keeps the pieces, so that a single piece with a high number needs no memory for those before it.
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
  if (run === undefined || run.written === "") return "";
  const bytes = new Uint8Array(run.bytes);
  const text = decodeUnlabelled(bytes, run.charset) ?? decodeCharset(bytes, run.charset);
  return text === undefined ? run.written : withoutControls(text);
}

function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, "\uFFFD");
}

/** Decodes groups of Base64, each with its padding or without. Other characters are skipped. */
function ofBase64(content: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let empty = content !== "";
  for (const group of content.replace(/[^A-Za-z0-9+/=]+/g, "").split(/=+/)) {
    // One character alone is less than a byte.
    const whole = group.length % 4 === 1 ? group.slice(0, -1) : group;
    if (whole !== "") empty = false;
    for (const byte of Uint8Array.fromBase64(whole)) bytes.push(byte);
  }
  return empty ? undefined : new Uint8Array(bytes);
}

/** Decodes the text of a word. Characters that are not ASCII stay, so the result may be text. */
function ofQuoted(content: string, charset: string): Uint8Array | string {
  const line = content.replace(/[\r\n]+/g, "");
  // deno-lint-ignore no-control-regex -- the range is ASCII
  const runs = line.split(/([^\x00-\x7f]+)/);
  if (runs.length === 1 || /^utf-?8$/.test(charset)) return ofEscapes(line, "=");
  return runs.map((run, i) =>
    i % 2 === 1 ? run : decodeCharset(ofEscapes(run, "="), charset) ?? run
  ).join("");
}

/** Decodes bytes in hexadecimal after a sign. In encoded words `_` means a space. */
function ofEscapes(content: string, sign: "=" | "%"): Uint8Array {
  const bytes = utf8.encode(content);
  const [escape] = utf8.encode(sign);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    const hex = bytes[i] === escape ? String.fromCharCode(...bytes.subarray(i + 1, i + 3)) : "";
    if (/^[\dA-F]{2}$/i.test(hex)) {
      bytes[size++] = parseInt(hex, 16);
      i += 2;
    } else bytes[size++] = sign === "=" && bytes[i] === 0x5f ? 0x20 : bytes[i]!;
  }
  return bytes.subarray(0, size);
}
