import { delay } from "@std/async/delay";
import type { TakenOver } from "../../http/server/take_over.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { Throttle } from "../../net/throttle.ts";
import type { WsMessage, WsSocket, WsSocketClose } from "../connection/options.ts";
import {
  encodeWsClose,
  encodeWsFrame,
  WsFrameDecoder,
  WsFrameError,
  type WsFrameEvent,
  WsOpcode,
} from "../frame_codec.ts";
import { borrowFrame, frameOf, giveBack, LARGE, sharedFrameOf } from "./message_frame.ts";
import { CloseCode } from "./close_codes.ts";

/** Options of {@linkcode FrameSocket}. Times are in milliseconds; Infinity means no limit. */
export interface FrameSocketOptions {
  readonly peer: string;
  readonly protocol: string;
  readonly maxMessageSize: number;
  readonly pingInterval: number;
  /** Rate limit for pings and pongs of the peer; undefined for none. */
  readonly controlRate: { readonly perSecond: number; readonly burst: number } | undefined;
  /** Time limit for closing the TCP connection after both close frames. */
  readonly closeTimeout: number;
}

/** Send buffer in bytes above which only the latest ping gets an answer. */
const BUSY = 64 * 1024;

/** Frames after which the loop yields. Reads of available data never yield, so others would starve. */
const TURN = 2000;

/**
 * `inMessage`: a shutdown of the HTTP server must not end this read, because the upgrader closes its
 * connections with a code. `lent`: the decoder copies unread bytes before it asks for more.
 */
const READ = { inMessage: true, lent: true };

const { CONNECTING, OPEN, CLOSING, CLOSED } = WebSocket;

/** The server side of a WebSocket on a connection of a hardened server (RFC 6455). */
export class FrameSocket implements WsSocket {
  readyState: number = CONNECTING;
  latency: number | undefined;
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: WsSocketClose) => void) | null = null;

  readonly #options: FrameSocketOptions;
  readonly #decoder: WsFrameDecoder;
  readonly #gone = Promise.withResolvers<void>();
  #conn: Connection | undefined;
  #paused: PromiseWithResolvers<void> | undefined;
  readonly #controls: Throttle | undefined;
  /** The wait of a peer that sends too many control frames. */
  #slowed: PromiseWithResolvers<void> | undefined;
  readonly #slowAlarm: Alarm = new Alarm(() => this.#hurry());
  readonly #pinger: Alarm = new Alarm(() => this.#ping());
  #pings = 0;
  #pingAt: number | undefined;
  /** Whether data has arrived since the last ping. */
  #heard = true;
  /** The payload of the latest ping whose answer waits for room. */
  #owed: Uint8Array | undefined;

  constructor(taken: Promise<TakenOver>, options: FrameSocketOptions) {
    this.#options = options;
    const { maxMessageSize, controlRate } = options;
    this.#controls = controlRate && new Throttle(controlRate.perSecond, controlRate.burst);
    this.#decoder = new WsFrameDecoder("server", { maxMessageSize });
    taken.then((over) => this.#open(over), () => {
      this.#end(CloseCode.abnormal, "", false);
      this.#gone.resolve();
    });
  }

  get protocol(): string {
    return this.#options.protocol;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get bufferedAmount(): number {
    return this.#conn?.queuedBytes ?? 0;
  }

  send(data: WsMessage): void {
    const shared = sharedFrameOf(data);
    if (shared !== undefined) this.#write(shared);
    else if (data.length < LARGE || this.bufferedAmount > 0) this.#write(frameOf(data));
    else {
      const frame = borrowFrame(data);
      this.#conn?.write(frame).then(() => giveBack(frame), () => {});
    }
  }

  close(code: number, reason: string): void {
    if (this.readyState !== OPEN) return;
    this.#write(encodeWsClose(code, reason));
    this.readyState = CLOSING;
    this.#pinger.stop();
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

  #open({ connection }: TakenOver): void {
    this.#conn = connection;
    connection.closed.then((error) => {
      this.#end(CloseCode.abnormal, "", false, localCause(error));
      this.#gone.resolve();
    });
    if (this.readyState === CLOSED) return connection.abort();
    this.readyState = OPEN;
    this.#pinger.start(this.#options.pingInterval);
    this.onopen?.();
    void this.#run(connection);
  }

  async #run(connection: Connection): Promise<void> {
    let turnAt = 0;
    try {
      while (this.readyState !== CLOSED) {
        for (let event; (event = this.#decoder.next()) !== undefined;) {
          // Immediate answers of the handler to earlier messages must precede the close frame.
          if (event.kind === "close") await delay(0);
          this.#on(event);
          if (event.kind !== "message") await this.#slowDown();
          if (this.#paused !== undefined) await this.#paused.promise;
          if (this.#decoder.frames - turnAt > TURN) turnAt = await this.#othersTurn();
        }
        if (this.#decoder.frames - turnAt > TURN) turnAt = await this.#othersTurn();
        const bytes = await connection.readChunk(READ);
        if (bytes === null) return this.#end(CloseCode.abnormal, "", false);
        this.#heard = true;
        this.#decoder.push(bytes);
      }
    } catch (error) {
      if (!(error instanceof WsFrameError)) {
        return this.#end(CloseCode.abnormal, "", false, localCause(error));
      }
      const { message, code } = error;
      const limited = code === CloseCode.policyViolation || code === CloseCode.tooLarge;
      this.#fail(code, message, limited ? "limit" : "protocol");
    }
  }

  /** Waits until the rate limit allows one more control frame. Nothing is read meanwhile. */
  #slowDown(): Promise<void> | undefined {
    const wait = this.#controls?.take(performance.now()) ?? 0;
    if (wait === 0 || this.readyState === CLOSED) return undefined;
    this.#slowed = Promise.withResolvers();
    this.#slowAlarm.start(wait);
    return this.#slowed.promise;
  }

  #hurry(): void {
    this.#slowed?.resolve();
    this.#slowed = undefined;
  }

  /** Yields to the event loop and returns the number of frames so far. */
  async #othersTurn(): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.#decoder.frames;
  }

  #on(event: WsFrameEvent): void {
    switch (event.kind) {
      case "message":
        if (this.readyState === OPEN) this.onmessage?.(event);
        break;
      case "ping":
        if (this.readyState === OPEN) this.#answer(event.payload);
        break;
      case "pong":
        this.#ponged(event.payload);
        break;
      case "close":
        if (this.readyState === OPEN) this.#write(encodeWsClose(event.code, event.reason));
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
        this.#write(encodeWsFrame(WsOpcode.pong, owed));
      }
    };
    if (this.bufferedAmount < BUSY) answer();
    else this.#conn?.flush().then(answer, () => {});
  }

  #ping(): void {
    // A paused socket reads no data, so a missing pong proves nothing.
    const reads = this.#paused === undefined && this.#slowed === undefined;
    if (this.#pingAt !== undefined && !this.#heard && reads) {
      const message = `no pong in ${this.#options.pingInterval} ms`;
      return this.#fail(CloseCode.goingAway, message, "timeout");
    }
    this.#heard = false;
    this.#pingAt = performance.now();
    this.#write(encodeWsFrame(WsOpcode.ping, `${++this.#pings}`));
    this.#pinger.start(this.#options.pingInterval);
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
    const { peer } = this.#options;
    const rest = { kind, phase: "read", address: peer, code: `${code}` } as const;
    if (this.readyState === OPEN) this.#write(encodeWsClose(code, why));
    this.#end(CloseCode.abnormal, "", false, new NetError(`Disconnected ${peer}: ${why}`, rest));
  }

  /** Reports the end once; the TCP connection then has `closeTimeout` to close. */
  #end(code: number, reason: string, wasClean: boolean, error?: NetError): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#pinger.stop();
    this.#slowAlarm.stop();
    this.#hurry();
    this.resume();
    this.onclose?.({ code, reason, wasClean, ...error && { error } });
    const conn = this.#conn;
    if (conn === undefined) return;
    const alarm = new Alarm(() => conn.abort());
    alarm.start(this.#options.closeTimeout);
    void this.#gone.promise.then(() => alarm.stop());
    void conn.close();
  }
}

/** Returns the error if this side ended the connection; undefined if the peer did. */
function localCause(error: unknown): NetError | undefined {
  const known = error instanceof NetError && error.kind !== "reset" && error.kind !== "truncated";
  return known ? error : undefined;
}
