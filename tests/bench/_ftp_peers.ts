/** Other FTP clients behind the methods of ours, as far as they can do the same. @module */

import type { ConnectFtpOptions, FtpClient, FtpEntry, FtpReply } from "../../net/ftp/client.ts";
import type { FtpSource, FtpTransferOptions, FtpTreeOptions } from "../../net/ftp/client.ts";
import { parseFtpTime } from "../../net/ftp/codec.ts";
import { ReplyError } from "../../net/errors/reply_error.ts";
import type { JourneyKit } from "../_support/ftp_journey.ts";

/** What a client cannot do. */
export class Unable extends Error {
  /** The name of the class. */
  override readonly name = "Unable";

  /** Takes what is missing. */
  constructor(what: string) {
    super(what);
    isUnable = true;
  }
}

/** Whether something was missing since the last question. */
let isUnable = false;

/** A verb of a driver: "list", "put", "get" and so on. Files are passed by their paths. */
export type Verb = (name: string, args: readonly unknown[]) => Promise<unknown>;

/** The settings of a session. */
export interface PeerSettings {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The path of the certificate authority; empty without TLS. */
  readonly ca: string;
  readonly active: boolean;
  readonly encoding: string;
}

/** Starts a session with a client. */
export type StartPeer = (settings: PeerSettings) => Promise<Verb>;

/** Returns the error of a refusal, as far as a client tells the code of the reply. */
export function refusal(text: string): ReplyError {
  const code = /\b[45]\d\d\b/.exec(text)?.[0] ?? "550";
  return new ReplyError("The client fails", { code, lines: [text], temporary: false });
}

/** An entry whose fields the client may not know. */
function entryOf(known: Record<string, unknown>): FtpEntry {
  const { modified } = known;
  const time = typeof modified === "string"
    ? parseFtpTime(modified) ?? new Date(modified)
    : undefined;
  return new Proxy({ ...known, ...time && { modified: time } } as unknown as FtpEntry, {
    get(entry, name) {
      if (name in entry) return Reflect.get(entry, name);
      throw new Unable(`An entry has no ${String(name)}`);
    },
  });
}

/** A report of which only the numbers are known. */
function reportOf(known: Record<string, unknown>): Awaited<ReturnType<JourneyKit["uploadTree"]>> {
  return entryOf(known) as unknown as Awaited<ReturnType<JourneyKit["uploadTree"]>>;
}

async function bytesOf(source: FtpSource): Promise<Uint8Array> {
  if (typeof source === "string") return new TextEncoder().encode(source);
  if (source instanceof Uint8Array) return source;
  const stream = source instanceof ReadableStream ? source : ReadableStream.from(source);
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

/** The methods of our client that the journey uses, by the verbs of another one. */
class PeerClient {
  readonly encrypted: boolean;
  readonly #verb: Verb;
  readonly #local: string;
  #isLost = false;

  constructor(verb: Verb, encrypted: boolean, local: string) {
    this.#verb = verb;
    this.encrypted = encrypted;
    this.#local = local;
  }

  async pwd(): Promise<string> {
    return await this.#verb("pwd", []) as string;
  }

  async cd(path: string): Promise<void> {
    // Without this, later relative paths would lead elsewhere.
    this.#isLost = true;
    await this.#verb("cd", [path]);
    this.#isLost = false;
  }

  async list(path = ""): Promise<FtpEntry[]> {
    if (this.#isLost && !path.startsWith("/") && /^(?:b?)$/.test(path)) {
      throw new Unable("The current directory");
    }
    const entries = await this.#verb("list", [path]) as Record<string, unknown>[];
    return entries.filter(({ name }) => name !== "." && name !== "..").map(entryOf);
  }

  async rawListing(path = ""): Promise<string[]> {
    return await this.#verb("raw", [path]) as string[];
  }

  async stat(path: string): Promise<FtpEntry> {
    return entryOf(await this.#verb("stat", [path]) as Record<string, unknown>);
  }

  async size(path: string): Promise<number> {
    return await this.#verb("size", [path]) as number;
  }

  async modified(path: string): Promise<Date> {
    const text = await this.#verb("modified", [path]) as string;
    return parseFtpTime(text) ?? new Date(text);
  }

  async hash(path: string): Promise<unknown> {
    return await this.#verb("hash", [path]);
  }

  async download(path: string, options: FtpTransferOptions = {}): Promise<ReadableStream> {
    const { offset = 0, signal, verify, onProgress } = options;
    if (signal || verify || onProgress) throw new Unable("A download with a signal or progress");
    const file = `${this.#local}/down`;
    await this.#verb("get", [path, file, offset]);
    return new Blob([await Deno.readFile(file)]).stream();
  }

  async upload(
    path: string,
    source: FtpSource,
    options: FtpTransferOptions & { append?: boolean; atomic?: boolean } = {},
  ): Promise<void> {
    const { offset = 0, append = false, atomic, signal, verify, onProgress } = options;
    if (signal || verify || atomic) throw new Unable("A signal, verify or atomic");
    const file = `${this.#local}/up`;
    await Deno.writeFile(file, await bytesOf(source));
    const seen = await this.#verb(
      "put",
      [path, append, offset, onProgress !== undefined].toSpliced(0, 0, file),
    );
    if (onProgress === undefined) return;
    if (!Array.isArray(seen)) throw new Unable("Progress");
    for (const bytes of seen) onProgress(bytes as number);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#verb("rename", [from, to]);
  }

  async delete(path: string): Promise<void> {
    if (/[\r\n]/.test(path)) return await this.#refuse(() => this.#verb("delete", [path]));
    await this.#verb("delete", [path]);
  }

  async #refuse(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw error instanceof ReplyError ? new TypeError(error.message) : error;
    }
  }

  async mkdir(path: string, { recursive = false }: { recursive?: boolean } = {}): Promise<void> {
    await this.#verb(recursive ? "makeAll" : "mkdir", [path]);
  }

  async rmdir(path: string, { recursive = false }: { recursive?: boolean } = {}): Promise<void> {
    await this.#verb(recursive ? "removeAll" : "rmdir", [path]);
  }

  async command(line: string): Promise<FtpReply> {
    return { code: 200, lines: [`${await this.#verb("command", [line])}`] };
  }

  async noop(): Promise<void> {
    await this.command("NOOP");
  }

  async status(): Promise<string[]> {
    return await this.#verb("status", []) as string[];
  }

  async close(): Promise<void> {
    await this.#verb("close", []).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Transfers a tree, and returns what the client tells of it. */
  async tree(
    verb: "putTree" | "getTree",
    from: string,
    to: string,
    options: FtpTreeOptions,
  ): Promise<ReturnType<typeof reportOf>> {
    return reportOf(await this.#verb(verb, [from, to, options]) as Record<string, unknown> ?? {});
  }
}

/** Counts what is in a folder, for clients that do not tell what they have transferred. */
async function countIn(folder: string): Promise<{ files: number; bytes: number; left: [] }> {
  let [files, bytes] = [0, 0];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const inner = isDirectory ? await countIn(path) : undefined;
    files += inner?.files ?? 1;
    bytes += inner?.bytes ?? (await Deno.stat(path)).size;
  }
  return { files, bytes, left: [] };
}

/** Returns the functions of the journey for another client. */
export function kitOf(start: StartPeer, ca: string, local: string): JourneyKit {
  const connect = async (options: ConnectFtpOptions = {}) => {
    const { tls = "starttls", username = "anonymous", password = "anonymous@" } = options;
    const settings = {
      port: options.port!,
      user: username,
      password,
      ca: tls === "none" ? "" : ca,
      active: options.active === true,
      encoding: options.encoding ?? "utf-8",
    };
    return new PeerClient(await start(settings), tls !== "none", local) as unknown as FtpClient;
  };
  const peer = (ftp: FtpClient) => ftp as unknown as PeerClient;
  return {
    wasUnable() {
      const was = isUnable;
      isUnable = false;
      return was;
    },
    connectFtp: connect,
    async uploadTree(ftp, folder, remote, options = {}) {
      const report = await peer(ftp).tree("putTree", folder, remote, options);
      const counted = options.skipSame || options.delete ? {} : await countIn(folder);
      return reportOf({ ...counted, ...report });
    },
    async downloadTree(ftp, remote, folder, options = {}) {
      const report = await peer(ftp).tree("getTree", remote, folder, options);
      return reportOf({ ...options.skipSame ? {} : await countIn(folder), ...report });
    },
  };
}
