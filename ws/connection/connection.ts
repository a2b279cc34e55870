/**
 * A WebSocket as a stream of messages: bounded in both directions, with time
 * limits, an orderly end, and errors that say what happened. The same for a
 * server's side and a client's.
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
 * Servers that are hardened, as all are beyond loopback, have a transport of their own, which does
 * what RFC 6455 wants in every chapter of the Autobahn test suite: 1002, 1007 and 1009 for what
 * breaks the rules, the limit of a message looked at before it comes, pings that measure, and a peer
 * that answers no close frame is cut. It does not compress (chapters 12, 13).
 *
 * **What Deno 2.9 does below clients and all other servers, by the same chapters**, not on the
 * hardened transport:
 *
 * | Chapter | What happens | What this module adds |
 * |---|---|---|
 * | 1 framing | as RFC 6455 wants; but bare frames of a client are taken, and masked ones of a server are handed on as if they were bare (§5.1) | |
 * | 2 pings and pongs | as it wants; neither is shown to the program, and a client sends none | `pingInterval` of a server, `heartbeat` |
 * | 3 reserved bits | ends without a close frame, where 1002 is wanted | `closed` tells 1006 |
 * | 4 opcodes | the same | the same |
 * | 5 fragmentation | what breaks the rules ends likewise, but for a message in fragments inside of another, whose place it takes; a message arrives whole, and until then **its fragments have no limit** | 1009 once it is whole |
 * | 6 UTF-8 | looked at once the message is whole, then ends likewise (1007 is wanted); half a letter at the end of the last of several fragments is dropped | |
 * | 7 closing | answered at once, so that what the handler still says is lost; codes that are none are answered with 1002, half a code or a reason that is no UTF-8 ends likewise; a reason of more than 123 bytes is taken | `closed` has code and reason, 1006 where they are none; `closeTimeout` |
 * | 7 data after this side's close frame | ends it, so that the peer may see 1006 in place of the code | `closed` has the reason |
 * | 9 limits | a frame of 64 MiB or more ends likewise, by its length alone | 1009 above `maxMessageSize`, once it is there |
 * | 10 one message in many frames | as it wants | |
 * | 12, 13 compression | none is offered, none accepted | |
 *
 * So there a peer can fill the memory with one message, and one that does not answer a close frame
 * keeps its socket until it leaves: Deno has no means to cut one alone. `closed` does not wait for
 * it longer than `closeTimeout`, and no `shutdown()` counts it, but it can keep the process alive.
 *
 * **Permissions**: none of its own. The WebSocket protocol is RFC 6455.
 *
 * @module
 */

import { NetError } from "../../net/errors/errors.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type {
  WsClose,
  WsConnectionOptions,
  WsMessage,
  WsOrigin,
  WsSendOptions,
  WsSocket,
  WsSocketClose,
  WsStats,
} from "./options.ts";
import { checkClose, judgeClose, sendableCode } from "../internal/close_codes.ts";
import { checkWsOptions, messageFault, sizeAbove, type WsLimits } from "../internal/options.ts";
import { JsonView, type JsonViewOptions } from "../json_view.ts";
import { Outbox } from "./_outbox.ts";
import { Pulse } from "./_pulse.ts";
import { WsReceiver } from "./_receiver.ts";

export type * from "./options.ts";

const NONE = {};
const SENT = Promise.resolve();

let lastId = 0;

/**
 * One WebSocket. It is read by one loop at a time; sends may overlap and keep their order.
 *
 * The loop over the messages ends when the peer has closed with 1000, 1001 or no code, or this
 * side has closed; any other end is thrown, as a {@linkcode NetError} "truncated" (no close
 * frame), "limit" or "timeout" (a limit of this side) or "closed" (the peer's code and reason);
 * its `code` is the close code.
 *
 * @example Typed messages
 * ```ts
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { assertEquals } from "@std/assert";
 *
 * const validate = (value: unknown): number => {
 *   if (typeof value !== "number") throw new TypeError("a number is wanted");
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
  /** A number that no other connection of this process has. */
  readonly id: number = ++lastId;
  /** The peer in words. */
  readonly peer: string;
  /** The URL that was asked for. */
  readonly url: string;
  /** The header fields of the opening handshake; empty on the client's side. */
  readonly headers: Headers;

  readonly #socket: WebSocket | WsSocket;
  /** The same, where it can do more than Deno's. */
  readonly #own: WsSocket | undefined;
  readonly #server: boolean;
  readonly #protocol: string | undefined;
  readonly #limits: WsLimits;
  readonly #receiver: WsReceiver;
  readonly #outbox: Outbox;
  readonly #pulse: Pulse;
  readonly #openedAt = Date.now();
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<WsClose>();
  readonly #gone = Promise.withResolvers<void>();
  #close: WsClose | undefined;
  #error: NetError | undefined;
  #controller: AbortController | undefined;
  #received = 0;
  #sent = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #wasOpen = false;
  #closing = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes over a socket that is open or being opened. Nobody else may use it from now on.
   *
   * @param socket The socket.
   * @param origin Where it comes from.
   * @param options The limits.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(socket: WebSocket | WsSocket, origin: WsOrigin, options: WsConnectionOptions = {}) {
    const own = this.#own = "cut" in socket ? socket : undefined;
    const limits = checkWsOptions(options, own !== undefined);
    this.#limits = limits;
    this.#socket = socket;
    this.#server = origin.server;
    this.#protocol = origin.protocol;
    this.peer = origin.peer;
    this.url = origin.url;
    this.headers = origin.headers ?? new Headers();
    this.#receiver = new WsReceiver(this.peer, limits, () => this.signal);
    this.#pulse = new Pulse(
      this.peer,
      limits,
      (message) => this.trySend(message),
      (reason, error) => this.#giveUp(1001, reason, error),
    );
    this.#outbox = new Outbox(
      socket,
      this.peer,
      limits.outboxLimit,
      limits.stallTimeout,
      (error) => this.#giveUp(1008, "too slow", error),
    );
    this.#opened.promise.catch(() => {});
    if ("binaryType" in socket) socket.binaryType = "arraybuffer";
    if (own && limits.inboxPolicy === "wait") {
      this.#receiver.onTaken = () => this.#receiver.full || own.resume();
    }
    socket.onopen = () => this.#onOpen();
    socket.onmessage = ({ data }: { data: unknown }) => this.#onMessage(data);
    // An error is always followed by close, which tells more or as much.
    socket.onclose = (close: WsSocketClose) => {
      // Deno holds the socket of a peer that broke off until its next ping is due.
      socket.onopen = socket.onmessage = socket.onclose = null;
      if (!this.#closing) this.#error ??= close.error;
      this.#ended(close);
      if (!own) this.#gone.resolve();
    };
    own?.gone.then(this.#gone.resolve);
    if (socket.readyState === WebSocket.OPEN) this.#onOpen();
  }

  /** Resolves when the opening handshake is done; rejects if it never is. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Whether messages can be sent. */
  get open(): boolean {
    return !this.#closing && this.#socket.readyState === WebSocket.OPEN;
  }

  /** The subprotocol that was agreed on, or an empty text. */
  get protocol(): string {
    return this.#protocol ?? this.#socket.protocol;
  }

  /** Resolves when the connection is over, to how it ended. */
  get closed(): Promise<WsClose> {
    return this.#closed.promise;
  }

  /**
   * Resolves when nothing is left of the socket, which a peer that answers no close frame delays:
   * on a hardened server until `closeTimeout`, on Deno's as long as it likes.
   */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Aborted when the connection is over or this side begins to close it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#closing || this.#close !== undefined) this.#controller.abort(this.#reason());
    return this.#controller.signal;
  }

  /** Counters of this moment. */
  get stats(): WsStats {
    return {
      received: this.#received,
      sent: this.#sent,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      queuedBytes: this.#socket.bufferedAmount + this.#outbox.waitingBytes,
      unread: this.#receiver.unread,
      dropped: this.#receiver.dropped,
      latency: this.#pulse.latency ?? this.#own?.latency,
      openedAt: this.#openedAt,
    };
  }

  /**
   * The next message.
   *
   * @param options Limits of this call.
   * @returns The message, or null when the connection has ended in good order.
   * @throws {NetError} If it ended otherwise; "timeout" if nothing came in time.
   * @throws {TypeError} If another call has not ended.
   */
  receive(options: ReceiveOptions = NONE): Promise<WsMessage | null> {
    return this.#receiver.receive(options, asItIs);
  }

  /** Iterates over the messages until the end. Leaving the loop leaves the connection open. */
  [Symbol.asyncIterator](): AsyncIterableIterator<WsMessage, void, void> {
    const next = () => this.#receiver.receive(NONE, toResult);
    const iterator = { next, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  /**
   * The connection as a stream of JSON values.
   *
   * @typeParam T What a message is, once it is validated.
   * @param options How a message is validated, and what happens to one that is not valid.
   * @returns The view; the connection stays usable beside it.
   */
  json<T = unknown>(options: JsonViewOptions<T> = {}): JsonView<T> {
    return new JsonView(this, options);
  }

  /**
   * Sends a message, when there is room for it in the outbox. Who does not await it misses the
   * error, but the process goes on: a peer that leaves must not end it.
   *
   * @param data Text, or bytes, which are not to be changed afterwards.
   * @param options Limits of this call.
   * @returns Resolves when the socket has it.
   * @throws {NetError} "closed" if the connection is over, "limit" if too much waits already.
   * @throws {TypeError} If it is neither text nor bytes.
   */
  send(data: WsMessage, options: WsSendOptions = NONE): Promise<void> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const fault = messageFault(data);
    if (fault !== undefined) return Promise.reject(fault);
    if (!this.open) return contained(Promise.reject(this.#reason()));
    if (!this.#outbox.pass(data)) {
      return contained(this.#outbox.send(data, signal).then(() => this.#count(data)));
    }
    this.#count(data);
    return SENT;
  }

  /**
   * Sends a message without waiting, or says that it did not: too much waits already, or the
   * connection is over.
   *
   * @param data Text, or bytes, which are not to be changed afterwards.
   * @returns Whether it is on its way.
   * @throws {TypeError} If it is neither text nor bytes.
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
   * @param value What `JSON.stringify` can take.
   * @param options Limits of this call.
   * @returns As {@linkcode WsConnection.send}.
   */
  sendJson(value: unknown, options?: WsSendOptions): Promise<void> {
    return this.send(JSON.stringify(value), options);
  }

  /**
   * Closes in order: what waits to be sent goes first (with 1008 it is dropped), then the close
   * frame; the peer's answer is awaited up to `closeTimeout`. Messages that wait here can still be received. Closing twice is
   * harmless.
   *
   * @param code 1000 to 1014 but 1004 to 1006, or 3000 to 4999 (RFC 6455 §7.4).
   * @param reason For the developers of the other side, at most 123 bytes.
   * @returns How the connection ended.
   * @throws {RangeError} If code or reason is out of range.
   */
  close(code = 1000, reason = ""): Promise<WsClose> {
    checkClose(code, reason);
    this.#startClose(code, reason);
    return this.closed;
  }

  /** Closes with 1000. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #count(data: WsMessage): void {
    this.#sent++;
    this.#bytesSent += data.length;
  }

  #onOpen(): void {
    this.#wasOpen = true;
    this.#opened.resolve();
    // It was told to close before it was there.
    if (this.#closing) this.#sendClose(1001, "");
    else this.#pulse.start();
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
      this.#tooMuch(1009, `at most ${most} bytes`, `a message above ${most} bytes`);
    } else if (!this.#pulse.received(message) && !this.#receiver.push(message)) {
      this.#tooMuch(1008, "too many messages", "too many messages");
    } else if (this.#limits.inboxPolicy === "wait" && this.#receiver.full) this.#own?.pause();
  }

  #tooMuch(code: 1008 | 1009, reason: string, what: string): void {
    const { peer } = this;
    const rest = { kind: "limit", phase: "read", address: peer, code: `${code}` } as const;
    this.#giveUp(code, reason, new NetError(`${peer} sent ${what}`, rest));
  }

  /** Closes because of something that one side did. */
  #giveUp(code: number, reason: string, error: NetError): void {
    this.#error ??= error;
    this.#startClose(code, reason);
  }

  #startClose(code: number, reason: string): void {
    if (this.#closing || this.#close !== undefined) return;
    this.#closing = true;
    this.#pulse.stop();
    // Who is let go for reading too slowly would only keep the memory busy.
    if (this.#error === undefined && code !== 1008) this.#outbox.flush();
    this.#outbox.fail(this.#reason());
    this.#receiver.end(this.#error);
    if (this.#socket.readyState <= WebSocket.OPEN) this.#sendClose(code, reason);
    this.#controller?.abort(this.#reason());
    const { closeTimeout } = this.#limits;
    if (closeTimeout === Infinity) return;
    this.#closeTimer = setTimeout(() => {
      this.#ended({ code: 1006, reason: "", wasClean: false });
      this.#own?.cut();
    }, closeTimeout);
  }

  #sendClose(code: number, reason: string): void {
    try {
      this.#socket.close(sendableCode(code, this.#server), reason);
    } catch { /* The peer was faster. */ }
  }

  #ended({ code, reason, wasClean }: WsSocketClose): void {
    if (this.#close !== undefined) return;
    clearTimeout(this.#closeTimer);
    this.#pulse.stop();
    // Deno tells 0 where the standard has 1006.
    const told = code === 0 ? 1006 : code;
    const error = this.#error ?? (this.#closing ? undefined : judgeClose(this.peer, told, reason));
    this.#close = { code: told, reason, wasClean, error };
    this.#closing = true;
    this.#outbox.fail(this.#reason());
    this.#receiver.end(error);
    this.#opened.reject(this.#reason());
    this.#controller?.abort(this.#reason());
    this.#closed.resolve(this.#close);
    // A client that left before the answer: Deno tells nothing of its socket any more.
    if (this.#server && !this.#own && !this.#wasOpen) this.#gone.resolve();
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

function asItIs(message: WsMessage | null): WsMessage | null {
  return message;
}

function toResult(message: WsMessage | null): IteratorResult<WsMessage, void> {
  return message === null ? { done: true, value: undefined } : { done: false, value: message };
}

/** The same promise, whose rejection may go unseen. */
function contained<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
