/**
 * What happens in the chat, as data: a face (terminal, WebSocket, test) turns an event into bytes
 * in the language of its user. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Values for the blanks of a sentence, names and counts. */
export type Params = Readonly<Record<string, string>>;

/** What was said in a room. */
export interface ChatMessage {
  readonly type: "message";
  /** Grows by one with every event of any room; never repeats within an epoch. */
  readonly seq: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** The room, without `#`. */
  readonly room: string;
  /** The name of the author at that time. */
  readonly from: string;
  /** One line without control characters. */
  readonly text: string;
  /** Whether it came by `/me`. */
  readonly action: boolean;
  /** What the author's face called it, for its own book-keeping. */
  readonly id?: number;
}

/** What the room says about itself. */
export type NoticeCode = "joined" | "left" | "renamed" | "stopping";

/** A notice: `joined` and `left` have the parameter `name`, `renamed` has `from` and `to`. */
export interface ChatNotice {
  readonly type: "notice";
  /** As of a message; both are numbered in one row. */
  readonly seq: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** The room, without `#`. */
  readonly room: string;
  /** What happened. */
  readonly code: NoticeCode;
  /** To whom. */
  readonly params: Params;
}

/** What a room remembers. */
export type HistoryEvent = ChatMessage | ChatNotice;

/** The first event in a room: on joining the chat, on resuming, and after `/join`. */
export interface ChatWelcome {
  readonly type: "welcome";
  /** The name that the user has. */
  readonly name: string;
  /** The room, without `#`. */
  readonly room: string;
  /** Names this run of the server; sequence numbers of another epoch mean nothing. */
  readonly epoch: string;
  /** A secret by which the user's next connection may take the place of this one. */
  readonly token: string;
  /** Everyone in the room, the user too, in order of arrival. */
  readonly members: readonly string[];
  /** What the room remembers, or only what came after `since`. */
  readonly events: readonly HistoryEvent[];
  /** Whether `events` holds all that came after `since`; false if there was none or too much is lost. */
  readonly complete: boolean;
  /** The number of the last event so far. */
  readonly seq: number;
  /** Whether a living connection of the same user was replaced. */
  readonly resumed: boolean;
}

/** Why somebody cannot come in. */
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

/** What a command or a line is answered with. */
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
  readonly type: "reply";
  /** What is answered. */
  readonly code: ReplyCode;
  /** The blanks of the sentence. */
  readonly params: Params;
  /** What the face called the line that is answered. */
  readonly id?: number;
}

/** A message from one user to another; both get it. */
export interface ChatPrivate {
  readonly type: "private";
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** The author. */
  readonly from: string;
  /** The other one. */
  readonly to: string;
  /** One line without control characters. */
  readonly text: string;
  /** What the author's face called it. */
  readonly id?: number;
}

/** Why the chat lets somebody go. */
export type ByeCode = "quit" | "displaced" | "shutdown";

/** The last event: the face sends what it has and closes. */
export interface ChatBye {
  readonly type: "bye";
  /** Why. */
  readonly code: ByeCode;
}

/** Everything that a face may be given. */
export type ChatEvent = HistoryEvent | ChatWelcome | ChatReply | ChatPrivate | ChatBye;
