/**
 * An IMAP client (RFC 3501 and 9051, 2177, 4315, 6851, 7888): encrypted by default, typed, with
 * messages as streams and the news of a folder as a loop.
 *
 * @example The subjects of what nobody has read
 * ```ts
 * import { connectImap } from "@portside/kit/net/imap-client";
 *
 * async function unread(hostname: string, password: string): Promise<(string | undefined)[]> {
 *   await using mail = await connectImap({ hostname, user: "ann", password });
 *   await mail.examine("INBOX");
 *   const uids = await mail.search({ seen: false });
 *   const messages = await mail.fetch(uids, { envelope: true });
 *   return messages.map(({ envelope }) => envelope?.subject);
 * }
 * ```
 *
 * **Permissions**: `--allow-net=mail.example:993` for the server, or port 143 with STARTTLS.
 *
 * @module
 */

import { checkArgument, type Dialogue } from "./_dialogue.ts";
import { openSession } from "./_mail_session.ts";
import { NetError } from "./errors.ts";
import { checkNumber } from "./_limits.ts";
import { ImapLine, type OnLiteral, Refusal } from "./_imap_line.ts";
import {
  checkSection,
  fetchItems,
  folderOf,
  foundIn,
  numberOf,
  sets,
  statusOf,
  texts,
  unknownFolder,
  withAnswer,
} from "./_imap_answers.ts";
import {
  imapDateTime,
  imapFlag,
  imapFolderName,
  type ImapPart,
  type ImapResponse,
  type ImapResponseCode,
  type ImapSearch,
  imapSearch,
  imapSet,
  imapString,
} from "./imap_codec.ts";
import { type ImapMessage, readImapMessage } from "./imap_message.ts";
import type {
  ConnectImapOptions,
  ImapAppendOptions,
  ImapEvent,
  ImapFetch,
  ImapFolder,
  ImapIdleOptions,
  ImapSelected,
  ImapStatus,
} from "./imap_options.ts";
import { ReplyError } from "./reply_error.ts";
import { type SaslCredentials, type SaslName, startSasl } from "./sasl.ts";

export type * from "./imap_options.ts";

/** Messages by their numbers that stay: `1:9,12`, `20:*`, or a list. */
export type ImapUids = string | number | readonly number[];

const DEFAULTS = { tls: "implicit", ports: { implicit: 993, starttls: 143 } } as const;
const TEMPORARY: ReadonlySet<string> = new Set(["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"]);
/** What happens between two loops of IDLE that nobody has read yet. */
const MAX_NEWS = 100_000;
/** Numbers that a few bytes can stand for. */
const MAX_FOUND = 10_000_000;

/**
 * Connects, encrypts the line, and by option logs in.
 *
 * @param options The server, how to encrypt, who logs in.
 * @returns The client.
 * @throws {ReplyError} If the server does not let the user in.
 * @throws {NetError} As `connectTls`; "unsupported" if the server knows no STARTTLS or no mechanism
 * in common; "usage" for a login without encryption.
 * @throws {RangeError} If an option is out of range.
 */
export async function connectImap(options: ConnectImapOptions = {}): Promise<ImapClient> {
  for (const name of ["commandTimeout", "maxLiteral", "maxResponse"] as const) {
    checkNumber(name, options[name] ?? 0);
  }
  return await openSession(options, DEFAULTS, (dialogue) => new ImapClient(dialogue, options));
}

/** A session; {@linkcode connectImap} makes one. Calls wait for each other. */
export class ImapClient implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #line: ImapLine;
  readonly #options: ConnectImapOptions;
  readonly #commandTimeout: number;
  #capabilities: ReadonlySet<string> = new Set();
  #selected: ImapSelected | undefined;
  #leaving = false;

  /**
   * Takes over a dialogue; `connectImap` does that.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectImapOptions) {
    this.#dialogue = dialogue;
    this.#options = options;
    this.#commandTimeout = options.commandTimeout ?? 600_000;
    this.#line = new ImapLine(dialogue, options.maxLiteral ?? 16 * 1024 * 1024);
  }

  /** What the server can, in capitals. */
  get capabilities(): ReadonlySet<string> {
    return this.#capabilities;
  }

  /** Whether the line is encrypted. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the session goes on. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /** The folder that is open, as far as the server has told. */
  get selected(): ImapSelected | undefined {
    return this.#selected;
  }

  /**
   * Reads the greeting and encrypts the line; `connectImap` does that. Says whether the server knows
   * the user already, by a certificate or a tunnel.
   *
   * @ignore
   */
  async begin(): Promise<boolean> {
    return await this.#dialogue.exclusive(async () => {
      const greeting = await this.#line.read();
      if (greeting.type !== "status") throw this.#dialogue.broken("begins without a greeting");
      const { status } = greeting;
      if (status === "BYE" || status === "NO" || status === "BAD") {
        throw this.#refused("Cannot begin", status, greeting.code, greeting.text);
      }
      if (this.#dialogue.tls === "starttls") {
        // Who is logged in already cannot encrypt any more (RFC 3501 §6.2.1).
        if (status === "PREAUTH") throw this.#dialogue.broken("logs in before STARTTLS");
        await this.#askCapabilities();
        if (!this.#capabilities.has("STARTTLS")) {
          throw this.#dialogue.unencryptable("STARTTLS");
        }
        await this.#run("Cannot encrypt the line", ["STARTTLS"]);
        await this.#dialogue.startTls();
        // What was said before was said by anybody.
        this.#capabilities = new Set();
      }
      await this.#askCapabilities();
      return status === "PREAUTH";
    });
  }

  /**
   * Logs in, by the best mechanism of SASL, or the command LOGIN where there is none.
   *
   * @param credentials Who.
   * @param mechanism This mechanism and no other.
   * @throws {ReplyError} If the server does not let the user in.
   * @throws {NetError} "usage", if the password would be sent without encryption.
   */
  async login(
    credentials: SaslCredentials,
    mechanism?: SaslName | "LOGIN-COMMAND",
  ): Promise<void> {
    this.#dialogue.conceal(credentials.password, credentials.accessToken);
    const offered = [...this.#capabilities].filter((name) => name.startsWith("AUTH="))
      .map((name) => name.slice(5));
    const bySasl = mechanism !== "LOGIN-COMMAND" &&
      (offered.length > 0 || mechanism !== undefined || credentials.accessToken !== undefined);
    await this.#dialogue.exclusive(async () => {
      if (bySasl) await this.#sasl(offered, credentials, mechanism);
      else await this.#plain(credentials);
      await this.#askCapabilities();
    });
  }

  /**
   * The folders.
   *
   * @param pattern Which: `*` stands for anything, `%` for anything but the delimiter.
   * @param reference Where to begin.
   */
  list(pattern = "*", reference = ""): Promise<ImapFolder[]> {
    return this.#dialogue.exclusive(async () => {
      const found: ImapFolder[] = [];
      const parts = ["LIST ", imapFolderName(reference), " ", imapFolderName(pattern)];
      await this.#run("Cannot list the folders", parts, (response) => {
        const folder = folderOf(response);
        if (folder !== undefined) found.push(folder);
        return folder !== undefined;
      });
      return found;
    });
  }

  /**
   * Opens a folder.
   *
   * @param name Its name.
   * @returns What is in it.
   */
  select(name: string): Promise<ImapSelected> {
    return this.#dialogue.exclusive(() => this.#select("SELECT", name));
  }

  /**
   * Opens a folder to read only.
   *
   * @param name Its name.
   * @returns What is in it.
   */
  examine(name: string): Promise<ImapSelected> {
    return this.#dialogue.exclusive(() => this.#select("EXAMINE", name));
  }

  /**
   * How much there is in a folder that need not be open.
   *
   * @param name Its name.
   */
  status(name: string): Promise<ImapStatus> {
    return this.#dialogue.exclusive(async () => {
      let found: ImapStatus = {};
      const what = `Cannot ask for the status of ${name}`;
      const parts = ["STATUS ", imapFolderName(name), " (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"];
      await this.#run(what, parts, (response) => {
        const status = statusOf(response);
        if (status !== undefined) found = status;
        return status !== undefined;
      });
      return found;
    });
  }

  /**
   * Makes a folder.
   *
   * @param name Its name.
   */
  async create(name: string): Promise<void> {
    await this.#do(`Cannot make the folder ${name}`, ["CREATE ", imapFolderName(name)]);
  }

  /**
   * Gives a folder another name.
   *
   * @param from Its name.
   * @param to The new one.
   */
  async rename(from: string, to: string): Promise<void> {
    const parts = ["RENAME ", imapFolderName(from), " ", imapFolderName(to)];
    await this.#do(`Cannot rename the folder ${from}`, parts);
  }

  /**
   * Deletes a folder with all that is in it.
   *
   * @param name Its name.
   */
  async deleteFolder(name: string): Promise<void> {
    await this.#do(`Cannot delete the folder ${name}`, ["DELETE ", imapFolderName(name)]);
  }

  /**
   * Subscribes to a folder, or no longer.
   *
   * @param name Its name.
   * @param wanted Whether to subscribe.
   */
  async subscribe(name: string, wanted = true): Promise<void> {
    const verb = wanted ? "SUBSCRIBE " : "UNSUBSCRIBE ";
    await this.#do(`Cannot subscribe to ${name}`, [verb, imapFolderName(name)]);
  }

  /**
   * Looks for messages in the folder that is open.
   *
   * @param search What to look for; all of it has to hold.
   * @returns Their numbers that stay, in their order.
   */
  search(search: ImapSearch = {}): Promise<number[]> {
    return this.#dialogue.exclusive(async () => {
      const wanted = imapSearch(search);
      const charset = wanted.some((part) => typeof part !== "string") ? "CHARSET UTF-8 " : "";
      const uids: number[] = [];
      await this.#run("Cannot search", [`UID SEARCH ${charset}`, ...wanted], (response) => {
        for (const uid of foundIn(response, this.#selected?.exists ?? 0)) {
          if (uids.push(uid) <= MAX_FOUND) continue;
          throw this.#dialogue.broken(`finds more than ${MAX_FOUND} messages`, "limit");
        }
        return response.type === "data" && /^E?SEARCH$/.test(response.name);
      });
      return uids.sort((a, b) => a - b);
    });
  }

  /**
   * Fetches what is asked for of messages; their flags stay as they are. For whole messages
   * {@linkcode ImapClient.message} needs no memory for all of it.
   *
   * @param uids Which messages.
   * @param items What of them.
   * @returns The messages that there are, as the server gives them.
   */
  fetch(uids: ImapUids, items: ImapFetch): Promise<ImapMessage[]> {
    return this.#dialogue.exclusive(async () => {
      const wanted = fetchItems(items);
      const found: ImapMessage[] = [];
      for (const set of sets(uids)) {
        await this.#run("Cannot fetch", [`UID FETCH ${set} (${wanted})`], (response) => {
          const message = this.#messageOf(response);
          // A change of flags that nobody asked for has no UID, or nothing else.
          if (message?.uid === undefined) return false;
          found.push(message);
          return true;
        });
      }
      return found;
    });
  }

  /**
   * A whole message, or a section of it, as it comes. Other calls wait until it is read or cancelled.
   *
   * @param uid The message.
   * @param section The section, `HEADER` or `1.2`. @default the whole message
   * @returns Its bytes.
   * @throws {NetError} "protocol", if there is no such message.
   */
  message(uid: number, section = ""): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    void this.#dialogue.exclusive(async () => {
      if (section !== "") checkSection(section);
      const { readable, writable } = new TransformStream<
        Uint8Array<ArrayBuffer>,
        Uint8Array<ArrayBuffer>
      >();
      const writer = writable.getWriter();
      let begun = false;
      let passed = false;
      const onLiteral: OnLiteral = async (_, chunks) => {
        if (begun) return;
        begun = passed = true;
        resolve(readable);
        try {
          for await (const chunk of chunks) await writer.write(chunk);
        } catch (error) {
          // The reader has enough; what is left is read all the same.
          if (!this.#dialogue.conn.open) throw error;
        }
      };
      let empty = false;
      const parts = [`UID FETCH ${imapSet(uid)} (UID BODY.PEEK[${section}])`];
      try {
        await this.#run(`Cannot fetch message ${uid}`, parts, (response) => {
          const message = this.#messageOf(response);
          const other = message !== undefined && message.uid !== uid;
          if (other && passed) {
            throw this.#dialogue.broken("sends another message than was asked for");
          }
          passed = false;
          if (message?.uid !== uid) return false;
          const whole = message.sections.get(section);
          // A short one may come quoted.
          if (!begun && whole !== undefined && whole !== null) {
            empty = true;
            resolve(new Blob([whole as Uint8Array<ArrayBuffer>]).stream());
          }
          return true;
        }, onLiteral);
      } catch (error) {
        await writer.abort(error).catch(() => {});
        throw error;
      }
      if (begun) await writer.close().catch(() => {});
      else if (!empty) {
        const { peer } = this.#dialogue;
        throw new NetError(`There is no message ${uid} on ${peer}, or no section of that name`, {
          kind: "protocol",
          phase: "request",
          address: peer,
        });
      }
    }).catch(reject);
    return promise;
  }

  /**
   * Changes the flags of messages.
   *
   * @param uids Which messages.
   * @param change Whether the flags are added, removed, or all that there are.
   * @param flags The flags, e.g. `\Seen`.
   */
  async store(
    uids: ImapUids,
    change: "add" | "remove" | "set",
    flags: readonly string[],
  ): Promise<void> {
    const sign = { add: "+", remove: "-", set: "" }[change];
    if (sign === undefined) throw new TypeError(`Cannot ${change} flags: add, remove or set`);
    const list = flags.map(imapFlag).join(" ");
    for (const set of sets(uids)) {
      await this.#do("Cannot change the flags", [`UID STORE ${set} ${sign}FLAGS.SILENT (${list})`]);
    }
  }

  /**
   * Copies messages into another folder.
   *
   * @param uids Which messages.
   * @param folder Where to.
   */
  async copy(uids: ImapUids, folder: string): Promise<void> {
    for (const set of sets(uids)) {
      await this.#do(`Cannot copy to ${folder}`, [`UID COPY ${set} `, imapFolderName(folder)]);
    }
  }

  /**
   * Moves messages into another folder: by MOVE, or copied, marked as deleted and expunged. A server
   * that can expunge no single messages (UIDPLUS) keeps them, marked.
   *
   * @param uids Which messages.
   * @param folder Where to.
   */
  async move(uids: ImapUids, folder: string): Promise<void> {
    if (this.#capabilities.has("MOVE")) {
      for (const set of sets(uids)) {
        await this.#do(`Cannot move to ${folder}`, [`UID MOVE ${set} `, imapFolderName(folder)]);
      }
      return;
    }
    await this.copy(uids, folder);
    await this.store(uids, "add", ["\\Deleted"]);
    if (this.#capabilities.has("UIDPLUS")) await this.expunge(uids);
  }

  /**
   * Removes the messages that are marked as deleted.
   *
   * @param uids These of them, where the server can (RFC 4315); without it all others too.
   */
  async expunge(uids?: ImapUids): Promise<void> {
    if (uids === undefined || !this.#capabilities.has("UIDPLUS")) {
      await this.#do("Cannot remove the deleted messages", ["EXPUNGE"]);
      return;
    }
    for (const set of sets(uids)) {
      await this.#do("Cannot remove the deleted messages", [`UID EXPUNGE ${set}`]);
    }
  }

  /**
   * Puts a message into a folder.
   *
   * @param folder The folder.
   * @param message The message, its lines ended by CRLF.
   * @param options Its flags and time.
   * @returns Its number that stays, if the server tells it.
   */
  append(
    folder: string,
    message: Uint8Array | string,
    options: ImapAppendOptions = {},
  ): Promise<number | undefined> {
    return this.#dialogue.exclusive(async () => {
      const { flags = [], internalDate } = options;
      const literal = typeof message === "string" ? new TextEncoder().encode(message) : message;
      const parts: ImapPart[] = ["APPEND ", imapFolderName(folder), " "];
      if (flags.length > 0) parts.push(`(${flags.map(imapFlag).join(" ")}) `);
      if (internalDate !== undefined) parts.push(`${imapDateTime(internalDate)} `);
      const { code } = await this.#run(`Cannot append to ${folder}`, [...parts, { literal }]);
      return code?.name === "APPENDUID" ? numberOf(code.values[1]) : undefined;
    });
  }

  /**
   * What happens in the folder that is open, from now on. It begins anew by itself before the server
   * gives the session up. Other calls wait until the loop ends.
   *
   * @param options When to end, and how often to begin anew.
   * @throws {NetError} "unsupported", if the server knows no IDLE; "limit", if it tells more than
   * 100000 news at once.
   * @throws {RangeError} If `renew` is out of range.
   */
  async *idle(options: ImapIdleOptions = {}): AsyncGenerator<ImapEvent, void, void> {
    const { signal } = options;
    const renew = checkNumber("renew", options.renew ?? 25 * 60_000) || Infinity;
    if (!this.#capabilities.has("IDLE")) {
      throw new NetError(`${this.#dialogue.peer} knows no IDLE`, {
        kind: "unsupported",
        phase: "request",
      });
    }
    const release = await this.#dialogue.hold();
    const news: ImapEvent[] = [];
    const hear = (response: ImapResponse) => {
      const event = this.#hear(response);
      if (event !== undefined && news.push(event) > MAX_NEWS) {
        throw this.#dialogue.broken(`tells more than ${MAX_NEWS} news at once`, "limit");
      }
    };
    try {
      while (!signal?.aborted) {
        this.#allow();
        const tag = await this.#line.send(["IDLE"], hear);
        await this.#line.untilContinue(tag, hear);
        this.#dialogue.allow(0);
        this.#line.most = Infinity;
        const until = performance.now() + renew;
        try {
          for (;;) {
            while (news.length > 0) yield news.shift()!;
            const left = until - performance.now();
            if (left <= 0 || signal?.aborted) break;
            const limit = { timeout: Math.min(left, 2 ** 31 - 1), ...(signal && { signal }) };
            const response = await this.#line.read(limit).catch((error) => {
              const due = error instanceof NetError && error.kind === "timeout";
              const between = this.#dialogue.conn.open && !this.#line.midway;
              if (between && (due || signal?.aborted)) return undefined;
              throw error;
            });
            if (response === undefined) break;
            hear(response);
          }
        } finally {
          if (this.#dialogue.conn.open) await this.#endIdle(tag, hear);
        }
      }
      yield* news;
    } catch (error) {
      if (error instanceof Refusal) throw this.#taggedRefusal("Cannot idle", error.response);
      if (!(error instanceof ReplyError)) this.#dialogue.abort(error);
      throw error;
    } finally {
      await release();
    }
  }

  /** Does nothing, so that the server tells its news and does not end the session. */
  async noop(): Promise<void> {
    await this.#do("Cannot keep the session alive", ["NOOP"]);
  }

  /** Ends the session in order. */
  async logout(): Promise<void> {
    await this.#dialogue.close(async () => {
      this.#leaving = true;
      await this.#do("Cannot end the session", ["LOGOUT"]);
    });
  }

  /** Ends the session at once. */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.logout();
  }

  async #do(what: string, parts: readonly ImapPart[]): Promise<void> {
    await this.#dialogue.exclusive(() => this.#run(what, parts));
  }

  /** Runs a command; `take` says which data are its own, the rest is news. */
  async #run(
    what: string,
    parts: readonly ImapPart[],
    take: (response: ImapResponse) => boolean = () => false,
    onLiteral?: OnLiteral,
    secret = false,
  ): Promise<Extract<ImapResponse, { type: "tagged" }>> {
    const hear = (response: ImapResponse) => {
      if (!take(response)) this.#hear(response);
    };
    this.#allow(onLiteral === undefined ? this.#commandTimeout : 0);
    let tag: string;
    try {
      tag = await this.#line.send(parts, hear, secret);
    } catch (error) {
      throw error instanceof Refusal ? this.#taggedRefusal(what, error.response) : error;
    }
    return await this.#finish(what, tag, hear, onLiteral);
  }

  /** Begins a command, with what it may take and give in all. */
  #allow(limit = this.#commandTimeout): void {
    this.#dialogue.allow(limit);
    this.#line.most = this.#line.bytes +
      ((this.#options.maxResponse ?? 256 * 1024 * 1024) || Infinity);
  }

  async #finish(
    what: string,
    tag: string,
    hear: (response: ImapResponse) => void,
    onLiteral?: OnLiteral,
  ): Promise<Extract<ImapResponse, { type: "tagged" }>> {
    for (;;) {
      const here = onLiteral === undefined ? this.#line.next() : undefined;
      const response = typeof here === "object" ? here : await this.#line.read({ onLiteral });
      if (response.type === "continue") throw this.#dialogue.broken("asks for more than there is");
      if (response.type !== "tagged") {
        hear(response);
        continue;
      }
      if (response.tag !== tag) throw this.#dialogue.broken("answers a command that was not sent");
      if (response.status !== "OK") throw this.#taggedRefusal(what, response);
      this.#dialogue.part();
      return response;
    }
  }

  async #endIdle(tag: string, hear: (response: ImapResponse) => void): Promise<void> {
    this.#allow();
    await this.#dialogue.writeLine("DONE");
    await this.#finish("Cannot idle", tag, hear);
  }

  /** Takes in what nobody has asked for. */
  #hear(response: ImapResponse): ImapEvent | undefined {
    if (response.type === "tagged") {
      throw this.#dialogue.broken("answers a command that was not sent");
    }
    if (response.type === "status") {
      if (response.status === "BYE" && !this.#leaving) {
        const { code, text } = response;
        throw this.#gone(this.#refused("The session has ended", "BYE", code, text));
      }
      return undefined;
    }
    if (response.type !== "data") return undefined;
    const { name, number } = response;
    if (name === "CAPABILITY") this.#setCapabilities(texts(response.values));
    const event: ImapEvent | undefined = number === undefined
      ? undefined
      : name === "EXISTS"
      ? { type: "exists", count: number }
      : name === "EXPUNGE"
      ? { type: "expunge", number }
      : name === "FETCH"
      ? { type: "message", message: this.#messageOf(response)! }
      : undefined;
    if (event === undefined) return undefined;
    const selected = this.#selected;
    if (selected !== undefined && event.type !== "message") {
      const exists = event.type === "exists" ? event.count : Math.max(0, selected.exists - 1);
      this.#selected = { ...selected, exists };
    }
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      // Nobody knows any more which answer belongs to what.
      this.#dialogue.abort(error);
      throw error;
    }
    return event;
  }

  #gone(error: ReplyError): ReplyError {
    this.#dialogue.abort(error);
    return error;
  }

  #messageOf(response: ImapResponse): ImapMessage | undefined {
    if (response.type !== "data" || response.name !== "FETCH") return undefined;
    try {
      return readImapMessage(response);
    } catch {
      throw this.#dialogue.broken("sends a message that is none");
    }
  }

  async #select(verb: "SELECT" | "EXAMINE", name: string): Promise<ImapSelected> {
    let found = unknownFolder(name, verb === "EXAMINE");
    // Whatever was open is closed by the attempt alone.
    this.#selected = undefined;
    const what = `Cannot open the folder ${name}`;
    const end = await this.#run(what, [`${verb} `, imapFolderName(name)], (response) => {
      const known = withAnswer(found, response);
      const own = response.type === "data" && known !== found;
      found = known;
      return own;
    });
    return this.#selected = withAnswer(found, end);
  }

  async #askCapabilities(): Promise<void> {
    await this.#run("Cannot ask for the capabilities", ["CAPABILITY"]);
  }

  #setCapabilities(names: readonly string[]): void {
    this.#capabilities = new Set(names.map((name) => name.toUpperCase()));
    this.#line.literals = this.#capabilities.has("LITERAL+")
      ? "all"
      : this.#capabilities.has("LITERAL-") || this.#capabilities.has("IMAP4REV2")
      ? "small"
      : "none";
  }

  async #plain({ user, password = "" }: SaslCredentials): Promise<void> {
    this.#dialogue.checkLogin();
    checkArgument("a user", user);
    checkArgument("a password", password);
    if (this.#capabilities.has("LOGINDISABLED")) {
      throw new NetError(`${this.#dialogue.peer} forbids the command LOGIN`, {
        kind: "unsupported",
        phase: "request",
      });
    }
    const secret = imapString(password);
    if (typeof secret === "string") this.#dialogue.conceal(secret);
    const parts = ["LOGIN ", imapString(user), " ", secret];
    await this.#run("Cannot log in", parts, undefined, undefined, true);
  }

  async #sasl(
    offered: readonly string[],
    credentials: SaslCredentials,
    mechanism: SaslName | "LOGIN-COMMAND" | undefined,
  ): Promise<void> {
    const exchange = startSasl(offered, credentials, {
      encrypted: this.#dialogue.encrypted,
      allowPlaintext: this.#options.allowPlaintextLogin === true,
      ...(mechanism !== undefined && mechanism !== "LOGIN-COMMAND" && { mechanism }),
    });
    let first = exchange.initial;
    let command = `AUTHENTICATE ${exchange.name}`;
    if (first !== undefined && this.#capabilities.has("SASL-IR")) {
      command += this.#dialogue.opening(exchange);
      first = undefined;
    }
    const hear = (response: ImapResponse) => void this.#hear(response);
    this.#allow();
    const tag = await this.#line.send([command], hear, true);
    for (;;) {
      const response = await this.#line.read();
      if (response.type === "tagged" && response.tag === tag) {
        if (response.status !== "OK") throw this.#taggedRefusal("Cannot log in", response);
        return exchange.finish();
      }
      if (response.type !== "continue") {
        hear(response);
        continue;
      }
      await this.#dialogue.answer(exchange, response.text, first);
      first = undefined;
    }
  }

  #taggedRefusal(
    what: string,
    { status, code, text }: Extract<ImapResponse, { type: "tagged" }>,
  ): ReplyError {
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
    return this.#dialogue.refused(what, {
      code: status,
      enhanced: code?.name,
      lines: [text],
      temporary,
    });
  }
}
