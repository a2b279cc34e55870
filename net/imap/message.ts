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

import { decodeModifiedUtf7 } from "./_commands.ts";
import { type ImapBodyPart, structureOf } from "./_body_structure.ts";
import { envelopeOf, type ImapEnvelope } from "./_envelope.ts";
import { bytesOf, isList, ItemReader } from "./_item_reader.ts";
import { SectionNames } from "./_sections.ts";
import { type ImapInvalid, type ImapResponse, ImapSyntaxError, type ImapValue } from "./codec.ts";
import { lowerAscii, upperAscii } from "../text.ts";

export type { ImapBodyPart } from "./_body_structure.ts";
export type { ImapAddress, ImapEnvelope } from "./_envelope.ts";

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
   * The sections by the names that `fetch` was given, such as `HEADER` or `1.2`; null for a section that
   * does not exist. Sections may share memory, so copy a section before transferring its buffer.
   */
  readonly sections: ReadonlyMap<string, Uint8Array | null>;
  /** The number of the last change of the message (CONDSTORE, RFC 7162). */
  readonly modSeq?: bigint;
  /** The id of the message, also in other folders (OBJECTID, RFC 8474). */
  readonly emailId?: string;
  /** The id of the thread (OBJECTID); null if the server knows none. */
  readonly threadId?: string | null;
  /** The time at which the message was put into the folder (SAVEDATE, RFC 8514); null if unknown. */
  readonly saveDate?: Date | null;
  /** The labels of Gmail, such as `\Inbox` or `Work`. */
  readonly gmailLabels?: readonly string[];
  /** The id of the message at Gmail. */
  readonly gmailMessageId?: bigint;
  /** The id of the thread at Gmail. */
  readonly gmailThreadId?: bigint;
  /** The items that cannot be read, and the encoded words. The fields above do not have them. */
  readonly invalid?: readonly ImapInvalid[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Sets the field of an item. */
type Item = (
  message: Mutable<ImapMessage>,
  value: ImapValue,
  reader: ItemReader,
  names: SectionNames,
) => void;

/** The items by their names, without sections. */
const ITEMS: Readonly<Record<string, Item>> = {
  UID: (message, value, reader) => set(message, "uid", reader.number("UID", value)),
  FLAGS: (message, value, reader) => set(message, "flags", reader.texts("FLAGS", value)),
  "RFC822.SIZE": (message, value, reader) =>
    set(message, "size", reader.number("RFC822.SIZE", value)),
  INTERNALDATE: (message, value, reader) =>
    set(message, "internalDate", dateOf("INTERNALDATE", value, reader)),
  ENVELOPE: (message, value, reader) => set(message, "envelope", envelopeOf(value, reader)),
  BODYSTRUCTURE: (message, value, reader) =>
    set(message, "bodyStructure", structureOf(value, reader)),
  BODY: (message, value, reader) => set(message, "bodyStructure", structureOf(value, reader)),
  MODSEQ: (message, value, reader) =>
    set(message, "modSeq", reader.largeNumber("MODSEQ", onlyOf(value))),
  EMAILID: (message, value, reader) =>
    set(message, "emailId", reader.text("EMAILID", onlyOf(value))),
  THREADID: (message, value, reader) =>
    set(message, "threadId", value === null ? null : reader.text("THREADID", onlyOf(value))),
  SAVEDATE: (message, value, reader) =>
    set(message, "saveDate", value === null ? null : dateOf("SAVEDATE", value, reader)),
  "X-GM-LABELS": (message, value, reader) =>
    set(message, "gmailLabels", reader.texts("X-GM-LABELS", value)?.map(decodeModifiedUtf7)),
  "X-GM-MSGID": (message, value, reader) =>
    set(message, "gmailMessageId", reader.largeNumber("X-GM-MSGID", value)),
  "X-GM-THRID": (message, value, reader) =>
    set(message, "gmailThreadId", reader.largeNumber("X-GM-THRID", value)),
};

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

/** The items of RFC 3501 that are sections under another name. */
const OLD_SECTIONS: Readonly<Record<string, string>> = {
  RFC822: "BODY[]",
  "RFC822.HEADER": "BODY[HEADER]",
  "RFC822.TEXT": "BODY[TEXT]",
};

/** The sections of commands, because every message of a command has the same ones. */
const KNOWN_NAMES = new WeakMap<readonly string[], SectionNames>();
const NO_NAMES: readonly string[] = [];
/** The names that were used last. Most commands have the same ones as the command before. */
let lastNames = new SectionNames();

/**
 * Reads the items of a FETCH response. Items that cannot be read are left out and reported in
 * `invalid`.
 *
 * @param response The response, as `parseImapResponse` returns it.
 * @param names The names of the sections that the command asked for. Default: those of the server.
 * @returns The items of the message.
 * @throws {ImapSyntaxError} If it is not a FETCH response.
 */
export function readImapMessage(
  response: ImapResponse,
  names: readonly string[] = NO_NAMES,
): ImapMessage {
  if (response.type !== "data" || response.name !== "FETCH" || response.number === undefined) {
    throw new ImapSyntaxError("This is not a FETCH response");
  }
  const items = response.values[0];
  if (!isList(items) || items.length % 2 !== 0) {
    throw new ImapSyntaxError("The items of FETCH are not pairs");
  }
  const sectionNames = lastNames.areFor(names) ? lastNames : lastNames = namesOf(names);
  const message: Mutable<ImapMessage> = { number: response.number, sections: new Map() };
  const reader = new ItemReader();
  if (response.invalid !== undefined) { for (const part of response.invalid) reader.add(part); }
  for (let i = 0; i < items.length; i += 2) {
    const name = items[i];
    if (typeof name !== "string") throw new ImapSyntaxError("The name of an item is not an atom");
    itemOf(name)(message, items[i + 1]!, reader, sectionNames);
  }
  if (reader.invalid !== undefined) message.invalid = reader.invalid;
  return message;
}

function namesOf(names: readonly string[]): SectionNames {
  let known = KNOWN_NAMES.get(names);
  if (known === undefined) KNOWN_NAMES.set(names, known = new SectionNames(names));
  return known;
}

/** The items by their names as servers write them. All messages have the same ones. */
const known = new Map<string, Item>();

function itemOf(name: string): Item {
  let item = known.get(name);
  if (item !== undefined) return item;
  const capitals = upperAscii(name);
  const section = OLD_SECTIONS[capitals] ?? capitals;
  item = section.startsWith("BODY[")
    ? (message, value, reader, names) => setSection(section, message, value, reader, names)
    : Object.hasOwn(ITEMS, capitals)
    ? ITEMS[capitals]!
    : () => {};
  if (known.size < 100 && name.length < 100) known.set(name, item);
  return item;
}

function setSection(
  name: string,
  message: Mutable<ImapMessage>,
  value: ImapValue,
  reader: ItemReader,
  names: SectionNames,
): void {
  if (isList(value)) reader.report(name, value, "a string");
  else {
    const sections = message.sections as Map<string, Uint8Array | null>;
    sections.set(names.of(name), value === null ? null : bytesOf(value));
  }
}

/** Sets a field unless its value is missing. */
function set<K extends keyof ImapMessage>(
  message: Mutable<ImapMessage>,
  name: K,
  value: ImapMessage[K] | undefined,
): void {
  if (value !== undefined) (message as Record<K, unknown>)[name] = value;
}

/** Returns the value of a list of one, as in `MODSEQ (65402)`. */
function onlyOf(value: ImapValue): ImapValue | undefined {
  return isList(value) && value.length === 1 ? value[0] : value;
}

/** A date and time of RFC 9051, or of RFC 5322 as some servers write it. */
const DATE =
  /^ *(?:[A-Z]{3}, *)?(\d{1,2})[- ]([A-Z]{3})[- ](\d{4}) +(\d\d?):(\d\d):(\d\d)(?: +(?:([+-]\d\d):?(\d\d)|GMT|UTC?|Z))? *$/i;

/** Reads a date and time; undefined if it is none. */
function dateOf(name: string, value: ImapValue, reader: ItemReader): Date | undefined {
  const text = isList(value) || value === null ? "" : reader.text(name, value)!;
  const [, day, month = "", year, hour, minute, second, zone = "+00", more = "00"] =
    DATE.exec(text) ?? [];
  const offset = 60 * Number(zone) + Number(zone[0] + more);
  const at = MONTHS.indexOf(lowerAscii(month));
  const date = new Date(Date.UTC(Number(year), at, Number(day)));
  const isValid = at !== -1 && date.getUTCDate() === Number(day) && Number(hour) < 24 &&
    Number(minute) < 60 && Number(second) <= 60;
  if (isValid) {
    date.setUTCHours(Number(hour), Number(minute) - offset, Number(second));
    return date;
  }
  reader.report(name, value, "a date and time");
  return undefined;
}
