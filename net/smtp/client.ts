/**
 * An SMTP client (RFC 5321, 3207, 4954, 1870, 2920, 6152, 6531): STARTTLS by default, pipelined,
 * messages of any size as streams, and for every recipient what became of it. What a message is made
 * of is somebody else's work: `examples/mail/compose.ts` has it done by Nodemailer's composer.
 *
 * @example Send a message
 * ```ts
 * import { connectSmtp } from "@portside/kit/net/smtp";
 *
 * async function sayHello(hostname: string, password: string): Promise<void> {
 *   await using mail = await connectSmtp({ hostname, user: "ann", password });
 *   const message = "From: ann@example.com\nTo: bob@example.com\nSubject: hi\n\nhello\n";
 *   const { rejected } = await mail.send({ from: "ann@example.com", to: ["bob@example.com"] }, message);
 *   if (rejected.length > 0) console.error(rejected);
 * }
 * ```
 *
 * **Permissions**: `--allow-net=mail.example:587` for the server, or port 465 with `tls: "implicit"`.
 *
 * @module
 */

import { withDeadline } from "../internal/deadline.ts";
import { checkArgument, type Dialogue } from "../internal/dialogue.ts";
import { openSession } from "../internal/mail_session.ts";
import { type SaslCredentials, type SaslName, startSasl } from "../mail/sasl.ts";
import { SmtpControl } from "./_control.ts";
import { SmtpMessages } from "./_messages.ts";
import type { SmtpEnvelope, SmtpReply } from "./codec.ts";
import type { ConnectSmtpOptions, SendMailOptions, SentMail, SmtpMessage } from "./options.ts";
import { orCancel } from "../internal/while_open.ts";

export type { SmtpEnvelope, SmtpReply } from "./codec.ts";
export * from "./options.ts";

const DEFAULTS = { tls: "starttls", ports: { implicit: 465, starttls: 587 } } as const;

/**
 * Connects, encrypts the line, and by option logs in.
 *
 * @param options The server, how to encrypt, who logs in.
 * @returns The client.
 * @throws {ReplyError} If the server does not want to talk, or does not let the user in.
 * @throws {NetError} As `connectTls`; "unsupported" if the server knows no STARTTLS or no mechanism
 * in common; "usage" for a login without encryption.
 */
export async function connectSmtp(options: ConnectSmtpOptions = {}): Promise<SmtpClient> {
  const { localName, allowPlaintextLogin: allow = false } = options;
  if (localName !== undefined) checkName(localName);
  return await openSession(
    options,
    DEFAULTS,
    (dialogue) => new SmtpClient(dialogue, localName, allow),
  );
}

/** A session; {@linkcode connectSmtp} makes one. Calls wait for each other. */
export class SmtpClient implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #localName: string;
  readonly #allowPlaintext: boolean;
  readonly #control: SmtpControl;
  readonly #messages: SmtpMessages;

  /**
   * Takes over a dialogue; `connectSmtp` does that.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, localName: string | undefined, allowPlaintext: boolean) {
    this.#dialogue = dialogue;
    this.#control = new SmtpControl(dialogue);
    this.#messages = new SmtpMessages(this.#control);
    const own = dialogue.conn.localAddr;
    const address = "hostname" in own ? own.hostname : "127.0.0.1";
    this.#localName = localName ?? (address.includes(":") ? `[IPv6:${address}]` : `[${address}]`);
    this.#allowPlaintext = allowPlaintext;
  }

  /** What the server can, by keyword in capitals, with the words that follow. */
  get extensions(): ReadonlyMap<string, readonly string[]> {
    return this.#control.extensions;
  }

  /** Whether the line is encrypted. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the session goes on. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /**
   * Whether the session ended within a message: after the server had taken its sender, and before it
   * said what became of it. It may have arrived; sending it again may send it twice.
   */
  get midway(): boolean {
    return this.#messages.midway;
  }

  /** The largest message that the server takes, in bytes; Infinity if it does not say. */
  get maxSize(): number {
    return this.#control.maxSize;
  }

  /**
   * Reads the greeting and encrypts the line; `connectSmtp` does that.
   *
   * @ignore
   */
  async begin(): Promise<void> {
    await this.#dialogue.exclusive(() => this.#control.begin(this.#localName));
  }

  /**
   * Logs in.
   *
   * @param credentials Who.
   * @param mechanism This mechanism and no other.
   * @throws {ReplyError} If the server does not let the user in.
   * @throws {NetError} "unsupported" without a mechanism in common; "usage", if the password would be
   * sent without encryption.
   */
  async login(credentials: SaslCredentials, mechanism?: SaslName): Promise<void> {
    this.#dialogue.conceal(credentials.password, credentials.accessToken);
    await this.#dialogue.exclusive(async () => {
      const exchange = startSasl(this.extensions.get("AUTH") ?? [], credentials, {
        encrypted: this.#dialogue.encrypted,
        allowPlaintext: this.#allowPlaintext,
        ...(mechanism !== undefined && { mechanism }),
      });
      const opening = this.#dialogue.opening(exchange);
      const shown = `AUTH ${exchange.name}${opening && " ***"}`;
      let reply = await this.#control.ask(`AUTH ${exchange.name}${opening}`, shown);
      for (;; reply = await this.#control.reply()) {
        if (reply.code === 235) return exchange.finish();
        if (reply.code !== 334) throw this.#control.refused("Cannot log in", reply);
        await this.#dialogue.answer(exchange, reply.lines[0] ?? "");
      }
    });
  }

  /**
   * Sends a message. It is taken for all recipients that the server accepts; the others are told
   * one by one.
   *
   * @param envelope From whom to whom; what stands in the head of the message does not matter here.
   * @param message The message, head and body.
   * @param options Its size, and a signal.
   * @returns What became of it.
   * @throws {SmtpRecipientsError} If the server takes none of the recipients.
   * @throws {ReplyError} If it does not take the sender or the message.
   * @throws {NetError} "limit", if the message is larger than the server takes; "unsupported", for
   * addresses beyond ASCII or, without 8BITMIME, a text beyond ASCII; a stream that turns out to be
   * one ends the session.
   * @throws {TypeError} If an address is none, or there is nobody to send to.
   * @throws {RangeError} If `size` is no number of bytes.
   */
  async send(
    envelope: SmtpEnvelope,
    message: SmtpMessage,
    options: SendMailOptions = {},
  ): Promise<SentMail> {
    const { signal } = options;
    signal?.throwIfAborted();
    const sending = this.#dialogue.exclusive(async () =>
      // Given up while it waited for its turn: the session goes on.
      signal?.aborted ? undefined : await this.#messages.send(envelope, message, options)
    );
    const late = () => new Error("unreachable");
    const all = signal === undefined ? sending : withDeadline(sending, 0, late, signal);
    return (await orCancel(message, all))!;
  }

  /**
   * Sends a command that has no method of its own, `VRFY ann` for example; not one that is part of a
   * message.
   *
   * @param line The command.
   * @returns The reply.
   * @throws {ReplyError} If the server refuses it.
   */
  async command(line: string): Promise<SmtpReply> {
    checkArgument("a command", line);
    const what = `Cannot do ${line.slice(0, 100)}`;
    return await this.#dialogue.exclusive(() => this.#control.command(what, line));
  }

  /** Does nothing, so that the server does not end the session for idleness. */
  async noop(): Promise<void> {
    await this.#dialogue.exclusive(() =>
      this.#control.command("Cannot keep the session alive", "NOOP")
    );
  }

  /** Ends the session at once. */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session in order. */
  async quit(): Promise<void> {
    await this.#dialogue.close(() =>
      this.#dialogue.exclusive(() => this.#control.command("Cannot end the session", "QUIT"))
    );
  }

  /** Ends the session in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.quit();
  }
}

function checkName(name: string): void {
  checkArgument("a name", name);
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) {
    throw new TypeError(`Cannot call this side ${JSON.stringify(name)}: give a domain name`);
  }
}
