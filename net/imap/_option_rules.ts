/** Rules for the options of the IMAP client. */

import { loginRules } from "../internal/mail_rules.ts";
import {
  callback,
  flag,
  limit,
  listOf,
  milliseconds,
  OptionRules,
  required,
  signal,
  text,
} from "../internal/options.ts";
import type { SaslName } from "../mail/options.ts";
import { byteCount, date } from "./_search.ts";
import type {
  ConnectImapOptions,
  ImapAppendOptions,
  ImapFetch,
  ImapIdleOptions,
  WatchImapOptions,
} from "./options.ts";

/** The rules for the options of `connectImap`. */
export const CONNECT_IMAP = new OptionRules<ConnectImapOptions>({
  ...loginRules<SaslName | "LOGIN-COMMAND">("LOGIN-COMMAND").rules,
  maxLiteral: limit,
  commandTimeout: milliseconds,
  maxResponse: limit,
  onEvent: callback,
  onInvalid: callback,
});

/** The rules for the options of `idle`. */
export const IMAP_IDLE = new OptionRules<ImapIdleOptions>({ signal, renew: milliseconds });

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
  sections: listOf(text),
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
