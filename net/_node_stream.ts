/**
 * Between the streams of Node and the transports of this house, in both
 * directions: what `node:tls` needs below and what a `Connection` needs above.
 */

import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Address, Transport } from "./transport.ts";
import { closeQuietly } from "./_dial.ts";

const CHUNK = 16 * 1024;

/** Decrypted bytes that may wait for a reader before no more are taken from the peer. */
const UNREAD = 64 * 1024;

/**
 * A transport as a stream of Node; it does not close at the peer's end.
 *
 * The TLS socket above takes whatever comes and whatever it is given, so the
 * brakes are here: nothing is read while `above` holds more than somebody reads.
 */
export class TransportDuplex extends Duplex {
  above: TLSSocket | undefined;
  readonly #below: Transport;
  #waiting = false;

  constructor(below: Transport) {
    super({ allowHalfOpen: true });
    this.#below = below;
  }

  /** Something has been read above. */
  consumed(): void {
    if (this.#waiting) this._read();
  }

  override _read(): void {
    this.#waiting = (this.above?.readableLength ?? 0) >= UNREAD;
    if (this.#waiting) return;
    const buffer = new Uint8Array(CHUNK);
    this.#below.read(buffer).then(
      (n) => this.push(n === null ? null : buffer.subarray(0, n)),
      (error) => this.destroy(error),
    );
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    (async () => {
      for (let rest = chunk; rest.length > 0;) {
        rest = rest.subarray(await this.#below.write(rest));
      }
    })().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#below.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeQuietly(this.#below);
    done(error);
  }
}

/** A socket of Node as a transport: it reads when asked to, and no sooner. */
export class SocketTransport implements Transport {
  readonly localAddr: Address;
  readonly remoteAddr: Address;

  readonly #socket: TLSSocket;
  readonly #below: TransportDuplex;
  readonly #raw: Transport;
  #rest: Buffer | null = null;
  #ended = false;
  #failure: Error | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: TLSSocket, below: TransportDuplex, raw: Transport) {
    this.#socket = socket;
    this.#below = below;
    below.above = socket;
    this.#raw = raw;
    this.localAddr = raw.localAddr;
    this.remoteAddr = raw.remoteAddr;
    const wake = () => this.#wake?.();
    const end = () => {
      this.#ended = true;
      wake();
    };
    socket.on("readable", wake);
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", (error) => {
      this.#failure ??= error;
      wake();
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
      const chunk: Buffer | null = this.#rest ?? this.#socket.read();
      if (chunk !== null) {
        this.#below.consumed();
        const n = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, n));
        this.#rest = n < chunk.length ? chunk.subarray(n) : null;
        return n;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async write(data: Uint8Array): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(data, (error) => error ? reject(error) : resolve());
    });
    // TLS takes whatever it is given; how far the peer reads shows in the stream below.
    const below = this.#below;
    while (below.writableNeedDrain && !below.destroyed) {
      await new Promise<void>((resolve) => {
        below.once("drain", resolve);
        below.once("close", resolve);
      });
    }
    if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
    if (this.#failure !== undefined) throw this.#failure;
    return data.length;
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#socket.end(() => resolve());
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
    closeQuietly(this.#raw);
    this.#wake?.();
  }
}
