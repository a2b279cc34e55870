/**
 * Searches a store.
 *
 * The search goes from the newest to the oldest message in windows, and lets other work run between two
 * windows. A page that takes too long ends early, and the next page goes on from there.
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

/** Numbers of the first window. */
const WINDOW = 20_000;

/** A window that takes less than this time in milliseconds is followed by a larger one. */
const QUICK = 5;

/** Time in milliseconds after which a page ends, even with few hits. */
const MAX_TIME = 300;

/** Maximum step of the clock backwards, in milliseconds, that a search by time allows for. */
const CLOCK_SLACK = 86_400_000;

/** Fewer characters are not in the index, which has parts of three characters. */
const MIN_INDEXED = 3;

/** The query in SQL. The first three values are the range of numbers and the limit. */
interface Plan {
  readonly words: readonly string[];
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** Finds messages. */
export class Searcher {
  readonly #db: Database;
  readonly #rooms: RoomTable;
  readonly #names: NameTable;
  readonly #reader: MessageReader;
  readonly #index: SearchIndex;

  /** Takes the database and the tables of one store. */
  constructor(
    db: Database,
    tables: { rooms: RoomTable; names: NameTable; reader: MessageReader; index: SearchIndex },
  ) {
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
   * @param pause Lets other work run between two windows.
   */
  async search(
    query: SearchQuery,
    range: SearchRange,
    pause: () => Promise<void>,
  ): Promise<SearchPage> {
    const plan = this.#plan(query);
    const { lowest, highest } = this.#bounds(query);
    let upper = Math.min(range.before ?? Infinity, highest + 1);
    if (plan === undefined) return { hits: [] };
    const hits: SearchHit[] = [];
    let window = WINDOW;
    const started = performance.now();
    while (upper > lowest) {
      const began = performance.now();
      const limit = range.limit - hits.length;
      const lower = Math.max(lowest, upper - window);
      const rows = this.#window(plan, lower, upper, limit);
      for (const row of rows) this.#collect(hits, row, plan.words);
      upper = rows.length < limit ? lower : rows.at(-1)!.seq;
      if (hits.length >= range.limit || performance.now() - started > MAX_TIME) break;
      if (performance.now() - began < QUICK) window *= 2;
      await pause();
    }
    return { hits, ...(upper > lowest && { next: upper }) };
  }

  #collect(hits: SearchHit[], row: EventRow, words: readonly string[]): void {
    // The index and LIKE only preselect: they compare some letters in another way.
    const marks = findMarks(row.text, words);
    if (marks !== undefined) hits.push({ message: this.#reader.toMessage(row), marks });
  }

  #window({ sql, values }: Plan, lower: number, upper: number, limit: number): EventRow[] {
    return this.#db.all(sql, lower, upper, limit, ...values);
  }

  /** Returns the query in SQL; undefined if nothing can match. */
  #plan(query: SearchQuery): Plan | undefined {
    const rooms = query.rooms.flatMap((key) => this.#rooms.find(key)?.id ?? []);
    const names = this.#names.alike(query.from);
    if (rooms.length === 0 || (query.from.length > 0 && names.length === 0)) return undefined;
    const words = query.words.slice(0, MAX_WORDS).map((word) => word.slice(0, MAX_WORD * 2))
      .filter((word) => word !== "");
    const isIndexed = (word: string) => this.#index.isEnabled && [...word].length >= MIN_INDEXED;
    const long = words.filter(isIndexed);
    const values: SqlValue[] = [];
    const place = (value: SqlValue) => `?${values.push(value) + 3}`;
    const conditions = words.filter((word) => !isIndexed(word))
      .map((word) => `e.text LIKE ${place(likePattern(word))} ESCAPE '\\'`);
    if (long.length > 0) conditions.push(`s.search MATCH ${place(long.map(phrase).join(" "))}`);
    conditions.push(`e.room IN (SELECT value FROM json_each(${place(JSON.stringify(rooms))}))`);
    if (names.length > 0) {
      conditions.push(`e.name IN (SELECT value FROM json_each(${place(JSON.stringify(names))}))`);
    }
    if (query.before !== undefined) conditions.push(`e.at < ${place(query.before)}`);
    if (query.after !== undefined) conditions.push(`e.at >= ${place(query.after)}`);
    const [source, range, order] = long.length > 0 ? FULL_TEXT : ALL_TEXTS;
    const sql =
      `SELECT ${EVENT_COLUMNS} FROM ${source} WHERE ${range} AND e.kind = 0 AND NOT e.flags & ${MessageFlag.deleted}
        AND ${conditions.join(" AND ")} ORDER BY ${order} LIMIT ?3`;
    return { words, sql, values };
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

/** The sources of a search: the tables, the range of numbers, and the order. */
const ALL_TEXTS = [
  "events e CROSS JOIN rooms r ON r.id = e.room",
  "e.seq >= ?1 AND e.seq < ?2",
  "e.seq DESC",
] as const;

const FULL_TEXT = [
  "search s CROSS JOIN events e ON e.seq = -s.rowid CROSS JOIN rooms r ON r.id = e.room",
  "s.rowid <= -?1 AND s.rowid > -?2",
  "s.rowid",
] as const;

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
