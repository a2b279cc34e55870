/**
 * What the chat is given, and what it tells its operator. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { RefusalCode } from "./events.ts";
import type { LeaveReason } from "./member.ts";

/** What the chat needs from outside, and its limits. */
export interface LobbyOptions {
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** A text that nobody can guess; for the epoch and for tokens. */
  readonly secret: () => string;
  /** How many events a room remembers. @default 500 */
  readonly history?: number;
  /** The most users at a time; 0 lifts it. @default 1000 */
  readonly maxUsers?: number;
  /** The most rooms at a time; 0 lifts it. @default 100 */
  readonly maxRooms?: number;
  /** The most bytes of a line, as UTF-8. @default 4096 */
  readonly maxLine?: number;
  /** Is told what is worth a line in the log; never what was said. */
  readonly onEvent?: (event: LobbyEvent) => void;
}

/** What is worth a line in the log. */
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

/** Numbers for the log and the metrics. */
export interface LobbyStats {
  /** Users now. */
  readonly users: number;
  /** Rooms now. */
  readonly rooms: number;
  /** Users that came, ever. */
  readonly joined: number;
  /** Users that went, ever, by how they went. */
  readonly left: Readonly<Record<LeaveReason, number>>;
  /** Attempts to come in that were refused, ever. */
  readonly refused: number;
  /** Messages, private ones too, ever. */
  readonly messages: number;
  /** Events handed to faces, ever. */
  readonly deliveries: number;
}

/** A room, from outside. */
export interface RoomSummary {
  /** Its name, without `#`. */
  readonly name: string;
  /** How many users are in it. */
  readonly count: number;
}
