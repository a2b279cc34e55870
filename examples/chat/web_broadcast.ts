/**
 * The browsers of each room. An event is encoded once for each language and sent to all browsers of the
 * room that use this language.
 *
 * @module
 */

import { type RoomMember, WsRoom } from "../../ws/room.ts";
import type { RoomEvent } from "./events.ts";
import type { Lang } from "./words.ts";

/** A browser that receives broadcasts. */
export interface Hearer extends RoomMember {
  /** The id of the user. */
  readonly user: number | undefined;
}

const LANGS: readonly Lang[] = ["en", "zh"];

/** The browsers by room and language. */
export class WebBroadcast {
  readonly #encode: (event: RoomEvent, lang: Lang) => string;
  readonly #rooms = new Map<string, WsRoom<Hearer>>();
  readonly #places = new Map<Hearer, string>();
  #told: RoomEvent | undefined;

  /** @param encode Returns the text of an event of another user. */
  constructor(encode: (event: RoomEvent, lang: Lang) => string) {
    this.#encode = encode;
  }

  /**
   * Moves a browser into a room.
   *
   * @param hearer The browser to move.
   * @param room The name of the room.
   * @param lang The language of the browser.
   */
  enter(hearer: Hearer, room: string, lang: Lang): void {
    this.leave(hearer);
    const place = `${lang} ${room}`;
    let hearers = this.#rooms.get(place);
    if (hearers === undefined) this.#rooms.set(place, hearers = new WsRoom());
    hearers.join(hearer);
    this.#places.set(hearer, place);
  }

  /**
   * Removes a browser from its room, and the room if it is empty.
   *
   * @param hearer The browser to remove.
   */
  leave(hearer: Hearer): void {
    const place = this.#places.get(hearer);
    if (place === undefined) return;
    this.#places.delete(hearer);
    const room = this.#rooms.get(place)!;
    room.leave(hearer);
    if (room.members.size === 0) this.#rooms.delete(place);
  }

  /**
   * Sends an event to all browsers in its room, except to the user who caused it. Each browser calls this
   * method; only the first call for an event has an effect.
   *
   * @param event The event of a room.
   */
  tell(event: RoomEvent): void {
    if (event === this.#told) return;
    this.#told = event;
    for (const lang of LANGS) {
      const room = this.#rooms.get(`${lang} ${event.room}`);
      if (room === undefined) continue;
      const own = new Set([...room.members].filter(({ user }) => user === event.user));
      room.broadcast(this.#encode(event, lang), { except: own });
    }
  }
}
