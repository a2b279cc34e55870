/**
 * A POP3 client (RFC 1939, 2449, 2595, 5034): encrypted by default, messages as streams.
 *
 * A message is deleted when the session ends in order, by `quit()`; a connection that breaks off,
 * or is disposed of without `quit()`, deletes nothing.
 *
 * @example The messages of a maildrop
 * ```ts
 * import { connectPop3 } from "@portside/kit/net/pop3";
 *
 * async function sizes(hostname: string, password: string): Promise<number[]> {
 *   await using mail = await connectPop3({ hostname, user: "ann", password });
 *   return (await mail.list()).map(({ size }) => size);
 * }
 * ```
 *
 * **Permissions**: `--allow-net=mail.example:995` for the server, or port 110 with STLS.
 *
 * @module
 */

import {
  checkArgument,
  type Dialogue,
  LIST_TIME,
  MAX_LINES,
  MAX_LIST,
} from "../internal/dialogue.ts";
import { openSession } from "../internal/mail_session.ts";
import type { MailLoginOptions } from "../mail/options.ts";
import {
  parsePop3Capabilities,
  parsePop3Challenge,
  parsePop3Numbers,
  parsePop3Status,
  parsePop3Uid,
  type Pop3Entry,
  type Pop3Status,
  type Pop3Uid,
} from "./codec.ts";
import { manyTexts, textStream } from "./_text.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { type SaslCredentials, type SaslName, startSasl } from "../mail/sasl.ts";

export type { Pop3Entry, Pop3Uid } from "./codec.ts";

/**
 * Options of {@linkcode connectPop3}. All times are in milliseconds; 0 lifts a limit. The mechanism
 * "USER" stands for the commands USER and PASS.
 */
export type ConnectPop3Options = MailLoginOptions<SaslName | "USER">;

/** How much there is in a maildrop. */
export interface Pop3Stat {
  /** Messages. */
  readonly count: number;
  /** Bytes. */
  readonly size: number;
}

/** What a server says to a command that it takes. */
export interface Pop3Answer {
  /** What follows `+OK`. */
  readonly text: string;
  /** The lines behind, if they were asked for. */
  readonly lines: readonly string[];
}

const DEFAULTS = { tls: "implicit", ports: { implicit: 995, starttls: 110 } } as const;
/** Messages that are asked for before the first of them has come. */
const PIPELINE = 32;
/** Response codes of what may pass (RFC 2449 §8.1, RFC 3206). */
const TEMPORARY: ReadonlySet<string> = new Set(["IN-USE", "LOGIN-DELAY", "SYS/TEMP"]);

/**
 * Connects, encrypts the line, and by option logs in.
 *
 * @param options The server, how to encrypt, who logs in.
 * @returns The client.
 * @throws {ReplyError} If the server does not let the user in.
 * @throws {NetError} As `connectTls`; "unsupported" if the server knows no STLS or no mechanism in
 * common; "usage" for a login without encryption.
 */
export async function connectPop3(options: ConnectPop3Options = {}): Promise<Pop3Client> {
  const allow = options.allowPlaintextLogin === true;
  return await openSession(options, DEFAULTS, (dialogue) => new Pop3Client(dialogue, allow));
}

/** A session; {@linkcode connectPop3} makes one. Calls wait for each other. */
export class Pop3Client implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #allowPlaintext: boolean;
  #capabilities: ReadonlyMap<string, readonly string[]> = new Map();
  #deleted = false;
  #quit = false;

  /**
   * Takes over a dialogue; `connectPop3` does that.
   *
   * @param dialogue The connection.
   * @param allowPlaintext Whether a password may be sent without encryption.
   * @ignore
   */
  constructor(dialogue: Dialogue, allowPlaintext: boolean) {
    this.#dialogue = dialogue;
    this.#allowPlaintext = allowPlaintext;
  }

  /** What the server can, by name in capitals, with the words that follow (RFC 2449). */
  get capabilities(): ReadonlyMap<string, readonly string[]> {
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

  /**
   * Reads the greeting and encrypts the line; `connectPop3` does that.
   *
   * @ignore
   */
  async begin(): Promise<void> {
    await this.#dialogue.exclusive(async () => {
      const greeting = await this.#status();
      if (!greeting.ok) throw this.#refused("Cannot begin", greeting);
      await this.#askCapabilities();
      if (this.#dialogue.tls !== "starttls") return;
      if (!this.#capabilities.has("STLS")) {
        throw this.#dialogue.unencryptable("STLS");
      }
      await this.#command("Cannot encrypt the line", "STLS");
      await this.#dialogue.startTls();
      // What was said before was said by anybody.
      await this.#askCapabilities();
    });
  }

  /**
   * Logs in, by the best mechanism of SASL, or USER and PASS where there is none.
   *
   * @param credentials Who.
   * @param mechanism This mechanism and no other.
   * @throws {ReplyError} If the server does not let the user in.
   * @throws {NetError} "usage", if the password would be sent without encryption.
   */
  async login(credentials: SaslCredentials, mechanism?: SaslName | "USER"): Promise<void> {
    this.#dialogue.conceal(credentials.password, credentials.accessToken);
    const offered = this.#capabilities.get("SASL") ?? [];
    const bySasl = mechanism !== "USER" && (offered.length > 0 || mechanism !== undefined ||
      credentials.accessToken !== undefined);
    await this.#dialogue.exclusive(() =>
      bySasl ? this.#sasl(offered, credentials, mechanism) : this.#plain(credentials)
    );
    await this.#dialogue.exclusive(() => this.#askCapabilities());
  }

  /** How many messages there are, and how large they are together. */
  async stat(): Promise<Pop3Stat> {
    const { text } = await this.#dialogue.exclusive(() =>
      this.#command("Cannot ask for the size", "STAT")
    );
    const found = parsePop3Numbers(text) ?? this.#dialogue.nonsense(text);
    return { count: found.number, size: found.size };
  }

  /** The messages with their sizes; those that are marked as deleted are left out. */
  list(): Promise<Pop3Entry[]> {
    return this.#dialogue.exclusive(async () => {
      await this.#command("Cannot list the messages", "LIST");
      return (await this.#lines()).map((line) =>
        parsePop3Numbers(line) ?? this.#dialogue.nonsense(line)
      );
    });
  }

  /** The names of the messages that outlive the session. */
  uids(): Promise<Pop3Uid[]> {
    return this.#dialogue.exclusive(async () => {
      await this.#command("Cannot list the names", "UIDL");
      return (await this.#lines()).map((line) =>
        parsePop3Uid(line) ?? this.#dialogue.nonsense(line)
      );
    });
  }

  /**
   * A message, as it is transferred. Other calls wait until it is read or cancelled.
   *
   * @param number Its number.
   * @returns Its bytes, lines ended by CRLF.
   * @throws {ReplyError} If there is no such message.
   */
  async retrieve(number: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return await this.#text(`Cannot retrieve message ${number}`, `RETR ${checkNumber(number)}`);
  }

  /**
   * Many messages, each whole in memory, the next ones asked for while one is on its way where the
   * server can (PIPELINING, RFC 2449 §6.6): for small messages several times as fast as one by one.
   * Other calls go between, also those of the loop itself; what has been asked for is read first. What
   * is not wanted in the end is read and dropped.
   *
   * @param numbers Their numbers.
   * @param options `maxSize`: the most bytes of a message, 16 MiB by default.
   * @returns The messages in this order.
   * @throws {ReplyError} If there is no such message.
   * @throws {NetError} "limit", if one is larger.
   */
  async *retrieveAll(
    numbers: readonly number[],
    { maxSize = 16 * 1024 * 1024 }: { maxSize?: number } = {},
  ): AsyncGenerator<{ number: number; data: Uint8Array<ArrayBuffer> }, void, void> {
    numbers.forEach((number) => checkNumber(number));
    yield* manyTexts(this.#dialogue, numbers, {
      depth: this.#capabilities.has("PIPELINING") ? PIPELINE : 1,
      maxSize,
      begin: async (number) => {
        const status = await this.#status();
        if (!status.ok) throw this.#refused(`Cannot retrieve message ${number}`, status);
      },
    });
  }

  /**
   * The head of a message and the first lines of its body.
   *
   * @param number Its number.
   * @param lines Lines of the body.
   * @returns Its bytes, as of {@linkcode Pop3Client.retrieve}.
   * @throws {ReplyError} If there is no such message, or the server knows no TOP.
   */
  async top(number: number, lines = 0): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const command = `TOP ${checkNumber(number)} ${checkNumber(lines, 0)}`;
    return await this.#text(`Cannot retrieve the head of message ${number}`, command);
  }

  /**
   * Marks a message as deleted; that becomes true by {@linkcode Pop3Client.quit}.
   *
   * @param number Its number.
   * @throws {ReplyError} If there is no such message.
   */
  async delete(number: number): Promise<void> {
    const command = `DELE ${checkNumber(number)}`;
    await this.#dialogue.exclusive(() => this.#command(`Cannot delete message ${number}`, command));
    this.#deleted = true;
  }

  /** Takes all marks back. */
  async reset(): Promise<void> {
    await this.#dialogue.exclusive(() => this.#command("Cannot take the deletions back", "RSET"));
    this.#deleted = false;
  }

  /**
   * Sends a command that has no method of its own, `LANG` for example.
   *
   * @param line The command.
   * @param options `multiline`: whether lines follow the first one, up to a dot.
   * @returns What follows `+OK`, and those lines.
   * @throws {ReplyError} If the server refuses it.
   */
  command(line: string, { multiline = false }: { multiline?: boolean } = {}): Promise<Pop3Answer> {
    return this.#dialogue.exclusive(async () => {
      checkArgument("a command", line);
      const { text } = await this.#command(`Cannot do ${line.slice(0, 100)}`, line);
      return { text, lines: multiline ? await this.#lines() : [] };
    });
  }

  /** Does nothing, so that the server does not end the session for idleness. */
  async noop(): Promise<void> {
    await this.#dialogue.exclusive(() => this.#command("Cannot keep the session alive", "NOOP"));
  }

  /**
   * Ends the session; what is marked as deleted is deleted now.
   *
   * @throws {ReplyError} If the server could not delete all of it.
   */
  async quit(): Promise<void> {
    if (this.#quit) return;
    await this.#dialogue.exclusive(() => this.#command("Cannot end the session", "QUIT"));
    this.#quit = true;
    await this.#dialogue.close(() => Promise.resolve());
  }

  /** Ends the session at once; nothing is deleted. */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session in order, unless `quit` has; nothing is deleted that `quit` has not deleted. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dialogue.close(async () => {
      if (this.#quit) return;
      if (this.#deleted) await this.reset();
      await this.quit();
    });
  }

  async #command(what: string, line: string, shown?: string): Promise<Pop3Status> {
    // It would be taken for the answer to this.
    if (this.#dialogue.talkative) throw this.#dialogue.broken("answers what it was not asked");
    await this.#dialogue.writeLine(line, shown);
    const status = await this.#status();
    if (!status.ok) throw this.#refused(what, status);
    return status;
  }

  async #status(): Promise<Pop3Status> {
    const line = await this.#dialogue.readLine();
    return parsePop3Status(line) ?? this.#dialogue.nonsense(line);
  }

  #refused(what: string, { code, text }: Pop3Status): ReplyError {
    const temporary = code !== undefined && TEMPORARY.has(code);
    return this.#dialogue.refused(what, { code: "-ERR", enhanced: code, lines: [text], temporary });
  }

  async #lines(time = LIST_TIME): Promise<string[]> {
    const lines: string[] = [];
    const { timeout } = this.#dialogue;
    this.#dialogue.allow(timeout === 0 ? 0 : Math.max(timeout, time));
    let size = 0;
    for (let line; (line = await this.#dialogue.readLine()) !== ".";) {
      size += line.length;
      if (lines.length >= MAX_LINES || size > MAX_LIST) {
        throw this.#dialogue.broken("sends a list that does not end");
      }
      lines.push(line.startsWith(".") ? line.slice(1) : line);
    }
    return lines;
  }

  async #askCapabilities(): Promise<void> {
    try {
      await this.#command("Cannot ask for the capabilities", "CAPA");
    } catch (error) {
      // Servers of before 1998 know no CAPA.
      if (!(error instanceof ReplyError)) throw error;
      this.#capabilities = new Map();
      return;
    }
    this.#capabilities = parsePop3Capabilities(await this.#lines(0));
  }

  async #plain({ user, password = "" }: SaslCredentials): Promise<void> {
    this.#dialogue.checkLogin();
    checkArgument("a user", user);
    checkArgument("a password", password);
    await this.#command("Cannot log in", `USER ${user}`);
    await this.#command("Cannot log in", `PASS ${password}`, "PASS ***");
  }

  async #sasl(
    offered: readonly string[],
    credentials: SaslCredentials,
    mechanism: SaslName | "USER" | undefined,
  ): Promise<void> {
    const exchange = startSasl(offered, credentials, {
      encrypted: this.#dialogue.encrypted,
      allowPlaintext: this.#allowPlaintext,
      ...(mechanism !== undefined && mechanism !== "USER" && { mechanism }),
    });
    await this.#dialogue.writeLine(`AUTH ${exchange.name}`);
    let first = exchange.initial;
    for (;;) {
      const line = await this.#dialogue.readLine();
      const challenge = parsePop3Challenge(line);
      if (challenge === undefined) {
        const status = parsePop3Status(line) ?? this.#dialogue.nonsense(line);
        if (!status.ok) throw this.#refused("Cannot log in", status);
        return exchange.finish();
      }
      // The initial answer is given when the server asks for it (RFC 5034 §4).
      await this.#dialogue.answer(exchange, challenge, first);
      first = undefined;
    }
  }

  /** A text whose reading is part of the turn. */
  #text(what: string, command: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    void this.#dialogue.exclusive(async () => {
      try {
        await this.#command(what, command);
      } catch (error) {
        reject(error);
        throw error;
      }
      const { stream, done } = textStream(this.#dialogue);
      resolve(stream);
      await done;
    }).catch(reject);
    return promise;
  }
}

function checkNumber(value: number, least = 1): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`Cannot use ${value}: it is a whole number from ${least} up`);
}
