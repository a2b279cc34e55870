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
  // Fields that are usually undefined need less memory than fields that are usually Infinity.
  #nextCheck: number | undefined;
  #seenBytes = 0;
  /** The time since when no byte has come or gone, if checks have begun. */
  #seenAt: number | undefined;
  #seenWritten = 0;
  /** The time since when a write makes no progress. */
  #stuckSince: number | undefined;

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
    if (this.#limits.idleTimeout > 0) this.#beginChecks();
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

  writes(): void {
    if (this.#nextCheck === undefined && this.#limits.writeTimeout > 0) this.#beginChecks();
    else if (this.#state === "watching") touch(this);
  }

  #beginChecks(): void {
    const now = performance.now();
    this.#seenAt = now;
    this.#nextCheck = now + this.#limits.step;
    this.waits(this.#nextCheck);
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
    const next = this.#nextCheck;
    if (next !== undefined && now >= next) this.#check(now, receiver, this.#queue!);
    this.due = Math.min(receiver.due, this.#nextCheck ?? Infinity);
  }

  /** Compares the counters with those of the last check, so that messages need not read a clock. */
  #check(now: number, receiver: ByteReceiver, queue: SendQueue): void {
    const { idleTimeout, writeTimeout, step } = this.#limits;
    const written = queue.bytesWritten;
    const bytes = written + receiver.bytesRead;
    if (!queue.busy) this.#stuckSince = undefined;
    else if (written !== this.#seenWritten) this.#stuckSince = now;
    const stuckSince = queue.busy ? this.#stuckSince ??= now : now;
    if (bytes !== this.#seenBytes || !receiver.waiting) this.#seenAt = now;
    const seenAt = this.#seenAt ?? now;
    this.#seenBytes = bytes;
    this.#seenWritten = written;
    // Without a limit for silence, a connection that writes nothing needs no checks.
    const checks = idleTimeout > 0 || queue.busy;
    this.#nextCheck = checks ? (Math.floor(now / step) + 1) * step : undefined;
    if (writeTimeout > 0 && now - stuckSince >= writeTimeout) {
      this.#late("write", `Cannot write to ${this.peer}: it took nothing for ${writeTimeout} ms`);
    } else if (idleTimeout > 0 && now - seenAt >= idleTimeout) {
      this.#late("read", `Connection to ${this.peer} closed: no data for ${idleTimeout} ms`);
    }
  }

  #late(phase: NetPhase, message: string): void {
    this.#owner.abort(new NetError(message, { kind: "timeout", phase, address: this.peer }));
  }
}
