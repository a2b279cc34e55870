/**
 * What users read again: parts of a history, and searches.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type { HistoryPage, SearchHit } from "./archive/archive.ts";
import { conversationKey, conversationUsers } from "./archive/records.ts";
import { parseSearch } from "./archive/search_query.ts";
import type { HistoryQuery, Hit, SearchRequest } from "./events.ts";
import { withoutHash } from "./names.ts";
import { Past } from "./past.ts";
import { roomKey } from "./room.ts";
import type { Session } from "./session.ts";
import { type ChatState, reasonOf } from "./state.ts";
import { privateEvent, roomEvent } from "./stored_events.ts";

/** The number of messages in an answer, and its maximum. */
const [PAGE, MAX_PAGE] = [100, 500];

/** The number of results of a search. */
const HITS = 20;

/** The number of searches of a user that may run and wait. */
const MAX_SEARCHES = 2;

/** Answers questions about the past. */
export class Reading {
  readonly #state: ChatState;
  readonly #past: Past;
  /** The last search of each address. The next one begins after it, so that no address crowds others out. */
  readonly #searches = new Map<string, Promise<void>>();
  /** The number of searches of a user that run or wait. */
  readonly #searching = new Map<Session, number>();

  /** @param state The state of the lobby. */
  constructor(state: ChatState) {
    this.#state = state;
    this.#past = new Past(state);
  }

  /** Answers with a part of a history. */
  async history(session: Session, query: HistoryQuery): Promise<void> {
    const { delivery, archive } = this.#state;
    const { id, before, around, limit = PAGE } = query;
    const place = this.#placeOf(session, query);
    if (place === undefined) {
      return delivery.refuse(session, "not-in-room", query, {
        room: withoutHash(query.room ?? ""),
      });
    }
    await this.#answer(session, id, async () => {
      const page = await archive.history(place.key, {
        ...before !== undefined && { before },
        ...around !== undefined && { around },
        limit: Math.max(1, Math.min(limit, MAX_PAGE)),
        maxBytes: MAX_PAGE * 1024,
      });
      const { more, newer } = page;
      const events = await this.#eventsOf(session, place, page);
      const where = place.peer === undefined ? { room: place.room } : { peer: place.peer };
      const answer = { type: "history", ...where, events, more, newer } as const;
      delivery.deliver(session, id === undefined ? answer : { ...answer, id }, true);
    });
  }

  /** Answers with the results of a search, after earlier searches of the same address. */
  async search(session: Session, request: SearchRequest): Promise<void> {
    const others = this.#searching.get(session) ?? 0;
    if (others >= MAX_SEARCHES) {
      return this.#state.delivery.refuse(session, "searching", request);
    }
    this.#searching.set(session, others + 1);
    const lane = session.network ?? "";
    const search = (this.#searches.get(lane) ?? Promise.resolve())
      .then(() => this.#state.isOpen(session) ? this.#search(session, request) : undefined)
      .finally(() => {
        const left = this.#searching.get(session)! - 1;
        if (left === 0) this.#searching.delete(session);
        else this.#searching.set(session, left);
        if (this.#searches.get(lane) === search) this.#searches.delete(lane);
      });
    this.#searches.set(lane, search);
    await search;
  }

  async #search(session: Session, request: SearchRequest): Promise<void> {
    const { delivery, archive } = this.#state;
    const { id, query, room, before } = request;
    await this.#answer(session, id, async () => {
      const { words, from, in: names, isEmpty, badDates, ...times } = parseSearch(query);
      const keys = [...names, ...room === undefined ? [] : [room]].map(roomKey);
      const rooms = keys.length === 0
        ? [...session.rooms.keys(), ...await this.#conversationsOf(session)]
        : keys.filter((key) => session.rooms.has(key));
      if (isEmpty || badDates.length > 0) return delivery.reply(session, "usage-search", {}, id);
      const { before: until, after } = times;
      const page = await archive.search(
        {
          words,
          from,
          rooms,
          ...until !== undefined && { before: until },
          ...after !== undefined && { after },
        },
        { limit: HITS, ...before !== undefined && { before } },
      );
      const hits = await Promise.all(page.hits.map((hit) => this.#hitOf(session, hit)));
      const { next } = page;
      const more = next !== undefined;
      const answer = { type: "results", hits, more, ...more && { next } } as const;
      delivery.deliver(session, id === undefined ? answer : { ...answer, id }, true);
    });
  }

  /** Runs a question, and reports a failure of the archive to the user and to the log. */
  async #answer(session: Session, id: number | undefined, ask: () => Promise<void>): Promise<void> {
    // The user finds the own line of a moment ago.
    await this.#state.ledger.settled();
    try {
      await ask();
    } catch (error) {
      this.#state.report({ type: "not-readable", reason: reasonOf(error) });
      this.#state.delivery.refuse(session, "not-readable", { id });
    }
  }

  /** Returns the place of a question; undefined if the user may not read there. */
  #placeOf(
    session: Session,
    { room, peer }: HistoryQuery,
  ): { key: string; room?: string; peer?: string } | undefined {
    if (peer !== undefined) {
      if (!/^[1-9]\d{0,14}$/.test(peer)) return undefined;
      return { key: conversationKey(session.user, Number(peer)), peer };
    }
    const home = room === undefined ? session.current : session.rooms.get(roomKey(room));
    return home && { key: home.key, room: home.name };
  }

  async #eventsOf(
    session: Session,
    { key, room }: { key: string; room?: string },
    { messages }: HistoryPage,
  ) {
    if (room !== undefined) return messages.map((message) => roomEvent(message, room));
    const peer = await this.#past.peerIn(key, session);
    return messages.map((message) => privateEvent(message, session.name, peer));
  }

  async #conversationsOf({ user }: Session): Promise<string[]> {
    return (await this.#state.archive.conversations(user)).map(({ key }) => key);
  }

  async #hitOf(session: Session, { message, marks }: SearchHit): Promise<Hit> {
    const { seq, at, name: from, text, room: key, roomName } = message;
    const hit = { seq, from, at, text, marks };
    if (conversationUsers(key) === undefined) {
      return { ...hit, room: session.rooms.get(key)?.name ?? roomName };
    }
    const { user, name } = await this.#past.peerIn(key, session);
    return { ...hit, peer: `${user}`, with: name };
  }
}
