/**
 * Options of `connectSmtp`, of messages and of `SmtpPool`, and the results of sending.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { MailLoginOptions } from "../mail/options.ts";
import { ReplyError } from "../errors/reply_error.ts";

/** Options of `connectSmtp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectSmtpOptions extends MailLoginOptions {
  /**
   * The name of this client for EHLO: a domain name, or an address such as `[192.0.2.1]`.
   *
   * @default the local IP address of the connection
   */
  localName?: string;
}

/** Options of `SmtpPool`. All times are in milliseconds; 0 lifts a limit. */
export interface SmtpPoolOptions extends Omit<ConnectSmtpOptions, "connection"> {
  /**
   * Maximum number of connections at the same time.
   *
   * @default 5
   */
  maxConnections?: number;
  /**
   * Maximum number of messages over one connection. The pool then replaces the connection, because
   * servers end long sessions.
   *
   * @default 100
   */
  maxMessages?: number;
  /** Maximum number of messages per second over all connections; 0 for no limit. @default 0 */
  rate?: number;
  /**
   * Maximum number of messages that wait for a connection. Further messages are rejected.
   *
   * @default 10000
   */
  maxWaiting?: number;
  /**
   * Maximum number of tries per message. A message is tried again if the server rejects it, or some of
   * its recipients, temporarily (4xx), if the server cannot be reached, or if it has ended an idle
   * session. It is not tried again if the connection is lost within the message, because the message
   * may have arrived.
   *
   * @default 3
   */
  maxAttempts?: number;
  /**
   * The wait before the second try. It doubles for each further try.
   *
   * @default 1000
   */
  minTimeout?: number;
}

/** A message: text or bytes, in memory or as a stream. Line endings of any kind become CRLF. */
export type SmtpMessage =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Options of `SmtpClient.send`. */
export interface SendMailOptions {
  /**
   * The size of a message in bytes, if it is a stream. A server can then reject a message that is too
   * large before it is sent (RFC 1870).
   */
  size?: number;
  /** Aborts the connection, because a message cannot be recalled. */
  signal?: AbortSignal;
}

/** A recipient that the server rejected. */
export interface RejectedRecipient {
  /** The address of the recipient. */
  readonly address: string;
  /** The reply of the server. */
  readonly error: ReplyError;
}

/** The result of sending a message. */
export interface SentMail {
  /** The recipients for whom the server has accepted the message. */
  readonly accepted: readonly string[];
  /** The recipients that the server rejected. */
  readonly rejected: readonly RejectedRecipient[];
  /** The final reply of the server. It often contains the server's id for the message. */
  readonly text: string;
}

/**
 * The error for a message whose recipients were all rejected. Its code and text are those of the first
 * temporary rejection, or else of the first rejection. It is `retryable` if any of them is.
 */
export class SmtpRecipientsError extends ReplyError {
  /** The name of the class. */
  override readonly name = "SmtpRecipientsError";
  /** The recipients, each with the reply of the server. */
  readonly rejected: readonly RejectedRecipient[];

  /**
   * Makes an error.
   *
   * @param rejected The rejected recipients, at least one.
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
