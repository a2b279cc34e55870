import { resettable } from "../../net/connection/resettable.ts";
import type { Transport } from "../../net/connection/transport.ts";
import type { Http1Decoder } from "../http1/codec.ts";
import { closeQuietly } from "../../net/internal/close_quietly.ts";
import type { TickClock, Ticked } from "./_clock.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const SMALL = 4 * 1024;
const MEDIUM = 16 * 1024;
/** The number of small reads after which the buffer shrinks. */
const FEW = 64;
const LARGE = 256 * 1024;
/** The read-ahead limit while the proxy waits only for the end of the peer. */
const AHEAD = 64 * 1024;

/** Thrown if a time limit of a peer expires. */
export class Late extends Error {}

/** Thrown after {@linkcode Peer.stopReading}. */
export class Stopped extends Error {}

/** One side of a proxy: reads into a decoder, complete writes, and time limits for both. */
export class Peer implements Ticked {
  due = Infinity;
  received = 0;
  sent = 0;
  closed = false;
  /** Whether a write has failed. */
  broken = false;
  /** Whether reading has ended: by the end, an error or a time limit of the peer, or by `stopReading`. */
  lost = false;
  /** Whether the connection was closed because a write made no progress. */
  late = false;
  /** Whether the last read has filled its buffer, so that more data may be available. */
  filled = false;
  readonly decoder: Http1Decoder;
  readonly clock: TickClock;

  #raw: Transport;
  /** The longest time without write progress, in milliseconds. */
  writeLimit: number;
  #buffer: Bytes | undefined;
  #spare: Bytes | undefined;
  #size = SMALL;
  /** The number of small reads in a row. */
  #few = 0;
  /** The pending read. It stays when the peer is lost, so that the result remains the same. */
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

  /** Whether a read is pending, which may add bytes to the decoder at any time. */
  get reading(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Reads into the decoder. Returns false at the end. No bytes of the decoder may be in use. Calls during
   * a read share that read. When the peer is lost, every call has the same result.
   *
   * @param due The tick at which the promise rejects with {@linkcode Late} and the peer is lost.
   */
  more(due: number): Promise<boolean> {
    if (this.lost && this.#pending !== undefined) return this.#pending;
    // Otherwise a peer that always has data ready would never be late.
    if (due <= this.clock.now && this.#pending === undefined) return Promise.reject(new Late());
    this.#readDue = due;
    this.due = Math.min(due, this.#writeDue);
    return this.#pending ??= this.#read();
  }

  /** Sets the limit of the pending read, if there is one. */
  limit(due: number): void {
    if (this.#pending === undefined || this.lost) return;
    this.#readDue = due;
    this.due = Math.min(due, this.#writeDue);
  }

  /** Rejects the pending read with {@linkcode Stopped}. The peer is lost then. */
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

  /** Calls `gone` at the end of the peer, until `unwatch`. Received bytes are kept. */
  watch(gone: () => void): void {
    this.#gone = gone;
    if (!this.#looking) this.#look();
  }

  /** Ends {@linkcode Peer.watch}. Call it before using bytes of the decoder. */
  unwatch(): void {
    this.#gone = undefined;
  }

  #look(): void {
    // A client that pipelines without reading responses must wait.
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
    // Reading has ended. These bytes belong to no request.
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

  /** Frees the memory that only large bodies need, unless a read is pending. */
  shrink(): void {
    if (this.#size <= MEDIUM || this.#pending !== undefined || this.decoder.buffered > 0) return;
    this.#size = SMALL;
    this.#buffer = this.#spare = undefined;
  }

  /** Whether `reset` can reset the connection. */
  get canReset(): boolean {
    return this.#raw.reset !== undefined;
  }

  /** Enables `reset`, if the system supports it. Returns the transport to use. */
  makeResettable(): Transport {
    return this.#raw = resettable(this.#raw, this.#pending);
  }

  /** Switches to the limits of a tunnel, which measures silence itself. */
  startTunnel(writeLimit: number): void {
    this.unwatch();
    this.writeLimit = writeLimit;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
  }

  /** Reads for a tunnel, without the decoder. Returns null at the end. */
  async readRaw(): Promise<Bytes | null> {
    // Available bytes must not wait for the pending read.
    if (this.decoder.buffered > 0) return this.decoder.takeRest();
    if (this.#pending !== undefined) return await this.#pending ? this.decoder.takeRest() : null;
    // Two buffers alternate: one may still be written while the other is filled.
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

  /** Writes all bytes. Only one write may be pending. */
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
   * Waits for a pending write, and confirms that an end of the peer is orderly. The kernel reports a reset only once. If a write
   * gets it, a read sees a normal end.
   *
   * @throws {Deno.errors.ConnectionReset} If the peer has reset the connection.
   */
  async confirmEnd(): Promise<void> {
    // The result of the write is available after this turn of the event loop.
    if (this.#writing && !this.broken) await new Promise((resolve) => setTimeout(resolve));
    if (this.broken) throw new Deno.errors.ConnectionReset("The peer has reset the connection");
  }

  /** Closes the sending half of the connection. */
  async closeWrite(): Promise<void> {
    await this.#raw.closeWrite();
  }

  expire(): void {
    const { now } = this.clock;
    // The peer has received only a part of the data, which must not look complete.
    if (this.#writeDue <= now) {
      this.late = true;
      return this.reset();
    }
    this.lost = true;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
    this.#reject(new Late());
  }

  /** Removes the limits. The owner of the raw connection closes it. */
  release(): void {
    this.due = Infinity;
    this.clock.unwatch(this);
  }

  /** Closes the connection at once. The peer sees a normal end. */
  close(): void {
    if (this.#ends()) closeQuietly(this.#raw);
  }

  /**
   * Closes the connection at once. After `makeResettable`, the peer sees a reset, which shows that its data
   * is incomplete. Otherwise it sees a normal end. Use that for messages whose framing shows the
   * truncation (RFC 9112 §8), because a reset would discard data that the kernel has not sent yet.
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
