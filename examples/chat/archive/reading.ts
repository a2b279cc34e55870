/**
 * Questions to the archive, and their answers.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { StoredEvent, StoredMessage } from "./entries.ts";
import type { RoomKey } from "./records.ts";

/** A part of the history of a room. Without `before`, `after` and `around`: the newest messages. */
export interface HistoryQuery {
  /** Only messages before this number, the nearest ones. */
  readonly before?: number;
  /** Only messages after this number, the nearest ones. */
  readonly after?: number;
  /** The messages around this number, half of them before it. */
  readonly around?: number;
  /** The maximum number of messages. */
  readonly limit: number;
  /**
   * The maximum size in bytes of texts, quotes, names of reactions and of files. The messages that are
   * farthest away are left out.
   */
  readonly maxBytes?: number;
}

/** A part of the history. */
export interface HistoryPage {
  /** The messages in their current state, oldest first. Deleted ones are there without their text. */
  readonly messages: readonly StoredMessage[];
  /** Whether the room has older messages than these. */
  readonly more: boolean;
  /** Whether the room has newer messages than these. */
  readonly newer: boolean;
}

/** The events that a reader has missed. */
export interface Backlog {
  /** The events in order of their numbers. */
  readonly events: readonly StoredEvent[];
  /** False if events are missing: they were removed, or there are more than the limit. */
  readonly complete: boolean;
}

/** A search in some rooms. */
export interface SearchQuery {
  /** Words and phrases that a message must contain, in any case. */
  readonly words: readonly string[];
  /** Names of authors, one of which a message must have. Empty: any author. */
  readonly from: readonly string[];
  /** The rooms and conversations to search: only those that the user may read. */
  readonly rooms: readonly RoomKey[];
  /** Only messages before this time in milliseconds since 1970. */
  readonly before?: number;
  /** Only messages at or after this time in milliseconds since 1970. */
  readonly after?: number;
}

/** The page of results to return. */
export interface SearchRange {
  /** The maximum number of hits. */
  readonly limit: number;
  /** Only messages before this number: `next` of the page before. */
  readonly before?: number;
}

/** A message that matches. */
export interface SearchHit {
  /** The message. */
  readonly message: StoredMessage;
  /** Start and end of each matching part of the text, in UTF-16 units, in ascending order. */
  readonly marks: readonly (readonly [number, number])[];
}

/** Some results of a search. A page can have fewer hits than wanted, and still others may follow. */
export interface SearchPage {
  /** The hits, newest first. */
  readonly hits: readonly SearchHit[];
  /** Present if older messages were not searched yet: `before` of the next page. */
  readonly next?: number;
}
