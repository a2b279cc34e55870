/**
 * An IMAP client (RFC 3501 and 9051, 2177, 4315, 6851, 7888): encrypted by default, typed, with
 * messages as streams and the changes of a folder as a loop.
 *
 * Messages are identified by their UIDs, which stay the same while `uidValidity` of the folder does.
 *
 * **Permissions**: `--allow-net=mail.example:993` for the server, or port 143 with STARTTLS.
 *
 * @module
 */

import type { Dialogue } from "../internal/dialogue.ts";
import { checkCredentials, command as commandLine, mechanismName } from "../internal/mail_rules.ts";
import { openSession } from "../internal/mail_session.ts";
import { integer, rule, timeLimit } from "../internal/options.ts";
import { orCancel } from "../internal/while_open.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import { expungeMessages } from "./_expunge.ts";
import { folderStatus, listFolders, listSubscribed, selectFolder } from "./_folders.ts";
import { identify } from "./_identity.ts";
import { idleImap } from "./_idle.ts";
import type { CommandPart } from "./_line.ts";
import { loginImap } from "./_login.ts";
import { appendMessage, copyMessages, searchMessages, storeItems } from "./_messages.ts";
import {
  CHANGE,
  CONNECT_IMAP,
  IMAP_APPEND,
  IMAP_APPEND_STREAM,
  IMAP_EXPUNGE,
  IMAP_FETCH,
  IMAP_IDLE,
  IMAP_LIST,
  IMAP_SELECT,
  IMAP_STATUS,
  IMAP_STORE,
} from "./_option_rules.ts";
import { decodedPart, findPart, type ImapDownload } from "./_download.ts";
import { fetchAll, fetchEach } from "./_fetch.ts";
import { decodeText } from "./_text.ts";
import { ImapFetching } from "./_fetching.ts";
import { fetchPlan } from "./_response_values.ts";
import { ImapSession } from "./_session.ts";
import { noSuchPart, streamSection } from "./_message_stream.ts";
import { ImapExtensions } from "./extensions.ts";
import { folderPart, nameOf, plainName } from "./_paths.ts";
import { imapFlag, type ImapResponse, type ImapSearch } from "./codec.ts";
import type {
  ConnectImapOptions,
  ImapAppendOptions,
  ImapEvent,
  ImapExpungeOptions,
  ImapFetch,
  ImapFolder,
  ImapIdleOptions,
  ImapListOptions,
  ImapPath,
  ImapSelected,
  ImapSelectOptions,
  ImapSource,
  ImapStatus,
  ImapStatusOptions,
  ImapStoreOptions,
  ImapUids,
} from "./options.ts";

export type { ImapResponse, ImapSearch } from "./codec.ts";
export type { ImapDownload } from "./_download.ts";
export { ImapFetchError } from "./_fetch_error.ts";
export { ImapFetching } from "./_fetching.ts";
export type { ImapMessage } from "./message.ts";
export type * from "./options.ts";

const DEFAULTS = {
  tls: "implicit",
  ports: { implicit: 993, starttls: 143 },
  coding: { decode: decodeText },
} as const;
const MECHANISM = mechanismName("LOGIN-COMMAND");
const UID = integer(1, 2 ** 32 - 1);
const PART = rule(
  "the number of a part such as 1 or 2.1",
  (value) => typeof value === "string" && /^[1-9]\d*(?:\.[1-9]\d*)*$/.test(value),
);

/**
 * Connects, encrypts the connection, and logs in if `username` is given.
 *
 * @param options The server, the encryption, the login, and the limits.
 * @returns The client, ready for commands.
 * @throws {ReplyError} If the server rejects the session or the login.
 * @throws {NetError} The errors of `connectTls`; "unsupported" if the server does not support STARTTLS
 * or any common mechanism; "usage" for a login without encryption.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export async function connectImap(options: ConnectImapOptions = {}): Promise<ImapClient> {
  options = CONNECT_IMAP.check("connectImap", options);
  return await openSession(options, DEFAULTS, (dialogue) => new ImapClient(dialogue, options));
}

/**
 * A session with an IMAP server, made by {@linkcode connectImap}. Calls run one after the other. Each
 * rejects with a `ReplyError` if the server answers NO or BAD.
 */
export class ImapClient extends ImapExtensions implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #session: ImapSession;

  /**
   * Takes over a dialogue. For use by `connectImap`.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectImapOptions) {
    const session = new ImapSession(dialogue, options);
    super(session);
    this.#dialogue = dialogue;
    this.#session = session;
  }

  /** The capabilities of the server, in capitals. */
  get capabilities(): ReadonlySet<string> {
    return this.#session.capabilities;
  }

  /** Whether the connection is encrypted. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the session is open. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /** The open folder, as the server has last reported it. */
  get selected(): ImapSelected | undefined {
    return this.#session.selected;
  }

  /**
   * Reads the greeting and encrypts the connection. For use by `connectImap`.
   *
   * @returns Whether the server knows the user already, for example by a certificate.
   * @ignore
   */
  async begin(): Promise<boolean> {
    return await this.#dialogue.exclusive(() => this.#session.begin());
  }

  /**
   * Identifies the client if the options ask for that. For use by `connectImap`.
   *
   * @ignore
   */
  async ready(): Promise<void> {
    await this.#dialogue.exclusive(() => identify(this.#session));
  }

  /**
   * Logs in by SASL or by the command LOGIN. If the server refuses a mechanism, the next one follows,
   * but a password that the server has called wrong is not sent again.
   *
   * @param credentials The user name, with a password or an access token.
   * @param mechanism The only mechanism to use. Default: the best one that both sides support, then the
   * others.
   * @throws {ReplyError} If the server rejects the login.
   * @throws {NetError} "unsupported" if there is no common mechanism that can carry the credentials;
   * "usage" if the password would be sent without encryption.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async login(
    credentials: SaslCredentials,
    mechanism?: SaslName | "LOGIN-COMMAND",
  ): Promise<void> {
    if (mechanism !== undefined) MECHANISM("mechanism", mechanism);
    credentials = checkCredentials("login", credentials, mechanism);
    await this.#dialogue.exclusive(() => loginImap(this.#session, credentials, mechanism));
  }

  /**
   * Lists the folders.
   *
   * @param pattern A pattern for names: `*` matches anything, `%` anything except the delimiter.
   * Default: `*`.
   * @param reference The folder in which the pattern applies. Default: the root.
   * @param options Whether to list only folders with a special use, and which counters to get.
   * @returns The folders that match.
   * @throws {TypeError} If an argument is invalid.
   */
  async list(
    pattern = "*",
    reference = "",
    options: ImapListOptions = {},
  ): Promise<ImapFolder[]> {
    options = IMAP_LIST.check("list", options);
    checkPattern(pattern, reference);
    return await this.#dialogue.exclusive(() =>
      listFolders(this.#session, pattern, reference, options)
    );
  }

  /**
   * Lists the folders that the user has subscribed to. Some of them may not exist.
   *
   * @param pattern A pattern for names, as for {@linkcode ImapClient.list}.
   * @param reference The folder in which the pattern applies. Default: the root.
   * @returns The folders that match.
   * @throws {TypeError} If an argument is invalid.
   */
  async subscribed(pattern = "*", reference = ""): Promise<ImapFolder[]> {
    checkPattern(pattern, reference);
    return await this.#dialogue.exclusive(() => listSubscribed(this.#session, pattern, reference));
  }

  /**
   * Opens a folder for reading and writing.
   *
   * @param folder The name or path of the folder.
   * @param options The extensions CONDSTORE and QRESYNC, with the state of an earlier session.
   * @returns The state of the folder.
   * @throws {NetError} "unsupported" if the server does not support the extension.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async select(folder: ImapPath, options: ImapSelectOptions = {}): Promise<ImapSelected> {
    options = IMAP_SELECT.check("select", options);
    const session = this.#session;
    return await this.#dialogue.exclusive(() => selectFolder(session, "SELECT", folder, options));
  }

  /**
   * Opens a folder for reading only.
   *
   * @param folder The name or path of the folder.
   * @param options The extensions CONDSTORE and QRESYNC, with the state of an earlier session.
   * @returns The state of the folder.
   * @throws {NetError} "unsupported" if the server does not support the extension.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async examine(folder: ImapPath, options: ImapSelectOptions = {}): Promise<ImapSelected> {
    options = IMAP_SELECT.check("examine", options);
    const session = this.#session;
    return await this.#dialogue.exclusive(() => selectFolder(session, "EXAMINE", folder, options));
  }

  /**
   * Asks for the counters of a folder. It need not be open.
   *
   * @param folder The name or path of the folder.
   * @param options Counters besides the usual ones.
   * @returns The counters that the server knows.
   * @throws {TypeError} If an option is unknown or invalid.
   */
  async status(folder: ImapPath, options: ImapStatusOptions = {}): Promise<ImapStatus> {
    options = IMAP_STATUS.check("status", options);
    return await this.#dialogue.exclusive(() => folderStatus(this.#session, folder, options));
  }

  /**
   * Creates a folder.
   *
   * @param folder The name or path of the folder.
   * @throws {TypeError} If `folder` is no name, or if it contains a control character.
   */
  async create(folder: ImapPath): Promise<void> {
    await this.#doWith("Cannot make the folder", "CREATE", folder);
  }

  /**
   * Renames a folder.
   *
   * @param from The name or path of the folder.
   * @param to The new name or path of the folder.
   * @throws {TypeError} If an argument is no name, or if it contains a control character.
   */
  async rename(from: ImapPath, to: ImapPath): Promise<void> {
    await this.#doWith("Cannot rename the folder", "RENAME", from, to);
  }

  /**
   * Deletes a folder with all its messages.
   *
   * @param folder The name or path of the folder.
   * @throws {TypeError} If `folder` is no name, or if it contains a control character.
   */
  async deleteFolder(folder: ImapPath): Promise<void> {
    await this.#doWith("Cannot delete the folder", "DELETE", folder);
  }

  /**
   * Subscribes to a folder, or ends the subscription.
   *
   * @param folder The name or path of the folder.
   * @param wanted True to subscribe, false to end the subscription. Default: true.
   * @throws {TypeError} If `folder` is no name, or if it contains a control character.
   */
  async subscribe(folder: ImapPath, wanted = true): Promise<void> {
    await this.#doWith("Cannot subscribe to", wanted ? "SUBSCRIBE" : "UNSUBSCRIBE", folder);
  }

  /**
   * Searches the open folder for messages.
   *
   * @param search The criteria, all of which must match. Default: all messages.
   * @returns The UIDs of the messages, in ascending order.
   * @throws {TypeError | RangeError} If a criterion is unknown or invalid.
   */
  search(search: ImapSearch = {}): Promise<number[]> {
    return this.#dialogue.exclusive(() => searchMessages(this.#session, search));
  }

  /**
   * Fetches items of messages. Flags stay as they are. `await` gives all messages, `for await` gives
   * each when it arrives, in constant memory. Use {@linkcode ImapClient.message} for large messages,
   * which streams them.
   *
   * @param uids The UIDs of the messages.
   * @param items The items to fetch of each message.
   * @returns The messages that exist, each once, in the order of the server. Waiting for them throws an
   * {@linkcode ImapFetchError}, which has the other messages, if the server refuses some of them, and a
   * `TypeError` or `RangeError` if an item is unknown or invalid.
   *
   * @example Print the subjects of a large folder
   * ```ts
   * import type { ImapClient } from "@portside/kit/net/imap";
   *
   * async function printSubjects(mail: ImapClient): Promise<void> {
   *   for await (const { uid, envelope } of mail.fetch("1:*", { envelope: true })) {
   *     console.log(uid, envelope?.subject);
   *   }
   * }
   * ```
   */
  fetch(uids: ImapUids, items: ImapFetch): ImapFetching {
    const plan = () => {
      IMAP_FETCH.checkBriefly("fetch", items);
      return fetchPlan(items);
    };
    return new ImapFetching({
      all: async (onRefused) => {
        const wanted = plan();
        return await this.#dialogue.exclusive(() =>
          fetchAll(this.#session, uids, wanted, onRefused)
        );
      },
      each: () => fetchEach(this.#session, uids, plan()),
    });
  }

  /**
   * Fetches a message, or a section of it, as a stream. Other calls wait until the stream is read or
   * cancelled.
   *
   * @param uid The UID of the message.
   * @param section The section, such as `HEADER` or `1.2`. Default: the whole message.
   * @returns The bytes of the message or section.
   * @throws {NetError} "protocol" if there is no such message.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async message(uid: number, section = ""): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    UID("uid", uid);
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    void this.#dialogue.exclusive(() => streamSection(this.#session, uid, section, resolve))
      .catch(reject);
    return await promise;
  }

  /**
   * Downloads a part of a message: its transfer encoding is decoded, and a text arrives in UTF-8. The
   * bytes of a text in an unknown charset stay as they are. Other calls wait until the content is read
   * or cancelled.
   *
   * @param uid The UID of the message.
   * @param part The number of the part, as `bodyStructure` gives it, such as `1` or `2.1`.
   * @returns The description of the part, and its content as a stream.
   * @throws {NetError} "protocol" if there is no such message or part.
   * @throws {TypeError | RangeError} If an argument is invalid.
   *
   * @example Save an attachment
   * ```ts
   * import type { ImapClient } from "@portside/kit/net/imap";
   *
   * async function save(mail: ImapClient, uid: number, path: string): Promise<void> {
   *   const { content } = await mail.download(uid, "2");
   *   await Deno.writeFile(path, content);
   * }
   * ```
   */
  async download(uid: number, part: string): Promise<ImapDownload> {
    UID("uid", uid);
    PART("part", part);
    const [message] = await this.fetch(uid, { bodyStructure: true });
    const found = message?.bodyStructure && findPart(message.bodyStructure, part);
    if (found === undefined) {
      throw noSuchPart(this.#dialogue.peer, `message ${uid}`, `part ${part}`);
    }
    return decodedPart(found, await this.message(uid, part));
  }

  /**
   * Changes the flags of messages.
   *
   * @param uids The UIDs of the messages.
   * @param change "add" or "remove" for single flags, "set" to replace all flags.
   * @param flags The flags, such as `\Seen`.
   * @param options The state of the messages that must not have changed.
   * @returns The UIDs that were left out, because the messages have changed since `unchangedSince`.
   * @throws {NetError} "unsupported" if `unchangedSince` is given and the server lacks CONDSTORE.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async store(
    uids: ImapUids,
    change: "add" | "remove" | "set",
    flags: readonly string[],
    options: ImapStoreOptions = {},
  ): Promise<number[]> {
    CHANGE("change", change);
    options = IMAP_STORE.check("store", options);
    const list = `FLAGS.SILENT (${flags.map(imapFlag).join(" ")})`;
    return await this.#dialogue.exclusive(() =>
      storeItems(this.#session, uids, change, [list], options)
    );
  }

  /**
   * Copies messages into another folder.
   *
   * @param uids The UIDs of the messages.
   * @param folder The name or path of the other folder.
   * @returns The UIDs of the copies by the UIDs of the messages. Without UIDPLUS it is empty.
   */
  copy(uids: ImapUids, folder: ImapPath): Promise<ReadonlyMap<number, number>> {
    return this.#dialogue.exclusive(() => copyMessages(this.#session, "COPY", uids, folder));
  }

  /**
   * Moves messages into another folder, by MOVE if the server supports it. Otherwise the messages are
   * copied, marked as deleted, and removed as {@linkcode ImapClient.expunge} does it.
   *
   * @param uids The UIDs of the messages.
   * @param folder The name or path of the other folder.
   * @returns The new UIDs by the old ones. Without UIDPLUS it is empty.
   */
  async move(uids: ImapUids, folder: ImapPath): Promise<ReadonlyMap<number, number>> {
    const session = this.#session;
    if (session.supports("MOVE")) {
      return await this.#dialogue.exclusive(() => copyMessages(session, "MOVE", uids, folder));
    }
    const copies = await this.copy(uids, folder);
    await this.store(uids, "add", ["\\Deleted"]);
    await this.expunge(uids);
    return copies;
  }

  /**
   * Removes the messages that are marked as deleted. A server without UIDPLUS (RFC 4315) can only remove
   * all of them. If `uids` are given, the client first removes the marks of all others, and sets them again
   * afterwards. A mark that somebody else sets meanwhile is not seen.
   *
   * @param uids The UIDs to which the removal is limited. An empty list removes nothing. Default: all
   * marked messages.
   * @param options Whether to refuse the removal instead, if a server without UIDPLUS has other marks.
   * @throws {NetError} "unsupported" if `others` is "refuse" and there are others.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async expunge(uids?: ImapUids, options: ImapExpungeOptions = {}): Promise<void> {
    options = IMAP_EXPUNGE.check("expunge", options);
    await this.#dialogue.exclusive(() => expungeMessages(this.#session, uids, options));
  }

  /**
   * Appends a message to a folder.
   *
   * @param folder The name or path of the folder.
   * @param message The message, with CRLF line endings.
   * @param options The flags and the time of arrival, and the size of a stream in bytes.
   * @returns The UID of the message if the server reports it.
   * @throws {ReplyError} If the server rejects the message.
   * @throws {RangeError} If a stream has another size than `size`. This ends the session.
   * @throws {TypeError | RangeError} If an option is invalid, or if a stream has no `size`.
   */
  async append(
    folder: ImapPath,
    message: ImapSource,
    options: ImapAppendOptions = {},
  ): Promise<number | undefined> {
    return await orCancel(message, this.#append(folder, message, options));
  }

  async #append(
    folder: ImapPath,
    message: ImapSource,
    options: ImapAppendOptions,
  ): Promise<number | undefined> {
    const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
    const rules = bytes instanceof Uint8Array ? IMAP_APPEND : IMAP_APPEND_STREAM;
    options = rules.check("append", options);
    return await this.#dialogue.exclusive(() =>
      appendMessage(this.#session, folder, bytes, options)
    );
  }

  /**
   * Yields the changes in the open folder from now on, by IDLE (RFC 2177). IDLE is renewed before the
   * server ends the session. A server without IDLE is asked from time to time. Other calls run in
   * between, also calls from within the loop, and changes that they reveal are yielded as well.
   *
   * @param options A signal that ends the loop, the time after which IDLE is renewed, and the time between
   * questions to a server without IDLE.
   * @returns The changes. Iterating throws a `NetError`: "limit" if the server reports more than 100000
   * changes at once, "unsupported" if it does not support IDLE and `poll` is 0.
   * @throws {TypeError | RangeError} If an option is unknown or invalid.
   */
  idle(options: ImapIdleOptions = {}): AsyncGenerator<ImapEvent, void, void> {
    options = IMAP_IDLE.check("idle", options);
    const { renew = 25 * 60_000, poll = 60_000, signal } = options;
    const times = { renew: timeLimit(renew), poll: timeLimit(poll) };
    return idleImap(this.#session, times, signal);
  }

  /**
   * Sends a command that has no method of its own, such as `GETMETADATA "" /private/x`.
   *
   * @param line The command, without a tag and without a line ending.
   * @returns The data responses. They may include changes in the open folder.
   * @throws {ReplyError} If the server rejects the command.
   * @throws {TypeError} If `line` is not one line.
   */
  async command(line: string): Promise<ImapResponse[]> {
    commandLine("line", line);
    const found: ImapResponse[] = [];
    await this.#dialogue.exclusive(() =>
      this.#session.run(`Cannot run ${line.slice(0, 100)}`, [line], {
        take(response) {
          if (response.type === "data") found.push(response);
          return false;
        },
      })
    );
    return found;
  }

  /** Sends NOOP. The server reports changes in the open folder, and keeps the session alive. */
  async noop(): Promise<void> {
    await this.#do("Cannot keep the session alive", ["NOOP"]);
  }

  /** Ends the session politely (LOGOUT). It never rejects. */
  async close(): Promise<void> {
    await this.#dialogue.close(async () => {
      this.#session.leaving = true;
      await this.#do("Cannot end the session", ["LOGOUT"]);
    });
  }

  /**
   * Ends the session at once.
   *
   * @param reason The error for calls that are waiting. Default: an error of kind "closed".
   */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session as {@linkcode ImapClient.close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Sends a command with the names of folders. */
  async #doWith(what: string, verb: string, ...folders: readonly ImapPath[]): Promise<void> {
    await this.#dialogue.exclusive(async () => {
      const parts: CommandPart[] = [verb];
      const names: string[] = [];
      for (const folder of folders) {
        const name = await nameOf(this.#session, folder);
        names.push(name);
        parts.push(" ", folderPart(this.#session, name));
      }
      await this.#session.run(`${what} ${names[0]}`, parts);
    });
  }

  async #do(what: string, parts: readonly CommandPart[]): Promise<void> {
    await this.#dialogue.exclusive(() => this.#session.run(what, parts));
  }
}

/** Rejects arguments that are no pattern for the names of folders. */
function checkPattern(pattern: string, reference: string): void {
  plainName("pattern", pattern);
  plainName("reference", reference);
}
