import { untilSettled } from "./_in_flight.ts";
import type { Transport } from "./transport.ts";
import { NetError } from "../errors/errors.ts";
import { READ } from "./_read_limits.ts";
import type { ReadListener } from "../internal/connection_hooks.ts";
import type { ReadOptions } from "./options.ts";

/** The connection that a receiver belongs to. */
export interface ReceiverOwner {
  readonly peer: string;
  /** Converts the error of a raw read into the error for readers. */
  readFailed(error: unknown): unknown;
  /** Takes note of a waiting reader. Its time limit is `due`, or Infinity. */
  waits(due: number): void;
}

/**
 * The places where a draining connection may end: between two messages, between two chunks of a
 * stream that has paused, or nowhere because a message is incomplete.
 */
export type Boundary = "message" | "stream" | "none";

/** Buffer size of an idle connection. It is small because there may be thousands of them. */
const SMALL = 512;
/** Buffer size that holds a message of 64 KiB with its header. */
const LARGE = 65 * 1024;
/** Buffer size for a peer that has filled as many buffers in a row as `STREAK` says. */
const BULK = 4 * LARGE;
const STREAK = 8;
/** Size of such a buffer if it is used again and again. It has to fit into the cache of a processor. */
const REUSED = 2 * LARGE;
/** Time that a draining connection waits for a message or a chunk, in milliseconds. */
const QUIET = 100;

/**
 * Bytes after which the receiver yields to the event loop. Reads of available data resolve at once,
 * so a flooding peer would otherwise starve other connections.
 */
const TURN = 512 * 1024;

const NOTHING = new Uint8Array(0);

/** The time limit and signal of one operation. All waits of the operation share them. */
export interface Deadline {
  readonly due: number;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The receiving half of a connection. It has one raw read in flight at a time. A raw read cannot be
 * cancelled: when a reader times out or is aborted, the bytes go into the buffer for the next reader.
 */
export class ByteReceiver {
  /** Number of received bytes. */
  bytesRead = 0;
  /** Whether the peer has ended its output, or draining has ended reading. */
  ended = false;
  /** Whether the transport has failed. */
  broken = false;
  /** Number of buffered bytes that are known to contain no end of line. */
  scanned = 0;

  #transport: Transport;
  readonly #owner: ReceiverOwner;
  readonly #readTimeout: number;
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  #start = 0;
  #end = 0;
  /** Size of the next buffer. It adapts to the sizes of previous reads. */
  #wanted = SMALL;
  /** Number of buffers in a row that were filled. */
  #streak = 0;
  #reading = false;
  #inTurn = 0;
  /** Whether the raw read begins after a turn of the event loop. */
  #deferred = false;
  #onSettled: (() => void) | undefined;
  #direct = false;
  /** Target of the raw read in flight if the buffer has been replaced since it began. */
  #landing: Uint8Array | undefined;
  #waiter: Deadline | null = null;
  #boundary: Boundary = "none";
  #resolve: (n: number | null | Promise<never>) => void = nobody;
  /** Gets the result in place of `#resolve`. */
  #listener: ReadListener | undefined;
  #onAbort: (() => void) | undefined;
  /** Returns the error of later reads. */
  #failure: (() => unknown) | undefined;
  // Fields that are usually undefined need less memory than fields that are usually Infinity.
  #drainingSince: number | undefined;
  #drainDue: number | undefined;

  constructor(transport: Transport, owner: ReceiverOwner, readTimeout: number) {
    this.#transport = transport;
    this.#owner = owner;
    this.#readTimeout = readTimeout;
  }

  /** The address of the peer, for messages. */
  get peer(): string {
    return this.#owner.peer;
  }

  /** The received bytes that have not been read. */
  get buffered(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Number of received bytes that have not been read. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** Whether a raw read is in flight. */
  get reading(): boolean {
    return this.#reading;
  }

  /** Whether a reader waits for the peer. */
  get waiting(): boolean {
    return this.#waiter !== null;
  }

  /** Time at which {@linkcode expire} must be called. */
  get due(): number {
    const waiter = this.#waiter;
    if (waiter === null) return Infinity;
    return this.#drainDue === undefined ? waiter.due : Math.min(waiter.due, this.#drainDue);
  }

  /** Reads into the caller's buffer. If possible, it bypasses the internal buffer. */
  read(into: Uint8Array, options?: ReadOptions): Promise<number | null> {
    if (options !== undefined) return this.#readBuffered(into, options);
    if (this.#start < this.#end) return Promise.resolve(this.#take(into));
    if (this.#reading || this.#readTimeout > 0) return this.#readBuffered(into);
    if (this.#failure !== undefined) return Promise.reject(this.#failure());
    if (this.#waiter !== null) return Promise.reject(alreadyReading());
    if (this.ended) return Promise.resolve(null);
    this.#direct = true;
    this.#readInto(into);
    return this.#wait(NO_DEADLINE, "stream");
  }

  /** Waits until more bytes have arrived. Resolves to null at the end. */
  more(deadline: Deadline, boundary: Boundary): Promise<number | null> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure());
    if (this.#waiter !== null) return Promise.reject(alreadyReading());
    if (this.ended) return Promise.resolve(null);
    if (deadline.signal?.aborted) return Promise.reject(deadline.signal.reason);
    if (!this.#reading) this.#fill();
    return this.#wait(deadline, boundary);
  }

  /**
   * Waits until more bytes have arrived, and reports that to a listener. Thousands of idle connections
   * wait here, and a listener needs less memory than promises.
   *
   * @returns False if the peer has ended its output. The listener gets nothing then.
   * @throws What {@linkcode more} would reject with at once.
   */
  report(listener: ReadListener, deadline: Deadline, boundary: Boundary): boolean {
    if (this.#failure !== undefined) throw this.#failure();
    if (this.#waiter !== null) throw alreadyReading();
    if (this.ended) return false;
    if (deadline.signal?.aborted) throw deadline.signal.reason;
    if (!this.#reading) this.#fill();
    this.#listener = listener;
    // The function of an earlier read would keep the promise of that read in memory.
    this.#resolve = nobody;
    this.#followSignal(deadline);
    this.#enter(deadline, boundary);
    return true;
  }

  /** Takes the buffered bytes, or waits for more, as `hooks.read` describes. */
  chunk(
    listener: ReadListener,
    inMessage: boolean,
    timeout: number,
  ): Uint8Array<ArrayBuffer> | null | undefined {
    if (this.size > 0) return this.lend();
    const deadline = timeout === Infinity
      ? NO_DEADLINE
      : { due: performance.now() + timeout, limit: timeout, signal: undefined };
    return this.report(listener, deadline, inMessage ? "none" : "stream") ? undefined : null;
  }

  /** Takes `size` buffered bytes. The caller owns them. */
  consume(size: number): Uint8Array<ArrayBuffer> {
    const from = this.#start;
    this.skip(size);
    // Callers may transfer the buffer of the array, and the empty buffer is shared.
    if (size === 0) return new Uint8Array(0);
    // If the buffer is at least half full and no raw read writes to it, the caller gets the buffer
    // itself instead of a copy. It is not used here any more, as the caller may transfer it.
    if (from === 0 && this.#end === 0 && !this.#reading && size * 2 >= this.#buffer.length) {
      const owned = this.#buffer.subarray(0, size);
      this.#buffer = NOTHING;
      return owned;
    }
    return this.#buffer.slice(from, from + size);
  }

  /** Takes all buffered bytes without a copy. The next read may overwrite them. */
  lend(): Uint8Array<ArrayBuffer> {
    const bytes = this.buffered;
    this.skip(bytes.length);
    return bytes;
  }

  /** Drops `size` buffered bytes. */
  skip(size: number): void {
    this.scanned = 0;
    this.#start += size;
    if (this.#start === this.#end && !this.#reading) this.#start = this.#end = 0;
  }

  /** Puts a copy of `bytes` in front of the buffered ones. */
  unread(bytes: Uint8Array): void {
    if (this.#waiter !== null) throw alreadyReading();
    if (bytes.length > this.#start) this.#makeRoom(bytes.length);
    this.scanned = 0;
    this.#start -= bytes.length;
    this.#buffer.set(bytes, this.#start);
  }

  /** Moves the buffered bytes, so that `size` bytes in front of them are free. */
  #makeRoom(size: number): void {
    const kept = this.buffered;
    // A raw read cannot be redirected: its bytes are copied when they have arrived.
    const landing = this.#reading && !this.#direct
      ? this.#landing ?? this.#buffer.subarray(this.#end)
      : undefined;
    const buffer = new Uint8Array(size + kept.length + (landing?.length ?? 0));
    buffer.set(kept, size);
    this.#buffer = buffer;
    this.#start = size;
    this.#end = size + kept.length;
    this.#landing = landing;
  }

  /** Returns the deadline of an operation that starts now. */
  deadline(options: ReadOptions | undefined): Deadline {
    const limit = options?.timeout ?? this.#readTimeout;
    const signal = options?.signal;
    if (limit <= 0) return signal === undefined ? NO_DEADLINE : { due: Infinity, limit: 0, signal };
    return { due: performance.now() + limit, limit, signal };
  }

  /** Ends reads that wait at a message boundary after a short time without data. */
  drain(): void {
    this.#drainingSince ??= performance.now();
    if (this.#waiter !== null) this.#watchWaiter();
  }

  /** Rejects the waiting reader if its time limit has passed. */
  expire(now: number): void {
    const waiter = this.#waiter;
    if (waiter === null) return;
    if (this.#drainDue !== undefined && now >= this.#drainDue) {
      this.ended = true;
      this.#settle();
      this.#deliver(null);
    } else if (now >= waiter.due) {
      const message = `Cannot read from ${this.peer}: nothing came in ${waiter.limit} ms`;
      const address = this.peer;
      this.#settle();
      this.#refuse(new NetError(message, { kind: "timeout", phase: "read", address }));
    }
  }

  /** Keeps readers waiting while the transport is replaced. No read may be in flight. */
  hold(): void {
    this.#reading = true;
  }

  /** Continues with `transport`. */
  release(transport: Transport): void {
    this.#transport = transport;
    this.#reading = false;
    if (this.#waiter !== null) this.#fill();
  }

  /** Resolves when the raw read in flight has ended. Returns undefined if there is none. */
  inFlight(): Promise<void> | undefined {
    if (!this.#reading || this.#deferred) return undefined;
    return untilSettled((settled) => this.#onSettled = settled);
  }

  /** Uses `transport` from the next raw read on. */
  replace(transport: Transport): void {
    this.#transport = transport;
  }

  /** Ends reading with the error that `failure` returns. Buffered bytes can still be read. */
  fail(failure: () => unknown): void {
    this.#failure ??= failure;
    if (this.#settle()) this.#refuse(failure());
  }

  /** Discards received bytes until the peer ends, even after a failure. Rejects after `limit` ms. */
  async discard(limit: number): Promise<void> {
    const deadline = { due: performance.now() + limit, limit, signal: undefined };
    while (!this.ended) {
      this.skip(this.#end - this.#start);
      if (!this.#reading) this.#fill();
      await this.#wait(deadline, "none");
    }
  }

  async #readBuffered(into: Uint8Array, options?: ReadOptions): Promise<number | null> {
    READ.checkBriefly("read", options);
    if (this.#start < this.#end) return this.#take(into);
    const deadline = this.deadline(options);
    return await this.more(deadline, "stream") === null ? null : this.#take(into);
  }

  #take(into: Uint8Array): number {
    const n = Math.min(into.length, this.#end - this.#start);
    into.set(this.#buffer.subarray(this.#start, this.#start + n));
    this.skip(n);
    return n;
  }

  #wait(deadline: Deadline, boundary: Boundary): Promise<number | null> {
    this.#followSignal(deadline);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#enter(deadline, boundary);
    });
  }

  #followSignal({ signal }: Deadline): void {
    if (signal === undefined) return;
    this.#onAbort ??= () => this.#aborted();
    signal.addEventListener("abort", this.#onAbort);
  }

  #enter(deadline: Deadline, boundary: Boundary): void {
    this.#boundary = boundary;
    this.#waiter = deadline;
    this.#watchWaiter();
  }

  #watchWaiter(): void {
    const boundary = this.#boundary;
    if (this.#drainingSince !== undefined && boundary !== "none") {
      // A stream ends after a pause. A sequence of messages ends a fixed time after draining began,
      // even if the peer goes on sending.
      const from = boundary === "stream" ? performance.now() : this.#drainingSince;
      this.#drainDue = from + QUIET;
    } else this.#drainDue = undefined;
    this.#owner.waits(this.due);
  }

  /** Resolves the reader whose waiter was removed. */
  #deliver(n: number | null): void {
    const listener = this.#listener;
    if (listener === undefined) return this.#resolve(n);
    this.#listener = undefined;
    listener.arrived(n === null ? null : listener.looks ? NOTHING : this.lend());
  }

  /** Rejects the reader whose waiter was removed. */
  #refuse(error: unknown): void {
    const listener = this.#listener;
    if (listener === undefined) return this.#resolve(Promise.reject(error));
    this.#listener = undefined;
    // The listener may call back, so it runs after the code that ends the read.
    queueMicrotask(() => listener.failed(error));
  }

  /** Removes the waiter. Returns false if there is none. */
  #settle(): boolean {
    const waiter = this.#waiter;
    if (waiter === null) return false;
    this.#waiter = null;
    waiter.signal?.removeEventListener("abort", this.#onAbort!);
    return true;
  }

  #aborted(): void {
    const reason = this.#waiter?.signal?.reason;
    if (this.#settle()) this.#refuse(reason);
  }

  /** Starts a raw read into the free end of the buffer. */
  #fill(): void {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      const size = this.#buffer.length;
      const wanted = size === 0 ? this.#wanted : Math.min(this.#wanted, REUSED);
      const grows = size * 4 < wanted || (size < wanted && wanted === REUSED);
      const shrinks = size >= wanted * 4 || (size > LARGE && wanted <= LARGE);
      if (grows || shrinks) this.#buffer = new Uint8Array(wanted);
    } else if (this.#end === this.#buffer.length) {
      const kept = this.#end - this.#start;
      const bytes = this.buffered;
      // The bytes move to the front. If they take more than half of the buffer, its size doubles.
      const size = Math.max(this.#wanted, kept * 2 > this.#buffer.length ? kept * 2 : 0);
      this.#buffer = size > this.#buffer.length ? new Uint8Array(size) : this.#buffer;
      this.#buffer.set(bytes);
      this.#start = 0;
      this.#end = kept;
    }
    this.#readInto(this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end));
  }

  #readInto(into: Uint8Array): void {
    this.#reading = true;
    if (this.#inTurn < TURN) return this.#readRaw(into);
    this.#inTurn = 0;
    this.#deferred = true;
    setImmediate(() => {
      this.#deferred = false;
      this.#readRaw(into);
    });
  }

  #readRaw(into: Uint8Array): void {
    this.#transport.read(into).then(this.#onRead, this.#onReadError);
  }

  #onRead = (n: number | null): void => {
    this.#reading = false;
    if (this.#onSettled !== undefined) this.#onSettled();
    const direct = this.#direct;
    this.#direct = false;
    if (n === null) this.ended = true;
    else {
      this.bytesRead += n;
      this.#inTurn += n;
      if (!direct) {
        if (this.#landing !== undefined) this.#land(this.#landing.subarray(0, n));
        this.#grew(n);
      }
    }
    if (this.#settle()) this.#deliver(n);
  };

  /** Copies bytes of a raw read that are elsewhere to the end of the buffer. */
  #land(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#end);
    this.#landing = undefined;
  }

  #onReadError = (error: unknown): void => {
    this.#reading = false;
    if (this.#onSettled !== undefined) this.#onSettled();
    this.#direct = false;
    this.broken = true;
    const failure = this.#owner.readFailed(error);
    this.fail(() => failure);
  };

  #grew(n: number): void {
    const room = this.#buffer.length - this.#end;
    this.#end += n;
    this.#streak = n === room ? this.#streak + 1 : 0;
    if (n === room && this.#wanted < LARGE) this.#wanted = Math.min(this.#wanted * 4, LARGE);
    else if (this.#streak >= STREAK) this.#wanted = BULK;
    // The peer has paused, and an idle connection keeps the next buffer.
    else if (n < room && this.#wanted > LARGE) this.#wanted = LARGE;
    else if (n * 8 < this.#wanted && this.#wanted > SMALL) this.#wanted >>= 1;
  }
}

const NO_DEADLINE: Deadline = { due: Infinity, limit: 0, signal: undefined };

function alreadyReading(): TypeError {
  return new TypeError("Cannot read: another read of this connection has not ended");
}

function nobody(): void {}
