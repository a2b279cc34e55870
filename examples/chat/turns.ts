/**
 * Lets the listeners keep up with talkers.
 *
 * @module
 */

/** How many bytes may be said before the sockets get their turn. */
const TURN = 32 * 1024;

/**
 * Lines that have arrived together could all be said without the event loop coming round once: a
 * queue would fill up although its user reads as fast as anyone can. So those who talk share a
 * budget, and wait for the next turn of the event loop when it is used up; no timer is involved.
 */
export class Turns {
  #used = 0;
  #next: Promise<void> | undefined;

  /**
   * Counts a line.
   *
   * @param bytes About how long it is.
   * @returns What to wait for before the next line, if anything.
   */
  spend(bytes: number): Promise<void> | undefined {
    this.#used += bytes;
    if (this.#used < TURN) return undefined;
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#used = 0;
        this.#next = undefined;
        resolve();
      });
    });
    return this.#next;
  }
}
