import { Alarm } from "./timer.ts";

/** The time until a shutdown ends by force. */
export class Countdown {
  readonly #force: () => void;
  readonly #alarm: Alarm = new Alarm(() => this.finish());
  #over = false;

  /** Takes the function that ends the open connections. It is called once at most. */
  constructor(force: () => void) {
    this.#force = force;
  }

  /** Starts the time, in milliseconds. A later call may bring the end forward, but not postpone it. */
  start(ms: number): void {
    if (!this.#over && performance.now() + ms < this.#alarm.due) this.#alarm.start(ms);
  }

  /** Uses force now. */
  finish(): void {
    if (this.#over) return;
    this.stop();
    this.#force();
  }

  /** Ends the time without force, because nothing is open any more. */
  stop(): void {
    this.#over = true;
    this.#alarm.stop();
  }
}
