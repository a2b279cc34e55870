import { delay } from "@std/async/delay";
import { orAbort } from "../internal/or_abort.ts";
import { Turns } from "../internal/turns.ts";

/** The delay of timers that is made up for, in milliseconds. */
const SLACK = 5;

/** Spaces the datagrams of a socket evenly. */
export class SendPace {
  readonly #interval: number;
  readonly #turns = new Turns();
  #next = 0;

  /** @param rate Maximum number of datagrams per second. */
  constructor(rate: number) {
    this.#interval = 1000 / rate;
  }

  /** Waits until the next datagram may be sent, or until the signal is aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    const turn = this.#turns.add(async () => {
      const wait = this.#next - performance.now();
      // Timers have a resolution of 1 ms. Shorter waits are made up for by later ones.
      if (wait >= 1) await delay(wait, { signal }).catch(() => {});
      if (signal.aborted) return;
      // Time that a busy program has lost is not made up for by a burst.
      this.#next = Math.max(this.#next, performance.now() - SLACK) + this.#interval;
    });
    await orAbort(turn, signal).catch(() => {});
  }
}
