/**
 * The interface between a face and the chat. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent, Params, RefusalCode } from "./events.ts";
import type { Room } from "./room.ts";
import type { GoodName } from "./names.ts";

/** The reason for which a user left, for the log. Other users do not see it. */
export type LeaveReason =
  /** `/quit`. */
  | "quit"
  /** The user ended the connection. */
  | "ended"
  /** The connection broke or was idle for too long. */
  | "lost"
  /** The user did not read, and the send queue was full. */
  | "slow"
  /** The user wrote faster than the chat can read. */
  | "flood"
  /** The server shuts down. */
  | "shutdown"
  /** The face failed. */
  | "error";

/** The connection of one user. */
export interface Face {
  /** The address of the user, for the log. */
  readonly address: string;
  /**
   * Receives an event and does not wait for the user. All users in a room receive the same object in
   * the same order, so that it can be encoded once.
   *
   * @param event The event of the chat.
   * @param own Whether this user caused the event.
   */
  deliver(event: ChatEvent, own: boolean): void;
}

/** The request of a face to admit a user. */
export interface JoinRequest {
  /** The name as the user entered it. */
  readonly name: string;
  /** The room, with or without `#`. @default "lobby" */
  readonly room?: string;
  /** The last event that the user has seen on an earlier connection. */
  readonly since?: { readonly epoch: string; readonly seq: number };
  /** The token of the connection to replace, if it is still open. */
  readonly token?: string;
}

/** The reason for which a user cannot join. */
export interface ChatRefusal {
  /** The kind of the refusal. */
  readonly code: RefusalCode;
  /** The parameters of its sentence. */
  readonly params: Params;
}

/** A user in the chat, for the face of this user. */
export interface Member {
  /** The current name. */
  readonly name: string;
  /** The room, without `#`. */
  readonly room: string;
  /** Whether the user is in the chat. After the user has left, all calls do nothing. */
  readonly present: boolean;
  /**
   * Sends a line to the room, or runs the command in it.
   *
   * @param line The line as the user entered it.
   * @param id An id that comes back with the message or the reply.
   */
  say(line: string, id?: number): void;
  /**
   * Removes the user and notifies the room. The face receives no bye and closes its connection itself.
   *
   * @param reason The reason, for the log.
   */
  leave(reason: LeaveReason): void;
}

/** The actions of a seat, which the lobby performs. */
export interface Acts {
  /** Handles a line of a user. */
  say(seat: Seat, line: string, id?: number): void;
  /** Removes a user from the chat. */
  leave(seat: Seat, reason: LeaveReason): void;
}

/** A member with the fields that only the lobby uses. */
export class Seat implements Member {
  /** Whether the user is in the chat. */
  present = true;
  /** The current name. */
  name: string;
  /** The key that equal names share. */
  key: string;
  /** The room of the user. */
  home: Room<Seat>;
  /** The connection of the user. */
  readonly face: Face;
  /** The secret with which the next connection of the user can replace this one. */
  readonly token: string;
  readonly #acts: Acts;

  /** Makes a seat for a user with a valid name. */
  constructor(acts: Acts, { name, key }: GoodName, home: Room<Seat>, face: Face, token: string) {
    this.#acts = acts;
    this.name = name;
    this.key = key;
    this.home = home;
    this.face = face;
    this.token = token;
  }

  /** The name of the room, without `#`. */
  get room(): string {
    return this.home.name;
  }

  /** Sends a line to the room, or runs the command in it. */
  say(line: string, id?: number): void {
    if (this.present) this.#acts.say(this, line, id);
  }

  /** Removes the user from the chat. */
  leave(reason: LeaveReason): void {
    if (this.present) this.#acts.leave(this, reason);
  }
}
