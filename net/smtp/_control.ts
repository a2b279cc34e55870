/** Commands and replies of SMTP (RFC 5321 §4), and how a session begins. */

import type { Dialogue } from "../internal/dialogue.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { parseSmtpExtensions, type SmtpReply, SmtpReplyReader } from "./codec.ts";

/** Asks and hears. */
export class SmtpControl {
  readonly dialogue: Dialogue;
  /** What the server can. */
  extensions: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #reader = new SmtpReplyReader();

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** The largest message that the server takes, in bytes; Infinity if it does not say. */
  get maxSize(): number {
    const [size] = this.extensions.get("SIZE") ?? [];
    return size !== undefined && /^\d{1,15}$/.test(size) && Number(size) > 0
      ? Number(size)
      : Infinity;
  }

  /** Reads the greeting and encrypts the line. */
  async begin(localName: string): Promise<void> {
    const greeting = await this.reply();
    if (greeting.code !== 220) throw this.refused("Cannot begin", greeting);
    await this.#hello(localName);
    if (this.dialogue.tls !== "starttls") return;
    if (!this.extensions.has("STARTTLS")) throw this.dialogue.unencryptable("STARTTLS");
    await this.command("Cannot encrypt the line", "STARTTLS");
    await this.dialogue.startTls();
    // What was said before was said by anybody.
    await this.#hello(localName);
  }

  /** Sends a command that has to succeed. */
  async command(what: string, line: string): Promise<SmtpReply> {
    const reply = await this.ask(line);
    if (reply.code < 200 || reply.code >= 300) throw this.refused(what, reply);
    return reply;
  }

  /** Sends a command and gives the reply, good or bad. */
  async ask(line: string, shown?: string): Promise<SmtpReply> {
    await this.quiet();
    await this.dialogue.writeLine(line, shown);
    return await this.reply();
  }

  /** Ends the session if the server has said more: it would be taken for the reply to what comes next. */
  async quiet(): Promise<void> {
    if (!this.dialogue.talkative) return;
    await this.reply();
    throw this.dialogue.broken("answers what it was not asked");
  }

  /** The next reply; with 421 the server goes, whatever was asked (RFC 5321 §3.8). */
  async reply(): Promise<SmtpReply> {
    const reply = await this.dialogue.readReply((line) => this.#reader.push(line));
    if (reply.code !== 421) return reply;
    const gone = this.refused("The session has ended", reply);
    this.dialogue.abort(gone);
    throw gone;
  }

  refused(what: string, { code, enhanced, lines }: SmtpReply): ReplyError {
    const temporary = code >= 400 && code < 500;
    return this.dialogue.refused(what, { code: `${code}`, enhanced, lines, temporary });
  }

  async #hello(localName: string): Promise<void> {
    const reply = await this.ask(`EHLO ${localName}`);
    if (reply.code === 250) {
      this.extensions = parseSmtpExtensions(reply);
      return;
    }
    // A server of before 1995.
    this.extensions = new Map();
    await this.command("Cannot greet", `HELO ${localName}`);
  }
}
