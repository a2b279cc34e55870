/**
 * Options of `connectSmtp`, of messages and of `SmtpPool`, and the results of sending.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { MailLoginOptions } from "../mail/options.ts";
import type { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { replyOf } from "../internal/reply_of.ts";

/** Options of `connectSmtp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectSmtpOptions extends MailLoginOptions {
  /**
   * The protocol: SMTP, or LMTP (RFC 2033) for the delivery into the mailboxes of a server. A server of
   * LMTP reports the result for each recipient. Its default port is 24.
   *
   * @default "smtp"
   */
  protocol?: "smtp" | "lmtp";
  /**
   * Time limit for each wait, except for the reply to a complete message. `timeouts` has a limit for each
   * phase.
   *
   * @default 300000; 120000 for the reply to DATA, 180000 for a block of the text
   */
  timeout?: number;
  /**
   * Time limits of single phases. The defaults are the minimum that RFC 5321 §4.5.3.2 recommends, because
   * many servers delay their replies to unknown clients.
   *
   * @default `timeout` for all phases except `final`
   */
  timeouts?: SmtpTimeouts;
  /**
   * The former name of `timeouts.final`.
   *
   * @deprecated Use `timeouts.final`.
   */
  finalTimeout?: number;
  /**
   * Maximum number of recipients in one transaction. A message in memory with more recipients is sent in
   * several transactions.
   *
   * @default the limit that the server states (RFC 9422) or shows by its replies
   */
  maxRecipients?: number;
  /**
   * The name of this client for EHLO: a domain name, or an address such as `[192.0.2.1]`.
   *
   * @default the local IP address of the connection
   */
  localName?: string;
}

/** Time limits of the phases of a session, in milliseconds; 0 lifts a limit (RFC 5321 §4.5.3.2). */
export interface SmtpTimeouts {
  /** Time limit for the greeting of the server. @default 300000 */
  greeting?: number;
  /** Time limit for the reply to EHLO, HELO or LHLO. @default 300000 */
  ehlo?: number;
  /** Time limit for the reply to MAIL FROM. @default 300000 */
  mail?: number;
  /** Time limit for the reply to each RCPT TO. @default 300000 */
  rcpt?: number;
  /** Time limit for the reply to DATA. @default 120000 */
  data?: number;
  /**
   * Time limit for a block of the text: the time in which the server takes nothing of it, and with
   * `transfer: "chunks"` the reply to a chunk that is not the last one. A `connection` that is given has
   * its own limit for writing.
   *
   * @default 180000
   */
  block?: number;
  /**
   * Time limit for the reply to a complete message, with LMTP for each recipient. Servers check messages
   * before they reply. A message whose reply comes too late arrives twice if it is sent again, so keep the
   * limit high. `timeout` does not change it.
   *
   * @default 600000
   */
  final?: number;
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

/** The sender and the recipients of a message. They may differ from those in its header. */
export interface SmtpEnvelope {
  /** The address that gets a report if the message cannot be delivered; empty for no report. */
  readonly from: string;
  /**
   * The recipients: addresses, or addresses with options. `postmaster` needs no domain. An address that is
   * given twice counts once, with the options of the first.
   */
  readonly to: readonly (string | SmtpRecipient)[];
}

/** A recipient with options. */
export interface SmtpRecipient {
  /** The address of the recipient. */
  readonly address: string;
  /**
   * The events that the server reports to the sender (RFC 3461 §4.1). An empty array requests no reports.
   *
   * @default `notify` of the message
   */
  readonly notify?: readonly SmtpNotify[];
  /** The address before any forwarding, for the reports (RFC 3461 §4.2). */
  readonly originalRecipient?: string;
  /** Further parameters for RCPT TO. */
  readonly parameters?: SmtpParameters;
}

/** An event of a delivery that a server can report: it succeeded, it failed, or it is delayed. */
export type SmtpNotify = "success" | "failure" | "delay";

/** Parameters for MAIL FROM or RCPT TO: names with values. A parameter without a value is `true`. */
export type SmtpParameters = Readonly<Record<string, string | true>>;

/** Options of `SmtpClient.send`. A server that lacks a requested extension gets no message. */
export interface SendMailOptions {
  /**
   * The size of a message in bytes, if it is a stream. A server can then reject a message that is too
   * large before it is sent (RFC 1870).
   */
  size?: number;
  /**
   * The events that the server reports to the sender, for all recipients that have no own option
   * (RFC 3461 §4.1). An empty array requests no reports.
   *
   * @default the choice of the server, usually failures and delays
   */
  notify?: readonly SmtpNotify[];
  /** The part of the message that reports of failures contain (RFC 3461 §4.3). @default the server's choice */
  returnContent?: "full" | "headers";
  /** The id of this message in reports (RFC 3461 §4.4): printable ASCII, at most 100 characters. */
  envelopeId?: string;
  /**
   * Whether all servers on the way must use verified TLS (RFC 8689). The server returns the message
   * otherwise.
   *
   * @default false
   */
  requireTls?: boolean;
  /**
   * The way in which the text is sent: "data" as lines that end with a dot (RFC 5321 §4.1.1.4), "chunks" by
   * the command BDAT (RFC 3030), or "binary" by BDAT with all bytes unchanged, also line endings. A stream
   * that fails does not end the session with "chunks" and "binary".
   *
   * @default "data"
   */
  transfer?: "data" | "chunks" | "binary";
  /** Further parameters for MAIL FROM, such as `{ "MT-PRIORITY": "3" }` (RFC 6710). */
  parameters?: SmtpParameters;
  /** Aborts the connection, because a message cannot be recalled. */
  signal?: AbortSignal;
}

/** Options of `SmtpPool.send`: those of `SmtpClient.send` except `size`. */
export type PoolSendOptions = Omit<SendMailOptions, "size">;

/** A recipient that does not have the message, or may not have it. */
export interface RejectedRecipient {
  /** The address of the recipient. */
  readonly address: string;
  /** The reply of the server: a `ReplyError`. If the session broke off, the error that ended it. */
  readonly error: NetError;
  /**
   * Whether the recipient may have the message: "maybe" if the session broke off after the end of the
   * message and before the reply.
   */
  readonly sent: "no" | "maybe";
}

/** The result of sending a message. */
export interface SentMail {
  /** The recipients for whom the server has accepted the message. */
  readonly accepted: readonly string[];
  /** The recipients that the server rejected. */
  readonly rejected: readonly RejectedRecipient[];
  /**
   * The final reply of the server. It often contains the server's id for the message. There is one line
   * for each line of the reply, each transaction, and with LMTP each recipient.
   */
  readonly text: string;
}

/**
 * The error for a message that no recipient has got. Its code and text are those of the first
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
    super(`Cannot send to ${whom} on ${error.address}`, replyOf(error));
    this.rejected = rejected;
  }
}
