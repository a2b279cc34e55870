/**
 * An HTTP/1.1 message is malformed, too large or truncated. The bytes behind it cannot be trusted:
 * the connection has to end.
 *
 * @example Two lengths
 * ```ts
 * import { Http1Decoder, Http1Error } from "@portside/kit/http/http1-codec";
 * import { assertThrows } from "@std/assert";
 *
 * const decoder = new Http1Decoder("request");
 * decoder.push(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
 * assertThrows(() => decoder.next(), Http1Error, "more than one Host");
 * ```
 */
export class Http1Error extends Error {
  /** The name of the class. */
  override readonly name: string = "Http1Error";
  /** The status to refuse such a request with: 400, 414, 431, 501 or 505. */
  readonly status: number;
  /** Whether the message was cut short, and is not malformed. */
  readonly truncated: boolean;

  /**
   * Makes an error.
   *
   * @param message A sentence. It contains nothing that was received.
   * @param status The status to refuse a request with.
   * @param truncated Whether the message was cut short.
   */
  constructor(message: string, status = 400, truncated = false) {
    super(message);
    this.status = status;
    this.truncated = truncated;
  }
}
