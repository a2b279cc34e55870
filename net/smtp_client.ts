/**
 * An SMTP client (RFC 5321, 3207, 4954, 1870, 2920, 6152, 6531): STARTTLS by default, pipelined,
 * messages of any size as streams, and for every recipient what became of it.
 *
 * @example Send a message
 * ```ts
 * import { connectSmtp } from "@portside/kit/net/smtp-client";
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

import { withDeadline } from "./_deadline.ts";
import { checkArgument, type Dialogue } from "./_dialogue.ts";
import { openSession } from "./_mail_session.ts";
import { DotEncoder } from "./dot_codec.ts";
import { NetError } from "./errors.ts";
import type { MailLoginOptions } from "./mail_options.ts";
import { ReplyError } from "./reply_error.ts";
import { type SaslCredentials, type SaslName, startSasl } from "./sasl.ts";
import { whileOpen } from "./_while_open.ts";
import {
  formatSmtpPath,
  needsSmtpUtf8,
  parseSmtpExtensions,
  type SmtpEnvelope,
  type SmtpReply,
  SmtpReplyReader,
} from "./smtp_codec.ts";

export type { SmtpEnvelope } from "./smtp_codec.ts";

/** Options of {@linkcode connectSmtp}. All times are in milliseconds; 0 lifts a limit. */
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

/** Options of {@linkcode SmtpClient.send}. */
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

const DEFAULTS = { tls: "starttls", ports: { implicit: 465, starttls: 587 } } as const;
/** Commands that may be under way at the same time: replies are small, but they fill a window too. */
const PIPELINE = 100;

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
  readonly #reader = new SmtpReplyReader();
  #extensions: ReadonlyMap<string, readonly string[]> = new Map();
  #midway = false;

  /**
   * Takes over a dialogue; `connectSmtp` does that.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, localName: string | undefined, allowPlaintext: boolean) {
    this.#dialogue = dialogue;
    const own = dialogue.conn.localAddr;
    const address = "hostname" in own ? own.hostname : "127.0.0.1";
    this.#localName = localName ?? (address.includes(":") ? `[IPv6:${address}]` : `[${address}]`);
    this.#allowPlaintext = allowPlaintext;
  }

  /** What the server can, by keyword in capitals, with the words that follow. */
  get extensions(): ReadonlyMap<string, readonly string[]> {
    return this.#extensions;
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
    return this.#midway;
  }

  /** The largest message that the server takes, in bytes; Infinity if it does not say. */
  get maxSize(): number {
    const [size] = this.#extensions.get("SIZE") ?? [];
    return size !== undefined && /^\d{1,15}$/.test(size) && Number(size) > 0
      ? Number(size)
      : Infinity;
  }

  /**
   * Reads the greeting and encrypts the line; `connectSmtp` does that.
   *
   * @ignore
   */
  async begin(): Promise<void> {
    await this.#dialogue.exclusive(async () => {
      const greeting = await this.#reply();
      if (greeting.code !== 220) throw this.#refused("Cannot begin", greeting);
      await this.#hello();
      if (this.#dialogue.tls !== "starttls") return;
      if (!this.#extensions.has("STARTTLS")) {
        throw this.#dialogue.unencryptable("STARTTLS");
      }
      await this.#command("Cannot encrypt the line", "STARTTLS");
      await this.#dialogue.startTls();
      // What was said before was said by anybody.
      await this.#hello();
    });
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
      const exchange = startSasl(this.#extensions.get("AUTH") ?? [], credentials, {
        encrypted: this.#dialogue.encrypted,
        allowPlaintext: this.#allowPlaintext,
        ...(mechanism !== undefined && { mechanism }),
      });
      const opening = this.#dialogue.opening(exchange);
      await this.#dialogue.writeLine(
        `AUTH ${exchange.name}${opening}`,
        `AUTH ${exchange.name}${opening && " ***"}`,
      );
      for (;;) {
        const reply = await this.#reply();
        if (reply.code === 235) return exchange.finish();
        if (reply.code !== 334) throw this.#refused("Cannot log in", reply);
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
   * @throws {ReplyError} If the server takes the sender, every recipient or the message not at all.
   * @throws {NetError} "limit", if the message is larger than the server takes; "unsupported", for
   * addresses beyond ASCII that the server does not know.
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
      signal?.aborted ? undefined : await this.#send(envelope, message, options)
    );
    const late = () => new Error("unreachable");
    try {
      return (await (signal === undefined ? sending : withDeadline(sending, 0, late, signal)))!;
    } catch (error) {
      // What was not begun is not left open, a file for example.
      if (message instanceof ReadableStream && !message.locked) {
        message.cancel(error).catch(() => {});
      }
      throw error;
    }
  }

  /** Does nothing, so that the server does not end the session for idleness. */
  async noop(): Promise<void> {
    await this.#dialogue.exclusive(() => this.#command("Cannot keep the session alive", "NOOP"));
  }

  /** Ends the session at once. */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session in order. */
  async quit(): Promise<void> {
    await this.#dialogue.close(() =>
      this.#dialogue.exclusive(() => this.#command("Cannot end the session", "QUIT"))
    );
  }

  /** Ends the session in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.quit();
  }

  async #send(
    { from, to }: SmtpEnvelope,
    message: SmtpMessage,
    { size, signal }: SendMailOptions,
  ): Promise<SentMail> {
    if (to.length === 0) throw new TypeError("Cannot send to nobody: give a recipient");
    if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
      throw new RangeError(`Cannot use size: it is a whole number from 0 up, not ${size}`);
    }
    const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
    const encoder = new DotEncoder();
    // What is here whole is made ready first: its size is known then.
    const ready = bytes instanceof Uint8Array ? encoder.push(bytes) : undefined;
    const length = ready === undefined ? size : encoder.size;
    const recipients = to.map((address) => ({ address, path: formatSmtpPath(address) }));
    const sender = `MAIL FROM:${formatSmtpPath(from)}${this.#parameters([from, ...to], length)}`;
    const onAbort = () => this.#dialogue.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    try {
      const { accepted, rejected } = await this.#envelope(sender, recipients);
      await this.#data(encoder, ready ?? bytes as Exclude<SmtpMessage, string | Uint8Array>);
      const reply = await this.#reply();
      if (reply.code !== 250) throw this.#refused("Cannot send the message", reply);
      this.#midway = false;
      return { accepted, rejected, text: reply.lines.join("\n") };
    } catch (error) {
      // The server has said what became of it.
      if (error instanceof ReplyError) this.#midway = false;
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #parameters(addresses: readonly string[], length: number | undefined): string {
    let parameters = "";
    const { peer } = this.#dialogue;
    if (length !== undefined && this.#extensions.has("SIZE")) {
      if (length > this.maxSize) {
        throw new NetError(
          `Cannot send ${length} bytes to ${peer}: it takes ${this.maxSize}`,
          { kind: "limit", phase: "request", address: peer },
        );
      }
      parameters += ` SIZE=${length}`;
    }
    if (this.#extensions.has("8BITMIME")) parameters += " BODY=8BITMIME";
    if (addresses.some(needsSmtpUtf8)) {
      if (!this.#extensions.has("SMTPUTF8")) {
        throw new NetError(`${peer} takes no addresses beyond ASCII (SMTPUTF8)`, {
          kind: "unsupported",
          phase: "request",
          address: peer,
        });
      }
      parameters += " SMTPUTF8";
    }
    return parameters;
  }

  /**
   * Sender, recipients and DATA, many commands at once where the server can (RFC 2920); afterwards it
   * waits for the message.
   */
  async #envelope(
    sender: string,
    recipients: readonly { address: string; path: string }[],
  ): Promise<{ accepted: string[]; rejected: RejectedRecipient[] }> {
    const accepted: string[] = [];
    const rejected: RejectedRecipient[] = [];
    const step = this.#extensions.has("PIPELINING") ? PIPELINE : 1;
    let from = step === 1 ? await this.#ask(sender) : undefined;
    if (this.#dialogue.talkative) await this.#unasked();
    // With all that came before it, DATA is the last of a group.
    const ahead = step > 1 && recipients.length <= step;
    for (let at = 0; at < recipients.length; at += step) {
      if (from !== undefined && from.code !== 250) break;
      const some = recipients.slice(at, at + step);
      const lines = some.map(({ path }) => `RCPT TO:${path}`);
      if (from === undefined) lines.unshift(sender);
      if (ahead) lines.push("DATA");
      for (const line of lines) this.#dialogue.tell("client", line);
      await this.#dialogue.conn.write(lines.map((line) => `${line}\r\n`).join(""));
      from ??= await this.#reply();
      this.#midway = from.code === 250;
      for (const { address } of some) {
        const reply = await this.#reply();
        if (reply.code === 250 || reply.code === 251) accepted.push(address);
        else rejected.push({ address, error: this.#refused(`Cannot send to ${address}`, reply) });
      }
    }
    const failed = from!.code !== 250
      ? this.#refused("Cannot send from this address", from!)
      : accepted.length === 0
      ? rejected[0]!.error
      : undefined;
    const data = ahead ? await this.#reply() : failed ?? await this.#ask("DATA");
    if (failed === undefined && "code" in data && data.code === 354) return { accepted, rejected };
    // A server that wants a message for nobody gets an empty one (RFC 2920, section 3.1).
    if (ahead && data.code === 354) await this.#ask(".");
    await this.#ask("RSET");
    throw failed ?? this.#refused("Cannot send the message", data as SmtpReply);
  }

  /** Sends a message: one that is encoded already, or the parts of one. */
  async #data(
    encoder: DotEncoder,
    message: Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { conn } = this.#dialogue;
    // The end goes with the last part: a small message is one write.
    let last: Uint8Array = new Uint8Array();
    if (message instanceof Uint8Array) last = message;
    else {
      try {
        for await (const part of whileOpen(conn, message)) {
          if (last.length > 0) await conn.write(last);
          last = encoder.push(part);
        }
      } catch (error) {
        // Half a message must not end as if it were whole.
        this.#dialogue.abort(error);
        throw error;
      }
    }
    const end = encoder.end();
    const bytes = new Uint8Array(last.length + end.length);
    bytes.set(last);
    bytes.set(end, last.length);
    await conn.write(bytes);
    this.#dialogue.tell("client", `(${encoder.size} bytes)`);
  }

  async #hello(): Promise<void> {
    const reply = await this.#ask(`EHLO ${this.#localName}`);
    if (reply.code === 250) {
      this.#extensions = parseSmtpExtensions(reply);
      return;
    }
    // A server of before 1995.
    this.#extensions = new Map();
    await this.#command("Cannot greet", `HELO ${this.#localName}`);
  }

  async #command(what: string, line: string, wanted?: number): Promise<SmtpReply> {
    const reply = await this.#ask(line);
    const good = wanted === undefined
      ? reply.code >= 200 && reply.code < 300
      : reply.code === wanted;
    if (!good) throw this.#refused(what, reply);
    return reply;
  }

  async #ask(line: string): Promise<SmtpReply> {
    if (this.#dialogue.talkative) await this.#unasked();
    await this.#dialogue.writeLine(line);
    return await this.#reply();
  }

  /** Ends the session: what the server said last would be taken for the answer to what comes next. */
  async #unasked(): Promise<never> {
    await this.#reply();
    throw this.#dialogue.broken("answers what it was not asked");
  }

  async #reply(): Promise<SmtpReply> {
    const reply = await this.#dialogue.readReply((line) => this.#reader.push(line));
    // The server goes, whatever was asked (RFC 5321 §3.8).
    if (reply.code !== 421) return reply;
    const gone = this.#refused("The session has ended", reply);
    this.#dialogue.abort(gone);
    throw gone;
  }

  #refused(what: string, { code, enhanced, lines }: SmtpReply): ReplyError {
    const temporary = code >= 400 && code < 500;
    return this.#dialogue.refused(what, { code: `${code}`, enhanced, lines, temporary });
  }
}

function checkName(name: string): void {
  checkArgument("a name", name);
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) {
    throw new TypeError(`Cannot call this side ${JSON.stringify(name)}: give a domain name`);
  }
}
