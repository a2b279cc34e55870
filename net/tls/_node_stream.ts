/**
 * Converts between streams of Node and transports: `node:tls` needs a stream below, and a
 * `Connection` needs a transport above.
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Address, Transport } from "../connection/transport.ts";
import { closeQuietly } from "../internal/dial.ts";

/** Sizes of the read buffer for an idle connection and for a busy one. */
const SMALL = 4 * 1024;
const LARGE = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** Number of unread decrypted bytes at which reading from the peer stops. */
const UNREAD = 64 * 1024;

/**
 * Maximum size of one write. TLS encrypts all of it at once, and time limits see no progress until
 * the peer has taken all of it.
 */
const MOST = 256 * 1024;

/**
 * A transport as a stream of Node. It stays open when the peer ends its output.
 *
 * The TLS socket above it reads without limit. So backpressure is applied here: nothing is read
 * while the TLS socket holds many unread bytes.
 */
export class TransportDuplex extends Duplex {
  above: TLSSocket | undefined;
  readonly #below: Transport;
  #waiting = false;
  #wanted = SMALL;
  #buffer = NOTHING;

  constructor(below: Transport) {
    super({ allowHalfOpen: true });
    this.#below = below;
  }

  /** Continues reading after the program has read from the TLS socket. */
  consumed(): void {
    if (this.#waiting) this._read();
  }

  override _read(): void {
    this.#waiting = (this.above?.readableLength ?? 0) >= UNREAD;
    if (this.#waiting) return;
    if (this.#buffer.length !== this.#wanted) this.#buffer = new Uint8Array(this.#wanted);
    const buffer = this.#buffer;
    this.#below.read(buffer).then((n) => {
      this.push(n === null ? null : this.#taken(buffer, n));
    }, (error) => this.destroy(error));
  }

  /** Returns the bytes of a read. Small ones are copied; for large ones the buffer is handed over. */
  #taken(buffer: Uint8Array<ArrayBuffer>, n: number): Uint8Array {
    if (n === buffer.length) this.#wanted = LARGE;
    else if (n < SMALL) this.#wanted = Math.max(SMALL, this.#wanted >> 1);
    if (n * 4 < buffer.length) return buffer.slice(0, n);
    this.#buffer = NOTHING;
    return buffer.subarray(0, n);
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  /** Writes all waiting TLS records together. */
  override _writev(
    chunks: ReadonlyArray<{ readonly chunk: Uint8Array }>,
    done: (error?: Error | null) => void,
  ): void {
    this.#writeAll(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#below.write(rest));
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#below.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeQuietly(this.#below);
    done(error);
  }
}

/** A TLS socket of Node as a transport. It reads only on demand. */
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
    const bytes = data.length > MOST ? data.subarray(0, MOST) : data;
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    });
    if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
    if (this.#failure !== undefined) throw this.#failure;
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    // A destroyed socket does not call back.
    if (this.#closed) {
      return Promise.reject(new Deno.errors.BadResource("the connection is closed"));
    }
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

  /** Ends the connection without a close_notify, and by a reset if the transport below supports it. */
  reset(): void {
    // The transport below is closed first, so that TLS cannot send its close_notify.
    if (this.#raw.reset !== undefined) this.#raw.reset();
    else closeQuietly(this.#raw);
    this.close();
  }
}
