/**
 * One interface over TCP, TLS, Unix sockets and the in-memory pair: whole
 * messages in (`readLine`, `readFrame`, `readExact`), all bytes out (`write`),
 * a bounded send queue, time limits, half-close and a clean end.
 *
 * @example Echo lines over a connection
 * ```ts
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = memoryPair();
 * await using _client = client;
 * await using _server = server;
 *
 * const serving = (async () => {
 *   for await (const line of server.lines({ max: 1024 })) await server.write(`you said ${line}\n`);
 * })();
 * await client.write("hello\r\n");
 * assertEquals(await client.readLine({ timeout: 1000 }), "you said hello");
 * await client.closeWrite();
 * await serving;
 * ```
 *
 * **Permissions**: none of its own; opening the transport needs them.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import type {
  ChunkOptions,
  ConnectionOptions,
  ConnectionStats,
  DetachedTransport,
  FrameOptions,
  LineOptions,
  ReadOptions,
  UpgradedTransport,
} from "./options.ts";
import { NetError, type NetErrorOptions, type NetPhase, toNetError } from "../errors/errors.ts";
import { encodeFrame, type FrameFormat } from "./frame_codec.ts";
import type { Address, TlsInfo, Transport } from "./transport.ts";
import { bytesOf, notBytes } from "../internal/bytes.ts";
import { withDeadline } from "../internal/deadline.ts";
import { CONNECTION, type Limits, limitsOf } from "../internal/connection_limits.ts";
import { optionError } from "../internal/options.ts";
import { MessageReceiver } from "./_messages.ts";
import { resettable } from "./resettable.ts";
import { quietly, SendQueue } from "./_send_queue.ts";
import { Watchdog } from "./_watchdog.ts";

export type * from "./options.ts";

let lastId = 0;

/** Makes what a raw operation threw the connection's error; for its watchdog alone. */
let failed: (connection: Connection, error: unknown, phase: NetPhase) => NetError;

/**
 * A duplex connection to one peer. One reader at a time; writers may overlap
 * and keep their order.
 *
 * Reads and writes reject with {@linkcode NetError}: "reset" and "truncated"
 * when the peer broke off, "timeout" and "limit" for the limits set here,
 * "closed" after {@linkcode Connection.close}. A signal's reason is passed on
 * as it is.
 *
 * @example Length-prefixed frames
 * ```ts
 * import { memoryPair } from "@portside/kit/net/memory-pair";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = memoryPair();
 * await using _a = a;
 * await using _b = b;
 * await a.writeFrame(new Uint8Array([1, 2, 3]));
 * assertEquals(await b.readFrame({ max: 100 }), new Uint8Array([1, 2, 3]));
 * ```
 */
export class Connection implements AsyncDisposable, AsyncIterable<Uint8Array<ArrayBuffer>> {
  /** A number that no other connection of this process has. */
  readonly id: number = ++lastId;
  /** The address of the peer in words, e.g. `127.0.0.1:50312`. */
  readonly peer: string;

  #transport: Transport;
  #tls: TlsInfo | undefined;
  readonly #receiver: MessageReceiver;
  readonly #queue: SendQueue;
  readonly #limits: Limits;
  readonly #watchdog: Watchdog<Connection>;
  readonly #openedAt = Date.now();
  #halfClosed = false;
  #upgrading = false;
  #state: "open" | "closing" | "closed" = "open";
  #reason: NetError | undefined;
  #closedError: NetError | undefined;
  #closing: Promise<void> | undefined;
  #controller: AbortController | undefined;
  #closed: Promise<NetError | undefined> | undefined;
  #tellClosed: ((reason: NetError | undefined) => void) | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array | string> | undefined;

  /**
   * Takes over an open transport. Nobody else may read or write it from now on.
   *
   * @param transport A `Deno.Conn` or an end of an in-memory pair.
   * @param options The limits.
   * @param tls What the handshake agreed on, where the transport is a TLS connection.
   * @throws {RangeError} If a limit is negative or no number.
   */
  constructor(transport: Transport, options: ConnectionOptions = {}, tls?: TlsInfo) {
    CONNECTION.check("Connection", options);
    this.#limits = limitsOf(options);
    this.#transport = transport;
    this.#tls = tls;
    this.peer = formatAddress(transport.remoteAddr);
    const { readTimeout, limit, policy } = this.#limits;
    this.#watchdog = new Watchdog<Connection>(this, this.#limits, failed);
    this.#receiver = new MessageReceiver(transport, this.#watchdog, readTimeout);
    this.#queue = new SendQueue(transport, this.#watchdog, limit, policy);
    this.#watchdog.begin(this.#receiver, this.#queue);
  }

  /** What the TLS handshake agreed on; undefined without TLS. */
  get tls(): TlsInfo | undefined {
    return this.#tls;
  }

  /** The address of this end. */
  get localAddr(): Address {
    return this.#transport.localAddr;
  }

  /** The address of the peer. */
  get remoteAddr(): Address {
    return this.#transport.remoteAddr;
  }

  /** Whether writing is still possible on this side. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** Whether it is open and, as far as is known, neither side has ended its output. */
  get duplex(): boolean {
    const { ended, broken } = this.#receiver;
    return this.#state === "open" && !this.#halfClosed && !ended && !broken;
  }

  /** Aborted when the connection is closed, with the {@linkcode NetError} that says why. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#state === "closed") this.#controller.abort(this.#endReason());
    return this.#controller.signal;
  }

  /** Resolves when everything is closed, to the error that ended it, if one did. */
  get closed(): Promise<NetError | undefined> {
    return this.#closed ??= this.#state === "closed"
      ? Promise.resolve(this.#reason)
      : new Promise((resolve) => this.#tellClosed = resolve);
  }

  /** Bytes accepted for sending that the operating system has not taken. */
  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }

  /**
   * Returns the current counters.
   *
   * @returns A snapshot. It does not change afterwards.
   */
  stats(): ConnectionStats {
    return {
      bytesRead: this.#receiver.bytesRead,
      bytesWritten: this.#queue.bytesWritten,
      queuedBytes: this.#queue.queuedBytes,
      unreadBytes: this.#receiver.buffered.length,
      dropped: this.#queue.dropped,
      openedAt: this.#openedAt,
    };
  }

  /**
   * Reads what is there, at least one byte. The buffer is lent until the
   * promise settles.
   *
   * @param buffer Where the bytes go.
   * @param options Limits of this read.
   * @returns The number of bytes, or null when the peer has ended.
   */
  read(buffer: Uint8Array, options?: ReadOptions): Promise<number | null> {
    return this.#receiver.read(buffer, options);
  }

  /**
   * Reads what is there into new memory that is the caller's, or into memory that is lent.
   *
   * @param options Limits of this read.
   * @returns At least one byte, or null when the peer has ended.
   */
  readChunk(options?: ChunkOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#receiver.readChunk(options);
  }

  /**
   * Puts bytes back in front of the unread ones. The next read returns them first. A program needs
   * this after a decoder has received more bytes than it used, or when a protocol hands over bytes
   * that it has already read, as `takeOver` of an HTTP server does.
   *
   * Only `unreadBytes` of {@linkcode Connection.stats} counts these bytes again. If a later call of
   * {@linkcode Connection.upgrade} finds them unread, it rejects as if the peer had sent them early.
   *
   * @param bytes The bytes to put back, in the order in which they are to be read. They are copied.
   * @throws {TypeError} If `bytes` is not a Uint8Array, a read waits for the peer, or the connection
   * is being upgraded.
   *
   * @example Read the rest after a text that ends with a dot
   * ```ts
   * import { memoryPair } from "@portside/kit/net/memory-pair";
   * import { DotDecoder } from "@portside/kit/net/mail";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = memoryPair();
   * await using _client = client;
   * await using _server = server;
   * await client.write("a text\r\n.\r\nQUIT\r\n");
   * const decoder = new DotDecoder();
   * for (let done = false; !done;) {
   *   const part = decoder.push((await server.readChunk())!);
   *   done = part.done;
   *   server.unread(part.rest);
   * }
   * assertEquals(await server.readLine(), "QUIT");
   * ```
   */
  unread(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw optionError("bytes", "a Uint8Array", bytes);
    if (this.#upgrading) {
      throw new TypeError("Cannot put bytes back: the connection is being upgraded");
    }
    this.#receiver.unread(bytes);
  }

  /**
   * Reads exactly `size` bytes. Memory grows with what arrives, not with what
   * is asked for.
   *
   * @param size How many bytes.
   * @param options Limits of this read.
   * @returns The bytes.
   * @throws {NetError} Of kind "truncated" if the peer ends before.
   */
  readExact(size: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receiver.readExact(size, options);
  }

  /**
   * Reads one line that ends with LF or CR LF. The last line may lack its end.
   *
   * @param options The maximum, and limits of the whole line.
   * @returns The line without its end, or null when the peer has ended.
   * @throws {NetError} Of kind "limit" for a line above `max`: the rest of it is
   * thrown away, the next call gives the next line, and writing still works.
   */
  readLine(options?: LineOptions): Promise<string | null> {
    return this.#receiver.readLine(options);
  }

  /**
   * Reads one frame with a length in front.
   *
   * @param options The shape of the length, the maximum and limits of the whole frame.
   * @returns The payload, or null when the peer has ended between two frames.
   * @throws {NetError} Of kind "limit" if the length is above `max`, before
   * anything is allocated for it: there is no way to the next frame, so close
   * the connection; of kind "truncated" if the peer ends inside.
   */
  readFrame(options?: FrameOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#receiver.readFrame(options);
  }

  /**
   * Iterates over lines until the peer ends. Leaving the loop leaves the connection open.
   *
   * @param options As for {@linkcode Connection.readLine}, for each line.
   * @returns The lines.
   */
  lines(options?: LineOptions): AsyncIterableIterator<string, void, void> {
    return this.#receiver.lines(options);
  }

  /**
   * Iterates over frames until the peer ends.
   *
   * @param options As for {@linkcode Connection.readFrame}, for each frame.
   * @returns The payloads.
   */
  async *frames(options?: FrameOptions): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let frame; (frame = await this.readFrame(options)) !== null;) yield frame;
  }

  /** Iterates over chunks as they arrive, each the caller's own memory. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let chunk; (chunk = await this.readChunk()) !== null;) yield chunk;
  }

  /**
   * Writes all of `data`, after everything written or sent before. The bytes
   * are lent until the promise settles.
   *
   * @param data Bytes, or text that is encoded as UTF-8.
   * @returns Resolves when the operating system has taken the last byte. A failure that nobody
   * awaits is told by `closed` and `signal` alone: it does not end the process.
   * @throws {TypeError} If `data` is neither; the connection goes on.
   */
  write(data: Uint8Array | string): Promise<void> {
    if (this.#state !== "open") return quietly(Promise.reject(this.#endReason()));
    const bytes = bytesOf(data);
    return bytes === undefined ? Promise.reject(notBytes(data)) : this.#queue.write(bytes);
  }

  /**
   * Writes one frame with its length in front.
   *
   * @param payload Bytes, or text that is encoded as UTF-8.
   * @param format The shape of the length.
   * @returns Resolves when the operating system has taken the last byte.
   * @throws {RangeError} If the payload is longer than the length can say.
   */
  writeFrame(payload: Uint8Array | string, format?: FrameFormat): Promise<void> {
    try {
      return this.write(encodeFrame(payload, format));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Queues a message under the policy of `sendQueue`. What is queued goes out
   * joined into few writes.
   *
   * @param data Bytes, or text; not to be changed afterwards.
   * @returns Resolves when there was room for it.
   */
  send(data: Uint8Array | string): Promise<void> {
    if (this.#state !== "open") return quietly(Promise.reject(this.#endReason()));
    const bytes = bytesOf(data);
    return bytes === undefined ? Promise.reject(notBytes(data)) : this.#queue.send(bytes);
  }

  /**
   * Queues a message at once, or says that it did not: the queue is full and
   * its policy is "wait", the policy has just disconnected the peer, or the
   * connection is closed.
   *
   * @param data Bytes, or text; not to be changed afterwards.
   * @returns Whether it was queued.
   */
  trySend(data: Uint8Array | string): boolean {
    if (this.#state !== "open") return false;
    const bytes = bytesOf(data);
    if (bytes === undefined) throw notBytes(data);
    return this.#queue.trySend(bytes);
  }

  /**
   * Waits for the queue to empty.
   *
   * @returns Resolves when the operating system has all that is queued now.
   */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /**
   * Half-close: sends what is queued, then tells the peer that nothing more
   * will come. Reading goes on.
   *
   * @returns Resolves when the peer has been told.
   */
  closeWrite(): Promise<void> {
    return quietly(this.#closeWrite());
  }

  async #closeWrite(): Promise<void> {
    if (this.#state === "closed") throw this.#endReason();
    if (this.#halfClosed) return;
    await this.#queue.flush();
    if (this.#halfClosed) return;
    this.#halfClosed = true;
    try {
      await this.#transport.closeWrite();
    } catch (error) {
      throw this.#failed(error, "close");
    } finally {
      this.#queue.fail(
        this.#error(`Cannot write to ${this.peer}: this side has ended its output`, {
          kind: "closed",
          phase: "write",
        }),
      );
    }
  }

  /**
   * Sends what is queued, tells the peer, waits a moment for its end, and closes; in the
   * middle of {@linkcode Connection.upgrade} it closes at once, as nothing can go out.
   * Pending reads reject with kind "closed". Closing twice is harmless; never throws.
   *
   * @returns Resolves when everything is closed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Ends the connection at once; what is queued is lost. Time limits and the send queue policy
   * "disconnect" do the same.
   *
   * A transport that can be reset is reset: the peer sees an error (ECONNRESET). That is so in
   * memory, over TCP with the option `resetOnAbort` or after {@linkcode Connection.resetOnAbort},
   * and over TLS on top of these. Other TLS on `node:tls` ends without a close_notify, which most
   * implementations of TLS report. In all other cases the peer sees an orderly end, as after
   * {@linkcode Connection.close}: a protocol whose messages end with the connection must not rely
   * on it then.
   *
   * @param reason Why; it ends up in `closed`, `signal` and pending operations.
   */
  abort(reason?: unknown): void {
    if (this.#state === "closed") return;
    if (reason !== undefined) {
      this.#reason ??= toNetError(reason, { phase: "close" });
    }
    this.#end(true);
  }

  /** Closes the transport, or resets it if it can be reset. */
  #end(reset: boolean): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    try {
      if (reset && this.#transport.reset !== undefined) this.#transport.reset();
      else this.#transport.close();
    } catch { /* Closed underneath; there is nothing left to close. */ }
    this.#watchdog.end();
    const error = this.#endReason();
    this.#receiver.fail(error);
    this.#queue.fail(error);
    this.#controller?.abort(error);
    this.#tellClosed?.(this.#reason);
  }

  /**
   * Makes {@linkcode Connection.abort} end a TCP connection by a reset from now on, as the option
   * `resetOnAbort` does from the beginning. For a protocol that learns late that the end of the
   * connection will be the end of a message. It costs about 0.1 ms and a second file descriptor.
   *
   * Call it before the read or write that may be under way at the end: while one that began
   * earlier is still under way, the peer may see an orderly end before the reset.
   *
   * @returns Whether `abort` now ends the connection as an error. It does not with Unix sockets,
   * with Deno's own TLS, on Windows, and while no file descriptor is left. TLS on `node:tls` ends
   * without a close_notify then, and by a reset if it was opened with the option.
   */
  resetOnAbort(): boolean {
    if (this.#state === "closed") return false;
    const transport = this.#transport;
    if (transport.reset !== undefined || this.#upgrading) return transport.reset !== undefined;
    const inFlight = [this.#receiver.inFlight(), this.#queue.inFlight()]
      .filter((one) => one !== undefined);
    const other = resettable(transport, inFlight.length > 0 ? Promise.all(inFlight) : undefined);
    if (other.reset === undefined) return false;
    this.#transport = other;
    this.#receiver.replace(other);
    this.#queue.replace(other);
    return true;
  }

  /**
   * Lets the connection run out: what is on its way is still read, but a read
   * that waits between two messages ends as if the peer had ended.
   */
  drain(): void {
    if (this.#state === "open") this.#receiver.drain();
  }

  /**
   * Hands the raw transport over, for a protocol that takes the connection
   * from here. This object is of no use afterwards.
   *
   * @returns The transport and what had arrived.
   * @throws {TypeError} If a read or a write has not ended.
   */
  detach(): DetachedTransport {
    if (this.#state !== "open" || this.#receiver.reading || this.#queue.busy) {
      throw new TypeError("Cannot detach the transport: the connection is closed or in use");
    }
    const buffered = this.#receiver.buffered.slice();
    this.#state = "closed";
    this.#watchdog.end();
    this.#reason = this.#error(`Connection to ${this.peer} was handed over`, {
      kind: "closed",
      phase: "close",
    });
    this.#receiver.fail(this.#reason);
    this.#queue.fail(this.#reason);
    this.#controller?.abort(this.#reason);
    this.#tellClosed?.(this.#reason);
    return { transport: this.#transport, buffered };
  }

  /**
   * Puts a layer between this connection and its transport, as `upgradeTls` does
   * after STARTTLS. What is written meanwhile waits, and goes through the layer.
   *
   * @param wrap Gets the raw transport and gives what to use instead; when it
   * rejects, the connection is closed.
   * @throws {TypeError} If a read or a write has not ended, or the connection is closed.
   * @throws {NetError} Of kind "protocol" if bytes had arrived that nobody has read: they
   * came without the layer's protection, so the connection is closed and none of them is used.
   */
  async upgrade(wrap: (raw: Transport) => Promise<UpgradedTransport>): Promise<void> {
    if (this.#state !== "open" || this.#receiver.reading || !this.#queue.idle) {
      throw new TypeError("Cannot upgrade the connection: it is closed or in use");
    }
    const early = this.#receiver.buffered.length;
    this.#receiver.hold();
    this.#queue.hold();
    this.#upgrading = true;
    try {
      if (early > 0) {
        this.#receiver.skip(early);
        const message = `Cannot upgrade the connection to ${this.peer}: ` +
          `the peer sent ${early} bytes before that was agreed on`;
        throw this.#error(message, { kind: "protocol", phase: "handshake" });
      }
      const { transport, tls } = await wrap(this.#transport);
      this.#transport = transport;
      // It was closed meanwhile, which could not reach the new transport.
      if (!this.open) transport.close();
      this.#tls = tls;
    } catch (error) {
      this.abort(error);
      throw error;
    } finally {
      this.#upgrading = false;
    }
    this.#queue.release(this.#transport);
    this.#receiver.release(this.#transport);
    if (!this.open) throw this.#endReason();
  }

  /** The receiving side as a stream. Cancelling it leaves the sending side alone. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#readable ??= new ReadableStream({
      pull: async (controller) => {
        const chunk = await this.readChunk();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
    return this.#readable;
  }

  /** The sending side as a stream. Closing it is a half-close, aborting it ends the connection. */
  get writable(): WritableStream<Uint8Array | string> {
    this.#writable ??= new WritableStream({
      write: (chunk) => this.write(chunk),
      close: () => this.closeWrite(),
      abort: (reason) => this.abort(reason),
    });
    return this.#writable;
  }

  /** Closes the connection as {@linkcode Connection.close} does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#state === "closed") return;
    // Nothing can go out in the middle of a handshake, which ends by this.
    if (this.#upgrading) return this.#end(false);
    this.#state = "closing";
    const { lingerTimeout, writeTimeout } = this.#limits;
    this.#receiver.fail(this.#endReason());
    try {
      if (!this.#halfClosed) await this.#queue.flush();
      // Closing with unread bytes makes the kernel send a reset, which would
      // overtake our last bytes; so the peer's end is awaited, for a moment.
      const { ended, broken } = this.#receiver;
      const lingers = lingerTimeout > 0 && !broken;
      // TLS ends with a word of its own, without which the peer takes it for a break.
      if (lingers && !this.#halfClosed && (!ended || this.#tls !== undefined)) {
        await withDeadline(this.#transport.closeWrite(), writeTimeout, () => this.#endReason());
      }
      if (lingers && !ended) await this.#receiver.discard(lingerTimeout);
    } catch { /* The peer is gone, or does not read: closing is all that is left. */ }
    this.#end(false);
  }

  #error(message: string, options: Omit<NetErrorOptions, "address">): NetError {
    return new NetError(message, { ...options, address: this.peer });
  }

  /** What a raw operation threw, classified; the first failure is the reason of the end. */
  #failed(error: unknown, phase: NetPhase): NetError {
    if (this.#state === "closed") return this.#endReason();
    const failure = toNetError(error, { phase, address: this.peer });
    this.#reason ??= failure;
    return failure;
  }

  #endReason(): NetError {
    this.#closedError ??= this.#reason ??
      this.#error(`Connection to ${this.peer} is closed on this side`, {
        kind: "closed",
        phase: "close",
      });
    return this.#closedError;
  }

  static {
    failed = (connection, error, phase) => connection.#failed(error, phase);
  }
}
