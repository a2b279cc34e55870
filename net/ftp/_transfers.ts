/** The transfers of FTP: starting, encrypting, reading, writing, aborting, and the verdict at the end. */

import type { Connection } from "../connection/connection.ts";
import { NetError } from "../errors/errors.ts";
import { type Dialogue, LIST_TIME, MAX_LINES, MAX_LIST } from "../internal/dialogue.ts";
import { ReceiveBuffer } from "../internal/receive_buffer.ts";
import { whileOpen } from "../internal/while_open.ts";
import { upgradeTls } from "../tls/upgrade.ts";
import { FtpBreaker } from "./_breaker.ts";
import { type FtpControl, isOf } from "./_control.ts";
import { type Agreed, DataDialer } from "./_data_dialer.ts";
import { FtpDownload, isUnclean } from "./_download.ts";
import { FtpHashes } from "./_hashes.ts";
import { FtpVerdict, type Transfer } from "./_verdict.ts";
import type { NameCoding } from "../internal/name_coding.ts";
import type { ConnectFtpOptions, FtpSource, FtpTransferOptions } from "./options.ts";

/** Maximum size of a line of a listing, in bytes. */
const MAX_LINE = 64 * 1024;
const LF = 10;

/** The transfers of a session, one at a time. */
export class FtpTransfers {
  /** The hashes of files on the server. */
  readonly hashes: FtpHashes;
  readonly #verdict: FtpVerdict;
  readonly #breaker: FtpBreaker;
  readonly #control: FtpControl;
  readonly #dialogue: Dialogue;
  readonly #options: ConnectFtpOptions;
  readonly #dialer: DataDialer;
  readonly #coding: NameCoding;

  constructor(control: FtpControl, options: ConnectFtpOptions, coding: NameCoding) {
    this.hashes = new FtpHashes(control);
    this.#verdict = new FtpVerdict(control, this.hashes);
    this.#breaker = new FtpBreaker(control, this.#verdict);
    this.#control = control;
    this.#dialogue = control.dialogue;
    this.#options = options;
    this.#dialer = new DataDialer(control, options);
    this.#coding = coding;
  }

  /**
   * Starts a transfer.
   *
   * @param what The failed action, for messages.
   * @param command The command that starts the transfer.
   * @param options The offset in bytes, and a signal.
   * @param upload Whether this side sends. The end of the data connection then is the end of the file
   * (RFC 959 §3.4.1). An aborted upload must end by a reset, or the server takes the file for complete.
   */
  async #open(
    what: string,
    command: string,
    options: FtpTransferOptions,
    upload = false,
  ): Promise<Transfer> {
    const { offset = 0 } = options;
    const agreed = await this.#dialer.agree();
    let isConfirmed: boolean;
    try {
      if (offset > 0) await this.#control.command(what, `REST ${offset}`, 3);
      const reply = await this.#control.ask(command);
      isConfirmed = !upload && isOf(2, reply);
      if (!isConfirmed && !isOf(1, reply)) throw this.#verdict.refused(what, reply);
    } catch (error) {
      agreed.abort(error);
      throw error;
    }
    const data = await this.#connected(what, agreed, options);
    // This is not possible any more once TLS has started.
    if (upload) data.resetOnAbort();
    if (this.#control.protected) await this.#encrypt(what, data, this.#signalOf(options));
    return { what, data, isConfirmed };
  }

  /** Waits for the data connection. A server that cannot connect to this side says so in its reply. */
  async #connected(
    what: string,
    agreed: Agreed,
    options: FtpTransferOptions,
  ): Promise<Connection> {
    const signal = this.#signalOf(options);
    try {
      return await agreed.open(signal);
    } catch (error) {
      agreed.abort(error);
      throw signal.aborted
        ? await this.#breaker.abandon(undefined, error)
        : await this.#breaker.breakOff(what, undefined, error);
    }
  }

  async #encrypt(what: string, data: Connection, signal: AbortSignal): Promise<void> {
    try {
      await upgradeTls(data, { ...this.#dialogue.tlsSettings, signal });
    } catch (error) {
      if (signal.aborted) throw await this.#breaker.abandon(data, signal.reason);
      // The other end is not the server. The reply on the control connection does not matter then.
      if (error instanceof NetError && error.kind === "tls") throw error;
      throw await this.#breaker.breakOff(what, data, error);
    }
  }

  /**
   * Starts to fetch a file.
   *
   * @param what The failed action, for messages.
   */
  async fetch(what: string, path: string, options: FtpTransferOptions): Promise<FtpDownload> {
    const hash = options.verify ? await this.hashes.begin() : undefined;
    const transfer = await this.#open(what, `RETR ${path}`, options);
    const { timeout } = this.#dialogue;
    const signal = this.#signalOf(options);
    const work = { path, options, signal, timeout, hash };
    return new FtpDownload(transfer, this.#breaker, this.#verdict, work);
  }

  /** Returns a signal that aborts with the signal of a transfer, and with that of the session. */
  #signalOf(options: FtpTransferOptions): AbortSignal {
    return AbortSignal.any(
      [options.signal, this.#options.signal].filter((one) => one !== undefined),
    );
  }

  /** Stores a file by the command STOR or APPE. Returns the number of bytes that were sent. */
  async write(
    what: string,
    command: "STOR" | "APPE",
    path: string,
    source: FtpSource,
    options: FtpTransferOptions,
  ): Promise<number> {
    const { onProgress, offset = 0, verify } = options;
    const signal = this.#signalOf(options);
    const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
    const parts = bytes instanceof Uint8Array ? ReadableStream.from([bytes]) : bytes;
    const hash = verify ? await this.hashes.begin() : undefined;
    const transfer = await this.#open(what, `${command} ${path}`, options, true);
    const { data } = transfer;
    let over: Promise<unknown> | undefined;
    const breakOff = (reason: unknown) => over ??= this.#breaker.abandon(data, reason);
    let complete = false;
    const onAbort = () => {
      // When everything is sent, the server may have the complete file. Its reply decides.
      if (complete) data.abort(signal.reason);
      else void breakOff(signal.reason);
    };
    signal.addEventListener("abort", onAbort);
    let sent = 0;
    try {
      for await (const part of whileOpen(data, parts)) {
        signal.throwIfAborted();
        hash?.update(part);
        await data.write(part);
        sent += part.length;
        onProgress?.(sent);
      }
      signal.throwIfAborted();
      complete = true;
      await data.close();
    } catch (error) {
      if (signal.aborted) throw await breakOff(signal.reason);
      if (data.open) throw await breakOff(error);
      throw await this.#breaker.breakOff(what, data, error);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    await this.#verdict.ofFile(transfer, { path, size: offset + sent, isClean: true, hash });
    return sent;
  }

  /** The errors of listings of which some lines had arrived. */
  readonly partial = new WeakSet<Error>();

  /** Fetches a listing as lines. */
  async listing(
    what: string,
    command: string,
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    const options = signal === undefined ? {} : { signal };
    const transfer = await this.#open(what, command, options);
    const { data } = transfer;
    const lines: string[] = [];
    try {
      await this.#readLines(data, lines, this.#signalOf(options));
      await data.close();
    } catch (error) {
      if (signal?.aborted) throw await this.#breaker.abandon(data, signal.reason);
      data.abort(error);
      throw error;
    }
    try {
      await this.#verdict.of(transfer);
    } catch (error) {
      if (lines.length > 0 && error instanceof Error) this.partial.add(error);
      throw error;
    }
    return lines;
  }

  async #readLines(data: Connection, lines: string[], signal: AbortSignal): Promise<void> {
    const { timeout } = this.#dialogue;
    const until = performance.now() + Math.max(timeout, LIST_TIME);
    const intake = new ReceiveBuffer((bytes) => this.#coding.decode(bytes));
    let size = 0;
    for (let isOver = false; !isOver;) {
      let chunk: Uint8Array<ArrayBuffer> | null;
      try {
        chunk = await data.readChunk({ timeout, signal });
      } catch (error) {
        // Without close_notify, the listing is complete if its last line and the server say so.
        if (intake.size > 0 || signal.aborted || !isUnclean(error, data)) throw error;
        chunk = null;
      }
      isOver = chunk === null;
      size += chunk?.length ?? 0;
      // The last line may have no line ending.
      if (chunk !== null) intake.push(chunk);
      else if (intake.size > 0) intake.push(Uint8Array.of(LF));
      for (let line; (line = intake.line(MAX_LINE)) !== undefined;) {
        if (line === null) {
          throw this.#dialogue.broken("sent a listing with an endless line", "limit");
        }
        if (lines.length >= MAX_LINES) throw this.#endless();
        lines.push(line);
      }
      if (size > MAX_LIST || (timeout > 0 && performance.now() > until)) throw this.#endless();
    }
  }

  #endless(): NetError {
    return this.#dialogue.broken("sent a listing that does not end");
  }
}
