/** What the clients of line protocols share: dialling, lines in and out, STARTTLS, the trace. */

import type { Connection } from "../connection/connection.ts";
import { NetError, type NetErrorKind, type NetPhase } from "../errors/errors.ts";
import { Intake } from "./intake.ts";
import { KeepAlive } from "./keep_alive.ts";
import { checkNumber } from "./options.ts";
import type { MailClientOptions } from "../mail/options.ts";
import { type Reply, ReplyError } from "../errors/reply_error.ts";
import type { SaslExchange } from "../mail/sasl.ts";
import { Secrets } from "./secrets.ts";
import { connectTcp } from "../tcp/client.ts";
import { escapeControls } from "../text.ts";
import { connectTls } from "../tls/client.ts";
import { upgradeTls } from "../tls/upgrade.ts";

/** What a protocol says of itself. */
export interface DialogueDefaults {
  readonly tls: "implicit" | "starttls";
  readonly ports: { readonly implicit: number; readonly starttls: number };
}

/** How long to wait. */
interface WaitOptions {
  /** @default the time that an answer may take */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** What the server has done if it ends meanwhile. */
  readonly ended?: string;
}

/** One wait, of one read or several. */
export interface Wait {
  readonly ended: string;
  readonly due: number;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** What a server has done that ends before the end of what it sends. */
export const WITHIN = "ended within a message";

/** The most bytes of a line of a server's. */
const MAX_LINE = 8192;
/** Bytes of a list. */
export const MAX_LIST = 64 * 1024 * 1024;
/** Lines of a list: a maildrop of a million messages. */
export const MAX_LINES = 1_000_000;
/** How long a list may take that comes line by line, in milliseconds. */
export const LIST_TIME = 600_000;
/** How long a polite end may take, in milliseconds. */
const FAREWELL = 2000;

/** One connection to a server that speaks in lines. */
export class Dialogue {
  readonly conn: Connection;
  /** How the line is, or will be, encrypted. */
  readonly tls: "implicit" | "starttls" | "none";
  /** The server in words. */
  readonly peer: string;
  /** How long an answer may take. */
  readonly timeout: number;

  /** Does something when nobody else does. */
  readonly keepAlive: KeepAlive;

  /** How many wait for their turn with work to do. */
  queued = 0;
  /** Called when there is one more. */
  onQueued: (() => void) | undefined;

  readonly #options: MailClientOptions;
  readonly #onAbort: () => void;
  readonly #intake = new Intake();
  readonly #secrets = new Secrets();
  /** Errors after which the session goes on. */
  readonly #spared = new WeakSet<object>();
  #due = Infinity;
  #limit = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(conn: Connection, options: MailClientOptions, tls: Dialogue["tls"]) {
    this.conn = conn;
    this.tls = tls;
    this.peer = conn.peer;
    this.timeout = options.timeout ?? 30_000;
    this.keepAlive = new KeepAlive(options.keepAlive ?? 0);
    this.#options = options;
    this.#onAbort = () => conn.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Dials, with TLS if it is to be there from the beginning. */
  static async open(options: MailClientOptions, defaults: DialogueDefaults): Promise<Dialogue> {
    const { tls = defaults.tls, hostname = "127.0.0.1", connection, signal } = options;
    if (tls !== "implicit" && tls !== "starttls" && tls !== "none") {
      throw new TypeError(`Cannot use tls "${tls}": it is "implicit", "starttls" or "none"`);
    }
    checkNumber("timeout", options.timeout ?? 0);
    checkNumber("connectTimeout", options.connectTimeout ?? 0);
    checkNumber("keepAlive", options.keepAlive ?? 0);
    signal?.throwIfAborted();
    if (connection !== undefined) {
      const dialogue = new Dialogue(connection, options, tls);
      try {
        if (tls === "implicit" && !dialogue.encrypted) await dialogue.startTls();
      } catch (error) {
        dialogue.abort(error);
        throw error;
      }
      return dialogue;
    }
    const dial = {
      hostname,
      port: options.port ??
        (tls === "implicit" ? defaults.ports.implicit : defaults.ports.starttls),
      timeout: options.connectTimeout ?? 10_000,
      lingerTimeout: 0,
      writeTimeout: options.timeout ?? 30_000,
      ...(signal && { signal }),
    };
    const conn = tls === "implicit"
      ? await connectTls({ ...dial, ...this.#trust(options) })
      : await connectTcp(dial);
    return new Dialogue(conn, options, tls);
  }

  static #trust({ serverName, caCerts, connectTimeout }: MailClientOptions) {
    return {
      ...(serverName !== undefined && { serverName }),
      ...(caCerts !== undefined && { caCerts }),
      ...(connectTimeout !== undefined && { handshakeTimeout: connectTimeout }),
    };
  }

  /** Whether nobody on the way can read along. */
  get encrypted(): boolean {
    return this.conn.tls !== undefined;
  }

  /**
   * Runs one piece of work after the other. What fails in the middle leaves nothing to go on with,
   * unless the server has only said no, or nothing was sent.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.queued++;
    this.onQueued?.();
    return this.#inTurn(() => {
      this.queued--;
      return work();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = async () => {
      this.keepAlive.pause();
      try {
        return await work();
      } catch (error) {
        const harmless = error instanceof ReplyError || error instanceof TypeError ||
          error instanceof RangeError || (error instanceof NetError && error.phase === "request") ||
          this.#spared.has(error as object);
        if (!harmless) this.abort(error);
        throw error;
      } finally {
        this.allow(0);
        if (this.conn.open) this.keepAlive.rest();
      }
    };
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Lets the session go on after an error that has left it in order. */
  spare(error: unknown): unknown {
    if (typeof error === "object" && error !== null) this.#spared.add(error);
    return error;
  }

  /** Waits for its turn, and keeps it until what this gives is called. */
  async hold(): Promise<() => Promise<void>> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const turn = this.#inTurn(() => (begin(), ended));
    await Promise.race([begun, turn]);
    return () => (end(), turn);
  }

  /** Encrypts the line, after the server has agreed to it. What it sent too early ends it. */
  async startTls(): Promise<void> {
    const { hostname = "127.0.0.1", serverName = hostname } = this.#options;
    const { size } = this.#intake;
    if (size > 0) {
      const message = `Cannot upgrade the connection to ${this.peer}: ` +
        `the peer sent ${size} bytes before that was agreed on`;
      throw this.#error(message, "protocol", "handshake");
    }
    // An answer that came before its command was sent would find that still under way.
    await this.conn.flush();
    await upgradeTls(this.conn, { ...Dialogue.#trust(this.#options), serverName });
  }

  /** All that is read from now on has to be there in so many milliseconds; 0 for no such limit. */
  allow(limit: number): void {
    this.#limit = limit;
    this.#due = limit === 0 ? Infinity : performance.now() + limit;
  }

  /** Reads a line; the end of the stream is an error. */
  async readLine(max: number = MAX_LINE): Promise<string> {
    let wait: Wait | undefined;
    for (;;) {
      const line = this.tryLine(max);
      if (line !== undefined) return line;
      await this.more(wait ??= this.wait());
    }
  }

  /** The next line if it is here. */
  tryLine(max: number): string | undefined {
    const line = this.#intake.line(max);
    if (line === null) {
      const message = `Cannot read a line from ${this.peer}: it is longer than ${max} bytes`;
      throw this.#error(message, "limit", "read");
    }
    if (line !== undefined) this.tell("server", line);
    return line;
  }

  /** So many bytes if they are here, in memory that they share with others until {@linkcode part}. */
  tryExact(size: number): Uint8Array | undefined {
    return this.#intake.exact(size);
  }

  /** Reads lines until `push` makes a reply of them; all of them have the time of one answer. */
  async readReply<R>(
    push: (line: string) => R | undefined,
    limit: number = this.timeout,
  ): Promise<R> {
    this.allow(limit);
    for (;;) {
      const line = await this.readLine();
      let reply: R | undefined;
      try {
        reply = push(line);
      } catch {
        this.nonsense(line);
      }
      if (reply !== undefined) return reply;
    }
  }

  /** Reads what there is next, up to so many bytes; the end of the stream is an error. */
  async readChunk(most = Infinity): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#intake.size === 0) await this.more(this.wait({ ended: WITHIN }));
    return this.#intake.upTo(most)!;
  }

  /** Gives the end of a chunk back; nothing else has come meanwhile. */
  unread(rest: Uint8Array<ArrayBuffer>): void {
    if (rest.length > 0) this.#intake.push(rest);
  }

  /** What was read exactly is its reader's alone from now on. */
  part(): void {
    this.#intake.part();
  }

  /** Begins to wait, for one read or several. */
  wait({ timeout = this.timeout, signal, ended = "ended the connection" }: WaitOptions = {}): Wait {
    const due = timeout === 0 ? Infinity : performance.now() + timeout;
    // Whichever comes first.
    return this.#due < due
      ? { ended, due: this.#due, limit: this.#limit, signal }
      : { ended, due, limit: timeout, signal };
  }

  /** Waits for more than there is. */
  more({ ended, due, limit, signal }: Wait): Promise<void> {
    const left = due - performance.now();
    if (left <= 0) return Promise.reject(this.#late(limit));
    const timeout = left === Infinity ? 0 : left;
    return this.conn.readChunk(signal === undefined ? { timeout } : { timeout, signal }).then(
      (chunk) => {
        if (chunk === null) throw this.#error(`${this.peer} ${ended}`, "truncated", "read");
        this.#intake.push(chunk);
      },
      (error) => {
        throw error instanceof NetError && error.kind === "timeout" ? this.#late(limit) : error;
      },
    );
  }

  #late(limit: number): NetError {
    const message = `Cannot read from ${this.peer}: no whole answer came in ${limit} ms`;
    return this.#error(message, "timeout", "read");
  }

  #error(message: string, kind: NetErrorKind, phase: NetPhase, cause?: Error): NetError {
    return new NetError(message, { kind, phase, address: this.peer, ...(cause && { cause }) });
  }

  /** Writes a line; `shown` is what the trace has of it, where it holds a secret. */
  writeLine(line: string, shown: string = line): Promise<void> {
    checkArgument("a line", line);
    this.tell("client", shown);
    return this.conn.write(`${line}\r\n`);
  }

  /** Shows something to whoever traces. */
  tell(from: "client" | "server", text: string): void {
    if (this.#options.trace === undefined) return;
    try {
      this.#options.trace({ from, text: escapeControls(this.#secrets.mask(text)) });
    } catch (error) {
      // Nobody knows any more which answer belongs to what.
      this.abort(error);
      throw error;
    }
  }

  /** Whether there is more than was asked for, once all answers have been read. */
  get talkative(): boolean {
    return this.#intake.size > 0;
  }

  /** Keeps a password or a token out of all that is told from now on. */
  conceal(...secrets: readonly (string | undefined)[]): void {
    for (const secret of secrets) this.#secrets.add(secret);
  }

  /** Refuses to send a password that others can read. */
  checkLogin(): void {
    if (this.encrypted || this.#options.allowPlaintextLogin === true) return;
    const message = `Cannot log in to ${this.peer}: the line is not encrypted ` +
      "(allowPlaintextLogin would allow it)";
    throw this.#error(message, "usage", "request");
  }

  /** Answers a challenge of a login, with `first` in place of what follows from it. */
  async answer(exchange: SaslExchange, challenge: string, first?: Uint8Array): Promise<void> {
    const answer = first ?? await exchange.next(this.#decode(challenge));
    await this.writeLine(this.#coded(answer), "***");
  }

  /** What a mechanism has to say with its command, behind a blank; nothing if it says nothing. */
  opening({ initial }: SaslExchange): string {
    return initial === undefined ? "" : ` ${this.#coded(initial) || "="}`;
  }

  #coded(answer: Uint8Array): string {
    const coded = answer.toBase64();
    this.conceal(coded);
    return coded;
  }

  #decode(challenge: string): Uint8Array {
    try {
      return Uint8Array.fromBase64(challenge);
    } catch {
      throw this.broken("sent a challenge that is no Base64");
    }
  }

  /** The error for a server that cannot encrypt the line. */
  unencryptable(command: string, cause?: Error): NetError {
    const message = `${this.peer} offers no ${command}: the line cannot be encrypted ` +
      `(tls: "none" would leave it so)`;
    return this.#error(message, "unsupported", "handshake", cause);
  }

  /** The error for a server that does not keep to the protocol; the connection is of no use then. */
  broken(what: string, kind: "protocol" | "limit" = "protocol"): NetError {
    const error = this.#error(`${this.peer} ${what}`, kind, "read");
    this.abort(error);
    return error;
  }

  /** Ends it for an answer that is none. */
  nonsense(answer: string): never {
    throw this.broken(`answers with ${JSON.stringify(this.#secrets.mask(answer).slice(0, 100))}`);
  }

  /** The error for a server that says no; some repeat what they were sent. */
  refused(what: string, { lines, ...reply }: Omit<Reply, "address">): ReplyError {
    return new ReplyError(`${what} on ${this.peer}`, {
      ...reply,
      lines: lines.map((line) => this.#secrets.mask(line)),
      address: this.peer,
    });
  }

  /** Says good-bye, within a limit, and closes. */
  async close(farewell: () => Promise<unknown>): Promise<void> {
    this.keepAlive.end();
    if (this.conn.open) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(() => (this.abort(), resolve()), FAREWELL);
      try {
        // Its turn may never come: a stream that nobody reads has it, or a loop that nobody ends.
        await Promise.race([farewell(), late]);
      } catch { /* It is gone already, or says no: either way it is over. */ }
      clearTimeout(timer);
    }
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    await this.conn.close();
  }

  /** Ends it at once. */
  abort(reason?: unknown): void {
    this.keepAlive.end();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.conn.abort(reason);
  }
}

/**
 * Refuses what would be more than one line.
 *
 * @throws {TypeError} If it holds CR, LF or NUL.
 */
export function checkArgument(name: string, value: string): void {
  // It may be a password: what it is stays unsaid.
  if (/[\r\n\0]/.test(value)) {
    throw new TypeError(`Cannot send ${name} that holds a line break or NUL`);
  }
}
