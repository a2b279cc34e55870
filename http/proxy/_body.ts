import { Http1Error, type Http1Fields, type Http1Request } from "../http1/codec.ts";
import type { ProxyLimits } from "./_core.ts";
import { ProxyRefusal } from "./_pages.ts";
import { Late, type Peer, Stopped } from "./_peer.ts";

/**
 * Body of one request. Between two heads it alone advances the client's decoder, and it does so
 * once: whatever happens to an attempt, the bytes of the next request stay where they are.
 */
export class ForwardedBody {
  /** Whether the request has been read to its end, so that the next one can follow. */
  ended = false;
  /** Bytes read so far. */
  size = 0;
  /** Fields behind the last chunk. They are known at the end. */
  trailers: Http1Fields | undefined;
  /** Why the rest of the request cannot be had. */
  fault: ProxyRefusal | undefined;

  readonly #client: Peer;
  readonly #limits: ProxyLimits;
  readonly #gone: () => void;
  /** Ticks spent waiting for the client. */
  #waited = 0;

  /**
   * Takes the end of a request that has no body at once.
   *
   * @param client The connection that the head came on.
   * @param head The head.
   * @param limits The limits.
   * @param gone Called when the client goes away, from the end of the request on.
   */
  constructor(client: Peer, head: Http1Request, limits: ProxyLimits, gone: () => void) {
    this.#client = client;
    this.#limits = limits;
    this.#gone = gone;
    if (head.framing === 0) {
      client.decoder.next();
      this.ended = true;
    }
  }

  /**
   * Returns the next bytes, which are lent until the next call. Without any, either the request
   * has ended or `more` is to be awaited.
   */
  next(): Uint8Array | undefined {
    if (this.ended) return undefined;
    if (this.fault !== undefined) throw this.fault;
    let event;
    try {
      event = this.#client.decoder.next();
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      throw this.fault = new ProxyRefusal(error.status, error.message);
    }
    if (event === undefined) return undefined;
    if (event.kind === "data") {
      const { bytes } = event;
      this.size += bytes.length;
      // A read that is under way may move what the decoder has lent.
      return this.#client.reading ? bytes.slice() : bytes;
    }
    if (event.kind === "end") {
      this.trailers = event.trailers;
      this.ended = true;
      this.#client.watch(this.#gone);
    }
    return undefined;
  }

  /**
   * Reads more bytes from the client.
   *
   * @param answered Whether the response has begun. What goes on then may be a conversation.
   */
  async more(answered: boolean): Promise<void> {
    const { clock } = this.#client;
    const since = clock.now;
    try {
      const more = await this.#client.more(this.#due(answered));
      this.#waited += clock.now - since;
      if (more) return;
    } catch (error) {
      if (error instanceof Stopped) throw error;
      if (error instanceof Late) {
        throw this.fault = new ProxyRefusal(408, "The body of the request did not come in time");
      }
    }
    this.fault = new ProxyRefusal(400, "The body of the request is truncated");
    this.#gone();
    throw this.fault;
  }

  /** Allows the client a pause from now on: the response has made progress. */
  extend(): void {
    if (!this.ended) this.#client.limit(this.#client.clock.after(this.#limits.bodyTimeout));
  }

  /** Ends a wait for the rest, which nobody wants. The connection cannot carry another request. */
  stop(): void {
    if (!this.ended) this.#client.stopReading();
  }

  /** The tick at which the client has had its time. */
  #due(answered: boolean): number {
    const { clock } = this.#client;
    const { bodyTimeout, minBodyRate } = this.#limits;
    const pause = clock.after(bodyTimeout);
    if (answered) return pause;
    const inAll = bodyTimeout + this.size / minBodyRate * 1000;
    return Math.min(pause, clock.after(inAll) - this.#waited);
  }
}
