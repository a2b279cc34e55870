/**
 * Remembers when something was last used, without a write for each use.
 *
 * A name or a user is used by every message. A write for each would double the cost of a message, so a use
 * is written only if the last written one is far behind.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** A use is written again after so many events. */
export const NOTE_AGAIN = 100_000;

/** Maximum number of things whose last written use is kept in memory. */
const MAX_CACHED = 10_000;

/** The last written uses. */
export class UseRegister<T> {
  readonly #written = new Map<T, number>();

  /** Returns whether a use has to be written. The caller writes it then. */
  isDue(thing: T, seq: number): boolean {
    const written = this.#written.get(thing);
    if (written !== undefined && seq < written + NOTE_AGAIN) return false;
    if (this.#written.size >= MAX_CACHED) this.#written.clear();
    this.#written.set(thing, seq);
    return true;
  }

  /** Forgets everything, after a transaction has failed. */
  reset(): void {
    this.#written.clear();
  }
}
