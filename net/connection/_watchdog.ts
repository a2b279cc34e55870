import { NetError, type NetPhase } from "../errors/errors.ts";
import type { Limits } from "../internal/connection_limits.ts";
import type { ByteReceiver, ReceiverOwner } from "./_receiver.ts";
import type { SendQueue, SendQueueOwner } from "./_send_queue.ts";
import { touch, unwatch, watch, type Watched } from "../internal/timer.ts";

/** What is watched over. */
interface Owner {
  readonly peer: string;
  abort(reason: unknown): void;
}

/**
 * The time limits of a connection, and what its two halves have to say to it: one small
 * object, since there may be thousands.
 */
export class Watchdog<O extends Owner> implements ReceiverOwner, SendQueueOwner, Watched {
  due = Infinity;
  readonly #owner: O;
  readonly #failed: (owner: O, error: unknown, phase: NetPhase) => NetError;
  readonly #limits: Limits;
  #receiver: ByteReceiver | undefined;
  #queue: SendQueue | undefined;
  #state: "idle" | "watching" | "over" = "idle";
  #nextCheck = Infinity;
  #seenBytes = 0;
  #seenAt = 0;
  #seenWritten = 0;
  #stuckSince = Infinity;

  /** `failed` makes what a raw operation threw the owner's error. */
  constructor(
    owner: O,
    limits: Limits,
    failed: (owner: O, error: unknown, phase: NetPhase) => NetError,
  ) {
    this.#owner = owner;
    this.#limits = limits;
    this.#failed = failed;
  }

  /** Begins with the two halves. */
  begin(receiver: ByteReceiver, queue: SendQueue): void {
    this.#receiver = receiver;
    this.#queue = queue;
    if (this.#limits.step === Infinity) return;
    this.#seenAt = performance.now();
    this.#nextCheck = this.#seenAt + this.#limits.step;
    this.waits(this.#nextCheck);
  }

  /** Ends for good. */
  end(): void {
    this.#state = "over";
    unwatch(this);
  }

  get peer(): string {
    return this.#owner.peer;
  }

  get waiting(): boolean {
    return this.#receiver!.waiting || this.#queue!.busy;
  }

  readFailed(error: unknown): unknown {
    return this.#failed(this.#owner, error, "read");
  }

  sendFailed(error: unknown): void {
    this.#owner.abort(this.#failed(this.#owner, error, "write"));
  }

  waits(due: number): void {
    if (this.#state === "watching") {
      if (due < this.due) this.due = due;
      touch(this);
    } else if (this.#state === "idle" && due !== Infinity) {
      this.#state = "watching";
      this.due = due;
      watch(this);
    }
  }

  sweep(now: number): void {
    const receiver = this.#receiver!;
    receiver.expire(now);
    if (now >= this.#nextCheck) this.#check(now, receiver, this.#queue!);
    this.due = Math.min(receiver.due, this.#nextCheck);
  }

  /** Compares counters with those of the last check: no clock is read per message. */
  #check(now: number, receiver: ByteReceiver, queue: SendQueue): void {
    const { idleTimeout, writeTimeout, step } = this.#limits;
    const written = queue.bytesWritten;
    const bytes = written + receiver.bytesRead;
    if (!queue.busy) this.#stuckSince = Infinity;
    else if (written !== this.#seenWritten || this.#stuckSince === Infinity) this.#stuckSince = now;
    if (bytes !== this.#seenBytes || !receiver.waiting) this.#seenAt = now;
    this.#seenBytes = bytes;
    this.#seenWritten = written;
    this.#nextCheck = (Math.floor(now / step) + 1) * step;
    if (writeTimeout > 0 && now - this.#stuckSince >= writeTimeout) {
      this.#late("write", `Cannot write to ${this.peer}: it took nothing for ${writeTimeout} ms`);
    } else if (idleTimeout > 0 && now - this.#seenAt >= idleTimeout) {
      this.#late("read", `Connection to ${this.peer} closed: no data for ${idleTimeout} ms`);
    }
  }

  #late(phase: NetPhase, message: string): void {
    this.#owner.abort(new NetError(message, { kind: "timeout", phase, address: this.peer }));
  }
}
