/** The data connections of FTP: opened, encrypted, read, written, broken off. */

import type { Connection } from "../connection/connection.ts";
import { LIST_TIME, MAX_LINES, MAX_LIST } from "../internal/dialogue.ts";
import type { FtpControl } from "./_control.ts";
import { NetError } from "../errors/errors.ts";
import { type FtpReply, parseFtpExtendedPassive, parseFtpPassive } from "./codec.ts";
import type { ConnectFtpOptions, FtpSource, FtpTransferOptions } from "./options.ts";
import { connectTcp } from "../tcp/client.ts";
import { upgradeTls } from "../tls/upgrade.ts";
import { whileOpen } from "../internal/while_open.ts";

/** Chunks that are read ahead. */
const AHEAD = 8;
/** How long the end of a data connection is awaited where connecting has no limit. */
const LINGER = 10_000;
/** How long a server may take to say that a transfer was broken off, in milliseconds. */
const BREAK = 5000;
/** How long a server has to act on ABOR before the data connection is reset, in milliseconds. */
const MOMENT = 250;

/** Transfers of one session, one at a time. */
export class FtpTransfers {
  readonly #control: FtpControl;
  readonly #options: ConnectFtpOptions;
  /** Whether the server knows EPSV, as far as is known. */
  #extended: boolean;

  constructor(control: FtpControl, options: ConnectFtpOptions) {
    this.#control = control;
    this.#options = options;
    this.#extended = options.trustPassiveAddress !== true;
  }

  /** Opens a data connection: by EPSV, or PASV where the server has none. */
  async #dialData(): Promise<Connection> {
    const { connectData, connectTimeout = 10_000, signal, trustPassiveAddress } = this.#options;
    let hostname = this.#host();
    let port: number | undefined;
    if (this.#extended) {
      const reply = await this.#control.ask("EPSV");
      if (reply.code === 229) {
        port = parseFtpExtendedPassive(reply.lines.join(" ")) ??
          this.#control.dialogue.nonsense(reply.lines[0] ?? "");
      } else if (reply.code >= 500) this.#extended = false;
      else throw this.#control.refused("Cannot open a data connection", reply);
    }
    if (port === undefined) {
      const reply = await this.#control.command("Cannot open a data connection", "PASV");
      const text = reply.lines.join(" ");
      const passive = parseFtpPassive(text) ?? this.#control.dialogue.nonsense(text);
      // The address may be anybody's, and a private one behind a router: the port alone counts.
      port = passive.port;
      if (trustPassiveAddress) hostname = passive.hostname;
    }
    const dial = {
      hostname,
      port,
      timeout: connectTimeout,
      // Without a wait TLS would end without its last word.
      lingerTimeout: connectTimeout || LINGER,
      writeTimeout: this.#control.dialogue.timeout,
      ...(signal && { signal }),
    };
    try {
      return await (connectData?.({ hostname, port }) ?? connectTcp(dial));
    } catch (error) {
      throw this.#control.dialogue.spare(error);
    }
  }

  /** Where the server is; a connection that was given may lead to a proxy. */
  #host(): string {
    const { connection, hostname = "127.0.0.1" } = this.#options;
    const remote = this.#control.dialogue.conn.remoteAddr;
    const proxied = connection !== undefined && this.#options.hostname !== undefined;
    return proxied || !("hostname" in remote) ? hostname : remote.hostname;
  }

  /**
   * Begins a transfer.
   *
   * @param what What cannot be done, for messages.
   * @param command The command of the transfer.
   * @param options Where to begin, and a signal.
   * @param upload Whether this side sends. The end of the data connection then is the end of the
   * file (RFC 959 §3.4.1), so an upload that breaks off has to end by a reset, or the server takes
   * the file for complete.
   * @returns The data connection, open and encrypted.
   */
  async open(
    what: string,
    command: string,
    { offset = 0, signal }: FtpTransferOptions,
    upload = false,
  ): Promise<Connection> {
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new RangeError(`Cannot begin at ${offset}: it is a whole number from 0 up`);
    }
    if (signal?.aborted) throw this.#control.dialogue.spare(signal.reason);
    const data = await this.#dialData();
    // Before TLS begins, which does not let it happen later.
    if (upload) data.resetOnAbort();
    try {
      if (offset > 0) await this.#control.command(what, `REST ${offset}`, 350);
      const reply = await this.#control.ask(command);
      if (reply.code !== 125 && reply.code !== 150) throw this.#control.refused(what, reply);
    } catch (error) {
      data.abort(error);
      throw error;
    }
    if (this.#control.protected) await this.#encrypt(what, data);
    return data;
  }

  async #encrypt(what: string, data: Connection): Promise<void> {
    const { hostname = "127.0.0.1", serverName = hostname, caCerts, connectTimeout } =
      this.#options;
    try {
      await upgradeTls(data, {
        serverName,
        ...(caCerts && { caCerts }),
        ...(connectTimeout !== undefined && { handshakeTimeout: connectTimeout }),
      });
    } catch (error) {
      // Whoever is at the other end, it is not the server: nothing that is said excuses that.
      if (error instanceof NetError && error.kind === "tls") throw error;
      throw await this.#breakOff(what, data, error, false);
    }
  }

  /** What the server says when a transfer is over. */
  async #finish(what: string): Promise<void> {
    const reply = await this.#control.reply();
    if (reply.code !== 226 && reply.code !== 250) throw this.#control.refused(what, reply);
  }

  /**
   * Breaks a transfer off; the session goes on if the server still answers. Gives the reason, or what
   * the server says where it was the one that ended the connection.
   */
  async #breakOff(what: string, data: Connection, reason: unknown, own = true): Promise<unknown> {
    const cut = !own && !data.open;
    data.abort(reason);
    let reply: FtpReply;
    try {
      reply = await this.#control.reply(Math.min(BREAK, this.#control.dialogue.timeout || BREAK));
    } catch {
      this.#control.dialogue.abort(reason);
      return reason;
    }
    if (cut && reply.code >= 400) return this.#control.refused(what, reply);
    return this.#control.dialogue.spare(reason);
  }

  /**
   * Breaks an upload off, so that the server does not take it for a whole file. ABOR comes first:
   * some servers take even a reset for the end of the file, unless they were told to abort. Gives
   * the reason; the session goes on if the server still answers.
   */
  async #breakOffUpload(data: Connection, reason: unknown): Promise<unknown> {
    const { dialogue } = this.#control;
    const limit = Math.min(BREAK, dialogue.timeout || BREAK);
    try {
      await dialogue.writeLine("ABOR");
      // Many servers hear nothing while they transfer.
      const early = await this.#replyWithin(MOMENT);
      data.abort(reason);
      const first = early ?? await this.#control.reply(limit);
      // One reply is for the transfer, one for ABOR (RFC 959 §4.1.3); where 225 comes first, the
      // transfer had not begun, and may have none.
      if (first.code === 225) await this.#replyWithin(MOMENT);
      else await this.#control.reply(limit);
    } catch {
      data.abort(reason);
      dialogue.abort(reason);
      return reason;
    }
    return dialogue.spare(reason);
  }

  /** The next reply, if it comes in time. */
  async #replyWithin(limit: number): Promise<FtpReply | undefined> {
    try {
      return await this.#control.reply(limit);
    } catch (error) {
      if (error instanceof NetError && error.kind === "timeout") return undefined;
      throw error;
    }
  }

  /** A file as it comes; `done` when it has been read, or is broken off. */
  read(
    what: string,
    data: Connection,
    { onProgress, signal }: FtpTransferOptions,
  ): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<void> } {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    let bytes = 0;
    const { timeout } = this.#control.dialogue;
    let over: Promise<void> | undefined;
    /** Ends it, once. */
    const end = (work: () => Promise<void>) => {
      signal?.removeEventListener("abort", onAbort);
      return over ??= work().then(resolve, (error) => {
        reject(error);
        throw error;
      });
    };
    const fail = (error: unknown, own: boolean) =>
      end(async () => {
        throw await this.#breakOff(what, data, error, own);
      });
    let tell: (error: unknown) => void = () => {};
    // It may be that nobody reads just now.
    const onAbort = () => void fail(signal?.reason, true).catch((error) => tell(error));
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        tell = (error) => controller.error(error);
      },
      pull: async (controller) => {
        try {
          const chunk = await data.readChunk({ timeout });
          if (chunk !== null) {
            bytes += chunk.length;
            controller.enqueue(chunk);
            onProgress?.(bytes);
            return;
          }
          await data.close();
        } catch (error) {
          return await fail(error, signal?.aborted === true || !(error instanceof NetError));
        }
        await end(() => this.#finish(what));
        controller.close();
      },
      cancel: (reason) => end(() => this.#breakOff(what, data, reason).then(() => {})),
    }, { highWaterMark: AHEAD });
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    return { stream, done };
  }

  /** Sends a file. */
  async write(
    what: string,
    command: string,
    source: FtpSource,
    options: FtpTransferOptions,
  ): Promise<void> {
    const { onProgress, signal } = options;
    const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
    const parts = bytes instanceof Uint8Array ? ReadableStream.from([bytes]) : bytes;
    const data = await this.open(what, command, options, true);
    let over: Promise<unknown> | undefined;
    const breakOff = (reason: unknown) => over ??= this.#breakOffUpload(data, reason);
    let complete = false;
    const onAbort = () => {
      // Once everything is sent, the server may have the whole file: its reply counts.
      if (complete) data.abort(signal?.reason);
      else void breakOff(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort);
    let sent = 0;
    try {
      for await (const part of whileOpen(data, parts)) {
        signal?.throwIfAborted();
        await data.write(part);
        sent += part.length;
        onProgress?.(sent);
      }
      signal?.throwIfAborted();
      complete = true;
      await data.close();
    } catch (error) {
      if (signal?.aborted) throw await breakOff(signal.reason);
      if (data.open) throw await breakOff(error);
      throw await this.#breakOff(what, data, error, false);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    await this.#finish(what);
  }

  /** Fetches a listing, in lines. */
  async listing(what: string, command: string): Promise<string[]> {
    const data = await this.open(what, command, {});
    const { timeout } = this.#control.dialogue;
    const lines: string[] = [];
    const until = performance.now() + Math.max(timeout, LIST_TIME);
    let size = 0;
    try {
      for (let line; (line = await data.readLine({ timeout })) !== null;) {
        size += line.length;
        if (
          lines.length >= MAX_LINES || size > MAX_LIST || (timeout > 0 && performance.now() > until)
        ) {
          throw this.#control.dialogue.broken("sends a listing that does not end");
        }
        lines.push(line);
      }
      await data.close();
    } catch (error) {
      data.abort(error);
      throw error;
    }
    await this.#finish(what);
    return lines;
  }
}
