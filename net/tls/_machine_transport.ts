import type { Address, Transport } from "../connection/transport.ts";
import { toNetError } from "../errors/errors.ts";
import { closeQuietly } from "../internal/close_quietly.ts";
import { alertFor } from "../internal/tls_alerts.ts";
import type { TlsMachine } from "../internal/tls_machine.ts";

/** Sizes of the read buffer for an idle connection, and for a busy one: 64 KiB in four records. */
const SMALL = 4 * 1024;
const LARGE = 65 * 1024;
/**
 * The read buffer of a handshake holds a whole record, so that no unread bytes turn the end after an
 * alert into a reset.
 */
const RECORD = 17 * 1024;
const NOTHING = new Uint8Array(0);
/** Minimum size of output whose memory is freed at once. */
const RELEASED = 2 * 1024;

/** Maximum size of one write. Time limits see no progress until the peer has taken all of it. */
const MOST = 64 * 1024;

/** Encrypted I/O: a machine on top of another transport. It reads only on demand. */
export class MachineTransport implements Transport {
  readonly localAddr: Address;
  readonly remoteAddr: Address;

  readonly #machine: TlsMachine;
  readonly #raw: Transport;
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  #wanted = SMALL;
  #flushing: Promise<number> | undefined;
  #closed = false;

  constructor(machine: TlsMachine, raw: Transport) {
    this.#machine = machine;
    this.#raw = raw;
    this.localAddr = raw.localAddr;
    this.remoteAddr = raw.remoteAddr;
  }

  /**
   * Performs the handshake. If it fails, the peer gets the alert that the RFC defines.
   *
   * @param verify Throws to reject the peer. It is called when the certificates of the peer are known,
   * and before this side sends its own certificate or its last message.
   */
  async handshake(verify: (machine: TlsMachine) => void): Promise<void> {
    const machine = this.#machine;
    machine.start();
    await this.#flush();
    const buffer = new Uint8Array(RECORD);
    for (let verified = false; !machine.established;) {
      const size = await this.#raw.read(buffer);
      if (size === null) throw new Deno.errors.UnexpectedEof("tls handshake eof");
      machine.receive(buffer.subarray(0, size), NOTHING);
      if (machine.error !== undefined) await this.#fail(machine.error);
      if (!verified && (machine.established || machine.peerCertificates.length > 0)) {
        try {
          verify(machine);
        } catch (error) {
          machine.refuse(alertFor(toNetError(error).tls));
          await this.#fail(error);
        }
        verified = true;
      }
      await this.#flush();
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const machine = this.#machine;
    while (true) {
      if (this.#closed) throw canceled();
      const kept = machine.take(buffer);
      if (kept > 0 || buffer.length === 0) return kept;
      if (machine.error !== undefined) throw machine.error;
      if (machine.ended) return null;
      if (this.#buffer.length !== this.#wanted) this.#buffer = new Uint8Array(this.#wanted);
      const size = await this.#raw.read(this.#buffer);
      if (this.#closed) throw canceled();
      if (size === null) {
        throw new Deno.errors.UnexpectedEof("the peer closed without sending TLS close_notify");
      }
      const filled = machine.receive(this.#buffer.subarray(0, size), buffer);
      this.#adapt(size);
      if (machine.error !== undefined) await this.#fail(machine.error);
      if (filled > 0) return filled;
    }
  }

  /** Adapts the size of the read buffer to the size of a read. */
  #adapt(size: number): void {
    if (size === this.#buffer.length) this.#wanted = LARGE;
    else if (size < SMALL) this.#wanted = Math.max(SMALL, this.#wanted >> 1);
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(canceled());
    if (this.#machine.error !== undefined) return Promise.reject(this.#machine.error);
    const bytes = data.length > MOST ? data.subarray(0, MOST) : data;
    this.#machine.write(bytes);
    return this.#flush(bytes.length);
  }

  async closeWrite(): Promise<void> {
    if (this.#closed) throw new Deno.errors.BadResource("the connection is closed");
    this.#machine.end();
    await this.#flush();
    await this.#raw.closeWrite();
  }

  close(): void {
    this.#closed = true;
    this.#machine.destroy();
    closeQuietly(this.#raw);
  }

  /** Ends the connection without a close_notify, and by a reset if the transport below supports it. */
  reset(): void {
    if (this.#raw.reset !== undefined) this.#raw.reset();
    this.close();
  }

  /** Sends all output. Resolves to `taken`, so that a write needs no promise besides. */
  #flush(taken = 0): Promise<number> {
    if (this.#flushing !== undefined) return this.#flushing.then(() => taken);
    const output = this.#machine.output();
    if (output.length === 0) return Promise.resolve(taken);
    return this.#flushing = this.#raw.write(output).then(
      (size) => {
        if (size < output.length) return this.#sendRest(output, size, taken);
        release(output);
        const next = this.#machine.output();
        if (next.length > 0) return this.#sendRest(next, 0, taken);
        this.#flushing = undefined;
        return taken;
      },
      (error) => {
        this.#flushing = undefined;
        throw error;
      },
    );
  }

  /** Sends `output` from `at` on, and what the machine puts out meanwhile. */
  async #sendRest(output: Uint8Array<ArrayBuffer>, at: number, taken: number): Promise<number> {
    try {
      while (output.length > 0) {
        while (at < output.length) at += await this.#raw.write(output.subarray(at));
        release(output);
        output = this.#machine.output();
        at = 0;
      }
      return taken;
    } finally {
      this.#flushing = undefined;
    }
  }

  /** Sends the alert that explains `error`, and throws `error` in any case. */
  async #fail(error: unknown): Promise<never> {
    try {
      await this.#flush();
    } catch { /* The peer is gone. */ }
    throw error;
  }
}

/**
 * Frees the memory of large output that has been sent. The garbage collector would do so later, and each
 * output would take fresh memory until then: that costs a quarter of an echo of 64 KiB.
 */
function release({ length, buffer }: Uint8Array<ArrayBuffer>): void {
  if (length >= RELEASED && length === buffer.byteLength) buffer.transfer(0);
}

function canceled(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}
