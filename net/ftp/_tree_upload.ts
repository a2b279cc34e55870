/** The upload of a whole folder. */

import { ReplyError } from "../errors/reply_error.ts";
import type { FtpClient } from "./_client.ts";
import type { FtpEntry } from "./codec.ts";
import { isPlainFtpName } from "./codec.ts";
import type { TreeCrew } from "./_tree_crew.ts";
import { isNewer, isSpoiled, type TreeWork } from "./_tree_report.ts";

/** One folder of a tree, on both sides. */
interface Place {
  /** The path of the local folder. */
  readonly folder: string;
  /** The path on the server. */
  readonly remote: string;
  /** The path below the top of the tree, with a slash at its end unless it is empty. */
  readonly below: string;
  readonly depth: number;
  /** The entry of the directory on the server; undefined if it does not exist. */
  readonly entry: FtpEntry | undefined;
}

/** Uploads folders. */
export class TreeUpload {
  readonly #crew: TreeCrew;
  readonly #work: TreeWork;

  constructor(crew: TreeCrew, work: TreeWork) {
    this.#crew = crew;
    this.#work = work;
  }

  /** Uploads a folder with everything in it. */
  async run(folder: string, remote: string): Promise<void> {
    const place = { folder, remote, below: "", depth: 0, entry: undefined };
    const there = await this.#entries(remote).catch(async (error) => {
      if (!(error instanceof ReplyError)) throw error;
      // A dry run makes no directories.
      if (!this.#work.options.dryRun) await this.#makeTop(remote);
      return new Map<string, FtpEntry>();
    });
    await this.#contents(place, there);
    await this.#crew.end();
  }

  async #makeTop(remote: string): Promise<void> {
    const options = { recursive: true, signal: this.#crew.signal };
    await this.#crew.lead((ftp) => ftp.mkdir(remote, options));
  }

  async #directory(place: Place): Promise<void> {
    const { remote, folder, depth, entry } = place;
    this.#work.enter(folder, depth);
    if (entry !== undefined) return await this.#contents(place, await this.#entries(remote));
    await this.#contents(place, await this.#made(remote));
  }

  /** Makes a directory, and returns its entries. It may exist although the listing does not show it. */
  async #made(remote: string): Promise<Map<string, FtpEntry>> {
    if (this.#work.options.dryRun) return new Map();
    try {
      const { signal } = this.#crew;
      await this.#crew.lead((ftp) => ftp.mkdir(remote, { signal }));
      return new Map();
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      return await this.#entries(remote).catch(() => Promise.reject(error));
    }
  }

  async #contents(place: Place, there: Map<string, FtpEntry>): Promise<void> {
    const { folder, remote, below, depth } = place;
    const items = await Array.fromAsync(Deno.readDir(folder));
    if (this.#work.options.delete) {
      const surplus = new Map(there);
      for (const { name } of items) surplus.delete(this.#work.remoteName(name));
      // Later, a name in other letters could be that of a new file.
      await this.#delete(surplus, remote, below);
    }
    const names = new Set<string>();
    for (const { name: local, isDirectory, isFile } of items) {
      this.#work.enter(folder, 0);
      const name = this.#work.remoteName(local);
      if (this.#work.excludes(below + name, isDirectory)) continue;
      const [own, target] = [`${folder}/${local}`, `${remote.replace(/\/$/, "")}/${name}`];
      if (names.has(name)) {
        this.#work.leave(own, "name", "Another item has the same name on the server");
        continue;
      }
      names.add(name);
      const entry = there.get(name);
      if (/[\r\n\0]/.test(name)) {
        this.#work.leave(own, "name", "A command of FTP cannot contain this name");
      } else if (isDirectory) {
        // A link may lead to a directory.
        const isThere = entry?.type === "directory" || entry?.type === "link";
        const inner = {
          folder: own,
          remote: target,
          below: `${below}${name}/`,
          depth: depth + 1,
          entry: isThere ? entry : undefined,
        };
        await this.#work.orRefused(own, this.#directory(inner));
      } else if (!isFile) this.#work.leave(own, "link", "It is neither a file nor a folder");
      else {
        const run = (ftp: FtpClient) => this.#file(ftp, own, target, entry);
        await this.#crew.add(this.#work.fileWork(own, run));
      }
    }
  }

  async #entries(remote: string): Promise<Map<string, FtpEntry>> {
    const { signal } = this.#crew;
    const options = { signal, onUnknown: () => {} };
    const entries = await this.#crew.lead((ftp) => ftp.list(remote, options));
    return new Map(entries.map((entry) => [entry.name, entry]));
  }

  async #file(
    ftp: FtpClient,
    own: string,
    target: string,
    entry: FtpEntry | undefined,
  ): Promise<void> {
    const { dryRun, skipSame = false, bySize = false, verify = false } = this.#work.options;
    const exact = ftp.features.has("MLST");
    using file = await Deno.open(own);
    const { size, mtime } = await file.stat();
    const isSame = skipSame && entry?.type === "file" && entry.size === size &&
      (bySize || isNewer(entry, mtime, exact));
    if (isSame) return this.#work.skip();
    const count = this.#work.begin(own, size);
    let isComplete = dryRun === true;
    try {
      if (dryRun) return;
      const { onProgress } = count;
      const { signal } = this.#crew;
      await ftp.upload(target, chunks(file), { atomic: true, signal, onProgress, verify });
      if (mtime !== null) await this.#setTime(ftp, target, mtime);
      isComplete = true;
    } catch (error) {
      if (!isSpoiled(error, ftp)) throw error;
      this.#work.leave(own, "content", error.message);
    } finally {
      count.end(isComplete);
    }
  }

  /** Gives a file on the server the time of the local one, if the server can. */
  async #setTime(ftp: FtpClient, target: string, time: Date): Promise<void> {
    if (!ftp.features.has("MFMT")) return;
    const text = time.toISOString().replaceAll(/[-:T]/g, "").slice(0, 14);
    try {
      await ftp.command(`MFMT ${text} ${target}`, { signal: this.#crew.signal });
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
    const { signal } = this.#crew;
    for (const { name, type } of entries.values()) {
      if (!isPlainFtpName(name) || this.#work.excludes(below + name, type === "directory")) {
        continue;
      }
      const target = `${remote.replace(/\/$/, "")}/${name}`;
      const remove = async () => {
        if (!this.#work.options.dryRun) {
          await this.#crew.lead((ftp) =>
            type === "directory"
              ? ftp.rmdir(target, { recursive: true, signal })
              : ftp.delete(target, { signal })
          );
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
