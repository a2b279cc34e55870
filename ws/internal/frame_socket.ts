import { delay } from "@std/async/delay";
import type { TakenOver } from "../../http/server/take_over.ts";
import type { Connection } from "../../net/connection/connection.ts";
import {
  type CloseListener,
  hooks,
  type ReadListener,
} from "../../net/internal/connection_hooks.ts";
import { NetError } from "../../net/errors/errors.ts";
import { Alarm, unwatch, UNWATCHED, watch, type Watched } from "../../net/internal/timer.ts";
import type { WsMessage, WsSocket, WsSocketEvents } from "../connection/options.ts";
import {
  WsFrameDecoder,
  WsFrameError,
  type WsFrameEvent,
  type WsInflate,
  WsOpcode,
} from "../frame_codec.ts";
import { CloseCode } from "./close_codes.ts";
import { ControlPace } from "./control_pace.ts";
import { type AgreedCompression, openCompression } from "./frame_compression.ts";
import type { FrameSocketLimits } from "./frame_limits.ts";
import type { MessageInflater } from "./message_deflate.ts";
import { FrameEncoder, giveBack } from "./message_frame.ts";

/** Options of {@linkcode FrameSocket}. */
export interface FrameSocketOptions {
  /** The side that this is. A client masks its frames, and lets the server close the TCP connection. */
  readonly role: "server" | "client";
  readonly peer: string;
  readonly protocol: string;
  readonly limits: FrameSocketLimits;
  readonly compression: AgreedCompression | undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;

const NOTHING: Bytes = new Uint8Array(0);

/** Send buffer in bytes above which only the latest ping gets an answer. */
const BUSY = 64 * 1024;

/**
 * Frames, and bytes of messages, after which the loop yields. Reads of available data never yield, so
 * others would starve: 64 KiB of compressed messages can be 60 MiB.
 */
const TURN = 2000, TURN_BYTES = 4 * 1024 * 1024;

/** The encoders of all connections without compression. */
const SERVER = new FrameEncoder(false), CLIENT = new FrameEncoder(true);

const { CONNECTING, OPEN, CLOSING, CLOSED } = WebSocket;

/**
 * One side of a WebSocket on a connection of this package (RFC 6455). A server may have many idle ones:
 * the socket itself is the listener of its connection, and the item that the timer watches for pings.
 */
export class FrameSocket implements WsSocket, ReadListener, CloseListener, Watched {
  readonly protocol: string;
  readyState: number = CONNECTING;
  latency: number | undefined;

  #owner: unknown;
  #events: WsSocketEvents<unknown> | undefined;
  readonly #role: "server" | "client";
  readonly #peer: string;
  readonly #limits: FrameSocketLimits;
  readonly #decoder: WsFrameDecoder;
  readonly #encoder: FrameEncoder;
  readonly #inflater: MessageInflater | undefined;
  #conn: Connection | undefined;
  #paused: PromiseWithResolvers<void> | undefined;
  readonly #controls: ControlPace | undefined;
  /** Made at the first use. */
  #restAlarm: Alarm | undefined;
  /** The time limit for closing the TCP connection. */
  #lastAlarm: Alarm | undefined;
  /** Start of the wait for the rest of a message; 0 between messages. */
  #restSince = 0;
  /** The time of the next ping. */
  due = Infinity;
  place: number = UNWATCHED;
  /** Number of frames at the last turn of other connections, and bytes of messages since then. */
  #turnAt = 0;
  #turnBytes = 0;
  #pings = 0;
  /** The time of the ping whose answer is missing. */
  #pingAt: number | undefined;
  /** The payload of the latest ping whose answer waits for room. */
  #owed: Uint8Array | undefined;

  constructor(taken: Promise<Pick<TakenOver, "connection">>, options: FrameSocketOptions) {
    const { role, compression } = options;
    this.#role = role;
    this.#peer = options.peer;
    this.protocol = options.protocol;
    const { maxMessageSize, controlRate } = this.#limits = options.limits;
    this.#controls = controlRate && new ControlPace(controlRate);
    if (compression === undefined) {
      this.#encoder = role === "client" ? CLIENT : SERVER;
      this.#decoder = new WsFrameDecoder(role, { maxMessageSize });
    } else {
      const { encoder, inflater } = openCompression(role, compression);
      this.#encoder = encoder;
      this.#inflater = inflater;
      // Messages behind the close frame of this side are dropped.
      const inflate: WsInflate = (payload, most) => {
        return this.readyState === OPEN ? inflater.inflate(payload, most) : NOTHING;
      };
      this.#decoder = new WsFrameDecoder(role, { maxMessageSize, inflate });
    }
    taken.then((over) => this.#open(over), () => {
      this.#end(CloseCode.abnormal, "", false);
      this.#leave();
    });
  }

  get bufferedAmount(): number {
    return this.#conn?.queuedBytes ?? 0;
  }

  listen<T>(owner: T, events: WsSocketEvents<T>): void {
    this.#owner = owner;
    this.#events = events as WsSocketEvents<unknown>;
  }

  send(data: WsMessage): void {
    const encoder = this.#encoder;
    const shared = encoder.shared(data);
    if (shared !== undefined) this.#write(shared);
    else if (this.bufferedAmount > 0) this.#write(encoder.message(data));
    else if (!encoder.borrows(data)) this.#write(encoder.brief(data));
    else {
      const frame = encoder.borrow(data);
      this.#conn?.write(frame).then(() => giveBack(frame), () => {});
    }
  }

  close(code: number, reason: string): void {
    if (this.readyState !== OPEN) return;
    this.#write(this.#encoder.close(code, reason));
    this.readyState = CLOSING;
    unwatch(this);
    this.#encoder.release();
    // The close frame of the peer comes after all unread data.
    this.resume();
  }

  cut(): void {
    this.#conn?.abort();
    this.#end(CloseCode.abnormal, "", false);
  }

  pause(): void {
    if (this.readyState === OPEN) this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  #open({ connection }: Pick<TakenOver, "connection">): void {
    this.#conn = connection;
    hooks.whenClosed(connection, this);
    if (this.readyState === CLOSED) return connection.abort();
    this.readyState = OPEN;
    this.#pingLater();
    this.#events?.opened(this.#owner);
    this.#proceed();
  }

  connectionClosed(_connection: object, error: NetError | undefined): void {
    this.#end(CloseCode.abnormal, "", false, localCause(error));
    this.#leave();
  }

  arrived(bytes: Bytes | null): void {
    if (this.#take(bytes)) this.#proceed();
  }

  failed(error: unknown): void {
    this.#end(CloseCode.abnormal, "", false, localCause(error));
  }

  /** Handles what has arrived, and waits for more as a listener, which needs no memory. */
  #proceed(): void {
    try {
      for (;;) {
        const wait = this.#handleEvents();
        if (wait !== undefined) return void wait.then(() => this.#proceed());
        if (this.readyState === CLOSED) return;
        if (this.#decoder.partial === undefined) this.#restSince = 0;
        else this.#awaitRest();
        // A shutdown of the HTTP server must not end this read, because the upgrader closes its
        // connections with a code.
        const bytes = hooks.read(this.#conn!, this, true, Infinity);
        if (bytes === undefined || !this.#take(bytes)) return;
      }
    } catch (error) {
      if (!(error instanceof WsFrameError)) return this.failed(error);
      // Immediate answers of the handler to earlier messages must precede the close frame.
      void delay(0).then(() => this.#failFrame(error));
    }
  }

  /** Takes received bytes; returns false at the end. */
  #take(bytes: Bytes | null): boolean {
    if (bytes === null) this.#end(CloseCode.abnormal, "", false);
    else this.#decoder.push(bytes);
    return bytes !== null;
  }

  /** Handles the frames that have arrived. Returns a promise if it has to wait before the next one. */
  #handleEvents(): Promise<unknown> | undefined {
    const decoder = this.#decoder;
    for (;;) {
      if (this.#paused !== undefined) return this.#paused.promise;
      if (decoder.frames - this.#turnAt > TURN || this.#turnBytes > TURN_BYTES) {
        return this.#othersTurn();
      }
      const event = decoder.next();
      if (event === undefined) return undefined;
      // Immediate answers of the handler to earlier messages must precede the close frame.
      if (event.kind === "close") return delay(0).then(() => this.#on(event));
      this.#on(event);
      if (event.kind === "message" || this.readyState === CLOSED) continue;
      const wait = this.#controls?.count();
      if (wait !== undefined) return wait;
    }
  }

  #failFrame({ message, code }: WsFrameError): void {
    const limited = code === CloseCode.policyViolation || code === CloseCode.tooLarge;
    this.#fail(code, message, limited ? "limit" : "protocol");
  }

  /** Limits the time for the rest of a message. */
  #awaitRest(): void {
    if (this.#restSince === 0) this.#restSince = performance.now();
    this.#restAlarm ??= new Alarm(() => this.#checkRest());
    // The alarm runs on after the message, because to stop it costs more than to look.
    if (!this.#restAlarm.running) this.#restAlarm.start(this.#limits.messageTimeout);
  }

  #checkRest(): void {
    const { partial } = this.#decoder;
    if (partial === undefined || this.#restSince === 0 || this.readyState === CLOSED) return;
    const { messageTimeout, minMessageRate } = this.#limits;
    const earned = minMessageRate === 0 ? 0 : partial * 1000 / minMessageRate;
    const rest = this.#restSince + messageTimeout + earned - performance.now();
    if (rest > 0) return this.#restAlarm!.start(rest);
    this.#fail(CloseCode.policyViolation, "A message is too slow", "timeout");
  }

  /** Yields to the event loop. */
  #othersTurn(): Promise<void> {
    this.#turnAt = this.#decoder.frames;
    this.#turnBytes = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }

  #on(event: WsFrameEvent): void {
    switch (event.kind) {
      case "message":
        this.#restSince = 0;
        this.#turnBytes += event.data.length;
        if (this.readyState === OPEN) this.#events?.message(this.#owner, event.data);
        break;
      case "ping":
        if (this.readyState === OPEN) this.#answer(event.payload);
        break;
      case "pong":
        this.#ponged(event.payload);
        break;
      case "close":
        if (this.readyState === OPEN) this.#write(this.#encoder.close(event.code, event.reason));
        this.#end(event.code, event.reason, true);
    }
  }

  /** Answers a ping. A peer that does not read gets only the latest answer (RFC 6455 §5.5.3). */
  #answer(payload: Uint8Array): void {
    const waits = this.#owed !== undefined;
    this.#owed = payload;
    if (waits) return;
    const answer = () => {
      const owed = this.#owed;
      this.#owed = undefined;
      if (owed !== undefined && this.readyState === OPEN) {
        this.#write(this.#encoder.control(WsOpcode.pong, owed));
      }
    };
    if (this.bufferedAmount < BUSY) answer();
    else this.#conn?.flush().then(answer, () => {});
  }

  /** A timer that waits for the next ping keeps the process alive. */
  get waiting(): boolean {
    return true;
  }

  sweep(now: number): void {
    if (now >= this.due) this.#ping();
  }

  #pingLater(): void {
    const { pingInterval } = this.#limits;
    if (pingInterval === Infinity) return;
    this.due = performance.now() + pingInterval;
    watch(this);
  }

  #ping(): void {
    if (this.#pingAt !== undefined && this.#mayExpectPong()) {
      const late = `no pong in ${this.#limits.pingInterval} ms`;
      return this.#fail(CloseCode.goingAway, late, "timeout");
    }
    // A ping behind unsent data, or whose answer is behind unread data, is not repeated.
    if (this.#pingAt === undefined) {
      this.#pingAt = performance.now();
      this.#write(this.#encoder.control(WsOpcode.ping, `${++this.#pings}`));
    }
    this.#pingLater();
  }

  /**
   * Whether a missing pong proves that the peer is gone. It proves nothing while this side does not
   * read, has not sent the ping yet, or receives a message, which has a time limit of its own.
   */
  #mayExpectPong(): boolean {
    const reads = this.#paused === undefined && this.#controls?.waits !== true;
    return reads && this.bufferedAmount === 0 && this.#restSince === 0;
  }

  #ponged(payload: Uint8Array): void {
    if (this.#pingAt === undefined || `${this.#pings}` !== String.fromCharCode(...payload)) return;
    this.latency = performance.now() - this.#pingAt;
    this.#pingAt = undefined;
  }

  #write(frame: Uint8Array): void {
    const conn = this.#conn;
    if (conn === undefined) return;
    // trySend() creates no promise; the caller has a send buffer of its own. A failed write ends the
    // connection, and its end reports the error.
    if (conn.queuedBytes === 0 || !conn.trySend(frame)) void conn.write(frame);
  }

  /** Sends a close frame with the reason and does not wait for an answer (RFC 6455 §7.1.7). */
  #fail(code: number, why: string, kind: "limit" | "protocol" | "timeout"): void {
    const peer = this.#peer;
    const rest = { kind, phase: "read", address: peer, code: `${code}` } as const;
    if (this.readyState === OPEN) this.#write(this.#encoder.close(code, why));
    this.#end(CloseCode.abnormal, "", false, new NetError(`Disconnected ${peer}: ${why}`, rest));
  }

  /** Reports the end once, and closes the TCP connection. */
  #end(code: number, reason: string, wasClean: boolean, error?: NetError): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    unwatch(this);
    this.#controls?.stop();
    this.#restAlarm?.stop();
    this.resume();
    this.#encoder.release();
    this.#inflater?.release();
    this.#events?.closed(this.#owner, { code, reason, wasClean, ...error && { error } });
    if (this.#conn !== undefined) this.#hangUp(this.#conn, wasClean);
  }

  /** Notes that the TCP connection is closed. */
  #leave(): void {
    this.#lastAlarm?.stop();
    this.#lastAlarm = undefined;
    this.#events?.gone(this.#owner);
  }

  /** Closes the TCP connection, for which the peer has `closeTimeout` once it has all data. */
  #hangUp(conn: Connection, wasClean: boolean): void {
    const alarm = this.#lastAlarm = new Alarm(() => conn.abort());
    conn.flush().catch(() => {}).then(() => {
      if (this.#lastAlarm !== undefined) alarm.start(this.#limits.closeTimeout);
    });
    // The server closes the TCP connection first, so that it keeps no waiting port (RFC 6455 §7.1.1).
    const last = this.#role === "client" && wasClean ? conn.readChunk().catch(() => {}) : undefined;
    if (last === undefined) void conn.close();
    else void last.then(() => conn.close());
  }
}

/** Returns the error if this side ended the connection; undefined if the peer did. */
function localCause(error: unknown): NetError | undefined {
  const known = error instanceof NetError && error.kind !== "reset" && error.kind !== "truncated";
  return known ? error : undefined;
}
