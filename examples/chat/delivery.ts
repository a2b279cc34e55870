/**
 * The delivery of events to the faces of users. All broadcasts run in the order of the ledger, so all
 * users in a room receive the same events in the same order.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent, ErrorCode, NoticeCode, Params, ReplyCode, RoomEvent } from "./events.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";

/** The destination of a line, as the face named it. */
export interface Named {
  /** The id of the line. */
  readonly id?: number;
  /** The room of the line. */
  readonly room?: string;
  /** The peer of the line. */
  readonly peer?: string;
}

/** Delivers events and counts them. */
export class Delivery {
  /** The number of delivered events. */
  count = 0;
  readonly #now: () => number;
  readonly #onConfirm: () => void;

  /**
   * @param now Returns the time in milliseconds since 1970.
   * @param onConfirm Called after the others have an event, and before its author.
   */
  constructor(now: () => number, onConfirm: () => void) {
    this.#now = now;
    this.#onConfirm = onConfirm;
  }

  /** Sends an event to one user. A face that fails affects only its own user. */
  deliver(session: Session, event: ChatEvent, own: boolean): void {
    const { face } = session;
    if (face === undefined) return;
    this.count++;
    try {
      face.deliver(event, own);
    } catch {
      fail(session);
    }
  }

  /** Sends events of one author to all users in a room; last to the author, as confirmations. */
  broadcast(room: Room<Session>, events: readonly RoomEvent[], author?: Session): void {
    // The loop is the hot path of the chat.
    for (const session of room.members) {
      if (session === author || session.face === undefined) continue;
      this.count += events.length;
      try {
        session.face.hear(events);
      } catch {
        fail(session);
      }
    }
    if (author?.face === undefined || !room.members.has(author)) return;
    for (const event of events) {
      this.#onConfirm();
      this.deliver(author, event, true);
    }
  }

  /** Tells a room who came, left or changes the name. The user is told, too, if still in the room. */
  notice(room: Room<Session>, code: NoticeCode, params: Params, subject?: Session): void {
    const notice = { type: "notice", at: this.#now(), room: room.name, code, params } as const;
    if (subject === undefined) return this.broadcast(room, [notice]);
    this.broadcast(room, [{ ...notice, user: subject.user }], subject);
  }

  /** Answers a command. */
  reply(session: Session, code: ReplyCode, params: Params = {}, id?: number): void {
    const reply = { type: "reply", code, params } as const;
    this.deliver(session, id === undefined ? reply : { ...reply, id }, true);
  }

  /** Hands a line or a request back. */
  refuse(session: Session, code: ErrorCode, { id, room, peer }: Named, params: Params = {}): void {
    this.deliver(session, {
      type: "error",
      code,
      params,
      ...id !== undefined && { id },
      ...room !== undefined && { room },
      ...peer !== undefined && { peer },
    }, true);
  }
}

/** Ends the connection of a user whose face failed. */
function fail(session: Session): void {
  session.face = undefined;
  session.seat?.leave("error");
}
