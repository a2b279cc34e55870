import type { Connection } from "../../net/connection/connection.ts";
import type { TlsInfo } from "../../net/connection/transport.ts";
import type { Clock, Due } from "../internal/clock.ts";
import { hintLines } from "../internal/early_hints.ts";
import { clientGone, HandlerInfo } from "./_handler_info.ts";
import { HANDLER_REQUEST } from "../internal/handler_request.ts";
import { toLatin1 } from "../internal/http1_bytes.ts";
import type { Incoming, IncomingBody, Watcher } from "./_incoming.ts";
import type { Http1Request } from "../http1/codec.ts";
import type { Offer } from "../internal/upgrade_offer.ts";
import { checkTrailers, type ResponseTrailers, trailerLines } from "../internal/trailer_fields.ts";
import { hasMember } from "../header_list.ts";
import type { HttpAddr, MakeTrailers, TrailerOptions } from "./options.ts";

const NO_TRAILERS: readonly ResponseTrailers[] = [];

/** The data that all requests of a connection share. */
export interface InfoContext {
  readonly connection: Connection;
  readonly incoming: Incoming;
  readonly closing: AbortSignal;
  readonly clock: Clock;
  /** Maximum time without progress, in milliseconds; Infinity for no limit. */
  readonly idleTimeout: number;
}

/** A request of a hardened server, and its response. */
export class HardenedInfo extends HandlerInfo implements Watcher {
  /** The offer of the connection, if the request asks for another protocol. */
  offer: Offer | undefined;
  /** The head of the request, once it has been read. */
  head: Http1Request | undefined;
  /** The body of the request, once its head has been read. */
  body: IncomingBody | undefined;
  /** Whether the body or the trailers of the response have failed, and not the connection. */
  bodyFailed = false;
  /** Called when the client ends its output, and when the connection breaks. */
  onClientEnd: (() => void) | undefined;

  #answered = false;
  #announced = false;
  #trailers: readonly ResponseTrailers[] = NO_TRAILERS;
  readonly #context: InfoContext;
  #completed: PromiseWithResolvers<void> | undefined;
  #isComplete = false;
  #isReleased = false;
  #onComplete: (() => void) | undefined;
  #end: "none" | "half-closed" | "broken" = "none";
  #patience: Due | undefined;
  #onAbort: (() => void) | undefined;
  /** Bytes that the connection had sent before the response. */
  #before = 0;
  /** Bytes of the response that were handed to the connection: of its body, and of all else. */
  #body = 0;
  #rest = 0;
  #sent = 0;

  constructor(context: InfoContext) {
    super(context.closing);
    this.#context = context;
  }

  get peerAddr(): HttpAddr {
    const { remoteAddr, localAddr } = this.#context.connection;
    // A client on a Unix socket has no address: Deno gives null for its path.
    return ("hostname" in remoteAddr ? remoteAddr : localAddr) as HttpAddr;
  }

  override get tls(): TlsInfo | undefined {
    return this.#context.connection.tls;
  }

  get completed(): Promise<void> {
    if (this.#completed === undefined) {
      this.#completed = Promise.withResolvers();
      if (this.#isComplete) this.#completed.resolve();
      else if (this.#isReleased) void this.#context.connection.closed.then(() => this.complete());
    }
    return this.#completed.promise;
  }

  /** Whether the client has ended its output. It may still read. */
  get halfClosed(): boolean {
    return this.#end === "half-closed";
  }

  /** Whether the connection is broken, so that nothing can be sent. */
  get broken(): boolean {
    return this.#end === "broken";
  }

  /** The clock that limits the waiting for clients. */
  get clock(): Clock {
    return this.#context.clock;
  }

  override whenComplete(callback: () => void): void {
    this.#onComplete = callback;
  }

  /** Returns the names of the trailers for the head of the response. No more can be added then. */
  announceTrailers(): string | undefined {
    this.#announced = true;
    return this.trailerNames;
  }

  /** The names of the trailers of the response, if it has some. */
  get trailerNames(): string | undefined {
    return this.#trailers.length === 0
      ? undefined
      : this.#trailers.flatMap(({ names }) => names).join(", ");
  }

  override get trailers(): Promise<Headers> {
    return this.body?.trailers ?? super.trailers;
  }

  override watch(): void {
    const { connection: conn, incoming } = this.#context;
    // From now on a read is pending. See `HttpConnection.#ask`.
    if (this.head?.minor === 0) conn.resetOnAbort();
    incoming.watch();
  }

  override async sendEarlyHints(headers: HeadersInit): Promise<boolean> {
    const lines = hintLines(headers);
    // RFC 9110 §15.2: a client of HTTP/1.0 would take it for the final response.
    if (this.head?.minor === 0 || this.#answered || this.gone !== undefined) return false;
    const { connection: conn } = this.#context;
    return await conn.write(toLatin1(`HTTP/1.1 103 Early Hints\r\n${lines}\r\n`))
      .then(() => true, () => false);
  }

  override sendTrailers(
    names: readonly string[],
    make: MakeTrailers,
    options?: TrailerOptions,
  ): boolean {
    const trailers = { names: checkTrailers(names, make, options), make };
    const { head } = this;
    if (head?.minor !== 1 || this.#announced || this.gone !== undefined) return false;
    if (!options?.optional && !hasMember(head.fields.get("te"), "trailers")) return false;
    this.#trailers = [...this.#trailers, trailers];
    return true;
  }

  /** Makes the lines of the trailers, after the body has been sent. */
  async makeTrailers(): Promise<string> {
    let lines = "";
    for (const { names, make } of this.#trailers) lines += trailerLines(await make(), names);
    return lines;
  }

  clientEnded(error: unknown): void {
    if (this.#end === "broken" || (error === undefined && this.halfClosed)) return;
    this.#end = error === undefined ? "half-closed" : "broken";
    this.leave(clientGone(this.remoteAddr, error));
    this.onClientEnd?.();
  }

  clientAhead(): void {
    const { connection: conn, idleTimeout } = this.#context;
    // No read is pending that would notice the end of the connection.
    if (this.#onAbort === undefined) {
      this.#onAbort = () => this.clientEnded(conn.signal.reason);
      if (conn.signal.aborted) this.#onAbort();
      else conn.signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    if (idleTimeout !== Infinity) this.#wait(conn.stats().bytesWritten);
  }

  protected override sentBytes(): number {
    return this.#sent;
  }

  /** Records how many bytes were handed to the connection. */
  handed(body: number, rest: number): void {
    this.#body = body;
    this.#rest = rest;
  }

  /** Marks the request as answered, before the head of the response is sent. */
  answered(): void {
    if (this.counting) this.#before = this.#context.connection.stats().bytesWritten;
    this.#answered = true;
    this.body?.answered();
  }

  /**
   * Releases the request, whose connection now speaks another protocol.
   *
   * @returns The function to call when the connection has closed. It does not refer to this object
   * unless someone waits for the end of the request.
   */
  release(): (() => void) | undefined {
    this.head = undefined;
    this.body = undefined;
    this.offer = undefined;
    this[HANDLER_REQUEST] = undefined;
    if (this.counting || this.#completed !== undefined) return () => this.complete();
    this.#isReleased = true;
    const callback = this.#onComplete;
    this.#onComplete = undefined;
    return callback;
  }

  /** Ends the request, and calls those that wait for its end. */
  complete(): void {
    this.end();
    const { connection: conn, clock } = this.#context;
    if (this.counting) {
      // The missing bytes mostly belong to the body, because its end was handed over last.
      const missing = this.#body + this.#rest - (conn.stats().bytesWritten - this.#before);
      this.#sent = Math.max(0, this.#body - Math.max(0, missing));
    }
    if (this.#patience !== undefined) clock.unwatch(this.#patience);
    if (this.#onAbort !== undefined) conn.signal.removeEventListener("abort", this.#onAbort);
    this.body?.end();
    this.#isComplete = true;
    this.#completed?.resolve();
    this.#onComplete?.();
  }

  /**
   * Limits the time without progress, now that reading ahead has paused. After `idleTimeout`, further
   * input is discarded. Otherwise a client that has left would keep its connection for ever.
   */
  #wait(written: number): void {
    const { connection: conn, clock, idleTimeout, incoming } = this.#context;
    if (this.#patience !== undefined) clock.unwatch(this.#patience);
    this.#patience = {
      due: performance.now() + idleTimeout,
      expire: () => {
        if (!incoming.paused) return;
        const now = conn.stats().bytesWritten;
        // The handler may still read the body. It has a time limit of its own.
        const mayRead = !this.#answered && this.body?.done === false;
        if (now !== written || mayRead) this.#wait(now);
        else incoming.discard();
      },
    };
    clock.watch(this.#patience);
  }
}
