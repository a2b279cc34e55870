/** Byte classes of HTTP/1.1, and conversion of text with one character per byte (ISO 8859-1). */

import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** Allowed in a token: a method, a field name (RFC 9110 §5.6.2). */
export const TOKEN = 1;
/** Allowed in a field value and in a reason phrase (RFC 9110 §5.5). */
export const VALUE = 2;
/** Allowed in a request target: visible ASCII except `#` (RFC 9112 §3.2). */
export const TARGET = 4;
/** Allowed in the value of Host (RFC 9110 §7.2). */
export const HOST = 8;

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
const TAB = 0x09;
export const COLON = 0x3a;

/** The classes of each byte. */
export const CLASS: Uint8Array = classify();

function classify(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const text = String.fromCharCode(byte);
    if (/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(text)) table[byte]! |= TOKEN;
    if (byte === TAB || (byte >= SP && byte !== 0x7f)) table[byte]! |= VALUE;
    if (byte > SP && byte < 0x7f && text !== "#") table[byte]! |= TARGET;
    if (/[0-9A-Za-z._~!$&'()*+,;=%:[\]-]/.test(text)) table[byte]! |= HOST;
  }
  return table;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Returns bytes as text, one character per byte. `TextDecoder` does not know real ISO 8859-1. */
export function latin1(bytes: Uint8Array, ascii: boolean): string {
  if (ascii) return decoder.decode(bytes);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return text;
}

/** Writes text as one byte per character, and returns the next index. `into` must have room. */
export function writeLatin1(text: string, into: Uint8Array, at: number): number {
  const { read, written } = encoder.encodeInto(text, at === 0 ? into : into.subarray(at));
  if (read !== text.length || written !== text.length) {
    for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
  }
  return at + text.length;
}

/** Returns text as bytes, one byte per character. */
export function toLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  writeLatin1(text, bytes, 0);
  return bytes;
}

/** Returns whether a character is SP or HTAB, the only white space in HTTP (RFC 9110 §5.6.3). */
export function isBlank(code: number): boolean {
  return code === SP || code === TAB;
}

/** Returns the members of a list in lower case, without the empty ones (RFC 9110 §5.6.1). */
export function lowerTokens(list: string): string[] {
  return parseList(lowerAscii(list));
}
