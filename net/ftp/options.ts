/**
 * Options of `connectFtp`, of transfers, and of whole directories.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { ReplyError } from "../errors/reply_error.ts";
import type { FtpLineParser } from "./listing.ts";
import type { MailClientOptions } from "../mail/options.ts";

/** Options of `connectFtp`. All times are in milliseconds; 0 lifts a limit. */
export interface ConnectFtpOptions extends MailClientOptions {
  /**
   * The user to log in as.
   *
   * @default "anonymous"
   */
  username?: string;
  /**
   * The former name of `username`.
   *
   * @deprecated Use `username`.
   */
  user?: string;
  /**
   * The password of the user, which may be empty. It is required together with `username`.
   *
   * @default "anonymous@" for anonymous
   */
  password?: string;
  /**
   * Whether data connections go to the address in the reply to PASV, for servers that transfer data
   * from another host. The client then uses PASV only. By default data connections go to the host of
   * the control connection, because a forged reply could contain any address.
   *
   * @default false
   */
  trustPassiveAddress?: boolean;
  /**
   * The encoding of names on the server: a label of the Encoding standard, such as `latin1`, `gbk`,
   * `shift_jis` or `windows-1251`. Bytes that are no characters of the encoding become lone surrogates
   * from U+DC80 to U+DCFF in names, and are sent back as the same bytes.
   *
   * @default "utf-8"
   */
  encoding?: string;
  /**
   * Whether data connections are encrypted if the control connection is. Without encryption, everybody on
   * the way can read and change files (PROT C, RFC 4217 §9).
   *
   * @default true
   */
  encryptData?: boolean;
  /**
   * Whether the server opens the data connections (EPRT and PORT). Only connections from the address of
   * the server are accepted. This fails behind most routers and firewalls.
   *
   * @default false
   */
  active?: boolean;
  /** The IP address that the server is told to connect to. @default that of the control connection here */
  activeAddress?: string;
  /** The port that the server is told to connect to. @default a free port for each transfer */
  activePort?: number;
  /** Opens data connections instead of `connectTcp`, through a proxy or in memory for example. */
  connectData?: (address: { hostname: string; port: number }) => Promise<Connection>;
}

/** Options of every call. */
export interface FtpCallOptions {
  /**
   * Aborts the call, which rejects with the reason of the signal. A transfer ends, and the session stays
   * open if the server plays along. If the reply to a command does not come within 5 seconds after the
   * abort, the session ends.
   */
  signal?: AbortSignal;
}

/** Options of `FtpClient.mkdir` and `FtpClient.rmdir`. */
export interface FtpDirectoryOptions extends FtpCallOptions {
  /**
   * `mkdir`: whether to create the directories above it as well, and to accept directories that exist.
   * `rmdir`: whether to remove everything in it as well. Links are deleted and not followed, if MLSD or LIST
   * reports them as links.
   *
   * @default false
   */
  recursive?: boolean;
}

/** Options of a transfer. */
export interface FtpTransferOptions extends FtpCallOptions {
  /** The position in the file at which the transfer starts, in bytes (RFC 3659 §5). @default 0 */
  offset?: number;
  /** Called with the number of bytes of this transfer so far. */
  onProgress?: (bytes: number) => void;
  /**
   * Whether the hash of the file is compared with that of the server afterwards, if the server knows HASH,
   * XSHA256, XMD5, XCRC or a relative. It requires a whole file: neither `offset` nor `append`.
   *
   * @default false
   */
  verify?: boolean;
}

/** The hash of a file on the server. */
export interface FtpHash {
  /** The algorithm. Only SHA-256 and SHA-512 protect against forgery. */
  readonly algorithm: "SHA-512" | "SHA-256" | "SHA-1" | "MD5" | "CRC32";
  /** The hash in lower-case hexadecimal digits. */
  readonly value: string;
}

/** Options of `FtpClient.list`. */
export interface FtpListOptions extends FtpCallOptions {
  /**
   * Parses the lines of LIST in a form that the library does not know. The client then uses LIST and not
   * MLSD.
   *
   * @default the forms of `parseFtpListing`
   */
  parseLine?: FtpLineParser;
  /**
   * Called for a line that has another form than the listing, such as a remark of the server. The entries
   * of the other lines are returned.
   *
   * @default such a line ends the call with an error that quotes it
   */
  onUnknown?: (line: string) => void;
}

/** Options of `FtpClient.upload`. */
export interface FtpUploadOptions extends FtpTransferOptions {
  /** Whether the bytes are appended to an existing file. @default false */
  append?: boolean;
  /** Whether the file is stored under a temporary name and renamed when it is complete. @default false */
  atomic?: boolean;
}

/** The content of a file to upload. */
export type FtpSource =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/**
 * Takes the next bytes of a download, and returns or resolves when it has used them. The memory is then
 * used again.
 */
export type FtpSink = (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;

/** Options of `downloadTree` and `uploadTree`. */
export interface FtpTreeOptions extends FtpCallOptions {
  /**
   * Whether files that exist with the same size and time are skipped. An upload skips a file that is not
   * older on the server.
   *
   * @default false
   */
  skipSame?: boolean;
  /**
   * Whether `skipSame` compares sizes only, for servers that report no usable times. A file whose time is
   * unknown is transferred otherwise.
   *
   * @default false
   */
  bySize?: boolean;
  /**
   * Whether files and directories that the source does not have are deleted at the destination. Excluded
   * ones stay, except in a directory that is deleted.
   *
   * @default false
   */
  delete?: boolean;
  /**
   * Returns whether a file or directory is left out, by its path below the top of the tree, such as
   * `src/a.txt`.
   *
   * @default nothing is left out
   */
  exclude?: (path: string, isDirectory: boolean) => boolean;
  /** Whether nothing is changed. The report then says what would be done. @default false */
  dryRun?: boolean;
  /**
   * The maximum number of transferred files, and of directories in a download; 0 for no limit.
   *
   * @default 0
   */
  maxFiles?: number;
  /** The maximum number of transferred bytes; 0 for no limit. @default 0 */
  maxBytes?: number;
  /** Called before each file with its path, and its size in bytes if it is known. */
  onFile?: (path: string, size: number | undefined) => void;
  /** Called with the number of bytes of a file so far, and with the path that `onFile` gets. */
  onProgress?: (bytes: number, path: string) => void;
  /**
   * The maximum number of sessions that transfer files at the same time. The other sessions are opened with
   * the options of the first one, and closed at the end. If the server refuses them, there are fewer. A
   * session that is lost is replaced, also the first one and whatever this number is. After 10 losses
   * without a file in between, the transfer fails.
   *
   * @default 1
   */
  connections?: number;
  /**
   * Whether the hashes of files are compared with those of the server, as by `verify` of `download`. A file
   * that differs is left out.
   *
   * @default false
   */
  verify?: boolean;
  /**
   * Whether a download makes files with any name that this computer can store. By default names that
   * Windows reserves are left out everywhere, because folders move between computers: `CON`, `a:b`, and
   * names that end with a dot or a blank. See also `mapNames`.
   *
   * @default false
   */
  anyName?: boolean;
  /**
   * Whether a download makes files with names in percent-encoding where a name is reserved, instead of
   * leaving them out: `a%3Ab` for `a:b`, `%43ON` for `CON`, `a%2E` for `a.`, and `100%25` for `100%`. Bytes
   * that are not in the encoding of the session are mapped as well. No two names become the same. An upload
   * with this option gives such files their first names again. It requires `anyName` to be false.
   *
   * @default false
   */
  mapNames?: boolean;
  /**
   * Called for a file or directory that the server rejects. It is then left out.
   *
   * @default the rejection ends the whole transfer
   */
  onRefused?: (path: string, error: ReplyError) => void;
}

/** The result of `downloadTree` or `uploadTree`. */
export interface FtpTreeReport {
  /** The number of transferred files. */
  readonly files: number;
  /** The number of files that were skipped because they are the same. */
  readonly skipped: number;
  /** The total size of the transferred files in bytes. */
  readonly bytes: number;
  /** The number of files and directories that were deleted at the destination. */
  readonly deleted: number;
  /** The files and directories that were left out, at most 1,000 of each kind. */
  readonly left: readonly FtpLeft[];
}

/** A file or directory that a tree has left out. */
export interface FtpLeft {
  /** The path where the transfer found it. */
  readonly path: string;
  /**
   * "name": it cannot be stored under its name. "link": it is a link or a special file. "line": a line of
   * the listing is not understood. "content": the file arrived with another size or hash than it has.
   * "connection": the session was lost each time when this file was transferred.
   */
  readonly kind: "name" | "link" | "line" | "content" | "connection";
  /** The reason as a sentence. */
  readonly reason: string;
}
