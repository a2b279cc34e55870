/** Translates between the types of the IMAP client and the values of the protocol. Pure. */

import {
  decodeModifiedUtf7,
  type ImapResponse,
  type ImapResponseCode,
  imapSet,
  type ImapValue,
} from "./codec.ts";
import { optionError } from "../internal/options.ts";
import { parseDigits, upperAscii } from "../text.ts";
import type { ImapFetch, ImapFolder, ImapSelected, ImapStatus } from "./options.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Maximum number of messages per command, so that its line stays short. */
const STEP = 500;

/** Returns the folder of a LIST or LSUB response. */
export function folderOf(response: ImapResponse): ImapFolder | undefined {
  if (response.type !== "data" || !/^(?:LIST|LSUB)$/.test(response.name)) return undefined;
  const [flags, delimiter, name] = response.values;
  if (name === undefined || name === null) return undefined;
  return {
    name: decodeModifiedUtf7(text(name)),
    delimiter: delimiter === null || delimiter === undefined ? undefined : text(delimiter),
    flags: texts(flags),
  };
}

/** Returns the counters of a STATUS response. */
export function statusOf(response: ImapResponse): ImapStatus | undefined {
  if (response.type !== "data" || response.name !== "STATUS") return undefined;
  const pairs = texts(response.values[1]);
  const value = (word: string) => {
    const at = pairs.findIndex((one, i) => i % 2 === 0 && upperAscii(one) === word);
    return at === -1 ? undefined : numberOf(pairs[at + 1]);
  };
  const all = {
    messages: value("MESSAGES"),
    unseen: value("UNSEEN"),
    uidNext: value("UIDNEXT"),
    uidValidity: value("UIDVALIDITY"),
  };
  return Object.fromEntries(Object.entries(all).filter(([, number]) => number !== undefined));
}

/** Returns the state of a folder about which the server has reported nothing yet. */
export function unknownFolder(name: string, readOnly: boolean): ImapSelected {
  return {
    name,
    exists: 0,
    flags: [],
    permanentFlags: [],
    uidNext: undefined,
    uidValidity: undefined,
    readOnly,
  };
}

/** Returns a folder, updated from a response; the same object if the response does not concern it. */
export function withAnswer(folder: ImapSelected, response: ImapResponse): ImapSelected {
  if (response.type === "continue") return folder;
  if (response.type !== "data") return withCode(folder, response.code);
  if (response.name === "FLAGS") return { ...folder, flags: texts(response.values[0]) };
  return response.name === "EXISTS" ? { ...folder, exists: response.number ?? 0 } : folder;
}

function withCode(folder: ImapSelected, code: ImapResponseCode | undefined): ImapSelected {
  const [value] = code?.values ?? [];
  switch (code?.name) {
    case "UIDNEXT":
      return { ...folder, uidNext: numberOf(value) };
    case "UIDVALIDITY":
      return { ...folder, uidValidity: numberOf(value) };
    case "PERMANENTFLAGS":
      return { ...folder, permanentFlags: texts(value) };
    case "READ-ONLY":
      return { ...folder, readOnly: true };
    default:
      return folder;
  }
}

/** Yields the UIDs of a SEARCH response, or at most `most` UIDs of an ESEARCH response (RFC 4731). */
export function* foundIn(response: ImapResponse, most: number): Generator<number, void, void> {
  if (response.type !== "data") return;
  const { name, values } = response;
  if (name === "SEARCH") {
    for (const text of texts(values)) {
      const uid = parseDigits(text, 10);
      if (uid !== undefined) yield uid;
    }
  }
  if (name !== "ESEARCH") return;
  const at = values.findIndex((value) => value === "ALL");
  if (at !== -1) yield* numbersOf(values[at + 1], most);
}

/**
 * Yields the numbers of a set, at most `most`. The ends of a range may come in any order, and the range
 * means its numbers in ascending order (RFC 3501 §9, RFC 4315 §4). Invalid parts are skipped.
 */
function* numbersOf(set: ImapValue | undefined, most: number): Generator<number, void, void> {
  let left = most;
  for (const part of text(set ?? null).split(",")) {
    const colon = part.indexOf(":");
    const one = parseDigits(colon === -1 ? part : part.slice(0, colon), 10);
    const other = colon === -1 ? one : parseDigits(part.slice(colon + 1), 10);
    if (one === undefined || other === undefined) continue;
    const last = Math.max(one, other);
    for (let uid = Math.min(one, other); uid <= last && left > 0; uid++, left--) yield uid;
  }
}

/** Yields pairs of UIDs, of a message and of its copy (COPYUID, RFC 4315 §3), at most `most`. */
export function* copiesIn(
  code: ImapResponseCode | undefined,
  most: number,
): Generator<[number, number], void, void> {
  if (code?.name !== "COPYUID") return;
  const [, from, to] = code.values;
  const copies = numbersOf(to, most);
  for (const uid of numbersOf(from, most)) {
    const { value } = copies.next();
    if (value === undefined) return;
    yield [uid, value];
  }
}

/** Returns the items of a FETCH command. */
export function fetchItems(items: ImapFetch): string {
  const { envelope, bodyStructure, flags, size, internalDate, sections = [] } = items;
  for (const section of sections) checkSection(section);
  let wanted = "UID";
  if (envelope) wanted += " ENVELOPE";
  if (bodyStructure) wanted += " BODYSTRUCTURE";
  if (flags) wanted += " FLAGS";
  if (size) wanted += " RFC822.SIZE";
  if (internalDate) wanted += " INTERNALDATE";
  for (const section of sections) wanted += ` BODY.PEEK[${section}]`;
  return wanted;
}

/** Throws a `TypeError` unless a string is the name of one section. */
export function checkSection(section: string): void {
  if (!/^[A-Z0-9.]+(?: \([!-'*-~ ]+\))?$/i.test(section)) {
    throw optionError("section", "a section such as HEADER or 1.2", section);
  }
}

/** Splits messages into sets that fit into a line. */
export function sets(uids: string | number | readonly number[]): string[] {
  if (typeof uids === "string" || typeof uids === "number") return [imapSet(uids)];
  const parts: string[] = [];
  for (let at = 0; at < uids.length; at += STEP) parts.push(imapSet(uids.slice(at, at + STEP)));
  return parts;
}

/** Returns a value as a number; undefined if it is not a number. */
export function numberOf(value: ImapValue | undefined): number | undefined {
  return typeof value === "string" ? parseDigits(value) : undefined;
}

/** Returns the strings of a list. */
export function texts(value: ImapValue | undefined): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function text(value: ImapValue): string {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? decoder.decode(value) : "";
}
