/**
 * Errors of the opening handshake.
 *
 * ```text
 * NetError                net/errors/errors.ts: `kind` names the failure
 * ├─ TunnelError          a proxy has refused: `status` and `body` are its answer
 * └─ WsHandshakeError     the server has answered, but not with a WebSocket
 * ```
 *
 * URLs in errors contain neither credentials nor the query, which often contains tokens.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError } from "../../net/errors/errors.ts";

export { TunnelError } from "../../http/internal/tunnel.ts";

/** The answer in a {@linkcode WsHandshakeError}. */
export interface WsHandshakeAnswer {
  /** The status of the response. */
  readonly status: number;
  /** The header fields of the response. */
  readonly headers: Headers;
  /** The beginning of the body as text, at most 1 KiB. It is not escaped. */
  readonly body: string;
  /** The wait that `Retry-After` asks for, in milliseconds; undefined without it. */
  readonly retryAfter: number | undefined;
}

/** Statuses after which the same request may succeed. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * A server that has answered the opening handshake with another status than 101. `kind` is
 * "protocol", and `code` is the status.
 *
 * @example A server that is too busy
 * ```ts
 * import { connectWebSocket, WsHandshakeError } from "@portside/kit/ws/client";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
 *   return new Response("come back later", { status: 503, headers: { "retry-after": "2" } });
 * });
 * const url = `ws://127.0.0.1:${server.addr.port}/`;
 * const error = await assertRejects(() => connectWebSocket(url), WsHandshakeError);
 * assertEquals([error.status, error.body, error.retryAfter], [503, "come back later", 2000]);
 * assertEquals(error.retryable, true);
 * await server.shutdown();
 * ```
 */
export class WsHandshakeError extends NetError implements WsHandshakeAnswer {
  /** The name of the class. */
  override readonly name: string = "WsHandshakeError";
  /** The status of the response. */
  readonly status: number;
  /** The wait that `Retry-After` asks for, in milliseconds; undefined without it. */
  readonly retryAfter: number | undefined;
  /** Private, because a log of the error must not show a query in `Location`, or cookies. */
  readonly #answer: WsHandshakeAnswer;

  /**
   * Makes an error.
   *
   * @param message A sentence for people.
   * @param address The host and port of the server.
   * @param answer The response of the server.
   */
  constructor(message: string, address: string, answer: WsHandshakeAnswer) {
    super(message, {
      kind: "protocol",
      phase: "handshake",
      address,
      code: `${answer.status}`,
      retryable: TEMPORARY.has(answer.status),
    });
    this.status = answer.status;
    this.retryAfter = answer.retryAfter;
    this.#answer = answer;
  }

  /** The header fields of the response. */
  get headers(): Headers {
    return this.#answer.headers;
  }

  /** The beginning of the body as text, at most 1 KiB. It is not escaped. */
  get body(): string {
    return this.#answer.body;
  }
}
