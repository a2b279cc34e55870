/**
 * The codes of what the chat tells its users. `words.ts` has the sentence of each code. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The kind of a notice. */
export type NoticeCode = "joined" | "left" | "renamed" | "stopping";

/** The reason for which a user cannot join. */
export type RefusalCode =
  | "name-empty"
  | "name-long"
  | "name-space"
  | "name-character"
  | "name-scripts"
  | "name-lookalike"
  | "name-start"
  | "name-reserved"
  | "name-taken"
  | "name-similar"
  | "room-invalid"
  | "rooms-full"
  | "address-rooms"
  | "unavailable"
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
  | "too-many-lines"
  | "too-many-rooms"
  | "last-room"
  | "away"
  | "usage-search"
  | "blank";

/** The reason for which a line or a request was not carried out. */
export type ErrorCode =
  | "not-in-room"
  | "not-stored"
  | "not-readable"
  | "no-such-message"
  | "no-such-peer"
  | "not-yours"
  | "too-many-reactions"
  | "no-such-file"
  | "searching"
  | "bad-emoji";

/** The reason for which the chat ends a connection. */
export type ByeCode = "quit" | "displaced" | "shutdown" | "offline";
