import type { MemoryAddr, Transport } from "../connection/transport.ts";
import { count, group, milliseconds, numberFrom, OptionRules } from "./options.ts";

/** Faults in the transmission of the bytes that one end sends. */
export interface Faults {
  /**
   * Maximum number of bytes that one read of the peer returns.
   *
   * @default Infinity
   */
  chunkSize?: number;
  /**
   * Delay of each chunk in milliseconds.
   *
   * @default 0
   */
  delay?: number;
  /** Number of bytes after which nothing arrives any more. The connection stays open. */
  stallAfter?: number;
  /** Number of bytes after which both ends see a reset. */
  resetAfter?: number;
  /** Number of bytes after which the peer sees an orderly end, even if more was written. */
  truncateAfter?: number;
}

/** Options of the two ends of a pair. */
export interface MemoryTransportOptions {
  /**
   * Number of bytes that each direction buffers before a write waits, like the buffers of a socket.
   *
   * @default 65536
   */
  capacity?: number;
  /** The faults of both directions, or one entry for each end that sends. */
  faults?: Faults | [Faults, Faults];
}

/** One end of an in-memory pair. */
export interface MemoryTransport extends Transport {
  /** The address of this end. */
  readonly localAddr: MemoryAddr;
  /** The address of the peer. */
  readonly remoteAddr: MemoryAddr;
  /** Resets the connection, as an RST does. Both ends see a reset. */
  reset(): void;
}

const FAULTS = group(
  new OptionRules<Faults>({
    chunkSize: count,
    delay: milliseconds,
    stallAfter: numberFrom(0),
    resetAfter: numberFrom(0),
    truncateAfter: numberFrom(0),
  }),
);

/** The rules for the options of {@linkcode memoryTransports}. */
export const TRANSPORTS = new OptionRules<MemoryTransportOptions>({
  capacity: count,
  faults: (name, value) => {
    if (!Array.isArray(value)) return FAULTS(name, value);
    for (const index of [0, 1]) FAULTS(`${name}[${index}]`, value[index]);
  },
});

/**
 * Creates two connected transports.
 *
 * @param options The capacity and the faults of both directions.
 * @returns The two ends of the pair.
 * @throws {RangeError | TypeError} If an option is invalid.
 */
export function memoryTransports(
  options: MemoryTransportOptions = {},
): [MemoryTransport, MemoryTransport] {
  options = TRANSPORTS.check("memoryTransports", options);
  const { capacity = 64 * 1024 } = options;
  const [first, second] = Array.isArray(options.faults)
    ? options.faults
    : [options.faults ?? {}, options.faults ?? {}];
  const there = new Pipe(capacity, first);
  const back = new Pipe(capacity, second);
  return [new End("a", "b", back, there), new End("b", "a", there, back)];
}

/** One direction of a pair: a bounded buffer with one reader and one writer. */
class Pipe {
  readonly #capacity: number;
  readonly #chunkSize: number;
  readonly #delay: number;
  readonly #stallAfter: number;
  readonly #resetAfter: number;
  readonly #truncateAfter: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Number of bytes that the reader has got so far. */
  #delivered = 0;
  #state: "open" | "ended" | "reset" | "closed" = "open";
  #changed: Array<() => void> = [];
  #timers = new Set<() => void>();

  constructor(capacity: number, faults: Faults) {
    this.#capacity = capacity;
    this.#chunkSize = faults.chunkSize ?? Infinity;
    this.#delay = faults.delay ?? 0;
    this.#stallAfter = faults.stallAfter ?? Infinity;
    this.#resetAfter = faults.resetAfter ?? Infinity;
    this.#truncateAfter = faults.truncateAfter ?? Infinity;
  }

  /** Ends the direction. The first end counts, except that a reset replaces an orderly end. */
  end(state: "ended" | "reset" | "closed"): void {
    if (this.#state === "open" || (this.#state === "ended" && state !== "ended")) {
      this.#state = state;
    }
    if (state !== "ended") {
      this.#chunks = [];
      this.#size = 0;
      for (const stop of this.#timers) stop();
    }
    this.#wake();
  }

  async read(into: Uint8Array, open: () => void, reset: () => void): Promise<number | null> {
    while (true) {
      open();
      if (this.#state === "reset") throw new Deno.errors.ConnectionReset("connection reset");
      if (into.length === 0) return 0;
      const room = Math.min(into.length, this.#chunkSize, this.#room());
      if (this.#delivered >= this.#truncateAfter) return null;
      if (this.#delivered >= this.#resetAfter) reset();
      else if (this.#size > 0 && room > 0) {
        if (this.#delay > 0 && !await this.#pause()) continue;
        return this.#take(into, room);
      } else if (this.#ended()) return null;
      else await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  async write(data: Uint8Array, open: () => void): Promise<number> {
    while (true) {
      open();
      if (this.#state === "reset") throw new Deno.errors.ConnectionReset("connection reset");
      if (this.#state !== "open") throw new Deno.errors.BrokenPipe("broken pipe");
      const n = Math.min(data.length, this.#capacity - this.#size);
      if (n > 0 || data.length === 0) {
        this.#chunks.push(data.slice(0, n));
        this.#size += n;
        this.#wake();
        return n;
      }
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  /** Returns whether the reader sees the end. After a stall, it does not. */
  #ended(): boolean {
    return this.#state !== "open" && this.#size === 0 && this.#delivered < this.#stallAfter;
  }

  /** Returns the number of bytes until the next fault. */
  #room(): number {
    return Math.min(this.#stallAfter, this.#resetAfter, this.#truncateAfter) - this.#delivered;
  }

  #take(into: Uint8Array, room: number): number {
    const chunk = this.#chunks[0]!;
    const n = Math.min(room, chunk.length);
    into.set(chunk.subarray(0, n));
    if (n === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(n);
    this.#size -= n;
    this.#delivered += n;
    this.#wake();
    return n;
  }

  /** Waits for the delay. Returns false if the direction has ended meanwhile. */
  #pause(): Promise<boolean> {
    return new Promise((resolve) => {
      const stop = () => {
        clearTimeout(timer);
        this.#timers.delete(stop);
        resolve(false);
      };
      const timer = setTimeout(() => {
        this.#timers.delete(stop);
        resolve(true);
      }, this.#delay);
      this.#timers.add(stop);
    });
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

class End implements MemoryTransport {
  readonly localAddr: MemoryAddr;
  readonly remoteAddr: MemoryAddr;
  readonly #in: Pipe;
  readonly #out: Pipe;
  #closed = false;

  constructor(name: string, peer: string, incoming: Pipe, outgoing: Pipe) {
    this.localAddr = { transport: "memory", name };
    this.remoteAddr = { transport: "memory", name: peer };
    this.#in = incoming;
    this.#out = outgoing;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.#checkOpen("BadResource");
    return await this.#in.read(buffer, () => this.#checkOpen("Interrupted"), () => this.reset());
  }

  async write(data: Uint8Array): Promise<number> {
    this.#checkOpen("BadResource");
    return await this.#out.write(data, () => this.#checkOpen("Interrupted"));
  }

  // deno-lint-ignore require-await -- an error must become a rejection
  async closeWrite(): Promise<void> {
    this.#checkOpen("BadResource");
    this.#out.end("ended");
  }

  close(): void {
    this.#checkOpen("BadResource");
    this.#closed = true;
    this.#out.end("ended");
    this.#in.end("closed");
  }

  reset(): void {
    this.#out.end("reset");
    this.#in.end("reset");
  }

  #checkOpen(kind: "BadResource" | "Interrupted"): void {
    if (!this.#closed) return;
    throw new Deno.errors[kind]("the end of the pair is closed");
  }
}
