/** The incomplete file of a download, with a note that says of which file it is a part. @module */

import type { FtpHash } from "../../net/ftp/client.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { PartialFile } from "../../net/internal/partial_file.ts";
import { runningHash } from "../../net/internal/running_hash.ts";
import { CliError } from "../../tools/cli.ts";

/** The version of a file on the server. */
export interface Version {
  /** The server with its port and the user. */
  readonly server: string;
  /** The path on the server. */
  readonly file: string;
  /** The size in bytes, if the server reports it. */
  readonly size: number | undefined;
  /** The time of the last change, if the server reports it. */
  readonly modified: string | undefined;
}

/** An incomplete file. Its name ends with `.part`, and that of its note with `.part.json`. */
export class PartialFetch implements AsyncDisposable {
  readonly #target: string;
  readonly #file: PartialFile<Version>;
  #finished = false;

  private constructor(target: string, file: PartialFile<Version>) {
    this.#target = target;
    this.#file = file;
  }

  /**
   * Opens the incomplete file for a target.
   *
   * @param target The path of the complete file.
   * @param version The version on the server.
   * @param resume Whether to continue an earlier download of the same version.
   * @throws {NetError} If a link or a directory is in the place of a file, or another program writes it.
   */
  static async open(target: string, version: Version, resume: boolean): Promise<PartialFetch> {
    const known = version.size !== undefined && version.modified !== undefined;
    const expected = JSON.stringify(version);
    const isSame = (note: unknown) => JSON.stringify(note) === expected ? version : undefined;
    const paths = { path: `${target}.part`, target };
    const file = await PartialFile.open(paths, resume && known ? isSame : undefined);
    try {
      if (file.state === undefined || file.size > version.size!) await file.restart(version);
      return new PartialFetch(target, file);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  /** The number of bytes so far. */
  get size(): number {
    return this.#file.size;
  }

  /** Appends bytes. */
  append(bytes: Uint8Array): void {
    this.#file.appendSync(bytes);
  }

  /** Compares the hash of the complete file with that of the server, if the server has one. */
  async verify(expected: FtpHash | undefined): Promise<void> {
    if (expected === undefined) return;
    const { algorithm, value } = expected;
    const hash = runningHash(algorithm);
    await this.#file.feed((bytes) => hash.update(bytes));
    const found = hash.end();
    if (found === value) return;
    const message = `its ${algorithm} is ${found}, and ${value} on the server`;
    throw new CliError(`Cannot get ${this.#target}: ${message}`);
  }

  /** Gives the complete file its time and its name. */
  async finish(modified: Date | undefined): Promise<void> {
    await this.#file.finish(this.#target, modified);
    this.#finished = true;
  }

  /** Closes the file. An incomplete one stays for the next run, unless it is empty. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#file[Symbol.dispose]();
    if (!this.#finished && this.size === 0) await ignoreFailure(this.#file.discard());
  }
}
