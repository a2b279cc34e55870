/**
 * The events of the chat as data. A face (terminal, WebSocket, test) formats an event in the language
 * of its user. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ByeCode, ErrorCode, NoticeCode, ReplyCode } from "./codes.ts";

export type * from "./codes.ts";

/** The parameters of a sentence, such as names and counts. */
export type Params = Readonly<Record<string, string>>;

/** The message that an answer quotes. */
export interface Quote {
  /** The number of the quoted message. */
  readonly seq: number;
  /** The name of its author. */
  readonly from: string;
  /** The beginning of its text; empty if the message is deleted. */
  readonly text: string;
}

/** A file of a message. Its bytes are at `/files/ID`. */
export interface Attachment {
  /** The id, which nobody can guess. */
  readonly id: string;
  /** The name that the author gave to the file. */
  readonly name: string;
  /** The media type, which the server found in the bytes. */
  readonly type: string;
  /** The size in bytes. */
  readonly size: number;
}

/** The names of the users by the emoji with which they reacted. */
export type Reactions = Readonly<Record<string, readonly string[]>>;

/** The fields that messages to rooms and private messages share. */
export interface Posted {
  /** The number of the event. Numbers grow over all rooms and private conversations of an epoch. */
  readonly seq: number;
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The name of the author at the time of the message. */
  readonly from: string;
  /** The id of the author. */
  readonly user: number;
  /** The text without control characters, except line feeds. Empty if the message is deleted. */
  readonly text: string;
  /** Whether the user wrote `/me`. */
  readonly action: boolean;
  /** The id that the face of the author gave to the line. */
  readonly id?: number;
  /** The message that this one answers. */
  readonly reply?: Quote;
  /** The files of the message. */
  readonly files?: readonly Attachment[];
  /** The time of the last edit. */
  readonly edited?: number;
  /** Whether the author deleted the message. */
  readonly deleted?: true;
  /** The reactions to the message. */
  readonly reactions?: Reactions;
  /** The context of OpenTelemetry. A page says when it has shown an event with one. */
  readonly trace?: string;
}

/** A message to a room. */
export interface ChatMessage extends Posted {
  /** The discriminator of the union. */
  readonly type: "message";
  /** The room, without `#`. */
  readonly room: string;
}

/** A private message. The author and the recipient receive it. */
export interface ChatPrivate extends Posted {
  /** The discriminator of the union. */
  readonly type: "private";
  /** The id of the other user, who differs for the author and the recipient. */
  readonly peer: string;
  /** The name of the recipient. */
  readonly to: string;
}

/** The fields of a change of a message. Either `room` or `peer` is set. */
export interface Change {
  /** The number of the event. */
  readonly seq: number;
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The room, without `#`. */
  readonly room?: string;
  /** The id of the other user of a private conversation. */
  readonly peer?: string;
  /** The number of the message that changes. */
  readonly target: number;
  /** The name of the user who changes it. */
  readonly from: string;
  /** The id of this user. */
  readonly user: number;
  /** The id of the request. */
  readonly id?: number;
}

/** A message has a new text. */
export interface ChatEdit extends Change {
  /** The discriminator of the union. */
  readonly type: "edit";
  /** The new text. */
  readonly text: string;
}

/** A message is deleted. */
export interface ChatDelete extends Change {
  /** The discriminator of the union. */
  readonly type: "delete";
}

/** A user adds or removes a reaction. */
export interface ChatReaction extends Change {
  /** The discriminator of the union. */
  readonly type: "reaction";
  /** One emoji. */
  readonly emoji: string;
  /** True if the reaction is added, false if it is removed. */
  readonly on: boolean;
}

/**
 * A notice about who is there: `joined` and `left` have the parameter `name`, `renamed` has `from` and
 * `to`. Notices have no number, and no history contains them.
 */
export interface ChatNotice {
  /** The discriminator of the union. */
  readonly type: "notice";
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The room, without `#`. */
  readonly room: string;
  /** The kind of the notice. */
  readonly code: NoticeCode;
  /** The names in the notice. */
  readonly params: Params;
  /** The id of the user; undefined for `stopping`. */
  readonly user?: number;
}

/** A change of a message in a room or a private conversation. */
export type ChangeEvent = ChatEdit | ChatDelete | ChatReaction;

/** A numbered event of a room or a private conversation. The archive stores it. */
export type HistoryEvent = ChatMessage | ChatPrivate | ChangeEvent;

/** An event that all users in a room receive as the same object. */
export type RoomEvent = ChatMessage | (ChangeEvent & { readonly room: string }) | ChatNotice;

/** A private conversation of a user. */
export interface PeerSummary {
  /** The id of the other user. */
  readonly peer: string;
  /** The name of the other user. */
  readonly name: string;
  /** The number of the latest event of the conversation. */
  readonly seq: number;
}

/** Limits that a face can show to its user. Sizes are in bytes. */
export interface ChatLimits {
  /** The maximum size of a message; 0 without a limit. */
  readonly maxLine: number;
  /** The maximum number of lines in a message. */
  readonly maxLines: number;
  /** The maximum size of an attached file; 0 without files. */
  readonly maxFile: number;
}

/** The first event in a room: on joining the chat, on resuming, and after `/join`. */
export interface ChatWelcome {
  /** The discriminator of the union. */
  readonly type: "welcome";
  /** The name of the user. */
  readonly name: string;
  /** The id of the user. */
  readonly user: number;
  /** The room, without `#`. */
  readonly room: string;
  /** Whether this is a further room of a joining user, and not the current one. */
  readonly also?: true;
  /** The id of the archive. Sequence numbers of another epoch are meaningless. */
  readonly epoch: string;
  /** A secret with which a later connection resumes the session. */
  readonly token: string;
  /** All users in the room, with this user, in order of arrival. */
  readonly members: readonly string[];
  /** The ids of the members, in the same order. */
  readonly users: readonly number[];
  /** The recent history of the room, or only the events after `since`. */
  readonly events: readonly HistoryEvent[];
  /** Whether `events` has all events after `since`. False without `since`. */
  readonly complete: boolean;
  /** Whether the room has older messages than `events`. */
  readonly more: boolean;
  /** The number of the latest event of all rooms. */
  readonly seq: number;
  /** Whether this connection replaced another one of the same session. */
  readonly resumed: boolean;
  /** All rooms of the user, without `#`. */
  readonly rooms: readonly string[];
  /** The private conversations of the user; none for a further room. */
  readonly peers: readonly PeerSummary[];
  /** Present if private events after `since` are missing. The conversations have to be read again. */
  readonly gap?: true;
  /** The limits of the chat. */
  readonly limits: ChatLimits;
  /** Present if the chat writes spans. Then a page says for how long its lines have waited. */
  readonly traces?: true;
}

/** Older or newer messages, as the answer to {@linkcode HistoryQuery}. */
export interface ChatHistory {
  /** The discriminator of the union. */
  readonly type: "history";
  /** The id of the request. */
  readonly id?: number;
  /** The room, without `#`. */
  readonly room?: string;
  /** The id of the other user of a private conversation. */
  readonly peer?: string;
  /** The messages in their current state, oldest first. */
  readonly events: readonly HistoryEvent[];
  /** Whether there are older messages. */
  readonly more: boolean;
  /** Whether there are newer messages than the last one. */
  readonly newer: boolean;
}

/** The question for a part of a history. Either `room` or `peer` is set, or the current room counts. */
export interface HistoryQuery {
  /** An id that comes back with the answer. */
  readonly id?: number;
  /** The room, with or without `#`. */
  readonly room?: string;
  /** The id of the other user of a private conversation. */
  readonly peer?: string;
  /** Only messages before this number. */
  readonly before?: number;
  /** Messages on both sides of this number. */
  readonly around?: number;
  /** The maximum number of messages. @default 100 */
  readonly limit?: number;
}

/** A message that a search has found. */
export interface Hit {
  /** The number of the message. */
  readonly seq: number;
  /** The room, without `#`. */
  readonly room?: string;
  /** The id of the other user of a private conversation. */
  readonly peer?: string;
  /** The name of the other user of a private conversation. */
  readonly with?: string;
  /** The name of the author. */
  readonly from: string;
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The text of the message. */
  readonly text: string;
  /** The found parts of the text: start and end of each, in UTF-16 units. */
  readonly marks: readonly (readonly [number, number])[];
}

/** The results of a search, newest first. */
export interface ChatResults {
  /** The discriminator of the union. */
  readonly type: "results";
  /** The id of the request. */
  readonly id?: number;
  /** The messages. */
  readonly hits: readonly Hit[];
  /** Whether older messages were not searched yet. */
  readonly more: boolean;
  /** The value of `before` for the next page; undefined if all messages were searched. */
  readonly next?: number;
}

/** A search in the rooms and private conversations of a user. */
export interface SearchRequest {
  /** An id that comes back with the answer. */
  readonly id?: number;
  /** Words, `"phrases"`, `from:NAME`, `in:#ROOM`, `before:DATE`, `after:DATE`. */
  readonly query: string;
  /** The only room to search. */
  readonly room?: string;
  /** Only messages before this number. */
  readonly before?: number;
}

/** An answer to one user alone. */
export interface ChatReply {
  /** The discriminator of the union. */
  readonly type: "reply";
  /** The kind of the answer. */
  readonly code: ReplyCode;
  /** The parameters of the sentence. */
  readonly params: Params;
  /** The id of the line that is answered. */
  readonly id?: number;
}

/** A line or a request that was not carried out. The user still has its text. */
export interface ChatError {
  /** The discriminator of the union. */
  readonly type: "error";
  /** The kind of the problem. */
  readonly code: ErrorCode;
  /** The parameters of the sentence. */
  readonly params: Params;
  /** The id of the line or the request. */
  readonly id?: number;
  /** The room of the line, as the face named it. */
  readonly room?: string;
  /** The peer of the line, as the face named it. */
  readonly peer?: string;
}

/** The last event. The face sends its queue and closes. */
export interface ChatBye {
  /** The discriminator of the union. */
  readonly type: "bye";
  /** The reason. */
  readonly code: ByeCode;
}

/** Every event that a face can receive. */
export type ChatEvent =
  | HistoryEvent
  | ChatNotice
  | ChatWelcome
  | ChatHistory
  | ChatResults
  | ChatReply
  | ChatError
  | ChatBye;
