/**
 * Entries and records for tests of archives.
 *
 * @module
 */

import type {
  Entry,
  FileRecord,
  MessageEntry,
  UserRecord,
} from "../../../../examples/chat/archive/archive.ts";

/** The time of event 0. */
export const START = Date.UTC(2026, 10, 30);

/** Returns a message of user 1, Ann, in #lobby. */
export function message(seq: number, more: Partial<MessageEntry> = {}): MessageEntry {
  return {
    kind: "message",
    seq,
    at: START + seq * 1000,
    room: "#lobby",
    roomName: "Lobby",
    user: 1,
    name: "Ann",
    text: `text ${seq}`,
    action: false,
    ...more,
  };
}

/** Returns messages with numbers from `first` to `last`. */
export function messages(first: number, last: number, more: Partial<MessageEntry> = {}): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => message(first + i, more));
}

/** Returns the common fields of a change by user 1, Ann, in #lobby. */
export function change(seq: number, target: number) {
  return { seq, at: START + seq * 1000, room: "#lobby", user: 1, name: "Ann", target };
}

/** Returns a new user. */
export function user(more: Partial<UserRecord> = {}): UserRecord {
  return {
    name: "Ann",
    rooms: [{ key: "#lobby", name: "Lobby" }],
    seenAt: START,
    session: "online",
    ...more,
  };
}

/** Returns the description of a file of user 1. */
export function file(id: string, more: Partial<FileRecord> = {}): FileRecord {
  return {
    id,
    name: "cat.png",
    type: "image/png",
    size: 100,
    sha256: "aa",
    user: 1,
    at: START,
    ...more,
  };
}
