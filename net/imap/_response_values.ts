/** Translates between the types of the IMAP client and the values of the protocol. Pure. */

import {
  decodeModifiedUtf7,
  type ImapInvalid,
  type ImapResponse,
  type ImapResponseCode,
  type ImapValue,
} from "./codec.ts";
import { isList, ItemReader } from "./_item_reader.ts";
import { checkSection, sectionItem } from "./_sections.ts";
import {
  type FoundNumbers,
  MAX_NUMBER,
  mergedRanges,
  numbersIn,
  type Range,
  rangesOf,
} from "./_ranges.ts";
import { parseDigits, upperAscii } from "../text.ts";
import { decodeText } from "./_text.ts";
import type { ImapFetch, ImapFolder, ImapSelected, ImapSpecialUse, ImapStatus } from "./options.ts";

/** The uses of folders by their attributes in capitals (RFC 6154 §2, RFC 8457 §3). */
const USES: ReadonlyMap<string, ImapSpecialUse> = new Map([
  ["\\ALL", "all"],
  ["\\ARCHIVE", "archive"],
  ["\\DRAFTS", "drafts"],
  ["\\FLAGGED", "flagged"],
  ["\\IMPORTANT", "important"],
  ["\\JUNK", "junk"],
  ["\\SENT", "sent"],
  ["\\TRASH", "trash"],
]);

/** Returns the folder of a LIST or LSUB response, and its name as the server spells it. */
export function folderOf(
  response: ImapResponse,
): { readonly folder: ImapFolder; readonly spelling: string } | undefined {
  if (!isListed(response)) return undefined;
  const [attributes, mark] = response.values;
  const spelling = nameIn(response.values.slice(2));
  if (spelling === undefined) return undefined;
  const name = decodeModifiedUtf7(spelling);
  const delimiter = mark === null || mark === undefined ? undefined : text(mark);
  const flags = texts(attributes);
  const use = flags.map((flag) => USES.get(upperAscii(flag))).find((one) => one !== undefined);
  const folder = {
    name,
    path: delimiter ? name.split(delimiter) : [name],
    delimiter,
    flags,
    ...(use !== undefined && { specialUse: use }),
  };
  return { folder, spelling };
}

/** Returns whether a response describes a folder in a list. */
export function isListed(
  response: ImapResponse,
): response is Extract<ImapResponse, { type: "data" }> {
  return response.type === "data" && (response.name === "LIST" || response.name === "LSUB");
}

/** Reads the name of a folder before a list or the end. Some servers write names with blanks as they are. */
function nameIn(values: readonly ImapValue[]): string | undefined {
  const end = values.findIndex(isList);
  const words = end === -1 ? values : values.slice(0, end);
  return words.length === 0 || words[0] === null ? undefined : words.map(text).join(" ");
}

/** The fields of a status by the names of the counters. */
const COUNTERS: Readonly<Record<string, keyof ImapStatus>> = {
  MESSAGES: "messages",
  UNSEEN: "unseen",
  UIDNEXT: "uidNext",
  UIDVALIDITY: "uidValidity",
  SIZE: "size",
  HIGHESTMODSEQ: "highestModSeq",
  MAILBOXID: "mailboxId",
};

/**
 * Returns the counters of a STATUS response, and the name of their folder. `report` gets those that
 * cannot be read.
 */
export function statusOf(
  response: ImapResponse,
  report: (part: ImapInvalid) => void,
): { readonly name: string; readonly status: ImapStatus } | undefined {
  if (response.type !== "data" || response.name !== "STATUS") return undefined;
  const list = response.values.find(isList);
  const reader = new ItemReader();
  const status: Partial<Record<keyof ImapStatus, string | number | bigint>> = {};
  // A value is never the name of a counter, so a value too many does no harm.
  for (const [i, one] of (list ?? []).entries()) {
    const word = typeof one === "string" ? upperAscii(one) : "";
    if (!Object.hasOwn(COUNTERS, word)) continue;
    const field = COUNTERS[word]!;
    const value = counterOf(word, list![i + 1], reader);
    if (value !== undefined) status[field] = value;
  }
  reader.invalid?.forEach(report);
  const name = decodeModifiedUtf7(nameIn(response.values) ?? "");
  return { name, status: status as ImapStatus };
}

function counterOf(name: string, value: ImapValue | undefined, reader: ItemReader) {
  if (name === "HIGHESTMODSEQ") return reader.largeNumber(name, value);
  if (name !== "MAILBOXID") return reader.number(name, value);
  const id = idOf(value);
  if (id === undefined) reader.report(name, value, "an id");
  return id;
}

/** Returns the UIDs of a VANISHED response (RFC 7162 §3.2.10), and whether they vanished earlier. */
export function vanishedIn(
  response: ImapResponse,
): { readonly uids: readonly Range[]; readonly earlier: boolean } | undefined {
  if (response.type !== "data" || response.name !== "VANISHED") return undefined;
  const earlier = Array.isArray(response.values[0]);
  const set = response.values[earlier ? 1 : 0] ?? null;
  return { uids: mergedRanges(rangesOf(text(set))), earlier };
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
    case "HIGHESTMODSEQ": {
      const highestModSeq = largeNumberOf(value);
      return highestModSeq === undefined ? folder : { ...folder, highestModSeq };
    }
    case "MAILBOXID": {
      const mailboxId = idOf(value);
      return mailboxId === undefined ? folder : { ...folder, mailboxId };
    }
    case "READ-ONLY":
      return { ...folder, readOnly: true };
    default:
      return folder;
  }
}

/** Adds the UIDs of a SEARCH or ESEARCH response (RFC 4731). Returns false for other responses. */
export function addFound(found: FoundNumbers, response: ImapResponse): boolean {
  if (response.type !== "data") return false;
  const { name, values } = response;
  if (name === "SEARCH") {
    for (const value of values) {
      const uid = numberOf(value, 10);
      // Some servers send a zero if they find nothing, and some separate the numbers by commas.
      if (uid !== undefined && uid > 0 && uid <= MAX_NUMBER) found.add(uid);
      else if (uid === undefined && typeof value === "string") found.addSet(value);
    }
    return true;
  }
  if (name !== "ESEARCH") return false;
  const at = values.findIndex((value) => typeof value === "string" && upperAscii(value) === "ALL");
  if (at !== -1) found.addSet(text(values[at + 1] ?? null));
  return true;
}

/** Yields pairs of UIDs, of a message and of its copy (COPYUID, RFC 4315 §3), at most `most`. */
export function* copiesIn(
  code: ImapResponseCode | undefined,
  most: number,
): Generator<[number, number], void, void> {
  if (code?.name !== "COPYUID") return;
  const [, from, to] = code.values;
  const copies = numbersIn(rangesOf(text(to ?? null)), most);
  for (const uid of numbersIn(rangesOf(text(from ?? null)), most)) {
    const { value } = copies.next();
    if (value === undefined) return;
    yield [uid, value];
  }
}

/** Codes with numbers only, and how many they have. */
const NUMBERS: Readonly<Record<string, number>> = {
  UIDNEXT: 1,
  UIDVALIDITY: 1,
  UNSEEN: 1,
  HIGHESTMODSEQ: 1,
  APPENDUID: 2,
  COPYUID: 3,
};

/** Returns the problem of a response code; undefined if it can be used, or if it is unknown here. */
export function codeProblem({ name, values }: ImapResponseCode): string | undefined {
  if (name === "PERMANENTFLAGS") {
    return isListOfTexts(values[0]) ? undefined : "Expected a list of flags";
  }
  if (!Object.hasOwn(NUMBERS, name)) return undefined;
  const amount = NUMBERS[name]!;
  const isValid = values.length === amount && values.every((value, i) =>
    // UIDPLUS has sets behind the first number.
    typeof value === "string" && (i === 0 ? /^\d{1,20}$/ : /^[\d:,]+$/).test(value)
  );
  return isValid ? undefined : amount === 1 ? "Expected a number" : `Expected ${amount} numbers`;
}

/** Returns a response code as the server writes it, for reports. */
export function codeText({ name, values }: ImapResponseCode): string {
  return `[${[name, ...values.map(text)].join(" ")}]`;
}

function isListOfTexts(value: ImapValue | undefined): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** The content of a FETCH command. */
export interface FetchPlan {
  /** The items as the command has them. */
  readonly wanted: string;
  /** The names of the sections. */
  readonly sections: readonly string[];
  /** Whether the flags are among the items. */
  readonly hasFlags: boolean;
}

/** Takes the values out of the options of a FETCH command. */
export function fetchPlan(items: ImapFetch): FetchPlan {
  const { sections = [], flags = false } = items;
  return { wanted: fetchItems(items), sections, hasFlags: flags };
}

/** Returns the items of a FETCH command. */
export function fetchItems(items: ImapFetch): string {
  const { envelope, bodyStructure, flags, size, internalDate, sections = [] } = items;
  const { modSeq, emailId, threadId, saveDate } = items;
  const { gmailLabels, gmailMessageId, gmailThreadId } = items;
  for (const section of sections) checkSection(section);
  let wanted = "UID";
  if (envelope) wanted += " ENVELOPE";
  if (bodyStructure) wanted += " BODYSTRUCTURE";
  if (flags) wanted += " FLAGS";
  if (size) wanted += " RFC822.SIZE";
  if (internalDate) wanted += " INTERNALDATE";
  if (modSeq) wanted += " MODSEQ";
  if (emailId) wanted += " EMAILID";
  if (threadId) wanted += " THREADID";
  if (saveDate) wanted += " SAVEDATE";
  if (gmailLabels) wanted += " X-GM-LABELS";
  if (gmailMessageId) wanted += " X-GM-MSGID";
  if (gmailThreadId) wanted += " X-GM-THRID";
  for (const section of sections) wanted += ` ${sectionItem(section)}`;
  return wanted;
}

/** Returns a value as a number; undefined if it is not a number. */
export function numberOf(value: ImapValue | undefined, maxDigits?: number): number | undefined {
  return typeof value === "string" ? parseDigits(value, maxDigits) : undefined;
}

/** Returns a value as a number of any size; undefined if it is not a number. */
export function largeNumberOf(value: ImapValue | undefined): bigint | undefined {
  return typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

/** Returns the id in a list of one (RFC 8474 §7). Some versions of Cyrus send other bytes in a list. */
function idOf(value: ImapValue | undefined): string | undefined {
  const [id = ""] = texts(value);
  return /^[A-Za-z0-9_-]{1,255}$/.test(id) ? id : undefined;
}

/** Returns the strings of a list. */
export function texts(value: ImapValue | undefined): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** Returns a value as a string; an empty one for NIL and lists. */
export function text(value: ImapValue): string {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? decodeText(value) : "";
}
