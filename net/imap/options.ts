/**
 * What `connectImap` takes and tells.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ImapMessage } from "./message.ts";
import type { MailLoginOptions } from "../mail/options.ts";
import type { SaslName } from "../mail/sasl.ts";

/**
 * Options of `connectImap`. All times are in milliseconds; 0 lifts a limit. The mechanism
 * "LOGIN-COMMAND" stands for the command LOGIN.
 */
export interface ConnectImapOptions extends MailLoginOptions<SaslName | "LOGIN-COMMAND"> {
  /**
   * The most bytes of a string that is held in memory; whole messages are streams of any size.
   *
   * @default 16777216
   */
  maxLiteral?: number;
  /**
   * How long a command may take with all that it gives; the streams of `message` take the time that
   * their reader takes.
   *
   * @default 600000
   */
  commandTimeout?: number;
  /**
   * The most bytes that all responses to one command may have, streams apart; those of a line count
   * twice, and 100 more for each line and each string of its own, for that is what they take.
   *
   * @default 268435456
   */
  maxResponse?: number;
  /** Called for what the server tells without being asked. */
  onEvent?: (event: ImapEvent) => void;
}

/** Something that happened in the folder that is open. */
export type ImapEvent =
  /** There are so many messages now. */
  | { readonly type: "exists"; readonly count: number }
  /** The message of this number is gone; those after it have a number less. */
  | { readonly type: "expunge"; readonly number: number }
  /** Something of a message has changed, its flags mostly. */
  | { readonly type: "message"; readonly message: ImapMessage };

/** A folder. */
export interface ImapFolder {
  /** Its name. */
  readonly name: string;
  /** What stands between the parts of its name; undefined for none. */
  readonly delimiter: string | undefined;
  /** What it is: `\Noselect`, `\HasChildren`, `\Sent` … */
  readonly flags: readonly string[];
}

/** The folder that is open. */
export interface ImapSelected {
  /** Its name. */
  readonly name: string;
  /** How many messages there are. */
  readonly exists: number;
  /** The flags that messages have. */
  readonly flags: readonly string[];
  /** The flags that can be changed for good; `\*` for any of one's own. */
  readonly permanentFlags: readonly string[];
  /** The number that the next message will have. */
  readonly uidNext: number | undefined;
  /** While it is the same, so are the numbers of messages. */
  readonly uidValidity: number | undefined;
  /** Whether nothing can be changed. */
  readonly readOnly: boolean;
}

/** How much there is in a folder. */
export interface ImapStatus {
  /** Messages. */
  readonly messages?: number;
  /** Messages that nobody has seen. */
  readonly unseen?: number;
  /** The number that the next message will have. */
  readonly uidNext?: number;
  /** While it is the same, so are the numbers of messages. */
  readonly uidValidity?: number;
}

/** What to fetch of messages; flags are not changed by it. */
export interface ImapFetch {
  /** The envelope. */
  readonly envelope?: boolean;
  /** What it is made of. */
  readonly bodyStructure?: boolean;
  /** The flags. */
  readonly flags?: boolean;
  /** The size. */
  readonly size?: boolean;
  /** When it was received. */
  readonly internalDate?: boolean;
  /** Sections: `HEADER`, `TEXT`, `1.2`, `HEADER.FIELDS (SUBJECT TO)`. */
  readonly sections?: readonly string[];
}

/** A message to append: text or bytes, whole or as they come; lines end with CRLF. */
export type ImapSource =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Options of `append`. */
export interface ImapAppendOptions {
  /** The size of the message in bytes, where it is a stream: the server is told it first. */
  readonly size?: number;
  /** Its flags. @default none */
  readonly flags?: readonly string[];
  /** When it was received. @default now */
  readonly internalDate?: Date;
}

/** Options of `idle`. */
export interface ImapIdleOptions {
  /** Ends it; the loop ends without an error. */
  readonly signal?: AbortSignal;
  /**
   * How often to begin anew, in milliseconds, 0 for never: servers end a session that is idle for 30
   * minutes.
   *
   * @default 1500000
   */
  readonly renew?: number;
}
