/** The commands and replies of SMTP (RFC 5321 §4), and the start of a session. */

import type { Dialogue } from "../internal/dialogue.ts";
import type { LoginCommands } from "../internal/mail_login.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { NetError } from "../errors/errors.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { replyTime, type SmtpTimes } from "./_times.ts";
import { parseSmtpExtensions, type SmtpReply, SmtpReplyReader } from "./codec.ts";

/**
 * Time after which a text without a code counts as a reply, in milliseconds. A reply that follows later
 * ends the session.
 */
export const TEXT_TIME = 2000;

/** Sends commands and reads their replies. */
export class SmtpControl {
  readonly dialogue: Dialogue;
  /** Whether the server speaks LMTP (RFC 2033). */
  readonly isLmtp: boolean;
  /** The time limits. */
  readonly times: SmtpTimes;
  /** The extensions of the server: names in capitals, each with its parameters. */
  extensions: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #reader = new SmtpReplyReader();

  constructor(
    dialogue: Dialogue,
    { isLmtp, times }: { readonly isLmtp: boolean; readonly times: SmtpTimes },
  ) {
    this.dialogue = dialogue;
    this.isLmtp = isLmtp;
    this.times = times;
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
    const greeting = await this.reply(this.times.greeting);
    if (!isPositive(greeting)) throw this.refused("Cannot begin", greeting);
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
    if (!isPositive(reply)) throw this.refused(what, reply);
    return reply;
  }

  /** Sends a command and returns the reply, positive or negative. */
  async ask(line: string, shown?: string): Promise<SmtpReply> {
    await this.quiet();
    await this.dialogue.writeLine(line, shown);
    return await this.reply(replyTime(this.times, line));
  }

  /** Returns the commands that carry a login (RFC 4954 §4). */
  loginCommands(): LoginCommands {
    const challengeIn = (reply: SmtpReply): string | undefined => {
      if (isPositive(reply)) return undefined;
      if (digitOf(reply.code) === 3) return reply.lines[0]!;
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

  /** Ends the session if an unexpected reply has arrived. It would be taken for the next reply. */
  async quiet(): Promise<void> {
    // A text without a code is no reply. Some servers send an empty line too much.
    while (this.dialogue.talkative || this.#reader.state === "reply") {
      if (this.#push(await this.dialogue.readLine()) === undefined) continue;
      throw this.dialogue.broken("sent a reply without a command");
    }
  }

  /**
   * Reads the next reply. With 421 the server ends the session, whatever the command (RFC 5321 §3.8).
   *
   * @param limit The time limit for the whole reply in milliseconds; 0 for no limit.
   */
  async reply(limit: number): Promise<SmtpReply> {
    this.dialogue.allow(limit);
    for (;;) {
      const reply = this.tryReply() ?? await this.#next(limit);
      if (reply !== undefined) return reply;
    }
  }

  /** Returns the next reply if it has arrived. */
  tryReply(): SmtpReply | undefined {
    for (let line; (line = this.dialogue.tryLine()) !== undefined;) {
      const reply = this.#push(line);
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  /**
   * Reads while a message is being sent. If the server goes, its last reply would be lost otherwise.
   *
   * @returns A function that stops the reading. It must be called before the next reply is read.
   */
  listen(): () => Promise<void> {
    const { dialogue } = this;
    const stop = new AbortController();
    dialogue.allow(0);
    const { signal } = stop;
    const reading = ignoreFailure(dialogue.more(dialogue.wait({ timeout: 0, signal })));
    return () => (stop.abort(), reading);
  }

  /** Returns the error for a negative reply. */
  refused(what: string, { code, enhanced, lines }: SmtpReply, temporary?: boolean): ReplyError {
    return this.dialogue.refused(what, {
      code: code === 0 ? "" : `${code}`.padStart(3, "0"),
      enhanced,
      lines,
      temporary: temporary ?? digitOf(code) === 4,
    });
  }

  /** Waits for the next line. Returns the reply that ends with it, or a text that no line follows. */
  async #next(limit: number): Promise<SmtpReply | undefined> {
    const isText = this.#reader.state === "text";
    const timeout = isText ? Math.min(limit || Infinity, TEXT_TIME) : limit;
    const wait = this.dialogue.wait({ timeout });
    for (;;) {
      try {
        await this.dialogue.more(wait);
      } catch (error) {
        if (isText && error instanceof NetError && error.kind === "timeout") {
          return this.#reader.flush();
        }
        throw error;
      }
      const line = this.dialogue.tryLine();
      if (line !== undefined) return this.#push(line);
    }
  }

  #push(line: string): SmtpReply | undefined {
    let reply: SmtpReply | undefined;
    try {
      reply = this.#reader.push(line);
    } catch {
      this.dialogue.nonsense(line);
    }
    if (reply?.code !== 421) return reply;
    const gone = this.refused("The session has ended", reply);
    this.dialogue.abort(gone);
    throw gone;
  }

  async #hello(localName: string): Promise<void> {
    const [first, second] = this.isLmtp ? ["LHLO"] : ["EHLO", "HELO"];
    const reply = await this.ask(`${first} ${localName}`);
    if (isPositive(reply)) {
      this.extensions = parseSmtpExtensions(reply);
      return;
    }
    // Servers from before 1995 do not support EHLO.
    this.extensions = new Map();
    if (second === undefined || digitOf(reply.code) === 4) {
      throw this.refused("Cannot greet", reply);
    }
    await this.command("Cannot greet", `${second} ${localName}`);
  }
}

/** Returns the first digit of a code. It tells whether a command has succeeded (RFC 5321 §4.2.1). */
export function digitOf(code: number): number {
  return Math.floor(code / 100);
}

/** Returns whether a reply reports success. */
export function isPositive({ code }: SmtpReply): boolean {
  return digitOf(code) === 2;
}
