/**
 * An SQLite database whose failures are errors of the archive.
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the file; none for `:memory:`.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { quote } from "../../../tools/internal/text.ts";
import { ArchiveError, type ArchiveErrorKind } from "./archive_error.ts";

/** A value of a column. */
export type SqlValue = string | number | null;

/** Maximum time in milliseconds that a statement waits for a lock of another program. */
const LOCK_WAIT = 1000;

/** An open database with prepared statements. */
export class Database implements Disposable {
  /** The path of the file, or `:memory:`. */
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens a database. SQLite reads the file at the first statement.
   *
   * @param path The path of the file, or `:memory:`.
   * @param options `readOnly`: whether writing is impossible. `wait`: the time to wait for a lock.
   * @throws {ArchiveError} If the file cannot be opened.
   */
  constructor(path: string, options: { readOnly?: boolean; wait?: number } = {}) {
    const { readOnly = false, wait = LOCK_WAIT } = options;
    this.path = path;
    this.#db = this.#translated(() => new DatabaseSync(path, { readOnly, timeout: wait }));
  }

  /** Whether the database is open. */
  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  /** The database for functions of `node:sqlite`. */
  get raw(): DatabaseSync {
    return this.#db;
  }

  /** Runs one or several statements without values. */
  exec(sql: string): void {
    this.#translated(() => this.#db.exec(sql));
  }

  /** Returns all rows. The caller names the columns of the query as the type. */
  all<Row>(sql: string, ...values: readonly SqlValue[]): Row[] {
    return this.#translated(() => this.#statement(sql).all(...values) as Row[]);
  }

  /** Returns the first row; undefined if there is none. */
  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#translated(() => this.#statement(sql).get(...values) as Row | undefined);
  }

  /** Runs a statement and returns the number of changed rows. */
  run(sql: string, ...values: readonly SqlValue[]): number {
    // Each message comes here, so this has no closure.
    try {
      return Number(this.#statement(sql).run(...values).changes);
    } catch (error) {
      throw archiveError(error, this.path);
    }
  }

  /** Returns the value of a pragma. */
  pragma(name: string): SqlValue {
    const row = this.#translated(() => this.#db.prepare(`PRAGMA ${name}`).get());
    return row === undefined ? null : Object.values(row)[0] as SqlValue;
  }

  /** Runs statements in one transaction. If one fails, none has an effect. */
  transaction<T>(work: () => T): T {
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** Ends a transaction without effect. SQLite has done so itself after some failures. */
  rollback(): void {
    if (this.#db.isOpen && this.#db.isTransaction) this.exec("ROLLBACK");
  }

  /** Closes the database. Closing twice is harmless. */
  [Symbol.dispose](): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #translated<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw archiveError(error, this.path);
    }
  }
}

/** The kind of each failure of SQLite, by the beginning of its message. */
const FAILURES: ReadonlyArray<readonly [string, ArchiveErrorKind, string]> = [
  ["database or disk is full", "full", "the disk is full"],
  ["attempt to write a readonly database", "read-only", "it cannot be written"],
  ["database disk image is malformed", "damaged", "it is damaged"],
  ["fts5: corruption", "damaged", "its index is damaged"],
  ["vtable constructor failed", "damaged", "it is damaged; restore a backup"],
  ["malformed database schema", "damaged", "it is damaged"],
  ["file is not a database", "damaged", "it is not a store of the chat"],
  ["database is locked", "in-use", "another process uses it"],
  ["database is not open", "closed", "it was closed"],
  ["unable to open database file", "io", "the file cannot be opened"],
  ["disk I/O error", "io", "the disk has failed"],
];

/** Returns the error of the archive for a failure of SQLite; other errors as they are. */
export function archiveError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || (error as { code?: unknown }).code === undefined) return error;
  if (error instanceof Deno.errors.NotCapable) return error;
  const found = FAILURES.find(([message]) => error.message.startsWith(message));
  if (found === undefined) return error;
  return storeError(found[1], path, found[2], error);
}

/** Returns an error that names the store. */
export function storeError(
  kind: ArchiveErrorKind,
  path: string,
  reason: string,
  cause?: unknown,
): ArchiveError {
  return new ArchiveError(kind, `Cannot use the store ${quote(path)}: ${reason}`, {
    cause,
  });
}
