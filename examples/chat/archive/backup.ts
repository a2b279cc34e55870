/**
 * Copies a store to another file.
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the file of the backup.
 *
 * @module
 */

import { dirname } from "node:path";
import { backup } from "node:sqlite";
import { quote } from "../../../tools/internal/text.ts";
import { ArchiveError } from "./archive_error.ts";
import type { Database } from "./database.ts";

/** Number of pages that a backup copies at once. */
const PAGES = 256;

/**
 * Writes a copy of a store to a new file, and gives it its name at the end.
 *
 * @param db The open store. Others can write it meanwhile.
 * @param path The path of the new file.
 * @throws {ArchiveError} If the file exists, or cannot be written.
 */
export async function backupStore(db: Database, path: string): Promise<void> {
  const part = `${path}.part`;
  if (exists(path)) {
    throw new ArchiveError("io", `Cannot write the backup ${quote(path)}: it exists`);
  }
  try {
    // Another backup may write to the same place, so the file must be new.
    Deno.openSync(part, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    throw backupError(path, part, error);
  }
  try {
    await backup(db.raw, part, { rate: PAGES });
    using file = Deno.openSync(part, { read: true, write: true });
    file.syncSync();
    Deno.renameSync(part, path);
  } catch (error) {
    Deno.removeSync(part);
    throw backupError(path, part, error);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function backupError(path: string, part: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotCapable) return error;
  if (error instanceof Deno.errors.AlreadyExists) {
    const reason = `${quote(part)} exists: another backup runs, or one was interrupted`;
    return new ArchiveError("io", `Cannot write the backup ${quote(path)}: ${reason}`);
  }
  const reason = error instanceof Deno.errors.NotFound
    ? `the folder ${quote(dirname(path))} does not exist; make it first`
    : error instanceof Error
    ? error.message
    : String(error);
  return new ArchiveError("io", `Cannot write the backup ${quote(path)}: ${reason}`, {
    cause: error,
  });
}
