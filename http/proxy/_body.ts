import { Http1Error, type Http1Fields, type Http1Request } from "../http1/codec.ts";
import type { ProxyLimits } from "./_proxy_state.ts";
import { ProxyRefusal } from "./_error_pages.ts";
import { Late, type Peer, Stopped } from "./_peer.ts";

/**
 * The body of one request. Between two heads, only this class advances the client's decoder, and it does
 * so once. A failed attempt never consumes bytes of the next request.
 */
export class ForwardedBody {
  /** Whether the request has been read to its end. */
  ended = false;
  /** The number of bytes read so far. */
  size = 0;
  /** The trailer fields, which are known at the end. */
  trailers: Http1Fields | undefined;
  /** The reason that the rest of the request cannot be read. */
  fault: ProxyRefusal | undefined;

  readonly #client: Peer;
  readonly #limits: ProxyLimits;
  readonly #gone: () => void;
  /** The number of ticks spent waiting for the client. */
  #waited = 0;

  /**
   * Starts to read a body. A request without a body ends at once.
   *
   * @param client The connection of the client.
   * @param head The head of the request.
   * @param limits The limits of the proxy.
   * @param gone Runs when the client leaves after the end of the request.
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
   * Returns the next bytes, which are valid until the next call. Without a result, either the request
   * has ended, or the caller must wait for `more`.
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
      // A pending read may overwrite the bytes of the decoder.
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
   * @param answered Whether the response has begun. Then only the pause is limited, not the total wait.
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

  /** Restarts the limit of the pause, because the response has made progress. */
  extend(): void {
    if (!this.ended) this.#client.limit(this.#client.clock.after(this.#limits.bodyTimeout));
  }

  /** Stops waiting for the rest of the body. The connection cannot be used for another request. */
  stop(): void {
    if (!this.ended) this.#client.stopReading();
  }

  /** Returns the tick at which the limit of the client expires. */
  #due(answered: boolean): number {
    const { clock } = this.#client;
    const { bodyTimeout, minBodyRate } = this.#limits;
    const pause = clock.after(bodyTimeout);
    if (answered) return pause;
    const inAll = bodyTimeout + this.size / minBodyRate * 1000;
    return Math.min(pause, clock.after(inAll) - this.#waited);
  }
}
