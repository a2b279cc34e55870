/**
 * What IMAP tells of messages (RFC 3501 §7.4.2), typed. Pure.
 *
 * @example An envelope
 * ```ts
 * import { parseImapResponse, readImapMessage } from "@portside/kit/net/imap";
 * import { assertEquals } from "@std/assert";
 *
 * const response = parseImapResponse([String.raw`* 2 FETCH (UID 9 FLAGS (\Seen) RFC822.SIZE 44)`]);
 * const message = readImapMessage(response.type === "data" ? response : undefined!);
 * assertEquals([message.number, message.uid, message.flags, message.size], [2, 9, ["\\Seen"], 44]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { decodeParameters, decodeWords } from "./_words.ts";
import { type ImapResponse, ImapSyntaxError, type ImapValue } from "./codec.ts";
import { lowerAscii, upperAscii } from "../text.ts";

/** A mailbox in an envelope. */
export interface ImapAddress {
  /** The name, its encoded words (RFC 2047) decoded. */
  readonly name: string | undefined;
  /** The address, `user@host`; the name alone for the beginning of a group. */
  readonly address: string;
}

/**
 * The fields of a head that servers keep at hand, encoded words (RFC 2047) decoded; the section
 * `HEADER.FIELDS (SUBJECT)` gives them as they were written.
 */
export interface ImapEnvelope {
  /** The field `Date`, as it was written. */
  readonly date: string | undefined;
  /** The subject. */
  readonly subject: string | undefined;
  /** The authors. */
  readonly from: readonly ImapAddress[];
  /** Who sent it. */
  readonly sender: readonly ImapAddress[];
  /** Whom to answer. */
  readonly replyTo: readonly ImapAddress[];
  /** The recipients. */
  readonly to: readonly ImapAddress[];
  /** Who got a copy. */
  readonly cc: readonly ImapAddress[];
  /** Who got a copy unseen. */
  readonly bcc: readonly ImapAddress[];
  /** To which message it is an answer. */
  readonly inReplyTo: string | undefined;
  /** Its own name. */
  readonly messageId: string | undefined;
}

/** A part of a message. */
export interface ImapBodyPart {
  /** Its number, by which it can be fetched: `1`, `2.1`; empty for the whole of several parts. */
  readonly part: string;
  /** The media type in small letters, e.g. `text/plain`. */
  readonly type: string;
  /** Its parameters, names in small letters, what came in pieces (RFC 2231) put together. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The field `Content-ID`. */
  readonly id?: string;
  /** The transfer encoding in small letters. */
  readonly encoding?: string;
  /** Its size in bytes, encoded. */
  readonly size?: number;
  /** How it is meant to be shown: `inline`, `attachment`. */
  readonly disposition?: string;
  /** The name of the file, decoded, if it has one; it may hold anything, `../../` too. */
  readonly filename?: string;
  /** The parts within; what lies below a hundred others is left out. */
  readonly parts: readonly ImapBodyPart[];
}

/** A message, as far as it was asked for. */
export interface ImapMessage {
  /** Its number of now. */
  readonly number: number;
  /** Its number that stays. */
  readonly uid?: number;
  /** Its flags. */
  readonly flags?: readonly string[];
  /** Its size in bytes. */
  readonly size?: number;
  /** When it was received. */
  readonly internalDate?: Date;
  /** The envelope. */
  readonly envelope?: ImapEnvelope;
  /** What it is made of. */
  readonly bodyStructure?: ImapBodyPart;
  /**
   * Sections by their name in brackets: `HEADER`, `1.2`; null for one that is not there. Those of one
   * `fetch` may be views of the same memory: copy what is to be transferred.
   */
  readonly sections: ReadonlyMap<string, Uint8Array | null>;
}

/** Parts within parts. */
const MAX_DEPTH = 100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads a FETCH.
 *
 * @param response The response.
 * @returns The message.
 * @throws {ImapSyntaxError} If it is no FETCH.
 */
export function readImapMessage(response: ImapResponse): ImapMessage {
  if (response.type !== "data" || response.name !== "FETCH" || response.number === undefined) {
    throw new ImapSyntaxError("This is no FETCH");
  }
  const items = response.values[0];
  if (!isList(items) || items.length % 2 !== 0) throw new ImapSyntaxError("FETCH gives no pairs");
  const sections = new Map<string, Uint8Array | null>();
  const message: Mutable<ImapMessage> = { number: response.number, sections };
  for (let i = 0; i < items.length; i += 2) {
    const name = inCapitals(textOf(items[i]!));
    const value = items[i + 1]!;
    if (name === "UID") message.uid = numberOf(value);
    else if (name === "FLAGS") message.flags = listOf(value).map(textOf);
    else if (name === "RFC822.SIZE") message.size = numberOf(value);
    else if (name === "INTERNALDATE") Object.assign(message, dateOf(textOf(value)));
    else if (name === "ENVELOPE") message.envelope = envelopeOf(listOf(value));
    else if (name === "BODYSTRUCTURE" || name === "BODY") {
      message.bodyStructure = partOf(listOf(value), "", 0);
    } else if (name.startsWith("BODY[")) {
      const section = name.slice(5, name.lastIndexOf("]"));
      sections.set(section, value === null ? null : bytesOf(value));
    }
  }
  return message;
}

/** The names of items, and the same in capitals: with every message come the same ones. */
const capitals = new Map<string, string>();

function inCapitals(name: string): string {
  const known = capitals.get(name);
  if (known !== undefined) return known;
  const capital = upperAscii(name);
  if (capitals.size < 100 && name.length < 100) capitals.set(name, capital);
  return capital;
}

function isList(value: ImapValue | undefined): value is readonly ImapValue[] {
  return Array.isArray(value);
}

function listOf(value: ImapValue | undefined): readonly ImapValue[] {
  if (value === null || value === undefined) return [];
  if (isList(value)) return value;
  throw new ImapSyntaxError("A list was expected");
}

function textOf(value: ImapValue): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return decoder.decode(value);
  throw new ImapSyntaxError("A string was expected");
}

function maybeText(value: ImapValue | undefined): string | undefined {
  return value === null || value === undefined || isList(value) ? undefined : textOf(value);
}

function maybeWords(value: ImapValue | undefined): string | undefined {
  const text = maybeText(value);
  return text?.includes("=?") ? decodeWords(text) : text;
}

function bytesOf(value: ImapValue): Uint8Array {
  return value instanceof Uint8Array ? value : utf8.encode(textOf(value));
}

function numberOf(value: ImapValue): number {
  const text = maybeText(value) ?? "";
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    number = digit >= 0 && digit <= 9 && i < 15 ? number * 10 + digit : NaN;
  }
  if (text !== "" && !Number.isNaN(number)) return number;
  throw new ImapSyntaxError(`A number was expected, not ${JSON.stringify(text.slice(0, 40))}`);
}

function dateOf(text: string): { internalDate?: Date } {
  const [, day, month, year, time, zone] =
    /^ ?(\d{1,2})-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d) ([+-]\d{4})$/.exec(text) ?? [];
  const date = new Date(`${day} ${month} ${year} ${time} ${zone}`);
  return Number.isNaN(date.getTime()) ? {} : { internalDate: date };
}

function addressesOf(value: ImapValue | undefined): ImapAddress[] {
  return listOf(value).map((entry) => {
    const [name, , mailbox, host] = listOf(entry);
    const [user, domain] = [maybeText(mailbox) ?? "", maybeText(host)];
    return { name: maybeWords(name), address: domain === undefined ? user : `${user}@${domain}` };
  });
}

function envelopeOf(fields: readonly ImapValue[]): ImapEnvelope {
  const [date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId] = fields;
  return {
    date: maybeText(date),
    subject: maybeWords(subject),
    from: addressesOf(from),
    sender: addressesOf(sender),
    replyTo: addressesOf(replyTo),
    to: addressesOf(to),
    cc: addressesOf(cc),
    bcc: addressesOf(bcc),
    inReplyTo: maybeText(inReplyTo),
    messageId: maybeText(messageId),
  };
}

function parametersOf(value: ImapValue | undefined): Map<string, string> {
  const list = listOf(value);
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    pairs.push([lowerAscii(maybeText(list[i]) ?? ""), maybeText(list[i + 1]) ?? ""]);
  }
  return decodeParameters(pairs);
}

function partOf(fields: readonly ImapValue[], part: string, depth: number): ImapBodyPart {
  const number = (index: number) => part === "" ? `${index}` : `${part}.${index}`;
  if (isList(fields[0])) {
    const end = fields.findIndex((field) => !isList(field));
    const inner = end === -1 ? fields : fields.slice(0, end);
    const [subtype, parameters, disposition] = end === -1 ? [] : fields.slice(end);
    return {
      part,
      type: `multipart/${lowerAscii(maybeText(subtype) ?? "mixed")}`,
      ...more(parametersOf(parameters), disposition),
      parts: depth < MAX_DEPTH
        ? inner.map((field, i) => partOf(listOf(field), number(i + 1), depth + 1))
        : [],
    };
  }
  const [type, subtype, parameters, id, , encoding, size, ...rest] = fields;
  const media = lowerAscii(`${maybeText(type) ?? "text"}/${maybeText(subtype) ?? "plain"}`);
  const own = part === "" ? "1" : part;
  const [envelope, body] = rest;
  const whole = /^message\/(?:rfc822|global)$/.test(media) && isList(envelope) && isList(body);
  // The parts of a message within are numbered as its own; if it is none of several parts, it is 1.
  const inner = whole && depth < MAX_DEPTH
    ? [partOf(body, isList(body[0]) ? own : `${own}.1`, depth + 1)]
    : [];
  // Behind lines of a text, or envelope, body and lines of a message, stands the digest.
  const extra = rest.slice(whole ? 3 : media.startsWith("text/") ? 1 : 0);
  const contentId = maybeText(id);
  return {
    part: own,
    type: media,
    ...more(parametersOf(parameters), extra[1]),
    ...(contentId !== undefined && { id: contentId }),
    encoding: lowerAscii(maybeText(encoding) ?? "7bit"),
    ...(size !== undefined && size !== null && { size: numberOf(size) }),
    parts: inner,
  };
}

function more(parameters: Map<string, string>, disposition: ImapValue | undefined) {
  const [kind, values] = isList(disposition) ? disposition : [];
  const shown = maybeText(kind);
  const filename = parametersOf(isList(values) ? values : null).get("filename") ??
    parameters.get("name");
  return {
    parameters,
    ...(shown !== undefined && { disposition: lowerAscii(shown) }),
    ...(filename !== undefined && { filename: decodeWords(filename) }),
  };
}
