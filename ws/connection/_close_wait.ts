import { Alarm } from "../../net/internal/timer.ts";
import type { WsLimits } from "../internal/option_rules.ts";

/** Time between two looks at the bytes that precede a close frame, in milliseconds. */
const POLL = 50;

/**
 * Waits for the answer to a close frame. The time limit begins when the peer has accepted all data,
 * the close frame included. Until then, the peer may be slow, but it must accept some data.
 */
export class CloseWait {
  readonly #socket: { readonly bufferedAmount: number };
  readonly #limits: WsLimits;
  readonly #onLate: () => void;
  readonly #alarm: Alarm = new Alarm(() => this.#look());
  /** Bytes that the peer had not accepted at the last look, and the time at which they changed. */
  #unsent = 0;
  #since = 0;

  /** Begins to wait. `onLate` is called once, unless the wait is stopped. */
  constructor(
    socket: { readonly bufferedAmount: number },
    limits: WsLimits,
    onLate: () => void,
  ) {
    this.#socket = socket;
    this.#limits = limits;
    this.#onLate = onLate;
    this.#await(socket.bufferedAmount, performance.now());
  }

  /** Ends the wait. */
  stop(): void {
    this.#alarm.stop();
  }

  #await(unsent: number, since: number): void {
    const { closeTimeout, stallTimeout } = this.#limits;
    this.#unsent = unsent;
    this.#since = since;
    const rest = since + stallTimeout - performance.now();
    this.#alarm.start(unsent === 0 ? closeTimeout : Math.min(POLL, rest));
  }

  #look(): void {
    const unsent = this.#socket.bufferedAmount;
    const now = performance.now();
    if (unsent < this.#unsent) return this.#await(unsent, now);
    const stalled = now >= this.#since + this.#limits.stallTimeout;
    if (unsent > 0 && !stalled) return this.#await(unsent, this.#since);
    this.#onLate();
  }
}
