/**
 * The contents of files in a folder. A file is written under a temporary name, flushed and renamed, so
 * that it is complete or absent after a crash.
 *
 * **Permissions**: `--allow-read=<folder> --allow-write=<folder>`
 *
 * @module
 */

import { fileBody } from "../../../http/internal/file_body.ts";
import { ifFound } from "../../../net/internal/local_files.ts";
import type { BlobPart, BlobStore, BlobWriter } from "./blob_store.ts";

/** An id, which is also the name of the file. Its first two digits are the name of the folder. */
const ID = /^[0-9a-f]{32}$/;

/** The folder of files that are being written. */
const INCOMING = "incoming";

/** A {@linkcode BlobStore} in a folder. Only one process may use the folder. */
export class DiskBlobs implements BlobStore {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Opens a folder and removes what an earlier process has not completed.
   *
   * @param folder The path of the folder, which the first file makes if it is missing.
   * @returns The store of the folder.
   * @throws {Deno.errors.PermissionDenied | Deno.errors.NotADirectory} And other errors of the file
   * system, if the folder cannot be used.
   */
  static async open(folder: string): Promise<DiskBlobs> {
    const incoming = `${folder}/${INCOMING}`;
    for await (const { name } of entriesOf(incoming)) await Deno.remove(`${incoming}/${name}`);
    return new DiskBlobs(folder);
  }

  /** Starts a file. */
  async create(id: string): Promise<BlobWriter> {
    const incoming = `${this.#folder}/${INCOMING}`;
    await Deno.mkdir(incoming, { recursive: true, mode: 0o700 });
    const temporary = `${incoming}/${id}`;
    const file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    const discard = async () => {
      file[Symbol.dispose]();
      await ifFound(Deno.remove(temporary));
    };
    return {
      write: (bytes) => writeAll(file, bytes),
      commit: async () => {
        try {
          await file.sync();
          file[Symbol.dispose]();
          await this.#keep(temporary, id);
        } catch (error) {
          await discard();
          throw error;
        }
      },
      abort: discard,
    };
  }

  /** Moves a file to its place, and makes sure that its name survives a crash. */
  async #keep(temporary: string, id: string): Promise<void> {
    const folder = this.#folderOf(id);
    if (await makeFolder(folder)) await syncFolder(this.#folder);
    await Deno.rename(temporary, `${folder}/${id}`);
    await syncFolder(folder);
  }

  /** Returns a part of a file. */
  async read(id: string, part: BlobPart): Promise<BodyInit | undefined> {
    if (!ID.test(id)) return undefined;
    const file = await ifFound(Deno.open(this.#pathOf(id)));
    return file && await fileBody(file, part, `file ${id}`);
  }

  /** Removes a file, if there is one. */
  async remove(id: string): Promise<void> {
    if (ID.test(id)) await ifFound(Deno.remove(this.#pathOf(id)));
  }

  /** Returns the ids of all complete files. */
  async *ids(): AsyncIterable<string> {
    for await (const folder of entriesOf(this.#folder)) {
      if (!folder.isDirectory || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
      for await (const { name } of entriesOf(`${this.#folder}/${folder.name}`)) {
        if (ID.test(name)) yield name;
      }
    }
  }

  #folderOf(id: string): string {
    return `${this.#folder}/${id.slice(0, 2)}`;
  }

  #pathOf(id: string): string {
    return `${this.#folderOf(id)}/${id}`;
  }
}

/** Returns the entries of a folder; none if it is missing. */
async function* entriesOf(folder: string): AsyncIterable<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** Makes a folder. Returns false if it exists. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Flushes the names in a folder. Windows does it by itself, and cannot open folders. */
async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path);
  await folder.sync();
}
