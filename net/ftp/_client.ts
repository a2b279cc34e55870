/** The methods of a session with an FTP server. */

import type { Dialogue } from "../internal/dialogue.ts";
import { command as commandLine } from "../internal/mail_rules.ts";
import { type BeginOptions, FtpControl } from "./_control.ts";
import { callInTurn, connectInCall, transferInTurn } from "./_calls.ts";
import { clearDirectory, makeDirectories } from "./_directories.ts";
import { checkWhole, renameFile, statByFacts, statByListing, storeFile } from "./_files.ts";
import { FtpLister } from "./_lister.ts";
import type { NameCoding } from "../internal/name_coding.ts";
import type { FtpDownload } from "./_download.ts";
import { FtpTransfers } from "./_transfers.ts";
import { type FtpEntry, type FtpReply, parseFtpPath, parseFtpSize, parseFtpTime } from "./codec.ts";
import type {
  ConnectFtpOptions,
  FtpCallOptions,
  FtpDirectoryOptions,
  FtpHash,
  FtpListOptions,
  FtpSink,
  FtpSource,
  FtpTransferOptions,
  FtpUploadOptions,
} from "./options.ts";
import {
  FTP_CALL,
  FTP_DIRECTORY,
  FTP_LIST,
  FTP_TRANSFER,
  FTP_UPLOAD,
  remotePath,
} from "./_option_rules.ts";
import { NetError } from "../errors/errors.ts";
import { callback } from "../internal/options.ts";
import { orCancel } from "../internal/while_open.ts";

/** Opens a session. */
type Connect = (options: ConnectFtpOptions) => Promise<FtpClient>;

/**
 * A session with an FTP server, made by `connectFtp`. Calls and transfers run one after the
 * other. Each call rejects with a `ReplyError` if the server rejects the command.
 */
export class FtpClient implements AsyncDisposable {
  readonly #options: ConnectFtpOptions;
  readonly #connect: Connect;
  readonly #dialogue: Dialogue;
  readonly #control: FtpControl;
  readonly #transfers: FtpTransfers;
  readonly #lister: FtpLister;

  /**
   * Takes over a dialogue. For use by `connectFtp`.
   *
   * @ignore
   */
  constructor(
    dialogue: Dialogue,
    options: ConnectFtpOptions,
    coding: NameCoding,
    connect: Connect,
  ) {
    this.#options = options;
    this.#connect = connect;
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
   * @param options The signal that aborts the call.
   * @returns The other client, which the caller closes.
   * @throws {NetError} The errors of `connectFtp`; "unsupported" if the options contain `connection`.
   */
  async duplicate(options: FtpCallOptions = {}): Promise<FtpClient> {
    const { signal } = FTP_CALL.check("duplicate", options);
    if (this.#options.connection === undefined) {
      const connect = (signal: AbortSignal) => this.#connect({ ...this.#options, signal });
      return await connectInCall(signal, this.#options.signal, connect);
    }
    const message = "Cannot open another session: the option connection is for one session";
    throw new NetError(message, { kind: "unsupported", phase: "connect" });
  }

  /**
   * Asks for the current directory.
   *
   * @param options The signal that aborts the call.
   * @returns The path of the directory.
   */
  async pwd(options?: FtpCallOptions): Promise<string> {
    const { lines } = await this.#do("pwd", "Cannot ask for the directory", "PWD", options);
    return parseFtpPath(lines[0]!) ?? this.#dialogue.nonsense(lines[0]!);
  }

  /**
   * Changes the current directory.
   *
   * @param path The path of the new directory.
   * @param options The signal that aborts the call.
   */
  async cd(path: string, options?: FtpCallOptions): Promise<void> {
    await this.#do("cd", `Cannot change to ${path}`, `CWD ${checkPath(path)}`, options);
  }

  /**
   * Lists a directory by MLSD, or by LIST if the server does not support MLSD. For LIST, the client changes
   * into the directory and back: some servers answer LIST of a missing directory with an empty listing, and
   * others take a path with blanks or brackets for something else.
   *
   * @param path The path of the directory. Default: the current directory.
   * @param options The parser of lines, a callback for lines that are not understood, and the signal.
   * @returns The entries, without `.` and `..`, with the hidden ones.
   * @throws {ReplyError} If the directory does not exist.
   * @throws {NetError} "protocol" if the listing has a form that is not known. The error quotes a line.
   */
  async list(path?: string, options: FtpListOptions = {}): Promise<FtpEntry[]> {
    if (path !== undefined) remotePath("path", path);
    options = FTP_LIST.check("list", options);
    return await this.#run(options, () => this.#lister.list(path, options));
  }

  /**
   * Returns the listing of a directory as the server writes it, from LIST.
   *
   * @param path The path of the directory. Default: the current directory.
   * @param options The signal that aborts the call.
   * @returns The lines without their line endings.
   */
  async rawListing(path?: string, options: FtpCallOptions = {}): Promise<string[]> {
    if (path !== undefined) remotePath("path", path);
    options = FTP_CALL.check("rawListing", options);
    return await this.#run(options, () => this.#lister.lines(path, options.signal));
  }

  /**
   * Asks for the properties of a file or directory by MLST, or by the listing of the directory above it
   * if the server does not support MLST.
   *
   * @param path The path of the file or directory.
   * @param options The signal that aborts the call.
   * @returns The entry, with the last part of the path as its name.
   * @throws {ReplyError} If it does not exist.
   * @throws {NetError} "protocol" if the listing of the directory above does not contain it.
   */
  async stat(path: string, options: FtpCallOptions = {}): Promise<FtpEntry> {
    remotePath("path", path);
    options = FTP_CALL.check("stat", options);
    if (this.features.has("MLST")) {
      return await this.#run(options, () => statByFacts(this.#control, path));
    }
    return await statByListing((above) => this.list(above, options), path, this.#dialogue.peer);
  }

  /**
   * Asks for the size of a file (RFC 3659 §4).
   *
   * @param path The path of the file.
   * @param options The signal that aborts the call.
   * @returns The size in bytes.
   */
  async size(path: string, options?: FtpCallOptions): Promise<number> {
    const what = `Cannot ask for the size of ${path}`;
    const { lines } = await this.#do("size", what, `SIZE ${checkPath(path)}`, options);
    return parseFtpSize(lines[0]!) ?? this.#dialogue.nonsense(lines[0]!);
  }

  /**
   * Asks for the time of the last change of a file (RFC 3659 §3).
   *
   * @param path The path of the file.
   * @param options The signal that aborts the call.
   * @returns The time of the last change.
   */
  async modified(path: string, options?: FtpCallOptions): Promise<Date> {
    const what = `Cannot ask for the time of ${path}`;
    const { lines } = await this.#do("modified", what, `MDTM ${checkPath(path)}`, options);
    return parseFtpTime(lines[0]!) ?? this.#dialogue.nonsense(lines[0]!);
  }

  /**
   * Downloads a file as a stream. Other calls wait until the stream is read or cancelled. The stream ends
   * without an error only if the server confirms that the file is complete.
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
    const { promise, resolve, reject } = Promise.withResolvers<
      ReadableStream<Uint8Array<ArrayBuffer>>
    >();
    const work = this.#fetch("download", path, options, async (download) => {
      resolve(download.stream());
      await download.done;
    });
    void work.catch(reject);
    return await promise;
  }

  /**
   * Downloads a file into a function. This is faster than a stream, because all bytes pass through the
   * same memory.
   *
   * @param path The path of the file.
   * @param sink Takes the bytes, which are valid until the promise that it returns resolves. If it fails,
   * the transfer ends.
   * @param options The offset in bytes, a callback for progress, and a signal.
   * @returns The number of bytes, after the server has confirmed that the file is complete.
   * @throws {ReplyError} If the server rejects the transfer, for example because there is no such file.
   * @throws {TypeError | RangeError} If an argument is invalid.
   *
   * @example Save a file
   * ```ts
   * import type { FtpClient } from "@portside/kit/net/ftp";
   *
   * async function save(ftp: FtpClient, remote: string, local: string): Promise<number> {
   *   using file = await Deno.open(local, { write: true, createNew: true });
   *   return await ftp.downloadTo(remote, async (bytes) => {
   *     for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
   *   });
   * }
   * ```
   */
  async downloadTo(
    path: string,
    sink: FtpSink,
    options: FtpTransferOptions = {},
  ): Promise<number> {
    callback("sink", sink);
    return await this.#fetch("downloadTo", path, options, (download) => download.into(sink));
  }

  async #fetch<T>(
    owner: string,
    path: string,
    options: FtpTransferOptions,
    read: (download: FtpDownload) => Promise<T>,
  ): Promise<T> {
    remotePath("path", path);
    options = FTP_TRANSFER.check(owner, options);
    if (options.verify && options.offset) throw new TypeError("verify must be false with offset");
    return await transferInTurn(
      this.#dialogue,
      options.signal,
      async () => await read(await this.#transfers.fetch(`Cannot fetch ${path}`, path, options)),
    );
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
    await transferInTurn(
      this.#dialogue,
      options.signal,
      () => storeFile(this.#control, this.#transfers, { path, source, options }),
    );
  }

  /**
   * Renames a file or directory.
   *
   * @param from The path of the file or directory.
   * @param to The new path of the file or directory.
   * @param options The signal that aborts the call.
   */
  async rename(from: string, to: string, options: FtpCallOptions = {}): Promise<void> {
    remotePath("from", from);
    remotePath("to", to);
    options = FTP_CALL.check("rename", options);
    await this.#run(options, () => renameFile(this.#control, from, to));
  }

  /**
   * Deletes a file.
   *
   * @param path The path of the file.
   * @param options The signal that aborts the call.
   */
  async delete(path: string, options?: FtpCallOptions): Promise<void> {
    await this.#do("delete", `Cannot delete ${path}`, `DELE ${checkPath(path)}`, options);
  }

  /**
   * Creates a directory.
   *
   * @param path The path of the directory.
   * @param options Whether to create those above it as well, and the signal.
   */
  async mkdir(path: string, options: FtpDirectoryOptions = {}): Promise<void> {
    remotePath("path", path);
    const { recursive, ...call } = FTP_DIRECTORY.check("mkdir", options);
    if (recursive) await makeDirectories(this, path, call);
    else await this.#do("mkdir", `Cannot make the directory ${path}`, `MKD ${path}`, call);
  }

  /**
   * Removes a directory.
   *
   * @param path The path of the directory.
   * @param options Whether to remove everything in it as well, and the signal.
   * @throws {NetError} "limit" if directories are nested too deeply.
   */
  async rmdir(path: string, options: FtpDirectoryOptions = {}): Promise<void> {
    remotePath("path", path);
    const { recursive, ...call } = FTP_DIRECTORY.check("rmdir", options);
    if (recursive) await clearDirectory(this, path, call);
    await this.#do("rmdir", `Cannot remove the directory ${path}`, `RMD ${path}`, call);
  }

  /**
   * Sends a command that has no method of its own, such as `SITE CHMOD 600 a.txt`. It must not open a
   * data connection.
   *
   * @param line The command, without a line ending.
   * @param options The signal that aborts the call.
   * @returns The positive reply of the server.
   * @throws {ReplyError} If the server rejects the command.
   * @throws {TypeError} If `line` is not one line.
   */
  async command(line: string, options?: FtpCallOptions): Promise<FtpReply> {
    commandLine("line", line);
    return await this.#do("command", `Cannot run ${line.slice(0, 100)}`, line, options);
  }

  /**
   * Sends a command of the server itself (SITE, RFC 959 §4.1.3), such as `CHMOD 600 a.txt`.
   *
   * @param line The command, without the word SITE.
   * @param options The signal that aborts the call.
   * @returns The positive reply of the server.
   * @throws {ReplyError} If the server rejects the command.
   */
  async site(line: string, options?: FtpCallOptions): Promise<FtpReply> {
    return await this.command(`SITE ${line}`, options);
  }

  /**
   * Asks for the state of the session and of the server (STAT without a path, RFC 959 §4.1.3).
   *
   * @param options The signal that aborts the call.
   * @returns The lines of the reply, in the words of the server.
   */
  async status(options?: FtpCallOptions): Promise<string[]> {
    const { lines } = await this.#do("status", "Cannot ask for the status", "STAT", options);
    return [...lines];
  }

  /**
   * Asks for the hash of a file, by the best of HASH, XSHA512, XSHA256, XSHA1, XMD5 and XCRC that the
   * server lists among its features.
   *
   * @param path The path of the file.
   * @param options The signal that aborts the call.
   * @returns The hash; undefined if the server knows none of the commands.
   * @throws {ReplyError} If the server rejects the command, for example because there is no such file.
   */
  async hash(path: string, options: FtpCallOptions = {}): Promise<FtpHash | undefined> {
    remotePath("path", path);
    options = FTP_CALL.check("hash", options);
    return await this.#run(options, () => this.#transfers.hashes.of(path));
  }

  /**
   * Sends NOOP, which does nothing except to keep the session alive.
   *
   * @param options The signal that aborts the call.
   */
  async noop(options?: FtpCallOptions): Promise<void> {
    await this.#do("noop", "Cannot keep the session alive", "NOOP", options);
  }

  /** Ends the session politely (QUIT). It never rejects. */
  async close(): Promise<void> {
    await this.#dialogue.close(() => this.#do("close", "Cannot end the session", "QUIT"));
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

  /** Sends a command of a method that has to succeed. */
  #do(owner: string, what: string, line: string, options: FtpCallOptions = {}): Promise<FtpReply> {
    options = FTP_CALL.check(owner, options);
    return this.#run(options, () => this.#control.command(what, line));
  }

  #run<T>({ signal }: FtpCallOptions, work: () => Promise<T>): Promise<T> {
    return callInTurn(this.#dialogue, signal, work);
  }
}

function checkPath(path: string): string {
  remotePath("path", path);
  return path;
}
