/** The criteria of an IMAP search: their types, their rules, and their form (RFC 3501 §6.4.4). Pure. */

import {
  type Check,
  flag,
  group,
  integer,
  listOf,
  OptionRules,
  type Rule,
  rule,
  text,
} from "../internal/options.ts";
import { imapDate, imapFlag, type ImapPart, imapSet, imapString } from "./_commands.ts";

/** Criteria of a search. All of them must match. */
export interface ImapSearch {
  /** Whether the message has the flag `\Seen`. */
  readonly seen?: boolean;
  /** Whether the message has the flag `\Answered`. */
  readonly answered?: boolean;
  /** Whether the message has the flag `\Flagged`. */
  readonly flagged?: boolean;
  /** Whether the message has the flag `\Deleted`. */
  readonly deleted?: boolean;
  /** Whether the message has the flag `\Draft`. */
  readonly draft?: boolean;
  /** A keyword that the message has, such as `$Junk`. */
  readonly keyword?: string;
  /** A text in the field `From`. */
  readonly from?: string;
  /** A text in the field `To`. */
  readonly to?: string;
  /** A text in the field `Cc`. */
  readonly cc?: string;
  /** A text in the field `Bcc`. */
  readonly bcc?: string;
  /** A text in the field `Subject`. */
  readonly subject?: string;
  /** A text in the body. */
  readonly body?: string;
  /** A text in the header or the body. */
  readonly text?: string;
  /** The name of a field, and a text in it. An empty text matches if the field exists. */
  readonly header?: readonly [name: string, text: string];
  /** The first day of arrival, in UTC. */
  readonly since?: Date;
  /** The day after the last day of arrival, in UTC. */
  readonly before?: Date;
  /** The day of arrival, in UTC. */
  readonly on?: Date;
  /** The first day in the field `Date`. */
  readonly sentSince?: Date;
  /** The day after the last day in the field `Date`. */
  readonly sentBefore?: Date;
  /** The day in the field `Date`. */
  readonly sentOn?: Date;
  /** A size in bytes that the message exceeds. */
  readonly larger?: number;
  /** A size in bytes that the message stays below. */
  readonly smaller?: number;
  /** A set of UIDs, such as `1:9,12` or `20:*`. */
  readonly uids?: string;
  /** The least number of the last change (CONDSTORE, RFC 7162). */
  readonly modSeq?: bigint;
  /** The id of the message, also in other folders (OBJECTID, RFC 8474). */
  readonly emailId?: string;
  /** The id of the thread (OBJECTID). */
  readonly threadId?: string;
  /** A search as in the web page of Gmail, such as `has:attachment`. Only Gmail supports it. */
  readonly gmailRaw?: string;
  /** A search that must not match. */
  readonly not?: ImapSearch;
  /** Two searches, of which at least one must match. */
  readonly or?: readonly [ImapSearch, ImapSearch];
}

/** A size in bytes. */
export const byteCount: Rule = integer(0, Number.MAX_SAFE_INTEGER);

/** A date that is valid. */
export const date: Rule = rule(
  "a valid Date",
  (value) => value instanceof Date && !Number.isNaN(value.getTime()),
);

/** An id of OBJECTID (RFC 8474 §7). */
const OBJECT_ID = rule(
  "an id of 1 to 255 letters, digits, - and _",
  (value) => typeof value === "string" && /^[A-Za-z0-9_-]{1,255}$/.test(value),
);

/** The rules for the criteria of a search. */
const SEARCH: OptionRules<ImapSearch> = new OptionRules<ImapSearch>({
  seen: flag,
  answered: flag,
  flagged: flag,
  deleted: flag,
  draft: flag,
  keyword: text,
  from: text,
  to: text,
  cc: text,
  bcc: text,
  subject: text,
  body: text,
  text,
  header: pair(text, "a pair of a field name and a text"),
  since: date,
  before: date,
  on: date,
  sentSince: date,
  sentBefore: date,
  sentOn: date,
  larger: byteCount,
  smaller: byteCount,
  uids: text,
  modSeq: rule("a bigint of at least 0", (value) => typeof value === "bigint" && value >= 0n),
  emailId: OBJECT_ID,
  threadId: OBJECT_ID,
  gmailRaw: text,
  not: nested,
  or: pair(nested, "a pair of searches"),
});

function nested(name: string, value: unknown): object | void {
  return group(SEARCH)(name, value);
}

function pair(each: Check, requires: string): Check {
  const isPair = rule(requires, (value) => Array.isArray(value) && value.length === 2);
  return (name, value) => {
    isPair(name, value);
    return listOf(each)(name, value);
  };
}

/**
 * Formats the criteria of a search.
 *
 * @param search The criteria, all of which must match.
 * @returns The parts of a command, including the spaces between them.
 * @throws {TypeError | RangeError} If a criterion is unknown or invalid.
 */
export function imapSearch(search: ImapSearch): ImapPart[] {
  return criteria(SEARCH.check("search", search));
}

/** Formats criteria that are checked already. */
function criteria(search: ImapSearch): ImapPart[] {
  const parts: ImapPart[] = [];
  const add = (...more: ImapPart[]) => {
    for (const part of more) parts.push(...(parts.length === 0 ? [part] : [" ", part]));
  };
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined) continue;
    const word = name.toUpperCase();
    switch (name as keyof ImapSearch) {
      case "seen":
      case "answered":
      case "flagged":
      case "deleted":
      case "draft":
        add(value ? word : `UN${word}`);
        break;
      case "keyword":
        add(word, imapFlag(value));
        break;
      case "header":
        add(word, imapString(value[0]), imapString(value[1]));
        break;
      case "since":
      case "before":
      case "on":
      case "sentSince":
      case "sentBefore":
      case "sentOn":
        add(word, imapDate(value));
        break;
      case "larger":
      case "smaller":
      case "modSeq":
      case "emailId":
      case "threadId":
        add(word, `${value}`);
        break;
      case "gmailRaw":
        add("X-GM-RAW", imapString(value));
        break;
      case "uids":
        add("UID", imapSet(value));
        break;
      case "not":
        add(word, "(");
        parts.push(...criteria(value), ")");
        break;
      case "or":
        add(word, "(");
        parts.push(...criteria(value[0]), ")", " ", "(", ...criteria(value[1]), ")");
        break;
      case "from":
      case "to":
      case "cc":
      case "bcc":
      case "subject":
      case "body":
      case "text":
        add(word, imapString(value));
        break;
    }
  }
  return parts.length === 0 ? ["ALL"] : parts;
}
