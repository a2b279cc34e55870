/**
 * The options of the chat, and the events and counters for its operator. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import {
  anObject,
  callback,
  limit,
  milliseconds,
  OptionRules,
  required,
} from "../../net/internal/options.ts";
import type { Archive } from "./archive/archive.ts";
import type { RefusalCode } from "./events.ts";
import type { LedgerStep } from "./ledger.ts";
import type { LeaveReason } from "./member.ts";

/** The clock, the source of secrets, and the limits of the chat. */
export interface LobbyOptions {
  /** The store of messages and users. The caller closes it after the shutdown of the lobby. */
  readonly archive: Archive;
  /** Returns the time in milliseconds since 1970. */
  readonly now: () => number;
  /** Returns a text that nobody can guess, for tokens. */
  readonly secret: () => string;
  /** The maximum number of messages of a room that a newcomer is shown. @default 500 */
  readonly history?: number;
  /**
   * The time in milliseconds for which a session survives the end of its connection. The name, the rooms
   * and the place in the lists of members are kept. 0 ends the session with the connection.
   *
   * @default 60000
   */
  readonly grace?: number;
  /**
   * The maximum number of users of one address who have lost their connection and may come back. One more
   * ends the session of the first one. 0 removes the limit.
   *
   * @default 256
   */
  readonly maxAwayPerAddress?: number;
  /** The maximum number of users; 0 removes the limit. @default 1000 */
  readonly maxUsers?: number;
  /** The maximum number of open rooms; 0 removes the limit. @default 100 */
  readonly maxRooms?: number;
  /** The maximum number of open rooms that one address opened; 0 removes the limit. @default 20 */
  readonly maxRoomsPerAddress?: number;
  /** The maximum number of rooms that one user is in; 0 removes the limit. @default 50 */
  readonly maxRoomsPerUser?: number;
  /** The maximum size of a message in bytes of UTF-8; 0 removes the limit. @default 4096 */
  readonly maxLine?: number;
  /** The maximum number of lines in a message; 0 removes the limit. @default 200 */
  readonly maxLines?: number;
  /** The maximum size of an attached file in bytes, for the face to show; 0 for no files. @default 0 */
  readonly maxFile?: number;
  /** Called for every event that belongs in the log. Messages are never reported. */
  readonly onEvent?: (event: LobbyEvent) => void;
  /** Called at each step of a line, for tests that stop the process between two steps. */
  readonly onStep?: (step: LedgerStep) => void;
}

/** The rules for {@linkcode LobbyOptions}. */
export const LOBBY_RULES = new OptionRules<LobbyOptions>({
  archive: required(anObject),
  now: required(callback),
  secret: required(callback),
  history: limit,
  grace: milliseconds,
  maxAwayPerAddress: limit,
  maxUsers: limit,
  maxRooms: limit,
  maxRoomsPerAddress: limit,
  maxRoomsPerUser: limit,
  maxLine: limit,
  maxLines: limit,
  maxFile: limit,
  onEvent: callback,
  onStep: callback,
});

/** An event for the log. */
export type LobbyEvent =
  | {
    readonly type: "joined";
    readonly name: string;
    readonly room: string;
    readonly address: string;
  }
  | {
    readonly type: "resumed";
    readonly name: string;
    readonly room: string;
    readonly address: string;
  }
  | {
    readonly type: "away";
    readonly name: string;
    readonly room: string;
    readonly address: string;
    readonly reason: LeaveReason;
  }
  | {
    readonly type: "left";
    readonly name: string;
    readonly room: string;
    readonly address: string;
    readonly reason: LeaveReason;
  }
  | { readonly type: "renamed"; readonly from: string; readonly to: string }
  | { readonly type: "entered" | "exited"; readonly name: string; readonly room: string }
  | { readonly type: "moved"; readonly name: string; readonly from: string; readonly to: string }
  | { readonly type: "refused"; readonly code: RefusalCode; readonly address: string }
  | { readonly type: "not-stored"; readonly reason: string }
  | { readonly type: "not-readable"; readonly reason: string };

/** The counters for the log and the metrics. */
export interface LobbyStats {
  /** The current number of users, with those whose connection is lost and who may come back. */
  readonly users: number;
  /** The current number of users without a connection. */
  readonly away: number;
  /** The current number of open rooms. */
  readonly rooms: number;
  /** The users that have joined since the start. */
  readonly joined: number;
  /** The users that have left since the start, by reason. */
  readonly left: Readonly<Record<LeaveReason, number>>;
  /** The refused attempts to join since the start. */
  readonly refused: number;
  /** The messages since the start, with private ones. */
  readonly messages: number;
  /** The events delivered to faces since the start. */
  readonly deliveries: number;
}

/** A room in the list of rooms. */
export interface RoomSummary {
  /** The name of the room, without `#`. */
  readonly name: string;
  /** The number of users in the room. */
  readonly count: number;
}
