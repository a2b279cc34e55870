/** Formats the arguments of IMAP commands (RFC 3501 §6). Pure. */

import { integer, optionError } from "../internal/options.ts";

/** A part of a command: text that is sent unchanged, or the bytes of a literal. */
export type ImapPart = string | { readonly literal: Uint8Array };

/**
 * Formats a string: quoted, or as a literal if it is long or not ASCII.
 *
 * @param text The string, of one line.
 * @returns A part of a command.
 * @throws {TypeError} If the string contains CR, LF or NUL.
 */
export function imapString(text: string): ImapPart {
  if (/[\r\n\0]/.test(text)) {
    // The string may be a password, so the error does not show it.
    throw new TypeError("A string must not contain a line break or NUL");
  }
  if (/^[\x20-\x7e]{0,1000}$/.test(text)) return `"${text.replace(/["\\]/g, "\\$&")}"`;
  return { literal: new TextEncoder().encode(text) };
}

/**
 * Formats the name of a folder in modified UTF-7 (RFC 3501 §5.1.3), quoted.
 *
 * @param name The full name of the folder.
 * @returns A part of a command.
 */
export function imapFolderName(name: string): ImapPart {
  return imapString(encodeModifiedUtf7(name));
}

/** Returns whether a value is a name without the characters that names must not have (RFC 9051 §5.1). */
export function isPlainName(value: unknown): boolean {
  return typeof value === "string" && !/[\p{Cc}\u2028\u2029]/u.test(value) && value.isWellFormed();
}

/**
 * Encodes modified UTF-7 (RFC 3501 §5.1.3).
 *
 * @param text The text, with any characters.
 * @returns The encoded text, which is ASCII.
 */
export function encodeModifiedUtf7(text: string): string {
  return text.replaceAll("&", "&-").replace(/[^\x20-\x7e]+/g, (run) => {
    const bytes = new Uint8Array(2 * run.length);
    for (let i = 0; i < run.length; i++) {
      bytes[2 * i] = run.charCodeAt(i) >> 8;
      bytes[2 * i + 1] = run.charCodeAt(i) & 255;
    }
    return `&${bytes.toBase64({ omitPadding: true }).replaceAll("/", ",")}-`;
  });
}

/**
 * Decodes modified UTF-7 (RFC 3501 §5.1.3). Invalid parts stay as they are.
 *
 * @param text The encoded text, which is ASCII.
 * @returns The decoded text, with any characters.
 */
export function decodeModifiedUtf7(text: string): string {
  return text.replace(/&([A-Za-z0-9+,]*)-/g, (whole, coded: string) => {
    if (coded === "") return "&";
    try {
      const bytes = Uint8Array.fromBase64(coded.replaceAll(",", "/"));
      if (bytes.length % 2 !== 0) return whole;
      let decoded = "";
      for (let i = 0; i < bytes.length; i += 2) {
        decoded += String.fromCharCode(bytes[i]! << 8 | bytes[i + 1]!);
      }
      return decoded;
    } catch {
      return whole;
    }
  });
}

const ONE = String.raw`(?:[1-9]\d{0,9}|\*)`;
const SET = new RegExp(`^${ONE}(?::${ONE})?(?:,${ONE}(?::${ONE})?)*$`);
const NUMBER = integer(1, 2 ** 32 - 1);
/** Maximum length of a set, in characters. Servers must accept lines of 8000 (RFC 2683 §3.2.1.5). */
const MAX_SET = 7000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Formats a set of message numbers or UIDs (RFC 3501 §9).
 *
 * @param set One number, a list of numbers in any order, or a set such as `1:9,12` or `20:*`.
 * @returns The set as IMAP writes it. A list is sorted, and successive numbers become ranges.
 * @throws {TypeError | RangeError} If it is not a set, or if it is empty.
 */
export function imapSet(set: string | number | readonly number[]): string {
  if (typeof set === "number") {
    NUMBER("uids", set);
    return `${set}`;
  }
  const text = typeof set === "string" ? set : ranges(set).join(",");
  if (SET.test(text)) return text;
  throw optionError("uids", "a number, a list of numbers, or a set such as 1:9,12 or 20:*", set);
}

/** Formats messages as sets that fit into a line each. There is none for an empty list. */
export function uidSets(uids: string | number | readonly number[]): string[] {
  if (!Array.isArray(uids)) return [imapSet(uids as string | number)];
  const sets: string[] = [];
  let set = "";
  for (const range of ranges(uids)) {
    if (set.length + range.length > MAX_SET) {
      sets.push(set);
      set = "";
    }
    set += set === "" ? range : `,${range}`;
  }
  return set === "" ? sets : [...sets, set];
}

function ranges(numbers: readonly number[]): string[] {
  for (const [i, number] of numbers.entries()) NUMBER(`uids[${i}]`, number);
  const sorted = Uint32Array.from(numbers).sort();
  const parts: string[] = [];
  for (let i = 0; i < sorted.length;) {
    const first = sorted[i]!;
    let last = first;
    while (++i < sorted.length && sorted[i]! - last <= 1) last = sorted[i]!;
    parts.push(last === first ? `${first}` : `${first}:${last}`);
  }
  return parts;
}

/**
 * Checks the name of a flag.
 *
 * @param flag The flag, such as `\Seen` or `$Junk`.
 * @returns The flag as it was given.
 * @throws {TypeError} If it is not a valid name.
 */
export function imapFlag(flag: string): string {
  if (/^\\?[^\s(){}%*"\\\]\p{Cc}]{1,100}$/u.test(flag) && /^[\x21-\x7e]+$/.test(flag)) return flag;
  throw optionError("flag", "a flag such as \\Seen or $Junk", flag);
}

/** Formats a date in UTC. */
export function imapDate(date: Date): string {
  return `${date.getUTCDate()}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
}

/**
 * Formats a date and time for APPEND (RFC 3501 §6.3.11).
 *
 * @param date A valid date and time.
 * @returns The date and time in UTC, in quotes.
 */
export function imapDateTime(date: Date): string {
  const day = `${date.getUTCDate()}`.padStart(2, " ");
  return `"${day}${imapDate(date).replace(/^\d+/, "")} ${date.toISOString().slice(11, 19)} +0000"`;
}
