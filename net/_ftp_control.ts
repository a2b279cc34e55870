/** The control connection of FTP: commands and replies (RFC 959 §4). */

import type { Dialogue } from "./_dialogue.ts";
import { type FtpReply, FtpReplyReader } from "./ftp_codec.ts";
import type { ReplyError } from "./reply_error.ts";

/** Asks and hears. */
export class FtpControl {
  readonly dialogue: Dialogue;
  readonly #reader = new FtpReplyReader();

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** Sends a command and gives the reply, good or bad. */
  async ask(line: string, shown?: string): Promise<FtpReply> {
    await this.dialogue.writeLine(line, shown);
    return await this.reply();
  }

  /** Sends a command that has to succeed. */
  async command(what: string, line: string, shown?: string, wanted?: number): Promise<FtpReply> {
    const reply = await this.ask(line, shown);
    const good = wanted === undefined
      ? reply.code >= 200 && reply.code < 400
      : reply.code === wanted;
    if (!good) throw this.refused(what, reply);
    return reply;
  }

  /** The next reply; with 421 the server goes, whatever was asked. */
  async reply(): Promise<FtpReply> {
    const reply = await this.dialogue.readReply((line) => this.#reader.push(line));
    if (reply.code !== 421) return reply;
    const gone = this.refused("The session has ended", reply);
    this.dialogue.abort(gone);
    throw gone;
  }

  refused(what: string, { code, lines }: FtpReply): ReplyError {
    const temporary = code >= 400 && code < 500;
    return this.dialogue.refused(what, { code: `${code}`, lines, temporary });
  }
}
