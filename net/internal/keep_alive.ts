import { ignoreFailure } from "./ignore_failure.ts";
import { timeLimit } from "./options.ts";
import { touch, unwatch, UNWATCHED, watch, type Watched } from "./timer.ts";

/** Runs harmless work, such as NOOP, whenever a session has been idle for some time. */
export class KeepAlive implements Watched {
  /** The time of the next run. */
  due = Infinity;
  place: number = UNWATCHED;
  /** An idle session does not keep the process alive. */
  readonly waiting = false;
  readonly #after: number;
  #work: (() => Promise<unknown>) | undefined;

  /** @param after The idle time in milliseconds; 0 turns the work off. */
  constructor(after: number) {
    this.#after = timeLimit(after);
  }

  /** Starts the idle time of a session. `work` must call {@linkcode KeepAlive.rest} at its end. */
  begin(work: () => Promise<unknown>): void {
    if (this.#after === Infinity) return;
    this.#work = work;
    this.due = performance.now() + this.#after;
    watch(this);
  }

  /** Starts the idle time anew, because a command has ended. */
  rest(): void {
    if (this.#work === undefined) return;
    this.due = performance.now() + this.#after;
    touch(this);
  }

  /** Stops the idle time, because a command has started. */
  pause(): void {
    this.due = Infinity;
  }

  /** Stops for good. */
  end(): void {
    this.#work = undefined;
    this.due = Infinity;
    unwatch(this);
  }

  /** Runs the work. If it fails, the session has ended, and the next command reports that. */
  sweep(): void {
    this.due = Infinity;
    void ignoreFailure(this.#work?.());
  }
}
