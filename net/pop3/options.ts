/**
 * The options of the POP3 client, and what its methods return.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { MailLoginOptions, SaslName } from "../mail/options.ts";
import type { ReplyError } from "../errors/reply_error.ts";

/**
 * Options of {@linkcode connectPop3}. All times are in milliseconds; 0 lifts a limit. The mechanism
 * "USER" selects the commands USER and PASS instead of SASL, and "APOP" the command APOP.
 */
export interface ConnectPop3Options extends MailLoginOptions<SaslName | "USER" | "APOP"> {
  /**
   * Whether the client asks for messages in UTF-8 (RFC 6856 §2) if the server offers that. Otherwise the
   * server replaces what is not ASCII in addresses and headers of internationalized messages.
   *
   * @default true
   */
  utf8?: boolean;
}

/** The number and total size of the messages in a maildrop. */
export interface Pop3Stat {
  /** The number of messages. */
  readonly count: number;
  /** The total size in bytes. */
  readonly size: number;
}

/** The reply to a command that succeeded. */
export interface Pop3Answer {
  /** The text after `+OK`. */
  readonly text: string;
  /** The lines of a multi-line reply. */
  readonly lines: readonly string[];
}

/** Options of `retrieveAll` of `Pop3Client`. */
export interface RetrieveAllOptions {
  /**
   * Size limit of a message in bytes. Infinity lifts it. A larger message is read and dropped; one that
   * exceeds the limit by more than 256 MiB ends the session.
   *
   * @default 16777216
   */
  maxSize?: number;
}

/** Options of `topAll` of `Pop3Client`. */
export interface TopAllOptions extends RetrieveAllOptions {
  /** The number of lines of the body. @default 0 */
  lines?: number;
}

/** A message in memory. */
export interface Pop3Message {
  /** The number of the message within this session. */
  readonly number: number;
  /** The bytes of the message, with CRLF line endings. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A message that could not be marked as deleted. */
export interface Pop3Refusal {
  /** The number of the message within this session. */
  readonly number: number;
  /** The refusal of the server. */
  readonly error: ReplyError;
}
