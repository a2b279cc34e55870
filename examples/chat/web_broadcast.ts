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
  readonly user: number;
}

const LANGS: readonly Lang[] = ["en", "zh"];

/** The rooms of one browser. */
interface Place {
  lang: Lang;
  readonly rooms: Set<string>;
}

/** The browsers by room and language. */
export class WebBroadcast {
  readonly #encode: (event: RoomEvent, lang: Lang) => string;
  readonly #rooms = new Map<string, WsRoom<Hearer>>();
  readonly #places = new Map<Hearer, Place>();
  /** The browser of each user. */
  readonly #users = new Map<number, Hearer>();
  /** All browsers whose users are in the chat. */
  readonly #all = new WsRoom<Hearer>();
  #told: readonly RoomEvent[] | undefined;

  /** @param encode Returns the text of an event of another user. */
  constructor(encode: (event: RoomEvent, lang: Lang) => string) {
    this.#encode = encode;
  }

  /**
   * Adds a browser to a room.
   *
   * @param hearer The browser to add.
   * @param room The name of the room.
   * @param lang The language of the browser.
   */
  enter(hearer: Hearer, room: string, lang: Lang): void {
    const place = this.#places.get(hearer) ?? { lang, rooms: new Set() };
    if (place.rooms.size === 0) {
      this.#places.set(hearer, place);
      this.#users.set(hearer.user, hearer);
      this.#all.join(hearer);
    }
    place.rooms.add(room);
    this.#join(hearer, room, place.lang);
  }

  /**
   * Removes a browser from one room, or from all.
   *
   * @param hearer The browser to remove.
   * @param room The name of the room. Default: all rooms.
   */
  leave(hearer: Hearer, room?: string): void {
    const place = this.#places.get(hearer);
    if (place === undefined) return;
    for (const each of room === undefined ? [...place.rooms] : [room]) {
      if (place.rooms.delete(each)) this.#leave(hearer, each, place.lang);
    }
    if (place.rooms.size > 0) return;
    this.#places.delete(hearer);
    if (this.#users.get(hearer.user) === hearer) this.#users.delete(hearer.user);
    this.#all.leave(hearer);
  }

  /**
   * Changes the language of a browser.
   *
   * @param hearer The browser to change.
   * @param lang The language of further notices.
   */
  setLang(hearer: Hearer, lang: Lang): void {
    const place = this.#places.get(hearer);
    if (place === undefined || place.lang === lang) return;
    for (const room of place.rooms) {
      this.#leave(hearer, room, place.lang);
      this.#join(hearer, room, lang);
    }
    place.lang = lang;
  }

  /**
   * Sends events to all browsers in their room, except to the user who caused them. Each browser calls this
   * method; only the first call for an array has an effect.
   *
   * @param events The events of a room.
   */
  tell(events: readonly RoomEvent[]): void {
    if (events === this.#told) return;
    this.#told = events;
    for (const event of events) this.#tell(event);
  }

  #tell(event: RoomEvent): void {
    const own = event.user === undefined ? undefined : this.#users.get(event.user);
    const options = own && { except: own };
    // Only a notice contains words.
    let shared: string | undefined;
    for (const lang of LANGS) {
      const room = this.#rooms.get(`${lang} ${event.room}`);
      if (room === undefined) continue;
      const text = shared ?? this.#encode(event, lang);
      if (event.type !== "notice") shared = text;
      room.broadcast(text, options);
    }
  }

  /**
   * Sends a text to all browsers whose users are in the chat.
   *
   * @param text The text of the frame.
   */
  tellAll(text: string): void {
    this.#all.broadcast(text);
  }

  #join(hearer: Hearer, room: string, lang: Lang): void {
    const place = `${lang} ${room}`;
    let hearers = this.#rooms.get(place);
    if (hearers === undefined) this.#rooms.set(place, hearers = new WsRoom());
    hearers.join(hearer);
  }

  #leave(hearer: Hearer, room: string, lang: Lang): void {
    const place = `${lang} ${room}`;
    const hearers = this.#rooms.get(place);
    hearers?.leave(hearer);
    if (hearers?.members.size === 0) this.#rooms.delete(place);
  }
}
