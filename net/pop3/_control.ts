/** The commands and replies of POP3 (RFC 1939 §3), the start of a session, and the login. */

import { createHash } from "node:crypto";
import { type Dialogue, LIST_TIME, MAX_LINES, MAX_LIST } from "../internal/dialogue.ts";
import { logIn, type LoginCommands } from "../internal/mail_login.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import {
  parsePop3Capabilities,
  parsePop3Challenge,
  parsePop3Status,
  type Pop3Status,
} from "./codec.ts";
import { ReplyError } from "../errors/reply_error.ts";
import type { ConnectPop3Options } from "./options.ts";

/** Response codes of temporary errors (RFC 2449 §8.1, RFC 3206). */
const TEMPORARY: ReadonlySet<string> = new Set(["IN-USE", "LOGIN-DELAY", "SYS/TEMP"]);

/** Most empty lines before a reply. */
const MAX_EMPTY = 8;

/** Sends commands and reads their replies. */
export class Pop3Control {
  readonly dialogue: Dialogue;
  /** The capabilities of the server: names in capitals, each with its arguments. */
  capabilities: ReadonlyMap<string, readonly string[]> = new Map();
  /** Whether the server sends messages in UTF-8 (RFC 6856 §2). */
  utf8 = false;
  readonly #wantsUtf8: boolean;
  readonly #allowPlaintext: boolean;
  /** The text of the greeting, which may contain a time stamp for APOP (RFC 1939 §7). */
  #greeting = "";

  constructor(
    dialogue: Dialogue,
    { allowPlaintextLogin = false, utf8 = true }: ConnectPop3Options,
  ) {
    this.dialogue = dialogue;
    this.#allowPlaintext = allowPlaintextLogin;
    this.#wantsUtf8 = utf8;
  }

  /** Reads the greeting and encrypts the connection. */
  async begin(): Promise<void> {
    const greeting = await this.status();
    if (!greeting.ok) throw this.refused("Cannot begin", greeting);
    this.#greeting = greeting.text;
    await this.#askCapabilities();
    if (this.dialogue.tls !== "starttls") return;
    if (!this.capabilities.has("STLS")) throw this.dialogue.unencryptable("STLS");
    await this.command("Cannot encrypt the connection", "STLS");
    await this.dialogue.startTls();
    // Capabilities from before the encryption may be forged.
    await this.#askCapabilities();
  }

  /** Logs in by SASL, USER and PASS, or APOP, and asks for the capabilities from then on. */
  async login(credentials: SaslCredentials, mechanism?: SaslName | "USER" | "APOP"): Promise<void> {
    await this.#beginUtf8();
    await logIn(this.dialogue, this.#loginCommands(credentials), credentials, {
      mechanism,
      allowPlaintext: this.#allowPlaintext,
    });
    await this.#askCapabilities();
  }

  /** Sends a command that has to succeed. `shown` replaces it in the trace. */
  async command(what: string, line: string, shown?: string): Promise<Pop3Status> {
    const status = await this.#ask(line, shown);
    if (!status.ok) throw this.refused(what, status);
    return status;
  }

  /** Sends commands at once and reads their replies. */
  async commands(lines: readonly string[]): Promise<Pop3Status[]> {
    this.#checkSilence();
    await this.dialogue.writeLines(lines);
    const replies: Pop3Status[] = [];
    while (replies.length < lines.length) replies.push(await this.status());
    return replies;
  }

  /** Throws if unexpected data has arrived. It would be taken for the reply to the next command. */
  #checkSilence(): void {
    if (this.dialogue.talkative) throw this.dialogue.broken("sent a reply without a command");
  }

  /** Reads the first line of a reply. Some servers send an empty line before it. */
  async status(): Promise<Pop3Status> {
    let line = await this.dialogue.readLine();
    for (let i = 0; i < MAX_EMPTY && line === ""; i++) line = await this.dialogue.readLine();
    return parsePop3Status(line) ?? this.dialogue.nonsense(line);
  }

  /** Returns the error for a reply of `-ERR`. */
  refused(what: string, { code, text }: Pop3Status): ReplyError {
    const temporary = code !== undefined && TEMPORARY.has(code);
    return this.dialogue.refused(what, { code: "-ERR", enhanced: code, lines: [text], temporary });
  }

  /** Reads the further lines of a reply; `time` is their time limit if it exceeds the usual one. */
  async lines(time = LIST_TIME): Promise<string[]> {
    const lines: string[] = [];
    const { timeout } = this.dialogue;
    this.dialogue.allow(timeout === 0 ? 0 : Math.max(timeout, time));
    let size = 0;
    for (let line; (line = await this.dialogue.readLine()) !== ".";) {
      size += line.length;
      if (lines.length >= MAX_LINES || size > MAX_LIST) {
        throw this.dialogue.broken("sends a list that does not end");
      }
      lines.push(line.startsWith(".") ? line.slice(1) : line);
    }
    return lines;
  }

  /** Asks for UTF-8, which is allowed before the login only. A server may refuse. */
  async #beginUtf8(): Promise<void> {
    if (this.utf8 || !this.#wantsUtf8 || !this.capabilities.has("UTF8")) return;
    this.utf8 = (await this.#ask("UTF8")).ok;
  }

  /** Sends a command and returns the first line of the reply, positive or negative. */
  async #ask(line: string, shown?: string): Promise<Pop3Status> {
    this.#checkSilence();
    await this.dialogue.writeLine(line, shown);
    return await this.status();
  }

  async #askCapabilities(): Promise<void> {
    try {
      await this.command("Cannot ask for the capabilities", "CAPA");
    } catch (error) {
      // Servers from before 1998 do not support CAPA.
      if (!(error instanceof ReplyError)) throw error;
      this.capabilities = new Map();
      return;
    }
    this.capabilities = parsePop3Capabilities(await this.lines(0));
  }

  #loginCommands(credentials: SaslCredentials): LoginCommands {
    const { dialogue } = this;
    const { username: name = "", password = "" } = credentials;
    /** Reads a challenge, or the end of the login. */
    const next = async (): Promise<string | undefined> => {
      const line = await dialogue.readLine();
      const challenge = parsePop3Challenge(line);
      if (challenge !== undefined) return challenge;
      const status = parsePop3Status(line) ?? dialogue.nonsense(line);
      if (!status.ok) throw this.refused("Cannot log in", status);
      return undefined;
    };
    const ask = async (line: string, shown: string) => {
      this.#checkSilence();
      await dialogue.writeLine(line, shown);
      return await next();
    };
    // Other characters are no message id. They would help to find the password by collisions of MD5.
    const stamp = /<[!-;=?A-~]+@[!-;=?A-~]+>/.exec(this.#greeting)?.[0];
    return {
      offered: this.capabilities.get("SASL") ?? [],
      // The initial response would often exceed the limit for a command (RFC 5034 §4).
      hasInitial: false,
      start: (mechanism, shown) => ask(`AUTH ${mechanism}`, `AUTH ${shown}`),
      answer: ask,
      others: {
        USER: async () => {
          await this.command("Cannot log in", `USER ${name}`);
          await this.command("Cannot log in", `PASS ${password}`, "PASS ***");
        },
        ...(stamp !== undefined && {
          APOP: async () => {
            const digest = createHash("md5").update(stamp + password).digest("hex");
            dialogue.conceal(digest);
            await this.command("Cannot log in", `APOP ${name} ${digest}`, `APOP ${name} ***`);
          },
        }),
      },
    };
  }
}
