/** A session of IMAP: commands, their results, and the changes that the server reports in between. */

import type { Dialogue } from "../internal/dialogue.ts";
import { type CommandPart, CommandRefusal, ImapLine, type OnLiteral } from "./_line.ts";
import { NetError } from "../errors/errors.ts";
import { isPlainName } from "./_commands.ts";
import { hasFeature } from "./_features.ts";
import { countRanges } from "./_ranges.ts";
import {
  codeProblem,
  codeText,
  folderOf,
  isListed,
  statusOf,
  texts,
  vanishedIn,
} from "./_response_values.ts";
import { invalid } from "./_reader.ts";
import {
  encodeModifiedUtf7,
  type ImapInvalid,
  type ImapResponse,
  type ImapResponseCode,
} from "./codec.ts";
import { type ImapMessage, readImapMessage } from "./message.ts";
import type { ConnectImapOptions, ImapEvent, ImapFolder, ImapSelected } from "./options.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import { upperAscii } from "../text.ts";

/** The result of a command. */
export type Tagged = Extract<ImapResponse, { type: "tagged" }>;

type Status = Extract<ImapResponse, { type: "tagged" | "status" }>;

/** Options for running a command. */
export interface RunOptions {
  /** Takes a response. Returns whether it belongs to the command; other responses report changes. */
  readonly take?: (response: ImapResponse) => boolean;
  /** Receives the literals of a FETCH response as streams. */
  readonly onLiteral?: OnLiteral;
  /** Whether the trace masks the arguments. */
  readonly secret?: boolean;
}

/** Response codes of temporary errors (RFC 5530 §3, RFC 9051 §7.1). */
const TEMPORARY: ReadonlySet<string> = new Set(["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"]);

/** Maximum number of names of folders that are remembered. */
const MAX_SPELLINGS = 10_000;
/** Maximum length of such a name, in characters. */
const MAX_SPELLING = 1000;

/** Runs commands, one at a time. */
export class ImapSession {
  readonly dialogue: Dialogue;
  readonly line: ImapLine;
  readonly options: ConnectImapOptions;
  /** The capabilities of the server, in capitals. */
  capabilities: ReadonlySet<string> = new Set();
  /** Whether the server has reported its capabilities since {@linkcode forgetCapabilities}. */
  #knowsCapabilities = false;
  /** The open folder, as the server has last reported it. */
  selected: ImapSelected | undefined;
  /** Functions that receive all changes, besides `onEvent`. */
  readonly listeners: Set<(event: ImapEvent) => void> = new Set();
  /** The delimiter of folders; an empty string if there is none, undefined if it is not known. */
  delimiter: string | undefined;
  /** The names of folders with odd characters, or with another spelling than that of this client. */
  readonly spellings: Map<string, string> = new Map();
  /** The extensions that the client has enabled. */
  readonly enabled: Set<string> = new Set();
  /** Whether the client has sent ID. */
  isIdentified = false;
  /** Whether this side has asked the server to end the session. */
  leaving = false;
  /** Whether anybody on the way can have forged the responses, because STARTTLS is still to come. */
  #isForgeable = false;
  /** Whether the server has asked for more than the command has. */
  #isAsked = false;
  /** The response that was read last, and its message. */
  #read: ImapResponse | undefined;
  #message: ImapMessage | undefined;

  constructor(dialogue: Dialogue, options: ConnectImapOptions) {
    this.dialogue = dialogue;
    this.options = options;
    const report = (part: ImapInvalid) => this.report(part);
    this.line = new ImapLine(dialogue, options.maxLiteral ?? 16 * 1024 * 1024, report);
  }

  /** Returns whether the server supports an extension, such as MOVE. */
  supports(name: string): boolean {
    return hasFeature(this.capabilities, name);
  }

  /** Throws unless the server supports one of some extensions. */
  require(...names: readonly string[]): void {
    if (names.some((name) => this.supports(name))) return;
    const { peer } = this.dialogue;
    throw new NetError(`${peer} does not support ${names[0]}`, {
      kind: "unsupported",
      phase: "request",
      address: peer,
    });
  }

  /** Reads the greeting and encrypts. Returns whether the server knows the user already. */
  async begin(): Promise<boolean> {
    this.#isForgeable = this.dialogue.tls === "starttls";
    const greeting = await this.line.read();
    if (greeting.type !== "status") throw this.dialogue.broken("began without a greeting");
    const { status } = greeting;
    if (status === "BYE" || status === "NO" || status === "BAD") {
      throw this.#refused("Cannot begin", status, greeting.code, greeting.text);
    }
    this.learn(greeting);
    if (this.dialogue.tls === "starttls") {
      // STARTTLS is not allowed after the login (RFC 3501 §6.2.1).
      if (status === "PREAUTH") throw this.dialogue.broken("logged in before STARTTLS");
      if (!this.capabilities.has("STARTTLS")) await this.askCapabilities();
      if (!this.capabilities.has("STARTTLS")) throw this.dialogue.unencryptable("STARTTLS");
      await this.run("Cannot encrypt the connection", ["STARTTLS"]);
      await this.dialogue.startTls();
      this.#isForgeable = false;
      // Capabilities from before the encryption may be forged.
      this.#setCapabilities([]);
      this.forgetCapabilities();
    }
    await this.needCapabilities();
    return status === "PREAUTH";
  }

  /** Makes {@linkcode needCapabilities} wait for news, because a login or TLS changes them. */
  forgetCapabilities(): void {
    this.#knowsCapabilities = false;
  }

  /** Asks for the capabilities, unless the server has reported them without being asked. */
  async needCapabilities(): Promise<void> {
    if (!this.#knowsCapabilities) await this.askCapabilities();
  }

  /** Takes the capabilities from the code of a status, or tells the user its text (RFC 3501 §7.1). */
  learn({ code, text }: Status): void {
    if (code?.name === "CAPABILITY") this.#setCapabilities(texts(code.values));
    if (code?.name === "ALERT" && !this.#isForgeable) this.#call(this.options.onAlert, text);
  }

  /** Asks for the capabilities of the server. */
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
    // The time that the source of a stream took does not count.
    if (parts.some((part) => typeof part === "object" && "stream" in part)) this.allow();
    return await this.finish(what, tag, hear, onLiteral);
  }

  /** Starts the limits of a command: on the time in milliseconds, and on the size of the response. */
  allow(limit: number = this.options.commandTimeout ?? 600_000): void {
    this.dialogue.allow(limit);
    this.line.most = this.line.bytes +
      ((this.options.maxResponse ?? 256 * 1024 * 1024) || Infinity);
  }

  /** Reads responses until a command has ended. */
  async finish(
    what: string,
    tag: string,
    hear: (response: ImapResponse) => void,
    onLiteral?: OnLiteral,
  ): Promise<Tagged> {
    for (;;) {
      const here = onLiteral === undefined ? this.line.next() : undefined;
      const response = typeof here === "object" ? here : await this.#later(onLiteral);
      const end = this.handle(what, tag, response, hear);
      if (end === undefined) continue;
      this.dialogue.part();
      return end;
    }
  }

  /** Waits for the next response. The error for a server that waits as well says so. */
  async #later(onLiteral: OnLiteral | undefined): Promise<ImapResponse> {
    try {
      return await this.line.read({ onLiteral, isAwaited: onLiteral === undefined });
    } catch (error) {
      const isDeadlock = this.#isAsked && error instanceof NetError && error.kind === "timeout";
      throw isDeadlock ? this.dialogue.broken("asked for more than the command has") : error;
    }
  }

  /** Processes a response while a command runs. Returns the result if the command has ended. */
  handle(
    what: string,
    tag: string,
    response: ImapResponse,
    hear: (response: ImapResponse) => void,
  ): Tagged | undefined {
    if (response.type === "continue") {
      // Some servers ask for a literal that they have already, or ask twice.
      this.report(invalid("response", `+ ${response.text}`, "The command is complete"));
      this.#isAsked = true;
      return undefined;
    }
    if (response.type !== "tagged") {
      hear(response);
      return undefined;
    }
    if (response.tag !== tag) throw this.dialogue.broken("answered a command that was not sent");
    // A message may be large.
    this.#read = this.#message = undefined;
    this.#isAsked = false;
    this.#reportCode(response);
    if (response.status !== "OK") throw this.refusal(what, response);
    this.learn(response);
    return response;
  }

  /** Processes a response that no command asked for. */
  hear(response: ImapResponse): void {
    if (response.type === "tagged") {
      throw this.dialogue.broken("answered a command that was not sent");
    }
    if (response.type === "status") {
      this.#reportCode(response);
      if (response.status === "BYE" && !this.leaving) {
        const { code, text } = response;
        const gone = this.#refused("The session has ended", "BYE", code, text);
        this.dialogue.abort(gone);
        throw gone;
      }
      this.learn(response);
      return;
    }
    if (response.type !== "data") return;
    if (response.name === "CAPABILITY") this.#setCapabilities(texts(response.values));
    if (this.#isForgeable) return;
    const event = this.#eventOf(response);
    if (event === undefined) return;
    const { selected } = this;
    if (selected !== undefined && event.type !== "message") {
      const gone = event.type === "vanished" ? countRanges(event.uids) : 1;
      const exists = event.type === "exists" ? event.count : Math.max(0, selected.exists - gone);
      this.selected = { ...selected, exists };
    }
    this.#call(this.options.onEvent, event);
    for (const listener of this.listeners) listener(event);
  }

  /** Reports a part of a response that cannot be read. */
  report(part: ImapInvalid): void {
    if (!this.#isForgeable) this.#call(this.options.onInvalid, part);
  }

  #reportCode({ code, invalid: parts = [] }: Status): void {
    for (const part of parts) this.report(part);
    const problem = code && codeProblem(code);
    if (problem !== undefined) this.report(invalid("code", codeText(code!), problem, code!.name));
  }

  #call<T>(callback: ((value: T) => void) | undefined, value: T): void {
    try {
      callback?.(value);
    } catch (error) {
      // The responses that are under way can no longer be assigned.
      this.dialogue.abort(error);
      throw error;
    }
  }

  #eventOf(response: ImapResponse): ImapEvent | undefined {
    const vanished = vanishedIn(response);
    // The earlier ones are not counted any more.
    if (vanished !== undefined) {
      return vanished.earlier ? undefined : { type: "vanished", uids: vanished.uids };
    }
    if (response.type !== "data" || response.number === undefined) return undefined;
    const { name, number } = response;
    if (name === "EXISTS") return { type: "exists", count: number };
    if (name === "EXPUNGE") return { type: "expunge", number };
    const message = this.messageOf(response);
    return message && { type: "message", message };
  }

  /**
   * Returns the message of a FETCH response, and reports what cannot be read. Undefined for other
   * responses.
   */
  messageOf(response: ImapResponse, names?: readonly string[]): ImapMessage | undefined {
    if (response.type !== "data" || response.name !== "FETCH") return undefined;
    // A response that no command takes is read a second time, as a change.
    if (this.#read === response) return this.#message;
    const message = readImapMessage(response, names);
    this.#read = response;
    this.#message = message;
    if (message.invalid !== undefined) { for (const part of message.invalid) this.report(part); }
    return message;
  }

  /**
   * Returns the name of a folder in the encoding of the server: modified UTF-7, but UTF-8 if it supports
   * IMAP4rev2 alone (RFC 9051 §5.1).
   */
  spell(name: string): string {
    const isNew = this.capabilities.has("IMAP4REV2") && !this.capabilities.has("IMAP4REV1");
    return isNew ? name : encodeModifiedUtf7(name);
  }

  /** Returns the folder of a LIST response, and remembers its name if it is unusual. */
  folderOf(response: ImapResponse): ImapFolder | undefined {
    const found = folderOf(response);
    if (found === undefined) {
      if (isListed(response)) {
        this.report(invalid("response", response.name, "The name of the folder is missing"));
      }
      return undefined;
    }
    const { folder, spelling } = found;
    const isUsual = isPlainName(folder.name) && spelling === this.spell(folder.name);
    if (!isUsual && this.spellings.size < MAX_SPELLINGS && spelling.length <= MAX_SPELLING) {
      this.spellings.set(folder.name, spelling);
    }
    return folder;
  }

  /** Returns the counters of a STATUS response, and reports those that cannot be read. */
  statusOf(response: ImapResponse): ReturnType<typeof statusOf> {
    return statusOf(response, (part) => this.report(part));
  }

  #setCapabilities(names: readonly string[]): void {
    this.capabilities = new Set(names.map(upperAscii));
    this.#knowsCapabilities = true;
    this.line.literals = this.capabilities.has("LITERAL+")
      ? "all"
      : this.capabilities.has("LITERAL-") || this.capabilities.has("IMAP4REV2")
      ? "small"
      : "none";
  }

  /** Returns the error for a command that ended with NO or BAD. */
  refusal(what: string, { status, code, text }: Tagged): ReplyError {
    return this.#refused(what, status, code, text);
  }

  #refused(
    what: string,
    status: string,
    code: ImapResponseCode | undefined,
    text: string,
  ): ReplyError {
    // A server says BYE if it shuts down, or if it has too many connections.
    const temporary = status === "BYE" || (code !== undefined && TEMPORARY.has(code.name));
    const enhanced = code?.name;
    return this.dialogue.refused(what, { code: status, enhanced, lines: [text], temporary });
  }
}
