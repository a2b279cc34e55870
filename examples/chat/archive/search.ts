/**
 * Searches a store.
 *
 * The search goes from the newest to the oldest message in portions, and lets other work run between two
 * portions. A page that takes too long ends early, and the next page goes on from there.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Database, SqlValue } from "./database.ts";
import { findMarks } from "./marks.ts";
import { EVENT_COLUMNS, type EventRow, MessageFlag, type MessageReader } from "./messages.ts";
import type { NameTable } from "./names.ts";
import type { SearchHit, SearchPage, SearchQuery, SearchRange } from "./reading.ts";
import type { RoomTable } from "./rooms.ts";
import type { SearchIndex } from "./search_index.ts";
import { MAX_WORD, MAX_WORDS } from "./search_query.ts";

/** Numbers of the first window in a store with many messages. */
const WINDOW = 20_000;

/** Maximum number of messages in rooms that are read without the index, in 20 ms. */
export const FEW = 5000;

/** Maximum number of messages that one question to the index returns. */
const CHUNK = 1000;

/** Maximum number of words that the index looks for. Others are looked for in the messages found. */
const MAX_INDEXED = 4;

/** Time in milliseconds that a portion should take. */
const PORTION_TIME = 8;

/** Time in milliseconds after which a page ends, even with few hits. */
const MAX_TIME = 300;

/** Maximum step of the clock backwards, in milliseconds, that a search by time allows for. */
const CLOCK_SLACK = 86_400_000;

/** Fewer characters are not in the index, which has parts of three characters. */
const MIN_INDEXED = 3;

/** The query in SQL. */
interface Plan {
  readonly words: readonly string[];
  /** The question to the index; undefined if all messages are read. */
  readonly match?: string;
  /** Numbers of the first window, of which all messages are read. */
  readonly window: number;
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** The messages of a part of the store, the newest first. */
interface Portion {
  readonly rows: readonly EventRow[];
  /** The number from which on everything was looked at. */
  readonly end: number;
}

/** Finds messages. */
export class Searcher {
  readonly #db: Database;
  readonly #rooms: RoomTable;
  readonly #names: NameTable;
  readonly #reader: MessageReader;
  readonly #index: SearchIndex;
  readonly #few: number;

  /** Takes the database and the tables of one store, and the number of messages to read without the index. */
  constructor(
    db: Database,
    tables: { rooms: RoomTable; names: NameTable; reader: MessageReader; index: SearchIndex },
    few: number,
  ) {
    this.#few = few;
    this.#db = db;
    this.#rooms = tables.rooms;
    this.#names = tables.names;
    this.#reader = tables.reader;
    this.#index = tables.index;
  }

  /**
   * Returns a page of hits.
   *
   * @param query The words, authors, rooms and times.
   * @param range The size of the page, and where it begins.
   * @param pause Lets other work run between two portions.
   */
  async search(
    query: SearchQuery,
    range: SearchRange,
    pause: () => Promise<void>,
  ): Promise<SearchPage> {
    const plan = this.#plan(query, await this.#names.alike(query.from, pause));
    const { lowest, highest } = this.#bounds(query);
    let upper = Math.min(range.before ?? Infinity, highest + 1);
    if (plan === undefined || range.limit < 1) return { hits: [] };
    const hits: SearchHit[] = [];
    let { window } = plan;
    const started = performance.now();
    // Almost all rows are hits, unless some words are looked for in the rows only.
    const limit = plan.words.length > MAX_INDEXED ? CHUNK : range.limit;
    while (upper > lowest) {
      const began = performance.now();
      const { rows, end } = plan.match === undefined
        ? this.#read(plan, Math.max(lowest, upper - window), upper, limit)
        : this.#ask(plan, plan.match, lowest, upper, limit);
      upper = rows.length < limit ? end : rows.at(-1)!.seq;
      for (const row of rows) {
        this.#collect(hits, row, plan.words);
        if (hits.length < range.limit) continue;
        upper = row.seq;
        break;
      }
      if (hits.length >= range.limit || performance.now() - started > MAX_TIME) break;
      const speed = PORTION_TIME / Math.max(1, performance.now() - began);
      window = Math.ceil(window * Math.min(2, Math.max(0.25, speed)));
      await pause();
    }
    return { hits, ...(upper > lowest && { next: upper }) };
  }

  #collect(hits: SearchHit[], row: EventRow, words: readonly string[]): void {
    // The index and LIKE only preselect: they compare some letters in another way.
    const marks = findMarks(row.text, words);
    if (marks !== undefined) hits.push({ message: this.#reader.toMessage(row), marks });
  }

  /** Reads all messages of a window. */
  #read({ sql, values }: Plan, lower: number, upper: number, limit: number): Portion {
    return { rows: this.#db.all(sql, lower, upper, limit, ...values), end: lower };
  }

  /** Asks the index for some messages, and reads those that fit the other conditions. */
  #ask(
    { sql, values }: Plan,
    match: string,
    lowest: number,
    upper: number,
    limit: number,
  ): Portion {
    const found = this.#index.find(match, lowest, upper, CHUNK);
    const rows = this.#db.all<EventRow>(sql, JSON.stringify(found), null, limit, ...values);
    return { rows, end: found.length < CHUNK ? lowest : found.at(-1)! };
  }

  /** Returns the query in SQL for authors with some names; undefined if nothing can match. */
  #plan(query: SearchQuery, names: readonly string[]): Plan | undefined {
    const rooms = query.rooms.flatMap((key) => this.#rooms.find(key)?.id ?? []);
    if (rooms.length === 0 || (query.from.length > 0 && names.length === 0)) return undefined;
    const words = query.words.slice(0, MAX_WORDS).map((word) => word.slice(0, MAX_WORD * 2))
      .filter((word) => word !== "");
    // The index has the messages of all rooms. To read those of small rooms costs less.
    const isSmall = this.#rooms.total(rooms) <= this.#few;
    const isIndexed = (word: string) =>
      this.#index.isEnabled && !isSmall && [...word].length >= MIN_INDEXED;
    const long = words.filter(isIndexed).sort((a, b) => b.length - a.length)
      .slice(0, MAX_INDEXED);
    const values: SqlValue[] = [];
    const place = (value: SqlValue) => `?${values.push(value) + 3}`;
    const conditions = words.filter((word) => !isIndexed(word))
      .map((word) => `e.text LIKE ${place(likePattern(word))} ESCAPE '\\'`);
    const list = place(JSON.stringify(rooms));
    conditions.push(`e.room IN (SELECT value FROM json_each(${list}))`);
    if (names.length > 0) {
      conditions.push(`e.name IN (SELECT value FROM json_each(${place(JSON.stringify(names))}))`);
    }
    if (query.before !== undefined) conditions.push(`e.at < ${place(query.before)}`);
    if (query.after !== undefined) conditions.push(`e.at >= ${place(query.after)}`);
    const source = long.length > 0 ? FOUND : isSmall ? inRooms(list) : ALL;
    const sql = `SELECT ${EVENT_COLUMNS} FROM ${source} CROSS JOIN rooms r ON r.id = e.room
      WHERE e.kind = 0
        AND NOT e.flags & ${MessageFlag.deleted} AND ${conditions.join(" AND ")}
      ORDER BY e.seq DESC LIMIT ?3`;
    const match = long.map(phrase).join(" ");
    const window = isSmall ? Infinity : WINDOW;
    return { words, ...(match !== "" && { match }), window, sql, values };
  }

  /** Returns the lowest and the highest number that can match. */
  #bounds({ before, after }: SearchQuery): { lowest: number; highest: number } {
    const edge = (order: string) =>
      this.#db.get<{ seq: number }>(`SELECT seq FROM events ORDER BY seq ${order} LIMIT 1`)?.seq;
    const [first, last] = [edge("ASC") ?? 0, edge("DESC") ?? -1];
    return {
      lowest: after === undefined ? first : this.#firstFrom(after - CLOCK_SLACK, first, last),
      highest: before === undefined ? last : this.#firstFrom(before + CLOCK_SLACK, first, last),
    };
  }

  /** Returns the first number at or after a time, or the last number if there is none. */
  #firstFrom(time: number, first: number, last: number): number {
    let [low, high] = [first, last];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const sql = "SELECT seq, at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1";
      const { seq, at } = this.#db.get<{ seq: number; at: number }>(sql, middle)!;
      if (at >= time) high = middle;
      else low = seq + 1;
    }
    return Math.min(low, last);
  }
}

/** All messages between two numbers. */
const ALL = "(SELECT * FROM events WHERE seq >= ?1 AND seq < ?2) e";

/** Returns the messages of some rooms between two numbers. */
function inRooms(list: string): string {
  return `json_each(${list}) j CROSS JOIN events e
    ON e.room = j.value AND e.kind = 0 AND e.seq >= ?1 AND e.seq < ?2`;
}

/** The messages of a list of numbers. */
const FOUND = "json_each(?1) j CROSS JOIN events e ON e.seq = j.value";

/** Returns a word as a string of the query language of FTS5, in which no character is special. */
function phrase(word: string): string {
  return `"${word.replaceAll("\0", "").replaceAll('"', '""')}"`;
}

/**
 * Returns a pattern for LIKE that also matches other cases of the word. LIKE knows the cases of ASCII
 * only, so that every other character is a wildcard.
 */
function likePattern(word: string): string {
  const escaped = word.replace(/[\\%_]/g, "\\$&");
  return `%${escaped.replace(/\P{ASCII}/gu, (letter) => hasCases(letter) ? "_" : letter)}%`;
}

function hasCases(letter: string): boolean {
  return letter.toLowerCase() !== letter || letter.toUpperCase() !== letter;
}
