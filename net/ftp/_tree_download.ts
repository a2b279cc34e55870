/** The download of a whole directory. */

import { NetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { ifFound, writeFully } from "../internal/local_files.ts";
import { nameProblem } from "../internal/local_name.ts";
import { lowerAscii } from "../text.ts";
import type { FtpClient } from "./_client.ts";
import { type FtpEntry, isPlainFtpName } from "./codec.ts";
import type { FtpSink } from "./options.ts";
import { partialName } from "./_partial_name.ts";
import type { TreeCrew } from "./_tree_crew.ts";
import { isSpoiled, sameTime, type TreeWork } from "./_tree_report.ts";

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

/** The errors of file systems for a name that they cannot have. */
const UNFIT_NAMES: ReadonlySet<string> = new Set(["ENAMETOOLONG", "EINVAL", "EILSEQ"]);

/** The names in one folder here. Windows and macOS take some different names for the same one. */
class LocalNames {
  readonly #seen = new Set<string>();

  /** Adds a name; false if the folder has it already. */
  add(name: string): boolean {
    const isExact = Deno.build.os !== "windows" && Deno.build.os !== "darwin";
    const here = isExact ? name : name.normalize("NFC").toLowerCase();
    const isNew = !this.#seen.has(here);
    this.#seen.add(here);
    return isNew;
  }
}

/** Downloads directories. */
export class TreeDownload {
  readonly #crew: TreeCrew;
  readonly #work: TreeWork;
  /** The session that reports unique ids, if the server can do that. */
  #asked: FtpClient | undefined;
  /** Whether the times of listings have seconds. */
  #isExact = false;

  constructor(crew: TreeCrew, work: TreeWork) {
    this.#crew = crew;
    this.#work = work;
  }

  /** Downloads a directory with everything in it. */
  async run(remote: string, folder: string): Promise<void> {
    const unique = await this.#crew.lead((ftp) => this.#uniqueOf(ftp, remote));
    await this.#directory({ remote, folder, below: "", above: [unique] });
    await this.#crew.end();
  }

  async #directory(place: Place): Promise<void> {
    const { remote, folder, above } = place;
    this.#work.enter(remote, above.length - 1);
    if (above.length > 1) this.#work.countDirectory();
    if (!this.#work.options.dryRun) await Deno.mkdir(folder, { recursive: true });
    const { entries, unknown } = await this.#crew.lead((ftp) => this.#list(ftp, remote));
    for (const line of unknown) {
      const quoted = JSON.stringify(line.slice(0, 200));
      this.#work.leave(remote, "line", `The listing has a line that is not understood: ${quoted}`);
    }
    // Nothing is deleted for a line that may name it.
    const surplus = this.#work.options.delete && unknown.length === 0
      ? await this.#surplus(entries, place)
      : [];
    // Later, a name in other letters could be that of a new file.
    for (const path of surplus) {
      if (!this.#work.options.dryRun) await Deno.remove(path, { recursive: true });
      this.#work.removed();
    }
    const names = new LocalNames();
    for (const entry of entries) {
      if (names.add(this.#work.localName(entry.name))) await this.#entry(entry, place);
      else {
        const path = `${remote}: ${JSON.stringify(entry.name.slice(0, 200))}`;
        this.#work.leave(path, "name", "The listing has another item that has the same name here");
      }
    }
  }

  async #entry(entry: FtpEntry, place: Place): Promise<void> {
    const { remote, folder, below, above } = place;
    const { name, type, unique } = entry;
    this.#work.enter(remote, 0);
    const local = this.#work.localName(name);
    const problem = this.#problemOf(name, local);
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
    const to = `${folder}/${local}`;
    const here = await this.#existing(to, from);
    if (here === null) return;
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
    await this.#crew.add(this.#work.fileWork(from, (ftp) => this.#file(ftp, entry, from, to)));
  }

  /** Lists a directory. A session that has replaced another one has to report ids as that did. */
  async #list(
    ftp: FtpClient,
    remote: string,
  ): Promise<{ entries: FtpEntry[]; unknown: string[] }> {
    const { signal } = this.#crew;
    if (this.#asked !== undefined && this.#asked !== ftp) await this.#askForUnique(ftp);
    const unknown: string[] = [];
    const entries = await ftp.list(remote, { signal, onUnknown: (line) => unknown.push(line) });
    this.#isExact = ftp.features.has("MLST");
    return { entries, unknown };
  }

  /** Returns what is at a path here; undefined if nothing is; null if the file system refuses the name. */
  async #existing(path: string, from: string): Promise<Deno.FileInfo | undefined | null> {
    try {
      return await ifFound(Deno.lstat(path));
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      if (!UNFIT_NAMES.has(code ?? "")) throw error;
      this.#work.leave(from, "name", `It cannot be stored here: ${message}`);
      return null;
    }
  }

  /** Returns why no file of a name can be made here; undefined if one can. */
  #problemOf(name: string, local: string): string | undefined {
    if (!isPlainFtpName(name)) return "No file of this name can be made here";
    if (!local.isWellFormed()) {
      return "It is not in the encoding of the session: give the right one as the option encoding";
    }
    return nameProblem(local, this.#work.options.anyName ? Deno.build.os : "windows");
  }

  #isSame(entry: FtpEntry, { size, mtime }: Deno.FileInfo): boolean {
    const { skipSame = false, bySize = false } = this.#work.options;
    if (!skipSame || entry.size !== size) return false;
    return bySize || sameTime(mtime, entry, this.#isExact);
  }

  async #file(
    ftp: FtpClient,
    { size, modified }: FtpEntry,
    from: string,
    to: string,
  ): Promise<void> {
    const { dryRun, verify = false } = this.#work.options;
    const count = this.#work.begin(from, size);
    let isComplete = dryRun === true;
    const part = partialName(to);
    try {
      if (dryRun) return;
      const { onProgress } = count;
      const { signal } = this.#crew;
      await save(part, (sink) => ftp.downloadTo(from, sink, { signal, onProgress, verify }));
      await this.#checkSize(ftp, from, size, count.moved);
      // The time tells the next run whether the file has changed.
      if (modified !== undefined) await Deno.utime(part, modified, modified);
      await Deno.rename(part, to);
      isComplete = true;
    } catch (error) {
      await ignoreFailure(Deno.remove(part));
      if (!isSpoiled(error, ftp)) throw error;
      this.#work.leave(from, "content", error.message);
    } finally {
      count.end(isComplete);
    }
  }

  /** Throws if a file has another size than the listing says, and the server does not correct itself. */
  async #checkSize(
    ftp: FtpClient,
    path: string,
    listed: number | undefined,
    size: number,
  ): Promise<void> {
    if (listed === undefined || listed === size) return;
    // The file may have changed since the listing.
    const { signal } = this.#crew;
    const now = await ftp.size(path, { signal }).catch((error) => {
      // Without an answer, the file may have grown, but nothing explains missing bytes.
      if (error instanceof ReplyError) return Math.max(listed, size);
      throw error;
    });
    if (now === size) return;
    const message = `Cannot fetch ${path}: it has ${now} bytes, and ${size} arrived`;
    throw new NetError(message, { kind: "truncated", phase: "read" });
  }

  /** Returns the paths of what the server does not have. */
  async #surplus(
    entries: readonly FtpEntry[],
    { folder, below }: Place,
  ): Promise<string[]> {
    const there = new Set(entries.map(({ name }) => this.#work.localName(name)));
    // In a dry run, the folder may not exist.
    const here = await ifFound(Array.fromAsync(Deno.readDir(folder))) ?? [];
    return here
      .filter(({ name, isDirectory }) =>
        !there.has(name) &&
        !this.#work.excludes(below + this.#work.remoteName(name), isDirectory)
      )
      .map(({ name }) => `${folder}/${name}`);
  }

  /** Returns the unique id of a directory, if the server can report it. */
  async #uniqueOf(ftp: FtpClient, remote: string): Promise<string | undefined> {
    if (!await this.#askForUnique(ftp)) return undefined;
    try {
      return (await ftp.stat(remote, { signal: this.#crew.signal })).unique;
    } catch (error) {
      if (error instanceof ReplyError) return undefined;
      throw error;
    }
  }

  /** Asks the server to report unique ids in all listings. Returns whether it does. */
  async #askForUnique(ftp: FtpClient): Promise<boolean> {
    const facts = lowerAscii(ftp.features.get("MLST") ?? "").split(";");
    if (!facts.some((fact) => /^unique\*?$/.test(fact))) return false;
    const wanted = facts.filter((fact) => fact === "unique" || fact.endsWith("*"));
    const { signal } = this.#crew;
    try {
      await ftp.command(
        `OPTS MLST ${wanted.map((fact) => fact.replace("*", "")).join(";")};`,
        { signal },
      );
    } catch (error) {
      if (error instanceof ReplyError) return false;
      throw error;
    }
    this.#asked = ftp;
    return true;
  }
}

/** Writes what comes into a new file. */
async function save(path: string, fetch: (sink: FtpSink) => Promise<unknown>): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await fetch((bytes) => writeFully(file, bytes));
}
