/**
 * Stores messages and changes.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database, SqlValue } from "./database.ts";
import type {
  Appended,
  ChangeEntry,
  DeleteEntry,
  EditEntry,
  Entry,
  MessageEntry,
  ReactionEntry,
  RefusedChange,
  StoredEvent,
  StoredMessage,
} from "./entries.ts";
import { ChangeFlag, MessageFlag, type MessageReader } from "./messages.ts";
import type { NameTable } from "./names.ts";
import type { RoomRow, RoomTable } from "./rooms.ts";
import type { SearchIndex } from "./search_index.ts";
import type { UserTable } from "./users.ts";

/** Maximum number of different emoji at one message. */
const MAX_EMOJI = 20;

/** Maximum number of reactions at one message. */
const MAX_REACTIONS = 500;

/** Number of changes of one kind that a user can make at one message before the oldest is removed. */
const MAX_CHANGES = 20;

/** Number of messages that one statement stores. */
const ROWS = 32;

/** Stores a message, unless its author has used the id of the line already. */
const [INSERT_ROW, INSERT_ROWS] = [1, ROWS].map((rows) =>
  `INSERT INTO events (seq, kind, room, user, name, at, line, text, flags, reply)
    VALUES ${Array(rows).fill("(?, 0, ?, ?, ?, ?, ?, ?, ?, ?)").join(", ")}
    ON CONFLICT (user, line) WHERE line IS NOT NULL DO NOTHING`
) as [string, string];

/** The message that a change refers to. */
interface Target {
  readonly user: number;
  readonly flags: number;
}

/** The tables that entries go to. */
export interface LogTables {
  /** The rooms. */
  readonly rooms: RoomTable;
  /** The register of names. */
  readonly names: NameTable;
  /** The users. */
  readonly users: UserTable;
  /** The reader of messages. */
  readonly reader: MessageReader;
  /** The full-text index. */
  readonly index: SearchIndex;
}

/** Writes entries into the tables. The caller opens the transaction. */
export class EventLog {
  readonly #db: Database;
  readonly #rooms: RoomTable;
  readonly #names: NameTable;
  readonly #users: UserTable;
  readonly #reader: MessageReader;
  readonly #index: SearchIndex;

  /** Takes the database and the tables of one store. */
  constructor(
    db: Database,
    tables: LogTables,
  ) {
    this.#db = db;
    this.#rooms = tables.rooms;
    this.#names = tables.names;
    this.#users = tables.users;
    this.#reader = tables.reader;
    this.#index = tables.index;
  }

  /** Stores entries in their order. */
  append(entries: readonly Entry[]): Appended[] {
    const results: Appended[] = [];
    while (results.length < entries.length) {
      const run = plainRun(entries, results.length);
      if (run.length === ROWS) this.#messages(run, results);
      else if (run.length > 0) { for (const entry of run) results.push(this.#message(entry)); }
      else results.push(this.#single(entries[results.length]!));
    }
    return results;
  }

  #single(entry: Entry): Appended {
    return entry.kind === "message" ? this.#message(entry) : this.#change(entry);
  }

  /** Stores messages with one statement, which takes half the time of one for each. */
  #messages(entries: readonly MessageEntry[], results: Appended[]): void {
    const values: SqlValue[] = [];
    for (const { seq, at, user, name, line, text, action, room, roomName = "" } of entries) {
      const { id } = this.#rooms.open(room, roomName);
      const flags = action ? MessageFlag.action : 0;
      values.push(seq, id, user, name, at, line ?? null, text, flags, null);
    }
    const added = this.#db.run(INSERT_ROWS, ...values);
    for (const entry of entries) {
      const isNew = added === entries.length || this.#isStored(entry.seq);
      results.push(isNew ? this.#added(entry) : this.#repeated(entry));
    }
  }

  #message(entry: MessageEntry): Appended {
    const { seq, at, user, name, line, text, action, reply, files = [], roomName = "" } = entry;
    if (files.length > 0 && text.trim() === "" && !this.#hasFile(user, files)) {
      const earlier = line === undefined ? undefined : this.#reader.byLine(user, line);
      if (earlier === undefined) return refused("no-such-file");
      return { outcome: "repeated", event: earlier };
    }
    const room = this.#rooms.open(entry.room, roomName);
    const added = this.#db.run(
      INSERT_ROW,
      seq,
      room.id,
      user,
      name,
      at,
      line ?? null,
      text,
      action ? MessageFlag.action : 0,
      reply === undefined ? null : this.#quotable(reply, room),
    );
    if (added === 0) return this.#repeated(entry);
    const result = this.#added(entry);
    if (files.length > 0) this.#attach(seq, user, files);
    return reply !== undefined || files.length > 0 ? this.#stored(seq, entry.trace) : result;
  }

  /** Counts a stored message, and returns its result if it has neither a quote nor files. */
  #added(entry: MessageEntry): Appended {
    const { room: key, roomName = "", seq, at, name, user } = entry;
    const room = this.#rooms.open(key, roomName);
    this.#rooms.count(room, seq, at);
    this.#names.register(name, seq);
    this.#users.touch(user, seq);
    return { outcome: "stored", event: plainMessage(entry, room.name) };
  }

  #isStored(seq: number): boolean {
    return this.#db.get("SELECT 1 FROM events WHERE seq = ?", seq) !== undefined;
  }

  #change(entry: ChangeEntry): Appended {
    if (entry.line !== undefined) {
      const earlier = this.#reader.byLine(entry.user, entry.line);
      if (earlier !== undefined) return { outcome: "repeated", event: earlier };
    }
    const room = this.#rooms.find(entry.room);
    const target = room && this.#target(entry.target, room);
    if (room === undefined || target === undefined) return refused("gone");
    if (entry.kind === "reaction") return this.#reaction(entry, room);
    if (target.user !== entry.user) return refused("not-own");
    return entry.kind === "edit" ? this.#edit(entry, room) : this.#delete(entry, room);
  }

  #edit(entry: EditEntry, room: RoomRow): Appended {
    this.#db.run(
      "UPDATE events SET text = ?, edited_at = ? WHERE seq = ?",
      entry.text,
      entry.at,
      entry.target,
    );
    this.#index.replace(entry.target, entry.text);
    return this.#log(entry, room, ChangeFlag.edit, "");
  }

  #delete(entry: DeleteEntry, room: RoomRow): Appended {
    const { target } = entry;
    this.#db.run(
      "UPDATE events SET text = '', flags = ?, reply = NULL, edited_at = NULL WHERE seq = ?",
      MessageFlag.deleted,
      target,
    );
    this.#db.run("DELETE FROM reactions WHERE target = ?", target);
    this.#db.run("DELETE FROM attachments WHERE message = ?", target);
    this.#index.remove(target);
    return this.#log(entry, room, ChangeFlag.delete, "");
  }

  #reaction(entry: ReactionEntry, room: RoomRow): Appended {
    const { target, emoji, user, name, seq, on } = entry;
    if (!on) {
      const sql = "DELETE FROM reactions WHERE target = ? AND emoji = ? AND user = ?";
      if (this.#db.run(sql, target, emoji, user) === 0) return { outcome: "unchanged" };
      return this.#log(entry, room, ChangeFlag.unreact, emoji);
    }
    if (!this.#hasSpace(target, emoji)) return refused("too-many");
    const added = this.#db.run(
      "INSERT INTO reactions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      target,
      emoji,
      user,
      name,
      seq,
    );
    if (added === 0) return { outcome: "unchanged" };
    this.#db.run(
      "UPDATE events SET flags = flags | ? WHERE seq = ?",
      MessageFlag.reactions,
      target,
    );
    return this.#log(entry, room, ChangeFlag.react, emoji);
  }

  /** Returns whether a message can get a reaction with an emoji. */
  #hasSpace(target: number, emoji: string): boolean {
    const { emojis, total, known } = this.#db.get<
      { emojis: number; total: number; known: number | null }
    >(
      `SELECT count(DISTINCT emoji) AS emojis, count(*) AS total, max(emoji = ?) AS known
        FROM reactions WHERE target = ?`,
      emoji,
      target,
    )!;
    return total < MAX_REACTIONS && (known === 1 || emojis < MAX_EMOJI);
  }

  #log(entry: ChangeEntry, room: RoomRow, flags: number, text: string): Appended {
    const { seq, user, name, at, line, target } = entry;
    this.#db.run(
      `INSERT INTO events (seq, kind, room, user, name, at, line, text, flags, target)
        VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?)`,
      seq,
      room.id,
      user,
      name,
      at,
      line ?? null,
      text,
      flags,
      target,
    );
    this.#trim(entry, flags, text);
    return { outcome: "stored", event: entry };
  }

  /** Bounds the changes of a user who edits a message, or sets and removes a reaction, for ever. */
  #trim({ target, user }: ChangeEntry, flags: number, text: string): void {
    this.#db.run(
      `DELETE FROM events WHERE seq IN (
        SELECT seq FROM events WHERE target = ? AND user = ? AND text = ? AND (flags = 1) = ?
          ORDER BY seq DESC LIMIT -1 OFFSET ?)`,
      target,
      user,
      text,
      flags === ChangeFlag.edit ? 1 : 0,
      MAX_CHANGES,
    );
  }

  #target(seq: number, room: RoomRow): Target | undefined {
    const found = this.#db.get<Target>(
      "SELECT user, flags FROM events WHERE seq = ? AND room = ? AND kind = 0",
      seq,
      room.id,
    );
    return found && (found.flags & MessageFlag.deleted) === 0 ? found : undefined;
  }

  /** Returns the number of a message that is answered, if it is in the room. */
  #quotable(seq: number, room: RoomRow): number | null {
    return this.#target(seq, room) === undefined ? null : seq;
  }

  #hasFile(user: number, files: readonly string[]): boolean {
    const sql = "SELECT 1 FROM files WHERE id = ? AND user = ?";
    return files.some((id) => this.#db.get(sql, id, user) !== undefined);
  }

  #attach(message: number, user: number, files: readonly string[]): void {
    let position = 0;
    for (const id of new Set(files)) {
      position += this.#db.run(
        "INSERT INTO attachments SELECT ?, ?, id FROM files WHERE id = ? AND user = ?",
        message,
        position,
        id,
        user,
      );
      this.#db.run("UPDATE files SET named = 1 WHERE id = ? AND user = ?", id, user);
    }
    if (position === 0) return;
    this.#db.run("UPDATE events SET flags = flags | ? WHERE seq = ?", MessageFlag.files, message);
  }

  #stored(seq: number, trace: string | undefined): Appended {
    const event = this.#reader.message(seq)!;
    return { outcome: "stored", event: trace === undefined ? event : { ...event, trace } };
  }

  #repeated({ user, line }: Entry): Appended {
    const event: StoredEvent = this.#reader.byLine(user, line!)!;
    return { outcome: "repeated", event };
  }
}

/** Returns the messages from an index on that one statement can store, at most {@linkcode ROWS}. */
function plainRun(entries: readonly Entry[], from: number): MessageEntry[] {
  const run: MessageEntry[] = [];
  for (let i = from; i < entries.length && run.length < ROWS; i++) {
    const entry = entries[i]!;
    if (entry.kind !== "message" || entry.reply !== undefined || entry.files !== undefined) break;
    run.push(entry);
  }
  return run;
}

function refused(reason: RefusedChange): Appended {
  return { outcome: "refused", reason };
}

/** Returns a new message without a quote and without files. Most lines need no copy of their entry. */
function plainMessage(entry: MessageEntry, roomName: string): StoredMessage {
  if (entry.roomName === roomName && entry.files === undefined) return entry as StoredMessage;
  const { reply: _reply, files: _files, ...plain } = entry;
  return { ...plain, roomName };
}
