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
import { FtpControl } from "./_ftp_control.ts";
import { FtpTransfers } from "./_ftp_transfers.ts";
import {
  type FtpEntry,
  type FtpReply,
  parseFtpFacts,
  parseFtpListLine,
  parseFtpPath,
  parseFtpTime,
} from "./ftp_codec.ts";
import type { MailClientOptions } from "./mail_options.ts";
import { ReplyError } from "./reply_error.ts";

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
  readonly #control: FtpControl;
  readonly #transfers: FtpTransfers;
  #features: ReadonlyMap<string, string> = new Map();

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
    if (user !== "anonymous") this.#dialogue.conceal(password);
    await this.#dialogue.exclusive(async () => {
      const greeting = await this.#control.reply();
      if (greeting.code !== 220) throw this.#control.refused("Cannot begin", greeting);
      if (this.#dialogue.tls === "starttls") await this.#encrypt();
      if (user !== "anonymous") this.#dialogue.checkLogin();
      const asked = await this.#control.ask(`USER ${user}`);
      if (asked.code === 331 || asked.code === 332) {
        await this.#control.command("Cannot log in", `PASS ${password}`, "PASS ***");
      } else if (asked.code !== 230 && asked.code !== 232) {
        throw this.#control.refused("Cannot log in", asked);
      }
      if (this.#dialogue.encrypted) {
        await this.#control.command("Cannot protect the data", "PBSZ 0");
        await this.#control.command("Cannot protect the data", "PROT P");
        this.#transfers.protected = true;
      }
      await this.#askFeatures();
      if (this.#features.has("UTF8")) await this.#control.ask("OPTS UTF8 ON");
      await this.#control.command("Cannot transfer bytes as they are", "TYPE I");
    });
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
  list(path?: string): Promise<FtpEntry[]> {
    return this.#dialogue.exclusive(async () => {
      const where = path === undefined ? "" : ` ${checkPath(path)}`;
      const what = `Cannot list ${path ?? "the directory"}`;
      if (this.#features.has("MLST")) {
        const lines = await this.#transfers.listing(what, `MLSD${where}`);
        return lines.flatMap((line) => {
          const entry = parseFtpFacts(line);
          if (entry === undefined || entry.self) return [];
          const { self: _, ...rest } = entry;
          return [rest];
        });
      }
      const now = new Date();
      return (await this.#transfers.listing(what, `LIST${where}`)).map((line) =>
        parseFtpListLine(line, now)
      )
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
  upload(path: string, source: FtpSource, options: FtpUploadOptions = {}): Promise<void> {
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
    return this.#dialogue.exclusive(() => this.#control.command(what, line));
  }

  async #encrypt(): Promise<void> {
    const reply = await this.#control.ask("AUTH TLS");
    if (reply.code !== 234) {
      const cause = this.#control.refused("Cannot encrypt the line", reply);
      throw this.#dialogue.unencryptable("AUTH TLS", cause);
    }
    await this.#dialogue.startTls();
  }

  async #askFeatures(): Promise<void> {
    const reply = await this.#control.ask("FEAT");
    if (reply.code !== 211) return;
    this.#features = new Map(
      reply.lines.slice(1, -1).map((line) => {
        const [, name = "", words = ""] = /^ ?(\S+) ?(.*)$/s.exec(line) ?? [];
        return [name.toUpperCase(), words];
      }),
    );
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#control.command(`Cannot rename ${from}`, `RNFR ${from}`);
    await this.#control.command(`Cannot rename ${from} to ${to}`, `RNTO ${to}`);
  }
}

function checkPath(path: string): string {
  checkArgument("a path", path);
  if (path === "") throw new TypeError("Cannot use an empty path");
  return path;
}
