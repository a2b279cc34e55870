/**
 * The tables of the archive, and the steps from each older version to the present one.
 *
 * A text of a user is in one place only: the row of its message. Changes refer to that row, so a deleted
 * text is gone from the whole store.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { type Database, storeError } from "./database.ts";

/** The mark in the header of the file by which a store of the chat is known: `Port` in ASCII. */
const APPLICATION_ID = 0x506f7274;

/** The first version. */
const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  low INTEGER,       -- The users of a private conversation.
  high INTEGER,
  count INTEGER NOT NULL DEFAULT 0,
  last_seq INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER NOT NULL DEFAULT 0,
  removed INTEGER NOT NULL DEFAULT 0  -- Events up to this number can be missing.
) STRICT;
CREATE INDEX rooms_low ON rooms (low);
CREATE INDEX rooms_high ON rooms (high);

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  token TEXT UNIQUE,
  name TEXT NOT NULL,
  rooms TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  session TEXT NOT NULL,
  last_seq INTEGER NOT NULL DEFAULT 0  -- Like that of a name.
) STRICT;
CREATE INDEX users_session ON users (session, seen_at);

CREATE TABLE names (
  name TEXT PRIMARY KEY,
  last_seq INTEGER NOT NULL  -- The number of an event with the name, up to 100,000 before the last one.
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,   -- 0: message, 1: change
  room INTEGER NOT NULL REFERENCES rooms (id),
  user INTEGER NOT NULL,
  name TEXT NOT NULL,
  at INTEGER NOT NULL,
  line TEXT,
  text TEXT NOT NULL,      -- The current text of a message, the emoji of a reaction.
  flags INTEGER NOT NULL,  -- Message: see messages.ts. Change: 1 edit, 2 delete, 3 react, 4 unreact
  reply INTEGER,
  edited_at INTEGER,
  target INTEGER REFERENCES events (seq) ON DELETE CASCADE
) STRICT;
CREATE INDEX events_room ON events (room, kind, seq);
CREATE UNIQUE INDEX events_line ON events (user, line) WHERE line IS NOT NULL;
CREATE INDEX events_target ON events (target) WHERE target IS NOT NULL;

CREATE TABLE reactions (
  target INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
  emoji TEXT NOT NULL,
  user INTEGER NOT NULL,
  name TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (target, emoji, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  user INTEGER NOT NULL,
  at INTEGER NOT NULL,
  named INTEGER NOT NULL DEFAULT 0  -- Whether a message has ever named the file.
) STRICT, WITHOUT ROWID;

CREATE INDEX files_user ON files (user, size);

CREATE TABLE attachments (
  message INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  file TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_file ON attachments (file);

CREATE VIRTUAL TABLE search USING fts5 (
  text, content='', contentless_delete=1, tokenize='trigram'
);
-- SQLite would merge parts of the index within a commit. The upkeep does it in short portions.
INSERT INTO search (search, rank) VALUES ('automerge', 0);
INSERT INTO search (search, rank) VALUES ('crisismerge', 1999);
`;

/** The steps to each version: the first step makes version 1 of an empty file. */
export const MIGRATIONS: readonly string[] = [TABLES];

/**
 * Brings a file to the present version. Each step is one transaction.
 *
 * @param db The open database, with or without tables.
 * @param steps The steps to each version, for tests.
 * @returns Whether the store is new.
 * @throws {ArchiveError} If the file belongs to another program, or to a newer version.
 */
export function migrate(db: Database, steps: readonly string[] = MIGRATIONS): boolean {
  const version = checkVersion(db, steps.length);
  for (let next = version; next < steps.length; next++) {
    db.transaction(() => {
      db.exec(steps[next]!);
      if (next === 0) {
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
        db.run("INSERT INTO meta VALUES ('epoch', ?)", crypto.randomUUID());
      }
      db.exec(`PRAGMA user_version = ${next + 1}`);
    });
  }
  return version === 0;
}

/** Returns the version of a file; 0 if it is empty. */
export function checkVersion(db: Database, known: number = MIGRATIONS.length): number {
  const version = Number(db.pragma("user_version"));
  const isEmpty = db.get("SELECT 1 FROM sqlite_schema LIMIT 1") === undefined;
  if (isEmpty && version === 0) return 0;
  if (db.pragma("application_id") !== APPLICATION_ID) {
    throw storeError("damaged", db.path, "it is a database of another program");
  }
  if (version > known) {
    throw storeError(
      "newer",
      db.path,
      `it has version ${version}, and this chat knows versions up to ${known}; use a newer chat`,
    );
  }
  return version;
}
