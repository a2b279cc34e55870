/**
 * Notices that the file of an open store was removed or replaced. SQLite would go on writing into a file
 * without a name, and everything would be lost at the end of the process.
 *
 * **Permissions**: `--allow-read` for the file.
 *
 * @module
 */

import { storeError } from "./database.ts";

/** Watches the file of a store, and its journal. */
export class FileWatch {
  readonly #path: string;
  readonly #files: ReadonlyArray<readonly [path: string, id: string]>;

  /** @param path The path of the store, which is open and has been written. */
  constructor(path: string) {
    this.#path = path;
    this.#files = [path, `${path}-wal`].map((name) => [name, idOf(name)]);
  }

  /**
   * Throws an error if a name no longer refers to the open file. This takes 10 µs.
   *
   * @throws {ArchiveError} If a file was removed or replaced.
   */
  check(): void {
    for (const [name, id] of this.#files) {
      if (idOf(name) === id) continue;
      throw storeError("io", this.#path, `"${name}" was removed or replaced; restart the chat`);
    }
  }
}

/** Returns what tells a file from others; an empty text if there is none, or if the system has no ids. */
function idOf(path: string): string {
  try {
    const { dev, ino } = Deno.statSync(path);
    return ino === null ? "" : `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
