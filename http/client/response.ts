/**
 * The answer that a client gives: a standard `Response` that knows its history
 * and shows the place where JSON is broken.
 *
 * @example How a request went
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

import type { HttpTry } from "./errors.ts";
import { decodeJson, decodeText } from "./_decode_json.ts";

/** What a response is made of besides its body. */
export interface HttpResponseInit {
  /** The status code. */
  status: number;
  /** The phrase beside it. */
  statusText: string;
  /** The headers. */
  headers: Headers;
  /** The URL that answered. */
  url: string;
  /** The same without credentials and query. */
  shownUrl: string;
  /** Whether a redirect led there. */
  redirected: boolean;
  /** The tries and redirects before. */
  history: readonly HttpTry[];
}

/**
 * An answer.
 *
 * @example Where it came from
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
  /** The tries and redirects before this answer, the first one first. */
  readonly history: readonly HttpTry[];
  readonly #init: HttpResponseInit;

  /**
   * Makes a response.
   *
   * @param body The body.
   * @param init Everything else.
   */
  constructor(body: BodyInit | null, init: HttpResponseInit) {
    const { status, headers } = init;
    // Whatever a server makes up, the standard class takes these alone.
    const valid = status >= 200 && status <= 599 ? status : 200;
    super(body, { status: valid, headers });
    this.#init = init;
    this.history = init.history;
  }

  /** The status code. */
  override get status(): number {
    return this.#init.status;
  }

  /** The phrase beside it, as the server sent it. */
  override get statusText(): string {
    return this.#init.statusText;
  }

  /** Whether the status is 200 to 299. */
  override get ok(): boolean {
    return this.#init.status >= 200 && this.#init.status <= 299;
  }

  /** The URL that answered, after all redirects. */
  override get url(): string {
    return this.#init.url;
  }

  /** The URL that answered as logs may show it: without credentials and query. */
  get shownUrl(): string {
    return this.#init.shownUrl;
  }

  /** Whether a redirect led here. */
  override get redirected(): boolean {
    return this.#init.redirected;
  }

  /** A second response with the same body; the standard one would forget where it came from. */
  override clone(): HttpResponse {
    return new HttpResponse(super.clone().body, this.#init);
  }

  /**
   * Reads the body as text, by the charset of its `Content-Type`; the standard class knows UTF-8
   * alone.
   *
   * @returns The text.
   */
  override async text(): Promise<string> {
    return decodeText(await this.bytes(), this.headers.get("content-type"));
  }

  /**
   * Reads the body as JSON.
   *
   * @typeParam T What the caller takes it for; nothing checks it.
   * @returns The value.
   * @throws {HttpDecodeError} If it is no JSON, with the place.
   */
  override async json<T = unknown>(): Promise<T> {
    return decodeJson<T>(await super.text(), this.#init);
  }
}
