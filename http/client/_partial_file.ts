import { createHash } from "node:crypto";
import { NetError } from "../../net/errors/errors.ts";

/** The identity of the content, which must be unchanged for a download to resume. */
export interface PartialState {
  /** A digest of the URL, which may hold secrets. */
  readonly url: string;
  /** The value for `If-Range`: a strong entity tag or a date. */
  readonly validator: string;
  /** The complete size in bytes; undefined if it is unknown. */
  readonly total: number | undefined;
}

const BLOCK = 64 * 1024;

/** An incomplete file, with a note that identifies its content. */
export class PartialFile implements Disposable {
  /** The number of valid bytes. */
  size = 0;
  /** The identity of the content; undefined if it is unknown. Then the download cannot resume. */
  state: PartialState | undefined;
  readonly path: string;
  readonly #target: string;
  readonly #note: string;
  readonly #file: Deno.FsFile;

  private constructor(target: string, path: string, file: Deno.FsFile) {
    this.#target = target;
    this.path = path;
    this.#note = `${path}.json`;
    this.#file = file;
  }

  /** Opens an incomplete file, or starts a new one, and locks it. */
  static async open(target: string, resume: boolean): Promise<PartialFile> {
    const path = `${target}.part`;
    const found = await Deno.lstat(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    // A symbolic link of somebody else could point to any file.
    if (found !== undefined && !found.isFile) {
      throw new Error(`Cannot download to ${path}: it exists and is no file`);
    }
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      if (!await file.tryLock(true)) {
        throw new NetError(`Cannot download to ${path}: another download is writing it`, {
          kind: "usage",
        });
      }
      const partial = new PartialFile(target, path, file);
      if (resume) partial.state = await readNote(partial.#note);
      if (partial.state !== undefined) partial.size = (await file.stat()).size;
      if (partial.size === 0) await partial.restart(undefined);
      return partial;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Drops the content and starts again. */
  async restart(state: PartialState | undefined): Promise<void> {
    await this.#file.truncate(0);
    this.size = 0;
    this.state = state;
    if (state === undefined) await removeQuietly(this.#note);
    else await Deno.writeTextFile(this.#note, JSON.stringify(state));
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
  async finish(): Promise<void> {
    await this.#file.sync();
    await Deno.rename(this.path, this.#target);
    await removeQuietly(this.#note);
  }

  /** Removes the file and the note. */
  async discard(): Promise<void> {
    await removeQuietly(this.path);
    await removeQuietly(this.#note);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

async function readNote(path: string): Promise<PartialState | undefined> {
  try {
    const { url, validator, total } = JSON.parse(await Deno.readTextFile(path));
    if (typeof url !== "string" || typeof validator !== "string") return undefined;
    return { url, validator, total: Number.isSafeInteger(total) ? total : undefined };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function removeQuietly(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
