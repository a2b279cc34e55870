/** The download of a whole directory. */

import { ignoreFailure } from "../internal/ignore_failure.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { ifFound } from "../internal/local_files.ts";
import { nameProblem } from "../internal/local_name.ts";
import { lowerAscii } from "../text.ts";
import type { FtpClient } from "./client.ts";
import { type FtpEntry, isPlainFtpName } from "./codec.ts";
import { sameTime, type TreeWork } from "./_tree_report.ts";

/** One directory of a tree, on both sides. */
interface Place {
  /** The path on the server. */
  readonly remote: string;
  /** The path of the local folder. */
  readonly folder: string;
  /** The path below the top of the tree, with a slash at its end unless it is empty. */
  readonly below: string;
  /** The unique ids of this directory and of those above it, if the server reports them. */
  readonly above: readonly (string | undefined)[];
}

/** Downloads directories. */
export class TreeDownload {
  readonly #ftp: FtpClient;
  readonly #work: TreeWork;

  constructor(ftp: FtpClient, work: TreeWork) {
    this.#ftp = ftp;
    this.#work = work;
  }

  /** Downloads a directory with everything in it. */
  async run(remote: string, folder: string): Promise<void> {
    const unique = await this.#uniqueOf(remote);
    await this.#directory({ remote, folder, below: "", above: [unique] });
  }

  async #directory(place: Place): Promise<void> {
    const { remote, folder, above } = place;
    this.#work.enter(remote, above.length - 1);
    if (!this.#work.options.dryRun) await Deno.mkdir(folder, { recursive: true });
    let complete = true;
    const entries = await this.#ftp.list(remote, {
      onUnknown: (line) => {
        complete = false;
        const quoted = JSON.stringify(line.slice(0, 200));
        this.#work.leave(
          remote,
          "line",
          `The listing has a line that is not understood: ${quoted}`,
        );
      },
    });
    for (const entry of entries) await this.#entry(entry, place);
    // Nothing is deleted for a line that may name it.
    if (this.#work.options.delete && complete) await this.#delete(entries, place);
  }

  async #entry(entry: FtpEntry, { remote, folder, below, above }: Place): Promise<void> {
    const { name, type, unique } = entry;
    this.#work.enter(remote, 0);
    const problem = isPlainFtpName(name)
      ? nameProblem(name)
      : "No file of this name can be made here";
    if (problem !== undefined) {
      const path = `${remote}: ${JSON.stringify(name.slice(0, 200))}`;
      return this.#work.leave(path, "name", problem);
    }
    const from = `${remote.replace(/\/$/, "")}/${name}`;
    if (this.#work.excludes(below + name, type === "directory")) return;
    if (type === "link" || type === "other") {
      const what = type === "link" ? "a link" : "neither a file nor a directory";
      return this.#work.leave(from, "link", `It is ${what}`);
    }
    const to = `${folder}/${name}`;
    const here = await ifFound(Deno.lstat(to));
    if (here !== undefined && (type === "directory" ? !here.isDirectory : here.isDirectory)) {
      const what = here.isDirectory ? "a folder" : here.isSymlink ? "a link" : "a file";
      return this.#work.leave(from, "name", `It is a ${type} on the server, and ${what} here`);
    }
    if (type === "directory") {
      // Some servers show links as their targets, and a target may be a directory above.
      if (unique !== undefined && above.includes(unique)) {
        return this.#work.leave(from, "link", "It is a directory above itself");
      }
      const inner = {
        remote: from,
        folder: to,
        below: `${below}${name}/`,
        above: [...above, unique],
      };
      return await this.#work.orRefused(from, this.#directory(inner));
    }
    if (here?.isFile && this.#isSame(entry, here)) return this.#work.skip();
    await this.#work.orRefused(from, this.#file(entry, from, to));
  }

  #isSame(entry: FtpEntry, { size, mtime }: Deno.FileInfo): boolean {
    const { skipSame = false, bySize = false } = this.#work.options;
    if (!skipSame || entry.size !== size) return false;
    return bySize || sameTime(mtime, entry, this.#ftp.features.has("MLST"));
  }

  async #file({ size, modified }: FtpEntry, from: string, to: string): Promise<void> {
    const { signal, dryRun, onProgress } = this.#work.options;
    this.#work.begin(from, size);
    if (dryRun) return this.#work.transferred(size ?? 0);
    const part = `${to}.${crypto.randomUUID().slice(0, 8)}.part`;
    let received = 0;
    try {
      const stream = await this.#ftp.download(from, {
        ...signal && { signal },
        onProgress: (bytes) => {
          received = bytes;
          this.#work.count(bytes);
          onProgress?.(bytes);
        },
      });
      const file = await Deno.open(part, { write: true, createNew: true })
        .catch((error) => stream.cancel(error).then(() => Promise.reject(error)));
      await stream.pipeTo(file.writable);
      // The time tells the next run whether the file has changed.
      if (modified !== undefined) await Deno.utime(part, modified, modified);
      await Deno.rename(part, to);
    } catch (error) {
      await ignoreFailure(Deno.remove(part));
      throw error;
    }
    this.#work.transferred(received);
  }

  /** Deletes what the server does not have. Links are deleted and not followed. */
  async #delete(entries: readonly FtpEntry[], { folder, below }: Place): Promise<void> {
    const there = new Set(entries.map(({ name }) => name));
    // In a dry run, the folder may not exist.
    const here = await ifFound(Array.fromAsync(Deno.readDir(folder))) ?? [];
    for (const { name, isDirectory } of here) {
      if (there.has(name) || this.#work.excludes(below + name, isDirectory)) continue;
      if (!this.#work.options.dryRun) await Deno.remove(`${folder}/${name}`, { recursive: true });
      this.#work.removed();
    }
  }

  /** Returns the unique id of a directory, after asking the server to report ids in all listings. */
  async #uniqueOf(remote: string): Promise<string | undefined> {
    const facts = lowerAscii(this.#ftp.features.get("MLST") ?? "").split(";");
    if (!facts.some((fact) => /^unique\*?$/.test(fact))) return undefined;
    const wanted = facts.filter((fact) => fact === "unique" || fact.endsWith("*"));
    try {
      await this.#ftp.command(
        `OPTS MLST ${wanted.map((fact) => fact.replace("*", "")).join(";")};`,
      );
      return (await this.#ftp.stat(remote)).unique;
    } catch (error) {
      if (error instanceof ReplyError) return undefined;
      throw error;
    }
  }
}
