import { NetError } from "../../net/errors/errors.ts";
import { Alarm } from "../../net/internal/timer.ts";
import type { WsLimits } from "../internal/option_rules.ts";
import type { WsMessage } from "./options.ts";

/** The members of a WebSocket that the send buffer uses. */
export type Wire = Pick<WebSocket, "bufferedAmount" | "readyState" | "send">;

/** Shortest and longest pause between two looks at the socket, in milliseconds. */
const SOON = 5, LATE = 250;

interface Waiting {
  readonly data: WsMessage;
  /** Settles the promise of `send`; undefined for `trySend`. */
  readonly resolve?: () => void;
  readonly reject?: (error: unknown) => void;
}

/** Shared by all buffers in which nothing waits. It is frozen, because adding to it must fail. */
const NONE = Object.freeze([]) as unknown as never[];

/**
 * Adds backpressure to a WebSocket, whose `send` never waits and which has no event for sent data.
 * The buffer passes a limited number of bytes to the socket. While messages wait, it polls
 * `bufferedAmount` with an alarm. A connection that never fills the socket needs none.
 *
 * @typeParam Owner The connection. It learns about a peer that reads nothing.
 */
export class Outbox<Owner extends { readonly peer: string }> {
  /** Bytes of the waiting messages. */
  waitingBytes = 0;

  readonly #wire: Wire;
  readonly #limits: WsLimits;
  readonly #owner: Owner;
  readonly #onStalled: (owner: Owner, error: NetError) => void;
  #queue: Waiting[] = NONE;
  /** Upper bound of the bytes that the socket holds. */
  #atMost = 0;
  /** Made at the first use, because most connections need none. */
  #alarm: Alarm | undefined;
  #pause = SOON;
  #seen = 0;
  #since = 0;

  constructor(
    wire: Wire,
    limits: WsLimits,
    owner: Owner,
    onStalled: (owner: Owner, error: NetError) => void,
  ) {
    this.#wire = wire;
    this.#limits = limits;
    this.#owner = owner;
    this.#onStalled = onStalled;
  }

  /** Passes a message to the socket if it has room and no other message waits. */
  pass(data: WsMessage): boolean {
    if (this.#queue.length > 0 || !this.#fits(data)) return false;
    this.#give(data);
    return true;
  }

  /** Sends a message now or when there is room, in call order; returns false if the buffer is full. */
  trySend(data: WsMessage): boolean {
    return this.pass(data) || this.#enqueue({ data });
  }

  /** Queues a message; resolves when the socket has it. */
  send(data: WsMessage, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { data, resolve, reject };
    if (!this.#enqueue(entry)) {
      const message = `Cannot send to ${this.#owner.peer}: ${this.waitingBytes} bytes are waiting`;
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

  /** Passes all waiting messages to the socket before it closes. */
  flush(): void {
    this.#giveMore(Infinity);
    this.#alarm?.stop();
  }

  /** Rejects all waiting calls. */
  fail(error: unknown): void {
    this.#alarm?.stop();
    const waiting = this.#queue;
    this.#queue = NONE;
    this.waitingBytes = 0;
    for (const { reject } of waiting) reject?.(error);
  }

  #enqueue(entry: Waiting): boolean {
    const { length } = entry.data;
    if (this.#queue.length > 0 && this.waitingBytes + length > this.#limits.outboxLimit) {
      return false;
    }
    if (this.#queue === NONE) this.#queue = [entry];
    else this.#queue.push(entry);
    this.waitingBytes += length;
    this.#watch();
    return true;
  }

  #give(data: WsMessage): void {
    this.#atMost += mostBytes(data);
    this.#wire.send(data);
  }

  #fits(data: WsMessage): boolean {
    // Reading bufferedAmount is slow; it is not needed while everything sent so far would fit.
    const { outboxLimit } = this.#limits;
    if (this.#atMost + mostBytes(data) <= outboxLimit) return true;
    const held = this.#atMost = this.#wire.bufferedAmount;
    // A message above the limit is sent when the socket is empty, or it would wait forever.
    return held === 0 || held + data.length <= outboxLimit;
  }

  #watch(): void {
    if (this.#alarm?.running) return;
    this.#seen = this.#wire.bufferedAmount;
    this.#since = performance.now();
    this.#wait(SOON);
  }

  #wait(pause: number): void {
    this.#pause = pause;
    this.#alarm ??= new Alarm(() => this.#look());
    this.#alarm.start(pause);
  }

  #look(): void {
    const { outboxLimit, stallTimeout } = this.#limits;
    const held = this.#wire.bufferedAmount;
    const now = performance.now();
    const moved = held < this.#seen;
    if (moved) this.#since = now;
    this.#giveMore(outboxLimit);
    const left = this.#wire.bufferedAmount;
    this.#seen = left;
    if (this.#queue.length === 0 && left < outboxLimit) return;
    if (now - this.#since >= stallTimeout) {
      const owner = this.#owner;
      const message = `Disconnected ${owner.peer}: it read no data for ${stallTimeout} ms`;
      return this.#onStalled(owner, new NetError(message, { kind: "timeout", phase: "write" }));
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
}

/** Returns an upper bound of the bytes of a message. */
function mostBytes(data: WsMessage): number {
  return typeof data === "string" ? data.length * 3 : data.length;
}
