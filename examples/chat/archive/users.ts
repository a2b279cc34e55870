/**
 * The users of a store.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { nameKey } from "../names.ts";
import type { Database } from "./database.ts";
import type { NameTable } from "./names.ts";
import { NOTE_AGAIN, UseRegister } from "./register.ts";
import type { RoomRef, SessionState, UserRecord } from "./records.ts";

interface UserRow {
  readonly id: number;
  readonly token: string | null;
  readonly name: string;
  readonly rooms: string;
  readonly seenAt: number;
  readonly session: SessionState;
}

const USERS = "SELECT id, token, name, rooms, seen_at AS seenAt, session FROM users";

/** Stores and finds users. */
export class UserTable {
  readonly #db: Database;
  readonly #names: NameTable;
  readonly #uses = new UseRegister<number>();

  /**
   * @param db The open store, which has the tables.
   * @param names The names of the store.
   */
  constructor(db: Database, names: NameTable) {
    this.#db = db;
    this.#names = names;
  }

  /** Stores a user within a transaction, and returns the id. */
  save(user: UserRecord): number {
    const { id = null, tokenHash = null, name, rooms, seenAt, session } = user;
    return this.#db.get<{ id: number }>(
      `INSERT INTO users (id, token, name, rooms, seen_at, session) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET token = excluded.token, name = excluded.name,
          rooms = excluded.rooms, seen_at = excluded.seen_at, session = excluded.session
        RETURNING id`,
      id,
      tokenHash,
      name,
      JSON.stringify(rooms),
      seenAt,
      session,
    )!.id;
  }

  /** Returns the highest id that was ever given. */
  last(): number {
    const sql = "SELECT seq FROM sqlite_sequence WHERE name = 'users'";
    return this.#db.get<{ seq: number }>(sql)?.seq ?? 0;
  }

  /** Gives new users ids above a number: the private conversations of a removed user are not theirs. */
  startAfter(id: number): void {
    if (id <= this.last()) return;
    const sql = "UPDATE sqlite_sequence SET seq = ? WHERE name = 'users'";
    if (this.#db.run(sql, id) > 0) return;
    this.#db.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('users', ?)", id);
  }

  /** Registers the latest message of a user. */
  touch(id: number, seq: number): void {
    if (!this.#uses.isDue(id, seq)) return;
    this.#db.run("UPDATE users SET last_seq = ? WHERE id = ?", seq, id);
  }

  /** Forgets what is not written, after a transaction has failed. */
  reset(): void {
    this.#uses.reset();
  }

  /** Returns the user with an id. */
  byId(id: number): UserRecord | undefined {
    return this.#db.all<UserRow>(`${USERS} WHERE id = ?`, id).map(record)[0];
  }

  /** Returns the user who holds a token. */
  byToken(tokenHash: string): UserRecord | undefined {
    return this.#db.all<UserRow>(`${USERS} WHERE token = ?`, tokenHash).map(record)[0];
  }

  /** Returns the users whose sessions have not ended. */
  alive(): UserRecord[] {
    const sql = `${USERS} WHERE session IN ('online', 'away') ORDER BY id`;
    return this.#db.all<UserRow>(sql).map(record);
  }

  /** Returns the users with ids above a number, in portions for an export. */
  after(id: number, limit: number): UserRecord[] {
    const sql = `${USERS} WHERE id > ? ORDER BY id LIMIT ?`;
    return this.#db.all<UserRow>(sql, id, limit).map(record);
  }

  /** Returns the users who have a name, or wrote under it, the latest first. Reads all events. */
  async named(name: string, pause: () => Promise<void>): Promise<UserRecord[]> {
    const key = nameKey(name);
    const authors = this.#db.all<{ user: number }>(
      "SELECT DISTINCT user FROM events WHERE name IN (SELECT value FROM json_each(?))",
      JSON.stringify(await this.#names.alike([name], pause)),
    );
    const ids = new Set(authors.map(({ user }) => user));
    const found = this.#db.all<UserRow>(`${USERS} ORDER BY seen_at DESC, id DESC`)
      .filter((row) => ids.has(row.id) || nameKey(row.name) === key);
    return found.map(record);
  }

  /**
   * Removes users without a session and without messages.
   *
   * @param before Only users who were last connected before this time in milliseconds since 1970.
   * @param firstSeq The number of the first event in the store.
   * @param limit The maximum number of users to remove.
   * @returns The number of removed users.
   */
  prune(before: number, firstSeq: number, limit: number): number {
    return this.#db.run(
      `DELETE FROM users WHERE id IN (
        SELECT id FROM users WHERE session = 'gone' AND seen_at < ?
          AND (last_seq = 0 OR last_seq < ?) LIMIT ?)`,
      before,
      firstSeq - NOTE_AGAIN,
      limit,
    );
  }
}

function record({ id, token, name, rooms, seenAt, session }: UserRow): UserRecord {
  return {
    id,
    ...(token !== null && { tokenHash: token }),
    name,
    rooms: JSON.parse(rooms) as RoomRef[],
    seenAt,
    session,
  };
}
