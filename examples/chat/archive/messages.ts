/**
 * Reads messages and changes from a store.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { byteLength } from "../safe_text.ts";
import type { Database } from "./database.ts";
import type { ChangeEntry, Quote, StoredEvent, StoredMessage, StoredReaction } from "./entries.ts";
import type { Backlog, HistoryPage, HistoryQuery } from "./reading.ts";
import type { FileRecord, RoomKey } from "./records.ts";
import type { RoomTable } from "./rooms.ts";

/** The properties of a message, as bits of `flags`. */
export const MessageFlag = {
  /** The user wrote `/me`. */
  action: 1,
  /** The message was deleted. */
  deleted: 2,
  /** The message can have reactions. */
  reactions: 4,
  /** The message has attachments. */
  files: 8,
} as const;

/** The kinds of changes, as values of `flags`. */
export const ChangeFlag = { edit: 1, delete: 2, react: 3, unreact: 4 } as const;

/** The row of an event. */
export interface EventRow {
  readonly seq: number;
  readonly kind: number;
  readonly room: RoomKey;
  readonly roomName: string;
  readonly user: number;
  readonly name: string;
  readonly at: number;
  readonly line: string | null;
  readonly text: string;
  readonly flags: number;
  readonly reply: number | null;
  readonly editedAt: number | null;
  readonly target: number | null;
}

/** The columns of {@linkcode EventRow}, of `events e JOIN rooms r`. */
export const EVENT_COLUMNS =
  `e.seq, e.kind, r.key AS room, r.name AS roomName, e.user, e.name, e.at,
  e.line, e.text, e.flags, e.reply, e.edited_at AS editedAt, e.target`;

const EVENTS = `SELECT ${EVENT_COLUMNS} FROM events e JOIN rooms r ON r.id = e.room`;

/** Maximum number of characters of a quoted message. */
const MAX_QUOTE = 200;

/** Reads messages in their current state. */
export class MessageReader {
  readonly #db: Database;
  readonly #rooms: RoomTable;

  /**
   * @param db The open store, which has the tables.
   * @param rooms The rooms of the store.
   */
  constructor(db: Database, rooms: RoomTable) {
    this.#db = db;
    this.#rooms = rooms;
  }

  /** Returns a message; undefined if the store does not have it. */
  message(seq: number): StoredMessage | undefined {
    const row = this.#db.get<EventRow>(`${EVENTS} WHERE e.seq = ? AND e.kind = 0`, seq);
    return row === undefined ? undefined : this.toMessage(row);
  }

  /** Returns the event that an author stored under the id of a line. */
  byLine(user: number, line: string): StoredEvent | undefined {
    const row = this.#db.get<EventRow>(`${EVENTS} WHERE e.user = ? AND e.line = ?`, user, line);
    return row === undefined ? undefined : this.toEvent(row);
  }

  /** Returns a part of the history of a room. */
  history(key: RoomKey, query: HistoryQuery): HistoryPage {
    const room = this.#rooms.find(key);
    if (room === undefined) return { messages: [], more: false, newer: false };
    const { before, after, around, limit, maxBytes = Infinity } = query;
    const part = (side: Side, at: number | undefined, most: number) =>
      this.#part(room.id, side, at, most, maxBytes);
    let older: Part = { messages: [], more: false };
    let newer: Part = { messages: [], more: false };
    if (around !== undefined) {
      older = this.#part(room.id, "before", around, limit >> 1, maxBytes / 2);
      newer = this.#part(room.id, "after", around - 1, limit - (limit >> 1), maxBytes / 2);
    } else if (after !== undefined) {
      newer = part("after", after, limit);
      older = part("before", newer.messages[0]?.seq ?? after + 1, 0);
    } else {
      older = part("before", before, limit);
      if (before !== undefined) newer = part("after", before - 1, 0);
    }
    return {
      messages: [...older.messages.reverse(), ...newer.messages],
      more: older.more,
      newer: newer.more,
    };
  }

  /** Returns what happened in rooms after a number. */
  since(keys: readonly RoomKey[], seq: number, limit: number): Backlog {
    let complete = true;
    const rows: EventRow[] = [];
    for (const key of new Set(keys)) {
      complete &&= seq >= this.#rooms.removed(key);
      const room = this.#rooms.find(key);
      if (room === undefined) continue;
      for (const kind of [0, 1]) {
        const found = this.#after(room.id, kind, seq, limit + 1);
        complete &&= found.length <= limit;
        for (const row of found) rows.push(row);
      }
    }
    rows.sort((a, b) => a.seq - b.seq);
    // The current state of a new message has its edits and reactions already.
    const news = rows.filter(({ target }) => target === null || target <= seq);
    if (news.length > limit) complete = false;
    const newest = limit === 0 ? [] : news.slice(-limit);
    return { events: newest.map((row) => this.toEvent(row)), complete };
  }

  /** Returns a message or a change from its row. */
  toEvent(row: EventRow): StoredEvent {
    return row.kind === 0 ? this.toMessage(row) : this.#toChange(row);
  }

  /** Returns a message from its row, with its quote, attachments and reactions. */
  toMessage(row: EventRow): StoredMessage {
    const { flags, editedAt } = row;
    const quote = row.reply === null ? undefined : this.#quote(row.reply);
    const files = flags & MessageFlag.files ? this.#files(row.seq) : [];
    const reactions = flags & MessageFlag.reactions ? this.#reactions(row.seq) : [];
    return {
      kind: "message",
      ...base(row),
      roomName: row.roomName,
      text: row.text,
      action: (flags & MessageFlag.action) !== 0,
      ...(quote !== undefined && { reply: quote }),
      ...(files.length > 0 && { files }),
      ...(editedAt !== null && { editedAt }),
      ...((flags & MessageFlag.deleted) !== 0 && { deleted: true }),
      ...(reactions.length > 0 && { reactions }),
    };
  }

  #toChange(row: EventRow): ChangeEntry {
    const target = row.target!;
    const common = { ...base(row), target };
    switch (row.flags) {
      case ChangeFlag.edit: {
        const found = this.#db.get<{ text: string }>(
          "SELECT text FROM events WHERE seq = ?",
          target,
        );
        return { kind: "edit", ...common, text: found?.text ?? "" };
      }
      case ChangeFlag.delete:
        return { kind: "delete", ...common };
      default:
        return { kind: "reaction", ...common, emoji: row.text, on: row.flags === ChangeFlag.react };
    }
  }

  #quote(seq: number): Quote | undefined {
    return this.#db.get(
      "SELECT seq, name, substr(text, 1, ?) AS text FROM events WHERE seq = ?",
      MAX_QUOTE,
      seq,
    );
  }

  #files(seq: number): FileRecord[] {
    return this.#db.all(
      `SELECT f.id, f.name, f.type, f.size, f.sha256, f.user, f.at
        FROM attachments a JOIN files f ON f.id = a.file WHERE a.message = ? ORDER BY a.position`,
      seq,
    );
  }

  #reactions(seq: number): StoredReaction[] {
    return this.#db.all(
      "SELECT emoji, user, name FROM reactions WHERE target = ? ORDER BY seq",
      seq,
    );
  }

  /** Returns the messages of one side of a number, the nearest first, and whether there are more. */
  #part(room: number, side: Side, at: number | undefined, limit: number, maxBytes: number): Part {
    const [compare, order] = side === "before" ? ["<", "DESC"] : [">", "ASC"];
    const edge = at ?? Number.MAX_SAFE_INTEGER;
    const found = this.#db.all<EventRow>(
      `${EVENTS}
        WHERE e.room = ? AND e.kind = 0 AND e.seq ${compare} ? ORDER BY e.seq ${order} LIMIT ?`,
      room,
      edge,
      limit + 1,
    );
    const messages: StoredMessage[] = [];
    let bytes = 0;
    for (const row of found.slice(0, limit)) {
      const message = this.toMessage(row);
      bytes += sizeOf(message);
      // One message is always returned, so that a reader makes progress.
      if (bytes > maxBytes && messages.length > 0) break;
      messages.push(message);
    }
    return { messages, more: messages.length < found.length };
  }

  /** Returns the newest events of a room after a number, without changes that a deletion has undone. */
  #after(room: number, kind: number, seq: number, limit: number): EventRow[] {
    return this.#db.all(
      `${EVENTS} LEFT JOIN events t ON t.seq = e.target
        WHERE e.room = ? AND e.kind = ? AND e.seq > ?
          AND (t.seq IS NULL OR e.flags = ${ChangeFlag.delete} OR NOT t.flags & ${MessageFlag.deleted})
        ORDER BY e.seq DESC LIMIT ?`,
      room,
      kind,
      seq,
      limit,
    );
  }
}

type Side = "before" | "after";

/** Some messages, the nearest first. */
interface Part {
  messages: StoredMessage[];
  more: boolean;
}

/** Returns the size of what users wrote: the text, the quote, the reactions, the names of the files. */
function sizeOf({ text, reply, reactions = [], files = [] }: StoredMessage): number {
  let size = byteLength(text);
  if (reply !== undefined) size += byteLength(reply.text);
  for (const { name } of reactions) size += byteLength(name);
  for (const { name } of files) size += byteLength(name);
  return size;
}

function base(row: EventRow) {
  const { seq, at, room, user, name, line } = row;
  return { seq, at, room, user, name, ...(line !== null && { line }) };
}
