import { createHash } from "node:crypto";
import { NetError } from "../../net/errors/errors.ts";
import { ifFound, writeAnew } from "../../net/internal/local_files.ts";

/** The identity of the content, which must be unchanged for a download to resume. */
export interface PartialState {
  /** A digest of the URL, which may hold secrets. */
  readonly url: string;
  /** The value for `If-Range`: a strong entity tag or a date. */
  readonly validator: string;
  /** The entity tag, strong or weak. */
  readonly etag?: string | undefined;
  /** The value of `Last-Modified`. */
  readonly modified?: string | undefined;
  /** The complete size in bytes; undefined if it is unknown. */
  readonly total: number | undefined;
}

const BLOCK = 64 * 1024;

/** The paths of a file before and after it is complete. */
export interface PartialPaths {
  /** The path of the incomplete file. */
  readonly path: string;
  /** The path of the complete file; undefined if it is known only when the file is complete. */
  readonly target: string | undefined;
}

/** An incomplete file, with a note that identifies its content. */
export class PartialFile implements Disposable {
  /** The number of valid bytes. */
  size = 0;
  /** The identity of the content; undefined if it is unknown. Then the download cannot resume. */
  state: PartialState | undefined;
  readonly path: string;
  readonly #note: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#note = `${path}.json`;
    this.#file = file;
  }

  /**
   * Opens an incomplete file, or starts a new one, and locks it. It gets the mode of the file that it
   * will replace, so that it never widens who may read the content.
   */
  static async open({ path, target }: PartialPaths, resume: boolean): Promise<PartialFile> {
    const mode = target === undefined ? undefined : await replaceable(target);
    // A symbolic link of somebody else could point to any file.
    if ((await ifFound(Deno.lstat(path)))?.isFile === false) {
      throw new Error(`Cannot download to ${path}: it exists and is no file`);
    }
    const file = await Deno.open(path, {
      read: true,
      write: true,
      create: true,
      ...mode === undefined ? {} : { mode },
    });
    using opened = new DisposableStack();
    const partial = opened.use(new PartialFile(path, file));
    if (!await file.tryLock(true)) {
      throw new NetError(`Cannot download to ${path}: another download is writing it`, {
        kind: "usage",
      });
    }
    // The umask may have taken bits away, and an earlier run may have made the file.
    if (mode !== undefined) await Deno.chmod(path, mode);
    if (resume) partial.state = await readNote(partial.#note);
    if (partial.state !== undefined) partial.size = (await file.stat()).size;
    if (partial.size === 0) await partial.restart(undefined);
    opened.move();
    return partial;
  }

  /** Drops the content and starts again. */
  async restart(state: PartialState | undefined): Promise<void> {
    await this.#file.truncate(0);
    this.size = 0;
    this.state = state;
    if (state === undefined) await ifFound(Deno.remove(this.#note));
    else await writeAnew(this.#note, JSON.stringify(state));
  }

  /** Drops the bytes from a position on. They come again. */
  async rewind(size: number): Promise<void> {
    if (size >= this.size) return;
    await this.#file.truncate(size);
    this.size = size;
  }

  /** Removes the note while the file has gaps, so that no other run takes them for content. */
  async beginGaps(): Promise<void> {
    await ifFound(Deno.remove(this.#note));
  }

  /** Keeps the bytes in front of the first gap. */
  async endGaps(size: number): Promise<void> {
    await this.#file.truncate(size);
    this.size = size;
    if (this.state !== undefined) await writeAnew(this.#note, JSON.stringify(this.state));
  }

  /** Appends bytes to the file. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#file.seek(this.size, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    this.size += bytes.length;
  }

  /** Returns the digest of the file in hexadecimal. */
  async digest(algorithm: string): Promise<string> {
    const hash = createHash(algorithm);
    const buffer = new Uint8Array(BLOCK);
    await this.#file.seek(0, Deno.SeekMode.Start);
    for (;;) {
      const read = await this.#file.read(buffer);
      if (read === null) return hash.digest("hex");
      hash.update(buffer.subarray(0, read));
    }
  }

  /** Renames the complete file to its final name. */
  async finish(target: string): Promise<void> {
    await this.#file.sync();
    await Deno.rename(this.path, target);
    await ifFound(Deno.remove(this.#note));
  }

  /** Removes the file and the note. */
  async discard(): Promise<void> {
    await ifFound(Deno.remove(this.path));
    await ifFound(Deno.remove(this.#note));
  }

  [Symbol.dispose](): void {
    using file = this.#file;
    // Closing is not enough: a process that another thread starts has the lock as well until it runs.
    file.unlockSync();
  }
}

/**
 * Returns the permission bits of the file that a download will replace; undefined if there is none.
 * Throws if it cannot be replaced.
 */
async function replaceable(target: string): Promise<number | undefined> {
  const found = await ifFound(Deno.stat(target));
  if (found === undefined) return undefined;
  if (!found.isFile) {
    const what = found.isDirectory ? "a folder" : "no file";
    throw new NetError(`Cannot download to ${target}: it is ${what}`, { kind: "usage" });
  }
  return found.mode === null || Deno.build.os === "windows" ? undefined : found.mode & 0o777;
}

/** Makes an empty file in a folder for a rename to replace, and returns its path. The name is free. */
export async function freePath(folder: string, name: string): Promise<string> {
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 0;; number++) {
    const path = `${folder}/${number === 0 ? name : `${stem} (${number})${extension}`}`;
    try {
      (await Deno.open(path, { write: true, createNew: true })).close();
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists) || number >= MAX_NUMBER) throw error;
    }
  }
}

/** A limit on the files of the same name in a folder. */
const MAX_NUMBER = 1000;

async function readNote(path: string): Promise<PartialState | undefined> {
  try {
    const { url, validator, etag, modified, total } = JSON.parse(await Deno.readTextFile(path)) ??
      {};
    if (typeof url !== "string" || typeof validator !== "string") return undefined;
    const text = (value: unknown) => typeof value === "string" ? value : undefined;
    return {
      url,
      validator,
      etag: text(etag),
      modified: text(modified),
      total: Number.isSafeInteger(total) ? total : undefined,
    };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
