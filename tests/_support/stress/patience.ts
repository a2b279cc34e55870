/** A time limit that does not fail on a machine which has no time for the test. @module */

/** The time between two looks, in milliseconds. */
const TICK = 100;

/**
 * Calls a function after a time in which this process could run. Each look counts as one, however late
 * it comes, so the limit is longer while other processes have the processor.
 */
export class Patience implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param millis The time on an idle machine. */
  constructor(millis: number, onEnd: () => void) {
    let left = Math.ceil(millis / TICK);
    this.#timer = setInterval(() => {
      if (--left > 0) return;
      clearInterval(this.#timer);
      onEnd();
    }, TICK);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
