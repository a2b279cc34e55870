import { resettable } from "../../net/connection/resettable.ts";
import type { Transport } from "../../net/connection/transport.ts";
import type { Http1Decoder } from "../http1/codec.ts";
import { closeQuietly } from "../../net/internal/close_quietly.ts";
import type { TickClock, Ticked } from "./_clock.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const SMALL = 4 * 1024;
const MEDIUM = 16 * 1024;
/** After this many small reads the buffer shrinks. */
const FEW = 64;
const LARGE = 256 * 1024;
/** Read-ahead limit while only the end of the peer is of interest. */
const AHEAD = 64 * 1024;

/** A peer took too long. */
export class Late extends Error {}

/** Reading was given up, see {@linkcode Peer.stopReading}. */
export class Stopped extends Error {}

/** One side of a proxy: reads into a decoder, complete writes, and a time limit for both. */
export class Peer implements Ticked {
  due = Infinity;
  received = 0;
  sent = 0;
  closed = false;
  /** Whether a write has failed. */
  broken = false;
  /** Whether reading is over: the peer has ended, failed, was too slow, or reading was stopped. */
  lost = false;
  /** Whether a write made no progress for too long, so that the connection was closed. */
  late = false;
  /** Whether the last read has filled its buffer, so that more may be there already. */
  filled = false;
  readonly decoder: Http1Decoder;
  readonly clock: TickClock;

  #raw: Transport;
  /** How long a write may make no progress, in milliseconds. */
  writeLimit: number;
  #buffer: Bytes | undefined;
  #spare: Bytes | undefined;
  #size = SMALL;
  /** Number of small reads in a row. */
  #few = 0;
  /** The read under way. Once the peer is lost it stays, so the result is the same for good. */
  #pending: Promise<boolean> | undefined;
  #gone: (() => void) | undefined;
  #looking = false;
  #resolve: (more: boolean) => void = nobody;
  #reject: (error: unknown) => void = nobody;
  #readDue = Infinity;
  #writeDue = Infinity;
  #writing = false;

  constructor(raw: Transport, decoder: Http1Decoder, clock: TickClock, writeLimit: number) {
    this.#raw = raw;
    this.decoder = decoder;
    this.clock = clock;
    this.writeLimit = writeLimit;
    clock.watch(this);
  }

  /** Whether a read is under way, which may add bytes to the decoder at any time. */
  get reading(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Reads into the decoder; false at the end. Nothing that the decoder has lent may be in use.
   * Calls during a read share that read. Once the peer is lost, every call has the same result.
   *
   * @param due The tick at which this rejects with {@linkcode Late}. The peer is lost then.
   */
  more(due: number): Promise<boolean> {
    if (this.lost && this.#pending !== undefined) return this.#pending;
    // A peer that always has data ready would never be late otherwise.
    if (due <= this.clock.now && this.#pending === undefined) return Promise.reject(new Late());
    this.#readDue = due;
    this.due = Math.min(due, this.#writeDue);
    return this.#pending ??= this.#read();
  }

  /** Sets the limit of the read under way, if there is one. */
  limit(due: number): void {
    if (this.#pending === undefined || this.lost) return;
    this.#readDue = due;
    this.due = Math.min(due, this.#writeDue);
  }

  /** Makes the read under way reject with {@linkcode Stopped}. The peer is lost then. */
  stopReading(): void {
    if (this.lost) return;
    this.lost = true;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
    if (this.#pending === undefined) {
      this.#pending = Promise.reject(new Stopped());
      this.#pending.catch(nobody);
    } else this.#reject(new Stopped());
  }

  /** Calls `gone` at the end of the peer, until `unwatch`. Bytes that come are kept for later. */
  watch(gone: () => void): void {
    this.#gone = gone;
    if (!this.#looking) this.#look();
  }

  /** Ends {@linkcode Peer.watch}. Call it before anybody uses what the decoder lends. */
  unwatch(): void {
    this.#gone = undefined;
  }

  #look(): void {
    // A client that pipelines without reading responses has to wait.
    this.#looking = this.decoder.buffered < AHEAD;
    if (this.#looking) this.more(Infinity).then(this.#looked, this.#lost);
  }

  #looked = (more: boolean): void => {
    this.#looking = false;
    if (this.#gone === undefined) return;
    if (more) this.#look();
    else this.#gone();
  };

  #lost = (): void => this.#looked(false);

  #read(): Promise<boolean> {
    const reading = new Promise<boolean>(this.#keep);
    const { decoder } = this;
    if (this.#buffer === undefined || this.#buffer.length < this.#size || decoder.buffered > 0) {
      this.#buffer = new Uint8Array(this.#size);
    }
    this.#raw.read(this.#buffer).then(this.#onRead, this.#onError);
    return reading;
  }

  #keep = (resolve: (more: boolean) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  #onRead = (size: number | null): void => {
    // Nobody reads any more. These bytes belong to no request.
    if (this.lost) return;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
    if (size === null) {
      this.lost = true;
      this.#resolve(false);
      return;
    }
    this.#pending = undefined;
    this.received += size;
    this.filled = size === this.#buffer!.length;
    if (this.filled && size < LARGE) this.#size *= 2;
    this.decoder.push(this.#buffer!.subarray(0, size));
    this.#resolve(true);
  };

  #onError = (error: unknown): void => {
    this.lost = true;
    this.#reject(error);
  };

  /** Frees what only large bodies need, unless a read is under way. */
  shrink(): void {
    if (this.#size <= MEDIUM || this.#pending !== undefined || this.decoder.buffered > 0) return;
    this.#size = SMALL;
    this.#buffer = this.#spare = undefined;
  }

  /** Whether `reset` is a true one. */
  get canReset(): boolean {
    return this.#raw.reset !== undefined;
  }

  /** Makes `reset` a true one, where the system can; returns the transport from now on. */
  makeResettable(): Transport {
    return this.#raw = resettable(this.#raw, this.#pending);
  }

  /** Makes the limits those of a tunnel, which times its own silence. */
  startTunnel(writeLimit: number): void {
    this.unwatch();
    this.writeLimit = writeLimit;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
  }

  /** Reads past the decoder, for tunnels; null at the end. */
  async readRaw(): Promise<Bytes | null> {
    // Bytes that are here must not wait for the read under way.
    if (this.decoder.buffered > 0) return this.decoder.takeRest();
    if (this.#pending !== undefined) return await this.#pending ? this.decoder.takeRest() : null;
    // Two buffers in turn: one may still be written while the other is filled.
    let buffer = this.#spare;
    if (buffer?.length !== this.#size) buffer = new Uint8Array(this.#size);
    this.#spare = this.#buffer;
    this.#buffer = buffer;
    const size = await this.#raw.read(buffer);
    if (size === null) return null;
    this.received += size;
    if (size === buffer.length && size < LARGE) this.#size *= 2;
    else if (size >= this.#size / 16) this.#few = 0;
    else if (++this.#few > FEW && this.#size > SMALL) {
      this.#size /= 2;
      this.#few = 0;
    }
    return buffer.subarray(0, size);
  }

  /** Writes all of it. One writer at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#writing = true;
    this.#writeDue = this.clock.after(this.writeLimit);
    this.due = Math.min(this.#readDue, this.#writeDue);
    try {
      let at = await this.#raw.write(bytes);
      while (at < bytes.length) {
        this.sent += at;
        bytes = bytes.subarray(at);
        this.#writeDue = this.clock.after(this.writeLimit);
        this.due = Math.min(this.#readDue, this.#writeDue);
        at = await this.#raw.write(bytes);
      }
      this.sent += at;
    } catch (error) {
      this.broken = true;
      throw error;
    }
    this.#writing = false;
    this.#writeDue = Infinity;
    this.due = this.#readDue;
  }

  /**
   * Checks that an end that was read is orderly. The kernel reports a reset once: if a write gets
   * it, a read sees a plain end.
   *
   * @throws {Deno.errors.ConnectionReset} If the peer has reset the connection.
   */
  async confirmEnd(): Promise<void> {
    // The result of the write comes in the same turn of the event loop.
    if (this.#writing && !this.broken) await new Promise((resolve) => setTimeout(resolve));
    if (this.broken) throw new Deno.errors.ConnectionReset("The peer has reset the connection");
  }

  /** Tells the peer that nothing more comes. */
  async closeWrite(): Promise<void> {
    await this.#raw.closeWrite();
  }

  expire(): void {
    const { now } = this.clock;
    // A peer that does not take what is written gets a part of it: it must not look complete.
    if (this.#writeDue <= now) {
      this.late = true;
      return this.reset();
    }
    this.lost = true;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
    this.#reject(new Late());
  }

  /** Ends the limits, and leaves the raw connection to its owner. */
  release(): void {
    this.due = Infinity;
    this.clock.unwatch(this);
  }

  /** Closes at once, in an orderly way: the peer sees an end. */
  close(): void {
    if (this.#ends()) closeQuietly(this.#raw);
  }

  /**
   * Closes at once. After `makeResettable` the peer sees a reset, and so knows that what it got is
   * incomplete. Before that it sees an end, which is for messages whose framing tells as much
   * (RFC 9112 §8): a reset would take what the kernel has not sent yet.
   */
  reset(): void {
    if (!this.#ends()) return;
    if (this.#raw.reset === undefined) closeQuietly(this.#raw);
    else this.#raw.reset();
  }

  #ends(): boolean {
    if (this.closed) return false;
    this.closed = true;
    this.release();
    return true;
  }
}

function nobody(): void {}
