import type { Socket } from "node:net";
import { MAX_TIMER } from "../../net/internal/options.ts";
import type { NetworkFaults } from "./options.ts";

/** Size of the queue in bytes above which the pipe stops reading, if there is no delay. */
const LEAST_QUEUE = 256 * 1024;
/**
 * The same with a delay. A line holds the bytes that are on their way, its bandwidth multiplied by its
 * delay. A smaller queue would limit the bandwidth.
 */
const MOST_QUEUE = 64 * 1024 * 1024;
/** Duration of the data in one write while bandwidth is limited, in milliseconds. */
const SLICE = 20;
/** Delay of a reset in milliseconds, so that the peer can read the data before it. */
const HEAD_START = 20;

/** The bytes of one direction. */
export interface Traffic {
  /** Number of bytes read from the sender. */
  received: number;
  /** Number of bytes written to the receiver. */
  sent: number;
}

/** The bytes of a proxy, by direction. */
export class ProxyTraffic {
  readonly upload: Traffic = { received: 0, sent: 0 };
  readonly download: Traffic = { received: 0, sent: 0 };
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly due: number;
}

/** A fault that stops or ends a direction. */
export type Fault = "reset" | "truncate" | "stall" | "close";

/** Moves bytes from one socket to the other and applies the faults. */
export class FaultPipe {
  /** Number of bytes passed on. */
  bytes = 0;
  /** Resolves when the end of the stream has been passed on, or the pipe is closed. */
  readonly finished: Promise<void>;

  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: () => NetworkFaults;
  readonly #random: () => number;
  readonly #onFault: (fault: Fault) => void;
  readonly #traffic: Traffic;
  readonly #queue: Chunk[] = [];
  #queued = 0;
  #lastDue = 0;
  #ended = false;
  #discarding = false;
  #wake: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** The limits of time that are running: the value that they were started with. */
  readonly #closing = new TimeLimit(() => this.#close());
  readonly #resetting = new TimeLimit(() => this.#reset(0));

  constructor(
    from: Socket,
    to: Socket,
    faults: () => NetworkFaults,
    random: () => number,
    onFault: (fault: Fault) => void,
    traffic: Traffic,
  ) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#random = random;
    this.#onFault = onFault;
    this.#traffic = traffic;
    from.on("data", (bytes: Uint8Array) => this.#take(bytes));
    from.on("end", () => {
      this.#ended = true;
      this.#wake?.();
    });
    this.#startLimits();
    this.finished = this.#pump();
  }

  /** Ends every wait and discards the queue. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#closing.stop();
    this.#resetting.stop();
    this.#wake?.();
  }

  /** Reads the faults again after a change. */
  changed(): void {
    if (this.#closed) return;
    this.#startLimits();
    this.#wake?.();
  }

  #startLimits(): void {
    const { closeAfterTime = Infinity, resetAfterTime = Infinity } = this.#faults();
    this.#closing.start(closeAfterTime);
    this.#resetting.start(resetAfterTime);
  }

  #take(bytes: Uint8Array): void {
    this.#traffic.received += bytes.length;
    if (this.#discarding || this.#faults().discard) return;
    const { latency = 0, jitter = 0 } = this.#faults();
    const due = performance.now() + Math.max(0, latency + jitter * (this.#random() * 2 - 1));
    // A stream keeps its order despite random delays.
    this.#lastDue = Math.max(this.#lastDue, due);
    this.#queue.push({ bytes, due: this.#lastDue });
    this.#queued += bytes.length;
    if (this.#queued >= this.#room()) this.#from.pause();
    this.#wake?.();
  }

  /** Returns the number of bytes that are on their way at most. */
  #room(): number {
    const { latency = 0, jitter = 0, bandwidth = Infinity } = this.#faults();
    const delay = latency + jitter;
    if (delay === 0) return LEAST_QUEUE;
    return Math.min(MOST_QUEUE, Math.max(LEAST_QUEUE, bandwidth * delay / 1000));
  }

  async #pump(): Promise<void> {
    while (!this.#closed) {
      const chunk = this.#queue[0];
      if (chunk === undefined) {
        if (this.#ended) return await this.#end();
        await this.#changed();
      } else if (performance.now() < chunk.due) {
        // The time may pass between the two readings of the clock.
        await this.#sleep(Math.max(0, chunk.due - performance.now()));
      } else {
        const { stallAfter = Infinity } = this.#faults();
        if (this.bytes < stallAfter) await this.#pass(chunk);
        else {
          this.#onFault("stall");
          this.#from.pause();
          while (!this.#closed && this.bytes >= (this.#faults().stallAfter ?? Infinity)) {
            await this.#changed();
          }
          this.#from.resume();
        }
      }
    }
  }

  /** Passes on the part of the first chunk that the faults allow in one piece. */
  async #pass(chunk: Chunk): Promise<void> {
    const faults = this.#faults();
    const { bandwidth = Infinity, stallAfter = Infinity, chunkDelay = 0 } = faults;
    const { resetAfter = Infinity, truncateAfter = Infinity, closeAfter = Infinity } = faults;
    const chunkSize = this.#chunkSize(faults);
    const left = Math.min(stallAfter, resetAfter, truncateAfter, closeAfter) - this.bytes;
    const slice = Math.max(1, Math.floor(bandwidth * SLICE / 1000));
    const size = Math.max(0, Math.min(chunk.bytes.length, chunkSize, slice, left));
    if (size > 0) {
      await this.#write(chunk.bytes.subarray(0, size));
      this.bytes += size;
      this.#traffic.sent += size;
      this.#queued -= size;
      const rest = chunk.bytes.subarray(size);
      if (rest.length === 0) this.#queue.shift();
      else this.#queue[0] = { bytes: rest, due: chunk.due };
      if (this.#queued < this.#room()) this.#from.resume();
      if (bandwidth !== Infinity) await this.#sleep(size * 1000 / bandwidth);
      // Without a pause, the kernel combines the writes.
      else if (chunkSize !== Infinity) await this.#sleep(chunkDelay);
    }
    if (this.#closed) return;
    if (this.bytes >= resetAfter) await this.#reset(HEAD_START);
    else if (this.bytes >= closeAfter) this.#close();
    else if (this.bytes >= truncateAfter) this.#truncate();
  }

  #chunkSize({ chunkSize = Infinity, chunkVariation = 0 }: NetworkFaults): number {
    if (chunkVariation === 0) return chunkSize;
    return Math.max(1, Math.round(chunkSize + chunkVariation * (this.#random() * 2 - 1)));
  }

  /** Passes on the end of the stream. */
  async #end(): Promise<void> {
    const { closeDelay = 0 } = this.#faults();
    if (closeDelay > 0) await this.#sleep(closeDelay);
    if (!this.#closed) this.#to.end();
  }

  /** Closes both ends after the data that is on its way. */
  #close(): void {
    if (this.#closed) return;
    this.#onFault("close");
    this.#discardRest();
    for (const socket of [this.#to, this.#from]) socket.end(() => socket.destroy());
    this.close();
  }

  async #reset(delay: number): Promise<void> {
    if (delay > 0) await this.#sleep(delay);
    if (this.#closed) return;
    this.#onFault("reset");
    this.#to.resetAndDestroy();
    this.#from.resetAndDestroy();
  }

  #truncate(): void {
    this.#onFault("truncate");
    this.#discardRest();
    this.#to.end();
    this.close();
  }

  /** Reads and discards what still arrives, so that the sender notices nothing. */
  #discardRest(): void {
    this.#discarding = true;
    this.#queue.length = 0;
    this.#queued = 0;
    this.#from.resume();
  }

  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#to.write(bytes, () => resolve()));
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = setTimeout(resolve, Math.min(ms, MAX_TIMER));
      // close() must not wait for the timer.
      this.#wake = () => this.#closed && resolve();
    });
  }
}

/** A time limit that starts again only if its value changes. */
class TimeLimit {
  readonly #act: () => void;
  #value = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(act: () => void) {
    this.#act = act;
  }

  start(value: number): void {
    if (value === this.#value) return;
    this.stop();
    this.#value = value;
    if (value <= MAX_TIMER) this.#timer = setTimeout(this.#act, value);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
