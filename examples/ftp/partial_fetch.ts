/** The incomplete file of a download, with a note that says of which file it is a part. @module */

import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { ifFound, writeAnew } from "../../net/internal/local_files.ts";
import { runningHash } from "../../net/internal/running_hash.ts";
import type { FtpHash } from "../../net/ftp/client.ts";
import { CliError } from "../../tools/cli.ts";

/** The version of a file on the server. */
export interface Version {
  /** The path on the server. */
  readonly file: string;
  /** The size in bytes, if the server reports it. */
  readonly size: number | undefined;
  /** The time of the last change, if the server reports it. */
  readonly modified: string | undefined;
}

/** An incomplete file. Its name ends with `.part`, and that of its note with `.part.json`. */
export class PartialFetch implements AsyncDisposable {
  /** The number of bytes so far. */
  size = 0;
  readonly #path: string;
  readonly #target: string;
  readonly #file: Deno.FsFile;
  #finished = false;

  private constructor(target: string, file: Deno.FsFile) {
    this.#target = target;
    this.#path = `${target}.part`;
    this.#file = file;
  }

  /**
   * Opens the incomplete file for a target.
   *
   * @param target The path of the complete file.
   * @param version The version on the server.
   * @param resume Whether to continue an earlier download of the same version.
   * @throws {CliError} If a link or a directory is in the place of a file, or another program writes it.
   */
  static async open(target: string, version: Version, resume: boolean): Promise<PartialFetch> {
    const path = `${target}.part`;
    if ((await ifFound(Deno.lstat(target)))?.isDirectory) {
      throw new CliError(`Cannot get ${target}: it is a folder`);
    }
    // A link of somebody else could lead to any file.
    if ((await ifFound(Deno.lstat(path)))?.isFile === false) {
      throw new CliError(`Cannot write ${path}: it exists and is no file`);
    }
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      if (!await file.tryLock(true)) {
        throw new CliError(`Cannot write ${path}: another program is writing it`);
      }
      const part = new PartialFetch(target, file);
      const note = JSON.stringify(version);
      const known = version.size !== undefined && version.modified !== undefined;
      const { size } = await file.stat();
      const isSame = resume && known && size <= version.size! &&
        await ifFound(Deno.readTextFile(`${path}.json`)) === note;
      if (isSame) {
        part.size = size;
        await file.seek(0, Deno.SeekMode.End);
      } else {
        await file.truncate(0);
        await writeAnew(`${path}.json`, note);
      }
      return part;
    } catch (error) {
      release(file);
      throw error;
    }
  }

  /** Appends bytes. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    this.size += bytes.length;
  }

  /** Compares the hash of the complete file with that of the server, if the server has one. */
  async verify(expected: FtpHash | undefined): Promise<void> {
    if (expected === undefined) return;
    const hash = runningHash(expected.algorithm);
    const buffer = new Uint8Array(64 * 1024);
    await this.#file.seek(0, Deno.SeekMode.Start);
    for (let n; (n = await this.#file.read(buffer)) !== null;) hash.update(buffer.subarray(0, n));
    const value = hash.end();
    if (value === expected.value) return;
    const message = `its ${expected.algorithm} is ${value}, and ${expected.value} on the server`;
    throw new CliError(`Cannot get ${this.#target}: ${message}`);
  }

  /** Gives the complete file its time and its name. */
  async finish(modified: Date | undefined): Promise<void> {
    await this.#file.sync();
    if (modified !== undefined) await Deno.utime(this.#path, modified, modified);
    await Deno.rename(this.#path, this.#target);
    this.#finished = true;
    await ignoreFailure(Deno.remove(`${this.#path}.json`));
  }

  /** Closes the file. An incomplete one stays for the next run, unless it is empty. */
  async [Symbol.asyncDispose](): Promise<void> {
    release(this.#file);
    if (this.#finished || this.size > 0) return;
    await ignoreFailure(Deno.remove(this.#path));
    await ignoreFailure(Deno.remove(`${this.#path}.json`));
  }
}

/** Unlocks and closes a file. */
function release(file: Deno.FsFile): void {
  using _closing = file;
  // Closing is not enough: a process that another thread starts has the lock as well until it runs.
  file.unlockSync();
}
