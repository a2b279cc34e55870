/**
 * Removes what a store does not keep, in short portions.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database } from "./database.ts";
import type { NameTable } from "./names.ts";
import { readNumber, type RoomTable, writeNumber } from "./rooms.ts";
import type { SearchIndex } from "./search_index.ts";
import type { KeepLimits, KeepReport } from "./upkeep.ts";
import type { UserTable } from "./users.ts";

/** Number of messages or users that are removed in one transaction. */
const PORTION = 500;

/** Number of pages that are given back to the file system in one transaction. */
const PAGES = 256;

/** The part of the maximum size that a store has after it was too large. */
const LOW_MARK = 0.9;

/** The tables of one store. */
export interface RetentionTables {
  /** The rooms. */
  readonly rooms: RoomTable;
  /** The register of names. */
  readonly names: NameTable;
  /** The users. */
  readonly users: UserTable;
  /** The full-text index. */
  readonly index: SearchIndex;
}

/** Applies limits to a store. */
export class Retention {
  readonly #db: Database;
  readonly #tables: RetentionTables;

  /** Takes the database and the tables of one store. */
  constructor(db: Database, tables: RetentionTables) {
    this.#db = db;
    this.#tables = tables;
  }

  /**
   * Removes what the limits do not keep.
   *
   * @param limits The limits of age, number and size.
   * @param now The time in milliseconds since 1970.
   * @param pause Lets other work run between two portions.
   */
  async apply(
    limits: KeepLimits,
    now: number,
    pause: () => Promise<void>,
  ): Promise<KeepReport> {
    const { age, messages, size, users } = limits;
    let removed = 0;
    const repeat = async (work: () => number) => {
      for (let count = work(); count > 0; count = work()) {
        removed += count;
        await pause();
      }
    };
    if (age !== undefined) await repeat(() => this.#removeOld(now - age));
    if (messages !== undefined) await repeat(() => this.#removeSurplus(messages));
    if (size !== undefined) {
      let excess = this.#excess(size);
      await repeat(() => {
        const count = this.#removeOldest(Math.min(excess, PORTION));
        excess -= count;
        return count;
      });
    }
    let people = 0;
    if (users !== undefined) {
      let count = 0;
      do {
        count = this.#tables.users.prune(now - users, this.#firstSeq(), PORTION);
        people += count;
        await pause();
      } while (count === PORTION);
    }
    while (this.#tables.index.merge()) await pause();
    if (removed > 0) await this.#reclaim(pause);
    return { messages: removed, users: people, size: this.size() };
  }

  /** Returns the size of the store in bytes, without free pages. */
  size(): number {
    const pages = Number(this.#db.pragma("page_count")) - Number(this.#db.pragma("freelist_count"));
    return pages * Number(this.#db.pragma("page_size"));
  }

  /** Removes some messages that are older than a time. Returns their number. */
  #removeOld(before: number): number {
    // Numbers grow with time, so that the oldest messages are those with the lowest numbers.
    return this.remove(this.#seqs(
      `SELECT seq FROM (SELECT seq, at FROM events WHERE kind = 0 ORDER BY seq LIMIT ${PORTION})
        WHERE at < ?`,
      before,
    ));
  }

  /** Removes some messages of a room that has too many. Returns their number. */
  #removeSurplus(most: number): number {
    const room = this.#db.get<{ id: number; count: number }>(
      "SELECT id, count FROM rooms WHERE count > ? LIMIT 1",
      most,
    );
    if (room === undefined) return 0;
    return this.remove(this.#seqs(
      "SELECT seq FROM events WHERE room = ? AND kind = 0 ORDER BY seq LIMIT ?",
      room.id,
      Math.min(PORTION, room.count - most),
    ));
  }

  #removeOldest(count: number): number {
    if (count <= 0) return 0;
    return this.remove(
      this.#seqs("SELECT seq FROM events WHERE kind = 0 ORDER BY seq LIMIT ?", count),
    );
  }

  /** Returns the number of messages to remove from a store that is too large. */
  #excess(size: number): number {
    const used = this.size();
    if (used <= size) return 0;
    const { total } = this.#db.get<{ total: number }>(
      "SELECT coalesce(sum(count), 0) AS total FROM rooms",
    )!;
    return Math.ceil(total * (1 - LOW_MARK * size / used));
  }

  /** Returns the number of the first event, or of the next one if there is none. */
  #firstSeq(): number {
    const first = this.#db.get<{ seq: number }>("SELECT seq FROM events ORDER BY seq LIMIT 1");
    return first?.seq ?? readNumber(this.#db, "last") + 1;
  }

  #seqs(sql: string, ...values: number[]): number[] {
    return this.#db.all<{ seq: number }>(sql, ...values).map(({ seq }) => seq);
  }

  /**
   * Removes messages with their changes, in one transaction.
   *
   * @param seqs The numbers of the messages.
   * @returns The number of removed messages.
   */
  remove(seqs: readonly number[]): number {
    if (seqs.length === 0) return 0;
    const { rooms, index } = this.#tables;
    const list = JSON.stringify(seqs);
    try {
      this.#db.transaction(() => {
        const touched = this.#db.all<{ room: number; count: number; last: number }>(
          `SELECT e.room, count(DISTINCT e.seq) AS count, max(max(e.seq, coalesce(c.seq, 0))) AS last
            FROM events e LEFT JOIN events c ON c.target = e.seq
            WHERE e.seq IN (SELECT value FROM json_each(?)) GROUP BY e.room`,
          list,
        );
        for (const seq of seqs) index.remove(seq);
        this.#keepHighest();
        this.#db.run("DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))", list);
        for (const { room, count, last } of touched) rooms.discount(room, count, last);
      });
    } catch (error) {
      rooms.reset();
      throw error;
    }
    return seqs.length;
  }

  /** Keeps the highest number, which must not be used again. */
  #keepHighest(): void {
    const { last } = this.#db.get<{ last: number }>("SELECT max(seq) AS last FROM events")!;
    writeNumber(this.#db, "last", Math.max(last, readNumber(this.#db, "last")));
  }

  /** Gives the space of removed messages back to the file system. */
  async #reclaim(pause: () => Promise<void>): Promise<void> {
    this.#tables.names.prune(this.#firstSeq());
    const free = () => Number(this.#db.pragma("freelist_count"));
    for (let before = Infinity, left = free(); left > 0 && left < before; left = free()) {
      before = left;
      this.#db.all(`PRAGMA incremental_vacuum(${PAGES})`);
      await pause();
    }
  }
}
