/**
 * The names under which users have written, so that a search by name needs no scan.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { nameKey } from "../names.ts";
import type { Database } from "./database.ts";

/** A name is noted again after so many events, so that unused names can be removed. */
const NOTE_AGAIN = 100_000;

/** Maximum number of names whose last note is kept in memory. */
const MAX_CACHED = 10_000;

/** The register of names. */
export class NameTable {
  readonly #db: Database;
  readonly #noted = new Map<string, number>();

  /** @param db The open store, which has the tables. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** Registers a name that was used for an event. */
  register(name: string, seq: number): void {
    const noted = this.#noted.get(name);
    if (noted !== undefined && seq < noted + NOTE_AGAIN) return;
    if (this.#noted.size >= MAX_CACHED) this.#noted.clear();
    this.#noted.set(name, seq);
    this.#db.run("INSERT OR REPLACE INTO names VALUES (?, ?)", name, seq);
  }

  /** Returns the noted names that are equal to one of the given names for people. */
  alike(names: readonly string[]): string[] {
    const keys = new Set(names.map(nameKey));
    return this.#db.all<{ name: string }>("SELECT name FROM names").map(({ name }) => name)
      .filter((name) => keys.has(nameKey(name)));
  }

  /** Removes names that no event from a number on can have. */
  prune(firstSeq: number): void {
    this.#db.run("DELETE FROM names WHERE last_seq < ?", firstSeq - NOTE_AGAIN);
    this.reset();
  }

  /** Forgets what is not written, after a transaction has failed. */
  reset(): void {
    this.#noted.clear();
  }
}
