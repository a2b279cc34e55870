/**
 * The error for an HTTP/1.1 message that is malformed, too large or truncated. The connection has to
 * end, because the bytes after the error cannot be trusted.
 *
 * @example A request with two Host fields
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
  /** The status of the response to such a request: 400, 414, 431, 501 or 505. */
  readonly status: number;
  /** Whether the message is truncated and not malformed. */
  readonly truncated: boolean;

  /**
   * Makes an error.
   *
   * @param message A sentence that contains no received text.
   * @param status The status of the response to such a request.
   * @param truncated Whether the message is truncated and not malformed.
   */
  constructor(message: string, status = 400, truncated = false) {
    super(message);
    this.status = status;
    this.truncated = truncated;
  }
}
