/**
 * A WebSocket that reconnects: one loop reads the messages of all its connections.
 *
 * @example Survive a restart of the server
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
import { withDeadline } from "../../net/internal/deadline.ts";
import { orAbort } from "../../net/internal/or_abort.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { callback } from "../../net/internal/options.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type { ReconnectEvent, ReconnectOptions } from "./options.ts";
import type { WsConnection } from "../connection/connection.ts";
import type { WsClose, WsMessage, WsSendOptions } from "../connection/options.ts";
import { JsonView, type JsonViewOptions } from "../json_view.ts";
import { checkClose, CloseCode } from "../internal/close_codes.ts";
import { messageFault, RECEIVE, SEND } from "../internal/option_rules.ts";
import { shownText } from "../../http/internal/inspection.ts";
import { WsHandshakeError } from "./errors.ts";
import { KeptMessages } from "./_kept_messages.ts";
import { RECONNECT } from "./_option_rules.ts";
import { closedHere, notResumed, unstable } from "./_reconnect_errors.ts";
import { planReconnects, type ReconnectPlan } from "./_reconnect_plan.ts";

/** Most connections with unread messages. */
const MOST_UNREAD = 8;

/** Opens one connection. */
export type DialWebSocket = (signal: AbortSignal) => Promise<WsConnection>;

/**
 * A WebSocket that lives on across its connections; `connectWebSocket` creates it. The loop over the
 * messages ends when this side closes, or when the server closes with a code after which
 * `shouldReconnect` returns false.
 */
export class ReconnectingWebSocket implements AsyncDisposable, AsyncIterable<WsMessage> {
  readonly #url: string | (() => string);
  readonly #dial: DialWebSocket;
  readonly #options: ReconnectOptions;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<WsClose>();
  readonly #plan: ReconnectPlan;
  readonly #outside: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #connection: WsConnection | undefined;
  /** The connection for which `resume` runs. */
  #resuming: WsConnection | undefined;
  /** Connections that may have unread messages, the oldest first. */
  readonly #unread: WsConnection[] = [];
  #ready = false;
  readonly #kept: KeptMessages;
  #changed = Promise.withResolvers<void>();
  #over: WsClose | undefined;

  /**
   * Starts to connect.
   *
   * @param url The URL of the server, or a function that returns the current one.
   * @param dial Opens one connection; it receives a signal that cancels.
   * @param options The reconnect options. Default: reconnect without a limit of attempts.
   * @param signal Closes the WebSocket when it is aborted.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(
    url: string | (() => string),
    dial: DialWebSocket,
    options: ReconnectOptions = {},
    signal?: AbortSignal,
  ) {
    options = RECONNECT.check("ReconnectingWebSocket", options);
    callback("dial", dial);
    this.#url = url;
    this.#dial = dial;
    this.#options = options;
    this.#plan = planReconnects(options);
    this.#kept = new KeptMessages(this.#plan.keep);
    this.#outside = signal;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort);
    void ignoreFailure(this.#opened.promise);
    void this.#run();
  }

  /**
   * The URL of the last attempt, without credentials, and after redirects. It is empty before a
   * function has returned the first one. Messages of errors do not show its query.
   */
  get url(): string {
    return typeof this.#url === "string" ? this.#url : this.#url();
  }

  /** The URL for messages. */
  get #shown(): string {
    return shownText(this.url) || "the server";
  }

  /** Resolves when the first connection is open; rejects if there will be none. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** The current connection; undefined while there is none. */
  get connection(): WsConnection | undefined {
    return this.#connection;
  }

  /** Whether there is an open connection. */
  get open(): boolean {
    return this.#ready && this.#connection?.open === true;
  }

  /** Resolves when no attempt will follow, to the end of the last connection. */
  get closed(): Promise<WsClose> {
    return this.#closed.promise;
  }

  /** Aborted when no attempt will follow. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Waits for the next message of any connection.
   *
   * @param options Time limit and signal of this call. The time limit includes waits for a connection.
   * @returns The message, or null after a normal end.
   * @throws {NetError} "timeout" if no message arrives in time; the cause after an abnormal end.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  async receive(options: ReceiveOptions = {}): Promise<WsMessage | null> {
    RECEIVE.checkBriefly("receive", options);
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
        // Events report the end of one connection; the loop continues with the next one.
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
   * Returns a view of the WebSocket as a stream of JSON values.
   *
   * @typeParam T Type of a validated value.
   * @param options How to validate a message, and the action for an invalid one.
   * @returns The view. The WebSocket stays usable beside it.
   * @throws {TypeError} If an option is invalid.
   */
  json<T = unknown>(options: JsonViewOptions<T> = {}): JsonView<T> {
    return new JsonView(this, options);
  }

  /**
   * Sends a message, or keeps it for the next connection up to the limit `keep`. A message may be lost
   * if the connection is lost at the same moment. Only an answer of the server confirms it.
   *
   * @param data Text, or bytes, which the caller must not change afterwards.
   * @param options A signal that stops the wait for room.
   * @returns A promise that resolves when the socket has the message, or when it is kept.
   * @throws {NetError} "closed" if there is no connection and `keep` is 0; "limit" above `keep`.
   * @throws {TypeError} If the message is neither text nor bytes, or an option is invalid.
   */
  async send(data: WsMessage, options: WsSendOptions = {}): Promise<void> {
    SEND.checkBriefly("send", options);
    const fault = messageFault(data);
    if (fault !== undefined) throw fault;
    options.signal?.throwIfAborted();
    const connection = this.#connection;
    if (this.#ready && connection?.open) return await connection.send(data, options);
    if (this.#over !== undefined || this.#plan.keep === 0) {
      const hint = this.#over === undefined
        ? ": set the option keep to keep messages for the next one"
        : "";
      throw new NetError(`There is no connection to ${this.#shown}${hint}`, {
        kind: "closed",
        phase: "write",
        address: this.#shown,
      });
    }
    if (!this.#kept.push(data)) {
      const { bytes } = this.#kept;
      const message = `Cannot keep the message for ${this.#shown}: ${bytes} bytes are kept`;
      throw new NetError(message, { kind: "limit", phase: "write", address: this.#shown });
    }
  }

  /**
   * Sends a value as JSON text.
   *
   * @param value A value that `JSON.stringify` accepts.
   * @param options A signal that stops the wait for room.
   * @returns A promise that resolves when the socket has the message, or when it is kept.
   * @throws {NetError} As {@linkcode ReconnectingWebSocket.send}.
   * @throws {TypeError} If the value has no JSON text, or an option is invalid.
   */
  async sendJson(value: unknown, options?: WsSendOptions): Promise<void> {
    await this.send(JSON.stringify(value), options);
  }

  /**
   * Closes the connection and stops to reconnect.
   *
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4). Default: 1000.
   * @param reason A text for the developers of the peer, at most 123 bytes. Default: empty.
   * @returns The code, reason and cause of the end of the last connection.
   * @throws {RangeError} If the code or the reason is out of range.
   */
  async close(code: number = CloseCode.normal, reason = ""): Promise<WsClose> {
    checkClose(code, reason);
    const connection = this.#connection ?? this.#resuming;
    this.#stop.abort(closedHere(this.#shown));
    this.#tell();
    if (connection !== undefined) await connection.close(code, reason);
    return await this.closed;
  }

  /** Closes with 1000. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Connects, waits for the end of the connection, and repeats. */
  async #run(): Promise<void> {
    const { shouldReconnect, stableAfter, maxAttempts } = this.#plan;
    let attempt = 0;
    let again = false;
    while (true) {
      let close: WsClose;
      let asked = 0;
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
          return this.#end({ ...close, error: close.error ?? unstable(this.#shown, attempt) });
        }
      } catch (thrown) {
        this.#lost();
        const error = toNetError(thrown, { phase: "connect", address: this.#shown });
        close = { code: CloseCode.abnormal, reason: "", wasClean: false, error };
        if (this.#stop.signal.aborted) return this.#end({ ...close, error: undefined });
        this.#event({ type: "failed", error, attempt });
        if (!error.retryable || attempt >= maxAttempts) return this.#end(close);
        if (error instanceof WsHandshakeError) asked = error.retryAfter ?? 0;
      }
      await this.#pause(this.#plan.waitAfter(attempt, asked), attempt);
      // Wait for a slow reader, so that the number of unread messages is bounded.
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
    this.#resuming = connection;
    try {
      signal.throwIfAborted();
      const resumed = Promise.resolve(this.#options.resume?.(connection, again));
      // The hook may wait for a message that a lost connection will never deliver.
      const either = Promise.race([resumed.then(() => undefined), connection.closed]);
      const lost = await orAbort(either, signal);
      if (lost !== undefined) throw lost.error ?? closedHere(this.#shown);
      await this.#kept.sendAll(connection);
      signal.throwIfAborted();
    } catch (error) {
      const ended = !connection.open;
      const close = await connection.close(CloseCode.normal);
      const retryable = ended
        ? this.#plan.shouldReconnect(close)
        : !(error instanceof NetError) || error.retryable || error.kind === "closed";
      throw notResumed(this.#shown, error, retryable);
    } finally {
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
  async #pause(wait: number, attempt: number): Promise<void> {
    this.#event({ type: "waiting", wait, attempt });
    await ignoreFailure(delay(wait, { signal: this.#stop.signal }));
  }

  /** Stops the use of a lost connection; its unread messages remain readable. */
  #lost(): void {
    this.#ready = false;
    if (this.#connection?.stats().unread === 0) this.#drop(this.#connection);
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
    this.#kept.clear();
    const why = close.error ?? closedHere(this.#shown);
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
    const message = `No message from ${this.#shown} in ${timeout} ms`;
    const late = () =>
      new NetError(message, { kind: "timeout", phase: "read", address: this.#shown });
    await withDeadline(this.#changed.promise, left, late, signal);
  }

  #event(event: ReconnectEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch { /* An error of a listener must not stop the reconnecting. */ }
  }
}
