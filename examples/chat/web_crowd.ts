/**
 * The browsers of each room: an event is encoded once for all who hear it in
 * one language, and handed to all of them at once.
 *
 * @module
 */

import { type RoomMember, WsRoom } from "../../ws/room.ts";
import type { HistoryEvent } from "./events.ts";
import type { Lang } from "./words.ts";

/** A browser in the crowd. */
export interface Hearer extends RoomMember {
  /** The user's name at this moment. */
  readonly name: string | undefined;
}

const LANGS: readonly Lang[] = ["en", "zh"];

/** Who hears what, by room and language. */
export class WebCrowd {
  readonly #encode: (event: HistoryEvent, lang: Lang) => string;
  readonly #rooms = new Map<string, WsRoom<Hearer>>();
  readonly #places = new Map<Hearer, string>();
  #told: HistoryEvent | undefined;

  /** @param encode Makes the text of an event that is nobody's own. */
  constructor(encode: (event: HistoryEvent, lang: Lang) => string) {
    this.#encode = encode;
  }

  /**
   * Puts a browser into a room, out of the one where it was.
   *
   * @param hearer The browser.
   * @param room The room.
   * @param lang Its language.
   */
  enter(hearer: Hearer, room: string, lang: Lang): void {
    this.leave(hearer);
    const place = `${lang} ${room}`;
    let crowd = this.#rooms.get(place);
    if (crowd === undefined) this.#rooms.set(place, crowd = new WsRoom());
    crowd.join(hearer);
    this.#places.set(hearer, place);
  }

  /**
   * Takes a browser out; an empty room vanishes.
   *
   * @param hearer The browser.
   */
  leave(hearer: Hearer): void {
    const place = this.#places.get(hearer);
    if (place === undefined) return;
    this.#places.delete(hearer);
    const crowd = this.#rooms.get(place)!;
    crowd.leave(hearer);
    if (crowd.members.size === 0) this.#rooms.delete(place);
  }

  /**
   * Tells an event to everyone in its room but the one whose own it is; the first to hear of it
   * calls for all.
   *
   * @param event The event.
   */
  tell(event: HistoryEvent): void {
    if (event === this.#told) return;
    this.#told = event;
    const actor = event.type === "message" ? event.from : event.params.name ?? event.params.to;
    for (const lang of LANGS) {
      const crowd = this.#rooms.get(`${lang} ${event.room}`);
      if (crowd === undefined) continue;
      const own = new Set([...crowd.members].filter(({ name }) => name === actor));
      crowd.broadcast(this.#encode(event, lang), { except: own });
    }
  }
}
