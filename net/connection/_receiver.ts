import type { Transport } from "./transport.ts";
import { NetError } from "../errors/errors.ts";
import { checkNumber } from "../internal/options.ts";
import type { ReadOptions } from "./options.ts";

/** What the receiving half tells the connection that it belongs to. */
export interface ReceiverOwner {
  readonly peer: string;
  /** Turns what a raw read threw into the error that readers get. */
  readFailed(error: unknown): unknown;
  /** A reader waits, until `due` where that is not Infinity. */
  waits(due: number): void;
}

/**
 * Where a draining connection may end: between two messages, between two chunks
 * of a stream once nothing comes any more, or nowhere inside of a message.
 */
export type Boundary = "message" | "stream" | "none";

/** The buffer that an idle connection waits with: a thousand of them must stay small. */
const SMALL = 512;
/** A message of 64 KiB comes whole, with its head. */
const LARGE = 65 * 1024;
/** The buffer of a peer that fills one after the other, and how many of them show that it does. */
const BULK = 4 * LARGE;
const STREAK = 8;
/** How long a draining connection still waits for a message or a chunk, in milliseconds. */
const QUIET = 100;

/** Bytes after which others have a turn: a read of what is there never waits, and they starve. */
const TURN = 512 * 1024;

const NOTHING = new Uint8Array(0);

/** When one operation has to be done; made once per operation, used by each of its waits. */
export interface Deadline {
  readonly due: number;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The receiving half of a connection: one raw read at a time. A read that is
 * given up (time limit, signal) leaves its raw read in flight, for it cannot be
 * cancelled; what that brings goes into the buffer and is the next reader's.
 */
export class ByteReceiver {
  /** Bytes received. */
  bytesRead = 0;
  /** Whether the peer has ended its side, or draining has. */
  ended = false;
  /** Whether the transport has failed: there is nothing left to wait for. */
  broken = false;
  /** How many of the buffered bytes are known to hold no end of line. */
  scanned = 0;

  #transport: Transport;
  readonly #owner: ReceiverOwner;
  readonly #readTimeout: number;
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  #start = 0;
  #end = 0;
  /** Size of the next buffer: it follows what the peer sends. */
  #wanted = SMALL;
  /** How many buffers in a row were filled. */
  #streak = 0;
  #reading = false;
  #inTurn = 0;
  /** Whether the raw read begins when others have had their turn. */
  #deferred = false;
  #onSettled: (() => void) | undefined;
  #direct = false;
  /** Where the raw read in flight puts its bytes, if that is no longer the end of the buffer. */
  #landing: Uint8Array | undefined;
  #waiter: Deadline | null = null;
  #boundary: Boundary = "none";
  #resolve: (n: number | null | Promise<never>) => void = nobody;
  #onAbort: (() => void) | undefined;
  #failure: { error: unknown } | null = null;
  #drainingSince = Infinity;
  #drainDue = Infinity;

  constructor(transport: Transport, owner: ReceiverOwner, readTimeout: number) {
    this.#transport = transport;
    this.#owner = owner;
    this.#readTimeout = readTimeout;
  }

  /** The peer, for messages. */
  get peer(): string {
    return this.#owner.peer;
  }

  /** The bytes that have arrived and not been read. */
  get buffered(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** How many bytes have arrived and not been read. */
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

  /** When {@linkcode expire} wants to be called. */
  get due(): number {
    const waiter = this.#waiter;
    if (waiter === null) return Infinity;
    return Math.min(waiter.due, this.#drainDue);
  }

  /** Reads into the caller's buffer, past ours where that loses nothing. */
  read(into: Uint8Array, options?: ReadOptions): Promise<number | null> {
    if (this.#start < this.#end) return Promise.resolve(this.#take(into));
    if (this.#reading || this.#readTimeout > 0 || options !== undefined) {
      return this.#readBuffered(into, options);
    }
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    if (this.#waiter !== null) return Promise.reject(alreadyReading());
    if (this.ended) return Promise.resolve(null);
    this.#direct = true;
    this.#readInto(into);
    return this.#wait(NO_DEADLINE, "stream");
  }

  /** Waits for more bytes than are buffered now; null at the end. */
  more(deadline: Deadline, boundary: Boundary): Promise<number | null> {
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    if (this.#waiter !== null) return Promise.reject(alreadyReading());
    if (this.ended) return Promise.resolve(null);
    if (deadline.signal?.aborted) return Promise.reject(deadline.signal.reason);
    if (!this.#reading) this.#fill();
    return this.#wait(deadline, boundary);
  }

  /** Takes `size` buffered bytes; they are the caller's. */
  consume(size: number): Uint8Array<ArrayBuffer> {
    const from = this.#start;
    this.skip(size);
    // Never the memory that all share who have none.
    if (size === 0) return new Uint8Array(0);
    // A buffer that is well filled, with nothing behind and no raw read aimed at it, changes hands
    // uncopied. It goes as a whole: the new owner may transfer it.
    if (from === 0 && this.#end === 0 && !this.#reading && size * 2 >= this.#buffer.length) {
      const owned = this.#buffer.subarray(0, size);
      this.#buffer = NOTHING;
      return owned;
    }
    return this.#buffer.slice(from, from + size);
  }

  /** Takes all that is buffered, where it is; the next read may put others there. */
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

  /** When an operation that starts now has to be done. */
  deadline(options: ReadOptions | undefined): Deadline {
    const limit = checkNumber("timeout", options?.timeout ?? this.#readTimeout);
    const signal = options?.signal;
    if (limit <= 0) return signal === undefined ? NO_DEADLINE : { due: Infinity, limit: 0, signal };
    return { due: performance.now() + limit, limit, signal };
  }

  /** Ends reads that wait at a message boundary once nothing has come for a moment. */
  drain(): void {
    this.#drainingSince = Math.min(this.#drainingSince, performance.now());
    if (this.#waiter !== null) this.#watchWaiter();
  }

  /** Gives up the waiting reader if its time has come. */
  expire(now: number): void {
    const waiter = this.#waiter;
    if (waiter === null) return;
    if (now >= this.#drainDue) {
      this.ended = true;
      this.#settle();
      this.#resolve(null);
    } else if (now >= waiter.due) {
      const message = `Cannot read from ${this.peer}: nothing came in ${waiter.limit} ms`;
      const address = this.peer;
      this.#settle();
      this.#refuse(new NetError(message, { kind: "timeout", phase: "read", address }));
    }
  }

  /** Keeps readers waiting while the transport is replaced; only while none reads. */
  hold(): void {
    this.#reading = true;
  }

  /** Goes on with `transport`. */
  release(transport: Transport): void {
    this.#transport = transport;
    this.#reading = false;
    if (this.#waiter !== null) this.#fill();
  }

  /** Resolves when the raw read that is under way has ended; undefined if there is none. */
  inFlight(): Promise<void> | undefined {
    if (!this.#reading || this.#deferred) return undefined;
    return new Promise((resolve) => {
      this.#onSettled = () => {
        this.#onSettled = undefined;
        resolve();
      };
    });
  }

  /** Begins the next raw read on `transport`. */
  replace(transport: Transport): void {
    this.#transport = transport;
  }

  /** Ends reading with `error`; what is buffered can still be read. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    if (this.#settle()) this.#refuse(error);
  }

  /** Throws away what comes, past any failure, until the peer ends; rejects after `limit` ms. */
  async discard(limit: number): Promise<void> {
    const deadline = { due: performance.now() + limit, limit, signal: undefined };
    while (!this.ended) {
      this.skip(this.#end - this.#start);
      if (!this.#reading) this.#fill();
      await this.#wait(deadline, "none");
    }
  }

  async #readBuffered(into: Uint8Array, options?: ReadOptions): Promise<number | null> {
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
    if (deadline.signal !== undefined) {
      this.#onAbort ??= () => this.#aborted();
      deadline.signal.addEventListener("abort", this.#onAbort);
    }
    this.#boundary = boundary;
    this.#waiter = deadline;
    this.#watchWaiter();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #watchWaiter(): void {
    const boundary = this.#boundary;
    if (this.#drainingSince !== Infinity && boundary !== "none") {
      // A stream goes on while it flows; a talkative peer's next message does not.
      const from = boundary === "stream" ? performance.now() : this.#drainingSince;
      this.#drainDue = from + QUIET;
    } else this.#drainDue = Infinity;
    this.#owner.waits(this.due);
  }

  /** Tells the reader whose waiter was taken away. */
  #refuse(error: unknown): void {
    this.#resolve(Promise.reject(error));
  }

  /** Takes the waiter away, to be told its result. */
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

  /** Starts a raw read into the free end of our buffer. */
  #fill(): void {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      const size = this.#buffer.length;
      if (size * 4 < this.#wanted || size >= this.#wanted * 4) {
        this.#buffer = new Uint8Array(this.#wanted);
      }
    } else if (this.#end === this.#buffer.length) {
      const kept = this.#end - this.#start;
      const bytes = this.buffered;
      // Moved to the front, into twice the room when more than half is in use.
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
        this.#land(n);
        this.#grew(n);
      }
    }
    if (this.#settle()) this.#resolve(n);
  };

  /** Copies the bytes of a raw read to the end of the buffer if they are elsewhere. */
  #land(n: number): void {
    if (this.#landing === undefined) return;
    this.#buffer.set(this.#landing.subarray(0, n), this.#end);
    this.#landing = undefined;
  }

  #onReadError = (error: unknown): void => {
    this.#reading = false;
    if (this.#onSettled !== undefined) this.#onSettled();
    this.#direct = false;
    this.broken = true;
    this.fail(this.#owner.readFailed(error));
  };

  #grew(n: number): void {
    const room = this.#buffer.length - this.#end;
    this.#end += n;
    this.#streak = n === room ? this.#streak + 1 : 0;
    if (n === room && this.#wanted < LARGE) this.#wanted = Math.min(this.#wanted * 4, LARGE);
    else if (this.#streak >= STREAK) this.#wanted = BULK;
    // Half of it has to be in use, for it to change hands uncopied.
    else if (n * 2 < this.#wanted && this.#wanted > LARGE) this.#wanted = LARGE;
    else if (n * 8 < this.#wanted && this.#wanted > SMALL) this.#wanted >>= 1;
  }
}

const NO_DEADLINE: Deadline = { due: Infinity, limit: 0, signal: undefined };

function alreadyReading(): TypeError {
  return new TypeError("Cannot read: another read of this connection has not ended");
}

function nobody(): void {}
