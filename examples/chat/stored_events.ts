/**
 * The translation of stored entries into events. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChangeEntry, StoredEvent, StoredMessage } from "./archive/archive.ts";
import type {
  ChangeEvent,
  ChatMessage,
  ChatPrivate,
  HistoryEvent,
  Posted,
  RoomEvent,
} from "./events.ts";

/** A room event that has a number. */
export type NumberedEvent = Exclude<RoomEvent, { readonly type: "notice" }>;

/** The other user of a private conversation. */
export interface Peer {
  /** The id of the other user. */
  readonly user: number;
  /** The name of the other user. */
  readonly name: string;
}

/** The fields of an object under construction. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Returns the event for the users in a room.
 *
 * @param stored The message or change.
 * @param room The name of the room, without `#`.
 * @returns The event, which all users share.
 */
export function roomEvent(stored: StoredEvent, room: string): NumberedEvent {
  if (stored.kind !== "message") return { ...changeEvent(stored), room };
  const { seq, at, name: from, user, text, action } = stored;
  const event: Draft<ChatMessage> = { type: "message", seq, at, room, from, user, text, action };
  addDetails(event, stored);
  return event;
}

/**
 * Returns the event for one user of a private conversation.
 *
 * @param stored The message or change.
 * @param reader The name of the user who receives the event.
 * @param peer The other user, or the same user for a note to oneself.
 * @returns The event for this user alone.
 */
export function privateEvent(stored: StoredEvent, reader: string, peer: Peer): HistoryEvent {
  if (stored.kind !== "message") return { ...changeEvent(stored), peer: `${peer.user}` };
  const { seq, at, name: from, user, text, action } = stored;
  const to = user === peer.user ? reader : peer.name;
  const event: Draft<ChatPrivate> = {
    type: "private",
    seq,
    at,
    from,
    user,
    to,
    peer: `${peer.user}`,
    text,
    action,
  };
  addDetails(event, stored);
  return event;
}

function changeEvent(entry: ChangeEntry): ChangeEvent {
  const { seq, at, target, name: from, user, line } = entry;
  const base = { seq, at, target, from, user, ...line !== undefined && { id: Number(line) } };
  switch (entry.kind) {
    case "edit":
      return { type: "edit", ...base, text: entry.text };
    case "delete":
      return { type: "delete", ...base };
    case "reaction":
      return { type: "reaction", ...base, emoji: entry.emoji, on: entry.on };
  }
}

/** Adds the fields that few messages have. */
function addDetails(event: Draft<Posted>, stored: StoredMessage): void {
  const { line, reply, files, editedAt, deleted, reactions, trace } = stored;
  if (trace !== undefined) event.trace = trace;
  if (line !== undefined) event.id = Number(line);
  if (reply !== undefined) {
    event.reply = { seq: reply.seq, from: reply.name, text: reply.text };
  }
  if (files !== undefined && files.length > 0) {
    event.files = files.map(({ id, name, type, size }) => ({ id, name, type, size }));
  }
  if (editedAt !== undefined) event.edited = editedAt;
  if (deleted) event.deleted = true;
  if (reactions === undefined || reactions.length === 0) return;
  const names = new Map<string, string[]>();
  for (const { emoji, name } of reactions) {
    const known = names.get(emoji);
    if (known === undefined) names.set(emoji, [name]);
    else known.push(name);
  }
  event.reactions = Object.fromEntries(names);
}
