/**
 * A WebSocket that comes back by itself: one loop over the messages of all its connections.
 *
 * @example It outlives its server
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * let server = serveWebSocket({ port: 0 }, (conn) => conn.send("first"));
 * const { port } = server.addr;
 * const shouldReconnect = () => true;
 * const reconnect = { minTimeout: 10, shouldReconnect };
 * await using conn = await connectWebSocket(server.url, { reconnect });
 * assertEquals(await conn.receive(), "first");
 * await server.shutdown();
 * server = serveWebSocket({ port }, async (conn) => {
 *   await conn.send("second");
 *   await conn.closed;
 * });
 * assertEquals(await conn.receive(), "second");
 * await conn.close();
 * await server.shutdown();
 * ```
 *
 * **Permissions**: those of `connectWebSocket`.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type { ReconnectEvent, ReconnectOptions } from "./options.ts";
import type { WsConnection } from "../connection/connection.ts";
import type { WsClose, WsMessage, WsSendOptions } from "../connection/options.ts";
import { JsonView, type JsonViewOptions } from "../json_view.ts";
import { checkClose } from "../internal/close_codes.ts";
import { messageFault } from "../internal/options.ts";
import { planReconnects, type ReconnectPlan } from "./_reconnect_plan.ts";

/** Connections whose messages may wait for the reader. */
const MOST_UNREAD = 8;

/** Opens one connection. */
export type DialWebSocket = (signal: AbortSignal) => Promise<WsConnection>;

/**
 * A WebSocket over the life of all its connections; `connectWebSocket` makes one. The loop over the
 * messages ends when it is closed here, or when the server closed for good.
 */
export class ReconnectingWebSocket implements AsyncDisposable, AsyncIterable<WsMessage> {
  /** Where it connects to. */
  readonly url: string;

  readonly #dial: DialWebSocket;
  readonly #options: ReconnectOptions;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<WsClose>();
  readonly #plan: ReconnectPlan;
  readonly #outside: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #connection: WsConnection | undefined;
  /** The connection that `resume` has. */
  #resuming: WsConnection | undefined;
  /** The connections that may have messages for the reader, the oldest first. */
  readonly #unread: WsConnection[] = [];
  #ready = false;
  #kept: WsMessage[] = [];
  #keptBytes = 0;
  #changed = Promise.withResolvers<void>();
  #over: WsClose | undefined;

  /**
   * Begins to connect.
   *
   * @param url Where to, for messages.
   * @param dial Opens one connection.
   * @param options How to come back.
   * @param signal Closes it.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(
    url: string,
    dial: DialWebSocket,
    options: ReconnectOptions = {},
    signal?: AbortSignal,
  ) {
    this.url = url;
    this.#dial = dial;
    this.#options = options;
    this.#plan = planReconnects(options);
    this.#outside = signal;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort);
    this.#opened.promise.catch(() => {});
    void this.#run();
  }

  /** Resolves when it is open for the first time; rejects if it never will be. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** The connection of this moment, if there is one. */
  get connection(): WsConnection | undefined {
    return this.#connection;
  }

  /** Whether there is a connection now. */
  get open(): boolean {
    return this.#ready && this.#connection?.open === true;
  }

  /** Resolves when it is over for good, to how its last connection ended. */
  get closed(): Promise<WsClose> {
    return this.#closed.promise;
  }

  /** Aborted when it is over for good. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * The next message, of whichever connection.
   *
   * @param options Limits of this call, waits for a connection included.
   * @returns The message, or null when it is over.
   * @throws {NetError} "timeout" if nothing came in time; the reason if it is over for another one
   * than a close in good order.
   */
  async receive(options: ReceiveOptions = {}): Promise<WsMessage | null> {
    const { timeout = 0, signal } = options;
    const due = timeout > 0 ? performance.now() + timeout : Infinity;
    while (true) {
      const [connection] = this.#unread;
      const left = due === Infinity ? 0 : Math.max(1, due - performance.now());
      if (connection === undefined) {
        if (this.#over === undefined) {
          await this.#untilChanged(left, timeout, signal);
          continue;
        }
        if (this.#over.error !== undefined) throw this.#over.error;
        return null;
      }
      let message: WsMessage | null = null;
      try {
        message = await connection.receive({ timeout: left, ...(signal && { signal }) });
      } catch (error) {
        // What ended the connection is told by events; the loop goes on with the next one.
        if (connection.open || !(error instanceof NetError)) throw error;
      }
      if (message !== null) return message;
      this.#drop(connection);
    }
  }

  /** Iterates over the messages of all connections. */
  async *[Symbol.asyncIterator](): AsyncGenerator<WsMessage, void, void> {
    for (let message; (message = await this.receive()) !== null;) yield message;
  }

  /**
   * The WebSocket as a stream of JSON values.
   *
   * @typeParam T What a message is, once it is validated.
   * @param options How a message is validated, and what happens to one that is not valid.
   * @returns The view.
   */
  json<T = unknown>(options: JsonViewOptions<T> = {}): JsonView<T> {
    return new JsonView(this, options);
  }

  /**
   * Sends a message, or keeps it for the next connection as far as `keep` allows. A message that
   * was given to a connection in the moment of its loss may not have arrived: only an answer of
   * the server tells.
   *
   * @param data Text, or bytes, which are not to be changed afterwards.
   * @param options Limits of this call.
   * @returns Resolves when the socket has it, or it is kept.
   * @throws {NetError} "closed" if there is no connection and it is not kept; "limit" above `keep`.
   * @throws {TypeError} If it is neither text nor bytes.
   */
  async send(data: WsMessage, options: WsSendOptions = {}): Promise<void> {
    const fault = messageFault(data);
    if (fault !== undefined) throw fault;
    options.signal?.throwIfAborted();
    const connection = this.#connection;
    if (this.#ready && connection?.open) return await connection.send(data, options);
    if (this.#over !== undefined || this.#plan.keep === 0) {
      const hint = this.#over === undefined ? ": with keep, messages would wait for one" : "";
      throw new NetError(`There is no connection to ${this.url}${hint}`, {
        kind: "closed",
        phase: "write",
        address: this.url,
      });
    }
    if (this.#keptBytes + data.length > this.#plan.keep) {
      const message = `Cannot keep more for ${this.url}: ${this.#keptBytes} bytes wait already`;
      throw new NetError(message, { kind: "limit", phase: "write", address: this.url });
    }
    this.#kept.push(data);
    this.#keptBytes += data.length;
  }

  /**
   * Sends a value as JSON text.
   *
   * @param value What `JSON.stringify` can take.
   * @param options Limits of this call.
   * @returns As {@linkcode ReconnectingWebSocket.send}.
   */
  sendJson(value: unknown, options?: WsSendOptions): Promise<void> {
    return this.send(JSON.stringify(value), options);
  }

  /**
   * Closes for good.
   *
   * @param code As for `conn.close`.
   * @param reason As for `conn.close`.
   * @returns How the last connection ended.
   */
  async close(code = 1000, reason = ""): Promise<WsClose> {
    checkClose(code, reason);
    const connection = this.#connection ?? this.#resuming;
    this.#stop.abort(closedHere(this.url));
    this.#tell();
    if (connection !== undefined) await connection.close(code, reason);
    return await this.closed;
  }

  /** Closes with 1000. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Connects, waits for the end, connects again. */
  async #run(): Promise<void> {
    const { shouldReconnect, stableAfter, maxAttempts } = this.#plan;
    let attempt = 0;
    let again = false;
    while (true) {
      let close: WsClose;
      attempt++;
      try {
        const connection = await this.#connect(again);
        again = true;
        const since = performance.now();
        close = await connection.closed;
        this.#lost();
        this.#event({ type: "lost", close });
        if (performance.now() - since >= stableAfter) attempt = 0;
        if (this.#stop.signal.aborted) return this.#end({ ...close, error: undefined });
        if (!shouldReconnect(close)) return this.#end(close);
        if (attempt >= maxAttempts) {
          return this.#end({ ...close, error: close.error ?? unstable(this.url, attempt) });
        }
      } catch (thrown) {
        this.#lost();
        const error = toNetError(thrown, { phase: "connect", address: this.url });
        close = { code: 1006, reason: "", wasClean: false, error };
        if (this.#stop.signal.aborted) return this.#end({ ...close, error: undefined });
        this.#event({ type: "failed", error, attempt });
        if (!error.retryable || attempt >= maxAttempts) return this.#end(close);
      }
      await this.#pause(attempt);
      // A reader that is so far behind is waited for, so that what it has not read is bounded.
      if (this.#unread.length >= MOST_UNREAD) {
        this.#event({ type: "waiting", wait: Infinity, attempt });
      }
      while (this.#unread.length >= MOST_UNREAD && !this.#stop.signal.aborted) {
        await this.#changed.promise;
      }
      if (this.#stop.signal.aborted) return this.#end({ ...close, error: undefined });
    }
  }

  async #connect(again: boolean): Promise<WsConnection> {
    const connection = await this.#dial(this.#stop.signal);
    const { signal } = this.#stop;
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const onStop = () => reject(signal.reason);
    signal.addEventListener("abort", onStop);
    this.#resuming = connection;
    try {
      signal.throwIfAborted();
      const resumed = Promise.resolve(this.#options.resume?.(connection, again));
      // A hook may wait for what a connection that is lost cannot bring any more.
      const lost = await Promise.race([
        resumed.then(() => undefined),
        connection.closed,
        stopped,
      ]);
      if (lost !== undefined) throw lost.error ?? closedHere(this.url);
      while (this.#kept.length > 0) {
        const data = this.#kept[0]!;
        await connection.send(data);
        this.#kept.shift();
        this.#keptBytes -= data.length;
      }
      signal.throwIfAborted();
    } catch (error) {
      const ended = !connection.open;
      const close = await connection.close(1000);
      const retryable = ended
        ? this.#plan.shouldReconnect(close)
        : !(error instanceof NetError) || error.retryable || error.kind === "closed";
      throw new NetError(`Cannot resume on ${this.url}: ${toNetError(error).message}`, {
        kind: "closed",
        phase: "handshake",
        address: this.url,
        retryable,
        cause: error,
      });
    } finally {
      signal.removeEventListener("abort", onStop);
      this.#resuming = undefined;
    }
    this.#connection = connection;
    this.#unread.push(connection);
    this.#ready = true;
    this.#opened.resolve();
    this.#tell();
    this.#event({ type: "open", connection, again });
    return connection;
  }

  /** Waits before the next try. */
  async #pause(attempt: number): Promise<void> {
    const wait = this.#plan.waitAfter(attempt);
    this.#event({ type: "waiting", wait, attempt });
    await delay(wait, { signal: this.#stop.signal }).catch(() => {});
  }

  /** The connection is no more to be used; what it has received already still is. */
  #lost(): void {
    this.#ready = false;
    if (this.#connection?.stats.unread === 0) this.#drop(this.#connection);
    this.#connection = undefined;
  }

  #drop(connection: WsConnection): void {
    const at = this.#unread.indexOf(connection);
    if (at !== -1) this.#unread.splice(at, 1);
    this.#tell();
  }

  #end(close: WsClose): void {
    this.#outside?.removeEventListener("abort", this.#onAbort);
    this.#over = close;
    this.#kept = [];
    const why = close.error ?? closedHere(this.url);
    this.#opened.reject(why);
    this.#stop.abort(why);
    this.#closed.resolve(close);
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #untilChanged(
    left: number,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const message = `Nothing came from ${this.url} in ${timeout} ms`;
    const late = () =>
      reject(new NetError(message, { kind: "timeout", phase: "read", address: this.url }));
    const timer = left > 0 ? setTimeout(late, left) : undefined;
    try {
      await Promise.race([this.#changed.promise, promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #event(event: ReconnectEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch { /* What a listener does is no reason to stop. */ }
  }
}

function unstable(url: string, attempts: number): NetError {
  return new NetError(`No connection to ${url} lasted: given up after ${attempts}`, {
    kind: "closed",
    phase: "read",
    address: url,
  });
}

function closedHere(url: string): NetError {
  return new NetError(`WebSocket to ${url} is closed on this side`, {
    kind: "closed",
    phase: "close",
    address: url,
  });
}
