/** What waits to be sent on one WebSocket. */

import { NetError } from "../../net/errors/errors.ts";
import type { WsMessage } from "./options.ts";

/** What of a WebSocket is needed. */
export type Wire = Pick<WebSocket, "bufferedAmount" | "readyState" | "send">;

/** How soon the socket is looked at again when it took something, and when it took nothing. */
const SOON = 4, LATE = 250;

interface Waiting {
  readonly data: WsMessage;
  /** Of a `send`; who only tried does not wait. */
  readonly resolve?: () => void;
  readonly reject?: (error: unknown) => void;
}

/**
 * `send` of a WebSocket never waits and there is no event when it has sent; so only so much is
 * given to the socket at a time, and while more waits, how much it still holds is looked at again
 * and again. Who never fills the socket costs no timer.
 */
export class Outbox {
  /** Bytes in sends that wait. */
  waitingBytes = 0;

  readonly #wire: Wire;
  readonly #peer: string;
  readonly #limit: number;
  readonly #stallTimeout: number;
  readonly #onStalled: (error: NetError) => void;
  #queue: Waiting[] = [];
  /** The most that the socket can hold. */
  #atMost = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = SOON;
  #seen = 0;
  #since = 0;

  constructor(
    wire: Wire,
    peer: string,
    limit: number,
    stallTimeout: number,
    onStalled: (error: NetError) => void,
  ) {
    this.#wire = wire;
    this.#peer = peer;
    this.#limit = limit;
    this.#stallTimeout = stallTimeout;
    this.#onStalled = onStalled;
  }

  /** Gives it to the socket at once, if it has room and nobody waits. */
  pass(data: WsMessage): boolean {
    if (this.#queue.length > 0 || !this.#fits(data)) return false;
    this.#give(data);
    return true;
  }

  /** Sends in the order of the calls, now or when there is room; false if too much waits already. */
  trySend(data: WsMessage): boolean {
    return this.pass(data) || this.#enqueue({ data });
  }

  /** The same, for who waits until the socket has it. */
  send(data: WsMessage, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { data, resolve, reject };
    if (!this.#enqueue(entry)) {
      const message = `Cannot send to ${this.#peer}: ${this.waitingBytes} bytes wait already`;
      reject(new NetError(message, { kind: "limit", phase: "write" }));
    }
    if (signal === undefined) return promise;
    const giveUp = () => {
      const at = this.#queue.indexOf(entry);
      if (at === -1) return;
      this.#queue.splice(at, 1);
      this.waitingBytes -= data.length;
      reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp);
    return promise.finally(() => signal.removeEventListener("abort", giveUp));
  }

  /** Gives all that waits to the socket, which is about to be closed. */
  flush(): void {
    this.#giveMore(Infinity);
    this.#stop();
  }

  /** Tells everyone who waits. */
  fail(error: unknown): void {
    this.#stop();
    for (const { reject } of this.#queue.splice(0)) reject?.(error);
    this.waitingBytes = 0;
  }

  #enqueue(entry: Waiting): boolean {
    const { length } = entry.data;
    if (this.#queue.length > 0 && this.waitingBytes + length > this.#limit) return false;
    this.#queue.push(entry);
    this.waitingBytes += length;
    this.#watch();
    return true;
  }

  #give(data: WsMessage): void {
    this.#atMost += mostBytes(data);
    this.#wire.send(data);
  }

  #fits(data: WsMessage): boolean {
    // To ask the socket costs; as long as all that was sent would fit, nobody has to.
    if (this.#atMost + mostBytes(data) <= this.#limit) return true;
    const held = this.#atMost = this.#wire.bufferedAmount;
    // A message above the limit goes alone, for it would wait for ever.
    return held === 0 || held + data.length <= this.#limit;
  }

  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#seen = this.#wire.bufferedAmount;
    this.#since = performance.now();
    this.#wait(SOON);
  }

  #wait(pause: number): void {
    this.#pause = pause;
    this.#timer = setTimeout(() => this.#look(), pause);
  }

  #look(): void {
    this.#timer = undefined;
    const held = this.#wire.bufferedAmount;
    const now = performance.now();
    const moved = held < this.#seen;
    if (moved) this.#since = now;
    this.#giveMore(this.#limit);
    const left = this.#wire.bufferedAmount;
    this.#seen = left;
    if (this.#queue.length === 0 && left < this.#limit) return;
    if (this.#stallTimeout > 0 && now - this.#since >= this.#stallTimeout) {
      const message = `Disconnected ${this.#peer}: it took nothing for ${this.#stallTimeout} ms`;
      return this.#onStalled(new NetError(message, { kind: "timeout", phase: "write" }));
    }
    this.#wait(moved ? SOON : Math.min(this.#pause * 2, LATE));
  }

  #giveMore(limit: number): void {
    while (this.#queue.length > 0) {
      const { data, resolve } = this.#queue[0]!;
      if (this.#wire.readyState !== WebSocket.OPEN) return;
      if (limit !== Infinity && !this.#fits(data)) return;
      this.#queue.shift();
      this.waitingBytes -= data.length;
      this.#give(data);
      resolve?.();
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** The bytes of a message, or more. */
function mostBytes(data: WsMessage): number {
  return typeof data === "string" ? data.length * 3 : data.length;
}
