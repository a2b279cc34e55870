/**
 * What a face and the chat are to each other. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent, Params, RefusalCode } from "./events.ts";
import type { Room } from "./room.ts";
import type { GoodName } from "./names.ts";

/** How somebody went, for the log: the others see only that. */
export type LeaveReason =
  /** `/quit`. */
  | "quit"
  /** The user ended the connection. */
  | "ended"
  /** The connection broke or fell silent. */
  | "lost"
  /** The user did not read what was sent. */
  | "slow"
  /** The user wrote faster than can be taken. */
  | "flood"
  /** The server stops. */
  | "shutdown"
  /** A face failed. */
  | "error";

/** The connection of one user, as the room sees it. */
export interface Face {
  /** Where the user is, for the log. */
  readonly address: string;
  /**
   * Takes an event at once, without waiting for the user. One event is given to everyone in the
   * room, the same object in the same order, so that it need be encoded only once.
   *
   * @param event What happened.
   * @param own Whether it is what this very user said or did.
   */
  deliver(event: ChatEvent, own: boolean): void;
}

/** What a face asks for a user. */
export interface JoinRequest {
  /** The name, as the user gave it. */
  readonly name: string;
  /** The room, with or without `#`. @default "lobby" */
  readonly room?: string;
  /** The last event that the user has seen, when coming back. */
  readonly since?: { readonly epoch: string; readonly seq: number };
  /** The token of the connection that this one replaces, if it still lives. */
  readonly token?: string;
}

/** Why somebody cannot come in. */
export interface ChatRefusal {
  /** The reason. */
  readonly code: RefusalCode;
  /** For its sentence. */
  readonly params: Params;
}

/** A user who is in, for the face that brought him. */
export interface Member {
  /** The name, as shown now. */
  readonly name: string;
  /** The room, without `#`. */
  readonly room: string;
  /** Whether the user is still in. A member that has left stays so; every call is harmless. */
  readonly present: boolean;
  /**
   * Says a line, or does what it commands.
   *
   * @param line As it came from the user.
   * @param id What the face calls it; comes back with the own message or the reply.
   */
  say(line: string, id?: number): void;
  /**
   * Takes the user out; the others learn it once. There is no bye: the connection is the face's.
   *
   * @param reason Why, for the log.
   */
  leave(reason: LeaveReason): void;
}

/** What a seat asks the lobby for. */
export interface Acts {
  say(seat: Seat, line: string, id?: number): void;
  leave(seat: Seat, reason: LeaveReason): void;
}

/** A member, with what only the lobby may see. */
export class Seat implements Member {
  present = true;
  name: string;
  /** What the name is compared by. */
  key: string;
  /** Where the user is. */
  home: Room<Seat>;
  /** How to reach the user. */
  readonly face: Face;
  /** By which the user's next connection may take this place. */
  readonly token: string;
  readonly #acts: Acts;

  constructor(acts: Acts, { name, key }: GoodName, home: Room<Seat>, face: Face, token: string) {
    this.#acts = acts;
    this.name = name;
    this.key = key;
    this.home = home;
    this.face = face;
    this.token = token;
  }

  get room(): string {
    return this.home.name;
  }

  say(line: string, id?: number): void {
    if (this.present) this.#acts.say(this, line, id);
  }

  leave(reason: LeaveReason): void {
    if (this.present) this.#acts.leave(this, reason);
  }
}
