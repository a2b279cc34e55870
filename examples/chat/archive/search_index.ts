/**
 * The full-text index of a store.
 *
 * Messages enter the index in batches after their transaction, so a line costs nothing at its arrival.
 * The store keeps the number up to which the index is complete.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database } from "./database.ts";
import { readNumber, writeNumber } from "./rooms.ts";

/** Number of messages that enter the index in one transaction. */
const PORTION = 2000;

/** The index of the texts. */
export class SearchIndex {
  readonly #db: Database;
  #indexed: number;

  /** @param db The open store, which has the tables. */
  constructor(db: Database) {
    this.#db = db;
    this.#indexed = readNumber(db, "indexed");
  }

  /**
   * Brings some messages into the index, in one transaction.
   *
   * @returns Whether there can be more.
   */
  advance(): boolean {
    const last = this.#db.get<{ last: number | null }>(
      "SELECT max(seq) AS last FROM (SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?)",
      this.#indexed,
      PORTION,
    )!.last;
    if (last === null) return false;
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO search (rowid, text) SELECT seq, text FROM events
          WHERE seq > ? AND seq <= ? AND kind = 0 AND text <> ''`,
        this.#indexed,
        last,
      );
      writeNumber(this.#db, "indexed", last);
    });
    this.#indexed = last;
    return true;
  }

  /** Puts the new text of a message into the index, within the transaction of the change. */
  replace(seq: number, text: string): void {
    if (seq > this.#indexed) return;
    this.#db.run("INSERT OR REPLACE INTO search (rowid, text) VALUES (?, ?)", seq, text);
  }

  /** Takes a message out of the index, within the transaction of the change. */
  remove(seq: number): void {
    if (seq <= this.#indexed) this.#db.run("DELETE FROM search WHERE rowid = ?", seq);
  }

  /**
   * Frees a part of the space of removed messages.
   *
   * @returns Whether there can be more.
   */
  merge(): boolean {
    const before = this.#changes();
    this.#db.run("INSERT INTO search (search, rank) VALUES ('merge', 200)");
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
