/** The rows of the dialogues, and what many of them have in common. @module */

/** What a client does, and what `must` holds. */
export type Deed =
  /** Lists the folders: their names. */
  | "list"
  /** Opens INBOX: the number of messages. */
  | "select"
  /** Asks for the status of INBOX: the number of messages. */
  | "status"
  /** Searches: the UIDs. */
  | "search"
  /** Copies message 7 to Archive: nothing. */
  | "copy"
  /** Moves message 7 to Archive: nothing. */
  | "move"
  /** Sends NOOP: nothing. */
  | "noop"
  /** Fetches the flags of message 7. */
  | "flags"
  /** Fetches the envelope of message 7: its subject. */
  | "subject"
  /** Fetches the envelope of message 7: the addresses of its recipients. */
  | "to"
  /** Fetches the size of message 7. */
  | "size"
  /** Fetches the date of arrival of message 7, in milliseconds. */
  | "date"
  /** Fetches the structure of message 7: the types of its parts that contain no others. */
  | "parts"
  /** Fetches the structure of message 7: the file name of its only part. */
  | "file"
  /** Fetches the section TEXT of message 7 as text. */
  | "text";

/** One command and its answer. */
export interface Row {
  readonly name: string;
  readonly does: Deed;
  /** The answer; `$T` stands for the tag. Without one, `$T OK done` follows. */
  readonly says: string;
  /** What the client has; null stands for a value that is missing. */
  readonly must: unknown;
  /** The number of parts that the client reports as unreadable. @default 0 */
  readonly reports?: number;
  /** Whether the client must refuse the answer and end the session. @default false */
  readonly ends?: boolean;
}

/** Returns a row. */
export function row(
  name: string,
  does: Deed,
  says: string,
  must: unknown,
  reports = 0,
  ends = false,
): Row {
  return { name, does, says, must, reports, ends };
}

/** Returns a response about message 7. */
export function one(items: string): string {
  return `* 1 FETCH (UID 7 ${items})`;
}

/** Returns a response with an envelope. */
export function envelope(subject: string, to = "NIL"): string {
  return one(`ENVELOPE (NIL ${subject} NIL NIL NIL ${to} NIL NIL NIL NIL)`);
}
