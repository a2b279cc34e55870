/**
 * The archive on SQLite, in a file or in memory.
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the folder of the file; none for `:memory:`.
 *
 * @module
 */

import type { ImportingArchive } from "./archive.ts";
import { ArchiveError } from "./archive_error.ts";
import { AttachmentTable } from "./attachments.ts";
import { backupStore } from "./backup.ts";
import { type Database, storeError } from "./database.ts";
import type { Appended, Entry, StoredEvent, StoredMessage } from "./entries.ts";
import { EventLog } from "./event_log.ts";
import { exportStore } from "./export.ts";
import { forgetUser } from "./forgetting.ts";
import { importStore } from "./import.ts";
import { MessageReader } from "./messages.ts";
import { NameTable } from "./names.ts";
import type {
  Backlog,
  HistoryPage,
  HistoryQuery,
  SearchPage,
  SearchQuery,
  SearchRange,
} from "./reading.ts";
import type { FileRecord, RoomKey, RoomRecord, UserRecord } from "./records.ts";
import { Retention } from "./retention.ts";
import { readNumber, RoomTable } from "./rooms.ts";
import { FEW, Searcher } from "./search.ts";
import { SearchIndex } from "./search_index.ts";
import { type OpenStore, ownStore, readStore } from "./store_file.ts";
import type { ImportReport, KeepLimits, KeepReport } from "./upkeep.ts";
import { UserTable } from "./users.ts";

/** The options of {@linkcode openArchive}. */
export interface OpenArchiveOptions {
  /** Whether the store is only read, also while another process owns it. @default false */
  readonly readOnly?: boolean;
  /** Whether a missing file is made. @default true, unless the store is only read */
  readonly create?: boolean;
}

/**
 * Opens an archive.
 *
 * @param path The path of the file, or `:memory:`. A missing file is made.
 * @param options Whether the store is only read, and whether a missing file is made.
 * @returns The archive, which holds the file until it is disposed.
 * @throws {ArchiveError} If the file is in use, damaged, newer, or cannot be used.
 */
export function openArchive(path: string, options: OpenArchiveOptions = {}): SqliteArchive {
  const store = options.readOnly === true ? readStore(path) : ownStore(path, options.create);
  try {
    return new SqliteArchive(store);
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}

/** The archive on SQLite. */
export class SqliteArchive implements ImportingArchive {
  /** The path of the file, or `:memory:`. */
  readonly path: string;
  /** Whether the store was made by this opening. */
  readonly isNew: boolean;
  readonly #store: OpenStore;
  readonly #db: Database;
  readonly #rooms: RoomTable;
  readonly #names: NameTable;
  readonly #users: UserTable;
  readonly #files: AttachmentTable;
  readonly #reader: MessageReader;
  readonly #index: SearchIndex;
  readonly #log: EventLog;
  readonly #searcher: Searcher;
  readonly #retention: Retention;
  #epoch: string;
  #lastSeq: number;
  #written = 0;
  #state: "open" | "importing" | "closed" = "open";
  /** The last search. The next one begins after it, so that many searches do not crowd out messages. */
  #searched: Promise<unknown> = Promise.resolve();
  /** Work that pauses. The store stays open until it has ended. */
  readonly #jobs = new Set<Promise<unknown>>();

  /**
   * @param store The open store, which the archive closes.
   * @param few The number of messages up to which a search reads rooms without the index.
   */
  constructor(store: OpenStore, few: number = FEW) {
    const { db } = store;
    this.#store = store;
    this.path = db.path;
    this.isNew = store.isNew;
    this.#db = db;
    this.#rooms = new RoomTable(db);
    this.#names = new NameTable(db);
    this.#users = new UserTable(db, this.#names);
    this.#files = new AttachmentTable(db);
    this.#reader = new MessageReader(db, this.#rooms);
    this.#index = new SearchIndex(db, store.isIndexed);
    this.#log = new EventLog(db, this.#tables);
    this.#searcher = new Searcher(db, this.#tables, few);
    this.#retention = new Retention(db, this.#tables);
    this.#epoch = readEpoch(db);
    this.#lastSeq = readLastSeq(db);
  }

  /** The id of the store. An import replaces it. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The id of this copy of a chat on other servers; undefined if it is none. */
  get copyId(): string | undefined {
    return this.#db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'copy'")?.value;
  }

  /** The highest number that was ever stored, as of the opening or the import. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The size of the texts that were stored since the opening, in UTF-16 units. */
  get written(): number {
    return this.#written;
  }

  get #tables() {
    const [rooms, names, users, files] = [this.#rooms, this.#names, this.#users, this.#files];
    return { rooms, names, users, files, reader: this.#reader, index: this.#index };
  }

  /** Stores entries in one transaction. */
  append(batch: readonly Entry[]): Promise<readonly Appended[]> {
    return this.#write(() => {
      const results = this.#log.append(batch);
      this.#rooms.flush();
      for (const entry of batch) {
        if ("text" in entry) this.#written += entry.text.length;
      }
      return results;
    });
  }

  /** Returns the event that a user has stored under the id of a line. */
  line(user: number, line: string): Promise<StoredEvent | undefined> {
    return this.#read(() => this.#reader.byLine(user, line));
  }

  /** Returns messages of a room in their current state. */
  history(room: RoomKey, query: HistoryQuery): Promise<HistoryPage> {
    return this.#read(() => this.#reader.history(room, query));
  }

  /** Returns everything in some rooms after a number. */
  since(rooms: readonly RoomKey[], seq: number, limit: number): Promise<Backlog> {
    return this.#read(() => this.#reader.since(rooms, seq, limit));
  }

  /** Returns one message in its current state. */
  message(seq: number): Promise<StoredMessage | undefined> {
    return this.#read(() => this.#reader.message(seq));
  }

  /** Returns the matches in the rooms of the query. */
  search(query: SearchQuery, range: SearchRange): Promise<SearchPage> {
    const search = this.#job(async () => {
      await this.#searched;
      this.#check();
      return await this.#withIndex(() => this.#searcher.search(query, range, this.#pause));
    });
    this.#searched = Promise.allSettled([search]);
    return search;
  }

  /** Stores users in one transaction. */
  saveUsers(users: readonly UserRecord[]): Promise<readonly number[]> {
    return this.#write(() => users.map((user) => this.#users.save(user)));
  }

  /** Returns the user with an id. */
  user(id: number): Promise<UserRecord | undefined> {
    return this.#read(() => this.#users.byId(id));
  }

  /** Returns the user who holds a token. */
  userByToken(tokenHash: string): Promise<UserRecord | undefined> {
    return this.#read(() => this.#users.byToken(tokenHash));
  }

  /** Returns the users whose sessions had not ended. */
  aliveUsers(): Promise<readonly UserRecord[]> {
    return this.#read(() => this.#users.alive());
  }

  /** Returns the users who have a name, or wrote under it. */
  usersNamed(name: string): Promise<readonly UserRecord[]> {
    return this.#job(() => this.#users.named(name, this.#pause));
  }

  /** Deletes a user with all messages. */
  forget(user: number): Promise<number> {
    const tables = { ...this.#tables, retention: this.#retention };
    return this.#job(() => forgetUser(this.#db, tables, user, this.#pause));
  }

  /** Returns the rooms that have messages. */
  rooms(): Promise<readonly RoomRecord[]> {
    return this.#read(() => this.#rooms.rooms());
  }

  /** Returns the private conversations of a user. */
  conversations(user: number): Promise<readonly RoomRecord[]> {
    return this.#read(() => this.#rooms.conversations(user));
  }

  /** Stores the description of a file. */
  saveFile(file: FileRecord): Promise<void> {
    return this.#write(() => this.#files.save(file));
  }

  /** Returns the description of a file. */
  file(id: string): Promise<FileRecord | undefined> {
    return this.#read(() => this.#files.find(id));
  }

  /** Returns files that no message names. */
  unusedFiles(before: number, limit: number): Promise<readonly FileRecord[]> {
    return this.#read(() => this.#files.unused(before, limit));
  }

  /** Deletes the descriptions of files that no message names. */
  removeFiles(ids: readonly string[]): Promise<readonly string[]> {
    return this.#write(() => this.#files.remove(ids));
  }

  /** Returns the number of files and their size. */
  filesTotal(user?: number): Promise<{ readonly count: number; readonly size: number }> {
    return this.#read(() => this.#files.total(user));
  }

  /** Removes what the limits do not keep. */
  keep(limits: KeepLimits, now: number): Promise<KeepReport> {
    return this.#job(async () => {
      return await this.#withIndex(() => this.#retention.apply(limits, now, this.#pause));
    });
  }

  /** Writes a copy of the store to a new file. */
  backup(path: string): Promise<void> {
    return this.#job(() => backupStore(this.#db, path));
  }

  /** Returns the whole store as JSON Lines. */
  export(): AsyncIterable<string> {
    const last = readLastSeq(this.#db);
    return exportStore(this.#db, this.#tables, { epoch: this.epoch, lastSeq: last }, this.#pause);
  }

  /** Reads an export into an empty store. */
  import(lines: AsyncIterable<string>): Promise<ImportReport> {
    return this.#job(async () => {
      const used =
        "SELECT 1 FROM events UNION ALL SELECT 1 FROM users UNION ALL SELECT 1 FROM files";
      if (this.#db.get(`${used} LIMIT 1`) !== undefined) {
        throw storeError("not-empty", this.path, "an import needs a new store, and it has content");
      }
      this.#state = "importing";
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const report = await importStore(this.#db, this.#tables, lines);
        this.#db.exec("COMMIT");
        return report;
      } finally {
        this.#db.rollback();
        this.#resetCaches();
        this.#epoch = readEpoch(this.#db);
        this.#lastSeq = readLastSeq(this.#db);
        this.#state = "open";
      }
    });
  }

  /** Replaces the id of an empty store, whose messages come from other servers. */
  adoptEpoch(epoch: string): Promise<void> {
    return this.#write(() => {
      this.#db.run("UPDATE meta SET value = ? WHERE key = 'epoch'", epoch);
      this.#db.run("INSERT OR IGNORE INTO meta VALUES ('copy', ?)", crypto.randomUUID());
      this.#epoch = epoch;
    });
  }

  /** Closes the store after the work that pauses has ended. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "open") this.#state = "closed";
    await Promise.allSettled(this.#jobs);
    this.#state = "closed";
    this.#store[Symbol.dispose]();
  }

  /** Does work with an index that is up to date. Makes a damaged index again, and repeats the work. */
  async #withIndex<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#bringIndexUpToDate();
      return await work();
    } catch (error) {
      if (!(error instanceof ArchiveError) || error.kind !== "damaged") throw error;
      // If the messages are damaged as well, this fails, too.
      this.#index.clear();
      await this.#bringIndexUpToDate();
      return await work();
    }
  }

  async #bringIndexUpToDate(): Promise<void> {
    while (this.#index.advance()) {
      this.#index.merge();
      await this.#pause();
    }
  }

  /** Lets other work run between two portions. Ends the work if the archive was closed meanwhile. */
  readonly #pause = async (): Promise<void> => {
    await new Promise((resume) => setTimeout(resume));
    this.#check();
  };

  #check(): void {
    if (this.#state === "open") return;
    const reason = this.#state === "closed" ? "it was closed" : "an import runs";
    throw storeError(this.#state === "closed" ? "closed" : "in-use", this.path, reason);
  }

  #read<T>(work: () => T | PromiseLike<T>): Promise<T> {
    return Promise.try(() => {
      this.#check();
      return work();
    });
  }

  #write<T>(work: () => T): Promise<T> {
    return this.#read(() => {
      if (this.#store.readOnly) {
        throw storeError("read-only", this.path, "it was opened for reading");
      }
      this.#store.check();
      try {
        return this.#db.transaction(work);
      } catch (error) {
        this.#resetCaches();
        throw error;
      }
    });
  }

  /** Runs work that pauses. */
  #job<T>(work: () => Promise<T>): Promise<T> {
    const job = this.#read(work);
    this.#jobs.add(job);
    const forget = () => this.#jobs.delete(job);
    job.then(forget, forget);
    return job;
  }

  /** Forgets rows that a failed transaction has made. */
  #resetCaches(): void {
    this.#rooms.reset();
    this.#names.reset();
    this.#users.reset();
  }
}

function readEpoch(db: Database): string {
  return db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'epoch'")!.value;
}

function readLastSeq(db: Database): number {
  const { last } = db.get<{ last: number | null }>("SELECT max(seq) AS last FROM events")!;
  return Math.max(last ?? 0, readNumber(db, "last"));
}
