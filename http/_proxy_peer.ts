import type { Transport } from "../net/transport.ts";
import type { Http1Decoder } from "./http1_codec.ts";
import { closeQuietly } from "./_dial.ts";
import type { TickClock, Ticked } from "./_proxy_clock.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const SMALL = 4 * 1024;
const MEDIUM = 16 * 1024;
/** So many reads of little make a buffer smaller again. */
const FEW = 64;
const LARGE = 256 * 1024;
/** So much of what comes next is read while the end of a peer is looked for. */
const AHEAD = 64 * 1024;

/** A peer took too long. */
export class Late extends Error {}

/** Raw reads into a decoder, and whole writes, with limits: either side of a proxy. */
export class Peer implements Ticked {
  due = Infinity;
  received = 0;
  sent = 0;
  /** Whether it is of no use any more. */
  closed = false;
  /** Whether writing has failed. */
  broken = false;
  readonly decoder: Http1Decoder;
  readonly clock: TickClock;

  readonly #raw: Transport;
  /** How long a write may make no progress, in milliseconds. */
  writeLimit: number;
  #buffer: Bytes | undefined;
  #spare: Bytes | undefined;
  #size = SMALL;
  /** How many reads have brought little, one after another. */
  #few = 0;
  #pending: Promise<boolean> | undefined;
  #gone: (() => void) | undefined;
  #looking = false;
  #resolve: (more: boolean) => void = nobody;
  #reject: (error: unknown) => void = nobody;
  #readDue = Infinity;
  #writeDue = Infinity;

  constructor(raw: Transport, decoder: Http1Decoder, clock: TickClock, writeLimit: number) {
    this.#raw = raw;
    this.decoder = decoder;
    this.clock = clock;
    this.writeLimit = writeLimit;
    clock.watch(this);
  }

  /** Whether a read is under way. */
  get reading(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Reads into the decoder; false at the end. Only while nothing that the decoder has lent is in
   * use. Who asks while a read is under way gets what that brings.
   *
   * @param due The tick at which this rejects with {@linkcode Late}, after which the peer is lost.
   */
  more(due: number): Promise<boolean> {
    // Who always has something to say would never be found waiting.
    if (due <= this.clock.now && this.#pending === undefined) return Promise.reject(new Late());
    this.#readDue = due;
    this.due = Math.min(due, this.#writeDue);
    return this.#pending ??= this.#read();
  }

  /** Limits the read that is under way. */
  limit(due: number): void {
    if (this.#pending === undefined) return;
    this.#readDue = due;
    this.due = Math.min(due, this.#writeDue);
  }

  /** Looks for the end of the peer until `unwatch`; what comes is the next reader's. */
  watch(gone: () => void): void {
    this.#gone = gone;
    if (!this.#looking) this.#look();
  }

  /** Stops looking: before anybody uses what the decoder lends, or reads past it. */
  unwatch(): void {
    this.#gone = undefined;
  }

  #look(): void {
    // Who sends on and on without waiting for an answer has to wait.
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
    this.#pending = undefined;
    this.#readDue = Infinity;
    this.due = this.#writeDue;
    if (size === null) {
      this.#resolve(false);
      return;
    }
    this.received += size;
    if (size === this.#size && size < LARGE) this.#size *= 2;
    this.decoder.push(this.#buffer!.subarray(0, size));
    this.#resolve(true);
  };

  #onError = (error: unknown): void => {
    this.#pending = undefined;
    this.#reject(error);
  };

  /** Gives back what only large bodies need; while nothing is being read. */
  shrink(): void {
    if (this.#size <= MEDIUM || this.#pending !== undefined || this.decoder.buffered > 0) return;
    this.#size = SMALL;
    this.#buffer = this.#spare = undefined;
  }

  /** Reads past the decoder, for tunnels; null at the end. */
  async readRaw(): Promise<Bytes | null> {
    // What is here must not wait for what is being read.
    if (this.decoder.buffered > 0) return this.decoder.takeRest();
    if (this.#pending !== undefined) return await this.#pending ? this.decoder.takeRest() : null;
    // Two buffers in turn: what one holds may be written while the other is being filled.
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
    this.#writeDue = Infinity;
    this.due = this.#readDue;
  }

  /** Tells the peer that nothing more comes. */
  async closeWrite(): Promise<void> {
    await this.#raw.closeWrite();
  }

  expire(): void {
    const { now } = this.clock;
    if (this.#readDue <= now && this.#writeDue > now) {
      this.#readDue = Infinity;
      this.due = this.#writeDue;
      this.#reject(new Late());
    } else this.close();
  }

  /** Leaves the raw connection to its owner. */
  release(): void {
    this.due = Infinity;
    this.clock.unwatch(this);
  }

  /** Closes at once. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.release();
    closeQuietly(this.#raw);
  }
}

function nobody(): void {}
