/** The control connection of FTP: commands and replies (RFC 959 §4), and the start of a session. */

import type { Dialogue } from "../internal/dialogue.ts";
import type { NameCoding } from "../internal/name_coding.ts";
import { type FtpReply, FtpReplyReader } from "./codec.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { upperAscii } from "../text.ts";

/** The start of a session. */
export interface BeginOptions {
  readonly username: string;
  readonly password: string;
  /** Whether data connections are encrypted if the control connection is. */
  readonly encryptData: boolean;
  /** The encoding of names. */
  readonly coding: NameCoding;
}

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
  async begin(options: BeginOptions): Promise<void> {
    const { username, password, encryptData, coding } = options;
    if (username !== "anonymous") this.dialogue.conceal(password);
    let greeting = await this.reply();
    // 120 says that the server will be ready later (RFC 959 §5.4).
    if (isOf(1, greeting)) greeting = await this.reply();
    if (!isOf(2, greeting)) throw this.refused("Cannot begin", greeting);
    // The servers of BSD and their descendants read commands as Telnet, and lose the byte 255 otherwise.
    coding.isTelnet = greeting.lines.some((line) => / FTP server \(/.test(line));
    if (this.dialogue.tls === "starttls") await this.#encrypt();
    if (username !== "anonymous") this.dialogue.checkLogin();
    let reply = await this.ask(`USER ${username}`);
    if (isOf(3, reply)) reply = await this.ask(`PASS ${password}`, "PASS ***");
    // 332 asks for an account, which is obsolete.
    if (!isOf(2, reply)) throw this.refused("Cannot log in", reply);
    if (this.dialogue.encrypted) await this.#protect(encryptData);
    await this.#askFeatures();
    // Some servers convert names to their own encoding until they are asked for UTF-8.
    if (this.features.has("UTF8")) {
      await this.ask(`OPTS UTF8 ${coding.name === "utf-8" ? "ON" : "OFF"}`);
    }
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

  /** Sends a command that has to succeed. The first digit of the reply tells (RFC 959 §4.2.1). */
  async command(what: string, line: string, digit = 2): Promise<FtpReply> {
    const reply = await this.ask(line);
    if (!isOf(digit, reply)) throw this.refused(what, reply);
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

  /** Agrees on the encryption of data connections (RFC 4217 §9). */
  async #protect(isPrivate: boolean): Promise<void> {
    const what = isPrivate
      ? "Cannot encrypt the data connections"
      : "Cannot leave the data connections unencrypted";
    await this.command(what, "PBSZ 0");
    await this.command(what, isPrivate ? "PROT P" : "PROT C");
    this.protected = isPrivate;
  }

  async #encrypt(): Promise<void> {
    const reply = await this.ask("AUTH TLS");
    if (!isOf(2, reply)) {
      const cause = this.refused("Cannot encrypt the connection", reply);
      throw this.dialogue.unencryptable("AUTH TLS", cause);
    }
    await this.dialogue.startTls();
  }

  async #askFeatures(): Promise<void> {
    const reply = await this.ask("FEAT");
    if (!isOf(2, reply)) return;
    this.features = new Map(
      reply.lines.slice(1, -1).map((line) => {
        const [, name = "", words = ""] = /^[ \t]*([^ \t]+)[ \t]*(.*)$/s.exec(line) ?? [];
        return [upperAscii(name), words];
      }),
    );
  }
}

/** Returns whether the code of a reply begins with a digit: 1 started, 2 success, 3 continue. */
export function isOf(digit: number, { code }: FtpReply): boolean {
  return Math.floor(code / 100) === digit;
}
