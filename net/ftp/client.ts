/**
 * An FTP client (RFC 959, 2228, 2389, 2428, 3659, 4217): encrypted by default, both lines, with
 * transfers as streams, resumed and broken off at will.
 *
 * Data connections are opened by this side, to the server that was dialled and nowhere else: the
 * address that PASV names is ignored unless `trustPassiveAddress` says otherwise. Servers that demand
 * that TLS of a data connection resumes the session of the control connection (`require_ssl_reuse` of
 * vsftpd) cannot be served: neither Deno's TLS nor its `node:tls` hands a session on. Their refusal,
 * mostly `522`, is the error of the transfer.
 *
 * @example Fetch a file
 * ```ts
 * import { connectFtp } from "@portside/kit/net/ftp";
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

import { checkArgument, Dialogue } from "../internal/dialogue.ts";
import { FtpControl } from "./_control.ts";
import { FtpTransfers } from "./_transfers.ts";
import {
  type FtpEntry,
  type FtpReply,
  isPlainFtpName,
  parseFtpFacts,
  parseFtpListLine,
  parseFtpPath,
  parseFtpTime,
} from "./codec.ts";
import type {
  ConnectFtpOptions,
  FtpSource,
  FtpTransferOptions,
  FtpUploadOptions,
} from "./options.ts";
import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { orCancel } from "../internal/while_open.ts";

export type { FtpEntry, FtpReply } from "./codec.ts";
export type * from "./options.ts";

/** Directories within directories: a server can make up as many as it likes. */
const MAX_DEPTH = 100;
const DEFAULTS = { tls: "starttls", ports: { implicit: 990, starttls: 21 } } as const;

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
    dialogue.keepAlive.begin(() => client.noop());
    return client;
  } catch (error) {
    dialogue.abort(error);
    throw error;
  }
}

/** A session; {@linkcode connectFtp} makes one. Calls wait for each other, also for transfers. */
export class FtpClient implements AsyncDisposable {
  readonly #dialogue: Dialogue;
  readonly #control: FtpControl;
  readonly #transfers: FtpTransfers;

  /**
   * Takes over a dialogue; `connectFtp` does that.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectFtpOptions) {
    this.#dialogue = dialogue;
    this.#control = new FtpControl(dialogue);
    this.#transfers = new FtpTransfers(this.#control, options);
  }

  /** What the server can (RFC 2389), by name in capitals, with the words that follow. */
  get features(): ReadonlyMap<string, string> {
    return this.#control.features;
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
    await this.#dialogue.exclusive(() => this.#control.begin(user, password));
  }

  /** The directory of now. */
  async pwd(): Promise<string> {
    const { lines } = await this.#do("Cannot ask for the directory", "PWD");
    return parseFtpPath(lines[0] ?? "") ?? this.#dialogue.nonsense(lines[0] ?? "");
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
  async list(path?: string): Promise<FtpEntry[]> {
    const lines = await this.#listing(this.features.has("MLST") ? "MLSD" : "LIST", path);
    if (!this.features.has("MLST")) return plainEntries(lines);
    return lines.flatMap((line) => {
      const entry = parseFtpFacts(line);
      if (entry === undefined || entry.self) return [];
      const { self: _, ...rest } = entry;
      return [rest];
    });
  }

  /**
   * What is known of one file or directory: by MLST, or by the listing around it where the server has
   * none.
   *
   * @param path The file or directory.
   * @returns The entry, with the last part of the path as its name.
   * @throws {ReplyError} If there is no such thing.
   * @throws {NetError} "protocol", if the listing around it has no such name.
   */
  async stat(path: string): Promise<FtpEntry> {
    const [, above = "", name = ""] = /^(.*?)([^/]*)\/*$/s.exec(checkPath(path)) ?? [];
    const what = `Cannot ask for ${path}`;
    if (this.features.has("MLST")) {
      const { lines } = await this.#do(what, `MLST ${path}`);
      const [, line = ""] = lines;
      const { self: _, ...entry } = parseFtpFacts(line) ?? this.#dialogue.nonsense(line);
      return { ...entry, name };
    }
    if (name === "") return { name, type: "directory" };
    const found = (await this.list(above || undefined)).find((entry) => entry.name === name);
    if (found !== undefined) return found;
    const { peer } = this.#dialogue;
    const problem = { kind: "protocol", phase: "request", address: peer } as const;
    throw new NetError(`${what} on ${peer}: there is no such name in its directory`, problem);
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
    return /^\d{1,15}$/.test(text) ? Number(text) : this.#dialogue.nonsense(text);
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
    return parseFtpTime(lines[0] ?? "") ?? this.#dialogue.nonsense(lines[0] ?? "");
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
      const data = await this.#transfers.open(what, `RETR ${checkPath(path)}`, options);
      const { stream, done } = this.#transfers.read(what, data, options);
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
  async upload(path: string, source: FtpSource, options: FtpUploadOptions = {}): Promise<void> {
    await orCancel(source, this.#upload(path, source, options));
  }

  #upload(path: string, source: FtpSource, options: FtpUploadOptions): Promise<void> {
    const { append = false, atomic = false, offset = 0 } = options;
    return this.#dialogue.exclusive(async () => {
      checkPath(path);
      if (!atomic) {
        await this.#transfers.write(
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
        await this.#transfers.write(`Cannot store ${path}`, `STOR ${part}`, source, options);
        await this.#rename(part, path);
      } catch (error) {
        if (this.open) await this.#control.ask(`DELE ${part}`);
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
   * @param options `recursive`: with all that is in it; links are deleted, not followed, where MLSD or
   * LIST tells them from what they lead to.
   * @throws {NetError} "limit", if directories lie within directories without an end.
   */
  async rmdir(path: string, { recursive = false }: { recursive?: boolean } = {}): Promise<void> {
    checkPath(path);
    if (recursive) await this.#clear(path, 0);
    await this.#do(`Cannot remove the directory ${path}`, `RMD ${path}`);
  }

  /**
   * Sends a command that has no method of its own, `SITE CHMOD 600 a.txt` for example; not one that
   * opens a data connection.
   *
   * @param line The command.
   * @returns The reply.
   * @throws {ReplyError} If the server refuses it.
   */
  async command(line: string): Promise<FtpReply> {
    checkArgument("a command", line);
    return await this.#do(`Cannot do ${line.slice(0, 100)}`, line);
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
    return this.#dialogue.exclusive(() => this.#control.command(what, line));
  }

  #listing(verb: "MLSD" | "LIST", path: string | undefined): Promise<string[]> {
    return this.#dialogue.exclusive(() => {
      const where = path === undefined ? "" : ` ${checkPath(path)}`;
      // What begins with a dash is taken for flags of ls.
      const command = verb + (verb === "LIST" ? where.replace(/^ -/, " ./-") : where);
      return this.#transfers.listing(`Cannot list ${path ?? "the directory"}`, command);
    });
  }

  /** Links that MLSD shows as the directories that they lead to, which are not to be cleared. */
  async #linksIn(path: string): Promise<ReadonlySet<string>> {
    const entries = plainEntries(await this.#listing("LIST", path));
    return new Set(entries.filter(({ type }) => type === "link").map(({ name }) => name));
  }

  async #clear(path: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) {
      throw new NetError(`${path} lies below ${MAX_DEPTH} directories`, { kind: "limit" });
    }
    const entries = await this.list(path);
    const unsure = this.features.has("MLST") && entries.some(({ type }) => type === "directory");
    const links = unsure ? await this.#linksIn(path) : new Set();
    for (const { name, type } of entries) {
      if (!isPlainFtpName(name)) continue;
      const inner = `${path.replace(/\/$/, "")}/${name}`;
      if (type !== "directory" || links.has(name)) await this.delete(inner);
      else {
        await this.#clear(inner, depth + 1);
        await this.rmdir(inner);
      }
    }
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#control.command(`Cannot rename ${from}`, `RNFR ${from}`, 350);
    await this.#control.command(`Cannot rename ${from} to ${to}`, `RNTO ${to}`);
  }
}

function plainEntries(lines: readonly string[]): FtpEntry[] {
  const now = new Date();
  return lines.map((line) => parseFtpListLine(line, now))
    .filter((entry) => entry !== undefined && !/^\.\.?$/.test(entry.name)) as FtpEntry[];
}

function checkPath(path: string): string {
  checkArgument(`the path ${JSON.stringify(path)}`, path);
  if (path === "") throw new TypeError("Cannot use an empty path");
  return path;
}
