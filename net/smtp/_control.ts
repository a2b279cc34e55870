/** The commands and replies of SMTP (RFC 5321 §4), and the start of a session. */

import type { Dialogue } from "../internal/dialogue.ts";
import type { LoginCommands } from "../internal/mail_login.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { parseSmtpExtensions, type SmtpReply, SmtpReplyReader } from "./codec.ts";

/** Sends commands and reads their replies. */
export class SmtpControl {
  readonly dialogue: Dialogue;
  /** The extensions of the server: names in capitals, each with its parameters. */
  extensions: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #reader = new SmtpReplyReader();

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** The largest message that the server accepts, in bytes; Infinity if it does not say. */
  get maxSize(): number {
    const [size] = this.extensions.get("SIZE") ?? [];
    return size !== undefined && /^\d{1,15}$/.test(size) && Number(size) > 0
      ? Number(size)
      : Infinity;
  }

  /** Reads the greeting and encrypts the connection. */
  async begin(localName: string): Promise<void> {
    const greeting = await this.reply();
    if (greeting.code !== 220) throw this.refused("Cannot begin", greeting);
    await this.#hello(localName);
    if (this.dialogue.tls !== "starttls") return;
    if (!this.extensions.has("STARTTLS")) throw this.dialogue.unencryptable("STARTTLS");
    await this.command("Cannot encrypt the connection", "STARTTLS");
    await this.dialogue.startTls();
    // Extensions from before the encryption may be forged.
    await this.#hello(localName);
  }

  /** Sends a command that has to succeed. */
  async command(what: string, line: string): Promise<SmtpReply> {
    const reply = await this.ask(line);
    if (reply.code < 200 || reply.code >= 300) throw this.refused(what, reply);
    return reply;
  }

  /** Sends a command and returns the reply, positive or negative. */
  async ask(line: string, shown?: string): Promise<SmtpReply> {
    await this.quiet();
    await this.dialogue.writeLine(line, shown);
    return await this.reply();
  }

  /** Returns the commands that carry a login (RFC 4954 §4). */
  loginCommands(): LoginCommands {
    const challengeIn = (reply: SmtpReply): string | undefined => {
      if (reply.code === 334) return reply.lines[0] ?? "";
      if (reply.code >= 200 && reply.code < 300) return undefined;
      throw this.refused("Cannot log in", reply);
    };
    const ask = async (line: string, shown: string) => challengeIn(await this.ask(line, shown));
    return {
      offered: this.extensions.get("AUTH") ?? [],
      hasInitial: true,
      start: (name, shown) => ask(`AUTH ${name}`, `AUTH ${shown}`),
      answer: ask,
    };
  }

  /** Ends the session if unexpected data has arrived. It would be taken for the next reply. */
  async quiet(): Promise<void> {
    if (!this.dialogue.talkative) return;
    await this.reply();
    throw this.dialogue.broken("sent a reply without a command");
  }

  /** Reads the next reply. With 421 the server ends the session, whatever the command (RFC 5321 §3.8). */
  async reply(): Promise<SmtpReply> {
    const reply = await this.dialogue.readReply((line) => this.#reader.push(line));
    if (reply.code !== 421) return reply;
    const gone = this.refused("The session has ended", reply);
    this.dialogue.abort(gone);
    throw gone;
  }

  /** Returns the error for a negative reply. */
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
    // Servers from before 1995 do not support EHLO.
    this.extensions = new Map();
    await this.command("Cannot greet", `HELO ${localName}`);
  }
}
