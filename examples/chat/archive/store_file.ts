/**
 * Opens the file of a store. One process at a time owns a store; others can read it meanwhile.
 *
 * The owner holds a lock on a second file, `FILE-lock`. The system releases the lock when the process
 * ends, also after `kill -9`. The store itself stays open for readers, so that a backup needs no stop.
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the folder of the file.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { quote } from "../../../tools/internal/text.ts";
import { ArchiveError } from "./archive_error.ts";
import { Database, storeError } from "./database.ts";
import { FileWatch } from "./file_watch.ts";
import { checkVersion, migrate } from "./schema.ts";

/** An open store. */
export interface OpenStore extends Disposable {
  /** The database. */
  readonly db: Database;
  /** Whether the store was made by this opening. */
  readonly isNew: boolean;
  /** Whether the store is only read. */
  readonly readOnly: boolean;
  /** Whether the texts have an index. In memory there are few of them. */
  readonly isIndexed: boolean;
  /** Throws if the file of the store was removed or replaced. */
  check(): void;
}

/**
 * Opens a store for writing, and makes it if the file does not exist.
 *
 * @param given The path of the file, or `:memory:`.
 * @param create Whether a missing file is made. Default: true.
 * @returns The store, which only this process can write.
 * @throws {ArchiveError} If the file is in use, damaged, newer, or not a store.
 */
export function ownStore(given: string, create = true): OpenStore {
  if (given === ":memory:") return openMemory();
  const path = realStorePath(given);
  if (checkFile(path) > 0) checkHeader(path);
  else if (!create) throw missing(path);
  const lock = lockStore(path);
  try {
    checkFile(path);
    return openFile(path, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/**
 * Opens an existing store for reading. Its owner can write meanwhile; the reader sees the state of the
 * opening.
 *
 * @param given The path of the file.
 * @returns The store, within a transaction that lasts until it is closed.
 * @throws {ArchiveError} If the file does not exist, or is damaged, newer, or not a store.
 */
export function readStore(given: string): OpenStore {
  const path = realStorePath(given);
  if (checkFile(path) === 0) throw missing(path);
  const db = new Database(path, { readOnly: true });
  try {
    // The first statement within the transaction fixes the state that all later ones see.
    db.exec("BEGIN");
    checkVersion(db);
    checkPages(db);
    return {
      db,
      isNew: false,
      readOnly: true,
      isIndexed: true,
      check: () => {},
      [Symbol.dispose]: () => db[Symbol.dispose](),
    };
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

function missing(path: string): ArchiveError {
  return storeError("missing", path, "the file does not exist");
}

function openMemory(): OpenStore {
  const db = new Database(":memory:");
  db.pragma("auto_vacuum = INCREMENTAL");
  db.exec("PRAGMA foreign_keys = ON");
  migrate(db);
  return {
    db,
    isNew: true,
    readOnly: false,
    isIndexed: false,
    check: () => {},
    [Symbol.dispose]: () => db[Symbol.dispose](),
  };
}

function openFile(path: string, lock: Disposable): OpenStore {
  const db = new Database(path);
  try {
    // The order matters: the mode of the free list can only be set before the first page is written.
    if (checkVersion(db) === 0) db.pragma("auto_vacuum = INCREMENTAL");
    checkPages(db);
    if (db.pragma("journal_mode = WAL") !== "wal") {
      throw storeError("io", path, "its file system has no shared memory; use a local disk");
    }
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA foreign_keys = ON");
    // A deleted message is overwritten.
    db.exec("PRAGMA secure_delete = ON");
    db.exec("PRAGMA journal_size_limit = 16777216");
    // KiB. The pages that the messages of all rooms go to fit into it.
    db.exec("PRAGMA cache_size = -16384");
    const isNew = migrate(db);
    // A store that cannot be written is reported now, not at the first message.
    db.transaction(() => db.run("UPDATE meta SET value = value WHERE key = 'epoch'"));
    const watch = new FileWatch(path);
    return {
      db,
      isNew,
      readOnly: false,
      isIndexed: true,
      check: () => watch.check(),
      [Symbol.dispose]() {
        db[Symbol.dispose]();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/** Returns the path behind symbolic links, so that one file has one lock. */
function realStorePath(given: string): string {
  let folder: string;
  try {
    folder = Deno.realPathSync(dirname(given));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw accessError(error, given);
    const name = quote(dirname(given));
    throw storeError("bad-path", given, `the folder ${name} does not exist; make it first`, error);
  }
  const path = join(folder, basename(given));
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw accessError(error, given);
  }
}

/** Returns the size of a file; 0 if it does not exist. Rejects what cannot be a store. */
function checkFile(path: string): number {
  const { isFile, isDirectory, size } = statOrNothing(path);
  if (isDirectory) throw storeError("bad-path", path, "it is a folder; name a file in it");
  if (!isFile) throw storeError("bad-path", path, "it is not a regular file");
  // A store that was cut to nothing has a journal. A new store would hide that.
  if (size === 0 && statOrNothing(`${path}-wal`).size > 0) {
    throw storeError("damaged", path, `it is empty, but "${path}-wal" is not; restore a backup`);
  }
  return size;
}

/** The first bytes of every SQLite file. */
const MAGIC = "SQLite format 3\0";

/** Rejects the file of another program before a lock file is made beside it. */
function checkHeader(path: string): void {
  const head = new Uint8Array(MAGIC.length);
  try {
    using file = Deno.openSync(path);
    file.readSync(head);
  } catch (error) {
    throw accessError(error, path);
  }
  if (String.fromCharCode(...head) !== MAGIC) {
    throw storeError("damaged", path, "it is not a store of the chat");
  }
}

function statOrNothing(path: string): { isFile: boolean; isDirectory: boolean; size: number } {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { isFile: true, isDirectory: false, size: 0 };
    throw accessError(error, path);
  }
}

/** Returns the error for a file that the system does not let us use. */
function accessError(error: unknown, path: string): unknown {
  if (error instanceof Deno.errors.PermissionDenied) {
    return storeError("read-only", path, "the system denies access to the file", error);
  }
  if (error instanceof Deno.errors.NotADirectory) {
    return storeError("bad-path", path, "a part of the path is not a folder", error);
  }
  const reason = error instanceof Error
    ? /^(.*) \(os error \d+\)/.exec(error.message)?.[1]
    : undefined;
  return reason === undefined ? error : storeError("io", path, reason.toLowerCase(), error);
}

/** Holds the lock of a store until the result is disposed. */
function lockStore(path: string): Disposable {
  const name = `${path}-lock`;
  makePrivate(name);
  makePrivate(path);
  const lock = new Database(name, { wait: 0 });
  try {
    lock.exec("PRAGMA journal_mode = MEMORY");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    if (error instanceof ArchiveError && error.kind === "in-use") {
      throw storeError("in-use", path, "another process uses it; stop that process first", error);
    }
    throw error;
  }
}

/** Makes a file that only its owner can read, unless it exists. */
function makePrivate(path: string): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw accessError(error, path);
  }
}

/** Maximum number of pages of which everything is checked at the start: 32 MiB, checked in 0.3 s. */
const FULL_CHECK = 8192;

/** Looks for damage. A store with damage is never used: it would lose more. */
function checkPages(db: Database): void {
  const isLarge = Number(db.pragma("page_count")) > FULL_CHECK;
  // The check of the full-text index takes five times as long as that of all tables together, and the
  // index can be made again.
  const checks = isLarge
    ? db.all<{ name: string }>("PRAGMA table_list").map(({ name }) => name)
      .filter((name) => name !== "search")
    : ["1"];
  for (const name of checks) {
    const result = db.pragma(`quick_check(${name})`);
    if (result === "ok") continue;
    throw storeError("damaged", db.path, `it is damaged (${result}); restore a backup`);
  }
}
