/**
 * Writes a store as JSON Lines.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { AttachmentTable } from "./attachments.ts";
import type { Database } from "./database.ts";
import {
  ChangeFlag,
  EVENT_COLUMNS,
  type EventRow,
  MessageFlag,
  type MessageReader,
} from "./messages.ts";
import { readNumber } from "./rooms.ts";
import {
  type ChangeLine,
  FORMAT,
  type MessageLine,
  type RoomLine,
  type TransferLine,
} from "./transfer_format.ts";
import type { UserTable } from "./users.ts";

/** Number of rows that an export reads at once. */
const PORTION = 500;

/** The tables that an export reads. */
export interface ExportTables {
  /** The users. */
  readonly users: UserTable;
  /** The files. */
  readonly files: AttachmentTable;
  /** The reader of messages. */
  readonly reader: MessageReader;
}

/** Returns a store as JSON Lines, without line ends. */
export async function* exportStore(
  db: Database,
  { users, files, reader }: ExportTables,
  store: { epoch: string; lastSeq: number },
  pause: () => Promise<void>,
): AsyncGenerator<string> {
  let lines = 0;
  const line = (record: TransferLine) => {
    lines++;
    return JSON.stringify(record);
  };
  const all = <Row, Key>(
    first: Key,
    read: (after: Key) => readonly Row[],
    keyOf: (row: Row) => Key,
  ) => portions(first, read, keyOf, pause);
  const { epoch, lastSeq } = store;
  const removed = readNumber(db, "removed");
  yield line({ type: "store", format: FORMAT, epoch, lastSeq, lastUser: users.last(), removed });
  for await (const user of all(0, (id) => users.after(id, PORTION), ({ id }) => id!)) {
    yield line({ type: "user", ...user, id: user.id! });
  }
  const rooms = db.all<Omit<RoomLine, "type">>("SELECT key, name, removed FROM rooms ORDER BY id");
  for (const room of rooms) yield line({ type: "room", ...room });
  for await (const file of all("", (id) => files.after(id, PORTION), ({ id }) => id)) {
    const { named } = db.get<{ named: number }>("SELECT named FROM files WHERE id = ?", file.id)!;
    yield line({ ...file, type: "file", mediaType: file.type, named: named === 1 });
  }
  const rows = (seq: number) =>
    db.all<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM events e JOIN rooms r ON r.id = e.room
        WHERE e.seq > ? ORDER BY e.seq LIMIT ?`,
      seq,
      PORTION,
    );
  for await (const row of all(0, rows, ({ seq }) => seq)) {
    yield line(row.kind === 0 ? messageLine(db, reader, row) : changeLine(row));
  }
  yield JSON.stringify({ type: "end", lines });
}

function messageLine(db: Database, reader: MessageReader, row: EventRow): MessageLine {
  const { seq, at, room, user, name, line, text, flags, reply, editedAt } = row;
  const { files = [] } = reader.toMessage(row);
  return {
    type: "message",
    seq,
    at,
    room,
    user,
    name,
    ...(line !== null && { line }),
    text,
    action: (flags & MessageFlag.action) !== 0,
    deleted: (flags & MessageFlag.deleted) !== 0,
    ...(reply !== null && { reply }),
    ...(editedAt !== null && { editedAt }),
    files: files.map(({ id }) => id),
    reactions: (flags & MessageFlag.reactions) === 0 ? [] : db.all(
      "SELECT emoji, user, name, seq FROM reactions WHERE target = ? ORDER BY seq",
      seq,
    ),
  };
}

function changeLine(
  { seq, at, room, user, name, line, text, flags, target }: EventRow,
): ChangeLine {
  const isReaction = flags >= ChangeFlag.react;
  return {
    type: "change",
    change: isReaction ? "reaction" : flags === ChangeFlag.edit ? "edit" : "delete",
    seq,
    at,
    room,
    user,
    name,
    ...(line !== null && { line }),
    target: target!,
    ...(isReaction && { emoji: text, on: flags === ChangeFlag.react }),
  };
}

/** Returns the rows of a table in portions, and lets other work run between them. */
async function* portions<Row, Key>(
  first: Key,
  read: (after: Key) => readonly Row[],
  keyOf: (row: Row) => Key,
  pause: () => Promise<void>,
): AsyncGenerator<Row> {
  for (let rows = read(first); rows.length > 0; rows = read(keyOf(rows.at(-1)!))) {
    yield* rows;
    await pause();
  }
}
