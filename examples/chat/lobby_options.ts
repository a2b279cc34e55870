/**
 * The options of the chat, and the events and counters for its operator. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { callback, limit, OptionRules, required } from "../../net/internal/options.ts";
import type { RefusalCode } from "./events.ts";
import type { LeaveReason } from "./member.ts";

/** The clock, the source of secrets, and the limits of the chat. */
export interface LobbyOptions {
  /** Returns the time in milliseconds since 1970. */
  readonly now: () => number;
  /** Returns a text that nobody can guess, for the epoch and for tokens. */
  readonly secret: () => string;
  /** The maximum number of events in the history of a room. @default 500 */
  readonly history?: number;
  /** The maximum number of users; 0 removes the limit. @default 1000 */
  readonly maxUsers?: number;
  /** The maximum number of rooms; 0 removes the limit. @default 100 */
  readonly maxRooms?: number;
  /** The maximum size of a line in bytes of UTF-8; 0 removes the limit. @default 4096 */
  readonly maxLine?: number;
  /** Called for every event that belongs in the log. Messages are never reported. */
  readonly onEvent?: (event: LobbyEvent) => void;
}

/** The rules for {@linkcode LobbyOptions}. */
export const LOBBY_RULES = new OptionRules<LobbyOptions>({
  now: required(callback),
  secret: required(callback),
  history: limit,
  maxUsers: limit,
  maxRooms: limit,
  maxLine: limit,
  onEvent: callback,
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
    readonly type: "left";
    readonly name: string;
    readonly room: string;
    readonly address: string;
    readonly reason: LeaveReason;
  }
  | { readonly type: "renamed"; readonly from: string; readonly to: string }
  | { readonly type: "moved"; readonly name: string; readonly from: string; readonly to: string }
  | { readonly type: "refused"; readonly code: RefusalCode; readonly address: string };

/** The counters for the log and the metrics. */
export interface LobbyStats {
  /** The current number of users. */
  readonly users: number;
  /** The current number of rooms. */
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
