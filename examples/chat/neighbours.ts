/**
 * The users of other processes that share the archive, as this process knows them. They are in the rooms and
 * in the lists, and have no connection here.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { StoredEvent } from "./archive/archive.ts";
import type { Follower, SharedUser } from "./archive/shared_archive.ts";
import { nameKey } from "./names.ts";
import type { Presence } from "./presence.ts";
import type { Room } from "./room.ts";
import { Session } from "./session.ts";
import type { ChatState } from "./state.ts";

/** Keeps the users of other processes up to date. */
export class Neighbours implements Follower {
  readonly #state: ChatState;
  readonly #presence: Presence;
  /** Takes stored events in their order. */
  readonly hear: (events: readonly StoredEvent[]) => Promise<void>;

  /**
   * @param state The state of the lobby.
   * @param presence The part of the lobby that moves users.
   * @param hear Tells users about lines.
   */
  constructor(
    state: ChatState,
    presence: Presence,
    hear: (events: readonly StoredEvent[]) => Promise<void>,
  ) {
    this.#state = state;
    this.#presence = presence;
    this.hear = hear;
  }

  /** Runs work while no task of the chat runs. */
  feed(work: () => Promise<void>): Promise<void> {
    return this.#state.ledger.feed(work);
  }

  /** Takes a user who came, moved, got another name, or left. */
  meet(user: SharedUser): void {
    // What this process has done itself it knows.
    if (user.isOwn && !user.isAdopted) return;
    const known = this.#state.sessions.ofUser(user.id);
    if (user.session === "gone") return known && this.#remove(known);
    const session = known ?? this.#add(user);
    if (user.isOwn) return this.#adopt(session);
    if (session.elsewhere === undefined && session === known) this.#dismiss(session);
    session.elsewhere = user.session;
    this.#rename(session, user);
    this.#move(session, user);
  }

  /** Dismisses all users, and forgets those of others. */
  suspend(): void {
    const { sessions, rooms, delivery, ledger, left } = this.#state;
    this.#state.suspended = true;
    ledger.drop();
    for (const session of sessions) {
      if (session.face !== undefined) left.lost++;
      delivery.deliver(session, { type: "bye", code: "offline" }, true);
      session.seat = session.face = undefined;
      for (const room of [...session.rooms.values()]) session.disclaim(room);
    }
    sessions.clear();
    rooms.clear();
  }

  /** Admits users again. */
  resume(): void {
    this.#state.suspended = false;
  }

  #add({ id, name, tokenHash, rooms }: SharedUser): Session {
    const { sessions, rooms: open } = this.#state;
    const [home = open.lobby] = rooms.map((ref) => open.restore(ref));
    const session = new Session({ name, key: nameKey(name), hash: tokenHash, token: "" }, home);
    session.user = id;
    session.elsewhere = "online";
    session.address = "another node";
    sessions.reserve(session);
    sessions.admit(session);
    session.disclaim(home);
    for (const ref of rooms) this.#enter(session, open.restore(ref));
    return session;
  }

  /** Acts for a user whose process has ended, until the user comes back or the grace period ends. */
  #adopt(session: Session): void {
    const { sessions, settings: { grace } } = this.#state;
    // The user may have come back to this process already.
    if (session.seat !== undefined) return;
    session.elsewhere = undefined;
    if (grace === 0) this.#presence.end(session, "lost");
    else sessions.wait(session, grace);
  }

  /** Ends the connection of a user for whom another process acts now. */
  #dismiss(session: Session): void {
    const { sessions, delivery } = this.#state;
    sessions.endWait(session);
    session.seat = undefined;
    delivery.deliver(session, { type: "bye", code: "displaced" }, true);
    session.face = undefined;
  }

  #rename(session: Session, { name }: SharedUser): void {
    const from = session.name;
    if (from === name) return;
    this.#state.sessions.rename(session, { name, key: nameKey(name) });
    for (const room of session.rooms.values()) {
      this.#state.delivery.notice(room, "renamed", { from, to: name }, session);
    }
  }

  #move(session: Session, { rooms: refs }: SharedUser): void {
    const { rooms } = this.#state;
    const wanted = new Set(refs.map((ref) => rooms.restore(ref)));
    for (const room of wanted) if (!session.rooms.has(room.key)) this.#enter(session, room);
    for (const room of [...session.rooms.values()]) {
      if (!wanted.has(room)) this.#exit(session, room);
    }
    const [current] = wanted;
    if (current !== undefined) session.current = current;
  }

  #enter(session: Session, room: Room<Session>): void {
    session.claim(room);
    this.#state.rooms.enter(room, session);
    this.#state.delivery.notice(room, "joined", { name: session.name }, session);
  }

  #exit(session: Session, room: Room<Session>): void {
    const { rooms, delivery } = this.#state;
    session.disclaim(room);
    rooms.exit(room, session);
    delivery.notice(room, "left", { name: session.name }, session);
    rooms.release(room);
  }

  #remove(session: Session): void {
    if (session.elsewhere === undefined) this.#dismiss(session);
    for (const room of [...session.rooms.values()]) this.#exit(session, room);
    this.#state.sessions.remove(session);
  }
}
