/**
 * A seat: one connection of a session. It is what a face holds.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HistoryQuery, SearchRequest } from "./events.ts";
import type { Face, LeaveReason, LineOptions, Member } from "./member.ts";
import type { Session } from "./session.ts";

/** The actions of a seat, which the lobby performs. */
export interface Acts {
  /** Handles a line of a user. */
  say(session: Session, line: string, options: LineOptions): void;
  /** Returns a promise to await before the next line. */
  backlog(): Promise<void> | undefined;
  /** Resolves when all lines so far are done. */
  settled(): Promise<void>;
  /** Changes a message of the user. */
  edit(session: Session, target: number, text: string, id?: number): Promise<void>;
  /** Deletes a message of the user. */
  remove(session: Session, target: number, id?: number): Promise<void>;
  /** Changes a reaction of the user. */
  react(
    session: Session,
    target: number,
    reaction: { readonly emoji: string; readonly on: boolean },
    id?: number,
  ): Promise<void>;
  /** Answers with a part of a history. */
  history(session: Session, query: HistoryQuery): Promise<void>;
  /** Answers with the results of a search. */
  search(session: Session, request: SearchRequest): Promise<void>;
  /** Removes a user from one room. */
  leaveRoom(session: Session, room: string, id?: number): void;
  /** Ends the connection of a user. */
  leave(session: Session, reason: LeaveReason): void;
}

const NOTHING: LineOptions = {};

/** One connection of a session. After the session has another seat, or none, all calls do nothing. */
export class Seat implements Member {
  /** The connection. */
  readonly face: Face;
  readonly #session: Session;
  readonly #acts: Acts;

  /** Makes a seat. It acts for the user as soon as the session refers to it. */
  constructor(session: Session, face: Face, acts: Acts) {
    this.#session = session;
    this.face = face;
    this.#acts = acts;
  }

  /** The id of the user. */
  get user(): number {
    return this.#session.user;
  }

  /** The current name. */
  get name(): string {
    return this.#session.name;
  }

  /** The current room, without `#`. */
  get room(): string {
    return this.#session.current.name;
  }

  /** All rooms of the user, without `#`. */
  get rooms(): readonly string[] {
    return Array.from(this.#session.rooms.values(), ({ name }) => name);
  }

  /** Whether this connection acts for the user. */
  get present(): boolean {
    return this.#session.seat === this;
  }

  /** Sends a line, or runs the command in it. */
  say(line: string, options: LineOptions | number = NOTHING): Promise<void> | undefined {
    if (!this.present) return undefined;
    this.#acts.say(this.#session, line, typeof options === "number" ? { id: options } : options);
    return this.#acts.backlog();
  }

  /** Resolves when all lines so far are done. */
  settled(): Promise<void> {
    return this.#acts.settled();
  }

  /** Replaces the text of an own message. */
  async edit(target: number, text: string, id?: number): Promise<void> {
    if (this.present) await this.#acts.edit(this.#session, target, text, id);
  }

  /** Deletes an own message. */
  async remove(target: number, id?: number): Promise<void> {
    if (this.present) await this.#acts.remove(this.#session, target, id);
  }

  /** Adds or removes a reaction. */
  async react(target: number, emoji: string, on: boolean, id?: number): Promise<void> {
    if (this.present) await this.#acts.react(this.#session, target, { emoji, on }, id);
  }

  /** Asks for a part of a history. */
  async history(query: HistoryQuery): Promise<void> {
    if (this.present) await this.#acts.history(this.#session, query);
  }

  /** Searches the rooms and private conversations of the user. */
  async search(request: SearchRequest): Promise<void> {
    if (this.present) await this.#acts.search(this.#session, request);
  }

  /** Leaves a room. */
  leaveRoom(room: string, id?: number): void {
    if (this.present) this.#acts.leaveRoom(this.#session, room, id);
  }

  /** Ends the connection. */
  leave(reason: LeaveReason): void {
    if (this.present) this.#acts.leave(this.#session, reason);
  }
}
