/** The upload of a whole folder. */

import { ReplyError } from "../errors/reply_error.ts";
import type { FtpClient } from "./client.ts";
import type { FtpEntry } from "./codec.ts";
import { isPlainFtpName } from "./codec.ts";
import { isNewer, type TreeWork } from "./_tree_report.ts";

/** Uploads folders. */
export class TreeUpload {
  readonly #ftp: FtpClient;
  readonly #work: TreeWork;

  constructor(ftp: FtpClient, work: TreeWork) {
    this.#ftp = ftp;
    this.#work = work;
  }

  /** Uploads a folder with everything in it. */
  async run(folder: string, remote: string): Promise<void> {
    await this.#directory(folder, remote, "", 0);
  }

  async #directory(folder: string, remote: string, below: string, depth: number): Promise<void> {
    this.#work.enter(folder, depth);
    const { dryRun, skipSame, delete: deletes } = this.#work.options;
    if (!dryRun) await this.#ftp.mkdir(remote, { recursive: true });
    const there = skipSame || deletes ? await this.#entries(remote) : new Map<string, FtpEntry>();
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      this.#work.enter(folder, 0);
      if (this.#work.excludes(below + name, isDirectory)) {
        there.delete(name);
        continue;
      }
      const [own, target] = [`${folder}/${name}`, `${remote.replace(/\/$/, "")}/${name}`];
      const entry = there.get(name);
      there.delete(name);
      if (/[\r\n\0]/.test(name)) {
        this.#work.leave(own, "name", "A command of FTP cannot contain this name");
      } else if (isDirectory) {
        const inner = this.#directory(own, target, `${below}${name}/`, depth + 1);
        await this.#work.orRefused(own, inner);
      } else if (!isFile) this.#work.leave(own, "link", "It is neither a file nor a folder");
      else await this.#work.orRefused(own, this.#file(own, target, entry));
    }
    if (deletes) await this.#delete(there, remote, below);
  }

  async #entries(remote: string): Promise<Map<string, FtpEntry>> {
    try {
      const entries = await this.#ftp.list(remote, { onUnknown: () => {} });
      return new Map(entries.map((entry) => [entry.name, entry]));
    } catch (error) {
      // A dry run makes no directories.
      if (this.#work.options.dryRun && error instanceof ReplyError) return new Map();
      throw error;
    }
  }

  async #file(own: string, target: string, entry: FtpEntry | undefined): Promise<void> {
    const { signal, dryRun, skipSame = false, bySize = false, onProgress } = this.#work.options;
    const exact = this.#ftp.features.has("MLST");
    using file = await Deno.open(own);
    const { size, mtime } = await file.stat();
    const isSame = skipSame && entry?.type === "file" && entry.size === size &&
      (bySize || isNewer(entry, mtime, exact));
    if (isSame) return this.#work.skip();
    this.#work.begin(own, size);
    if (dryRun) return this.#work.transferred(size);
    let sent = 0;
    await this.#ftp.upload(target, chunks(file), {
      atomic: true,
      ...signal && { signal },
      onProgress: (bytes) => {
        sent = bytes;
        this.#work.count(bytes);
        onProgress?.(bytes);
      },
    });
    if (mtime !== null) await this.#setTime(target, mtime);
    this.#work.transferred(sent);
  }

  /** Gives a file on the server the time of the local one, if the server can. */
  async #setTime(target: string, time: Date): Promise<void> {
    if (!this.#ftp.features.has("MFMT")) return;
    const text = time.toISOString().replaceAll(/[-:T]/g, "").slice(0, 14);
    try {
      await this.#ftp.command(`MFMT ${text} ${target}`);
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
    }
  }

  /** Deletes what the local folder does not have. */
  async #delete(
    entries: ReadonlyMap<string, FtpEntry>,
    remote: string,
    below: string,
  ): Promise<void> {
    for (const { name, type } of entries.values()) {
      if (!isPlainFtpName(name) || this.#work.excludes(below + name, type === "directory")) {
        continue;
      }
      const target = `${remote.replace(/\/$/, "")}/${name}`;
      const remove = async () => {
        if (!this.#work.options.dryRun) {
          if (type === "directory") await this.#ftp.rmdir(target, { recursive: true });
          else await this.#ftp.delete(target);
        }
        this.#work.removed();
      };
      await this.#work.orRefused(target, remove());
    }
  }
}

/** Reads a file. All chunks share one buffer, so each must be used before the next is read. */
async function* chunks(file: Deno.FsFile): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let n; (n = await file.read(buffer)) !== null;) yield buffer.subarray(0, n);
}
