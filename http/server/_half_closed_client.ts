import { lastChunk } from "../internal/chunk_framing.ts";
import type { Due } from "../internal/clock.ts";
import type { HardenedInfo } from "./_hardened_info.ts";
import type { Body } from "./_response_body.ts";

/**
 * Maximum silence of the body of a response after its client has ended its output, in milliseconds. A
 * half-closed connection (`nc -N`) and a closed one look the same until a write. So a body continues
 * as long as it produces bytes, and a silent one ends.
 */
export const SILENCE = 500;

/** Reads the body of a response while its client waits for it. */
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
   * Reads the next chunk. While it waits for the source, it watches for the end of the client.
   *
   * @throws {NetError} If the client has gone.
   */
  async next(): ReturnType<Body["next"]> {
    // The first chunk may be there already.
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
   * Marks the response as complete, because the announced length has been sent. Its source may not
   * have ended yet.
   */
  sent(): void {
    this.#sent = true;
    this.#info.end();
  }

  /**
   * Makes the last chunk and the trailers.
   *
   * @throws {NetError} If the client has gone.
   * @throws {TypeError} If a trailer was not announced.
   */
  async lastChunk(): Promise<string> {
    if (this.#info.trailerNames === undefined) return lastChunk();
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
    return lastChunk(lines);
  }

  #waited(): void {
    this.#waiting = false;
    if (this.#limit !== undefined) this.#info.clock.unwatch(this.#limit);
    // A cancelled body looks like a complete one.
    if (this.#cancelled && !this.#sent) throw this.#info.gone;
  }

  #cancel(): void {
    this.#cancelled = true;
    this.#body.cancel(this.#info.gone);
    this.#onCancel?.();
  }

  /** Stops watching, after the body has been read or given up. */
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
