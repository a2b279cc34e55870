/**
 * What `connectSmtp` and its messages take, and what is told of them.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { MailLoginOptions } from "../mail/options.ts";
import { ReplyError } from "../errors/reply_error.ts";

/** Options of `connectSmtp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectSmtpOptions extends MailLoginOptions {
  /** How this side calls itself: a domain name or `[192.0.2.1]`. @default the own address */
  localName?: string;
}

/** A message: text or bytes, whole or as they come. Line ends of any kind become CRLF. */
export type SmtpMessage =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Options of `SmtpClient.send`. */
export interface SendMailOptions {
  /**
   * The size of the message in bytes, where it is a stream: a server that takes less says so before
   * it is sent (RFC 1870).
   */
  size?: number;
  /** Gives up; the connection is aborted, for a message cannot be called back. */
  signal?: AbortSignal;
}

/** A recipient that the server did not take. */
export interface RejectedRecipient {
  /** The address. */
  readonly address: string;
  /** What the server said. */
  readonly error: ReplyError;
}

/** What became of a message. */
export interface SentMail {
  /** Recipients that the server has taken the message for. */
  readonly accepted: readonly string[];
  /** Recipients that it has not. */
  readonly rejected: readonly RejectedRecipient[];
  /** What the server said at the end, with its name for the message mostly. */
  readonly text: string;
}

/**
 * A server took none of the recipients. Its code and text are those of the first that may be taken
 * later, or else of the first; it is `retryable` if any is.
 */
export class SmtpRecipientsError extends ReplyError {
  /** The name of the class. */
  override readonly name = "SmtpRecipientsError";
  /** The recipients, each with what the server said. */
  readonly rejected: readonly RejectedRecipient[];

  /**
   * Makes an error.
   *
   * @param rejected The recipients, at least one.
   */
  constructor(rejected: readonly RejectedRecipient[]) {
    const { address, error } = rejected.find(({ error }) => error.retryable) ?? rejected[0]!;
    const whom = rejected.length === 1 ? address : `any of ${rejected.length} recipients`;
    super(`Cannot send to ${whom} on ${error.address}`, {
      code: error.code!,
      enhanced: error.enhanced,
      lines: error.text.split("\n"),
      temporary: error.retryable,
      ...(error.address !== undefined && { address: error.address }),
    });
    this.rejected = rejected;
  }
}
