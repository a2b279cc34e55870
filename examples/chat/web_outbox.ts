/**
 * What waits to be sent to one browser.
 *
 * `send` of a WebSocket never waits, and while a burst is handed round it sends nothing at all: a
 * browser that reads as fast as it can looks then like one that does not read. So only so much is
 * given to the socket at a time, the rest waits here, and how much may wait is measured by what
 * was said, as for a terminal, not by its JSON, which is many times as long for a short line.
 *
 * @module
 */

/** What of a WebSocket is needed. */
export type Wire = Pick<WebSocket, "bufferedAmount" | "readyState" | "send">;

/** How soon the socket is looked at again when it took something, and when it took nothing. */
const SOON = 4, LATE = 250;

/** A browser that takes nothing for so long does not read; the same as a terminal is given. */
const STALLED = 30_000;

/** What waits. */
interface Waiting {
  readonly size: number;
  readonly encode: () => string;
}

/** The queue of one browser, bounded. */
export class Outbox {
  readonly #wire: Wire;
  readonly #limit: number;
  readonly #onSlow: () => void;
  readonly #stalled: number;
  #queue: Waiting[] = [];
  /** The first of the queue that has not been sent. */
  #head = 0;
  #size = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = SOON;
  #seen = 0;
  #since = 0;

  /**
   * @param wire The socket.
   * @param limit Bytes that may wait here, and again in the socket.
   * @param onSlow Called when it is too much, or has waited too long; it should close the socket.
   * @param stalled How long the socket may take nothing while something waits, in milliseconds.
   */
  constructor(wire: Wire, limit: number, onSlow: () => void, stalled: number = STALLED) {
    this.#wire = wire;
    this.#limit = limit;
    this.#onSlow = onSlow;
    this.#stalled = stalled;
  }

  /**
   * Sends something, after all that waits.
   *
   * @param size What it counts for, in bytes or thereabouts.
   * @param encode Makes the text that is sent, when its time has come.
   */
  push(size: number, encode: () => string): void {
    const wire = this.#wire;
    if (wire.readyState !== WebSocket.OPEN) return;
    if (this.#timer === undefined && wire.bufferedAmount < this.#limit) return wire.send(encode());
    if (this.#size >= this.#limit) return this.#onSlow();
    this.#queue.push({ size, encode });
    this.#size += size;
    if (this.#timer !== undefined) return;
    this.#seen = wire.bufferedAmount;
    this.#since = performance.now();
    this.#wait(SOON);
  }

  /** Gives all that waits to the socket, which is about to be closed. */
  flush(): void {
    this.#give(Infinity);
    this.clear();
  }

  /** Forgets all that waits. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue = [];
    this.#head = this.#size = 0;
  }

  #wait(pause: number): void {
    this.#pause = pause;
    this.#timer = setTimeout(() => this.#look(), pause);
  }

  #look(): void {
    const wire = this.#wire;
    const moved = wire.bufferedAmount < this.#seen;
    this.#give(this.#limit);
    if (this.#head === this.#queue.length) return this.clear();
    this.#seen = wire.bufferedAmount;
    if (moved) this.#since = performance.now();
    else if (performance.now() - this.#since > this.#stalled) return this.#onSlow();
    this.#wait(moved ? SOON : Math.min(this.#pause * 2, LATE));
  }

  #give(limit: number): void {
    const wire = this.#wire;
    while (this.#head < this.#queue.length && wire.bufferedAmount < limit) {
      if (wire.readyState !== WebSocket.OPEN) return;
      const { size, encode } = this.#queue[this.#head++]!;
      this.#size -= size;
      wire.send(encode());
    }
    if (this.#head < 1000) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
