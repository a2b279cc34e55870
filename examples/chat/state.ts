/**
 * The state that the parts of the lobby share.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { Appended, Archive } from "./archive/archive.ts";
import { shared, type SharedArchive } from "./archive/shared_archive.ts";
import { Delivery, type Named } from "./delivery.ts";
import { type Draft, Ledger } from "./ledger.ts";
import type { LobbyEvent, LobbyOptions } from "./lobby_options.ts";
import type { LeaveReason } from "./member.ts";
import { type Room, Rooms } from "./room.ts";
import { Roster } from "./roster.ts";
import { type Session, Sessions } from "./session.ts";
import type { Peer } from "./stored_events.ts";

/** The options with all defaults. */
export type Settings = Required<LobbyOptions>;

/** The author of a line, and its destination. */
export interface Author extends Named {
  /** The session of the author. */
  readonly session: Session;
  /** The room of the line; undefined for a private line. */
  readonly home?: Room<Session>;
  /** The recipient of a private line. */
  readonly to?: Peer;
}

/** The functions that the state calls. */
export interface StateHooks {
  /** Tells everyone about a line. */
  settle(drafts: readonly Draft<Author>[], results: readonly (Appended | undefined)[]): void;
  /** Ends a session whose grace period is over. */
  expire(session: Session): void;
}

/** Users, rooms, and the order of their events. */
export class ChatState {
  /** The options of the lobby. */
  readonly settings: Settings;
  /** The open rooms. */
  readonly rooms: Rooms<Session>;
  /** The users in the chat. */
  readonly sessions: Sessions;
  /** The order of lines. */
  readonly ledger: Ledger<Author>;
  /** The delivery to faces. */
  readonly delivery: Delivery;
  /** The records of users. */
  readonly roster: Roster;
  /** The archive if several processes share it. */
  readonly shared: SharedArchive | undefined;
  /** Whether the chat stops. */
  stopping = false;
  /** Whether this process has lost its place among the others, so nobody can be in the chat. */
  suspended = false;
  /** The users that have joined since the start. */
  joined = 0;
  /** The refused attempts to join since the start. */
  refused = 0;
  /** The messages since the start. */
  messages = 0;
  /** The users that have left since the start, by reason. */
  readonly left: Record<LeaveReason, number> = {
    quit: 0,
    ended: 0,
    lost: 0,
    slow: 0,
    flood: 0,
    shutdown: 0,
    error: 0,
  };

  /** Makes the state of an empty chat. */
  constructor(settings: Settings, hooks: StateHooks) {
    const { archive, now, onStep } = settings;
    this.settings = settings;
    this.shared = shared(archive);
    this.rooms = new Rooms(settings);
    this.sessions = new Sessions(hooks.expire);
    this.delivery = new Delivery(now, () => onStep("confirm"));
    const onFault = (reason: string) => this.report({ type: "not-stored", reason });
    this.ledger = new Ledger(archive, { settle: hooks.settle, onStep, onFault });
    this.roster = new Roster(archive, now, (error) => onFault(reasonOf(error)));
  }

  /** The store of messages and users. */
  get archive(): Archive {
    return this.settings.archive;
  }

  /** Reports an event for the log. */
  report(event: LobbyEvent): void {
    this.settings.onEvent(event);
  }

  /** Returns whether a session has not ended. */
  isOpen(session: Session): boolean {
    return this.sessions.ofUser(session.user) === session;
  }

  /** Returns a user by the id; undefined if there is none, or if the user can never read a message. */
  async peer(user: number): Promise<Peer | undefined> {
    const session = this.sessions.ofUser(user);
    if (session !== undefined) return session;
    const record = await this.archive.user(user);
    return record?.tokenHash === undefined ? undefined : { user, name: record.name };
  }
}

/** Returns the reason of a failure as text. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
