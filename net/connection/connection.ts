/**
 * One interface over TCP, TLS, Unix sockets and the in-memory pair. A connection reads complete
 * messages (`readLine`, `readFrame`, `readExact`) and writes all bytes (`write`). It has a bounded
 * send queue, time limits, half-close and an orderly end.
 *
 * **Permissions**: none. Opening the transport requires permissions.
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
import { briefText } from "../internal/brief_bytes.ts";
import { bytesOf, notBytes } from "../internal/bytes.ts";
import { withDeadline } from "../internal/deadline.ts";
import { type CloseListener, provideHooks } from "../internal/connection_hooks.ts";
import { CONNECTION, type Limits, limitsOf } from "../internal/connection_limits.ts";
import { optionError } from "../internal/options.ts";
import { before } from "./_close_listeners.ts";
import { MessageReceiver } from "./_message_receiver.ts";
import { rawFailure } from "../internal/raw_failure.ts";
import { resettable } from "./resettable.ts";
import { quietly, SendQueue } from "./_send_queue.ts";
import { readableOf, writableOf } from "./_streams.ts";
import { Watchdog } from "./_watchdog.ts";

export type * from "./options.ts";

let lastId = 0;

/** The result of closing a connection that closes at once. */
const CLOSED = Promise.resolve();

/** Converts the error of a raw operation into the connection's error. Only the watchdog uses it. */
let failed: (connection: Connection, error: unknown, phase: NetPhase) => NetError;

/**
 * A duplex connection to one peer. Only one read may be pending at a time. Writes may overlap; they
 * keep their order.
 *
 * Reads and writes reject with a {@linkcode NetError}: of kind "reset" or "truncated" if the peer
 * breaks off, "timeout" or "limit" if a limit is exceeded, and "closed" after
 * {@linkcode Connection.close}. An aborted `signal` rejects with its own reason.
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
  /** The number of this connection. It is unique within the process. */
  readonly id: number = ++lastId;

  #transport: Transport;
  #peer: string | undefined;
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
  /** Returns the error of the end once it is decided. */
  #ending: (() => NetError) | undefined;
  #closing: Promise<void> | undefined;
  #controller: AbortController | undefined;
  #closed: Promise<NetError | undefined> | undefined;
  #tellClosed: ((reason: NetError | undefined) => void) | undefined;
  #closeListener: CloseListener | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array | string> | undefined;

  /**
   * Takes over an open transport. Nothing else may read from it or write to it any more.
   *
   * @param transport A `Deno.Conn` or an end of an in-memory pair.
   * @param options The time limits and the send queue.
   * @param tls The result of the handshake if the transport is a TLS connection.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(transport: Transport, options: ConnectionOptions = {}, tls?: TlsInfo) {
    options = CONNECTION.check("Connection", options);
    this.#limits = limitsOf(options);
    this.#transport = transport;
    this.#tls = tls;
    const { readTimeout, limit, policy } = this.#limits;
    this.#watchdog = new Watchdog<Connection>(this, this.#limits, failed);
    this.#receiver = new MessageReceiver(transport, this.#watchdog, readTimeout);
    this.#queue = new SendQueue(transport, this.#watchdog, limit, policy);
    this.#watchdog.begin(this.#receiver, this.#queue);
  }

  /** The address of the peer as text, for example `127.0.0.1:50312`. */
  get peer(): string {
    return this.#peer ??= formatAddress(this.#transport.remoteAddr);
  }

  /** The result of the TLS handshake; undefined without TLS. */
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

  /** Whether the connection is open, and neither closed nor being closed on this side. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** Whether the connection is open and, as far as known, neither side has ended its output. */
  get duplex(): boolean {
    const { ended, broken } = this.#receiver;
    return this.#state === "open" && !this.#halfClosed && !ended && !broken;
  }

  /** A signal that is aborted when the connection ends. Its reason is a {@linkcode NetError}. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#state === "closed") this.#controller.abort(this.#endReason());
    return this.#controller.signal;
  }

  /** A promise that resolves when the connection is closed, to the error that ended it if any. */
  get closed(): Promise<NetError | undefined> {
    return this.#closed ??= this.#state === "closed"
      ? Promise.resolve(this.#reason)
      : new Promise((resolve) => this.#tellClosed = resolve);
  }

  /** Number of bytes in the send queue that the operating system has not taken yet. */
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
   * Reads the available bytes into a buffer; waits for at least one. The buffer must not be used
   * until the promise settles.
   *
   * @param buffer The buffer that gets the bytes.
   * @param options The time limit and the signal of this read.
   * @returns The number of bytes, or null if the peer has ended its output.
   * @throws {RangeError | TypeError} If an option is invalid, or another read is pending. All reads
   * do this.
   */
  read(buffer: Uint8Array, options?: ReadOptions): Promise<number | null> {
    return this.#receiver.read(buffer, options);
  }

  /**
   * Reads the available bytes; waits for at least one. The caller owns the returned array, unless
   * the option `lent` is set.
   *
   * @param options The time limit, the signal, and the memory to use.
   * @returns At least one byte, or null if the peer has ended its output.
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
   * Reads exactly `size` bytes. Memory is allocated as bytes arrive, and not in advance.
   *
   * @param size The number of bytes to read.
   * @param options The time limit and the signal of the whole read.
   * @returns An array of `size` bytes.
   * @throws {NetError} Of kind "truncated" if the peer ends its output earlier.
   */
  readExact(size: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receiver.readExact(size, options);
  }

  /**
   * Reads one line that ends with LF or CR LF. The last line of a stream need not have an end.
   *
   * @param options The maximum length, and the time limit and signal of the whole line.
   * @returns The line without its end, or null if the peer has ended its output.
   * @throws {NetError} Of kind "limit" if the line is longer than `max`. The rest of the line is
   * skipped, and the next call returns the next line. The connection stays usable.
   */
  readLine(options?: LineOptions): Promise<string | null> {
    return this.#receiver.readLine(options);
  }

  /**
   * Reads one frame with a length prefix.
   *
   * @param options The format of the prefix, the maximum, and the time limit of the whole frame.
   * @returns The payload, or null if the peer has ended its output between two frames.
   * @throws {NetError} Of kind "limit" if the frame is longer than `max`. No memory is allocated for
   * it. The next frame cannot be found then, so close the connection. Of kind "truncated" if the
   * peer ends its output within a frame.
   */
  readFrame(options?: FrameOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#receiver.readFrame(options);
  }

  /**
   * Iterates over lines until the peer ends its output. The connection stays open when the loop ends.
   *
   * @param options Options of {@linkcode Connection.readLine}, for each line.
   * @returns An iterator over the lines, without their ends.
   */
  lines(options?: LineOptions): AsyncIterableIterator<string, void, void> {
    return this.#receiver.lines(options);
  }

  /**
   * Iterates over frames until the peer ends its output.
   *
   * @param options Options of {@linkcode Connection.readFrame}, for each frame.
   * @returns An iterator over the payloads.
   */
  async *frames(options?: FrameOptions): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let frame; (frame = await this.readFrame(options)) !== null;) yield frame;
  }

  /** Iterates over chunks as they arrive. The caller owns each chunk. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let chunk; (chunk = await this.readChunk()) !== null;) yield chunk;
  }

  /**
   * Writes all of `data` after all earlier writes. The bytes must not be changed until the promise
   * settles.
   *
   * @param data Bytes, or text, which is encoded as UTF-8.
   * @returns A promise that resolves when the operating system has taken the last byte. If nobody
   * awaits it, a failure does not end the process; `closed` and `signal` report it.
   * @throws {TypeError} If `data` has another type. The connection stays usable.
   */
  write(data: Uint8Array | string): Promise<void> {
    if (this.#state !== "open") return quietly(Promise.reject(this.#endReason()));
    const queue = this.#queue;
    if (typeof data === "string" && queue.idle) return queue.write(briefText(data));
    const bytes = bytesOf(data);
    return bytes === undefined ? Promise.reject(notBytes(data)) : queue.write(bytes);
  }

  /**
   * Writes one frame with a length prefix.
   *
   * @param payload Bytes, or text, which is encoded as UTF-8.
   * @param format The format of the length prefix.
   * @returns A promise that resolves when the operating system has taken the last byte.
   * @throws {RangeError} If the payload is longer than the prefix can express.
   */
  writeFrame(payload: Uint8Array | string, format?: FrameFormat): Promise<void> {
    try {
      return this.write(encodeFrame(payload, format));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Queues a message under the policy of `sendQueue`. Queued messages are joined into few writes.
   *
   * @param data Bytes, or text. The bytes must not be changed afterwards.
   * @returns A promise that resolves when the message is in the queue.
   */
  send(data: Uint8Array | string): Promise<void> {
    if (this.#state !== "open") return quietly(Promise.reject(this.#endReason()));
    const bytes = bytesOf(data);
    return bytes === undefined ? Promise.reject(notBytes(data)) : this.#queue.send(bytes);
  }

  /**
   * Queues a message without waiting. It fails if the queue is full or the connection is closed.
   * With the policy "disconnect", a full queue ends the connection.
   *
   * @param data Bytes, or text. The bytes must not be changed afterwards.
   * @returns Whether the message was queued.
   */
  trySend(data: Uint8Array | string): boolean {
    if (this.#state !== "open") return false;
    const bytes = bytesOf(data);
    if (bytes === undefined) throw notBytes(data);
    return this.#queue.trySend(bytes);
  }

  /**
   * Waits until the send queue has been written.
   *
   * @returns A promise that resolves when the operating system has taken all bytes queued so far.
   */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /**
   * Ends the output (half-close) after the send queue has been written. Reading stays possible.
   *
   * @returns A promise that resolves when the end of the output has been sent.
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
      const message = (peer: string) => `Cannot write to ${peer}: this side has ended its output`;
      this.#queue.fail(this.#closedError(message, "write"));
    }
  }

  /**
   * Closes the connection politely: it writes the send queue, ends the output, and waits up to
   * `lingerTimeout` for the end of the peer's output. During {@linkcode Connection.upgrade} it
   * closes at once. Pending reads reject with kind "closed". A second call has no effect.
   *
   * @returns A promise that resolves when the connection is closed. It never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeBroken() ?? this.#close();
    return this.#closing;
  }

  /**
   * Ends the connection at once. Queued messages are lost. Time limits and the send queue policy
   * "disconnect" do the same.
   *
   * A transport that supports it is reset, and the peer sees an error (ECONNRESET). This is so in
   * memory, over TCP with the option `resetOnAbort` or after {@linkcode Connection.resetOnAbort},
   * and over TLS on top of these. Other TLS on `node:tls` ends without a close_notify, which most
   * implementations of TLS report. In all other cases the peer sees an orderly end, as after
   * {@linkcode Connection.close}. A protocol whose messages end with the connection must use
   * `resetOnAbort`.
   *
   * @param reason The error that `closed`, `signal` and pending operations report.
   */
  abort(reason?: unknown): void {
    if (this.#state === "closed") return;
    if (reason !== undefined) {
      this.#reason ??= toNetError(reason, { phase: "close" });
    }
    this.#end(true);
  }

  /** Closes the transport. With `reset`, it resets the transport if possible. */
  #end(reset: boolean): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    try {
      if (reset && this.#transport.reset !== undefined) this.#transport.reset();
      else this.#transport.close();
    } catch { /* The transport was closed already. */ }
    this.#watchdog.end();
    const ending = this.#decideEnd();
    this.#receiver.fail(ending);
    this.#queue.fail(ending);
    this.#tell(ending);
  }

  /** Announces the end of the connection. */
  #tell(ending: () => NetError): void {
    this.#controller?.abort(ending());
    this.#tellClosed?.(this.#reason);
    if (this.#closeListener !== undefined) this.#tellLater(this.#closeListener);
  }

  #tellLater(listener: CloseListener): void {
    // The listener may call back, so it runs after the code that closes the connection.
    queueMicrotask(() => listener.connectionClosed(this, this.#reason));
  }

  /**
   * Enables resets: {@linkcode Connection.abort} ends the TCP connection by a reset from now on. The
   * option `resetOnAbort` does the same from the beginning. This method is for protocols that learn
   * later that the end of the connection will be the end of a message. It costs about 0.1 ms and a
   * second file descriptor.
   *
   * Call it before you start the last read or write. If an earlier one is still pending when the
   * connection is aborted, the peer may see an orderly end before the reset.
   *
   * @returns Whether the peer will see an error after `abort`. It will not with Unix sockets, with
   * TLS of Deno, on Windows, and if no file descriptor is left. TLS on `node:tls` ends without a
   * close_notify, and by a reset if it was opened with the option.
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
   * Ends reading at the next boundary between messages. Data in transit is still read. A read that
   * waits between two messages ends as if the peer had ended its output.
   */
  drain(): void {
    if (this.#state === "open") this.#receiver.drain();
  }

  /**
   * Detaches the raw transport, for another protocol that takes over. This object counts as closed
   * afterwards.
   *
   * @returns The transport and the bytes that were received and not read.
   * @throws {TypeError} If the connection is closed, or a read or a write is pending.
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
    const ending = this.#decideEnd();
    this.#receiver.fail(ending);
    this.#queue.fail(ending);
    this.#tell(ending);
    return { transport: this.#transport, buffered };
  }

  /**
   * Puts a layer between this connection and its transport, as `upgradeTls` does after STARTTLS.
   * Writes during the upgrade wait and go through the layer.
   *
   * @param wrap A function that takes the raw transport and returns the layer. If it rejects, the
   * connection is aborted.
   * @throws {TypeError} If the connection is closed, or a read or a write is pending.
   * @throws {NetError} Of kind "protocol" if received bytes have not been read. They came without
   * the protection of the layer, so the connection is aborted and the bytes are discarded.
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
      // A close during the upgrade has closed only the raw transport.
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

  /** The receiving side as a stream. Cancelling it does not affect the sending side. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  /** The sending side as a stream. Closing it is a half-close; aborting it aborts the connection. */
  get writable(): WritableStream<Uint8Array | string> {
    return this.#writable ??= writableOf(this);
  }

  /** Closes the connection as {@linkcode Connection.close} does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes the connection at once if nothing can be sent or received any more. */
  #closeBroken(): Promise<void> | undefined {
    const over = this.#receiver.broken && this.#queue.idle && !this.#upgrading;
    if (this.#state !== "closed" && !over) return undefined;
    this.#end(false);
    return CLOSED;
  }

  async #close(): Promise<void> {
    // Nothing can be sent during a handshake. This ends the handshake.
    if (this.#upgrading) return this.#end(false);
    this.#state = "closing";
    const { lingerTimeout, writeTimeout } = this.#limits;
    this.#receiver.fail(this.#decideEnd());
    try {
      if (!this.#halfClosed) await this.#queue.flush();
      // Closing a socket with unread bytes makes the kernel send a reset, which would overtake our
      // last bytes. So the connection waits for the end of the peer's output.
      const { ended, broken } = this.#receiver;
      const lingers = lingerTimeout > 0 && !broken;
      // TLS ends with a close_notify. Without it, the peer reports a truncated stream.
      if (lingers && !this.#halfClosed && (!ended || this.#tls !== undefined)) {
        await withDeadline(this.#transport.closeWrite(), writeTimeout, () => this.#endReason());
      }
      if (lingers && !ended) await this.#receiver.discard(lingerTimeout);
    } catch { /* The peer is gone or does not read. The connection is closed anyway. */ }
    this.#end(false);
  }

  #error(message: string, options: Omit<NetErrorOptions, "address">): NetError {
    return new NetError(message, { ...options, address: this.peer });
  }

  /** Classifies the error of a raw operation. The first error becomes the reason of the end. */
  #failed(error: unknown, phase: NetPhase): NetError {
    if (this.#state === "closed") return this.#endReason();
    const failure = rawFailure(error, { phase, address: this.peer });
    this.#reason ??= failure;
    return failure;
  }

  /**
   * Decides the error of the end, and returns a function for it. Few connections end while somebody needs
   * the error, and to make it costs a tenth of serving a connection that sends a line.
   */
  #decideEnd(): () => NetError {
    const reason = this.#reason;
    this.#ending ??= reason === undefined
      ? this.#closedError((peer) => `Connection to ${peer} is closed on this side`, "close")
      : () => reason;
    return this.#ending;
  }

  #endReason(): NetError {
    return this.#decideEnd()();
  }

  /** Returns a function for an error of kind "closed", which it makes at its first call. */
  #closedError(message: (peer: string) => string, phase: NetPhase): () => NetError {
    let error: NetError | undefined;
    return () => error ??= this.#error(message(this.peer), { kind: "closed", phase });
  }

  static {
    failed = (connection, error, phase) => connection.#failed(error, phase);
    provideHooks({
      read(connection: Connection, listener, inMessage, timeout) {
        return connection.#receiver.chunk(listener, inMessage, timeout);
      },
      whenClosed(connection: Connection, listener) {
        if (connection.#state === "closed") return connection.#tellLater(listener);
        connection.#closeListener = before(listener, connection.#closeListener);
      },
    });
  }
}
