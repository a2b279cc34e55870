/** The control connection of FTP: commands and replies (RFC 959 §4), and how a session begins. */

import type { Dialogue } from "../internal/dialogue.ts";
import { type FtpReply, FtpReplyReader } from "./codec.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { upperAscii } from "../text.ts";

/** Asks and hears. */
export class FtpControl {
  readonly dialogue: Dialogue;
  /** What the server can (RFC 2389). */
  features: ReadonlyMap<string, string> = new Map();
  /** Whether data connections are encrypted. */
  protected = false;
  readonly #reader = new FtpReplyReader();

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** Hears the greeting, encrypts the line, logs in, and asks what the server can. */
  async begin(user: string, password: string): Promise<void> {
    if (user !== "anonymous") this.dialogue.conceal(password);
    const greeting = await this.reply();
    if (greeting.code !== 220) throw this.refused("Cannot begin", greeting);
    if (this.dialogue.tls === "starttls") await this.#encrypt();
    if (user !== "anonymous") this.dialogue.checkLogin();
    let reply = await this.ask(`USER ${user}`);
    if (reply.code === 331) reply = await this.ask(`PASS ${password}`, "PASS ***");
    // 202 is for servers that have no logins; 332 wants an account besides, which nobody has any more.
    if (![230, 232, 202].includes(reply.code)) throw this.refused("Cannot log in", reply);
    if (this.dialogue.encrypted) {
      await this.command("Cannot protect the data", "PBSZ 0");
      await this.command("Cannot protect the data", "PROT P");
      this.protected = true;
    }
    await this.#askFeatures();
    if (this.features.has("UTF8")) await this.ask("OPTS UTF8 ON");
    await this.command("Cannot transfer bytes as they are", "TYPE I");
  }

  /** Sends a command and gives the reply, good or bad. */
  async ask(line: string, shown?: string): Promise<FtpReply> {
    if (this.dialogue.talkative) {
      // It would be taken for the reply to this.
      await this.reply();
      throw this.dialogue.broken("answers what it was not asked");
    }
    await this.dialogue.writeLine(line, shown);
    return await this.reply();
  }

  /** Sends a command that has to succeed. */
  async command(what: string, line: string, wanted?: number): Promise<FtpReply> {
    const reply = await this.ask(line);
    const good = wanted === undefined
      ? reply.code >= 200 && reply.code < 300
      : reply.code === wanted;
    if (!good) throw this.refused(what, reply);
    return reply;
  }

  /** The next reply; with 421 the server goes, whatever was asked. */
  async reply(limit?: number): Promise<FtpReply> {
    const reply = await this.dialogue.readReply((line) => this.#reader.push(line), limit);
    if (reply.code !== 421) return reply;
    const gone = this.refused("The session has ended", reply);
    this.dialogue.abort(gone);
    throw gone;
  }

  refused(what: string, { code, lines }: FtpReply): ReplyError {
    const temporary = code >= 400 && code < 500;
    return this.dialogue.refused(what, { code: `${code}`, lines, temporary });
  }

  async #encrypt(): Promise<void> {
    const reply = await this.ask("AUTH TLS");
    if (reply.code !== 234) {
      const cause = this.refused("Cannot encrypt the line", reply);
      throw this.dialogue.unencryptable("AUTH TLS", cause);
    }
    await this.dialogue.startTls();
  }

  async #askFeatures(): Promise<void> {
    const reply = await this.ask("FEAT");
    if (reply.code !== 211) return;
    this.features = new Map(
      reply.lines.slice(1, -1).map((line) => {
        const [, name = "", words = ""] = /^ ?([^ \t]+)[ \t]?(.*)$/s.exec(line) ?? [];
        return [upperAscii(name), words];
      }),
    );
  }
}
