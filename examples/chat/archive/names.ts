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
    this.#uses.reset();
  }
}
