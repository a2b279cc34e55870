/**
 * An FTP client (RFC 959, 2228, 2389, 2428, 3659, 4217): the control connection and the data
 * connections are encrypted by default, and transfers are streams that can be resumed and aborted.
 *
 * Data connections go to the host of the control connection: the address in the reply to PASV is ignored,
 * unless `trustPassiveAddress` is set. With `active`, the server opens them.
 *
 * Some servers want each data connection to resume the TLS session of the control connection: ProFTPD by
 * default, and vsftpd with `require_ssl_reuse`. Neither Deno's TLS nor its `node:tls` can resume a session
 * of another connection, so such a server rejects the transfers. The error names the settings to change.
 *
 * @example Download a file
 * ```ts
 * import { connectFtp } from "@portside/kit/net/ftp";
 *
 * async function fetchNotes(hostname: string, password: string): Promise<string> {
 *   await using ftp = await connectFtp({ hostname, username: "ann", password });
 *   return await new Response(await ftp.download("notes.txt")).text();
 * }
 * ```
 *
 * **Permissions**: `--allow-net=files.example` for the server without a port, because each data
 * connection has a port of its own.
 *
 * @module
 */

import { Dialogue } from "../internal/dialogue.ts";
import { command as commandLine, usernameOf } from "../internal/mail_rules.ts";
import { type BeginOptions, FtpControl } from "./_control.ts";
import { clearDirectory, makeDirectories } from "./_directories.ts";
import { checkWhole, renameFile, statByFacts, statByListing, storeFile } from "./_files.ts";
import { FtpLister } from "./_lister.ts";
import { NameCoding } from "../internal/name_coding.ts";
import { FtpTransfers } from "./_transfers.ts";
import { type FtpEntry, type FtpReply, parseFtpPath, parseFtpSize, parseFtpTime } from "./codec.ts";
import type {
  ConnectFtpOptions,
  FtpHash,
  FtpListOptions,
  FtpSource,
  FtpTransferOptions,
  FtpUploadOptions,
} from "./options.ts";
import {
  CONNECT_FTP,
  FTP_DIRECTORY,
  FTP_LIST,
  FTP_TRANSFER,
  FTP_UPLOAD,
  remotePath,
} from "./_option_rules.ts";
import { NetError } from "../errors/errors.ts";
import { orCancel } from "../internal/while_open.ts";

export type { FtpEntry, FtpReply } from "./codec.ts";
export type * from "./options.ts";

const DEFAULTS = { tls: "starttls", ports: { implicit: 990, starttls: 21 } } as const;

/**
 * Connects, encrypts the connection, and logs in.
 *
 * @param options The server, the encryption, and the login.
 * @returns The client, ready for commands.
 * @throws {ReplyError} If the server rejects the session or the login.
 * @throws {NetError} The errors of `connectTls`; "unsupported" if the server does not support AUTH TLS;
 * "usage" for a password without encryption.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export async function connectFtp(options: ConnectFtpOptions = {}): Promise<FtpClient> {
  options = CONNECT_FTP.check("connectFtp", options);
  const { encryptData = true } = options;
  const { username, password } = loginOf(options);
  const coding = new NameCoding(options.encoding ?? "utf-8");
  const dialogue = await Dialogue.open(options, { ...DEFAULTS, coding });
  const client = new FtpClient(dialogue, options, coding);
  try {
    await client.begin({ username, password, encryptData, coding });
    dialogue.keepAlive.begin(() => client.noop());
    return client;
  } catch (error) {
    dialogue.abort(error);
    throw error;
  }
}

/** Returns the name and the password. Neither is sent without the other, unless it is anonymous. */
function loginOf(options: ConnectFtpOptions): { username: string; password: string } {
  const username = usernameOf(options);
  const { password } = options;
  if (username === undefined && password !== undefined) {
    throw new TypeError('password requires username, which may be "anonymous"');
  }
  const isAnonymous = username === undefined || username === "anonymous" || username === "ftp";
  if (password === undefined && !isAnonymous) {
    throw new TypeError("username requires password, which may be empty");
  }
  return { username: username ?? "anonymous", password: password ?? "anonymous@" };
}

/**
 * A session with an FTP server, made by {@linkcode connectFtp}. Calls and transfers run one after the
 * other. Each call rejects with a `ReplyError` if the server rejects the command.
 */
export class FtpClient implements AsyncDisposable {
  readonly #options: ConnectFtpOptions;
  readonly #dialogue: Dialogue;
  readonly #control: FtpControl;
  readonly #transfers: FtpTransfers;
  readonly #lister: FtpLister;

  /**
   * Takes over a dialogue. For use by `connectFtp`.
   *
   * @ignore
   */
  constructor(dialogue: Dialogue, options: ConnectFtpOptions, coding: NameCoding) {
    this.#options = options;
    this.#dialogue = dialogue;
    this.#control = new FtpControl(dialogue);
    this.#transfers = new FtpTransfers(this.#control, options, coding);
    this.#lister = new FtpLister(this.#control, this.#transfers);
  }

  /** The features of the server (RFC 2389): names in capitals, each with its parameters. */
  get features(): ReadonlyMap<string, string> {
    return this.#control.features;
  }

  /** Whether the control connection is encrypted. Data connections are encrypted if it is. */
  get encrypted(): boolean {
    return this.#dialogue.encrypted;
  }

  /** Whether the session is open. */
  get open(): boolean {
    return this.#dialogue.conn.open;
  }

  /**
   * Encrypts the connection and logs in. For use by `connectFtp`.
   *
   * @ignore
   */
  async begin(options: BeginOptions): Promise<void> {
    await this.#dialogue.exclusive(() => this.#control.begin(options));
  }

  /**
   * Opens another session with the same options. It begins in the directory after the login.
   *
   * @returns The other client, which the caller closes.
   * @throws {NetError} The errors of `connectFtp`; "unsupported" if the options contain `connection`.
   */
  async duplicate(): Promise<FtpClient> {
    if (this.#options.connection === undefined) return await connectFtp(this.#options);
    const message = "Cannot open another session: the option connection is for one session";
    throw new NetError(message, { kind: "unsupported", phase: "connect" });
  }

  /**
   * Asks for the current directory.
   *
   * @returns The path of the directory.
   */
  async pwd(): Promise<string> {
    const { lines } = await this.#do("Cannot ask for the directory", "PWD");
    return parseFtpPath(lines[0] ?? "") ?? this.#dialogue.nonsense(lines[0] ?? "");
  }

  /**
   * Changes the current directory.
   *
   * @param path The path of the new directory.
   */
  async cd(path: string): Promise<void> {
    await this.#do(`Cannot change to ${path}`, `CWD ${checkPath(path)}`);
  }

  /**
   * Lists a directory by MLSD, or by LIST if the server does not support MLSD. For LIST, the client changes
   * into the directory and back: some servers answer LIST of a missing directory with an empty listing, and
   * others take a path with blanks or brackets for something else.
   *
   * @param path The path of the directory. Default: the current directory.
   * @param options The parser of lines, and a callback for lines that are not understood.
   * @returns The entries, without `.` and `..`, with the hidden ones.
   * @throws {ReplyError} If the directory does not exist.
   * @throws {NetError} "protocol" if the listing has a form that is not known. The error quotes a line.
   */
  async list(path?: string, options: FtpListOptions = {}): Promise<FtpEntry[]> {
    if (path !== undefined) remotePath("path", path);
    options = FTP_LIST.check("list", options);
    return await this.#dialogue.exclusive(() => this.#lister.list(path, options));
  }

  /**
   * Returns the listing of a directory as the server writes it, from LIST.
   *
   * @param path The path of the directory. Default: the current directory.
   * @returns The lines without their line endings.
   */
  async rawListing(path?: string): Promise<string[]> {
    if (path !== undefined) remotePath("path", path);
    return await this.#dialogue.exclusive(() => this.#lister.lines(path));
  }

  /**
   * Asks for the properties of a file or directory by MLST, or by the listing of the directory above it
   * if the server does not support MLST.
   *
   * @param path The path of the file or directory.
   * @returns The entry, with the last part of the path as its name.
   * @throws {ReplyError} If it does not exist.
   * @throws {NetError} "protocol" if the listing of the directory above does not contain it.
   */
  async stat(path: string): Promise<FtpEntry> {
    remotePath("path", path);
    if (!this.features.has("MLST")) return await statByListing(this, path, this.#dialogue.peer);
    return await this.#dialogue.exclusive(() => statByFacts(this.#control, path));
  }

  /**
   * Asks for the size of a file (RFC 3659 §4).
   *
   * @param path The path of the file.
   * @returns The size in bytes.
   */
  async size(path: string): Promise<number> {
    const { lines } = await this.#do(
      `Cannot ask for the size of ${path}`,
      `SIZE ${checkPath(path)}`,
    );
    return parseFtpSize(lines[0] ?? "") ?? this.#dialogue.nonsense(lines[0] ?? "");
  }

  /**
   * Asks for the time of the last change of a file (RFC 3659 §3).
   *
   * @param path The path of the file.
   * @returns The time of the last change.
   */
  async modified(path: string): Promise<Date> {
    const { lines } = await this.#do(
      `Cannot ask for the time of ${path}`,
      `MDTM ${checkPath(path)}`,
    );
    return parseFtpTime(lines[0] ?? "") ?? this.#dialogue.nonsense(lines[0] ?? "");
  }

  /**
   * Downloads a file. Other calls wait until the stream is read or cancelled. The stream ends without
   * an error only if the server confirms that the file is complete.
   *
   * @param path The path of the file.
   * @param options The offset in bytes, a callback for progress, and a signal.
   * @returns The bytes of the file.
   * @throws {ReplyError} If the server rejects the transfer, for example because there is no such file.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async download(
    path: string,
    options: FtpTransferOptions = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    remotePath("path", path);
    options = FTP_TRANSFER.check("download", options);
    if (options.verify && options.offset) throw new TypeError("verify must be false with offset");
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    void this.#dialogue.exclusive(async () => {
      const { stream, done } = await this.#transfers.read(`Cannot fetch ${path}`, path, options);
      resolve(stream);
      await done;
    }).catch(reject);
    return await promise;
  }

  /**
   * Uploads a file.
   *
   * @param path The path of the file on the server.
   * @param source The content of the file.
   * @param options The way to store the file, a callback for progress, and a signal.
   * @throws {ReplyError} If the server rejects the transfer.
   * @throws {TypeError | RangeError} If an argument is invalid.
   */
  async upload(path: string, source: FtpSource, options: FtpUploadOptions = {}): Promise<void> {
    await orCancel(source, this.#upload(path, source, options));
  }

  async #upload(path: string, source: FtpSource, options: FtpUploadOptions): Promise<void> {
    remotePath("path", path);
    options = FTP_UPLOAD.check("upload", options);
    checkWhole(options);
    await this.#dialogue.exclusive(() =>
      storeFile(this.#control, this.#transfers, { path, source, options })
    );
  }

  /**
   * Renames a file or directory.
   *
   * @param from The path of the file or directory.
   * @param to The new path of the file or directory.
   */
  async rename(from: string, to: string): Promise<void> {
    remotePath("from", from);
    remotePath("to", to);
    await this.#dialogue.exclusive(() => renameFile(this.#control, from, to));
  }

  /**
   * Deletes a file.
   *
   * @param path The path of the file.
   */
  async delete(path: string): Promise<void> {
    await this.#do(`Cannot delete ${path}`, `DELE ${checkPath(path)}`);
  }

  /**
   * Creates a directory.
   *
   * @param path The path of the directory.
   * @param options `recursive`: whether to create the directories above it as well, and to accept
   * directories that exist. Default: false.
   */
  async mkdir(path: string, options: { recursive?: boolean } = {}): Promise<void> {
    remotePath("path", path);
    options = FTP_DIRECTORY.check("mkdir", options);
    if (!options.recursive) {
      await this.#do(`Cannot make the directory ${path}`, `MKD ${path}`);
      return;
    }
    await makeDirectories(this, path);
  }

  /**
   * Removes a directory.
   *
   * @param path The path of the directory.
   * @param options `recursive`: whether to remove everything in it as well. Links are deleted and not
   * followed, if MLSD or LIST reports them as links. Default: false.
   * @throws {NetError} "limit" if directories are nested too deeply.
   */
  async rmdir(path: string, options: { recursive?: boolean } = {}): Promise<void> {
    remotePath("path", path);
    options = FTP_DIRECTORY.check("rmdir", options);
    if (options.recursive) await clearDirectory(this, path);
    await this.#do(`Cannot remove the directory ${path}`, `RMD ${path}`);
  }

  /**
   * Sends a command that has no method of its own, such as `SITE CHMOD 600 a.txt`. It must not open a
   * data connection.
   *
   * @param line The command, without a line ending.
   * @returns The positive reply of the server.
   * @throws {ReplyError} If the server rejects the command.
   * @throws {TypeError} If `line` is not one line.
   */
  async command(line: string): Promise<FtpReply> {
    commandLine("line", line);
    return await this.#do(`Cannot run ${line.slice(0, 100)}`, line);
  }

  /**
   * Sends a command of the server itself (SITE, RFC 959 §4.1.3), such as `CHMOD 600 a.txt`.
   *
   * @param line The command, without the word SITE.
   * @returns The positive reply of the server.
   * @throws {ReplyError} If the server rejects the command.
   */
  async site(line: string): Promise<FtpReply> {
    return await this.command(`SITE ${line}`);
  }

  /**
   * Asks for the state of the session and of the server (STAT without a path, RFC 959 §4.1.3).
   *
   * @returns The lines of the reply, in the words of the server.
   */
  async status(): Promise<string[]> {
    const { lines } = await this.#do("Cannot ask for the status", "STAT");
    return [...lines];
  }

  /**
   * Asks for the hash of a file, by the best of HASH, XSHA512, XSHA256, XSHA1, XMD5 and XCRC that the
   * server lists among its features.
   *
   * @param path The path of the file.
   * @returns The hash; undefined if the server knows none of the commands.
   * @throws {ReplyError} If the server rejects the command, for example because there is no such file.
   */
  async hash(path: string): Promise<FtpHash | undefined> {
    remotePath("path", path);
    return await this.#dialogue.exclusive(() => this.#transfers.hashes.of(path));
  }

  /** Sends NOOP, which does nothing except to keep the session alive. */
  async noop(): Promise<void> {
    await this.#do("Cannot keep the session alive", "NOOP");
  }

  /** Ends the session politely (QUIT). It never rejects. */
  async close(): Promise<void> {
    await this.#dialogue.close(() => this.#do("Cannot end the session", "QUIT"));
  }

  /**
   * Ends the session at once.
   *
   * @param reason The error for calls that are waiting. Default: an error of kind "closed".
   */
  abort(reason?: unknown): void {
    this.#dialogue.abort(reason);
  }

  /** Ends the session as {@linkcode FtpClient.close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #do(what: string, line: string): Promise<FtpReply> {
    return this.#dialogue.exclusive(() => this.#control.command(what, line));
  }
}

function checkPath(path: string): string {
  remotePath("path", path);
  return path;
}
