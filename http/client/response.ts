/**
 * The response of the client: a standard `Response` with its history, whose `json()` reports the place of
 * a syntax error.
 *
 * @example Read the history of a request
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   (request) => request.url.endsWith("/old") ? Response.redirect(new URL("/new", request.url)) : new Response("here"),
 * );
 * await using client = createClient();
 * const response = await client.get(`http://127.0.0.1:${server.addr.port}/old`);
 * assertEquals([await response.text(), response.redirected], ["here", true]);
 * assertEquals(response.history[0]?.status, 302);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import type { Address } from "../../net/address.ts";
import type { TlsInfo } from "../../net/connection/transport.ts";
import type { HttpTry } from "./errors.ts";
import { showAs } from "../internal/inspection.ts";
import { decodeJson, decodeJsonText, decodeText } from "./_decode_json.ts";

export type { Address, TlsInfo };

/** The connection that a response came from. */
export interface HttpConnectionInfo {
  /** The address of the server or of the proxy; undefined over HTTP/2. */
  readonly remoteAddr: Address | undefined;
  /** The result of the TLS handshake; undefined without TLS and over HTTP/2. */
  readonly tls: TlsInfo | undefined;
  /** Whether an earlier request had opened the connection. Always false over HTTP/2. */
  readonly reused: boolean;
  /**
   * Whether the response comes from the cache. Then it has no connection.
   *
   * @default false
   */
  readonly cached?: boolean;
  /** The times of the last try. */
  readonly timings: HttpTimings;
  /** Returns the trailer fields; undefined before the end of the body, and without any. */
  readonly trailers: () => Headers | undefined;
}

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

/** Everything of a response except its body. */
export interface HttpResponseInit {
  /** The status code. */
  status: number;
  /** The reason phrase. */
  statusText: string;
  /** The headers of the response. */
  headers: Headers;
  /** The URL that sent the response. */
  url: string;
  /** The URL without credentials and query. */
  shownUrl: string;
  /** Whether a redirect led to this URL. */
  redirected: boolean;
  /** The earlier tries and redirects. */
  history: readonly HttpTry[];
  /**
   * The connection.
   *
   * @default none
   */
  connection?: HttpConnectionInfo;
}

/**
 * A response of the client.
 *
 * @example Make a response
 * ```ts
 * import { HttpResponse } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new HttpResponse("[1]", {
 *   status: 200,
 *   statusText: "OK",
 *   headers: new Headers(),
 *   url: "http://a/?key=7",
 *   shownUrl: "http://a/?…",
 *   redirected: false,
 *   history: [],
 * });
 * assertEquals(await response.json<number[]>(), [1]);
 * ```
 */
export class HttpResponse extends Response {
  /** The tries and redirects before this response, in their order. */
  readonly history: readonly HttpTry[];
  readonly #init: HttpResponseInit;

  static {
    showAs<HttpResponse>(this, ({ status, statusText, shownUrl, redirected, reused, headers }) => {
      const type = headers.get("content-type");
      return {
        status,
        statusText: escapeControls(statusText),
        url: shownUrl,
        redirected,
        reused,
        type,
      };
    });
  }

  /**
   * Makes a response.
   *
   * @param body The body; null for none.
   * @param init The status, the headers and the history.
   */
  constructor(body: BodyInit | null, init: HttpResponseInit) {
    const { status, headers } = init;
    // The standard class rejects other statuses, which some servers send.
    const valid = status >= 200 && status <= 599 ? status : 200;
    super(body, { status: valid, headers });
    this.#init = init;
    this.history = init.history;
  }

  /** Returns the status code. */
  override get status(): number {
    return this.#init.status;
  }

  /** Returns the reason phrase, as the server sent it. */
  override get statusText(): string {
    return this.#init.statusText;
  }

  /** Returns whether the status is 200 to 299. */
  override get ok(): boolean {
    return this.#init.status >= 200 && this.#init.status <= 299;
  }

  /** Returns the URL that sent the response, after all redirects. */
  override get url(): string {
    return this.#init.url;
  }

  /** Returns the URL for logs, without credentials and query. */
  get shownUrl(): string {
    return this.#init.shownUrl;
  }

  /** Returns whether a redirect led to this response. */
  override get redirected(): boolean {
    return this.#init.redirected;
  }

  /** Returns the address of the server or of the proxy; undefined over HTTP/2. */
  get remoteAddr(): Address | undefined {
    return this.#init.connection?.remoteAddr;
  }

  /** Returns the result of the TLS handshake; undefined without TLS and over HTTP/2. */
  get tls(): TlsInfo | undefined {
    return this.#init.connection?.tls;
  }

  /** Returns whether an earlier request had opened the connection. Always false over HTTP/2. */
  get reused(): boolean {
    return this.#init.connection?.reused ?? false;
  }

  /** Returns whether the response comes from the cache, perhaps after the server has confirmed it. */
  get cached(): boolean {
    return this.#init.connection?.cached ?? false;
  }

  /** Returns the times of the last try; undefined for a response that was made without a client. */
  get timings(): HttpTimings | undefined {
    return this.#init.connection?.timings;
  }

  /** Returns the trailer fields (RFC 9110 §6.5); undefined before the end of the body, and without any. */
  get trailers(): Headers | undefined {
    return this.#init.connection?.trailers();
  }

  /** Returns a second response with the same body, URL and history. */
  override clone(): HttpResponse {
    return new HttpResponse(super.clone().body, this.#init);
  }

  /**
   * Reads the body as text in the charset of its byte order mark or of its `Content-Type`. The standard
   * class supports only UTF-8.
   *
   * @returns The decoded text of the body.
   */
  override async text(): Promise<string> {
    return decodeText(await this.bytes(), this.headers.get("content-type"));
  }

  /**
   * Reads the body as JSON.
   *
   * @typeParam T The expected type. Nothing checks it.
   * @returns The value that the JSON describes.
   * @throws {HttpDecodeError} If the body is no JSON. The error names the place.
   */
  override async json<T = unknown>(): Promise<T> {
    return decodeJson<T>(decodeJsonText(await this.bytes()), this.#init);
  }
}
