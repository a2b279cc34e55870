/** Reads the values of a FETCH item, and reports those that cannot be read. Pure. */

import { decodeEncodedWords } from "../mail/encoded_words.ts";
import { parseDigits } from "../text.ts";
import { decodeText } from "./_text.ts";
import { type ImapInvalid, type ImapValue, invalid } from "./_reader.ts";

/** Maximum number of parts of one message that are reported. */
const MAX_REPORTS = 100;
/** Maximum number of characters of a value in a report. */
const MAX_SHOWN = 200;
/** An encoded word that could not be decoded. */
const WORD = /=\?[^?\s]+\?[BQ]\?[^?]*\?=/i;

const utf8 = new TextEncoder();

/** Returns whether a value is a list. */
export function isList(value: ImapValue | undefined): value is readonly ImapValue[] {
  return Array.isArray(value);
}

/** Reads values of items. A value of the wrong kind counts as missing, and is reported. */
export class ItemReader {
  /** The parts that cannot be read; undefined if there are none. */
  invalid: ImapInvalid[] | undefined;

  /** Reports a value of the item `name`. */
  report(name: string, value: ImapValue | undefined, wanted: string): void {
    this.add(invalid("item", shown(value ?? null), `Expected ${wanted}`, name));
  }

  /** Adds a report, if there are not too many of them. */
  add(report: ImapInvalid): void {
    this.invalid ??= [];
    if (this.invalid.length < MAX_REPORTS) this.invalid.push(report);
  }

  /** Reads a string; undefined for NIL. */
  text(name: string, value: ImapValue | undefined): string | undefined {
    if (value === null || value === undefined) return undefined;
    if (typeof value === "string") return value;
    if (value instanceof Uint8Array) return decodeText(value);
    this.report(name, value, "a string");
    return undefined;
  }

  /** Reads a string of a header field: unfolded, with its encoded words decoded. */
  words(name: string, value: ImapValue | undefined): string | undefined {
    const text = this.text(name, value);
    return text && this.decoded(name, unfolded(text));
  }

  /** Decodes the encoded words of a text, and reports those in an unknown charset. */
  decoded(name: string, text: string): string {
    if (!text.includes("=?")) return text;
    const decoded = decodeEncodedWords(text);
    const word = WORD.exec(decoded)?.[0];
    if (word !== undefined && text.includes(word)) {
      this.add(invalid("word", word, "The encoded word cannot be decoded", name));
    }
    return decoded;
  }

  /** Reads a list; an empty one for NIL, and for what is no list. */
  list(name: string, value: ImapValue | undefined): readonly ImapValue[] {
    if (isList(value)) return value;
    // Some servers write an empty list as an empty string.
    if (value !== null && value !== undefined && value !== "") this.report(name, value, "a list");
    return [];
  }

  /** Reads a list of strings; undefined if it is no list. */
  texts(name: string, value: ImapValue): string[] | undefined {
    if (!isList(value) && value !== null) {
      this.report(name, value, "a list");
      return undefined;
    }
    return this.list(name, value).map((one) => this.text(name, one))
      .filter((one) => one !== undefined);
  }

  /** Reads a number of up to 15 digits; undefined if it is none. */
  number(name: string, value: ImapValue | undefined): number | undefined {
    const text = value instanceof Uint8Array ? decodeText(value) : value;
    const number = typeof text === "string" ? parseDigits(text) : undefined;
    if (number !== undefined) return number;
    this.report(name, value, "a number");
    return undefined;
  }

  /** Reads a number of up to 20 digits; undefined if it is none. */
  largeNumber(name: string, value: ImapValue | undefined): bigint | undefined {
    if (typeof value === "string" && /^\d{1,20}$/.test(value)) return BigInt(value);
    this.report(name, value, "a number");
    return undefined;
  }
}

/** Returns the bytes of a string. */
export function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? utf8.encode(value) : value;
}

/** Joins the lines of a header field (RFC 5322 §2.2.3). */
function unfolded(text: string): string {
  return text.includes("\n") || text.includes("\r") ? text.replace(/[\r\n]+[ \t]?/g, " ") : text;
}

/** Returns the beginning of a value as the server writes it. */
function shown(value: ImapValue): string {
  if (value === null) return "NIL";
  if (typeof value === "string") return value.slice(0, MAX_SHOWN);
  if (value instanceof Uint8Array) return decodeText(value.subarray(0, MAX_SHOWN));
  let text = "";
  for (const one of value) {
    if (text.length > MAX_SHOWN) break;
    text += `${text === "" ? "" : " "}${isList(one) ? "(…)" : shown(one)}`;
  }
  return `(${text})`;
}
