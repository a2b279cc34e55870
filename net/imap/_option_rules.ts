/** Rules for the options of the IMAP client. */

import { loginRules, oneLine } from "../internal/mail_rules.ts";
import {
  anObject,
  callback,
  flag,
  group,
  integer,
  limit,
  listOf,
  milliseconds,
  oneOf,
  optionError,
  OptionRules,
  required,
  type Rule,
  rule,
  signal,
  text,
} from "../internal/options.ts";
import type { SaslName } from "../mail/options.ts";
import { imapSet } from "./_commands.ts";
import { byteCount, date } from "./_search.ts";
import type {
  ConnectImapOptions,
  ImapAppendOptions,
  ImapExpungeOptions,
  ImapFetch,
  ImapIdleOptions,
  ImapListOptions,
  ImapResync,
  ImapSelectOptions,
  ImapStatusOptions,
  ImapStoreOptions,
  WatchImapOptions,
} from "./options.ts";

/** Most fields of ID, and the longest name and value of one in bytes (RFC 2971 §3.3). */
const ID_LIMITS = { fields: 30, name: 30, value: 1024 } as const;

/** Checks fields for ID: each has a name, and a string of one line. Returns a copy. */
export function idFields(name: string, value: unknown): object {
  anObject(name, value);
  const fields = Object.entries(value as object);
  const size = (text: string) => new TextEncoder().encode(text).length;
  for (const [key, field] of fields) {
    oneLine(`${name}.${key}`, field);
    if (
      size(key) > ID_LIMITS.name || size(field) > ID_LIMITS.value || !/^[\x20-\x7e]+$/.test(key)
    ) {
      throw optionError(`${name}.${key}`, "a field of RFC 2971", field);
    }
  }
  if (fields.length > ID_LIMITS.fields) {
    throw optionError(name, `an object of up to ${ID_LIMITS.fields} fields`, value);
  }
  return Object.fromEntries(fields);
}

/** The rules for the options of `connectImap`. */
export const CONNECT_IMAP = new OptionRules<ConnectImapOptions>({
  ...loginRules<SaslName | "LOGIN-COMMAND">("LOGIN-COMMAND").rules,
  maxLiteral: limit,
  commandTimeout: milliseconds,
  maxResponse: limit,
  id: idFields,
  onEvent: callback,
  onInvalid: callback,
  onAlert: callback,
});

/** The rules for the options of `idle`. */
export const IMAP_IDLE = new OptionRules<ImapIdleOptions>({
  signal,
  renew: milliseconds,
  poll: milliseconds,
});

/** The rules for the options of `expunge`. */
export const IMAP_EXPUNGE = new OptionRules<ImapExpungeOptions>({
  others: oneOf("restore", "refuse"),
});

/** The rules for the settings of `watchImap`. */
export const WATCH_IMAP = new OptionRules<WatchImapOptions>({
  ...IMAP_IDLE.rules,
  minTimeout: milliseconds,
  maxTimeout: milliseconds,
  onLost: callback,
});

/** The rules for the items of `fetch`. */
export const IMAP_FETCH = new OptionRules<ImapFetch>({
  envelope: flag,
  bodyStructure: flag,
  flags: flag,
  size: flag,
  internalDate: flag,
  modSeq: flag,
  emailId: flag,
  threadId: flag,
  saveDate: flag,
  gmailLabels: flag,
  gmailMessageId: flag,
  gmailThreadId: flag,
  sections: listOf(text),
});

/** The rules for the counters of a folder. */
export const IMAP_STATUS = new OptionRules<ImapStatusOptions>({ size: flag, modSeq: flag });

/** The rules for the options of `list`. */
export const IMAP_LIST = new OptionRules<ImapListOptions>({
  specialUse: flag,
  status: group(IMAP_STATUS),
});

/** The kind of a change of flags or labels. */
export const CHANGE: Rule = oneOf("add", "remove", "set");

/** The number of a change (RFC 7162 §7). */
export const modSeq: Rule = rule(
  "a bigint of at least 0",
  (value) => typeof value === "bigint" && value >= 0n && value < 1n << 63n,
);

/** The rules for the options of `select` and `examine`. */
export const IMAP_SELECT = new OptionRules<ImapSelectOptions>({
  condstore: flag,
  resync: group(
    new OptionRules<ImapResync>({
      uidValidity: required(integer(1, 2 ** 32 - 1)),
      modSeq: required(modSeq),
      uids: (_, value) => void imapSet(value as string),
    }),
  ),
});

/** The rules for the options of `append`. */
export const IMAP_APPEND = new OptionRules<ImapAppendOptions>({
  size: byteCount,
  flags: listOf(text),
  internalDate: date,
});

/** The rules for the options of `append` if the message is a stream. */
export const IMAP_APPEND_STREAM = new OptionRules<ImapAppendOptions>({
  ...IMAP_APPEND.rules,
  size: required(byteCount),
});

/** The rules for the options of `store`. */
export const IMAP_STORE = new OptionRules<ImapStoreOptions>({ unchangedSince: modSeq });
