/**
 * The times of a request.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The times of the last try of a request, in milliseconds. */
export interface HttpTimings {
  /** The wait for a place in the pool. */
  readonly queue: number;
  /**
   * The time for resolving the name; undefined if the connection was reused, or if the system resolved
   * the name while connecting.
   */
  readonly resolve: number | undefined;
  /** The time for connecting, to a proxy and through it; undefined if the connection was reused. */
  readonly connect: number | undefined;
  /** The time for the TLS handshake; undefined if there was none for this request. */
  readonly tls: number | undefined;
  /** The time from the start until the whole request was handed to the system; undefined before. */
  readonly sent: number | undefined;
  /** The time from the start until the first byte of the final response. */
  readonly firstByte: number | undefined;
  /** The time from the start until the end of the body; undefined before. */
  readonly total: number | undefined;
}

/** The clock of one try. */
export class Timings implements HttpTimings {
  queue = 0;
  resolve: number | undefined;
  connect: number | undefined;
  tls: number | undefined;
  sent: number | undefined;
  firstByte: number | undefined;
  total: number | undefined;
  readonly #begun = performance.now();

  /** Returns the time since the start. */
  get elapsed(): number {
    return performance.now() - this.#begun;
  }
}
