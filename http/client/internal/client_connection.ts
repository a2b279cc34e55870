import type { Address } from "../../../net/address.ts";
import { NetError } from "../../../net/errors/errors.ts";
import type { TlsInfo, Transport } from "../../../net/connection/transport.ts";
import { closeQuietly } from "../../../net/internal/close_quietly.ts";
import { Alarm, unwatch, UNWATCHED, watch, type Watched } from "../../../net/internal/timer.ts";
import {
  Http1Decoder,
  Http1Error,
  type Http1Event,
  type Http1Response,
} from "../../http1/codec.ts";
import { Known, knownValue } from "../../internal/http1_fields.ts";
import { readKeepAlive } from "../../internal/keep_alive_field.ts";
import { ExchangeFailure } from "./exchange_failure.ts";
import { headersOf, IncomingResponse, type ResponseSource } from "./_incoming_response.ts";
import type { OutgoingRequest } from "./_outgoing_request.ts";
import { Output } from "./_output.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The size of a read buffer, and that for large bodies, in bytes. */
const SMALL = 16 * 1024;
const LARGE = 128 * 1024;
/** The decoder accepts what other clients accept. Its table lists the repairs. */
const DECODING = Object.freeze({ maxHead: 256 * 1024, maxTrailers: 64 * 1024, tolerant: true });
/** How long before the server the client closes an idle connection, in milliseconds. */
const MARGIN = 1000;
/** The longest wait for `100 Continue`, in milliseconds. Then the body is sent (RFC 9110 §10.1.1). */
const CONTINUE = 1000;
/** The largest number of interim responses to one request. */
const MAX_INTERIM = 100;

/** An open connection with everything that is known about it. */
export interface Dialed {
  readonly transport: Transport;
  /** The TCP or Unix connection below. */
  readonly raw: Transport;
  readonly tls: TlsInfo | undefined;
}

/** The pool to which a connection belongs. */
export interface ConnectionOwner {
  /** Takes back a connection that can be used again. */
  keep(conn: ClientConnection): void;
  /** Forgets a connection that has ended. */
  forget(conn: ClientConnection): void;
}

/** One HTTP/1.1 connection (RFC 9112). It carries one request at a time. */
export class ClientConnection implements ResponseSource, Watched {
  /** An idle connection does not keep the process alive. */
  readonly waiting = false;
  due = Infinity;
  place: number = UNWATCHED;
  readonly remoteAddr: Address;
  readonly tls: TlsInfo | undefined;
  readonly #transport: Transport;
  readonly #raw: Transport;
  readonly #owner: ConnectionOwner;
  readonly #decoder = new Http1Decoder("response", DECODING);
  readonly #out: Output;
  readonly #idleTimeout: number;
  #buffer: Bytes = new Uint8Array(SMALL);
  #reading: Promise<number | null> | undefined;
  #requests = 0;
  /** The number of bytes of the current response so far. */
  #received = 0;
  /** Whether the server has ended its output. */
  #ended = false;
  #idle = false;
  #closed = false;
  #responseOver = true;
  #requestOver = true;
  #uploading = false;
  /** Whether the response says that the server does not want the rest of the body. */
  #refused = false;
  /** Whether the connection ends with the current response. */
  #last = false;
  /** The longest idle time of the server in milliseconds, and the number of further requests. */
  #serverIdle = Infinity;
  #left = Infinity;
  /** Continues an upload that waits for an interim response. */
  #goOn: (() => void) | undefined;
  readonly #onAbort = () => this.close();
  /** Nothing was asked, so whatever comes on an idle connection ends it. */
  readonly #onReadAhead = () => {
    if (this.#idle) this.close();
  };

  constructor({ transport, raw, tls }: Dialed, owner: ConnectionOwner, idleTimeout: number) {
    this.#transport = transport;
    this.#raw = raw;
    this.#out = new Output(transport, tls === undefined);
    this.#owner = owner;
    this.#idleTimeout = idleTimeout;
    this.remoteAddr = transport.remoteAddr;
    this.tls = tls;
  }

  /** Closes the connection at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#goOn?.();
    unwatch(this);
    closeQuietly(this.#transport);
    if (this.#raw !== this.#transport) closeQuietly(this.#raw);
    this.#owner.forget(this);
  }

  /** Closes an idle connection when its time is over. */
  sweep(now: number): void {
    if (this.#idle && this.due <= now) this.close();
  }

  /**
   * Sends a request, and returns its response when the head has arrived.
   *
   * @throws {ExchangeFailure} If there is none. The connection is then closed.
   */
  async exchange(request: OutgoingRequest): Promise<IncomingResponse> {
    const { guard, timings } = request;
    const reused = this.#requests++ > 0;
    this.#begin(request);
    guard.onAbort(this.#onAbort);
    try {
      guard.throwIfAborted();
      this.#send(request);
      const head = await this.#head(request);
      this.#heard(head);
      return new IncomingResponse(head, this, reused, timings);
    } catch (error) {
      const stale = reused && this.#received === 0 && !guard.aborted;
      const cause = this.explain(error);
      this.close();
      throw new ExchangeFailure(cause, this.#out.written, stale);
    } finally {
      guard.offAbort(this.#onAbort);
    }
  }

  /** Returns the next event of the response that has arrived. */
  next(): Http1Event | undefined {
    return this.#decoder.next();
  }

  /** Waits for more bytes of the response. */
  async fill(large: boolean): Promise<void> {
    if (large && this.#reading === undefined && this.#buffer.length < LARGE) {
      this.#buffer = new Uint8Array(LARGE);
    }
    this.#take(await this.#read());
  }

  #read(): Promise<number | null> {
    if (this.#ended) throw new Http1Error("The message is truncated", 400, true);
    return this.#reading ?? this.#transport.read(this.#buffer);
  }

  #take(size: number | null): void {
    this.#reading = undefined;
    if (size === null) {
      this.#ended = true;
      return this.#decoder.finish();
    }
    this.#received += size;
    this.#decoder.push(this.#buffer.subarray(0, size));
  }

  /** Returns bytes of an event in memory that stays valid. */
  own(bytes: Bytes): Bytes {
    // Large pieces are handed over with their buffer, because a copy costs more.
    const { buffer } = this.#buffer;
    if (bytes.buffer !== buffer || bytes.length * 2 < buffer.byteLength) return bytes.slice();
    if (this.#decoder.buffered > 0) return bytes.slice();
    this.#buffer = new Uint8Array(buffer.byteLength);
    return bytes;
  }

  /** The number of the request in progress, from 1. */
  get current(): number {
    return this.#requests;
  }

  /** Closes the connection, unless the response to the request with this number, and its upload, have ended. */
  abandon(request: number): void {
    if (request === this.#requests && (!this.#responseOver || this.#uploading)) this.close();
  }

  /** Handles the end of a response. */
  responseEnded(): void {
    this.#responseOver = true;
    this.#last ||= !this.#decoder.between;
    this.#settle();
  }

  /** Returns an error of the connection or of the codec as an error for the caller. */
  explain(error: unknown): unknown {
    if (!(error instanceof Http1Error)) return error;
    if (error.truncated) {
      const message = this.#received === 0
        ? "the server closed the connection without a response"
        : "the connection ended before the end of the response";
      return new NetError(message, { kind: "truncated", phase: "response", cause: error });
    }
    const reason = this.#speaksHttp2()
      ? "the server speaks only HTTP/2; set http2: true"
      : `the response is malformed: ${error.message[0]!.toLowerCase()}${error.message.slice(1)}`;
    return new NetError(reason, { kind: "protocol", phase: "response", cause: error });
  }

  #begin({ method, last }: OutgoingRequest): void {
    this.#idle = false;
    this.due = Infinity;
    this.#hold(true);
    this.#decoder.answers(method);
    this.#out.begin();
    this.#received = 0;
    this.#responseOver =
      this.#requestOver =
      this.#refused =
        false;
    this.#last = last;
    if (this.#left !== Infinity) this.#left--;
  }

  #send(request: OutgoingRequest): void {
    const { head, body, sending, timings } = request;
    this.#uploading = sending !== undefined;
    const number = this.#requests;
    // Writing and reading go on together: a server may answer before it has read everything.
    const writing = sending === undefined && !request.expects
      ? this.#out.head(head, body)
      : this.#upload(request);
    writing.then(() => {
      timings.sent = timings.elapsed;
      // The end of an upload may already have led to the next request.
      if (number === this.#requests) this.#requestEnded();
    }, () => {
      // The response decides. It may have arrived before the connection broke.
      this.#last = true;
      this.#requestEnded();
      sending?.stop(BROKEN);
    });
  }

  async #upload({ head, body, sending, expects }: OutgoingRequest): Promise<void> {
    const out = this.#out;
    const permitted = expects ? this.#permission() : undefined;
    await out.head(head, undefined);
    await permitted;
    if (sending === undefined) {
      // RFC 9110 §10.1.1: a body that the server does not want is not sent, and the connection ends.
      if (this.#refused) this.#last = true;
      else if (body !== undefined) await out.write(body);
      return;
    }
    const chunked = sending.size === undefined;
    for (let piece; (piece = await this.#orClose(sending.next())) !== undefined;) {
      if (piece.length === 0) continue;
      await (chunked ? out.chunk(piece) : out.write(piece));
      await this.#orClose(sending.sent(piece.length));
    }
    if (sending.over) this.#last = true;
    else if (chunked) await out.write(LAST_CHUNK);
    this.#requestEnded();
    sending.end();
  }

  /** Waits for code of the caller. If it fails, the server must not take half a body for a whole one. */
  async #orClose<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Resolves when the server wants the body, has answered, or has been silent for long enough. */
  #permission(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const alarm = new Alarm(resolve);
    this.#goOn = () => {
      this.#goOn = undefined;
      alarm.stop();
      resolve();
    };
    alarm.start(CONTINUE);
    return promise;
  }

  /** Reads until the head of the final response. */
  async #head({ onInterim, timings }: OutgoingRequest): Promise<Http1Response> {
    for (let count = 0;;) {
      const event = this.#decoder.next();
      if (event === undefined) {
        this.#take(await this.#read());
        timings.firstByte ??= timings.elapsed;
        continue;
      }
      if (event.kind !== "response") continue;
      if (event.status >= 200) return event;
      if (event.status === 101) {
        throw new NetError("the server switches protocols", {
          kind: "protocol",
          phase: "response",
        });
      }
      if (++count > MAX_INTERIM) {
        const message = `the server sent more than ${MAX_INTERIM} interim responses`;
        throw new NetError(message, { kind: "limit", phase: "response" });
      }
      onInterim?.(event.status, headersOf(event.fields));
      this.#goOn?.();
      timings.firstByte = undefined;
    }
  }

  /** Handles the head of a final response. */
  #heard({ status, keepAlive, fields }: Http1Response): void {
    this.#refused = status >= 300;
    this.#last ||= !keepAlive;
    const said = knownValue(fields, Known.keepAlive);
    if (said !== undefined) {
      const { timeout, max } = readKeepAlive(said);
      this.#serverIdle = Math.max(0, timeout - MARGIN);
      this.#left = Math.min(this.#left, max);
    }
    this.#goOn?.();
  }

  #requestEnded(): void {
    if (this.#requestOver) return;
    this.#requestOver = true;
    this.#uploading = false;
    this.#settle();
  }

  /** Returns the connection to the pool, or closes it, once request and response have ended. */
  #settle(): void {
    if (!this.#responseOver || this.#closed) return;
    if (this.#last) return this.close();
    if (!this.#requestOver) return;
    const limit = Math.min(this.#idleTimeout, this.#serverIdle);
    if (limit === 0 || this.#left === 0) return this.close();
    this.#buffer = this.#buffer.length === SMALL ? this.#buffer : new Uint8Array(SMALL);
    this.#idle = true;
    this.#owner.keep(this);
    // The pool may have used it at once.
    if (!this.#idle) return;
    this.#hold(false);
    this.#listen();
    if (limit !== Infinity) {
      this.due = performance.now() + limit;
      watch(this);
    }
  }

  /** Reads ahead on an idle connection, so that its end is seen at once. */
  #listen(): void {
    this.#reading = this.#transport.read(this.#buffer);
    this.#reading.then(this.#onReadAhead, this.#onReadAhead);
  }

  /** Sets whether a pending read keeps the process alive. */
  #hold(wanted: boolean): void {
    hold(this.#transport, wanted);
    if (this.#raw !== this.#transport) hold(this.#raw, wanted);
  }

  /** Returns whether the first bytes are a SETTINGS or GOAWAY frame on stream 0 (RFC 9113 §4.1). */
  #speaksHttp2(): boolean {
    const [a, b, , type, , c, d, e, f] = this.#buffer;
    const zeros = [a, b, c, d, e, f].every((byte) => byte === 0);
    return this.#received >= 9 && zeros && (type === 4 || type === 7);
  }
}

/** Thrown into an upload whose connection has failed. */
const BROKEN = new Error("The connection has ended");
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");

function hold(transport: Transport, wanted: boolean): void {
  const { ref, unref } = transport as Partial<Pick<Deno.Conn, "ref" | "unref">>;
  const method = wanted ? ref : unref;
  method?.call(transport);
}
