/**
 * Typed messages from IMAP FETCH responses (RFC 3501 §7.4.2). Pure.
 *
 * @example Read a message
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

import { decodeEncodedWords, decodeParameters } from "../mail/encoded_words.ts";
import { type ImapResponse, ImapSyntaxError, type ImapValue } from "./codec.ts";
import { lowerAscii, upperAscii } from "../text.ts";

/** A mailbox in an envelope. */
export interface ImapAddress {
  /** The display name, with encoded words (RFC 2047) decoded. */
  readonly name: string | undefined;
  /** The address, `user@host`. At the start of a group it is the name of the group. */
  readonly address: string;
}

/**
 * The main header fields of a message, with encoded words (RFC 2047) decoded. The section
 * `HEADER.FIELDS (SUBJECT)` gives a field as it was written.
 */
export interface ImapEnvelope {
  /** The field `Date`, as it was written. */
  readonly date: string | undefined;
  /** The subject. */
  readonly subject: string | undefined;
  /** The authors. */
  readonly from: readonly ImapAddress[];
  /** The senders, if they are not the authors. */
  readonly sender: readonly ImapAddress[];
  /** The addresses for replies. */
  readonly replyTo: readonly ImapAddress[];
  /** The recipients. */
  readonly to: readonly ImapAddress[];
  /** The recipients of copies. */
  readonly cc: readonly ImapAddress[];
  /** The hidden recipients of copies. */
  readonly bcc: readonly ImapAddress[];
  /** The `Message-ID` of the message that this one replies to. */
  readonly inReplyTo: string | undefined;
  /** The field `Message-ID`. */
  readonly messageId: string | undefined;
}

/** A MIME part of a message. */
export interface ImapBodyPart {
  /** The section number for fetching it, such as `1` or `2.1`; empty for the outermost multipart. */
  readonly part: string;
  /** The media type in lower case, such as `text/plain`. */
  readonly type: string;
  /** The parameters: names in lower case, values decoded and joined (RFC 2231). */
  readonly parameters: ReadonlyMap<string, string>;
  /** The field `Content-ID`. */
  readonly id?: string;
  /** The transfer encoding in lower case. */
  readonly encoding?: string;
  /** The size of the encoded part in bytes. */
  readonly size?: number;
  /** The intended presentation: `inline` or `attachment`. */
  readonly disposition?: string;
  /** The decoded file name. The sender chooses it, so it may contain `../../`. */
  readonly filename?: string;
  /** The inner parts. Parts below a depth of 100 are left out. */
  readonly parts: readonly ImapBodyPart[];
}

/** The fetched items of a message. */
export interface ImapMessage {
  /** The current number of the message in the folder. */
  readonly number: number;
  /** The UID of the message, which does not change. */
  readonly uid?: number;
  /** The flags of the message, such as `\Seen`. */
  readonly flags?: readonly string[];
  /** The size of the message in bytes. */
  readonly size?: number;
  /** The time of arrival. */
  readonly internalDate?: Date;
  /** The main header fields. */
  readonly envelope?: ImapEnvelope;
  /** The structure of the MIME parts. */
  readonly bodyStructure?: ImapBodyPart;
  /**
   * The sections by name, such as `HEADER` or `1.2`; null for a section that does not exist. Sections
   * may share memory, so copy a section before transferring its buffer.
   */
  readonly sections: ReadonlyMap<string, Uint8Array | null>;
}

/** Maximum depth of nested parts. */
const MAX_DEPTH = 100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads the items of a FETCH response.
 *
 * @param response The response, as `parseImapResponse` returns it.
 * @returns The items of the message.
 * @throws {ImapSyntaxError} If it is not a FETCH response, or if an item is invalid.
 */
export function readImapMessage(response: ImapResponse): ImapMessage {
  if (response.type !== "data" || response.name !== "FETCH" || response.number === undefined) {
    throw new ImapSyntaxError("This is not a FETCH response");
  }
  const items = response.values[0];
  if (!isList(items) || items.length % 2 !== 0) {
    throw new ImapSyntaxError("The items of FETCH are not pairs");
  }
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

/** A cache of item names in capitals, because every message has the same ones. */
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
  throw new ImapSyntaxError("Expected a list");
}

function textOf(value: ImapValue): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return decoder.decode(value);
  throw new ImapSyntaxError("Expected a string");
}

function maybeText(value: ImapValue | undefined): string | undefined {
  return value === null || value === undefined || isList(value) ? undefined : textOf(value);
}

function maybeWords(value: ImapValue | undefined): string | undefined {
  const text = maybeText(value);
  return text?.includes("=?") ? decodeEncodedWords(text) : text;
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
  throw new ImapSyntaxError(`Expected a number, not ${JSON.stringify(text.slice(0, 40))}`);
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
  // The parts of an inner message are numbered below it. If it is not a multipart, its number is 1.
  const inner = whole && depth < MAX_DEPTH
    ? [partOf(body, isList(body[0]) ? own : `${own}.1`, depth + 1)]
    : [];
  // The MD5 follows the lines of a text, or the envelope, body and lines of a message.
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
    ...(filename !== undefined && { filename: decodeEncodedWords(filename) }),
  };
}
