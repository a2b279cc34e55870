/**
 * A WebSocket as a stream of messages, with limits in both directions, time limits, a closing
 * handshake, and errors that name the cause. Server and client use the same class.
 *
 * @example Answer every message
 * ```ts
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   for await (const message of conn) await conn.send(message);
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.send("hello");
 * assertEquals(await conn.receive({ timeout: 1000 }), "hello");
 * ```
 *
 * Clients and hardened servers have their own transport. Every server that does not listen on
 * loopback is hardened by default. This transport follows RFC 6455 and, with the option
 * `compression`, RFC 7692 in every chapter of the Autobahn test suite. It closes with 1002, 1007 or
 * 1009 on a violation, checks the size of a message before it reads the payload and while it
 * decompresses it, ends a message that trickles, measures its pings, and ends the TCP connection of
 * a peer that does not answer a close frame.
 *
 * **Servers that are not hardened use the WebSocket of Deno.** This table shows its behaviour in
 * Deno 2.9, by chapters of the same suite:
 *
 * | Chapter | Behaviour of Deno | Added by this module |
 * |---|---|---|
 * | 1 framing | Correct, but unmasked frames from a client (§5.1) and lengths that are not in their shortest form (§5.2) are accepted. | |
 * | 2 pings and pongs | Correct, but a pong of more than 125 bytes is ignored. The program sees neither. | `pingInterval`, `heartbeat` |
 * | 3 reserved bits | Ends without a close frame in place of 1002 | `closed` reports 1006 |
 * | 4 opcodes | The same | The same |
 * | 5 fragmentation | A violation ends without a close frame. A fragmented message inside another one replaces it. A message is delivered when it is complete; until then **its fragments have no limit**. | 1009 when it is complete |
 * | 6 UTF-8 | Checked when a frame is complete. Invalid text ends without a close frame in place of 1007. An incomplete character at the end of the last of several fragments is dropped. | |
 * | 7 closing | Answered at once, so later messages of the handler are lost. Invalid codes are answered with 1002. Half a code, or a reason in invalid UTF-8, ends without a close frame. Code 1014 is refused. A reason above 123 bytes is answered with a close frame that is as long. | `closed` has code and reason, or 1006; `closeTimeout` |
 * | 7 data after this side's close frame | Ends the connection, so that the peer may see 1006 in place of the code | `closed` has the reason |
 * | 9 limits | A frame of 64 MiB or more ends without a close frame, before its payload arrives | 1009 above `maxMessageSize`, when the message is complete |
 * | 10 one message in many frames | Correct | |
 * | 12, 13 compression | Neither offered nor accepted | |
 *
 * On the WebSocket of Deno, a peer can therefore fill the memory with one message. A peer that does
 * not answer a close frame keeps its socket until it leaves, because Deno cannot end a single
 * socket. `closed` waits at most `closeTimeout` for it and `shutdown()` does not count it, but the
 * socket can keep the process alive.
 *
 * **Permissions**: none of its own. The WebSocket protocol is RFC 6455.
 *
 * @module
 */

import { NetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type {
  WsClose,
  WsConnectionOptions,
  WsMessage,
  WsOrigin,
  WsSendOptions,
  WsSocket,
  WsSocketClose,
  WsSocketEvents,
  WsStats,
} from "./options.ts";
import { checkClose, CloseCode, judgeClose, sendableCode } from "../internal/close_codes.ts";
import {
  messageFault,
  SEND,
  sizeAbove,
  WS_CONNECTION,
  type WsLimits,
  wsLimitsOf,
} from "../internal/option_rules.ts";
import { JsonView, type JsonViewOptions } from "../json_view.ts";
import { CloseWait } from "./_close_wait.ts";
import { Outbox } from "./_outbox.ts";
import { Heartbeat } from "./_heartbeat.ts";
import { type ConnectionEvents, provideListenTo } from "../internal/connection_events.ts";
import { showAs, shownText } from "../../http/internal/inspection.ts";
import { MessageIterator, unchanged, WsReceiver } from "./_receiver.ts";

export type * from "./options.ts";

const SENT = Promise.resolve();

let lastId = 0;

/**
 * One WebSocket. One loop at a time may read; sends may overlap and keep their order.
 *
 * The loop over the messages ends when the peer closes with 1000, 1001 or no code, or when this side
 * closes. Any other end throws a {@linkcode NetError}: "truncated" (no close frame), "limit" or
 * "timeout" (a limit of this side), or "closed" (the peer's code and reason). Its `code` is the close
 * code.
 *
 * @example Typed messages
 * ```ts
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { assertEquals } from "@std/assert";
 *
 * const validate = (value: unknown): number => {
 *   if (typeof value !== "number") throw new TypeError("expected a number");
 *   return value;
 * };
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   for await (const n of conn.json({ validate })) await conn.sendJson(n * 2);
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.sendJson(21);
 * assertEquals(await conn.receive({ timeout: 1000 }), "42");
 * ```
 */
export class WsConnection implements AsyncDisposable, AsyncIterable<WsMessage> {
  /** A number that is unique in this process. */
  readonly id: number = ++lastId;
  /** The peer as text, e.g. `127.0.0.1:50312` or a URL. */
  readonly peer: string;
  /** The requested URL. */
  readonly url: string;

  /** The header fields, as JSON until someone asks for them: a list needs four times the memory. */
  #headers: Headers | string | undefined;
  readonly #socket: WebSocket | WsSocket;
  /** The socket, if it is one of this package, which can pause and cut. */
  readonly #own: WsSocket | undefined;
  readonly #server: boolean;
  readonly #protocol: string | undefined;
  readonly #limits: WsLimits;
  readonly #receiver: WsReceiver;
  readonly #outbox: Outbox<WsConnection>;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #openedAt = Date.now();
  // Made when someone asks for the promise. Nobody asks for those of most connections of a server.
  #opened: PromiseWithResolvers<void> | undefined;
  #closed: PromiseWithResolvers<WsClose> | undefined;
  #gone: PromiseWithResolvers<void> | undefined;
  #events: ConnectionEvents | undefined;
  #close: WsClose | undefined;
  #error: NetError | undefined;
  #controller: AbortController | undefined;
  #received = 0;
  #sent = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #wasOpen = false;
  #isGone = false;
  #closing = false;
  /** Made when the connection is being closed. */
  #closeWait: CloseWait | undefined;

  /**
   * Takes over a socket that is open or opening. Other code must not use the socket any more.
   *
   * @param socket A `WebSocket`, or a socket of this package.
   * @param origin Facts that the socket does not know: peer, URL, side.
   * @param options The limits of the connection.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(socket: WebSocket | WsSocket, origin: WsOrigin, options: WsConnectionOptions = {}) {
    options = WS_CONNECTION.check("WsConnection", options);
    const own = this.#own = "cut" in socket ? socket : undefined;
    const limits = wsLimitsOf(options, own !== undefined);
    this.#limits = limits;
    this.#socket = socket;
    this.#server = origin.server;
    this.#protocol = origin.protocol;
    this.peer = origin.peer;
    this.url = compact(origin.url);
    this.#headers = origin.headers && JSON.stringify([...origin.headers]);
    const ended = limits.rate && (() => this.signal);
    this.#receiver = new WsReceiver(this.peer, limits, own, ended);
    if (limits.idleTimeout !== Infinity || limits.heartbeat !== undefined) {
      this.#heartbeat = new Heartbeat(
        this.peer,
        limits,
        (message) => this.trySend(message),
        (reason, error) => this.#giveUp(CloseCode.goingAway, reason, error),
      );
    }
    this.#outbox = new Outbox<WsConnection>(socket, limits, this, WsConnection.#onStalled);
    if ("cut" in socket) socket.listen(this, WsConnection.#socketEvents);
    else this.#listenTo(socket);
    if (socket.readyState === WebSocket.OPEN) this.#onOpen();
  }

  /** Listens to a WebSocket of Deno. */
  #listenTo(socket: WebSocket): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#onOpen();
    socket.onmessage = ({ data }) => this.#onMessage(data);
    // There is no handler for `error`: `close` always follows it and has the details.
    socket.onclose = (close) => {
      // Deno keeps the socket of a lost peer until its next ping; this releases the connection.
      socket.onopen = socket.onmessage = socket.onclose = null;
      this.#ended(close);
      this.#leave();
    };
  }

  /**
   * The header fields of the opening handshake: of the request on a server, of the response on a
   * client.
   */
  get headers(): Headers {
    const headers = this.#headers;
    if (headers instanceof Headers) return headers;
    return this.#headers = new Headers(headers === undefined ? [] : JSON.parse(headers));
  }

  /** Resolves after the opening handshake; rejects if it fails. */
  get opened(): Promise<void> {
    if (this.#opened === undefined) {
      this.#opened = Promise.withResolvers();
      void ignoreFailure(this.#opened.promise);
      if (this.#wasOpen) this.#opened.resolve();
      else if (this.#close !== undefined) this.#opened.reject(this.#reason());
    }
    return this.#opened.promise;
  }

  /** Whether the connection accepts messages to send. */
  get open(): boolean {
    return !this.#closing && this.#socket.readyState === WebSocket.OPEN;
  }

  /** The agreed subprotocol; empty if there is none. */
  get protocol(): string {
    return this.#protocol ?? this.#socket.protocol;
  }

  /** Resolves to the code, reason and cause when the connection has ended. */
  get closed(): Promise<WsClose> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      if (this.#close !== undefined) this.#closed.resolve(this.#close);
    }
    return this.#closed.promise;
  }

  /**
   * Resolves when the TCP connection is closed. A peer that does not answer a close frame delays it:
   * up to `closeTimeout`, without a limit on the WebSocket of Deno.
   */
  get gone(): Promise<void> {
    if (this.#gone === undefined) {
      this.#gone = Promise.withResolvers();
      if (this.#isGone) this.#gone.resolve();
    }
    return this.#gone.promise;
  }

  /** Aborted when the connection ends, or when this side begins to close it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#closing || this.#close !== undefined) this.#controller.abort(this.#reason());
    return this.#controller.signal;
  }

  /**
   * Returns the current counters.
   *
   * @returns A snapshot, which does not change afterwards.
   */
  stats(): WsStats {
    return {
      received: this.#received,
      sent: this.#sent,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      queuedBytes: this.#socket.bufferedAmount + this.#outbox.waitingBytes,
      unread: this.#receiver.unread,
      dropped: this.#receiver.dropped,
      latency: this.#heartbeat?.latency ?? this.#own?.latency,
      openedAt: this.#openedAt,
    };
  }

  /**
   * Waits for the next message.
   *
   * @param options Time limit and signal of this call. Default: no limit.
   * @returns The message, or null after a normal end of the connection.
   * @throws {NetError} After an abnormal end; "timeout" if no message arrives in time.
   * @throws {RangeError | TypeError} If an option is invalid.
   * @throws {TypeError} If another call is waiting.
   */
  receive(options?: ReceiveOptions): Promise<WsMessage | null> {
    return this.#receiver.receive(options, unchanged);
  }

  /** Iterates over the messages until the end. Leaving the loop does not close the connection. */
  [Symbol.asyncIterator](): AsyncIterableIterator<WsMessage, void, void> {
    return new MessageIterator(this.#receiver);
  }

  /**
   * Returns a view of the connection as a stream of JSON values.
   *
   * @typeParam T Type of a validated value.
   * @param options How to validate a message, and the action for an invalid one.
   * @returns The view. The connection stays usable beside it.
   * @throws {TypeError} If an option is invalid.
   */
  json<T = unknown>(options: JsonViewOptions<T> = {}): JsonView<T> {
    return new JsonView(this, options);
  }

  /**
   * Sends a message, and waits for room in the send buffer. A caller that does not await the promise
   * misses an error of the connection, but such an error does not end the process.
   *
   * @param data Text, or bytes, which the caller must not change afterwards.
   * @param options A signal that stops the wait for room.
   * @returns A promise that resolves when the socket has the message.
   * @throws {NetError} "closed" if the connection has ended, "limit" if the send buffer is full.
   * @throws {TypeError} If the message is neither text nor bytes, or an option is invalid.
   */
  send(data: WsMessage, options?: WsSendOptions): Promise<void> {
    if (options !== undefined) {
      try {
        SEND.checkBriefly("send", options);
        options.signal?.throwIfAborted();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const fault = messageFault(data);
    if (fault !== undefined) return Promise.reject(fault);
    if (!this.open) return contained(Promise.reject(this.#reason()));
    if (!this.#outbox.pass(data)) {
      return contained(this.#outbox.send(data, options?.signal).then(() => this.#count(data)));
    }
    this.#count(data);
    return SENT;
  }

  /**
   * Sends a message without waiting.
   *
   * @param data Text, or bytes, which the caller must not change afterwards.
   * @returns False if the send buffer is full or the connection has ended; then nothing is sent.
   * @throws {TypeError} If the message is neither text nor bytes.
   */
  trySend(data: WsMessage): boolean {
    const fault = messageFault(data);
    if (fault !== undefined) throw fault;
    if (!this.open || !this.#outbox.trySend(data)) return false;
    this.#count(data);
    return true;
  }

  /**
   * Sends a value as JSON text.
   *
   * @param value A value that `JSON.stringify` accepts.
   * @param options A signal that stops the wait for room.
   * @returns A promise that resolves when the socket has the message.
   * @throws {NetError} As {@linkcode WsConnection.send}.
   * @throws {TypeError} If the value has no JSON text, or an option is invalid.
   */
  sendJson(value: unknown, options?: WsSendOptions): Promise<void> {
    let text: string;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.send(text, options);
  }

  /**
   * Closes the connection. It sends the waiting messages (with 1008 it drops them), then the close
   * frame, and waits up to `closeTimeout` for the answer of the peer. Messages in the receive queue
   * can still be received. Closing twice is harmless.
   *
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4). Default: 1000.
   * @param reason A text for the developers of the peer, at most 123 bytes. Default: empty.
   * @returns The code, reason and cause of the end.
   * @throws {RangeError} If the code or the reason is out of range.
   */
  close(code: number = CloseCode.normal, reason = ""): Promise<WsClose> {
    checkClose(code, reason);
    this.#startClose(code, reason);
    return this.closed;
  }

  /** Closes with 1000. On our own transport, it also waits until the TCP connection is closed; see `gone`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#own) await this.gone;
  }

  static readonly #socketEvents: WsSocketEvents<WsConnection> = {
    opened: (connection) => connection.#onOpen(),
    message: (connection, data) => connection.#onMessage(data),
    closed: (connection, close) => {
      if (!connection.#closing) connection.#error ??= close.error;
      connection.#ended(close);
    },
    gone: (connection) => connection.#leave(),
  };

  static #onStalled(connection: WsConnection, error: NetError): void {
    connection.#giveUp(CloseCode.policyViolation, "too slow", error);
  }

  static {
    provideListenTo<WsConnection>((connection, events) => connection.#events = events);
    showAs(this, ({ id, peer, url, protocol, open }) => {
      return { id, peer, url: shownText(url), protocol, open };
    });
  }

  #count(data: WsMessage): void {
    this.#sent++;
    this.#bytesSent += data.length;
  }

  #onOpen(): void {
    this.#wasOpen = true;
    this.#opened?.resolve();
    this.#opened = undefined;
    this.#tell("opened");
    // close() was called before the connection opened.
    if (this.#closing) this.#sendClose(CloseCode.goingAway, "");
    else this.#heartbeat?.start();
  }

  #onMessage(data: unknown): void {
    if (this.#closing) return;
    const message = typeof data === "string" || data instanceof Uint8Array
      ? data as WsMessage
      : new Uint8Array(data as ArrayBuffer);
    this.#received++;
    this.#bytesReceived += message.length;
    const { maxMessageSize: most } = this.#limits;
    if (sizeAbove(message, most)) {
      this.#tooMuch(
        CloseCode.tooLarge,
        `at most ${most} bytes`,
        `a message above ${most} bytes`,
      );
    } else if (!this.#heartbeat?.received(message) && !this.#receiver.push(message)) {
      this.#tooMuch(CloseCode.policyViolation, "too many messages", "too many messages");
    } else if (this.#limits.inboxPolicy === "wait" && this.#receiver.full) this.#own?.pause();
  }

  #tooMuch(code: number, reason: string, what: string): void {
    const { peer } = this;
    const rest = { kind: "limit", phase: "read", address: peer, code: `${code}` } as const;
    this.#giveUp(code, reason, new NetError(`${peer} sent ${what}`, rest));
  }

  /** Closes because of an error. */
  #giveUp(code: number, reason: string, error: NetError): void {
    this.#error ??= error;
    this.#startClose(code, reason);
  }

  #startClose(code: number, reason: string): void {
    if (this.#closing || this.#close !== undefined) return;
    this.#closing = true;
    this.#heartbeat?.stop();
    // A peer that reads too slowly would only keep the waiting messages in memory.
    if (this.#error === undefined && code !== CloseCode.policyViolation) this.#outbox.flush();
    this.#outbox.fail(this.#reason());
    this.#receiver.end(this.#error);
    if (this.#socket.readyState <= WebSocket.OPEN) this.#sendClose(code, reason);
    this.#controller?.abort(this.#reason());
    this.#closeWait = new CloseWait(this.#socket, this.#limits, () => {
      this.#ended({ code: CloseCode.abnormal, reason: "", wasClean: false });
      this.#own?.cut();
    });
  }

  #sendClose(code: number, reason: string): void {
    try {
      this.#socket.close(this.#own ? code : sendableCode(code, this.#server), reason);
    } catch { /* The peer has closed in the meantime. */ }
  }

  #ended({ code, reason, wasClean }: WsSocketClose): void {
    if (this.#close !== undefined) return;
    this.#closeWait?.stop();
    this.#heartbeat?.stop();
    // Deno reports 0 in place of 1006.
    const standard = code === 0 ? CloseCode.abnormal : code;
    const error = this.#error ??
      (this.#closing ? undefined : judgeClose(this.peer, standard, reason));
    this.#close = { code: standard, reason, wasClean, error };
    this.#closing = true;
    this.#outbox.fail(this.#reason());
    this.#receiver.end(error);
    this.#opened?.reject(this.#reason());
    this.#controller?.abort(this.#reason());
    this.#closed?.resolve(this.#close);
    this.#tell("ended");
    // Deno has no event for the socket of a client that left before the handshake response.
    if (this.#server && !this.#own && !this.#wasOpen) this.#leave();
  }

  #leave(): void {
    this.#isGone = true;
    this.#gone?.resolve();
    this.#tell("gone");
  }

  /** Calls the listener of a server, after the code that has changed the state. */
  #tell(event: keyof ConnectionEvents): void {
    const events = this.#events;
    if (event === "gone") this.#events = undefined;
    if (events !== undefined) queueMicrotask(() => events[event](this));
  }

  #reason(): NetError {
    return this.#close?.error ?? this.#error ??
      new NetError(`WebSocket to ${this.peer} is closed`, {
        kind: "closed",
        phase: "close",
        address: this.peer,
      });
  }
}

/** Returns a copy of a text that is a part of a larger one, which would stay in memory with it. */
function compact(text: string): string {
  return JSON.parse(JSON.stringify(text));
}

/** Returns the promise, whose rejection does not end the process if no one handles it. */
function contained<T>(promise: Promise<T>): Promise<T> {
  void ignoreFailure(promise);
  return promise;
}
