/**
 * The descriptions of attached files. Their content is stored elsewhere.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database } from "./database.ts";
import type { FileRecord } from "./records.ts";

const FILES = "SELECT id, name, type, size, sha256, user, at FROM files f";

const NAMED = "EXISTS (SELECT 1 FROM attachments WHERE file = f.id)";

/** Stores and finds descriptions of files. */
export class AttachmentTable {
  readonly #db: Database;

  /** @param db The open store, which has the tables. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** Stores the description of a file. */
  save({ id, name, type, size, sha256, user, at }: FileRecord): void {
    const sql = "INSERT INTO files (id, name, type, size, sha256, user, at) VALUES (?,?,?,?,?,?,?)";
    this.#db.run(sql, id, name, type, size, sha256, user, at);
  }

  /** Returns the description of a file, unless the last message with it was deleted. */
  find(id: string): FileRecord | undefined {
    return this.#db.get(`${FILES} WHERE id = ? AND (named = 0 OR ${NAMED})`, id);
  }

  /** Returns files that no message names: once named, or stored before a time. */
  unused(before: number, limit: number): FileRecord[] {
    return this.#db.all(
      `${FILES} WHERE (named = 1 OR at < ?) AND NOT ${NAMED} LIMIT ?`,
      before,
      limit,
    );
  }

  /** Returns the files with ids after a text, in portions for an export. */
  after(id: string, limit: number): FileRecord[] {
    return this.#db.all(`${FILES} WHERE id > ? ORDER BY id LIMIT ?`, id, limit);
  }

  /** Removes the descriptions of files that no message names, and returns their ids. */
  remove(ids: readonly string[]): string[] {
    const sql = `DELETE FROM files AS f WHERE id = ? AND NOT ${NAMED}`;
    return ids.filter((id) => this.#db.run(sql, id) > 0);
  }

  /** Returns the number of the files and their size, for all users or for one. */
  total(user?: number): { count: number; size: number } {
    const sql = "SELECT count(*) AS count, coalesce(sum(size), 0) AS size FROM files";
    return user === undefined ? this.#db.get(sql)! : this.#db.get(`${sql} WHERE user = ?`, user)!;
  }
}
