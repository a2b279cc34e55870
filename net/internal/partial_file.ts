import { NetError } from "../errors/errors.ts";
import { ifFound, isSameFile, writeAnew, writeFully, writeFullySync } from "./local_files.ts";

const BLOCK = 64 * 1024;

/** The paths of a file before and after it is complete. */
export interface PartialPaths {
  /** The path of the incomplete file. */
  readonly path: string;
  /** The path of the complete file; undefined if it is known only when the file is complete. */
  readonly target: string | undefined;
}

/**
 * An incomplete file, with a note that identifies its content.
 *
 * @typeParam S The identity of the content, as JSON can express it.
 */
export class PartialFile<S> implements Disposable {
  /** The number of valid bytes. */
  size = 0;
  /** The identity of the content; undefined if it is unknown. Then the download cannot resume. */
  state: S | undefined;
  readonly path: string;
  readonly #note: string;
  readonly #file: Deno.FsFile;
  /** The position of the file after an append; undefined if it is another one. */
  #position: number | undefined;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#note = `${path}.json`;
    this.#file = file;
  }

  /**
   * Opens an incomplete file, or starts a new one, and locks it. It gets the mode of the file that it
   * will replace, so that it never widens who may read the content.
   *
   * @param paths The path of the incomplete file, and that of the complete one.
   * @param read Returns the identity in a note, or undefined if it has another form. Without this
   * function, the file begins anew.
   */
  static async open<S>(
    { path, target }: PartialPaths,
    read: ((note: unknown) => S | undefined) | undefined,
  ): Promise<PartialFile<S>> {
    const mode = target === undefined ? undefined : await replaceable(target);
    // A symbolic link of somebody else could point to any file.
    if ((await ifFound(Deno.lstat(path)))?.isFile === false) {
      const message = `Cannot download to ${path}: it exists and is no file`;
      throw new NetError(message, { kind: "usage" });
    }
    const file = await Deno.open(path, {
      read: true,
      write: true,
      create: true,
      ...mode === undefined ? {} : { mode },
    });
    using opened = new DisposableStack();
    const partial = opened.use(new PartialFile<S>(path, file));
    await checkPlace(path, file);
    if (!await file.tryLock(true)) {
      throw new NetError(`Cannot download to ${path}: another download is writing it`, {
        kind: "usage",
      });
    }
    // The umask may have taken bits away, and an earlier run may have made the file.
    if (mode !== undefined) await Deno.chmod(path, mode);
    if (read !== undefined) partial.state = await readNote(partial.#note, read);
    if (partial.state !== undefined) partial.size = (await file.stat()).size;
    if (partial.size === 0) await partial.restart(undefined);
    opened.move();
    return partial;
  }

  /** Drops the content and starts again. */
  async restart(state: S | undefined): Promise<void> {
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
    if (this.#position !== this.size) await this.#file.seek(this.size, Deno.SeekMode.Start);
    // A failure may leave any position.
    this.#position = undefined;
    await writeFully(this.#file, bytes);
    this.size += bytes.length;
    this.#position = this.size;
  }

  /** Appends bytes as {@linkcode append} does, and keeps other work waiting meanwhile. */
  appendSync(bytes: Uint8Array): void {
    if (this.#position !== this.size) this.#file.seekSync(this.size, Deno.SeekMode.Start);
    this.#position = undefined;
    writeFullySync(this.#file, bytes);
    this.size += bytes.length;
    this.#position = this.size;
  }

  /** Passes the content to a function, piece by piece. The memory of a piece is used again. */
  async feed(take: (bytes: Uint8Array) => unknown): Promise<void> {
    const buffer = new Uint8Array(BLOCK);
    this.#position = undefined;
    await this.#file.seek(0, Deno.SeekMode.Start);
    for (let n; (n = await this.#file.read(buffer)) !== null;) take(buffer.subarray(0, n));
  }

  /** Renames the complete file to its final name, and gives it a time if that is known. */
  async finish(target: string, modified?: Date): Promise<void> {
    await this.#file.sync();
    if (modified !== undefined) await this.#file.utime(modified, modified);
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

/** Throws if a link has come into the place of a file before it was opened. Nothing is written yet. */
async function checkPlace(path: string, file: Deno.FsFile): Promise<void> {
  const [opened, there] = [await file.stat(), await ifFound(Deno.lstat(path))];
  if (there?.isFile && isSameFile(there, opened)) return;
  throw new NetError(`Cannot download to ${path}: it was replaced`, { kind: "usage" });
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

async function readNote<S>(
  path: string,
  read: (note: unknown) => S | undefined,
): Promise<S | undefined> {
  try {
    return read(JSON.parse(await Deno.readTextFile(path)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
