/**
 * An FTP client (RFC 959, 2228, 2389, 2428, 3659, 4217): encrypted by default, both lines, with
 * transfers as streams, resumed and broken off at will.
 *
 * Data connections are opened by this side, to the server that was dialled and nowhere else: the
 * address that PASV names is ignored. Servers that demand that TLS of a data connection resumes the
 * session of the control connection (`require_ssl_reuse` of vsftpd) cannot be served: Deno has no
 * means to hand a session on.
 *
 * @example Fetch a file
 * ```ts
 * import { connectFtp } from "@portside/kit/net/ftp-client";
 *
 * async function fetchNotes(hostname: string, password: string): Promise<string> {
 *   await using ftp = await connectFtp({ hostname, user: "ann", password });
 *   return await new Response(await ftp.download("notes.txt")).text();
 * }
 * ```
 *
 * **Permissions**: `--allow-net=files.example` for the server: data connections have ports of their
 * own.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { checkArgument, Dialogue } from "./_dialogue.ts";
import { NetError } from "./errors.ts";
import {
  type FtpEntry,
  type FtpReply,
  FtpReplyReader,
  FtpSyntaxError,
  parseFtpExtendedPassive,
  parseFtpFacts,
  parseFtpListLine,
  parseFtpPassive,
  parseFtpPath,
  parseFtpTime,
} from "./ftp_codec.ts";
import type { MailClientOptions } from "./mail_options.ts";
import { ReplyError } from "./reply_error.ts";
import { connectTcp } from "./tcp_client.ts";
import { upgradeTls } from "./upgrade_tls.ts";

export type { FtpEntry } from "./ftp_codec.ts";

/** Options of {@linkcode connectFtp}. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectFtpOptions extends MailClientOptions {
  /**
   * Who logs in.
   *
   * @default "anonymous"
   */
  user?: string;
  /** The password. @default "anonymous@" for anonymous, else none */
  password?: string;
  /** Opens data connections in place of `connectTcp`: through a proxy, or in memory. */
  connectData?: (address: { hostname: string; port: number }) => Promise<Connection>;
}

/** Options of a transfer. */
export interface FtpTransferOptions {
  /** The byte to begin with, to resume (RFC 3659 §5). @default 0 */
  offset?: number;
  /** Called with the bytes of this transfer so far. */
  onProgress?: (bytes: number) => void;
  /** Breaks the transfer off; the session goes on. */
  signal?: AbortSignal;
}

/** Options of {@linkcode FtpClient.upload}. */
export interface FtpUploadOptions extends FtpTransferOptions {
  /** Adds to the end of the file that is there. @default false */
  append?: boolean;
  /** Writes to another name first, and renames it when it is whole. @default false */
  atomic?: boolean;
}

/** What can be uploaded. */
export type FtpSource =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

const DEFAULTS = { tls: "starttls", ports: { implicit: 990, starttls: 21 } } as const;
/** Chunks that are read ahead. */
const AHEAD = 8;
/** Bytes of a listing. */
const MAX_LISTING = 64 * 1024 * 1024;

/**
 * Connects, encrypts the line and logs in.
 *
 * @param options The server, how to encrypt, who logs in.
 * @returns The client.
 * @throws {ReplyError} If the server does not let the user in.
 * @throws {NetError} As `connectTls`; "unsupported" if the server knows no AUTH TLS; "usage" for a
 * password without encryption.
 */
export async function connectFtp(options: ConnectFtpOptions = {}): Promise<FtpClient> {
  const { user = "anonymous", password = user === "anonymous" ? "anonymous@" : "" } = options;
  checkArgument("a user", user);
  checkArgument("a password", password);
  const dialogue = await Dialogue.open(options, DEFAULTS);
  const client = new FtpClient(dialogue, options);
  try {
    await client.begin(user, password);
    return client;
  } catch (error) {
    dialogue.abort(error);
    throw error;
  }
}

/** A session; {@linkcode connectFtp} makes one. Calls wait for each other, also for transfers. */
export class FtpClient implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #options: ConnectFtpOptions;
  readonly #reader = new FtpReplyReader();
  #features: ReadonlyMap<string, string> = new Map();
  #protected = false;
  #extended = true;

  /**
   * Takes over a dialogue; `connectFtp` does that.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectFtpOptions) {
    this.#dialogue = dialogue;
    this.#options = options;
  }

  /** What the server can (RFC 2389), by name in capitals, with the words that follow. */
  get features(): ReadonlyMap<string, string> {
    return this.#features;
  }

  /** Whether the control connection is encrypted; the data connections are then as well. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the session goes on. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /**
   * Encrypts the line and logs in; `connectFtp` does that.
   *
   * @ignore
   */
  async begin(user: string, password: string): Promise<void> {
    await this.#dialogue.exclusive(async () => {
      const greeting = await this.#reply();
      if (greeting.code !== 220) throw this.#refused("Cannot begin", greeting);
      if (this.#dialogue.tls === "starttls") await this.#encrypt();
      if (user !== "anonymous") this.#dialogue.checkLogin();
      const asked = await this.#ask(`USER ${user}`);
      if (asked.code === 331 || asked.code === 332) {
        await this.#command("Cannot log in", `PASS ${password}`, "PASS ***");
      } else if (asked.code !== 230 && asked.code !== 232) {
        throw this.#refused("Cannot log in", asked);
      }
      if (this.#dialogue.encrypted) {
        await this.#command("Cannot protect the data", "PBSZ 0");
        await this.#command("Cannot protect the data", "PROT P");
        this.#protected = true;
      }
      await this.#askFeatures();
      if (this.#features.has("UTF8")) await this.#ask("OPTS UTF8 ON");
      await this.#command("Cannot transfer bytes as they are", "TYPE I");
    });
  }

  /** The directory of now. */
  async pwd(): Promise<string> {
    const { lines } = await this.#do("Cannot ask for the directory", "PWD");
    return parseFtpPath(lines[0] ?? "") ?? this.#nonsense(lines[0] ?? "");
  }

  /**
   * Changes the directory.
   *
   * @param path Where to.
   */
  async cd(path: string): Promise<void> {
    await this.#do(`Cannot change to ${path}`, `CWD ${checkPath(path)}`);
  }

  /**
   * What is in a directory: by MLSD, or by LIST where the server has none.
   *
   * @param path The directory. @default the directory of now
   * @returns The entries without `.` and `..`.
   */
  list(path?: string): Promise<FtpEntry[]> {
    return this.#dialogue.exclusive(async () => {
      const where = path === undefined ? "" : ` ${checkPath(path)}`;
      const what = `Cannot list ${path ?? "the directory"}`;
      if (this.#features.has("MLST")) {
        const lines = await this.#listing(what, `MLSD${where}`);
        return lines.flatMap((line) => {
          const entry = parseFtpFacts(line);
          if (entry === undefined || entry.self) return [];
          const { self: _, ...rest } = entry;
          return [rest];
        });
      }
      const now = new Date();
      return (await this.#listing(what, `LIST${where}`)).map((line) => parseFtpListLine(line, now))
        .filter((entry) => entry !== undefined && !/^\.\.?$/.test(entry.name)) as FtpEntry[];
    });
  }

  /**
   * The size of a file in bytes (RFC 3659 §4).
   *
   * @param path The file.
   */
  async size(path: string): Promise<number> {
    const { lines } = await this.#do(
      `Cannot ask for the size of ${path}`,
      `SIZE ${checkPath(path)}`,
    );
    const [text = ""] = lines;
    return /^\d{1,15}$/.test(text) ? Number(text) : this.#nonsense(text);
  }

  /**
   * When a file was changed (RFC 3659 §3).
   *
   * @param path The file.
   */
  async modified(path: string): Promise<Date> {
    const { lines } = await this.#do(
      `Cannot ask for the time of ${path}`,
      `MDTM ${checkPath(path)}`,
    );
    return parseFtpTime(lines[0] ?? "") ?? this.#nonsense(lines[0] ?? "");
  }

  /**
   * Fetches a file. Other calls wait until it is read or cancelled; the stream ends well only when the
   * server says that it was whole.
   *
   * @param path The file.
   * @param options Where to begin, and who watches.
   * @returns Its bytes.
   * @throws {ReplyError} If there is no such file.
   */
  download(
    path: string,
    options: FtpTransferOptions = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    void this.#dialogue.exclusive(async () => {
      const what = `Cannot fetch ${path}`;
      const data = await this.#transfer(what, `RETR ${checkPath(path)}`, options);
      const { stream, done } = this.#read(what, data, options);
      resolve(stream);
      await done;
    }).catch(reject);
    return promise;
  }

  /**
   * Stores a file.
   *
   * @param path The file.
   * @param source What is in it.
   * @param options How, and who watches.
   * @throws {ReplyError} If the server does not take it.
   */
  upload(path: string, source: FtpSource, options: FtpUploadOptions = {}): Promise<void> {
    const { append = false, atomic = false, offset = 0 } = options;
    return this.#dialogue.exclusive(async () => {
      checkPath(path);
      if (!atomic) {
        await this.#write(
          `Cannot store ${path}`,
          `${append ? "APPE" : "STOR"} ${path}`,
          source,
          options,
        );
        return;
      }
      if (append || offset > 0) throw new TypeError("Cannot add to a file with atomic");
      const part = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
      try {
        await this.#write(`Cannot store ${path}`, `STOR ${part}`, source, options);
        await this.#rename(part, path);
      } catch (error) {
        if (this.open) await this.#ask(`DELE ${part}`);
        throw error;
      }
    });
  }

  /**
   * Gives something another name.
   *
   * @param from Its name.
   * @param to The new one.
   */
  async rename(from: string, to: string): Promise<void> {
    checkPath(from);
    checkPath(to);
    await this.#dialogue.exclusive(() => this.#rename(from, to));
  }

  /**
   * Deletes a file.
   *
   * @param path The file.
   */
  async delete(path: string): Promise<void> {
    await this.#do(`Cannot delete ${path}`, `DELE ${checkPath(path)}`);
  }

  /**
   * Makes a directory.
   *
   * @param path The directory.
   * @param options `recursive`: those above it as well, and none of them need be new.
   */
  async mkdir(path: string, { recursive = false }: { recursive?: boolean } = {}): Promise<void> {
    checkPath(path);
    if (!recursive) {
      await this.#do(`Cannot make the directory ${path}`, `MKD ${path}`);
      return;
    }
    const parts = path.split("/").filter(Boolean);
    for (let i = 1; i <= parts.length; i++) {
      const each = (path.startsWith("/") ? "/" : "") + parts.slice(0, i).join("/");
      try {
        await this.mkdir(each);
      } catch (error) {
        // It is there already, or cannot be made: the last one has to be there.
        if (!(error instanceof ReplyError)) throw error;
        if (i === parts.length) await this.list(each);
      }
    }
  }

  /**
   * Removes a directory.
   *
   * @param path The directory.
   * @param options `recursive`: with all that is in it; links are deleted, not followed.
   */
  async rmdir(path: string, { recursive = false }: { recursive?: boolean } = {}): Promise<void> {
    checkPath(path);
    if (recursive) {
      for (const { name, type } of await this.list(path)) {
        if (name.includes("/") || name === "." || name === "..") continue;
        const inner = `${path.replace(/\/$/, "")}/${name}`;
        if (type === "directory") await this.rmdir(inner, { recursive });
        else await this.delete(inner);
      }
    }
    await this.#do(`Cannot remove the directory ${path}`, `RMD ${path}`);
  }

  /** Does nothing, so that the server does not end the session for idleness. */
  async noop(): Promise<void> {
    await this.#do("Cannot keep the session alive", "NOOP");
  }

  /** Ends the session in order. */
  async quit(): Promise<void> {
    await this.#dialogue.close(() => this.#do("Cannot end the session", "QUIT"));
  }

  /** Ends the session at once. */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.quit();
  }

  #do(what: string, line: string): Promise<FtpReply> {
    return this.#dialogue.exclusive(() => this.#command(what, line));
  }

  async #encrypt(): Promise<void> {
    const { peer } = this.#dialogue;
    const reply = await this.#ask("AUTH TLS");
    if (reply.code !== 234) {
      throw new NetError(`${peer} offers no AUTH TLS: the line cannot be encrypted`, {
        kind: "unsupported",
        phase: "handshake",
        address: peer,
        cause: this.#refused("Cannot encrypt the line", reply),
      });
    }
    await this.#dialogue.startTls();
  }

  async #askFeatures(): Promise<void> {
    const reply = await this.#ask("FEAT");
    if (reply.code !== 211) return;
    this.#features = new Map(
      reply.lines.slice(1, -1).map((line) => {
        const [, name = "", words = ""] = /^ ?(\S+) ?(.*)$/s.exec(line) ?? [];
        return [name.toUpperCase(), words];
      }),
    );
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#command(`Cannot rename ${from}`, `RNFR ${from}`);
    await this.#command(`Cannot rename ${from} to ${to}`, `RNTO ${to}`);
  }

  /** Opens a data connection: by EPSV, or PASV where the server has none. */
  async #dialData(): Promise<Connection> {
    let port: number | undefined;
    if (this.#extended) {
      const reply = await this.#ask("EPSV");
      if (reply.code === 229) {
        port = parseFtpExtendedPassive(reply.lines.join(" ")) ??
          this.#nonsense(reply.lines[0] ?? "");
      } else if (reply.code >= 500) this.#extended = false;
      else throw this.#refused("Cannot open a data connection", reply);
    }
    if (port === undefined) {
      const reply = await this.#command("Cannot open a data connection", "PASV");
      const text = reply.lines.join(" ");
      // The address may be anybody's, and a private one behind a router: the port alone counts.
      port = parseFtpPassive(text)?.port ?? this.#nonsense(text);
    }
    const remote = this.#dialogue.conn.remoteAddr;
    const hostname = "hostname" in remote ? remote.hostname : this.#options.hostname ?? "127.0.0.1";
    const { connectData, connectTimeout = 10_000, signal } = this.#options;
    if (connectData !== undefined) return await connectData({ hostname, port });
    return await connectTcp({
      hostname,
      port,
      timeout: connectTimeout,
      lingerTimeout: connectTimeout,
      ...(signal && { signal }),
    });
  }

  /** Begins a transfer: its data connection, open and encrypted. */
  async #transfer(
    what: string,
    command: string,
    { offset = 0, signal }: FtpTransferOptions,
  ): Promise<Connection> {
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new RangeError(`Cannot begin at ${offset}: it is a whole number from 0 up`);
    }
    signal?.throwIfAborted();
    const data = await this.#dialData();
    try {
      if (offset > 0) await this.#command(what, `REST ${offset}`, undefined, 350);
      await this.#dialogue.writeLine(command);
      const reply = await this.#reply();
      if (reply.code !== 125 && reply.code !== 150) throw this.#refused(what, reply);
      if (this.#protected) {
        const { hostname = "127.0.0.1", serverName = hostname, caCerts, connectTimeout } =
          this.#options;
        await upgradeTls(data, {
          serverName,
          ...(caCerts && { caCerts }),
          ...(connectTimeout !== undefined && { handshakeTimeout: connectTimeout }),
        });
      }
      return data;
    } catch (error) {
      data.abort(error);
      throw error;
    }
  }

  /** What the server says when a transfer is over. */
  async #finish(what: string): Promise<void> {
    const reply = await this.#reply();
    if (reply.code !== 226 && reply.code !== 250) throw this.#refused(what, reply);
  }

  /** Breaks a transfer off; the session goes on if the server still answers. */
  async #breakOff(data: Connection, reason: unknown): Promise<void> {
    data.abort(reason);
    try {
      await this.#reply();
      if (typeof reason === "object" && reason !== null) this.#dialogue.spared.add(reason);
    } catch {
      this.#dialogue.abort(reason);
    }
  }

  #read(
    what: string,
    data: Connection,
    { onProgress, signal }: FtpTransferOptions,
  ): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<void> } {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    let bytes = 0;
    const { timeout } = this.#dialogue;
    const end = (work: Promise<void>) => {
      signal?.removeEventListener("abort", onAbort);
      return work.then(resolve, (error) => {
        reject(error);
        throw error;
      });
    };
    const onAbort = () => data.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
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
          return await end(
            this.#breakOff(data, error).then(() => {
              throw error;
            }),
          );
        }
        await end(this.#finish(what));
        controller.close();
      },
      cancel: (reason) => end(this.#breakOff(data, reason)),
    }, { highWaterMark: AHEAD });
    return { stream, done };
  }

  async #write(
    what: string,
    command: string,
    source: FtpSource,
    options: FtpTransferOptions,
  ): Promise<void> {
    const { onProgress, signal } = options;
    const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
    const parts = bytes instanceof Uint8Array ? [bytes] : bytes;
    const data = await this.#transfer(what, command, options);
    const onAbort = () => data.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    let sent = 0;
    try {
      for await (const part of parts) {
        signal?.throwIfAborted();
        await data.write(part);
        sent += part.length;
        onProgress?.(sent);
      }
      signal?.throwIfAborted();
      await data.close();
    } catch (error) {
      await this.#breakOff(data, error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    await this.#finish(what);
  }

  async #listing(what: string, command: string): Promise<string[]> {
    const data = await this.#transfer(what, command, {});
    const { timeout } = this.#dialogue;
    const lines: string[] = [];
    let size = 0;
    try {
      for (let line; (line = await data.readLine({ timeout })) !== null;) {
        size += line.length;
        if (size > MAX_LISTING) throw this.#dialogue.broken("sends a listing that does not end");
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

  async #command(what: string, line: string, shown?: string, wanted?: number): Promise<FtpReply> {
    const reply = await this.#ask(line, shown);
    const good = wanted === undefined
      ? reply.code >= 200 && reply.code < 400
      : reply.code === wanted;
    if (!good) throw this.#refused(what, reply);
    return reply;
  }

  async #ask(line: string, shown?: string): Promise<FtpReply> {
    await this.#dialogue.writeLine(line, shown);
    return await this.#reply();
  }

  async #reply(): Promise<FtpReply> {
    for (;;) {
      const line = await this.#dialogue.readLine();
      let reply: FtpReply | undefined;
      try {
        reply = this.#reader.push(line);
      } catch (error) {
        if (!(error instanceof FtpSyntaxError)) throw error;
        throw this.#dialogue.broken(`answers with ${JSON.stringify(line.slice(0, 100))}`);
      }
      if (reply === undefined) continue;
      if (reply.code !== 421) return reply;
      const gone = this.#refused("The session has ended", reply);
      this.#dialogue.abort(gone);
      throw gone;
    }
  }

  #refused(what: string, { code, lines }: FtpReply): ReplyError {
    const { peer } = this.#dialogue;
    return new ReplyError(`${what} on ${peer}`, {
      code: `${code}`,
      lines,
      temporary: code >= 400 && code < 500,
      address: peer,
    });
  }

  #nonsense(text: string): never {
    throw this.#dialogue.broken(`answers with ${JSON.stringify(text.slice(0, 100))}`);
  }
}

function checkPath(path: string): string {
  checkArgument("a path", path);
  if (path === "") throw new TypeError("Cannot use an empty path");
  return path;
}
