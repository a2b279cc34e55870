/**
 * The names under which users have written, so that a search by name needs no scan.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { nameKey } from "../names.ts";
import type { Database } from "./database.ts";
import { NOTE_AGAIN, UseRegister } from "./register.ts";

/** Number of names that are compared without a pause. */
const PORTION = 1000;

/** The register of names. */
export class NameTable {
  readonly #db: Database;
  readonly #uses = new UseRegister<string>();

  /** @param db The open store, which has the tables. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** Registers a name that was used for an event. */
  register(name: string, seq: number): void {
    if (!this.#uses.isDue(name, seq)) return;
    this.#db.run("INSERT OR REPLACE INTO names VALUES (?, ?)", name, seq);
  }

  /**
   * Returns the noted names that are equal to one of the given names for people.
   *
   * @param names The names as users enter them.
   * @param pause Lets other work run between two portions.
   */
  async alike(names: readonly string[], pause: () => Promise<void>): Promise<string[]> {
    const found: string[] = [];
    if (names.length === 0) return found;
    const keys = new Set(names.map(nameKey));
    for (let last = "";;) {
      const portion = this.#db.all<{ name: string }>(
        "SELECT name FROM names WHERE name > ? ORDER BY name LIMIT ?",
        last,
        PORTION,
      );
      for (const { name } of portion) if (keys.has(nameKey(name))) found.push(name);
      if (portion.length < PORTION) return found;
      last = portion.at(-1)!.name;
      await pause();
    }
  }

  /** Removes names that no event from a number on can have. */
  prune(firstSeq: number): void {
    this.#db.run("DELETE FROM names WHERE last_seq < ?", firstSeq - NOTE_AGAIN);
    this.reset();
  }

  /** Forgets what is not written, after a transaction has failed. */
  reset(): void {
    this.#uses.reset();
  }
}
