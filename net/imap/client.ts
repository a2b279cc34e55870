/**
 * An IMAP client (RFC 3501 and 9051, 2177, 4315, 6851, 7888): encrypted by default, typed, with
 * messages as streams and the news of a folder as a loop.
 *
 * @example The subjects of what nobody has read
 * ```ts
 * import { connectImap } from "@portside/kit/net/imap";
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

import { checkArgument, type Dialogue } from "../internal/dialogue.ts";
import {
  copiesIn,
  fetchItems,
  folderOf,
  foundIn,
  numberOf,
  sets,
  statusOf,
  unknownFolder,
  withAnswer,
} from "./_answers.ts";
import { idleImap } from "./_idle.ts";
import type { CommandPart } from "./_line.ts";
import { loginImap } from "./_login.ts";
import { ImapSession } from "./_session.ts";
import { streamSection } from "./_stream.ts";
import { checkNumber } from "../internal/options.ts";
import { openSession } from "../internal/mail_session.ts";
import {
  imapDateTime,
  imapFlag,
  imapFolderName,
  type ImapResponse,
  type ImapResponseCode,
  type ImapSearch,
  imapSearch,
} from "./codec.ts";
import type { ImapMessage } from "./message.ts";
import type {
  ConnectImapOptions,
  ImapAppendOptions,
  ImapEvent,
  ImapFetch,
  ImapFolder,
  ImapIdleOptions,
  ImapSelected,
  ImapSource,
  ImapStatus,
} from "./options.ts";
import type { SaslCredentials, SaslName } from "../mail/sasl.ts";
import { orCancel } from "../internal/while_open.ts";

export type { ImapResponse, ImapSearch } from "./codec.ts";
export type { ImapMessage } from "./message.ts";
export type * from "./options.ts";

/** Messages by their numbers that stay: `1:9,12`, `20:*`, or a list. */
export type ImapUids = string | number | readonly number[];

const DEFAULTS = { tls: "implicit", ports: { implicit: 993, starttls: 143 } } as const;
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
  readonly #session: ImapSession;

  /**
   * Takes over a dialogue; `connectImap` does that.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectImapOptions) {
    this.#dialogue = dialogue;
    this.#session = new ImapSession(dialogue, options);
  }

  /** What the server can, in capitals. */
  get capabilities(): ReadonlySet<string> {
    return this.#session.capabilities;
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
    return this.#session.selected;
  }

  /**
   * Reads the greeting and encrypts the line; `connectImap` does that. Says whether the server knows
   * the user already, by a certificate or a tunnel.
   *
   * @ignore
   */
  async begin(): Promise<boolean> {
    return await this.#dialogue.exclusive(() => this.#session.begin());
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
    await this.#dialogue.exclusive(() => loginImap(this.#session, credentials, mechanism));
  }

  /**
   * The folders.
   *
   * @param pattern Which: `*` stands for anything, `%` for anything but the delimiter.
   * @param reference Where to begin.
   */
  list(pattern = "*", reference = ""): Promise<ImapFolder[]> {
    return this.#list("LIST", pattern, reference);
  }

  /**
   * The folders that the user has subscribed to, whether they are there or not.
   *
   * @param pattern Which, as of {@linkcode ImapClient.list}.
   * @param reference Where to begin.
   */
  subscribed(pattern = "*", reference = ""): Promise<ImapFolder[]> {
    // IMAP4rev2 has no LSUB any more.
    const rev2 = this.capabilities.has("IMAP4REV2");
    return this.#list(rev2 ? "LIST (SUBSCRIBED)" : "LSUB", pattern, reference);
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
      const parts = [`UID SEARCH ${charset}`, ...wanted];
      await this.#run("Cannot search", parts, (response) => {
        for (const uid of foundIn(response, this.selected?.exists ?? 0)) {
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
   * @returns The messages that there are, as the server gives them, each once.
   */
  fetch(uids: ImapUids, items: ImapFetch): Promise<ImapMessage[]> {
    return this.#dialogue.exclusive(async () => {
      const wanted = fetchItems(items);
      const found = new Map<number, ImapMessage>();
      for (const set of sets(uids)) {
        await this.#run("Cannot fetch", [`UID FETCH ${set} (${wanted})`], (response) => {
          const message = this.#session.messageOf(response);
          // A change of flags that nobody asked for has no UID, or nothing else.
          if (message?.uid === undefined) return false;
          const known = found.get(message.uid);
          found.set(message.uid, known === undefined ? message : merged(known, message));
          return true;
        });
      }
      return [...found.values()];
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
    void this.#dialogue.exclusive(() => streamSection(this.#session, uid, section, resolve))
      .catch(reject);
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
   * @returns The numbers of the copies by those of the messages, as far as the server tells (UIDPLUS).
   */
  copy(uids: ImapUids, folder: string): Promise<ReadonlyMap<number, number>> {
    return this.#copy("COPY", uids, folder);
  }

  /**
   * Moves messages into another folder: by MOVE, or copied, marked as deleted and expunged. A server
   * that can expunge no single messages (UIDPLUS) keeps them, marked.
   *
   * @param uids Which messages.
   * @param folder Where to.
   * @returns Their new numbers by the old ones, as far as the server tells (UIDPLUS).
   */
  async move(uids: ImapUids, folder: string): Promise<ReadonlyMap<number, number>> {
    if (this.capabilities.has("MOVE")) return await this.#copy("MOVE", uids, folder);
    const copies = await this.copy(uids, folder);
    await this.store(uids, "add", ["\\Deleted"]);
    if (this.capabilities.has("UIDPLUS")) await this.expunge(uids);
    return copies;
  }

  /**
   * Removes the messages that are marked as deleted.
   *
   * @param uids These of them, where the server can (RFC 4315); without it all others too.
   */
  async expunge(uids?: ImapUids): Promise<void> {
    if (uids === undefined || !this.capabilities.has("UIDPLUS")) {
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
   * @param options Its flags and time, and the size of a stream.
   * @returns Its number that stays, if the server tells it.
   * @throws {ReplyError} If the server does not take it.
   * @throws {RangeError} If a stream has no size, or another one, which ends the session.
   */
  async append(
    folder: string,
    message: ImapSource,
    options: ImapAppendOptions = {},
  ): Promise<number | undefined> {
    return await orCancel(message, this.#append(folder, message, options));
  }

  #append(
    folder: string,
    message: ImapSource,
    { flags = [], internalDate, size = -1 }: ImapAppendOptions,
  ): Promise<number | undefined> {
    return this.#dialogue.exclusive(async () => {
      const whole = typeof message === "string" ? new TextEncoder().encode(message) : message;
      if (!(whole instanceof Uint8Array || (Number.isSafeInteger(size) && size >= 0))) {
        throw new RangeError("Cannot append a stream without its size: a whole number from 0 up");
      }
      const literal = whole instanceof Uint8Array ? { literal: whole } : { stream: whole, size };
      const parts: CommandPart[] = ["APPEND ", imapFolderName(folder), " "];
      if (flags.length > 0) parts.push(`(${flags.map(imapFlag).join(" ")}) `);
      if (internalDate !== undefined) parts.push(`${imapDateTime(internalDate)} `);
      const { code } = await this.#run(`Cannot append to ${folder}`, [...parts, literal]);
      return code?.name === "APPENDUID" ? numberOf(code.values[1]) : undefined;
    });
  }

  /**
   * What happens in the folder that is open, from now on. It begins anew by itself before the server
   * gives the session up. Other calls go between, also those of the loop itself, and what they bring
   * to light is told as well.
   *
   * @param options When to end, and how often to begin anew.
   * @throws {NetError} "unsupported", if the server knows no IDLE; "limit", if it tells more than
   * 100000 news at once.
   * @throws {RangeError} If `renew` is out of range.
   */
  async *idle(options: ImapIdleOptions = {}): AsyncGenerator<ImapEvent, void, void> {
    const renew = checkNumber("renew", options.renew ?? 25 * 60_000) || Infinity;
    yield* idleImap(this.#session, renew, options.signal);
  }

  /**
   * Sends a command that has no method of its own, `NAMESPACE` or `GETQUOTAROOT INBOX` for example.
   *
   * @param line The command, without its tag.
   * @returns The data that came, news of the folder among them.
   * @throws {ReplyError} If the server refuses it.
   */
  command(line: string): Promise<ImapResponse[]> {
    return this.#dialogue.exclusive(async () => {
      checkArgument("a command", line);
      const found: ImapResponse[] = [];
      await this.#run(`Cannot do ${line.slice(0, 100)}`, [line], (response) => {
        if (response.type === "data") found.push(response);
        return false;
      });
      return found;
    });
  }

  /** Does nothing, so that the server tells its news and does not end the session. */
  async noop(): Promise<void> {
    await this.#do("Cannot keep the session alive", ["NOOP"]);
  }

  /** Ends the session in order. */
  async logout(): Promise<void> {
    await this.#dialogue.close(async () => {
      this.#session.leaving = true;
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

  async #do(what: string, parts: readonly CommandPart[]): Promise<void> {
    await this.#dialogue.exclusive(() => this.#run(what, parts));
  }

  #run(
    what: string,
    parts: readonly CommandPart[],
    take?: (response: ImapResponse) => boolean,
  ) {
    return this.#session.run(what, parts, { take });
  }

  #list(verb: string, pattern: string, reference: string): Promise<ImapFolder[]> {
    return this.#dialogue.exclusive(async () => {
      const found: ImapFolder[] = [];
      const parts = [`${verb} `, imapFolderName(reference), " ", imapFolderName(pattern)];
      await this.#run("Cannot list the folders", parts, (response) => {
        const folder = folderOf(response);
        if (folder !== undefined) found.push(folder);
        return folder !== undefined;
      });
      return found;
    });
  }

  #copy(verb: "COPY" | "MOVE", uids: ImapUids, folder: string): Promise<Map<number, number>> {
    return this.#dialogue.exclusive(async () => {
      const copies = new Map<number, number>();
      const most = Math.min(this.selected?.exists ?? 0, MAX_FOUND);
      const add = (code: ImapResponseCode | undefined) => {
        for (const [from, to] of copiesIn(code, most)) copies.set(from, to);
      };
      const what = `Cannot ${verb.toLowerCase()} to ${folder}`;
      for (const set of sets(uids)) {
        const parts = [`UID ${verb} ${set} `, imapFolderName(folder)];
        const { code } = await this.#run(what, parts, (response) => {
          // Those of MOVE come ahead of its end (RFC 6851 §4.3).
          if (response.type === "status") add(response.code);
          return false;
        });
        add(code);
      }
      return copies;
    });
  }

  async #select(verb: "SELECT" | "EXAMINE", name: string): Promise<ImapSelected> {
    let found = unknownFolder(name, verb === "EXAMINE");
    // Whatever was open is closed by the attempt alone.
    this.#session.selected = undefined;
    const what = `Cannot open the folder ${name}`;
    const end = await this.#run(what, [`${verb} `, imapFolderName(name)], (response) => {
      const known = withAnswer(found, response);
      const own = response.type === "data" && known !== found;
      found = known;
      return own;
    });
    return this.#session.selected = withAnswer(found, end);
  }
}

/** What came of one message in two responses. */
function merged(one: ImapMessage, other: ImapMessage): ImapMessage {
  return { ...one, ...other, sections: new Map([...one.sections, ...other.sections]) };
}
