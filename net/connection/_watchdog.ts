import { NetError, type NetPhase } from "../errors/errors.ts";
import type { Limits } from "../internal/connection_limits.ts";
import type { ByteReceiver, ReceiverOwner } from "./_byte_receiver.ts";
import type { SendQueue, SendQueueOwner } from "./_send_queue.ts";
import { touch, unwatch, UNWATCHED, watch, type Watched } from "../internal/timer.ts";

/** The connection that a watchdog belongs to. */
interface Owner {
  readonly peer: string;
  abort(reason: unknown): void;
}

/**
 * Enforces the time limits of a connection, and connects it with its two halves. There may be
 * thousands of connections, so one small object does both.
 */
export class Watchdog<O extends Owner> implements ReceiverOwner, SendQueueOwner, Watched {
  due = Infinity;
  place: number = UNWATCHED;
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

  /** Takes a function `failed` that converts the error of a raw operation into the owner's error. */
  constructor(
    owner: O,
    limits: Limits,
    failed: (owner: O, error: unknown, phase: NetPhase) => NetError,
  ) {
    this.#owner = owner;
    this.#limits = limits;
    this.#failed = failed;
  }

  /** Starts to watch the two halves. */
  begin(receiver: ByteReceiver, queue: SendQueue): void {
    this.#receiver = receiver;
    this.#queue = queue;
    if (this.#limits.step === Infinity) return;
    this.#seenAt = performance.now();
    this.#nextCheck = this.#seenAt + this.#limits.step;
    this.waits(this.#nextCheck);
  }

  /** Stops watching. */
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

  /** Compares the counters with those of the last check, so that messages need not read a clock. */
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
