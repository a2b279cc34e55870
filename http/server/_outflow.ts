import type { Due } from "../internal/clock.ts";
import type { HardenedInfo } from "./_hardened_info.ts";
import type { Body } from "./_response_body.ts";

/**
 * How long the body of a response may be silent once its client has ended its output, in
 * milliseconds. A client that half-closes its connection (`nc -N`) and one that has closed it look
 * the same until something is sent. So a body that flows goes on, and one that is silent ends.
 */
export const SILENCE = 500;

/** Reads the body of a response as long as its client waits for it. */
export class Outflow {
  readonly #body: Body;
  readonly #info: HardenedInfo;
  #begun: boolean;
  #waiting = false;
  #cancelled = false;
  #sent = false;
  #onCancel: (() => void) | undefined;
  #limit: Due | undefined;

  constructor(body: Body, info: HardenedInfo) {
    this.#body = body;
    this.#info = info;
    this.#begun = !body.ready;
    info.onClientEnd = () => this.#clientEnded();
  }

  /**
   * Reads the next chunk. Whoever waits for a source looks for the end of the client meanwhile.
   *
   * @throws {NetError} If the client has gone.
   */
  async next(): ReturnType<Body["next"]> {
    // A first chunk that is there is not waited for.
    if (this.#begun) this.#info.watch();
    this.#begun = true;
    this.#waiting = true;
    this.#clientEnded();
    let read: Awaited<ReturnType<Body["next"]>>;
    try {
      read = await this.#body.next();
    } catch (error) {
      this.#info.bodyFailed = true;
      throw error;
    }
    this.#waited();
    return read;
  }

  /**
   * The client has the whole length that was announced. The response has been sent, though its
   * source may yet have to end.
   */
  sent(): void {
    this.#sent = true;
    this.#info.end();
  }

  /**
   * Makes the last chunk, with the trailers behind it.
   *
   * @throws {NetError} If the client has gone.
   * @throws {TypeError} If the trailers are not those that were announced.
   */
  async lastChunk(): Promise<string> {
    if (this.#info.trailerNames === undefined) return "0\r\n\r\n";
    const { promise, reject } = Promise.withResolvers<never>();
    this.#onCancel = () => reject(this.#info.gone);
    this.#info.watch();
    this.#waiting = true;
    this.#clientEnded();
    let lines: string;
    try {
      lines = await Promise.race([this.#info.makeTrailers(), promise]);
    } catch (error) {
      this.#info.bodyFailed = true;
      throw error;
    }
    this.#waited();
    return `0\r\n${lines}\r\n`;
  }

  #waited(): void {
    this.#waiting = false;
    if (this.#limit !== undefined) this.#info.clock.unwatch(this.#limit);
    // Cancelling ends the body as if it were whole.
    if (this.#cancelled && !this.#sent) throw this.#info.gone;
  }

  #cancel(): void {
    this.#cancelled = true;
    this.#body.cancel(this.#info.gone);
    this.#onCancel?.();
  }

  /** The body has been read, or given up. */
  end(): void {
    this.#info.onClientEnd = undefined;
    if (this.#limit !== undefined) this.#info.clock.unwatch(this.#limit);
  }

  #clientEnded(): void {
    if (this.#info.broken) this.#cancel();
    else if (this.#info.halfClosed && this.#waiting) this.#limitSilence();
  }

  #limitSilence(): void {
    this.#limit = { due: performance.now() + SILENCE, expire: () => this.#cancel() };
    this.#info.clock.watch(this.#limit);
  }
}
