/** The control connection of FTP: commands and replies (RFC 959 §4), and the start of a session. */

import type { Dialogue } from "../internal/dialogue.ts";
import { type FtpReply, FtpReplyReader } from "./codec.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { upperAscii } from "../text.ts";

/** Sends commands and reads their replies. */
export class FtpControl {
  readonly dialogue: Dialogue;
  /** The features of the server (RFC 2389): names in capitals, each with its parameters. */
  features: ReadonlyMap<string, string> = new Map();
  /** Whether data connections are encrypted. */
  protected = false;
  readonly #reader = new FtpReplyReader();

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** Reads the greeting, encrypts the connection, logs in, and asks for the features. */
  async begin(username: string, password: string): Promise<void> {
    if (username !== "anonymous") this.dialogue.conceal(password);
    const greeting = await this.reply();
    if (greeting.code !== 220) throw this.refused("Cannot begin", greeting);
    if (this.dialogue.tls === "starttls") await this.#encrypt();
    if (username !== "anonymous") this.dialogue.checkLogin();
    let reply = await this.ask(`USER ${username}`);
    if (reply.code === 331) reply = await this.ask(`PASS ${password}`, "PASS ***");
    // 202 comes from servers without logins. 332 asks for an account, which is obsolete.
    if (![230, 232, 202].includes(reply.code)) throw this.refused("Cannot log in", reply);
    if (this.dialogue.encrypted) {
      await this.command("Cannot encrypt the data connections", "PBSZ 0");
      await this.command("Cannot encrypt the data connections", "PROT P");
      this.protected = true;
    }
    await this.#askFeatures();
    if (this.features.has("UTF8")) await this.ask("OPTS UTF8 ON");
    await this.command("Cannot transfer binary data", "TYPE I");
  }

  /** Sends a command and returns the reply, positive or negative. */
  async ask(line: string, shown?: string): Promise<FtpReply> {
    if (this.dialogue.talkative) {
      // Unexpected data would be taken for the reply to this command.
      await this.reply();
      throw this.dialogue.broken("sent a reply without a command");
    }
    await this.dialogue.writeLine(line, shown);
    return await this.reply();
  }

  /** Sends a command that has to succeed, with any code of 2xx or with the code `wanted`. */
  async command(what: string, line: string, wanted?: number): Promise<FtpReply> {
    const reply = await this.ask(line);
    const good = wanted === undefined
      ? reply.code >= 200 && reply.code < 300
      : reply.code === wanted;
    if (!good) throw this.refused(what, reply);
    return reply;
  }

  /** Reads the next reply. With 421 the server ends the session, whatever the command. */
  async reply(limit?: number): Promise<FtpReply> {
    const reply = await this.dialogue.readReply((line) => this.#reader.push(line), limit);
    if (reply.code !== 421) return reply;
    const gone = this.refused("The session has ended", reply);
    this.dialogue.abort(gone);
    throw gone;
  }

  /** Returns the error for a negative reply. */
  refused(what: string, { code, lines }: FtpReply): ReplyError {
    const temporary = code >= 400 && code < 500;
    return this.dialogue.refused(what, { code: `${code}`, lines, temporary });
  }

  async #encrypt(): Promise<void> {
    const reply = await this.ask("AUTH TLS");
    if (reply.code !== 234) {
      const cause = this.refused("Cannot encrypt the connection", reply);
      throw this.dialogue.unencryptable("AUTH TLS", cause);
    }
    await this.dialogue.startTls();
  }

  async #askFeatures(): Promise<void> {
    const reply = await this.ask("FEAT");
    if (reply.code !== 211) return;
    this.features = new Map(
      reply.lines.slice(1, -1).map((line) => {
        const [, name = "", words = ""] = /^[ \t]*([^ \t]+)[ \t]*(.*)$/s.exec(line) ?? [];
        return [upperAscii(name), words];
      }),
    );
  }
}
