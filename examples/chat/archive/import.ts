/**
 * Reads a store from JSON Lines.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { AttachmentTable } from "./attachments.ts";
import type { Database } from "./database.ts";
import { ChangeFlag, MessageFlag } from "./messages.ts";
import type { NameTable } from "./names.ts";
import { type RoomTable, writeNumber } from "./rooms.ts";
import {
  badLine,
  type ChangeLine,
  decodeLine,
  type FileLine,
  type MessageLine,
  type RoomLine,
  type StoreLine,
  type TransferLine,
  type UserLine,
} from "./transfer_format.ts";
import type { ImportReport } from "./upkeep.ts";
import type { UserTable } from "./users.ts";

/** The tables that an import fills. */
export interface ImportTables {
  /** The rooms. */
  readonly rooms: RoomTable;
  /** The register of names. */
  readonly names: NameTable;
  /** The users. */
  readonly users: UserTable;
  /** The files. */
  readonly files: AttachmentTable;
}

/** Reads an export into an empty store. The caller opens the transaction. */
export async function importStore(
  db: Database,
  tables: ImportTables,
  lines: AsyncIterable<string>,
): Promise<ImportReport> {
  const intake = new Intake(db, tables);
  let number = 0;
  for await (const text of lines) {
    intake.take(decodeLine(text, ++number), number);
  }
  return intake.finish(number);
}

/** Puts the lines of an import into the tables. */
class Intake {
  readonly #db: Database;
  readonly #tables: ImportTables;
  #last: number | undefined;
  #lastUser = 0;
  #seq = 0;
  #user = 0;
  #users = 0;
  #messages = 0;
  #ended = false;

  constructor(db: Database, tables: ImportTables) {
    this.#db = db;
    this.#tables = tables;
  }

  take(line: TransferLine, number: number): void {
    if (this.#ended) throw badLine(number, "it comes after the end of the export");
    if ((line.type === "store") !== (number === 1)) {
      throw badLine(number, "the line of the type store must be the first");
    }
    if (line.type === "end" && line.lines !== number - 1) {
      throw badLine(number, `the export had ${line.lines} lines before it, and ${number - 1} came`);
    }
    try {
      this.#put(line, number);
    } catch (error) {
      // A number or a token that occurs twice.
      if (error instanceof Error && /constraint failed/.test(error.message)) {
        throw badLine(number, `it contradicts an earlier line (${error.message})`, error);
      }
      throw error;
    }
  }

  finish(number: number): ImportReport {
    if (!this.#ended) throw badLine(number + 1, "the line of the type end is missing");
    writeNumber(this.#db, "last", Math.max(this.#last ?? 0, this.#seq));
    this.#tables.rooms.flush();
    this.#tables.users.startAfter(this.#highestUser());
    return { users: this.#users, messages: this.#messages };
  }

  /** Returns the highest id of a user, also of one who was removed and is only named. */
  #highestUser(): number {
    const { highest } = this.#db.get<{ highest: number }>(
      `SELECT coalesce(max(id), 0) AS highest FROM (
        SELECT max(user) AS id FROM events UNION ALL SELECT max(high) FROM rooms
        UNION ALL SELECT max(user) FROM files UNION ALL SELECT max(user) FROM reactions)`,
    )!;
    return Math.max(highest, this.#lastUser);
  }

  #put(line: TransferLine, number: number): void {
    switch (line.type) {
      case "store":
        return this.#store(line);
      case "user":
        if (line.id <= this.#user) throw badLine(number, "id must be higher than that before");
        this.#user = line.id;
        return this.#addUser(line);
      case "room":
        return this.#room(line);
      case "file":
        return this.#file(line);
      case "end":
        this.#ended = true;
        return;
      default:
        if (line.seq <= this.#seq) throw badLine(number, "seq must be higher than that before");
        this.#seq = line.seq;
        return line.type === "message" ? this.#message(line) : this.#change(line, number);
    }
  }

  #store({ epoch, lastSeq, lastUser = 0, removed }: StoreLine): void {
    this.#last = lastSeq;
    this.#lastUser = lastUser;
    this.#db.run("UPDATE meta SET value = ? WHERE key = 'epoch'", epoch);
    writeNumber(this.#db, "removed", removed);
  }

  #addUser({ type: _type, ...user }: UserLine): void {
    this.#tables.users.save(user);
    this.#users++;
  }

  #room({ key, name, removed }: RoomLine): void {
    const room = this.#tables.rooms.open(key, name);
    this.#db.run("UPDATE rooms SET removed = ? WHERE id = ?", removed, room.id);
  }

  #file({ type: _type, named, ...file }: FileLine): void {
    this.#tables.files.save({ ...file, type: file.mediaType });
    if (named) this.#db.run("UPDATE files SET named = 1 WHERE id = ?", file.id);
  }

  #message(line: MessageLine): void {
    const { seq, user, name, at, text, files, reactions } = line;
    const room = this.#tables.rooms.open(line.room, "");
    const flags = (line.action ? MessageFlag.action : 0) |
      (line.deleted ? MessageFlag.deleted : 0) |
      (files.length > 0 ? MessageFlag.files : 0) |
      (reactions.length > 0 ? MessageFlag.reactions : 0);
    this.#db.run(
      `INSERT INTO events (seq, kind, room, user, name, at, line, text, flags, reply, edited_at)
        VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      seq,
      room.id,
      user,
      name,
      at,
      line.line ?? null,
      text,
      flags,
      line.reply ?? null,
      line.editedAt ?? null,
    );
    files.forEach((id, position) =>
      this.#db.run("INSERT INTO attachments VALUES (?, ?, ?)", seq, position, id)
    );
    for (const reaction of reactions) {
      const { emoji, user, name, seq: number } = reaction;
      this.#db.run("INSERT INTO reactions VALUES (?,?,?,?,?)", seq, emoji, user, name, number);
    }
    this.#tables.rooms.count(room, seq, at);
    this.#tables.names.register(name, seq);
    this.#tables.users.touch(user, seq);
    this.#messages++;
  }

  #change(line: ChangeLine, number: number): void {
    const room = this.#tables.rooms.find(line.room);
    if (room === undefined) throw badLine(number, "no line of the type room has its room");
    if ((line.change === "reaction") !== (line.emoji !== undefined && line.on !== undefined)) {
      throw badLine(number, "a reaction has emoji and on, and other changes have neither");
    }
    const flags = line.change === "reaction"
      ? line.on ? ChangeFlag.react : ChangeFlag.unreact
      : ChangeFlag[line.change];
    this.#db.run(
      `INSERT INTO events (seq, kind, room, user, name, at, line, text, flags, target)
        VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?)`,
      line.seq,
      room.id,
      line.user,
      line.name,
      line.at,
      line.line ?? null,
      line.emoji ?? "",
      flags,
      line.target,
    );
  }
}
