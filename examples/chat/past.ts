/**
 * The past that a user is shown: the history of rooms, missed events, and private conversations.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { RoomRecord } from "./archive/archive.ts";
import { conversationUsers } from "./archive/records.ts";
import type { HistoryEvent, PeerSummary } from "./events.ts";
import type { JoinRequest, Replay } from "./member.ts";
import { LOBBY, type Room, roomKey } from "./room.ts";
import { byteLength } from "./safe_text.ts";
import type { Session } from "./session.ts";
import { type ChatState, reasonOf } from "./state.ts";
import { type Peer, privateEvent, roomEvent } from "./stored_events.ts";

/** The approximate size of the shortest event, in bytes of JSON. */
const SHORTEST = 100;

/** The maximum number of private conversations in a welcome. */
const MAX_PEERS = 100;

/** The events that a user has seen already, in some rooms. */
export interface Known {
  /** The number of the last event. */
  readonly seq: number;
  /** The keys of the rooms. */
  readonly rooms: ReadonlySet<string>;
}

/** The past of one room. */
export interface RoomPast {
  /** The events, oldest first. */
  readonly events: readonly HistoryEvent[];
  /** Whether `events` has everything that the user has not seen. */
  readonly complete: boolean;
  /** Whether the room has older messages. */
  readonly more: boolean;
}

const NO_PAST: RoomPast = { events: [], complete: false, more: false };

/** The private conversations of one user. */
export interface PrivatePast {
  /** The conversations, the latest first. */
  readonly peers: readonly PeerSummary[];
  /** The events that the user has not seen, as many of the newest as fit. */
  readonly events: readonly HistoryEvent[];
  /** Whether `events` has everything that the user has not seen. */
  readonly complete: boolean;
}

const NO_PRIVATES: PrivatePast = { peers: [], events: [], complete: true };

/** Returns the events that a client says it has seen; undefined if they are of another epoch. */
export function knownOf({ since, room = LOBBY }: JoinRequest, epoch: string): Known | undefined {
  if (since === undefined || since.epoch !== epoch) return undefined;
  return { seq: since.seq, rooms: new Set((since.rooms ?? [room]).map(roomKey)) };
}

/** Reads the past from the archive. A failure leaves it empty. */
export class Past {
  readonly #state: ChatState;

  /** @param state The state of the lobby. */
  constructor(state: ChatState) {
    this.#state = state;
  }

  /** Returns the past of a room: missed events if the user has seen the earlier ones, or the history. */
  async room(room: Room<Session>, known: Known | undefined, replay: Replay): Promise<RoomPast> {
    try {
      const missed = known?.rooms.has(room.key)
        ? await this.#since(room, known, replay)
        : undefined;
      return missed ?? await this.#history(room, replay);
    } catch (error) {
      return this.#failed(error, NO_PAST);
    }
  }

  /**
   * Returns the private conversations of a user, and the missed events in them. Many long messages to a user
   * who is away must not fill the send queue: the user could never come back.
   */
  async privates(session: Session, known?: Known, bytes = Infinity): Promise<PrivatePast> {
    try {
      const records = await this.#state.archive.conversations(session.user);
      const peers = await this.#peers(session, records.slice(0, MAX_PEERS));
      if (known === undefined || known.seq >= this.#state.ledger.seq) {
        return { ...NO_PRIVATES, peers };
      }
      const { events, complete } = await this.#missed(session, records, known.seq);
      const fitting = newest(events, bytes);
      return { peers, events: fitting, complete: complete && fitting.length === events.length };
    } catch (error) {
      return this.#failed(error, NO_PRIVATES);
    }
  }

  /** Returns the other user of a private conversation. */
  async peerIn(key: string, session: Session): Promise<Peer> {
    const [one, two] = conversationUsers(key) ?? [0, 0];
    const user = one === session.user ? two : one;
    const live = this.#state.sessions.ofUser(user);
    return live ?? { user, name: (await this.#state.archive.user(user))?.name ?? `${user}` };
  }

  /** Returns missed events; undefined if some are missing or too many. */
  async #since(room: Room<Session>, { seq }: Known, replay: Replay): Promise<RoomPast | undefined> {
    const { archive, settings, ledger } = this.#state;
    if (seq >= ledger.seq) return { events: [], complete: true, more: true };
    const limit = Math.max(settings.history, 1);
    const missed = await archive.since([room.key], seq, limit);
    if (!missed.complete) return undefined;
    const events = missed.events.map((event) => roomEvent(event, room.name));
    if (newest(events, replay.bytes).length < events.length) return undefined;
    return { events, complete: true, more: true };
  }

  async #history(room: Room<Session>, { messages, bytes }: Replay): Promise<RoomPast> {
    const limit = Math.min(this.#state.settings.history, messages, Math.ceil(bytes / SHORTEST));
    if (limit < 1) return NO_PAST;
    const page = await this.#state.archive.history(room.key, {
      limit,
      ...bytes !== Infinity && { maxBytes: bytes },
    });
    const all = page.messages.map((message) => roomEvent(message, room.name));
    const events = newest(all, bytes);
    return { events, complete: false, more: page.more || events.length < all.length };
  }

  async #peers(session: Session, records: readonly RoomRecord[]): Promise<PeerSummary[]> {
    return await Promise.all(records.map(async ({ key, lastSeq }) => {
      const { user, name } = await this.peerIn(key, session);
      return { peer: `${user}`, name, seq: lastSeq };
    }));
  }

  async #missed(
    session: Session,
    records: readonly RoomRecord[],
    seq: number,
  ): Promise<{ events: HistoryEvent[]; complete: boolean }> {
    const { archive, settings } = this.#state;
    const keys = records.map(({ key }) => key);
    if (keys.length === 0) return { events: [], complete: true };
    const missed = await archive.since(keys, seq, Math.max(settings.history, 1));
    const events = await Promise.all(
      missed.events.map(async (event) =>
        privateEvent(event, session.name, await this.peerIn(event.room, session))
      ),
    );
    return { events, complete: missed.complete };
  }

  #failed<T>(error: unknown, instead: T): T {
    this.#state.report({ type: "not-readable", reason: reasonOf(error) });
    return instead;
  }
}

/**
 * Returns the newest events whose JSON fits into a size. It is measured, because long names, quotes and
 * reactions can make the JSON of a short text large.
 */
function newest<E extends HistoryEvent>(events: readonly E[], bytes: number): readonly E[] {
  if (bytes === Infinity) return events;
  let size = 0;
  for (let i = events.length - 1; i >= 0; i--) {
    size += byteLength(JSON.stringify(events[i])) + 1;
    if (size > bytes) return events.slice(i + 1);
  }
  return events;
}
