/**
 * The interface of the archive: what the chat keeps, and how it is asked for. Private to the chat.
 *
 * The archive numbers nothing. The chat numbers all messages and changes in one sequence, and the archive
 * stores them in that order. All methods may be called at any time, also while others wait; the archive
 * does one after the other.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Backlog, HistoryPage, SearchPage, SearchQuery, SearchRange } from "./reading.ts";
import type { HistoryQuery } from "./reading.ts";
import type { Appended, Entry, StoredEvent, StoredMessage } from "./entries.ts";
import type { FileRecord, RoomKey, RoomRecord, UserRecord } from "./records.ts";
import type { ImportReport, KeepLimits, KeepReport } from "./upkeep.ts";

export type * from "./entries.ts";
export type * from "./reading.ts";
export type * from "./records.ts";
export type * from "./upkeep.ts";

/** The store of messages, users and files. */
export interface Archive extends AsyncDisposable {
  /** The id of the store. Numbers of another epoch are meaningless. */
  readonly epoch: string;
  /** The highest number that was ever stored, as of the opening; 0 for an empty store. */
  readonly lastSeq: number;
  /** The size of the texts that were stored since the opening, in UTF-16 units. */
  readonly written: number;

  /**
   * Stores entries in one transaction. After this call they survive a crash, or none of them does.
   *
   * @param batch The entries in ascending order of their numbers.
   * @returns One result for each entry, in the same order.
   * @throws {ArchiveError} If the transaction failed. Then nothing was stored.
   */
  append(batch: readonly Entry[]): Promise<readonly Appended[]>;
  /**
   * Returns the event that a user has stored under the id of a line; undefined if there is none. It can be
   * asked although the store cannot be written.
   */
  line(user: number, line: string): Promise<StoredEvent | undefined>;
  /** Returns messages of a room in their current state, oldest first. */
  history(room: RoomKey, query: HistoryQuery): Promise<HistoryPage>;
  /**
   * Returns everything in some rooms after a number: new messages in their current state, and the changes
   * of older messages.
   *
   * @param rooms The keys of the rooms.
   * @param seq The last number that the reader knows.
   * @param limit The maximum number of events. A longer backlog is incomplete and has the newest events.
   */
  since(rooms: readonly RoomKey[], seq: number, limit: number): Promise<Backlog>;
  /** Returns one message in its current state; undefined if the store does not have it. */
  message(seq: number): Promise<StoredMessage | undefined>;
  /** Returns the matches in the rooms of the query, newest first. */
  search(query: SearchQuery, range: SearchRange): Promise<SearchPage>;

  /**
   * Stores users. A record without an id is a new user; other records replace those of the same id.
   *
   * @param users The records. Two records must not have the same token.
   * @returns The ids of the users, in the same order.
   * @throws {ArchiveError} If the transaction failed. Then nothing was stored.
   */
  saveUsers(users: readonly UserRecord[]): Promise<readonly number[]>;
  /** Returns the user with an id; undefined if there is none. */
  user(id: number): Promise<UserRecord | undefined>;
  /** Returns the user who holds a token, by the SHA-256 of the token in hexadecimal. */
  userByToken(tokenHash: string): Promise<UserRecord | undefined>;
  /** Returns the users whose sessions had not ended when the store was last written. */
  aliveUsers(): Promise<readonly UserRecord[]>;
  /** Returns the users who have a name now, or wrote messages under it, the latest first. */
  usersNamed(name: string): Promise<readonly UserRecord[]>;
  /**
   * Deletes a user: messages, reactions, the record, and the names of files. What was deleted is no longer
   * in the file of the store.
   *
   * @param user The id of the user.
   * @returns The number of deleted messages.
   */
  forget(user: number): Promise<number>;

  /** Returns the rooms that have messages, without private conversations, the latest first. */
  rooms(): Promise<readonly RoomRecord[]>;
  /** Returns the private conversations of a user that have messages, the latest first. */
  conversations(user: number): Promise<readonly RoomRecord[]>;

  /** Stores the description of a file, before a message names it. */
  saveFile(file: FileRecord): Promise<void>;
  /** Returns the description of a file; undefined if it is unknown or its message was deleted. */
  file(id: string): Promise<FileRecord | undefined>;
  /**
   * Returns the files that no message names: those whose messages are gone, and those that were stored
   * before a time and never used.
   *
   * @param before The time in milliseconds since 1970.
   * @param limit The maximum number of files.
   */
  unusedFiles(before: number, limit: number): Promise<readonly FileRecord[]>;
  /**
   * Deletes the descriptions of files, before their content is deleted. A file that a message names
   * meanwhile stays.
   *
   * @returns The ids of the deleted descriptions.
   */
  removeFiles(ids: readonly string[]): Promise<readonly string[]>;
  /** Returns the number of files and their size in bytes, for all users or for one. */
  filesTotal(user?: number): Promise<{ readonly count: number; readonly size: number }>;

  /**
   * Removes what the limits do not keep, and brings the index of the search up to date. Works in short
   * portions, so that other calls do not wait for long.
   *
   * @param limits The limits of age, number and size.
   * @param now The time in milliseconds since 1970.
   */
  keep(limits: KeepLimits, now: number): Promise<KeepReport>;
  /** Writes a copy of the store to a new file. Fails if the file exists. */
  backup(path: string): Promise<void>;
  /** Returns the whole store as JSON Lines. */
  export(): AsyncIterable<string>;
}

/** An archive that can be filled from an export. */
export interface ImportingArchive extends Archive {
  /**
   * Reads an export into an empty store, in one transaction.
   *
   * @param lines The lines of the export, without line ends.
   * @throws {ArchiveError} If the store is not empty (`not-empty`), or a line is invalid (`bad-line`).
   */
  import(lines: AsyncIterable<string>): Promise<ImportReport>;
}
