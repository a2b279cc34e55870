/**
 * The rules of the chat: admission, rooms, order of events, commands, leaving. This module does no I/O
 * of its own. Faces provide the connections, and the options provide the archive, the clock and the
 * secrets.
 *
 * A face (terminal, WebSocket, test) calls {@linkcode Lobby.join} and sends lines with the returned
 * {@linkcode Member}. The chat sends events to the face with {@linkcode Face.deliver}.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import { Admission } from "./admission.ts";
import type { ChatRefusal, Face, JoinRequest, Member } from "./member.ts";
import {
  LOBBY_RULES,
  type LobbyOptions,
  type LobbyStats,
  type RoomSummary,
} from "./lobby_options.ts";
import { Neighbours } from "./neighbours.ts";
import { Presence } from "./presence.ts";
import { Reading } from "./reading.ts";
import type { Acts } from "./seat.ts";
import { type Session, tokenHash } from "./session.ts";
import { Speech } from "./speech.ts";
import { ChatState } from "./state.ts";

export type * from "./events.ts";
export type * from "./lobby_options.ts";
export type {
  ChatRefusal,
  Face,
  JoinRequest,
  LeaveReason,
  LineOptions,
  Member,
  Replay,
  Since,
} from "./member.ts";
export { LOBBY } from "./room.ts";

/** The chat: all users and all rooms. */
export class Lobby {
  readonly #state: ChatState;
  readonly #presence: Presence;
  readonly #admission: Admission;
  readonly #neighbours: Neighbours;

  /**
   * @param options The archive, the clock, the source of secrets, and the limits.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: LobbyOptions) {
    options = LOBBY_RULES.check("Lobby", options);
    this.#state = new ChatState({
      history: 500,
      grace: 60_000,
      maxAwayPerAddress: 256,
      maxUsers: 1000,
      maxRooms: 100,
      maxRoomsPerAddress: 20,
      maxRoomsPerUser: 50,
      maxLine: 4096,
      maxLines: 200,
      maxFile: 0,
      onEvent: () => {},
      onStep: () => {},
      ...options,
    }, {
      settle: (drafts, results) => speech.settle(drafts, results),
      expire: (session) => this.#presence.end(session, session.lostBy),
    });
    this.#presence = new Presence(this.#state);
    const reading = new Reading(this.#state);
    const search = (session: Session, query: string, id?: number) =>
      void reading.search(session, { query, ...id !== undefined && { id } });
    const speech = new Speech(this.#state, this.#presence, search);
    this.#neighbours = new Neighbours(this.#state, this.#presence, (events) => speech.hear(events));
    this.#admission = new Admission(this.#state, this.#presence, this.#acts(speech, reading));
  }

  /** The id of the archive. Numbers of another epoch are meaningless. */
  get epoch(): string {
    return this.#state.archive.epoch;
  }

  /** The reason why messages cannot be stored now; undefined if they can. */
  get fault(): string | undefined {
    return this.#state.suspended ? "unreachable" : this.#state.ledger.fault;
  }

  /** Whether users can join and speak. */
  get isReady(): boolean {
    const { shared, stopping } = this.#state;
    return !stopping && (shared === undefined || shared.isReady);
  }

  /** The number of users for whom this process acts. */
  get localUsers(): number {
    return [...this.#state.sessions].filter(({ elsewhere }) => elsewhere === undefined).length;
  }

  /** The size in bytes of the lines and tasks that wait. */
  get waiting(): number {
    return this.#state.ledger.waiting;
  }

  /** The open rooms, the oldest first. */
  get rooms(): RoomSummary[] {
    return this.#state.rooms.summary();
  }

  /** Returns the counters of this moment. */
  stats(): LobbyStats {
    const { sessions, rooms, joined, left, refused, messages, delivery } = this.#state;
    return {
      users: sessions.size,
      away: sessions.away,
      rooms: rooms.size,
      joined,
      left: { ...left },
      refused,
      messages,
      deliveries: delivery.count,
    };
  }

  /**
   * Brings back the users who were in the chat when the server ended. Their names are kept for a grace
   * period. With a shared archive, it begins to follow the other processes. Call it before the first join.
   *
   * @throws {ArchiveError} If the archive cannot be read.
   */
  restore(): Promise<void> {
    return this.#state.shared?.follow(this.#neighbours) ?? this.#admission.restore();
  }

  /**
   * Admits a user. The first event of the face is the welcome.
   *
   * @param request The name, the rooms, and the state of an earlier connection.
   * @param face The connection of the user.
   * @returns The member after the welcome, or the reason for the refusal.
   */
  join(request: JoinRequest, face: Face): Promise<Member | ChatRefusal> {
    return this.#admission.join(request, face);
  }

  /**
   * Returns the id of the user with a token.
   *
   * @param token The token of a welcome.
   * @returns The id; undefined if nobody has the token.
   */
  async userOf(token: string): Promise<number | undefined> {
    const hash = tokenHash(token);
    return this.#state.sessions.withToken(hash)?.user ??
      (await this.#state.archive.userByToken(hash))?.id;
  }

  /**
   * Calls a function after each change of the rooms.
   *
   * @param watcher The function, which must not fail.
   * @returns A function that ends the calls.
   */
  watchRooms(watcher: () => void): () => void {
    return this.#state.rooms.watch(watcher);
  }

  /** Resolves when all lines so far are stored and delivered. */
  settled(): Promise<void> {
    return this.#state.ledger.settled();
  }

  /**
   * Sends all users a farewell and dismisses them. Further joins are refused.
   *
   * @returns A promise that resolves when all earlier lines are delivered and all users are saved.
   */
  async shutdown(): Promise<void> {
    if (!this.#state.stopping) this.#presence.stop();
    await this.settled();
    await this.#state.roster.saved();
  }

  #acts(speech: Speech, reading: Reading): Acts {
    return {
      say: (session, line, options) => speech.say(session, line, options),
      backlog: () => this.#state.ledger.backlog(),
      settled: () => this.#state.ledger.settled(),
      edit: (session, target, text, id) => speech.edit(session, target, text, id),
      remove: (session, target, id) => speech.remove(session, target, id),
      react: (session, target, reaction, id) => speech.react(session, target, reaction, id),
      history: (session, query) => reading.history(session, query),
      search: (session, request) => reading.search(session, request),
      leaveRoom: (session, room, id) => this.#presence.leaveRoom(session, room, id),
      leave: (session, reason) => this.#presence.lose(session, reason),
    };
  }
}
