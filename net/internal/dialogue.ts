/** The common part of clients for line protocols: dialling, lines in and out, STARTTLS, the trace. */

import type { Connection } from "../connection/connection.ts";
import { NetError, type NetErrorKind, type NetPhase } from "../errors/errors.ts";
import { withDeadline } from "./deadline.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { KeepAlive } from "./keep_alive.ts";
import type { MailClientOptions } from "../mail/options.ts";
import { type Reply, ReplyError } from "../errors/reply_error.ts";
import { Secrets } from "./secrets.ts";
import { checkPair, TLS_CLIENT } from "./tls_rules.ts";
import { Turns } from "./turns.ts";
import { connectTcp } from "../tcp/client.ts";
import { escapeControls } from "../text.ts";
import { connectTls } from "../tls/client.ts";
import { upgradeTls, type UpgradeTlsOptions } from "../tls/upgrade.ts";

/** The defaults of a protocol. */
export interface DialogueDefaults {
  readonly tls: "implicit" | "starttls";
  readonly ports: { readonly implicit: number; readonly starttls: number };
  /** The encoding of lines. @default UTF-8 */
  readonly coding?: LineCoding;
  /** Time in which the peer must take some of what is written, in milliseconds. @default that for a reply */
  readonly writeTimeout?: number;
}

/** An encoding of lines in which ASCII characters are one byte each, and the same one. */
export interface LineCoding {
  decode(bytes: Uint8Array): string;
  /** @default UTF-8 */
  encode?(text: string): Uint8Array;
}

/** The conditions of a wait. */
interface WaitOptions {
  /** The time limit in milliseconds. @default the time limit for a reply */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** The text of the error for a server that closes the connection meanwhile. */
  readonly ended?: string;
}

/** A wait for one read or for several. */
export interface Wait {
  readonly ended: string;
  readonly due: number;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** The text of the error for a server that closes the connection within a message. */
export const WITHIN = "ended within a message";

/** Maximum size of a line from the server, in bytes. */
const MAX_LINE = 8192;
/** Maximum size of a list, in bytes. */
export const MAX_LIST = 64 * 1024 * 1024;
/** Maximum number of lines of a list. It is enough for a maildrop of a million messages. */
export const MAX_LINES = 1_000_000;
/** Time limit for a list that arrives line by line, in milliseconds. */
export const LIST_TIME = 600_000;
/** Time limit for a polite end, in milliseconds. */
const FAREWELL = 2000;

/** A connection to a server that communicates in lines. */
export class Dialogue {
  readonly conn: Connection;
  /** The moment at which the connection is encrypted. */
  readonly tls: "implicit" | "starttls" | "none";
  /** The address of the server, for messages. */
  readonly peer: string;
  /** The host name of the server, as the options give it. */
  readonly hostname: string;
  /** Time limit for a reply, in milliseconds. */
  readonly timeout: number;
  /** Time limit for connecting, in milliseconds. */
  readonly connectTimeout: number;
  /** Sends NOOP while the session is idle. */
  readonly keepAlive: KeepAlive;
  /** The order of commands. */
  readonly turns: Turns = new Turns();

  readonly #options: MailClientOptions;
  readonly #onAbort: () => void;
  readonly #intake: ReceiveBuffer;
  readonly #coding: LineCoding | undefined;
  readonly #secrets = new Secrets();
  /** Errors that do not end the session. */
  readonly #spared = new WeakSet<object>();
  /** The last of them that is no object, such as a text as the reason of a signal. */
  #sparedValue: unknown;
  /** Whether the signal of the options has ended the session. */
  #isCancelled = false;
  #due = Infinity;
  #limit = 0;

  private constructor(
    conn: Connection,
    options: MailClientOptions,
    tls: Dialogue["tls"],
    coding: LineCoding | undefined,
  ) {
    const { hostname, timeout, connectTimeout, keepAlive } = withDefaults(options);
    this.conn = conn;
    this.tls = tls;
    this.peer = conn.peer;
    this.hostname = hostname;
    this.timeout = timeout;
    this.connectTimeout = connectTimeout;
    this.keepAlive = new KeepAlive(keepAlive);
    this.#options = options;
    this.#coding = coding;
    this.#intake = new ReceiveBuffer(coding && ((bytes) => coding.decode(bytes)));
    this.#onAbort = () => {
      this.#isCancelled = true;
      this.abort(options.signal!.reason);
    };
    // The signal may have aborted after the connection was made, and before this point.
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Dials, and encrypts if `tls` is "implicit".
   *
   * @param options The options, checked already.
   * @param defaults The defaults of the protocol.
   */
  static async open(options: MailClientOptions, defaults: DialogueDefaults): Promise<Dialogue> {
    const { tls = defaults.tls, connection, signal } = options;
    const { coding } = defaults;
    checkPair(options);
    signal?.throwIfAborted();
    if (connection !== undefined) {
      const dialogue = new Dialogue(connection, options, tls, coding);
      try {
        if (tls === "implicit" && !dialogue.encrypted) await dialogue.startTls();
      } catch (error) {
        dialogue.abort(error);
        throw dialogue.causeOf(error);
      }
      return dialogue;
    }
    const { hostname, timeout, connectTimeout } = withDefaults(options);
    const dial = {
      hostname,
      port: options.port ??
        (tls === "implicit" ? defaults.ports.implicit : defaults.ports.starttls),
      timeout: connectTimeout,
      lingerTimeout: 0,
      writeTimeout: defaults.writeTimeout ?? timeout,
      ...(signal && { signal }),
    };
    const conn = tls === "implicit"
      ? await connectTls({ ...dial, ...TLS_CLIENT.pick(options), handshakeTimeout: connectTimeout })
      : await connectTcp(dial);
    return new Dialogue(conn, options, tls, coding);
  }

  /** The settings for TLS on this connection, and on others to the same server. */
  get tlsSettings(): UpgradeTlsOptions {
    const { serverName = this.hostname } = this.#options;
    const handshakeTimeout = this.connectTimeout;
    return { ...TLS_CLIENT.pick(this.#options), serverName, handshakeTimeout };
  }

  /** Whether the connection is encrypted. */
  get encrypted(): boolean {
    return this.conn.tls !== undefined;
  }

  /**
   * Runs work when all work before it has ended. A failure ends the session, because the replies that
   * are still under way could no longer be assigned. Exceptions are a refusal by the server, and an
   * error before anything was sent.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.add(() => this.#inTurn(work));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.keepAlive.pause();
    this.#sparedValue = undefined;
    try {
      return await work();
    } catch (error) {
      if (this.isSpared(error)) throw error;
      this.abort(error);
      throw this.causeOf(error);
    } finally {
      this.allow(0);
      if (this.conn.open) this.keepAlive.rest();
    }
  }

  /** Returns the signal's reason if the signal has ended the session, otherwise the error itself. */
  causeOf(error: unknown): unknown {
    return this.#isCancelled ? this.#options.signal!.reason : error;
  }

  /** Returns whether an error leaves the session in order: no reply is under way. */
  isSpared(error: unknown): boolean {
    return error instanceof ReplyError || error instanceof TypeError ||
      error instanceof RangeError || (error instanceof NetError && error.phase === "request") ||
      this.#spared.has(error as object) || (error !== undefined && error === this.#sparedValue);
  }

  /** Marks an error as one that leaves the session in order. Returns the error. */
  spare(error: unknown): unknown {
    if (typeof error === "object" && error !== null) this.#spared.add(error);
    else this.#sparedValue = error;
    return error;
  }

  /**
   * Waits for a turn and keeps it until the returned function is called.
   *
   * @param isPatient Whether this does not hurry the piece of work that has the turn.
   */
  hold(isPatient = false): Promise<() => Promise<void>> {
    return this.turns.hold((turn) => this.#inTurn(turn), isPatient);
  }

  /** Encrypts the connection, after the server has agreed. Bytes that it sent too early are an error. */
  async startTls(): Promise<void> {
    const { size } = this.#intake;
    if (size > 0) {
      const message = `Cannot upgrade the connection to ${this.peer}: ` +
        `the peer sent ${size} bytes before that was agreed on`;
      throw this.#error(message, "protocol", "handshake");
    }
    // If the reply came before its command was sent, the command may still be in the send buffer.
    await this.conn.flush();
    await upgradeTls(this.conn, this.tlsSettings);
  }

  /** Limits the time for all reads from now on, in milliseconds; 0 lifts the limit. */
  allow(limit: number): void {
    this.#limit = limit;
    this.#due = limit === 0 ? Infinity : performance.now() + limit;
  }

  /** Reads a line. The end of the stream is an error. */
  async readLine(max = MAX_LINE): Promise<string> {
    let wait: Wait | undefined;
    for (;;) {
      const line = this.tryLine(max);
      if (line !== undefined) return line;
      await this.more(wait ??= this.wait());
    }
  }

  /** Returns the next line if it has arrived. */
  tryLine(max = MAX_LINE): string | undefined {
    const line = this.#intake.line(max);
    if (line === null) {
      const message = `Cannot read a line from ${this.peer}: it is longer than ${max} bytes`;
      throw this.#error(message, "limit", "read");
    }
    if (line !== undefined) this.tell("server", line);
    return line;
  }

  /** Returns `size` bytes if they have arrived, in memory that is shared until {@linkcode part}. */
  tryExact(size: number): Uint8Array | undefined {
    return this.#intake.exact(size);
  }

  /** Reads lines until `push` returns a reply. The time limit applies to all lines together. */
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

  /** Reads the next bytes, `most` at the most. The end of the stream is an error. */
  async readChunk(most = Infinity): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#intake.size === 0) await this.more(this.wait({ ended: WITHIN }));
    return this.#intake.upTo(most)!;
  }

  /** Reads the next bytes, in memory that is shared with what is returned to the buffer. */
  async readShared(): Promise<Uint8Array> {
    if (this.#intake.size === 0) await this.more(this.wait({ ended: WITHIN }));
    return this.#intake.shared()!;
  }

  /** Whether the last line ended with LF alone. */
  get endsBare(): boolean {
    return this.#intake.endsBare;
  }

  /** Returns the end of a chunk to the buffer. No other bytes may have arrived meanwhile. */
  unread(rest: Uint8Array): void {
    if (rest.length > 0) this.#intake.push(rest as Uint8Array<ArrayBuffer>);
  }

  /** Ends the sharing of memory with bytes that {@linkcode tryExact} has returned. */
  part(): void {
    this.#intake.part();
  }

  /** Starts a wait for one read or for several. */
  wait({ timeout = this.timeout, signal, ended = "ended the connection" }: WaitOptions = {}): Wait {
    const due = timeout === 0 ? Infinity : performance.now() + timeout;
    return this.#due < due
      ? { ended, due: this.#due, limit: this.#limit, signal }
      : { ended, due, limit: timeout, signal };
  }

  /** Waits until more bytes have arrived. */
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
        const isLate = error instanceof NetError && error.kind === "timeout";
        throw this.causeOf(isLate ? this.#late(limit) : error);
      },
    );
  }

  #late(limit: number): NetError {
    const message = `Cannot read from ${this.peer}: no complete reply within ${limit} ms`;
    return this.#error(message, "timeout", "read");
  }

  #error(message: string, kind: NetErrorKind, phase: NetPhase, cause?: Error): NetError {
    return new NetError(message, { kind, phase, address: this.peer, ...(cause && { cause }) });
  }

  /** Writes a line. `shown` replaces it in the trace if it contains a secret. */
  writeLine(line: string, shown: string = line): Promise<void> {
    // The line may contain a secret, so the error does not show it.
    if (/[\r\n\0]/.test(line)) {
      throw new TypeError("Cannot send a line that contains a line break or NUL");
    }
    this.tell("client", shown);
    const text = `${line}\r\n`;
    return this.conn.write(this.#coding?.encode?.(text) ?? text);
  }

  /** Writes many lines at once. They contain nothing that a caller has chosen freely. */
  async writeLines(lines: readonly string[]): Promise<void> {
    for (const line of lines) this.tell("client", line);
    if (lines.length > 0) await this.conn.write(`${lines.join("\r\n")}\r\n`);
  }

  /** Passes a text to the trace. */
  tell(from: "client" | "server", text: string): void {
    if (this.#options.trace === undefined) return;
    try {
      this.#options.trace({ from, text: escapeControls(this.#secrets.mask(text)) });
    } catch (error) {
      // The replies that are under way can no longer be assigned.
      this.abort(error);
      throw error;
    }
  }

  /** Whether bytes have arrived that no command asked for. Valid after all replies have been read. */
  get talkative(): boolean {
    return this.#intake.size > 0;
  }

  /** Masks passwords and tokens in the trace and in errors from now on. */
  conceal(...secrets: readonly (string | undefined)[]): void {
    for (const secret of secrets) this.#secrets.add(secret);
  }

  /** Throws if a password would be sent without encryption, and the options do not allow that. */
  checkLogin(): void {
    if (this.encrypted || this.#options.allowPlaintextLogin === true) return;
    const message = `Cannot log in to ${this.peer}: the connection is not encrypted ` +
      "(allowPlaintextLogin: true allows that)";
    throw this.#error(message, "usage", "request");
  }

  /** Returns the error for a server that cannot encrypt the connection. */
  unencryptable(command: string, cause?: Error): NetError {
    const message = `${this.peer} does not offer ${command}: the connection cannot be encrypted ` +
      `(tls: "none" does without encryption)`;
    const error = this.#error(message, "unsupported", "handshake", cause);
    this.spare(error);
    return error;
  }

  /** Ends the session because the server violates the protocol. Returns the error. */
  broken(what: string, kind: "protocol" | "limit" = "protocol"): NetError {
    const error = this.#error(`${this.peer} ${what}`, kind, "read");
    this.abort(error);
    return error;
  }

  /** Ends the session because a reply makes no sense. */
  nonsense(answer: string): never {
    const error = this.unexpected(answer);
    this.abort(error);
    throw error;
  }

  /** Returns the error for a reply that makes no sense. */
  unexpected(answer: string): NetError {
    const shown = JSON.stringify(this.#secrets.mask(answer).slice(0, 100));
    return this.#error(`${this.peer} answers with ${shown}`, "protocol", "read");
  }

  /** Returns the error for a refusal. Secrets are masked, because some servers repeat the command. */
  refused(what: string, { lines, ...reply }: Omit<Reply, "address">): ReplyError {
    return new ReplyError(`${what} on ${this.peer}`, {
      ...reply,
      lines: lines.map((line) => this.#secrets.mask(line)),
      address: this.peer,
    });
  }

  /** Sends the last command, with a time limit, and closes the connection. */
  async close(farewell: () => Promise<unknown>): Promise<void> {
    this.keepAlive.end();
    if (this.conn.open) {
      const late = new Error("The farewell took too long");
      try {
        // The turn may never come, for example if a stream has it that is not read.
        await withDeadline(farewell(), FAREWELL, () => (this.abort(), late));
      } catch { /* The session ends, whether the server agrees or not. */ }
    }
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    await this.conn.close();
  }

  /** Ends the session at once. */
  abort(reason?: unknown): void {
    this.keepAlive.end();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.conn.abort(reason);
  }
}

/** Fills in the defaults. */
function withDefaults(
  { hostname = "127.0.0.1", timeout = 30_000, connectTimeout = 10_000, keepAlive = 0 }:
    MailClientOptions,
) {
  return { hostname, timeout, connectTimeout, keepAlive };
}
