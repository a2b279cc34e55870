/**
 * The events of the chat as data. A face (terminal, WebSocket, test) formats an event in the language
 * of its user. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The parameters of a sentence, such as names and counts. */
export type Params = Readonly<Record<string, string>>;

/** A message to a room. */
export interface ChatMessage {
  /** The discriminator of the union. */
  readonly type: "message";
  /** The number of the event. It grows by one with every event of any room within an epoch. */
  readonly seq: number;
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The room, without `#`. */
  readonly room: string;
  /** The name of the author at the time of the message. */
  readonly from: string;
  /** One line without control characters. */
  readonly text: string;
  /** Whether the user wrote `/me`. */
  readonly action: boolean;
  /** The id that the face of the author gave to the line. */
  readonly id?: number;
}

/** The kind of a notice. */
export type NoticeCode = "joined" | "left" | "renamed" | "stopping";

/** A notice: `joined` and `left` have the parameter `name`, `renamed` has `from` and `to`. */
export interface ChatNotice {
  /** The discriminator of the union. */
  readonly type: "notice";
  /** The number of the event; messages and notices share one sequence. */
  readonly seq: number;
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The room, without `#`. */
  readonly room: string;
  /** The kind of the notice. */
  readonly code: NoticeCode;
  /** The names in the notice. */
  readonly params: Params;
}

/** An event in the history of a room. */
export type HistoryEvent = ChatMessage | ChatNotice;

/** The first event in a room: on joining the chat, on resuming, and after `/join`. */
export interface ChatWelcome {
  /** The discriminator of the union. */
  readonly type: "welcome";
  /** The name of the user. */
  readonly name: string;
  /** The room, without `#`. */
  readonly room: string;
  /** The id of this run of the server. Sequence numbers of another epoch are meaningless. */
  readonly epoch: string;
  /** A secret with which the next connection of the user can replace this one. */
  readonly token: string;
  /** All users in the room, with this user, in order of arrival. */
  readonly members: readonly string[];
  /** The history of the room, or only the events after `since`. */
  readonly events: readonly HistoryEvent[];
  /** Whether `events` has all events after `since`. False without `since`. */
  readonly complete: boolean;
  /** The number of the latest event. */
  readonly seq: number;
  /** Whether this connection replaced an open connection of the same user. */
  readonly resumed: boolean;
}

/** The reason for which a user cannot join. */
export type RefusalCode =
  | "name-empty"
  | "name-long"
  | "name-space"
  | "name-character"
  | "name-start"
  | "name-reserved"
  | "name-taken"
  | "room-invalid"
  | "rooms-full"
  | "full"
  | "stopping";

/** The kind of an answer to a command or a line. */
export type ReplyCode =
  | RefusalCode
  | "help"
  | "who"
  | "rooms"
  | "same-name"
  | "same-room"
  | "unknown-command"
  | "usage-me"
  | "usage-msg"
  | "usage-nick"
  | "usage-join"
  | "no-such-user"
  | "too-long"
  | "blank";

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

/** A private message. The author and the recipient receive it. */
export interface ChatPrivate {
  /** The discriminator of the union. */
  readonly type: "private";
  /** The time in milliseconds since 1970. */
  readonly at: number;
  /** The name of the author. */
  readonly from: string;
  /** The name of the recipient. */
  readonly to: string;
  /** One line without control characters. */
  readonly text: string;
  /** The id that the face of the author gave to the line. */
  readonly id?: number;
}

/** The reason for which the chat ends a connection. */
export type ByeCode = "quit" | "displaced" | "shutdown";

/** The last event. The face sends its queue and closes. */
export interface ChatBye {
  /** The discriminator of the union. */
  readonly type: "bye";
  /** The reason. */
  readonly code: ByeCode;
}

/** Every event that a face can receive. */
export type ChatEvent = HistoryEvent | ChatWelcome | ChatReply | ChatPrivate | ChatBye;
