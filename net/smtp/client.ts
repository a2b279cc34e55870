/**
 * A client for SMTP (RFC 5321, 3207, 4954, 1870, 2920, 3030, 3461, 6152, 6531, 8689, 9422) and LMTP
 * (RFC 2033): STARTTLS by default, pipelined, with messages of any size as streams, and with a result for
 * every recipient. `buildMessage` of `net/mail-message` builds messages with attachments.
 *
 * **Permissions**: `--allow-net=mail.example:587` for the server, or port 465 with `tls: "implicit"`.
 *
 * @module
 */

import type { Dialogue } from "../internal/dialogue.ts";
import { checkCredentials, command as commandLine, mechanismName } from "../internal/mail_rules.ts";
import { logIn } from "../internal/mail_login.ts";
import { openSession } from "../internal/mail_session.ts";
import { orAbort } from "../internal/or_abort.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import { SmtpControl } from "./_control.ts";
import { SmtpMessages } from "./_messages.ts";
import { checkEnvelope, CONNECT_SMTP, SEND_MAIL } from "./_option_rules.ts";
import { smtpTimes } from "./_times.ts";
import type { SmtpReply } from "./codec.ts";
import type {
  ConnectSmtpOptions,
  SendMailOptions,
  SentMail,
  SmtpEnvelope,
  SmtpMessage,
  SmtpTimeouts,
} from "./options.ts";
import { orCancel } from "../internal/while_open.ts";

export type { SmtpReply } from "./codec.ts";
export * from "./options.ts";

const MECHANISM = mechanismName();
const DEFAULTS = {
  smtp: { tls: "starttls", ports: { implicit: 465, starttls: 587 } },
  lmtp: { tls: "starttls", ports: { implicit: 24, starttls: 24 } },
} as const;

/**
 * Connects, encrypts the connection, and logs in if `username` is given.
 *
 * @param options The server, the encryption, and the login.
 * @returns The client, ready for messages.
 * @throws {ReplyError} If the server rejects the session or the login.
 * @throws {NetError} The errors of `connectTls`; "unsupported" if the server does not support STARTTLS
 * or any common mechanism; "usage" for a login without encryption.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export async function connectSmtp(options: ConnectSmtpOptions = {}): Promise<SmtpClient> {
  options = CONNECT_SMTP.check("connectSmtp", options);
  const times = smtpTimes(options);
  return await openSession(
    { ...options, timeout: times.other },
    { ...DEFAULTS[options.protocol ?? "smtp"], writeTimeout: times.block },
    (dialogue) => new SmtpClient(dialogue, options),
  );
}

/** A session with an SMTP server, made by {@linkcode connectSmtp}. Calls run one after the other. */
export class SmtpClient implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #localName: string;
  readonly #allowPlaintext: boolean;
  readonly #control: SmtpControl;
  readonly #messages: SmtpMessages;

  /**
   * Takes over a dialogue. For use by `connectSmtp`.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectSmtpOptions) {
    const { localName, protocol, maxRecipients = Infinity } = options;
    this.#dialogue = dialogue;
    this.#control = new SmtpControl(dialogue, {
      isLmtp: protocol === "lmtp",
      times: smtpTimes(options),
    });
    this.#messages = new SmtpMessages(this.#control, maxRecipients);
    const own = dialogue.conn.localAddr;
    const address = "hostname" in own ? own.hostname : "127.0.0.1";
    this.#localName = localName ?? (address.includes(":") ? `[IPv6:${address}]` : `[${address}]`);
    this.#allowPlaintext = options.allowPlaintextLogin ?? false;
  }

  /** The extensions of the server: names in capitals, each with its parameters. */
  get extensions(): ReadonlyMap<string, readonly string[]> {
    return this.#control.extensions;
  }

  /** Whether the connection is encrypted. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the session is open. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /** The time limits of the phases, in milliseconds. */
  get timeouts(): Readonly<Required<SmtpTimeouts>> {
    const { other: _, ...times } = this.#control.times;
    return times;
  }

  /**
   * Whether the session ended after the end of a message was sent, and before its final reply. The
   * message may have arrived. If it is sent again, it may arrive twice.
   */
  get midway(): boolean {
    return this.#messages.midway;
  }

  /** The largest message that the server accepts, in bytes; Infinity if it does not say. */
  get maxSize(): number {
    return this.#control.maxSize;
  }

  /**
   * Reads the greeting and encrypts the connection. For use by `connectSmtp`.
   *
   * @ignore
   */
  async begin(): Promise<void> {
    await this.#dialogue.exclusive(() => this.#control.begin(this.#localName));
  }

  /**
   * Logs in by SASL (RFC 4954). If the server refuses a mechanism, the next one follows, but a password
   * that the server has called wrong is not sent again.
   *
   * @param credentials The user name, with a password or an access token.
   * @param mechanism The only mechanism to use. Default: the best one that both sides support, then the
   * others.
   * @throws {ReplyError} If the server rejects the login.
   * @throws {NetError} "unsupported" if there is no common mechanism that can carry the credentials;
   * "usage" if the password would be sent without encryption.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async login(credentials: SaslCredentials, mechanism?: SaslName): Promise<void> {
    if (mechanism !== undefined) MECHANISM("mechanism", mechanism);
    credentials = checkCredentials("login", credentials, mechanism);
    await this.#dialogue.exclusive(() =>
      logIn(this.#dialogue, this.#control.loginCommands(), credentials, {
        mechanism,
        allowPlaintext: this.#allowPlaintext,
      })
    );
  }

  /**
   * Sends a message to all recipients that the server accepts. The result lists the others. If the server
   * limits the recipients of a message (452 or 552), a message in memory is sent in several transactions.
   *
   * @param envelope The sender and the recipients. They need not be those of the message's header.
   * @param message The message, header and body.
   * @param options The size of a stream, requests for reports, the way of sending, and a signal.
   * @returns The accepted and the rejected recipients, and the final reply.
   * @throws {SmtpRecipientsError} If no recipient has got the message.
   * @throws {ReplyError} If the server rejects the sender or the message.
   * @throws {NetError} "limit" if the message is larger than the server accepts; "unsupported" if the
   * server lacks an extension that the options, an address or the text needs. If the text is a stream that
   * is not ASCII, this error may end the session.
   * @throws {TypeError | RangeError} If an argument is invalid, or if there is no recipient.
   */
  async send(
    envelope: SmtpEnvelope,
    message: SmtpMessage,
    options: SendMailOptions = {},
  ): Promise<SentMail> {
    return await orCancel(message, this.#send(envelope, message, options));
  }

  async #send(
    envelope: SmtpEnvelope,
    message: SmtpMessage,
    options: SendMailOptions,
  ): Promise<SentMail> {
    envelope = checkEnvelope(envelope);
    options = SEND_MAIL.check("send", options);
    const { signal } = options;
    signal?.throwIfAborted();
    const sending = this.#dialogue.exclusive(async () =>
      // If the signal aborts before the turn comes, nothing was sent and the session stays open.
      signal?.aborted ? undefined : await this.#messages.send(envelope, message, options)
    );
    return (await (signal === undefined ? sending : orAbort(sending, signal)))!;
  }

  /**
   * Sends a command that has no method of its own, such as `VRFY ann`. It must not be a part of a mail
   * transaction.
   *
   * @param line The command, without a line ending.
   * @returns The positive reply of the server.
   * @throws {ReplyError} If the server rejects the command.
   * @throws {TypeError} If `line` is not one line.
   */
  async command(line: string): Promise<SmtpReply> {
    commandLine("line", line);
    const what = `Cannot run ${line.slice(0, 100)}`;
    return await this.#dialogue.exclusive(() => this.#control.command(what, line));
  }

  /** Sends NOOP, which does nothing except to keep the session alive. */
  async noop(): Promise<void> {
    await this.#dialogue.exclusive(() =>
      this.#control.command("Cannot keep the session alive", "NOOP")
    );
  }

  /** Ends the session politely (QUIT). It never rejects. */
  async close(): Promise<void> {
    await this.#dialogue.close(() =>
      this.#dialogue.exclusive(() => this.#control.command("Cannot end the session", "QUIT"))
    );
  }

  /**
   * Ends the session at once.
   *
   * @param reason The error for calls that are waiting. Default: an error of kind "closed".
   */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session as {@linkcode SmtpClient.close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
