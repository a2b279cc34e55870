import { Alarm } from "../../net/internal/timer.ts";
import { Throttle } from "../../net/throttle.ts";

/** Slows down a peer that sends too many pings and pongs. */
export class ControlPace {
  readonly #throttle: Throttle;
  #waiting: PromiseWithResolvers<void> | undefined;
  /** Made at the first use, because most peers need none. */
  #alarm: Alarm | undefined;

  constructor(rate: { readonly perSecond: number; readonly burst: number }) {
    this.#throttle = new Throttle(rate.perSecond, rate.burst);
  }

  /** Whether a wait is in progress. */
  get waits(): boolean {
    return this.#waiting !== undefined;
  }

  /** Counts a frame. Returns the wait that must precede the next one; undefined for none. */
  count(): Promise<void> | undefined {
    const wait = this.#throttle.take(performance.now());
    if (wait === 0) return undefined;
    this.#waiting = Promise.withResolvers();
    this.#alarm ??= new Alarm(() => this.#resume());
    this.#alarm.start(wait);
    return this.#waiting.promise;
  }

  /** Ends a wait. */
  stop(): void {
    this.#alarm?.stop();
    this.#resume();
  }

  #resume(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
