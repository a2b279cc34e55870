/**
 * The full-text index of a store.
 *
 * Messages enter the index in batches after their transaction, so a line costs nothing at its arrival.
 * The store keeps the number up to which the index is complete.
 *
 * A row of the index has the negative number of its message. FTS5 can skip rows in ascending order only,
 * and a search goes from the newest message to the oldest.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database } from "./database.ts";
import { readNumber, writeNumber } from "./rooms.ts";

/** Number of messages that enter the index in one transaction. */
const PORTION = 1000;

/** Number of pages that one portion of a merge writes, about. */
const MERGE_PAGES = 16;

/** The index of the texts. */
export class SearchIndex {
  readonly #db: Database;
  #indexed: number;

  /** Whether there is an index. Otherwise a search reads the messages. */
  readonly isEnabled: boolean;

  /**
   * @param db The open store, which has the tables.
   * @param isEnabled Whether there is an index.
   */
  constructor(db: Database, isEnabled: boolean) {
    this.#db = db;
    this.isEnabled = isEnabled;
    this.#indexed = readNumber(db, "indexed");
  }

  /**
   * Brings some messages into the index, in one transaction.
   *
   * @returns Whether there can be more.
   */
  advance(): boolean {
    if (!this.isEnabled) return false;
    const last = this.#db.get<{ last: number | null }>(
      "SELECT max(seq) AS last FROM (SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?)",
      this.#indexed,
      PORTION,
    )!.last;
    if (last === null) return false;
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO search (rowid, text) SELECT -seq, text FROM events
          WHERE seq > ? AND seq <= ? AND kind = 0 AND text <> '' ORDER BY seq DESC`,
        this.#indexed,
        last,
      );
      writeNumber(this.#db, "indexed", last);
    });
    this.#indexed = last;
    return true;
  }

  /**
   * Returns the numbers of the newest messages that match, in descending order.
   *
   * @param match The question in the query language of FTS5.
   * @param lowest The lowest number to return.
   * @param before Only numbers below this one.
   * @param limit The maximum number of messages.
   */
  find(match: string, lowest: number, before: number, limit: number): number[] {
    // FTS5 looks for the first match of all before it skips to a range. If matches are rare, one question
    // finds all of them; if they are not, the first one is near.
    return this.#db.all<{ seq: number }>(
      `SELECT -rowid AS seq FROM search WHERE search MATCH ? AND rowid > ? AND rowid <= ?
        ORDER BY rowid LIMIT ?`,
      match,
      -before,
      -lowest,
      limit,
    ).map(({ seq }) => seq);
  }

  /** Puts the new text of a message into the index, within the transaction of the change. */
  replace(seq: number, text: string): void {
    if (seq > this.#indexed) return;
    this.#db.run("INSERT OR REPLACE INTO search (rowid, text) VALUES (?, ?)", -seq, text);
  }

  /** Takes a message out of the index, within the transaction of the change. */
  remove(seq: number): void {
    if (seq <= this.#indexed) this.#db.run("DELETE FROM search WHERE rowid = ?", -seq);
  }

  /**
   * Does a part of the merging that makes searches fast and frees the space of removed messages.
   *
   * @returns Whether there can be more.
   */
  merge(): boolean {
    if (!this.isEnabled) return false;
    const before = this.#changes();
    this.#db.run("INSERT INTO search (search, rank) VALUES ('merge', ?)", MERGE_PAGES);
    return this.#changes() - before > 1;
  }

  /** Removes the whole index. {@linkcode SearchIndex.advance} builds it again. */
  clear(): void {
    this.#db.transaction(() => {
      this.#db.run("INSERT INTO search (search) VALUES ('delete-all')");
      writeNumber(this.#db, "indexed", 0);
    });
    this.#indexed = 0;
  }

  #changes(): number {
    return this.#db.get<{ total: number }>("SELECT total_changes() AS total")!.total;
  }
}
