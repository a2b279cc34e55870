/**
 * Who is where: entering and leaving rooms, lost connections, new names, the end of the chat.
 *
 * What a user may do changes at once; what others hear of it follows in the order of the ledger. So a
 * line after `/join` belongs to the new room, and a line before `/quit` is heard before the notice.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { ByeCode, ChatWelcome, Params, ReplyCode } from "./events.ts";
import type { ChatRefusal, LeaveReason, Replay } from "./member.ts";
import { checkName, type GoodName, withoutHash } from "./names.ts";
import { foldText } from "./names/skeleton.ts";
import { type Known, Past, type PrivatePast, type RoomPast } from "./past.ts";
import { type Room, roomKey } from "./room.ts";
import type { Session } from "./session.ts";
import type { ChatState } from "./state.ts";

/** The state of a connection, for its welcomes. */
export interface Arrival {
  /** The token of the user; empty for a terminal. */
  readonly token: string;
  /** The events that the user has seen already. */
  readonly known?: Known;
  /** Whether the connection continues a session. */
  readonly resumed: boolean;
}

/** The users of one address who keep their places in a full chat while they are away. */
const CROWD = 16;

/** Moves users. */
export class Presence {
  readonly #state: ChatState;
  readonly #past: Past;

  /** @param state The state of the lobby. */
  constructor(state: ChatState) {
    this.#state = state;
    this.#past = new Past(state);
  }

  /**
   * Sends the welcomes of a connection, and brings its user into rooms that are new. Runs as a task.
   *
   * @param session The session of the user.
   * @param arrival The state of the connection.
   * @returns False if the session has another connection meanwhile.
   */
  async arrive(session: Session, arrival: Arrival): Promise<boolean> {
    const { seat } = session;
    const rooms = this.#roomsOf(session);
    const { replay } = seat!.face;
    const shares = rooms.map((_, i) => shareOf(replay, i, rooms.length));
    const pasts = await Promise.all(
      rooms.map((room, i) => this.#past.room(room, arrival.known, shares[i]!)),
    );
    const privates = await this.#past.privates(session, arrival.known, replay.bytes / 4);
    if (session.seat !== seat) return false;
    session.face = seat!.face;
    const fresh = rooms.filter((room) => !room.members.has(session));
    for (const room of fresh) this.#state.rooms.enter(room, session);
    for (const [i, room] of rooms.entries()) {
      this.#welcome(session, { room, past: pasts[i]!, privates, also: i > 0 }, arrival);
    }
    for (const event of privates.events) {
      this.#state.delivery.deliver(session, event, event.user === session.user);
    }
    for (const room of fresh) {
      this.#state.delivery.notice(room, "joined", { name: session.name }, session);
    }
    return true;
  }

  /** Brings a user into a room, in addition to the others or in place of the current one. */
  move(session: Session, given: string, id?: number): void {
    const { delivery } = this.#state;
    if (given === "") return delivery.reply(session, "usage-join", {}, id);
    const room = this.#roomFor(session, given);
    if ("code" in room) return delivery.reply(session, room.code, room.params, id);
    const from = session.current;
    if (room === from) return delivery.reply(session, "same-room", { room: room.name }, id);
    const leaves = session.face?.rooms === "one";
    const isNew = !session.rooms.has(room.key);
    if (isNew) {
      if (leaves) session.disclaim(from);
      session.claim(room);
    }
    session.current = room;
    session.astray = undefined;
    this.#state.roster.save(session, "online");
    const { name } = session;
    if (leaves) this.#state.report({ type: "moved", name, from: from.name, to: room.name });
    else if (isNew) this.#state.report({ type: "entered", name, room: room.name });
    this.#state.ledger.run(() => this.#enter(session, room, from));
  }

  /** Removes a user from one room of several. */
  leaveRoom(session: Session, given: string, id?: number): void {
    const { delivery, ledger, roster } = this.#state;
    const room = given === "" ? session.current : session.rooms.get(roomKey(given));
    if (room === undefined) {
      return delivery.refuse(session, "not-in-room", { id, room: given }, {
        room: withoutHash(given),
      });
    }
    if (session.rooms.size === 1) return delivery.reply(session, "last-room", {}, id);
    session.disclaim(room);
    if (session.current === room) session.current = session.rooms.values().next().value!;
    roster.save(session, "online");
    ledger.run(async () => {
      // After a crash, nobody returns to a room that he has left.
      await roster.saved();
      if (roster.waits(session.user)) return this.#stay(session, room, id);
      this.#state.report({ type: "exited", name: session.name, room: room.name });
      this.#exit(session, room, true);
    });
  }

  /** Keeps a user in a room, because the archive cannot learn that the user leaves. */
  #stay(session: Session, room: Room<Session>, id?: number): void {
    const { sessions, delivery, roster } = this.#state;
    if (sessions.ofUser(session.user) !== session) return this.#exit(session, room, true);
    session.claim(room);
    roster.save(session, "online");
    delivery.refuse(session, "not-stored", { id, room: room.name });
  }

  /** Gives a user another name. */
  rename(session: Session, given: string, id?: number): void {
    const { delivery } = this.#state;
    if (given === "") return delivery.reply(session, "usage-nick", {}, id);
    const good = this.freeName(given, session);
    if ("code" in good) return delivery.reply(session, good.code, good.params, id);
    const from = session.name;
    if (good.name === from) return delivery.reply(session, "same-name", { name: from }, id);
    if (this.#state.shared !== undefined) return void this.#claimName(session, good, id);
    this.#renamed(session, good);
  }

  /** Gives a user another name if no user of another process has it. */
  async #claimName(session: Session, good: GoodName, id?: number): Promise<void> {
    const { shared, delivery, settings } = this.#state;
    // What is saved later must have the new name.
    await this.#state.roster.saved();
    const record = { ...session.record(settings.now(), "online"), name: good.name };
    const claimed = await shared!.claim(record).catch(() => undefined);
    if (!this.#state.isOpen(session)) return;
    if (claimed === undefined) return delivery.reply(session, "unavailable", {}, id);
    if (typeof claimed === "number") return this.#renamed(session, good);
    delivery.reply(session, "name-taken", { name: good.name }, id);
  }

  #renamed(session: Session, good: GoodName): void {
    const { delivery, sessions, ledger, roster } = this.#state;
    const from = session.name;
    sessions.rename(session, good);
    roster.save(session, "online");
    this.#state.report({ type: "renamed", from, to: good.name });
    ledger.run(() => {
      for (const room of this.#roomsOf(session)) {
        delivery.notice(room, "renamed", { from, to: good.name }, session);
      }
    });
  }

  /** Checks a name. `session` is the user who changes the name, if the user is in the chat already. */
  freeName(given: string, session?: Session): GoodName | ChatRefusal {
    const good = checkName(given);
    if ("problem" in good) {
      return { code: good.problem, params: { suggestion: good.suggestion ?? "" } };
    }
    const owner = this.#state.sessions.named(good.key);
    if (owner === undefined || owner === session) return good;
    const same = foldText(owner.name) === foldText(good.name);
    return { code: same ? "name-taken" : "name-similar", params: { name: owner.name } };
  }

  /** Ends the connection of a user. The session ends, too, unless the user can come back. */
  lose(session: Session, reason: LeaveReason): void {
    const { sessions, roster, settings: { grace }, stopping, suspended } = this.#state;
    if (stopping || suspended) {
      // The user can come back after a restart, so the archive must not hear that the session has ended.
      session.seat = session.face = undefined;
      return;
    }
    const ends = session.hash === undefined || reason === "quit" || grace === 0;
    if (ends) return this.end(session, reason);
    session.seat = session.face = undefined;
    session.lostBy = reason;
    this.#makeRoom(session);
    sessions.wait(session, grace);
    roster.save(session, "away");
    this.#report(session, "away", reason);
  }

  /** Ends the wait of the first one of too many users of an address who may come back. */
  #makeRoom({ network }: Session): void {
    const { sessions, settings: { maxAwayPerAddress: most } } = this.#state;
    if (most === 0 || network === undefined) return;
    const waiting = sessions.waitingAt(network);
    const [first] = waiting;
    if (first !== undefined && waiting.length >= most) this.end(first, first.lostBy);
  }

  /**
   * Makes room in a full chat, if many users of one address are away: connections that come and go must not
   * take the places of all others.
   *
   * @returns Whether a place is free now.
   */
  giveWay(): boolean {
    const crowd = this.#state.sessions.crowd();
    const [first] = crowd;
    if (first === undefined || crowd.length <= CROWD) return false;
    this.end(first, first.lostBy);
    return true;
  }

  /** Ends a session. The name is free at once; the rooms hear of it after all earlier lines. */
  end(session: Session, reason: LeaveReason, bye?: ByeCode): void {
    const { sessions, roster, ledger, delivery, left } = this.#state;
    const rooms = this.#roomsOf(session);
    roster.save(session, "gone");
    sessions.remove(session);
    session.seat = undefined;
    if (bye === undefined) session.face = undefined;
    left[reason]++;
    this.#report(session, "left", reason);
    for (const room of rooms) session.disclaim(room);
    ledger.run(() => {
      if (bye !== undefined) delivery.deliver(session, { type: "bye", code: bye }, true);
      session.face = undefined;
      for (const room of rooms) this.#exit(session, room, false);
    });
  }

  /** Tells all users that the chat stops, after all earlier lines. Sessions are not ended in the archive. */
  stop(): void {
    const { sessions, rooms, ledger, delivery, left } = this.#state;
    this.#state.stopping = true;
    ledger.run(() => {
      const at = this.#state.settings.now();
      const notices = new Map(Array.from(rooms, (room) => {
        const { name } = room;
        return [room, { type: "notice", at, room: name, code: "stopping", params: {} } as const];
      }));
      for (const session of sessions) {
        // One notice for each user, also for a user of many rooms.
        delivery.deliver(session, notices.get(session.current)!, true);
        delivery.deliver(session, { type: "bye", code: "shutdown" }, true);
        session.seat = session.face = undefined;
        if (session.elsewhere !== undefined) continue;
        left.shutdown++;
        this.#report(session, "left", "shutdown");
      }
      for (const room of rooms) room.members.clear();
      sessions.clear();
    });
  }

  /** Returns a room that a user may enter. */
  #roomFor(
    session: Session,
    given: string,
  ): Room<Session> | { readonly code: ReplyCode; readonly params: Params } {
    const { rooms, settings: { maxRoomsPerUser: most } } = this.#state;
    const { face } = session;
    const room = rooms.open(given, face?.network ?? "");
    if ("code" in room || session.rooms.has(room.key) || face?.rooms === "one") return room;
    if (most === 0 || session.rooms.size < most) return room;
    rooms.release(room);
    return { code: "too-many-rooms", params: { max: `${most}` } };
  }

  /** Completes a `/join`. */
  async #enter(session: Session, room: Room<Session>, from: Room<Session>): Promise<void> {
    if (!session.rooms.has(from.key)) this.#exit(session, from, false);
    const replay = session.face?.replay;
    const past = replay && await this.#past.room(room, undefined, replay);
    const privates = await this.#past.privates(session);
    // The user may have left meanwhile.
    if (!session.rooms.has(room.key)) return this.#state.rooms.release(room);
    const fresh = !room.members.has(session);
    this.#state.rooms.enter(room, session);
    if (past) {
      const arrival = { token: session.token, resumed: false };
      this.#welcome(session, { room, past, privates, also: false }, arrival);
    }
    if (fresh) this.#state.delivery.notice(room, "joined", { name: session.name }, session);
  }

  /** Removes a user from a room whose other users are told. */
  #exit(session: Session, room: Room<Session>, told: boolean): void {
    const { rooms, delivery } = this.#state;
    if (room.members.has(session)) {
      if (!told) rooms.exit(room, session);
      delivery.notice(room, "left", { name: session.name }, session);
      rooms.exit(room, session);
    }
    rooms.release(room);
  }

  /** The rooms of a user, the current one first. */
  #roomsOf({ rooms, current }: Session): Room<Session>[] {
    return [current, ...[...rooms.values()].filter((room) => room !== current)];
  }

  #welcome(
    session: Session,
    { room, past, privates, also }: {
      room: Room<Session>;
      past: RoomPast;
      privates: PrivatePast;
      also: boolean;
    },
    { token, resumed }: Arrival,
  ): void {
    const { settings: { maxLine, maxLines, maxFile }, archive, ledger, delivery } = this.#state;
    const members = [...room.members];
    const welcome: ChatWelcome = {
      type: "welcome",
      name: session.name,
      user: session.user,
      room: room.name,
      ...also && { also },
      epoch: archive.epoch,
      token,
      members: members.map(({ name }) => name),
      users: members.map(({ user }) => user),
      ...past,
      seq: ledger.seq,
      resumed,
      rooms: this.#roomsOf(session).map(({ name }) => name),
      // Once is enough: with fifty rooms, the names of a hundred users would fill the send queue.
      peers: also ? [] : privates.peers,
      ...!privates.complete && !also && { gap: true },
      limits: { maxLine, maxLines, maxFile },
    };
    delivery.deliver(session, welcome, true);
  }

  #report(session: Session, type: "away" | "left", reason: LeaveReason): void {
    const { name, address, current: { name: room } } = session;
    this.#state.report({ type, name, room, address, reason });
  }
}

/** Returns the part of one room of several: the current one gets half, the others share the rest. */
function shareOf({ messages, bytes }: Replay, index: number, rooms: number): Replay {
  if (rooms === 1) return { messages, bytes };
  return { messages, bytes: bytes / 2 / (index === 0 ? 1 : rooms - 1) };
}
