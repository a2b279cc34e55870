/**
 * Deletes everything that a store has of one user.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database } from "./database.ts";
import type { Retention, RetentionTables } from "./retention.ts";
import { readNumber } from "./rooms.ts";

/** Number of messages that are removed in one transaction. */
const PORTION = 500;

/**
 * Deletes a user. Pages that have seen a message of the user get the history of its room anew.
 *
 * @param db The open store, which has the tables.
 * @param tables The tables of the store, and what removes messages from them.
 * @param user The id of the user.
 * @param pause Lets other work run between two portions.
 * @returns The number of deleted messages.
 */
export async function forgetUser(
  db: Database,
  tables: RetentionTables & { retention: Retention },
  user: number,
  pause: () => Promise<void>,
): Promise<number> {
  const rooms = db.all<{ room: number }>(
    "SELECT DISTINCT room FROM events WHERE user = ? AND kind = 0",
    user,
  );
  const portion = () =>
    db.all<{ seq: number }>(
      "SELECT seq FROM events WHERE user = ? AND kind = 0 LIMIT ?",
      user,
      PORTION,
    ).map(({ seq }) => seq);
  let removed = 0;
  for (let seqs = portion(); seqs.length > 0; seqs = portion()) {
    removed += tables.retention.remove(seqs);
    await pause();
  }
  removeTraces(db, user, rooms.map(({ room }) => room));
  tables.names.reset();
  // The index keeps parts of removed texts until it is built again.
  tables.index.clear();
  // So does the journal until it is copied into the file.
  db.pragma("wal_checkpoint(TRUNCATE)");
  return removed;
}

/** Removes what is not a message: reactions, changes, names, the record, the names of files. */
function removeTraces(db: Database, user: number, rooms: readonly number[]): void {
  db.transaction(() => {
    const last = db.get<{ last: number | null }>("SELECT max(seq) AS last FROM events")!.last ?? 0;
    const next = Math.max(last, readNumber(db, "last")) + 1;
    db.run("DELETE FROM reactions WHERE user = ?", user);
    db.run("DELETE FROM events WHERE user = ?", user);
    db.run("DELETE FROM users WHERE id = ?", user);
    // The content of the files is removed later, by their ids.
    db.run("UPDATE files SET name = '', named = 1 WHERE user = ?", user);
    db.run(
      `DELETE FROM names WHERE name NOT IN
        (SELECT name FROM events UNION SELECT name FROM reactions)`,
    );
    for (const room of rooms) db.run("UPDATE rooms SET removed = ? WHERE id = ?", next, room);
  });
}
