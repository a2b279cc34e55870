/**
 * Options and results of `connectImap` and `watchImap`.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { NetError } from "../errors/errors.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import type { ImapInvalid } from "./_reader.ts";
import type { ImapMessage } from "./message.ts";
import type { MailLoginOptions, SaslName } from "../mail/options.ts";

/**
 * Options of `connectImap`. All times are in milliseconds; 0 lifts a limit. The mechanism
 * "LOGIN-COMMAND" selects the command LOGIN instead of SASL.
 */
export interface ConnectImapOptions extends MailLoginOptions<SaslName | "LOGIN-COMMAND"> {
  /**
   * Maximum size of a string in memory, in bytes. Streams have no such limit.
   *
   * @default 16777216
   */
  maxLiteral?: number;
  /**
   * Time limit for a command with its whole response. The streams of `message` have no such limit,
   * because their reader decides how long they take.
   *
   * @default 600000
   */
  commandTimeout?: number;
  /**
   * Maximum memory for all responses to one command, in bytes, without streams. The bytes of a line
   * count twice, and each line and each string counts 100 bytes more. This is close to the memory that
   * they need.
   *
   * @default 268435456
   */
  maxResponse?: number;
  /**
   * Fields such as `name` and `version`, to identify the client by ID (RFC 2971) after the login. Without
   * them, the client sends its name only to servers that open no folder before, such as those of 163.com.
   *
   * @default none
   */
  id?: ImapId;
  /** Called for changes that the server reports in the open folder. */
  onEvent?: (event: ImapEvent) => void;
  /**
   * Called for each part of a response that cannot be read: a whole untagged response, a response code,
   * an item of a message, a counter of a folder, an encoded word. The part is left out, and the session goes on.
   */
  onInvalid?: (part: ImapInvalid) => void;
  /**
   * Called for texts that a client must show to its user (ALERT, RFC 9051 §7.1), such as the warning that a
   * password expires. They are not escaped. The text of a refusal is in its error instead.
   */
  onAlert?: (text: string) => void;
}

/** Fields that identify a client or a server, such as `name`, `version` and `vendor` (RFC 2971 §3.3). */
export type ImapId = Readonly<Record<string, string>>;

/** A change in the open folder. */
export type ImapEvent =
  /** The folder has `count` messages now. */
  | { readonly type: "exists"; readonly count: number }
  /** The message with this number is gone. The numbers of later messages decrease by one. */
  | { readonly type: "expunge"; readonly number: number }
  /** Messages are gone. It replaces "expunge" in sessions with QRESYNC (RFC 7162). */
  | { readonly type: "vanished"; readonly uids: readonly ImapUidRange[] }
  /** A message has changed, usually its flags. */
  | { readonly type: "message"; readonly message: ImapMessage };

/** A range of UIDs: the first and the last one. */
export type ImapUidRange = readonly [first: number, last: number];

/**
 * A folder: its full name, or the names of its parents and its own name. The client joins a list with the
 * delimiter of the server.
 */
export type ImapPath = string | readonly string[];

/** The use of a folder (SPECIAL-USE, RFC 6154). */
export type ImapSpecialUse =
  | "all"
  | "archive"
  | "drafts"
  | "flagged"
  | "important"
  | "junk"
  | "sent"
  | "trash";

/** A folder in a list of folders. */
export interface ImapFolder {
  /** The full name of the folder. */
  readonly name: string;
  /** The names of its parents and its own name. */
  readonly path: readonly string[];
  /** The separator between the parts of the name; undefined if the server has none. */
  readonly delimiter: string | undefined;
  /** The attributes of the folder, such as `\Noselect`, `\HasChildren` or `\Sent`. */
  readonly flags: readonly string[];
  /** The use of the folder, if the server reports it. */
  readonly specialUse?: ImapSpecialUse;
  /** The counters, if `list` was asked for them and the folder can be opened. */
  readonly status?: ImapStatus;
  /** The refusal of the server, if `list` was asked for the counters and the server does not tell them. */
  readonly statusError?: ReplyError;
}

/** Options of `list`. */
export interface ImapListOptions {
  /** Whether to list only folders with a special use, such as `\Sent`. @default false */
  readonly specialUse?: boolean;
  /**
   * The counters to get of each folder: `{}` for the usual ones. A server with LIST-STATUS (RFC 5819) sends
   * them with the list. Others are asked for each folder.
   *
   * @default none
   */
  readonly status?: ImapStatusOptions;
}

/** Counters besides the usual ones. A server that does not support them leaves them out. */
export interface ImapStatusOptions {
  /** Gets the size of all messages, which may take long (STATUS=SIZE, RFC 8438). @default false */
  readonly size?: boolean;
  /** Gets the number of the last change (CONDSTORE, RFC 7162). @default false */
  readonly modSeq?: boolean;
}

/** Options of `select` and `examine`. */
export interface ImapSelectOptions {
  /**
   * Whether changes carry `modSeq` from now on (CONDSTORE, RFC 7162).
   *
   * @default false
   */
  readonly condstore?: boolean;
  /**
   * The state of the folder in an earlier session. The result then has `vanished` and `changed`, which are
   * empty if `uidValidity` is different now (QRESYNC, RFC 7162).
   *
   * @default none
   */
  readonly resync?: ImapResync;
}

/** The state of a folder in an earlier session. */
export interface ImapResync {
  /** `uidValidity` of that time. */
  readonly uidValidity: number;
  /** `highestModSeq` of that time. */
  readonly modSeq: bigint;
  /** The UIDs that are known from that time, as a set. @default all */
  readonly uids?: string;
}

/** The open folder. */
export interface ImapSelected {
  /** The full name of the folder. */
  readonly name: string;
  /** The number of messages. */
  readonly exists: number;
  /** The flags that messages in this folder can have. */
  readonly flags: readonly string[];
  /** The flags that can be changed permanently; `\*` stands for any new keyword. */
  readonly permanentFlags: readonly string[];
  /** The UID that the next message will get. */
  readonly uidNext: number | undefined;
  /** A version number of all UIDs. While it stays the same, UIDs are valid. */
  readonly uidValidity: number | undefined;
  /** The number of the last change, if the server counts changes (CONDSTORE, RFC 7162). */
  readonly highestModSeq?: bigint;
  /** The id of the folder, which stays the same if it is renamed (OBJECTID, RFC 8474). */
  readonly mailboxId?: string;
  /** Whether the folder is open for reading only. */
  readonly readOnly: boolean;
  /** The UIDs that have vanished since the earlier session, if `select` was given one. */
  readonly vanished?: readonly ImapUidRange[];
  /** The messages that have changed since the earlier session, if `select` was given one. */
  readonly changed?: readonly ImapMessage[];
}

/** Counters of a folder. */
export interface ImapStatus {
  /** The number of messages. */
  readonly messages?: number;
  /** The number of messages without the flag `\Seen`. */
  readonly unseen?: number;
  /** The UID that the next message will get. */
  readonly uidNext?: number;
  /** A version number of all UIDs. While it stays the same, UIDs are valid. */
  readonly uidValidity?: number;
  /** The size of all messages in bytes (STATUS=SIZE, RFC 8438). */
  readonly size?: number;
  /** The number of the last change (CONDSTORE, RFC 7162). */
  readonly highestModSeq?: bigint;
  /** The id of the folder (OBJECTID, RFC 8474). */
  readonly mailboxId?: string;
}

/** Items to fetch of messages. Fetching does not change flags. */
export interface ImapFetch {
  /** Fetches the envelope: subject, addresses, dates. */
  readonly envelope?: boolean;
  /** Fetches the structure of the MIME parts. */
  readonly bodyStructure?: boolean;
  /** Fetches the flags, such as `\Seen`. */
  readonly flags?: boolean;
  /** Fetches the size in bytes. */
  readonly size?: boolean;
  /** Fetches the time of arrival. */
  readonly internalDate?: boolean;
  /** Fetches the number of the last change (CONDSTORE, RFC 7162). */
  readonly modSeq?: boolean;
  /** Fetches the id of the message, also in other folders (OBJECTID, RFC 8474). */
  readonly emailId?: boolean;
  /** Fetches the id of the thread (OBJECTID). */
  readonly threadId?: boolean;
  /** Fetches the time at which the message was put into the folder (SAVEDATE, RFC 8514). */
  readonly saveDate?: boolean;
  /** Fetches the labels of Gmail. */
  readonly gmailLabels?: boolean;
  /** Fetches the id of the message at Gmail. */
  readonly gmailMessageId?: boolean;
  /** Fetches the id of the thread at Gmail. */
  readonly gmailThreadId?: boolean;
  /** Sections to fetch: `HEADER`, `TEXT`, `1.2`, `HEADER.FIELDS (SUBJECT TO)`. */
  readonly sections?: readonly string[];
}

/** Messages by their UIDs: a set such as `1:9,12` or `20:*`, one UID, or a list. */
export type ImapUids = string | number | readonly number[];

/** A message to append: text or bytes, in memory or as a stream, with CRLF line endings. */
export type ImapSource =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Options of `append`. */
export interface ImapAppendOptions {
  /** The size of the message in bytes. Required for a stream, because it is sent first. */
  readonly size?: number;
  /** The flags of the message. @default none */
  readonly flags?: readonly string[];
  /** The time of arrival. @default now */
  readonly internalDate?: Date;
}

/** Options of `store`. */
export interface ImapStoreOptions {
  /**
   * Leaves out messages that have changed since this `modSeq` (CONDSTORE, RFC 7162).
   *
   * @default none are left out
   */
  readonly unchangedSince?: bigint;
}

/** Options of `expunge`. */
export interface ImapExpungeOptions {
  /**
   * Applies to a server without UIDPLUS (RFC 4315), which can only remove all messages that are marked as
   * deleted. If there are others besides the given ones, "restore" unmarks them during the removal, and
   * "refuse" rejects with a `NetError` "unsupported" and removes nothing.
   *
   * @default "restore"
   */
  readonly others?: "restore" | "refuse";
}

/** Options of `idle`. */
export interface ImapIdleOptions {
  /** Ends the loop without an error. */
  readonly signal?: AbortSignal;
  /**
   * Time after which IDLE is renewed, in milliseconds; 0 for never. Servers end a session that is idle
   * for 30 minutes.
   *
   * @default 1500000
   */
  readonly renew?: number;
  /**
   * Time between two questions (NOOP) to a server that lacks or refuses IDLE, in milliseconds; 0 for an
   * error instead of questions.
   *
   * @default 60000
   */
  readonly poll?: number;
}

/** Settings of `watchImap`. All times are in milliseconds. */
export interface WatchImapOptions extends ImapIdleOptions {
  /**
   * The wait before it connects again. Up to half of it is random. It doubles with each failure, and
   * starts anew after a session that has lasted for `maxTimeout`.
   *
   * @default 1000
   */
  readonly minTimeout?: number;
  /**
   * The longest wait.
   *
   * @default 60000
   */
  readonly maxTimeout?: number;
  /** Called when a session is lost, or when connecting fails. */
  readonly onLost?: (error: NetError) => void;
}
