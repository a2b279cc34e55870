/**
 * The rooms of a store, and the counts of their messages.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database } from "./database.ts";
import { conversationUsers, type RoomKey, type RoomRecord } from "./records.ts";

/** The row of a room, as other tables refer to it. */
export interface RoomRow {
  /** The id in the store. */
  readonly id: number;
  /** The key. */
  readonly key: RoomKey;
  /** The name to display, without `#`. */
  readonly name: string;
}

/** The messages that a transaction adds to a room. */
interface Tally {
  count: number;
  seq: number;
  at: number;
}

/** Maximum number of rooms whose rows are kept in memory. */
const MAX_CACHED = 10_000;

/** Finds rooms by their keys, and counts their messages. */
export class RoomTable {
  readonly #db: Database;
  readonly #cache = new Map<RoomKey, RoomRow>();
  readonly #tallies = new Map<number, Tally>();

  /** @param db The open store, which has the tables. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** Returns the row of a room; undefined if the room has never had a message. */
  find(key: RoomKey): RoomRow | undefined {
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const row = this.#db.get<RoomRow>("SELECT id, key, name FROM rooms WHERE key = ?", key);
    return row === undefined ? undefined : this.#remember(row);
  }

  /** Returns the row of a room, and makes it if the room is new. */
  open(key: RoomKey, name: string): RoomRow {
    return this.find(key) ?? this.#make(key, name);
  }

  /** Counts a message. {@linkcode RoomTable.flush} writes the counts of a transaction at once. */
  count(room: RoomRow, seq: number, at: number): void {
    const tally = this.#tallies.get(room.id);
    if (tally === undefined) {
      this.#tallies.set(room.id, { count: 1, seq, at });
    } else {
      tally.count++;
      tally.seq = seq;
      tally.at = at;
    }
  }

  /** Writes the counts, at the end of a transaction. */
  flush(): void {
    for (const [id, { count, seq, at }] of this.#tallies) {
      this.#db.run(
        "UPDATE rooms SET count = count + ?, last_seq = ?, last_at = ? WHERE id = ?",
        count,
        seq,
        at,
        id,
      );
    }
    this.#tallies.clear();
  }

  /** Forgets what is not written, after a transaction has failed or rooms were removed. */
  reset(): void {
    this.#tallies.clear();
    this.#cache.clear();
  }

  /** Returns the rooms with messages, the latest first. */
  rooms(): RoomRecord[] {
    return this.#db.all(
      `SELECT key, name, last_seq AS lastSeq, last_at AS lastAt FROM rooms
        WHERE low IS NULL AND count > 0 ORDER BY last_seq DESC`,
    );
  }

  /** Returns the conversations of a user that have messages, the latest first. */
  conversations(user: number): RoomRecord[] {
    return this.#db.all(
      `SELECT key, name, last_seq AS lastSeq, last_at AS lastAt FROM rooms
        WHERE (low = ? OR high = ?) AND count > 0 ORDER BY last_seq DESC`,
      user,
      user,
    );
  }

  /** Returns the number of messages in some rooms. */
  total(ids: readonly number[]): number {
    return this.#db.get<{ total: number }>(
      `SELECT coalesce(sum(count), 0) AS total FROM rooms
        WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    )!.total;
  }

  /** Returns the number of the last event that a room can lack. */
  removed(key: RoomKey): number {
    const row = this.#db.get<{ removed: number }>("SELECT removed FROM rooms WHERE key = ?", key);
    return row?.removed ?? readNumber(this.#db, "removed");
  }

  /**
   * Takes removed messages out of the counts, and removes empty rooms.
   *
   * @param id The id of the room.
   * @param count The number of removed messages.
   * @param last The highest number of an event that was removed.
   */
  discount(id: number, count: number, last: number): void {
    this.#db.run(
      "UPDATE rooms SET count = count - ?, removed = max(removed, ?) WHERE id = ?",
      count,
      last,
      id,
    );
    if (this.#db.run("DELETE FROM rooms WHERE id = ? AND count <= 0", id) === 0) return;
    this.#cache.clear();
    writeNumber(this.#db, "removed", Math.max(last, readNumber(this.#db, "removed")));
  }

  #make(key: RoomKey, name: string): RoomRow {
    const [low, high] = conversationUsers(key) ?? [null, null];
    const row = this.#db.get<{ id: number }>(
      "INSERT INTO rooms (key, name, low, high, removed) VALUES (?, ?, ?, ?, ?) RETURNING id",
      key,
      name,
      low,
      high,
      // The room may have had messages before.
      readNumber(this.#db, "removed"),
    )!;
    return this.#remember({ id: row.id, key, name });
  }

  #remember(row: RoomRow): RoomRow {
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(row.key, row);
    return row;
  }
}

/** Returns a number of the store; 0 if it was never written. */
export function readNumber(db: Database, key: string): number {
  return db.get<{ value: number }>("SELECT value FROM meta WHERE key = ?", key)?.value ?? 0;
}

/** Writes a number of the store. */
export function writeNumber(db: Database, key: string, value: number): void {
  db.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value);
}
