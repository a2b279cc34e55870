/** The data connections of FTP: opening, encrypting, reading, writing, aborting. */

import type { Connection } from "../connection/connection.ts";
import { LIST_TIME, MAX_LINES, MAX_LIST } from "../internal/dialogue.ts";
import type { FtpControl } from "./_control.ts";
import { NetError } from "../errors/errors.ts";
import { type FtpReply, parseFtpExtendedPassive, parseFtpPassive } from "./codec.ts";
import type { ConnectFtpOptions, FtpSource, FtpTransferOptions } from "./options.ts";
import { connectTcp } from "../tcp/client.ts";
import { upgradeTls } from "../tls/upgrade.ts";
import { whileOpen } from "../internal/while_open.ts";

/** The number of chunks that are read ahead. */
const AHEAD = 8;
/** Time limit for closing a data connection if connecting has no limit, in milliseconds. */
const LINGER = 10_000;
/** Time limit for the reply to an aborted transfer, in milliseconds. */
const BREAK = 5000;
/** Time for the server to act on ABOR before the data connection is reset, in milliseconds. */
const MOMENT = 250;

/** The errors of a port that cannot be reached. */
const CLOSED: ReadonlySet<string> = new Set(["refused", "unreachable", "timeout"]);

/** The transfers of a session, one at a time. */
export class FtpTransfers {
  readonly #control: FtpControl;
  readonly #options: ConnectFtpOptions;
  /** Whether to try EPSV. It becomes false when the server rejects it. */
  #extended: boolean;

  constructor(control: FtpControl, options: ConnectFtpOptions) {
    this.#control = control;
    this.#options = options;
    this.#extended = options.trustPassiveAddress !== true;
  }

  /** Opens a data connection by EPSV, or by PASV if EPSV is refused or leads to a port that is closed. */
  async #dialData(): Promise<Connection> {
    let closed: unknown;
    if (this.#extended) {
      const reply = await this.#control.ask("EPSV");
      const port = reply.code === 229
        ? parseFtpExtendedPassive(reply.lines.join(" ")) ??
          this.#control.dialogue.nonsense(reply.lines[0] ?? "")
        : undefined;
      if (port !== undefined) {
        try {
          return await this.#dial({ hostname: this.#host(), port });
        } catch (error) {
          if (!(error instanceof NetError) || !CLOSED.has(error.kind)) throw error;
          closed = error;
        }
      }
      // A temporary refusal may end.
      if (port !== undefined || reply.code >= 500) this.#extended = false;
    }
    const reply = await this.#control.ask("PASV");
    const isGood = reply.code >= 200 && reply.code < 300;
    if (!isGood) throw closed ?? this.#control.refused("Cannot open a data connection", reply);
    const passive = parseFtpPassive(reply.lines.join(" "));
    if (passive === undefined) {
      throw closed ?? this.#control.dialogue.nonsense(reply.lines.join(" "));
    }
    const { hostname, port } = passive;
    // The address may be forged, or a private one behind a router. Only the port is used.
    const { trustPassiveAddress } = this.#options;
    return await this.#dial({ hostname: trustPassiveAddress ? hostname : this.#host(), port });
  }

  async #dial(address: { hostname: string; port: number }): Promise<Connection> {
    const { connectData, signal } = this.#options;
    const { connectTimeout, timeout } = this.#control.dialogue;
    const dial = {
      ...address,
      timeout: connectTimeout,
      // TLS needs time to send its close_notify.
      lingerTimeout: connectTimeout || LINGER,
      writeTimeout: timeout,
      ...(signal && { signal }),
    };
    try {
      return await (connectData?.(address) ?? connectTcp(dial));
    } catch (error) {
      throw this.#control.dialogue.spare(error);
    }
  }

  /** Returns the host for data connections. A given control connection may lead to a proxy. */
  #host(): string {
    const { connection } = this.#options;
    const { hostname, conn: { remoteAddr: remote } } = this.#control.dialogue;
    const proxied = connection !== undefined && this.#options.hostname !== undefined;
    return proxied || !("hostname" in remote) ? hostname : remote.hostname;
  }

  /**
   * Starts a transfer.
   *
   * @param what The failed action, for messages.
   * @param command The command that starts the transfer.
   * @param options The offset in bytes, and a signal.
   * @param upload Whether this side sends. The end of the data connection then is the end of the file
   * (RFC 959 §3.4.1). An aborted upload must end by a reset, or the server takes the file for complete.
   * @returns The data connection, open and encrypted.
   */
  async open(
    what: string,
    command: string,
    { offset = 0, signal }: FtpTransferOptions,
    upload = false,
  ): Promise<Connection> {
    if (signal?.aborted) throw this.#control.dialogue.spare(signal.reason);
    const data = await this.#dialData();
    // This is not possible any more once TLS has started.
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
    try {
      await upgradeTls(data, this.#control.dialogue.tlsSettings);
    } catch (error) {
      // The other end is not the server. The reply on the control connection does not matter then.
      if (error instanceof NetError && error.kind === "tls") throw error;
      throw await this.#breakOff(what, data, error);
    }
  }

  /** Reads the reply at the end of a transfer. */
  async #finish(what: string): Promise<void> {
    const reply = await this.#control.reply();
    if (reply.code !== 226 && reply.code !== 250) throw this.#control.refused(what, reply);
  }

  /**
   * Ends a transfer that the other side has broken. The session stays open if the server replies. Returns
   * the reason, or the error that the server reports if it ended the data connection itself.
   */
  async #breakOff(what: string, data: Connection, reason: unknown): Promise<unknown> {
    const cut = !data.open;
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
   * Aborts a transfer from this side. ABOR is sent first: some servers take even a reset for the end of an
   * uploaded file, and others end the session if the data connection of a download breaks. Returns the
   * reason. The session stays open if the server replies.
   */
  async #abandon(data: Connection, reason: unknown): Promise<unknown> {
    const { dialogue } = this.#control;
    const limit = Math.min(BREAK, dialogue.timeout || BREAK);
    try {
      await dialogue.writeLine("ABOR");
      // Many servers do not read commands during a transfer.
      const early = await this.#replyWithin(MOMENT);
      data.abort(reason);
      const first = early ?? await this.#control.reply(limit);
      // One reply belongs to the transfer, one to ABOR (RFC 959 §4.1.3). If 225 comes first, the
      // transfer had not started, and may have no reply.
      if (first.code === 225) await this.#replyWithin(MOMENT);
      else await this.#control.reply(limit);
    } catch {
      data.abort(reason);
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

  /** Returns a file as a stream. `done` settles when the file has been read or the transfer has ended. */
  read(
    what: string,
    data: Connection,
    options: FtpTransferOptions,
  ): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<void> } {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    const { onProgress } = options;
    const signal = this.#signalOf(options);
    let bytes = 0;
    const { timeout } = this.#control.dialogue;
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
          return await fail(error, signal.aborted || !(error instanceof NetError));
        }
        await end(() => this.#finish(what));
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

  /** Stores a file. */
  async write(
    what: string,
    command: string,
    source: FtpSource,
    options: FtpTransferOptions,
  ): Promise<void> {
    const { onProgress } = options;
    const signal = this.#signalOf(options);
    const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
    const parts = bytes instanceof Uint8Array ? ReadableStream.from([bytes]) : bytes;
    const data = await this.open(what, command, options, true);
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
    await this.#finish(what);
  }

  /** Fetches a listing as lines. */
  async listing(what: string, command: string): Promise<string[]> {
    const data = await this.open(what, command, {});
    const signal = this.#signalOf({});
    const { timeout } = this.#control.dialogue;
    const lines: string[] = [];
    const until = performance.now() + Math.max(timeout, LIST_TIME);
    let size = 0;
    try {
      for (let line; (line = await data.readLine({ timeout, signal })) !== null;) {
        size += line.length;
        if (
          lines.length >= MAX_LINES || size > MAX_LIST || (timeout > 0 && performance.now() > until)
        ) {
          throw this.#control.dialogue.broken("sent a listing that does not end");
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
