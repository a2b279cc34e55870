/**
 * The records of users, rooms and files in the archive.
 *
 * **Permissions**: none.
 *
 * @module
 */

/**
 * A room: `#` and the key of its name. A private conversation: `@3:17`, the ids of the two users, the
 * lower id first.
 */
export type RoomKey = string;

/** A room with the name to display. */
export interface RoomRef {
  /** The key. */
  readonly key: RoomKey;
  /** The name to display, without `#`; empty for a private conversation. */
  readonly name: string;
}

/** The state of a session: connected, within the grace period, or ended. */
export type SessionState = "online" | "away" | "gone";

/** A user: whoever holds a token. */
export interface UserRecord {
  /** The id. A new user has none. */
  readonly id?: number;
  /** The SHA-256 of the token in hexadecimal. A terminal has no token. */
  readonly tokenHash?: string;
  /** The current name. */
  readonly name: string;
  /** The rooms that the user is in, the current one first. */
  readonly rooms: readonly RoomRef[];
  /** The time in milliseconds since 1970 at which the user was last connected. */
  readonly seenAt: number;
  /** The state of the session. */
  readonly session: SessionState;
}

/** A room or a private conversation that has messages. */
export interface RoomRecord extends RoomRef {
  /** The number of the latest message. */
  readonly lastSeq: number;
  /** The time of the latest message in milliseconds since 1970. */
  readonly lastAt: number;
}

/** The description of an attachment. */
export interface FileRecord {
  /** The id that nobody can guess. */
  readonly id: string;
  /** The name that the user gave to the file. */
  readonly name: string;
  /** The media type. */
  readonly type: string;
  /** The size in bytes. */
  readonly size: number;
  /** The SHA-256 of the content in hexadecimal. */
  readonly sha256: string;
  /** The id of the user who sent the file. */
  readonly user: number;
  /** The time of arrival in milliseconds since 1970. */
  readonly at: number;
}

/** Returns the key of the private conversation of two users. The order of the ids does not matter. */
export function conversationKey(a: number, b: number): RoomKey {
  return `@${Math.min(a, b)}:${Math.max(a, b)}`;
}

/** Returns the ids of the users of a private conversation; undefined for a room and for other text. */
export function conversationUsers(key: RoomKey): readonly [number, number] | undefined {
  const match = /^@([1-9]\d{0,14}):([1-9]\d{0,14})$/.exec(key);
  if (match === null) return undefined;
  const [low, high] = [Number(match[1]), Number(match[2])];
  return low <= high ? [low, high] : undefined;
}
