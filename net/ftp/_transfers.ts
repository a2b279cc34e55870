/** The transfers of FTP: starting, encrypting, reading, writing, aborting, and the verdict at the end. */

import type { Connection } from "../connection/connection.ts";
import { NetError } from "../errors/errors.ts";
import { type Dialogue, LIST_TIME, MAX_LINES, MAX_LIST } from "../internal/dialogue.ts";
import { ReceiveBuffer } from "../internal/receive_buffer.ts";
import { whileOpen } from "../internal/while_open.ts";
import { upgradeTls } from "../tls/upgrade.ts";
import { type FtpControl, isOf } from "./_control.ts";
import { type Agreed, DataDialer } from "./_data_dialer.ts";
import { FtpHashes } from "./_hashes.ts";
import { FtpVerdict, type Transfer } from "./_verdict.ts";
import type { NameCoding } from "../internal/name_coding.ts";
import type { FtpReply } from "./codec.ts";
import type { ConnectFtpOptions, FtpSource, FtpTransferOptions } from "./options.ts";

/** The number of chunks that are read ahead. */
const AHEAD = 8;
/** Time limit for the reply to an aborted transfer, in milliseconds. */
const BREAK = 5000;
/** Time for the server to act on ABOR before the data connection is reset, in milliseconds. */
const MOMENT = 250;
/** Maximum size of a line of a listing, in bytes. */
const MAX_LINE = 64 * 1024;
const LF = 10;

/** The transfers of a session, one at a time. */
export class FtpTransfers {
  /** The hashes of files on the server. */
  readonly hashes: FtpHashes;
  readonly #verdict: FtpVerdict;
  readonly #control: FtpControl;
  readonly #dialogue: Dialogue;
  readonly #options: ConnectFtpOptions;
  readonly #dialer: DataDialer;
  readonly #coding: NameCoding;

  constructor(control: FtpControl, options: ConnectFtpOptions, coding: NameCoding) {
    this.hashes = new FtpHashes(control);
    this.#verdict = new FtpVerdict(control, this.hashes);
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
    const { signal } = options;
    if (signal?.aborted) throw this.#dialogue.spare(signal.reason);
    using _ = this.#hurry(signal);
    try {
      return await this.#start(what, command, options, upload);
    } catch (error) {
      throw signal?.aborted && !this.#dialogue.isSpared(error) ? signal.reason : error;
    }
  }

  async #start(
    what: string,
    command: string,
    options: FtpTransferOptions,
    upload: boolean,
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

  /**
   * Ends the session some time after a signal has aborted. Until then, the replies to the commands that are
   * under way can come, and the session goes on.
   */
  #hurry(signal: AbortSignal | undefined): Disposable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onAbort = () => {
      const end = () => this.#dialogue.abort(signal!.reason);
      timer = setTimeout(end, Math.min(BREAK, this.#dialogue.timeout || BREAK));
    };
    signal?.addEventListener("abort", onAbort);
    return {
      [Symbol.dispose]() {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      },
    };
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
        ? await this.#abandon(undefined, error)
        : await this.#breakOff(what, undefined, error);
    }
  }

  async #encrypt(what: string, data: Connection, signal: AbortSignal): Promise<void> {
    try {
      await upgradeTls(data, { ...this.#dialogue.tlsSettings, signal });
    } catch (error) {
      if (signal.aborted) throw await this.#abandon(data, signal.reason);
      // The other end is not the server. The reply on the control connection does not matter then.
      if (error instanceof NetError && error.kind === "tls") throw error;
      throw await this.#breakOff(what, data, error);
    }
  }

  /**
   * Ends a transfer that the other side has broken. The session stays open if the server replies. Returns
   * the reason, or the error that the server reports if it ended the data connection itself.
   */
  async #breakOff(what: string, data: Connection | undefined, reason: unknown): Promise<unknown> {
    const cut = !data?.open;
    data?.abort(reason);
    let reply: FtpReply;
    try {
      reply = await this.#control.reply(Math.min(BREAK, this.#dialogue.timeout || BREAK));
    } catch {
      this.#dialogue.abort(reason);
      return reason;
    }
    if (cut && reply.code >= 400) return this.#verdict.refused(what, reply);
    return this.#dialogue.spare(reason);
  }

  /**
   * Aborts a transfer from this side. ABOR is sent first: some servers take even a reset for the end of an
   * uploaded file, and others end the session if the data connection of a download breaks. Returns the
   * reason. The session stays open if the server replies.
   */
  async #abandon(data: Connection | undefined, reason: unknown): Promise<unknown> {
    const dialogue = this.#dialogue;
    const limit = Math.min(BREAK, dialogue.timeout || BREAK);
    try {
      await dialogue.writeLine("ABOR");
      // Many servers do not read commands during a transfer.
      const early = await this.#replyWithin(MOMENT);
      data?.abort(reason);
      const first = early ?? await this.#control.reply(limit);
      // One reply belongs to the transfer, one to ABOR (RFC 959 §4.1.3). If 225 comes first, the
      // transfer had not started, and may have no reply.
      if (first.code === 225) await this.#replyWithin(MOMENT);
      else await this.#control.reply(limit);
    } catch {
      data?.abort(reason);
      dialogue.abort(reason);
      return reason;
    }
    return dialogue.spare(reason);
  }

  /** Reads the next reply; undefined if it does not arrive within the limit. */
  async #replyWithin(limit: number): Promise<FtpReply | undefined> {
    try {
      return await this.#control.reply(limit);
    } catch (error) {
      if (error instanceof NetError && error.kind === "timeout") return undefined;
      throw error;
    }
  }

  /**
   * Fetches a file as a stream. `done` settles when the file has been read or the transfer has ended.
   *
   * @param what The failed action, for messages.
   */
  async read(
    what: string,
    path: string,
    options: FtpTransferOptions,
  ): Promise<{ stream: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<void> }> {
    const { onProgress, offset = 0, verify } = options;
    const hash = verify ? await this.hashes.begin() : undefined;
    const transfer = await this.#open(what, `RETR ${path}`, options);
    const { data } = transfer;
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    const signal = this.#signalOf(options);
    let bytes = 0;
    const { timeout } = this.#dialogue;
    let over: Promise<void> | undefined;
    /** Ends the transfer, once. */
    const end = (work: () => Promise<void>) => {
      signal.removeEventListener("abort", onAbort);
      return over ??= work().then(resolve, (error) => {
        reject(error);
        throw error;
      });
    };
    const fail = (error: unknown, own: boolean) =>
      end(async () => {
        throw own ? await this.#abandon(data, error) : await this.#breakOff(what, data, error);
      });
    let tell: (error: unknown) => void = () => {};
    // No read may be waiting, so the stream gets the error directly.
    const onAbort = () => void fail(signal.reason, true).catch((error) => tell(error));
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        tell = (error) => controller.error(error);
      },
      pull: async (controller) => {
        let isClean = true;
        try {
          const chunk = await data.readChunk({ timeout });
          if (chunk !== null) {
            bytes += chunk.length;
            hash?.update(chunk);
            controller.enqueue(chunk);
            onProgress?.(bytes);
            return;
          }
          await data.close();
        } catch (error) {
          isClean = signal.aborted || !isUnclean(error, data);
          if (isClean) return await fail(error, signal.aborted || !(error instanceof NetError));
          data.abort(error);
        }
        const size = offset + bytes;
        await end(() => this.#verdict.ofFile(transfer, { path, size, isClean, hash }));
        controller.close();
      },
      cancel: (reason) => end(() => this.#abandon(data, reason).then(() => {})),
    }, { highWaterMark: AHEAD });
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    return { stream, done };
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
    const breakOff = (reason: unknown) => over ??= this.#abandon(data, reason);
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
      throw await this.#breakOff(what, data, error);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    await this.#verdict.ofFile(transfer, { path, size: offset + sent, isClean: true, hash });
    return sent;
  }

  /** The errors of listings of which some lines had arrived. */
  readonly partial = new WeakSet<Error>();

  /** Fetches a listing as lines. */
  async listing(what: string, command: string): Promise<string[]> {
    const transfer = await this.#open(what, command, {});
    const { data } = transfer;
    const lines: string[] = [];
    try {
      await this.#readLines(data, lines);
      await data.close();
    } catch (error) {
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

  async #readLines(data: Connection, lines: string[]): Promise<void> {
    const { timeout } = this.#dialogue;
    const signal = this.#signalOf({});
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

/** Returns whether an error is the end of a TLS connection without a close_notify. */
function isUnclean(error: unknown, data: Connection): boolean {
  return data.tls !== undefined && error instanceof NetError && error.kind === "truncated";
}
