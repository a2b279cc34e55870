/** A session of IMAP: commands and their ends, and the news that come in between. */

import type { Dialogue } from "../internal/dialogue.ts";
import { type CommandPart, CommandRefusal, ImapLine, type OnLiteral } from "./_line.ts";
import { texts } from "./_answers.ts";
import type { ImapResponse, ImapResponseCode } from "./codec.ts";
import { type ImapMessage, readImapMessage } from "./message.ts";
import type { ConnectImapOptions, ImapEvent, ImapSelected } from "./options.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { upperAscii } from "../text.ts";

/** How a command ended. */
export type Tagged = Extract<ImapResponse, { type: "tagged" }>;

/** How a command is run. */
export interface RunOptions {
  /** Says which responses are its own; the rest is news. */
  readonly take?: (response: ImapResponse) => boolean;
  /** Takes the literal of a FETCH as it comes. */
  readonly onLiteral?: OnLiteral;
  /** Whether its arguments are nobody's business. */
  readonly secret?: boolean;
}

const TEMPORARY: ReadonlySet<string> = new Set(["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"]);

/** Runs commands, one at a time. */
export class ImapSession {
  readonly dialogue: Dialogue;
  readonly line: ImapLine;
  readonly options: ConnectImapOptions;
  /** What the server can, in capitals. */
  capabilities: ReadonlySet<string> = new Set();
  /** The folder that is open, as far as the server has told. */
  selected: ImapSelected | undefined;
  /** Hear of all news, besides `onEvent`. */
  readonly listeners = new Set<(event: ImapEvent) => void>();
  /** Whether the server is to end the session. */
  leaving = false;

  constructor(dialogue: Dialogue, options: ConnectImapOptions) {
    this.dialogue = dialogue;
    this.options = options;
    this.line = new ImapLine(dialogue, options.maxLiteral ?? 16 * 1024 * 1024);
  }

  /** Hears the greeting and encrypts; says whether the server knows the user already. */
  async begin(): Promise<boolean> {
    const greeting = await this.line.read();
    if (greeting.type !== "status") throw this.dialogue.broken("begins without a greeting");
    const { status } = greeting;
    if (status === "BYE" || status === "NO" || status === "BAD") {
      throw this.#refused("Cannot begin", status, greeting.code, greeting.text);
    }
    if (this.dialogue.tls === "starttls") {
      // Who is logged in already cannot encrypt any more (RFC 3501 §6.2.1).
      if (status === "PREAUTH") throw this.dialogue.broken("logs in before STARTTLS");
      await this.askCapabilities();
      if (!this.capabilities.has("STARTTLS")) throw this.dialogue.unencryptable("STARTTLS");
      await this.run("Cannot encrypt the line", ["STARTTLS"]);
      await this.dialogue.startTls();
      // What was said before was said by anybody.
      this.capabilities = new Set();
    }
    await this.askCapabilities();
    return status === "PREAUTH";
  }

  async askCapabilities(): Promise<void> {
    await this.run("Cannot ask for the capabilities", ["CAPABILITY"]);
  }

  /** Runs a command. */
  async run(
    what: string,
    parts: readonly CommandPart[],
    { take = () => false, onLiteral, secret }: RunOptions = {},
  ): Promise<Tagged> {
    const hear = (response: ImapResponse) => {
      if (!take(response)) this.hear(response);
    };
    this.allow(onLiteral === undefined ? undefined : 0);
    let tag: string;
    try {
      const sent = this.line.send(parts, hear, secret);
      tag = typeof sent === "string" ? sent : await sent;
    } catch (error) {
      throw error instanceof CommandRefusal ? this.refusal(what, error.response) : error;
    }
    // What the sender of a stream has taken is no time of the server's.
    if (parts.some((part) => typeof part === "object" && "stream" in part)) this.allow();
    return await this.finish(what, tag, hear, onLiteral);
  }

  /** Begins a command, with what it may take and give in all. */
  allow(limit: number = this.options.commandTimeout ?? 600_000): void {
    this.dialogue.allow(limit);
    this.line.most = this.line.bytes +
      ((this.options.maxResponse ?? 256 * 1024 * 1024) || Infinity);
  }

  /** Reads until a command has ended. */
  async finish(
    what: string,
    tag: string,
    hear: (response: ImapResponse) => void,
    onLiteral?: OnLiteral,
  ): Promise<Tagged> {
    for (;;) {
      const here = onLiteral === undefined ? this.line.next() : undefined;
      const response = typeof here === "object" ? here : await this.line.read({ onLiteral });
      if (response.type === "continue") throw this.dialogue.broken("asks for more than there is");
      if (response.type !== "tagged") {
        hear(response);
        continue;
      }
      if (response.tag !== tag) throw this.dialogue.broken("answers a command that was not sent");
      if (response.status !== "OK") throw this.refusal(what, response);
      this.dialogue.part();
      return response;
    }
  }

  /** Takes in what nobody has asked for. */
  hear(response: ImapResponse): void {
    if (response.type === "tagged") {
      throw this.dialogue.broken("answers a command that was not sent");
    }
    if (response.type === "status") {
      if (response.status === "BYE" && !this.leaving) {
        const { code, text } = response;
        const gone = this.#refused("The session has ended", "BYE", code, text);
        this.dialogue.abort(gone);
        throw gone;
      }
      return;
    }
    if (response.type !== "data") return;
    if (response.name === "CAPABILITY") this.#setCapabilities(texts(response.values));
    const event = this.#eventOf(response);
    if (event === undefined) return;
    const { selected } = this;
    if (selected !== undefined && event.type !== "message") {
      const exists = event.type === "exists" ? event.count : Math.max(0, selected.exists - 1);
      this.selected = { ...selected, exists };
    }
    try {
      this.options.onEvent?.(event);
    } catch (error) {
      // Nobody knows any more which answer belongs to what.
      this.dialogue.abort(error);
      throw error;
    }
    for (const listener of this.listeners) listener(event);
  }

  #eventOf(response: ImapResponse): ImapEvent | undefined {
    if (response.type !== "data" || response.number === undefined) return undefined;
    const { name, number } = response;
    if (name === "EXISTS") return { type: "exists", count: number };
    if (name === "EXPUNGE") return { type: "expunge", number };
    const message = this.messageOf(response);
    return message && { type: "message", message };
  }

  /** The message of a FETCH. */
  messageOf(response: ImapResponse): ImapMessage | undefined {
    if (response.type !== "data" || response.name !== "FETCH") return undefined;
    try {
      return readImapMessage(response);
    } catch {
      throw this.dialogue.broken("sends a message that is none");
    }
  }

  #setCapabilities(names: readonly string[]): void {
    this.capabilities = new Set(names.map(upperAscii));
    this.line.literals = this.capabilities.has("LITERAL+")
      ? "all"
      : this.capabilities.has("LITERAL-") || this.capabilities.has("IMAP4REV2")
      ? "small"
      : "none";
  }

  /** The error of a command that ended with NO or BAD. */
  refusal(what: string, { status, code, text }: Tagged): ReplyError {
    return this.#refused(what, status, code, text);
  }

  #refused(
    what: string,
    status: string,
    code: ImapResponseCode | undefined,
    text: string,
  ): ReplyError {
    // Servers that end or have no room for more say BYE.
    const temporary = status === "BYE" || (code !== undefined && TEMPORARY.has(code.name));
    const enhanced = code?.name;
    return this.dialogue.refused(what, { code: status, enhanced, lines: [text], temporary });
  }
}
