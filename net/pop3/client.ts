/**
 * A POP3 client (RFC 1939, 2449, 2595, 5034, 6856): encrypted by default, with messages as streams.
 *
 * `quit()` deletes the messages that are marked as deleted. A session that ends in another way, by
 * `close()` or by a lost connection, deletes nothing.
 *
 * **Permissions**: `--allow-net=mail.example:995` for the server, or port 110 with STLS.
 *
 * @module
 */

import type { Dialogue } from "../internal/dialogue.ts";
import { checkCredentials, command as commandLine } from "../internal/mail_rules.ts";
import { openSession } from "../internal/mail_session.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import {
  parsePop3Language,
  parsePop3Numbers,
  parsePop3Uid,
  type Pop3Entry,
  type Pop3Language,
  type Pop3Uid,
} from "./codec.ts";
import { Pop3Control } from "./_control.ts";
import { manyTexts, textStream } from "./_message_text.ts";
import {
  COMMAND,
  CONNECT_POP3,
  languageTag,
  lineCount,
  MECHANISM,
  messageNumber,
  messageNumbers,
  RETRIEVE_ALL,
  TOP_ALL,
} from "./_option_rules.ts";
import type {
  ConnectPop3Options,
  Pop3Answer,
  Pop3Message,
  Pop3Refusal,
  Pop3Stat,
  RetrieveAllOptions,
  TopAllOptions,
} from "./options.ts";

export type { Pop3Entry, Pop3Language, Pop3Uid } from "./codec.ts";
export { type Pop3Failure, Pop3RetrieveError } from "./_retrieve_error.ts";
export type * from "./options.ts";

const DEFAULTS = { tls: "implicit", ports: { implicit: 995, starttls: 110 } } as const;
/** The number of messages to ask for before the first of them has arrived. */
const PIPELINE = 32;
/** Default of the size limit of a message in memory, in bytes. */
const MAX_MESSAGE = 16 * 1024 * 1024;

/**
 * Connects, encrypts the connection, and logs in if `username` is given.
 *
 * @param options The server, the encryption, and the login.
 * @returns The client, ready for commands.
 * @throws {ReplyError} If the server rejects the session or the login.
 * @throws {NetError} The errors of `connectTls`; "unsupported" if the server does not support STLS or
 * any common mechanism; "usage" for a login without encryption.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export async function connectPop3(options: ConnectPop3Options = {}): Promise<Pop3Client> {
  options = CONNECT_POP3.check("connectPop3", options);
  return await openSession(options, DEFAULTS, (dialogue) => new Pop3Client(dialogue, options));
}

/** A session with a POP3 server, made by {@linkcode connectPop3}. Calls run one after the other. */
export class Pop3Client implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #control: Pop3Control;
  #deleted = false;
  #quit = false;

  /**
   * Takes over a dialogue. For use by `connectPop3`.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectPop3Options) {
    this.#dialogue = dialogue;
    this.#control = new Pop3Control(dialogue, options);
  }

  /** The capabilities of the server (RFC 2449): names in capitals, each with its arguments. */
  get capabilities(): ReadonlyMap<string, readonly string[]> {
    return this.#control.capabilities;
  }

  /** Whether the connection is encrypted. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the server sends messages in UTF-8, also in headers (RFC 6856 §2). */
  get utf8(): boolean {
    return this.#control.utf8;
  }

  /** Whether the session is open. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /**
   * Reads the greeting and encrypts the connection. For use by `connectPop3`.
   *
   * @ignore
   */
  async begin(): Promise<void> {
    await this.#dialogue.exclusive(() => this.#control.begin());
  }

  /**
   * Logs in by SASL, by USER and PASS, or by APOP. If the server refuses one of them, the next one
   * follows, but a password that the server has called wrong is not sent again.
   *
   * @param credentials The user name, with a password or an access token.
   * @param mechanism The only mechanism to use. Default: the best one that both sides support, then the
   * others.
   * @throws {ReplyError} If the server rejects the login.
   * @throws {NetError} "unsupported" if there is no common mechanism that can carry the credentials;
   * "usage" if the password would be sent without encryption.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async login(credentials: SaslCredentials, mechanism?: SaslName | "USER" | "APOP"): Promise<void> {
    if (mechanism !== undefined) MECHANISM("mechanism", mechanism);
    credentials = checkCredentials("login", credentials, mechanism);
    await this.#dialogue.exclusive(() => this.#control.login(credentials, mechanism));
  }

  /**
   * Asks for the number and total size of the messages (STAT).
   *
   * @returns The number of messages, and their total size in bytes.
   * @throws {NetError} "protocol" if the reply has no numbers. The session continues.
   */
  async stat(): Promise<Pop3Stat> {
    const { text } = await this.#dialogue.exclusive(() =>
      this.#control.command("Cannot ask for the size", "STAT")
    );
    const found = parsePop3Numbers(text);
    if (found !== undefined) return { count: found.number, size: found.size };
    throw this.#dialogue.unexpected(text);
  }

  /**
   * Lists the messages (LIST). Messages that are marked as deleted are left out. Lines that do not begin
   * with a number are skipped.
   *
   * @returns The number and size of each message.
   */
  list(): Promise<Pop3Entry[]> {
    return this.#list("Cannot list the messages", "LIST", parsePop3Numbers);
  }

  /**
   * Lists the unique ids of the messages (UIDL). An id stays the same in later sessions. Lines that do not
   * begin with a number are skipped.
   *
   * @returns The number and unique id of each message.
   */
  uids(): Promise<Pop3Uid[]> {
    return this.#list("Cannot list the unique ids", "UIDL", parsePop3Uid);
  }

  /**
   * Fetches a message as a stream (RETR). Other calls wait until the stream is read or cancelled.
   *
   * @param number The number of the message.
   * @returns The bytes of the message, with CRLF line endings.
   * @throws {ReplyError} If there is no such message.
   * @throws {RangeError} If `number` is not an integer of at least 1.
   */
  async retrieve(number: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    messageNumber("number", number);
    return await this.#text(`Cannot retrieve message ${number}`, `RETR ${number}`);
  }

  /**
   * Fetches many messages into memory, one at a time. With a server that supports PIPELINING (RFC 2449
   * §6.6) the client asks for the next messages while one is on its way, which is several times as
   * fast for small messages. Other calls run in between, also calls from within the loop. Messages
   * that were asked for and are not wanted in the end are read and dropped.
   *
   * @param numbers The numbers of the messages.
   * @param options The size limit of a message.
   * @returns The messages, in the order of `numbers`. If the server refuses some of them, iterating throws
   * a {@linkcode Pop3RetrieveError} after the last one, which names them. If the only messages that are
   * missing are larger than `maxSize`, it throws a `NetError` "limit" then.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  retrieveAll(
    numbers: readonly number[],
    options: RetrieveAllOptions = {},
  ): AsyncGenerator<Pop3Message, void, void> {
    messageNumbers("numbers", numbers);
    options = RETRIEVE_ALL.check("retrieveAll", options);
    const { maxSize = MAX_MESSAGE } = options;
    return this.#texts(numbers, maxSize, (number) => `RETR ${number}`);
  }

  /**
   * Fetches the header of a message and the first lines of its body (TOP).
   *
   * @param number The number of the message.
   * @param lines The number of body lines. Default: 0.
   * @returns The bytes, as for {@linkcode Pop3Client.retrieve}.
   * @throws {ReplyError} If there is no such message, or if the server does not support TOP.
   * @throws {RangeError} If an argument is out of range.
   */
  async top(number: number, lines = 0): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    messageNumber("number", number);
    lineCount("lines", lines);
    const what = `Cannot retrieve the header of message ${number}`;
    return await this.#text(what, `TOP ${number} ${lines}`);
  }

  /**
   * Fetches the headers of many messages and the first lines of their bodies (TOP) into memory. It asks
   * for the next ones ahead, as {@linkcode Pop3Client.retrieveAll} does.
   *
   * @param numbers The numbers of the messages.
   * @param options The number of body lines, and the size limit of a result.
   * @returns The headers, in the order of `numbers`. Iterating throws as for `retrieveAll`.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  topAll(
    numbers: readonly number[],
    options: TopAllOptions = {},
  ): AsyncGenerator<Pop3Message, void, void> {
    messageNumbers("numbers", numbers);
    options = TOP_ALL.check("topAll", options);
    const { lines = 0, maxSize = MAX_MESSAGE } = options;
    return this.#texts(numbers, maxSize, (number) => `TOP ${number} ${lines}`);
  }

  /**
   * Marks a message as deleted (DELE). {@linkcode Pop3Client.quit} deletes it.
   *
   * @param number The number of the message.
   * @throws {ReplyError} If there is no such message.
   * @throws {RangeError} If `number` is not an integer of at least 1.
   */
  async delete(number: number): Promise<void> {
    messageNumber("number", number);
    const command = `DELE ${number}`;
    await this.#dialogue.exclusive(() =>
      this.#control.command(`Cannot delete message ${number}`, command)
    );
    this.#deleted = true;
  }

  /**
   * Marks many messages as deleted (DELE), with as few round trips as the server allows. All are tried,
   * also after a refusal.
   *
   * @param numbers The numbers of the messages.
   * @returns The messages that could not be marked, each with the refusal of the server.
   * @throws {TypeError | RangeError} If `numbers` is not an array of integers of at least 1.
   */
  async deleteAll(
    numbers: readonly number[],
  ): Promise<Pop3Refusal[]> {
    messageNumbers("numbers", numbers);
    const refusals: Pop3Refusal[] = [];
    const depth = this.#depth;
    for (let at = 0; at < numbers.length; at += depth) {
      const some = numbers.slice(at, at + depth);
      const replies = await this.#dialogue.exclusive(() =>
        this.#control.commands(some.map((number) => `DELE ${number}`))
      );
      for (const [i, status] of replies.entries()) {
        const number = some[i]!;
        if (status.ok) this.#deleted = true;
        else {
          const error = this.#control.refused(`Cannot delete message ${number}`, status);
          refusals.push({ number, error });
        }
      }
    }
    return refusals;
  }

  /** Removes all deletion marks (RSET). */
  async reset(): Promise<void> {
    await this.#dialogue.exclusive(() =>
      this.#control.command("Cannot remove the deletion marks", "RSET")
    );
    this.#deleted = false;
  }

  /**
   * Lists the languages of the texts of the server (LANG, RFC 6856 §3).
   *
   * @returns The languages. The first of them may be the default.
   * @throws {ReplyError} If the server does not support LANG.
   */
  async languages(): Promise<Pop3Language[]> {
    return await this.#list("Cannot list the languages", "LANG", parsePop3Language);
  }

  /**
   * Selects the language of the texts of the server (LANG, RFC 6856 §3).
   *
   * @param tag The tag of the language, such as `de`; `*` for the default of the server.
   * @returns The text of the reply, in this language.
   * @throws {ReplyError} If the server does not have the language.
   * @throws {TypeError} If `tag` is not a language tag.
   */
  async setLanguage(tag: string): Promise<string> {
    languageTag("tag", tag);
    const { text } = await this.#dialogue.exclusive(() =>
      this.#control.command(`Cannot select the language ${tag}`, `LANG ${tag}`)
    );
    return text;
  }

  /**
   * Sends a command that has no method of its own, such as `XTND`.
   *
   * @param line The command, without a line ending.
   * @param options `multiline`: whether lines follow the first line of the reply. Default: false.
   * @returns The text of the reply, and its further lines.
   * @throws {ReplyError} If the server rejects the command.
   * @throws {TypeError} If `line` is not one line.
   */
  async command(line: string, options: { multiline?: boolean } = {}): Promise<Pop3Answer> {
    commandLine("line", line);
    options = COMMAND.check("command", options);
    return await this.#dialogue.exclusive(async () => {
      const { text } = await this.#control.command(`Cannot run ${line.slice(0, 100)}`, line);
      return { text, lines: options.multiline ? await this.#control.lines() : [] };
    });
  }

  /** Sends NOOP, which does nothing except to keep the session alive. */
  async noop(): Promise<void> {
    await this.#dialogue.exclusive(() =>
      this.#control.command("Cannot keep the session alive", "NOOP")
    );
  }

  /**
   * Deletes the messages that are marked as deleted, and ends the session (QUIT).
   *
   * @throws {ReplyError} If the server could not delete all of them.
   */
  async quit(): Promise<void> {
    if (this.#quit) return;
    await this.#dialogue.exclusive(() => this.#control.command("Cannot end the session", "QUIT"));
    this.#quit = true;
    await this.#dialogue.close(() => Promise.resolve());
  }

  /** Ends the session without deleting messages, unless {@linkcode Pop3Client.quit} has done so. */
  async close(): Promise<void> {
    await this.#dialogue.close(async () => {
      if (this.#quit) return;
      if (this.#deleted) await this.reset();
      await this.quit();
    });
  }

  /**
   * Ends the session at once. No message is deleted.
   *
   * @param reason The error for calls that are waiting. Default: an error of kind "closed".
   */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session as {@linkcode Pop3Client.close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The number of commands that may be sent before the reply to the first of them (RFC 2449 §6.6). */
  get #depth(): number {
    return this.#control.capabilities.has("PIPELINING") ? PIPELINE : 1;
  }

  /** Sends a command and reads the lines of its reply. Lines that make no sense are skipped. */
  #list<T>(
    what: string,
    command: string,
    parse: (line: string) => T | undefined,
  ): Promise<T[]> {
    return this.#dialogue.exclusive(async () => {
      await this.#control.command(what, command);
      return (await this.#control.lines()).map(parse).filter((entry) => entry !== undefined);
    });
  }

  #texts(numbers: readonly number[], maxSize: number, command: (number: number) => string) {
    return manyTexts(this.#dialogue, numbers, {
      command,
      depth: this.#depth,
      maxSize,
      begin: async (number) => {
        const status = await this.#control.status();
        if (!status.ok) throw this.#control.refused(`Cannot retrieve message ${number}`, status);
      },
    });
  }

  /** Fetches a text as a stream. The turn ends when the stream has been read. */
  #text(what: string, command: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    void this.#dialogue.exclusive(async () => {
      try {
        await this.#control.command(what, command);
      } catch (error) {
        reject(this.#dialogue.causeOf(error));
        throw error;
      }
      const { stream, done } = textStream(this.#dialogue);
      resolve(stream);
      await done;
    }).catch(reject);
    return promise;
  }
}
