/**
 * Who may enter: names, limits, and tokens of earlier connections.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { UserRecord } from "./archive/archive.ts";
import type { RefusalCode } from "./events.ts";
import type { ChatRefusal, Face, JoinRequest, Member } from "./member.ts";
import { type GoodName, nameKey } from "./names.ts";
import { knownOf } from "./past.ts";
import type { Presence } from "./presence.ts";
import { LOBBY, type Room } from "./room.ts";
import { type Acts, Seat } from "./seat.ts";
import { Session, tokenHash } from "./session.ts";
import { type ChatState, reasonOf } from "./state.ts";

/** A user who may enter. */
interface Admitted {
  readonly good: GoodName;
  readonly room: Room<Session>;
  /** The room that the user asked for and does not get. */
  readonly astray?: string;
}

/** Admits users. */
export class Admission {
  readonly #state: ChatState;
  readonly #presence: Presence;
  readonly #acts: Acts;

  /**
   * @param state The state of the lobby.
   * @param presence The part of the lobby that moves users.
   * @param acts The actions of a seat.
   */
  constructor(state: ChatState, presence: Presence, acts: Acts) {
    this.#state = state;
    this.#presence = presence;
    this.#acts = acts;
  }

  /** Admits a user. The first event of the face is the welcome. */
  async join(request: JoinRequest, face: Face): Promise<Member | ChatRefusal> {
    const token = face.rooms === "one" ? undefined : request.token;
    const hash = token === undefined ? undefined : tokenHash(token);
    const record = await this.#recordOf(hash);
    if (record !== undefined && "code" in record) return this.#refuse(record, face);
    // The session may have come back during the question.
    const live = hash === undefined ? undefined : this.#state.sessions.withToken(hash);
    // Another connection of the user is about to join. It may be a dead one, so this one tries again.
    if (live?.user === 0 && this.#state.shared) return this.#refuse(refusal("unavailable"), face);
    if (live !== undefined && !this.#state.stopping && !this.#state.suspended) {
      const refused = this.#state.shared && await this.#takeOver(live);
      if (refused) return this.#refuse(refused, face);
      // Another process may have ended the session meanwhile, and perhaps begun it again.
      const session = this.#state.sessions.withToken(hash!);
      if (session !== undefined) return await this.#resume(session, request, face);
    }
    const known = record ?? (live && await this.#recordOf(hash));
    if (known !== undefined && "code" in known) return this.#refuse(known, face);
    const admitted = this.#admit(request, face, known);
    if ("code" in admitted) return this.#refuse(admitted, face);
    return await this.#enter(admitted, request, face, known);
  }

  /**
   * Takes a session from another process. This one may not know yet that there is another one. Returns the
   * reason if that fails.
   */
  async #takeOver(session: Session): Promise<ChatRefusal | undefined> {
    return await this.#acquire(session, session.user).catch(() => refusal("unavailable"));
  }

  /** Gets the id, the name and the session of a user for this process. Returns the reason if that fails. */
  async #acquire(session: Session, user: number | undefined): Promise<ChatRefusal | undefined> {
    const { shared, roster, settings: { now } } = this.#state;
    if (shared === undefined) {
      session.user = user ?? await roster.create(session);
      return undefined;
    }
    const record = session.record(now(), "online");
    const claimed = await shared.claim(user === undefined ? record : { ...record, id: user });
    if (claimed === "full") return refusal("full");
    if (claimed === "taken") return { code: "name-taken", params: { name: session.name } };
    session.user = claimed;
    return this.#state.suspended ? refusal("unavailable") : undefined;
  }

  /** Brings back the users whose sessions had not ended when the server did. They are away. */
  async restore(): Promise<void> {
    const { archive, sessions, rooms, roster, settings: { grace } } = this.#state;
    for (const record of await archive.aliveUsers()) {
      const { name, tokenHash: hash, rooms: refs } = record;
      const key = nameKey(name);
      const homes = refs.map((ref) => rooms.restore(ref));
      const session = new Session({ name, key, hash, token: "" }, homes[0] ?? rooms.lobby);
      session.user = record.id!;
      for (const room of homes) session.claim(room);
      if (hash === undefined || grace === 0 || sessions.named(key) !== undefined) {
        roster.save(session, "gone");
        this.#forget(session);
        continue;
      }
      for (const room of session.rooms.values()) rooms.enter(room, session);
      sessions.reserve(session);
      sessions.admit(session);
      sessions.wait(session, grace);
    }
  }

  #refuse(refusal: ChatRefusal, { address }: Face): ChatRefusal {
    this.#state.refused++;
    this.#state.report({ type: "refused", code: refusal.code, address });
    return refusal;
  }

  /** Returns the user with a token who is not in the chat; a refusal if the archive cannot be read. */
  async #recordOf(hash: string | undefined): Promise<UserRecord | ChatRefusal | undefined> {
    if (hash === undefined || this.#state.sessions.withToken(hash) !== undefined) return undefined;
    try {
      await this.#state.roster.saved();
      return await this.#state.archive.userByToken(hash);
    } catch (error) {
      this.#state.report({ type: "not-readable", reason: reasonOf(error) });
      return refusal("unavailable");
    }
  }

  /** Returns the name and the room of a user who may join, or the reason for the refusal. */
  #admit(request: JoinRequest, face: Face, record?: UserRecord): Admitted | ChatRefusal {
    const { stopping, suspended, sessions, rooms, settings: { maxUsers } } = this.#state;
    if (stopping) return refusal("stopping");
    if (suspended) return refusal("unavailable");
    const good = this.#nameFor(request.name, record);
    if ("code" in good) return good;
    if (maxUsers > 0 && sessions.size >= maxUsers && !this.#presence.giveWay()) {
      return refusal("full");
    }
    const given = request.room ?? record?.rooms[0]?.name ?? LOBBY;
    const room = rooms.open(given, face.network);
    if (!("code" in room)) return { good, room };
    // A limit of rooms must not lock out a user who was in the chat before.
    const instead = room.code === "address-rooms" || record !== undefined;
    return instead ? { good, room: rooms.lobby, astray: given } : room;
  }

  /** Returns the name that the user asks for, or the one that the user had. */
  #nameFor(given: string, record: UserRecord | undefined): GoodName | ChatRefusal {
    const good = this.#presence.freeName(given);
    if (record === undefined || !("code" in good)) return good;
    const old = this.#presence.freeName(record.name);
    return "code" in old ? good : old;
  }

  /** Begins a session. */
  async #enter(
    { good, room, astray }: Admitted,
    request: JoinRequest,
    face: Face,
    record?: UserRecord,
  ): Promise<Member | ChatRefusal> {
    const { sessions } = this.#state;
    const token = face.rooms === "one"
      ? ""
      : record && request.token || this.#state.settings.secret();
    const hash = token === "" ? undefined : tokenHash(token);
    const session = new Session({ ...good, hash, token }, room);
    session.astray = astray;
    for (const { name } of record?.rooms ?? []) this.#claim(session, name, face);
    sessions.reserve(session);
    const refused = await this.#acquire(session, record?.id).catch(() => refusal("unavailable"));
    if (refused !== undefined) {
      sessions.remove(session);
      this.#forget(session);
      return this.#refuse(refused, face);
    }
    this.#replace(session);
    sessions.admit(session);
    this.#state.joined++;
    this.#state.report({
      type: "joined",
      name: session.name,
      room: room.name,
      address: face.address,
    });
    return await this.#seat(session, request, face, false);
  }

  /** Takes the place of the session that another process had, and that became known meanwhile. */
  #replace(session: Session): void {
    const { sessions, rooms, delivery } = this.#state;
    const other = sessions.ofUser(session.user);
    if (other === undefined || other === session) return;
    other.seat = undefined;
    delivery.deliver(other, { type: "bye", code: "displaced" }, true);
    other.face = undefined;
    for (const room of [...other.rooms.values()]) {
      other.disclaim(room);
      rooms.exit(room, other);
      rooms.release(room);
    }
    sessions.remove(other);
    sessions.reserve(session);
  }

  /** Replaces the connection of a user. Other users get no notice, because nobody joined or left. */
  #resume(session: Session, request: JoinRequest, face: Face): Promise<Member> {
    const { delivery, sessions } = this.#state;
    // The old seat acts no more: the end of its connection must not end the session.
    session.seat = undefined;
    delivery.deliver(session, { type: "bye", code: "displaced" }, true);
    session.face = undefined;
    session.elsewhere = undefined;
    session.token = request.token!;
    sessions.endWait(session);
    const { name, current: { name: room } } = session;
    this.#state.report({ type: "resumed", name, room, address: face.address });
    return this.#seat(session, request, face, true);
  }

  /** Seats a user. Resolves after the welcome. */
  #seat(session: Session, request: JoinRequest, face: Face, resumed: boolean): Promise<Member> {
    const seat = new Seat(session, face, this.#acts);
    session.seat = seat;
    session.address = face.address;
    session.network = face.network;
    const refusals = [request.room, ...request.rooms ?? []]
      .flatMap((given) => given === undefined ? [] : this.#claim(session, given, face));
    this.#state.roster.save(session, "online");
    const known = knownOf(request, this.#state.archive.epoch);
    const arrival = { token: session.token, resumed, ...known && { known } };
    return new Promise((resolve) => {
      this.#state.ledger.run(async () => {
        if (!seat.present || !await this.#presence.arrive(session, arrival)) {
          face.deliver({ type: "bye", code: "displaced" }, true);
        } else {
          for (const { code, params } of refusals) {
            this.#state.delivery.reply(session, code, params);
          }
        }
        resolve(seat);
      });
    });
  }

  /** Permits a user to speak in one more room. Returns the refusals. */
  #claim(session: Session, given: string, face: Face): ChatRefusal[] {
    const { rooms, settings: { maxRoomsPerUser: most } } = this.#state;
    if (face.rooms === "one") return [];
    if (most > 0 && session.rooms.size >= most) return [];
    const room = rooms.open(given, face.network);
    if ("code" in room) return [room];
    session.claim(room);
    return [];
  }

  /** Removes a session that did not begin from its rooms. */
  #forget(session: Session): void {
    for (const room of [...session.rooms.values()]) {
      session.disclaim(room);
      this.#state.rooms.release(room);
    }
  }
}

function refusal(code: RefusalCode): ChatRefusal {
  return { code, params: {} };
}
