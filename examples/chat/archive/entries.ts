/**
 * Messages and their changes: as the chat stores them, and as the archive returns them.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { FileRecord, RoomKey } from "./records.ts";

/** The fields of every entry. */
export interface EntryBase {
  /** The number of the entry, higher than all earlier numbers. */
  readonly seq: number;
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The room or the private conversation. */
  readonly room: RoomKey;
  /** The id of the author. */
  readonly user: number;
  /** The name of the author at that time. */
  readonly name: string;
  /**
   * The id of the line, unique for its author. An entry with an id that the author has used already is not
   * stored again.
   */
  readonly line?: string;
  /** The claim under which the author has written it, for an archive that several nodes share. It is not stored. */
  readonly tenure?: string;
  /** The context of OpenTelemetry that a new entry belongs to, as a `traceparent`. It is not stored. */
  readonly trace?: string;
}

/** A new message. */
export interface MessageEntry extends EntryBase {
  /** The discriminator of the union. */
  readonly kind: "message";
  /** The name of the room to display, without `#`. Kept if the room is new. */
  readonly roomName?: string;
  /** The text, which can have several lines. */
  readonly text: string;
  /** Whether the user wrote `/me`. */
  readonly action: boolean;
  /** The number of the message that is answered. */
  readonly reply?: number;
  /** The ids of attachments. Unknown files and files of other users are left out. */
  readonly files?: readonly string[];
}

/** A new text for a message of the same author. */
export interface EditEntry extends EntryBase {
  /** The discriminator of the union. */
  readonly kind: "edit";
  /** The number of the message. */
  readonly target: number;
  /** The new text. */
  readonly text: string;
}

/** The deletion of a message of the same author. */
export interface DeleteEntry extends EntryBase {
  /** The discriminator of the union. */
  readonly kind: "delete";
  /** The number of the message. */
  readonly target: number;
}

/** A reaction to a message. */
export interface ReactionEntry extends EntryBase {
  /** The discriminator of the union. */
  readonly kind: "reaction";
  /** The number of the message. */
  readonly target: number;
  /** The emoji. */
  readonly emoji: string;
  /** Whether the reaction is added. */
  readonly on: boolean;
}

/** A change of a message. */
export type ChangeEntry = EditEntry | DeleteEntry | ReactionEntry;

/** Everything that {@linkcode Archive.append} stores. */
export type Entry = MessageEntry | ChangeEntry;

/** The beginning of a message that is answered. */
export interface Quote {
  /** The number of the message. */
  readonly seq: number;
  /** The name of its author. */
  readonly name: string;
  /** The first characters of its current text; empty if it was deleted. */
  readonly text: string;
}

/** The reaction of one user. */
export interface StoredReaction {
  /** The emoji. */
  readonly emoji: string;
  /** The id of the user. */
  readonly user: number;
  /** The name of the user at that time. */
  readonly name: string;
}

/** A message in its current state. */
export interface StoredMessage extends EntryBase {
  /** The discriminator of the union. */
  readonly kind: "message";
  /** The name of the room to display, without `#`; empty for a private conversation. */
  readonly roomName: string;
  /** The current text; empty if the message was deleted. */
  readonly text: string;
  /** Whether the user wrote `/me`. */
  readonly action: boolean;
  /** The message that is answered, if the room still has it. */
  readonly reply?: Quote;
  /** The attachments. */
  readonly files?: readonly FileRecord[];
  /** The time of the last edit. */
  readonly editedAt?: number;
  /** Present if the message was deleted. */
  readonly deleted?: true;
  /** The reactions in order of their arrival. */
  readonly reactions?: readonly StoredReaction[];
}

/** A message in its current state, or a change. An edit has the current text, not that of its time. */
export type StoredEvent = StoredMessage | ChangeEntry;

/** The reason for which an entry is not stored. */
export type RefusedChange =
  /** The room does not have the message, or it was deleted. */
  | "gone"
  /** The message has another author. */
  | "not-own"
  /** The message has no text, and none of its files exists. */
  | "no-such-file"
  /** The message has the maximum number of reactions. */
  | "too-many"
  /** The user has another connection on another node, which acts for the user now. */
  | "moved";

/** The result for one entry. Only a stored entry is new to others. */
export type Appended =
  /** The entry was stored. `event` is what readers see: a message has its quote and its attachments. */
  | { readonly outcome: "stored"; readonly event: StoredEvent }
  /** The author has stored this line already, as this event. */
  | { readonly outcome: "repeated"; readonly event: StoredEvent }
  /** The reaction was there already, or was not there to be removed. */
  | { readonly outcome: "unchanged" }
  /** The change is not possible. */
  | { readonly outcome: "refused"; readonly reason: RefusedChange };
