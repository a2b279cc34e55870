import type { SendPolicy } from "./options.ts";
import { NetError } from "../errors/errors.ts";
import { untilSettled } from "./_in_flight.ts";
import type { Transport } from "./transport.ts";

/** The connection that a send queue belongs to. */
export interface SendQueueOwner {
  readonly peer: string;
  /** Ends the connection because a raw write has failed or the policy demands it. */
  sendFailed(error: unknown): void;
  /** Takes note of a raw write in flight. */
  writes(): void;
}

/** A queued write with a promise. Messages without a promise are queued as plain bytes. */
interface PendingWrite {
  readonly bytes: Uint8Array;
  /** Whether the promise resolves when the bytes are queued, instead of when they are written. */
  readonly early: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** The promise of the caller. If nobody awaits it, its rejection must not end the process. */
  readonly promise: Promise<void>;
}

/** Maximum size of a raw write that joins several messages, in bytes. */
const BATCH = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** Shared by all queues in which nothing waits. It is frozen, because adding to it must fail. */
const NONE = Object.freeze([]) as unknown as never[];

/**
 * The sending half of a connection. It has one raw write in flight at a time. Messages that are
 * queued meanwhile are joined into the next write.
 */
export class SendQueue {
  /** Number of bytes that the operating system has taken. */
  bytesWritten = 0;
  /** Number of queued bytes that the operating system has not taken yet. */
  queuedBytes = 0;
  /** Number of messages dropped by the policy "drop-oldest". */
  dropped = 0;
  /** Whether a raw write is in flight. */
  busy = false;

  #transport: Transport;
  readonly #owner: SendQueueOwner;
  readonly #limit: number;
  readonly #policy: SendPolicy;
  #entries: Array<Uint8Array | PendingWrite> = NONE;
  #head = 0;
  #scheduled = false;
  #roomWaiters: PendingWrite[] = NONE;
  /** Returns the error of later writes. */
  #failure: (() => unknown) | undefined;
  #onSettled: (() => void) | undefined;

  constructor(transport: Transport, owner: SendQueueOwner, limit: number, policy: SendPolicy) {
    this.#transport = transport;
    this.#owner = owner;
    this.#limit = limit;
    this.#policy = policy;
  }

  /** Writes all of `bytes` after the queued ones. Resolves when the OS has taken them. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return quietly(Promise.reject(this.#failure()));
    if (!this.idle) return this.#waitFor(bytes, false, (entry) => this.#line(entry));
    // Writing without queueing creates one promise only, because the OS takes nearly every write whole.
    // The callbacks are new ones for each write: for the garbage collector, an old object that points to
    // young ones costs more.
    this.busy = true;
    this.#owner.writes();
    this.queuedBytes += bytes.length;
    const now: Promise<void> = this.#transport.write(bytes).then(
      (n) => this.#written(n, bytes, now),
      (error) => this.#writeFailed(error, now),
    );
    return now;
  }

  /** Queues `bytes` under the policy. Resolves when there is room for them. */
  send(bytes: Uint8Array): Promise<void> {
    if (this.trySend(bytes)) return Promise.resolve();
    if (this.#failure !== undefined) return quietly(Promise.reject(this.#failure()));
    // With this policy, a message that does not fit is dropped, and trySend() has counted it.
    if (this.#policy === "drop-oldest") return Promise.resolve();
    return this.#waitFor(bytes, true, (entry) => this.#waitForRoom(entry));
  }

  /** Queues `bytes` at once, or returns false. */
  trySend(bytes: Uint8Array): boolean {
    if (this.#failure !== undefined) return false;
    if (bytes.length === 0) return true;
    const full = this.queuedBytes + bytes.length > this.#limit || this.#roomWaiters.length > 0;
    if (full && !this.#makeRoom(bytes.length)) return false;
    this.queuedBytes += bytes.length;
    this.#push(bytes);
    return true;
  }

  /** Resolves when the OS has taken all bytes that are queued now. */
  flush(): Promise<void> {
    if (this.#failure !== undefined) return quietly(Promise.reject(this.#failure()));
    if (this.idle) return Promise.resolve();
    return this.#waitFor(NOTHING, false, (entry) => this.#line(entry));
  }

  /** Holds back all later writes. The queue must be idle. */
  hold(): void {
    this.busy = true;
  }

  /** Writes the messages that were held back to `transport`. */
  release(transport: Transport): void {
    this.#transport = transport;
    this.#wrote();
  }

  /** Resolves when the raw writes in flight have ended. Returns undefined if there are none. */
  inFlight(): Promise<void> | undefined {
    if (!this.busy) return undefined;
    return untilSettled((settled) => this.#onSettled = settled);
  }

  /** Uses `transport` from the next raw write on. */
  replace(transport: Transport): void {
    this.#transport = transport;
  }

  /** Ends the queue. Pending and later writes reject with the error that `failure` returns. */
  fail(failure: () => unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    if (!this.busy) this.queuedBytes = 0;
    if (this.#entries === NONE && this.#roomWaiters === NONE) return;
    const waiting = this.#entries.slice(this.#head).filter((entry) => "resolve" in entry);
    const all = [...waiting, ...this.#roomWaiters];
    this.#entries = this.#roomWaiters = NONE;
    this.#head = 0;
    for (const entry of all) refuse(entry, failure());
  }

  /** Whether nothing is queued or in flight. */
  get idle(): boolean {
    return !this.busy && this.#head === this.#entries.length && this.#roomWaiters.length === 0;
  }

  #waitFor(bytes: Uint8Array, early: boolean, enter: (entry: PendingWrite) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    enter({ bytes, early, resolve, reject, promise });
    return promise;
  }

  /** Adds `entry` behind all others, including messages that wait for room. */
  #line(entry: PendingWrite): void {
    if (this.#roomWaiters.length > 0) {
      this.#waitForRoom(entry);
    } else {
      this.queuedBytes += entry.bytes.length;
      this.#push(entry);
    }
  }

  #waitForRoom(entry: PendingWrite): void {
    if (this.#roomWaiters === NONE) this.#roomWaiters = [entry];
    else this.#roomWaiters.push(entry);
  }

  #append(entry: Uint8Array | PendingWrite): void {
    if (this.#entries === NONE) this.#entries = [entry];
    else this.#entries.push(entry);
  }

  #push(entry: Uint8Array | PendingWrite): void {
    this.#append(entry);
    if (!this.busy && !this.#scheduled) {
      this.#scheduled = true;
      this.#pump ??= () => this.#pumpNow();
      queueMicrotask(this.#pump);
    }
  }

  #makeRoom(size: number): boolean {
    switch (this.#policy) {
      case "wait":
        // A message above the limit is accepted by an empty queue; otherwise it would never be sent.
        return this.queuedBytes === 0 && this.#roomWaiters.length === 0;
      case "drop-oldest":
        return this.#dropOldest(size);
      case "disconnect":
        this.#owner.sendFailed(
          new NetError(
            `Disconnected ${this.#owner.peer}: it did not read, and ` +
              `${this.queuedBytes + size} bytes are above the send queue limit of ${this.#limit}`,
            { kind: "limit", phase: "write", address: this.#owner.peer },
          ),
        );
        return false;
    }
  }

  #dropOldest(size: number): boolean {
    const kept: PendingWrite[] = [];
    let at = this.#head;
    while (at < this.#entries.length && this.queuedBytes + size > this.#limit) {
      const entry = this.#entries[at]!;
      this.#entries[at++] = NOTHING;
      if (entry instanceof Uint8Array) {
        this.queuedBytes -= entry.length;
        this.dropped++;
      } else kept.push(entry);
    }
    // Writes with a promise stay. They move in front of the remaining entries.
    this.#head = at;
    while (kept.length > 0) this.#entries[--this.#head] = kept.pop()!;
    this.#compact();
    const fits = this.queuedBytes + size <= this.#limit;
    if (!fits) this.dropped++;
    return fits;
  }

  #written(n: number, bytes: Uint8Array, now: Promise<void>): void | Promise<void> {
    this.bytesWritten += n;
    this.queuedBytes -= n;
    if (n < bytes.length) return this.#writeRest(bytes.subarray(n), now);
    this.#wrote();
  }

  #writeFailed(error: unknown, now: Promise<void>): never {
    quietly(now);
    this.#owner.sendFailed(error);
    this.#wrote();
    throw this.#failure?.() ?? error;
  }

  async #writeRest(rest: Uint8Array, now: Promise<void>): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure();
      await this.#writeAll(rest);
    } catch (error) {
      this.#writeFailed(error, now);
    }
    this.#wrote();
  }

  #wrote(): void {
    this.busy = false;
    if (this.#onSettled !== undefined) this.#onSettled();
    if (this.#head < this.#entries.length || this.#roomWaiters.length > 0) this.#next();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (true) {
      const n = await this.#transport.write(rest);
      this.bytesWritten += n;
      this.queuedBytes -= n;
      if (n === rest.length) return;
      if (this.#failure !== undefined) throw this.#failure();
      rest = rest.subarray(n);
    }
  }

  #pump: (() => void) | undefined;

  #pumpNow(): void {
    this.#scheduled = false;
    if (!this.busy) this.#next();
  }

  /** Takes the next batch off the queue and writes it. */
  #next(): void {
    this.#admit();
    if (this.#head === this.#entries.length) return;
    const batch: Array<Uint8Array | PendingWrite> = [];
    let size = 0;
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head]!;
      const length = entry instanceof Uint8Array ? entry.length : entry.bytes.length;
      if (size > 0 && size + length > BATCH) break;
      this.#entries[this.#head++] = NOTHING;
      size += length;
      batch.push(entry);
    }
    this.#compact();
    this.#writeBatch(batch, size);
  }

  /** Removes the entries that have been sent, from time to time. */
  #compact(): void {
    if (this.#head === this.#entries.length) {
      this.#entries = NONE;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
  }

  async #writeBatch(batch: Array<Uint8Array | PendingWrite>, size: number): Promise<void> {
    this.busy = true;
    this.#owner.writes();
    let failure: unknown = undefined;
    try {
      if (size > 0) await this.#writeAll(join(batch, size));
    } catch (error) {
      this.#owner.sendFailed(error);
      failure = this.#failure?.() ?? error;
    }
    this.busy = false;
    if (this.#onSettled !== undefined) this.#onSettled();
    for (const entry of batch) {
      if (entry instanceof Uint8Array) continue;
      if (failure === undefined) entry.resolve();
      else refuse(entry, failure);
    }
    if (failure === undefined) this.#next();
  }

  /** Queues the messages that waited for room, in their order. */
  #admit(): void {
    while (this.#roomWaiters.length > 0) {
      const waiter = this.#roomWaiters[0]!;
      const size = waiter.bytes.length;
      if (this.queuedBytes > 0 && this.queuedBytes + size > this.#limit) return;
      this.#roomWaiters.shift();
      this.queuedBytes += size;
      this.#append(waiter.early ? waiter.bytes : waiter);
      if (waiter.early) waiter.resolve();
    }
  }
}

/** Returns the same promise, and keeps its rejection from ending the process if nobody awaits it. */
export function quietly(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}

function refuse({ promise, reject }: PendingWrite, error: unknown): void {
  quietly(promise);
  reject(error);
}

function join(batch: Array<Uint8Array | PendingWrite>, size: number): Uint8Array {
  const first = batch[0]!;
  const only = first instanceof Uint8Array ? first : first.bytes;
  if (only.length === size) return only;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const entry of batch) {
    const bytes = entry instanceof Uint8Array ? entry : entry.bytes;
    joined.set(bytes, at);
    at += bytes.length;
  }
  return joined;
}
