/**
 * An HTTP client on its own connections: base URL, parameters, bodies, retries, redirects, cookies, a
 * pool with a limit for each host, and time limits for each phase. Errors state what happened and
 * whether anything was sent.
 *
 * All requests use kept connections. The client never sends a request twice without the caller's
 * knowledge. If a kept connection ends before the first byte of a response, a request that may be
 * repeated (RFC 9110 §9.2.2, or with an `Idempotency-Key`) is sent once more on a new connection, unless
 * `retry` is false. The history of the response records it. Any other request fails, and `sent` is
 * "maybe". `sent` is "no" only if not one byte was written.
 *
 * A response occupies its place in the pool until its body has been read or cancelled and the upload
 * has ended. A status of 300 or above ends the upload at once. The client reads a body of known length
 * up to 16 KiB immediately.
 *
 * The client offers `gzip, deflate, br, zstd` and decompresses responses itself. A decompressed response
 * has neither `Content-Encoding` nor `Content-Length`. Malformed responses are repaired as browsers do
 * it; the table of `http/http1-codec` lists the repairs. Ambiguous framing is an error.
 *
 * HTTP/1.1 is the default, as in undici, requests and httpx. One HTTP/2 connection carries all requests
 * to an origin, so a lost packet or a slow stream delays all of them, and many servers limit its
 * streams. HTTP/2 pays over long distances with many small concurrent requests. The option `http2` selects
 * it.
 *
 * **Permissions**: `--allow-net` for all requested hosts, and for those that they redirect to;
 * `--allow-env` for the proxy of the environment, if there is one; `--allow-read` for files of `multipart`
 * that are named by their path; `--allow-read`, `--allow-write` and `--allow-net=unix:PATH` for
 * `unixSocket`.
 *
 * @module
 */

import type {
  HttpAuth,
  HttpClientOptions,
  HttpCommonOptions,
  HttpFetchOptions,
  HttpHooks,
  HttpRequestOptions,
} from "./options.ts";
import { Defaults, expectFrom, fillTimes, mergeRetry, never, raiser } from "./_defaults.ts";
import { rememberRetry } from "./_client_retry.ts";
import type { ClientExchange } from "./_exchange.ts";
import { addHeaders, withoutSecrets } from "./_headers.ts";
import { SpelledHeaders } from "./_spelled_headers.ts";
import { checkMethod, type Plan } from "./_request_plan.ts";
import { policyOf } from "./_retry_defaults.ts";
import { plainBody, type RequestBody, requestBody, requestedBody } from "./_request_body.ts";
import { type HttpResponsePromise, ResponsePromise } from "./_response_promise.ts";
import { CLIENT, EXTEND, REQUEST } from "./_option_rules.ts";
import { ClientSession } from "./_session.ts";
import { addParams, checkBase, decodePart, resolveUrl } from "./_url.ts";

export type { HttpResponsePromise };
export type * from "./options.ts";

/** Counters of a client and of all clients that `extend` made from it. */
export interface HttpClientStats {
  /** Number of requests in progress. */
  readonly active: number;
  /** Number of requests that wait for a place in the pool. */
  readonly waiting: number;
  /** Number of requests sent, including retries and redirects. */
  readonly requests: number;
  /** Number of retries. */
  readonly retries: number;
  /** Number of redirects that were followed. */
  readonly redirects: number;
  /** Number of calls that ended without a response. */
  readonly failures: number;
}

/**
 * An HTTP client. All methods except `fetch` throw an {@linkcode HttpStatusError} for a status of 400
 * or above, unless `raiseForStatus` changes that.
 */
export interface HttpClient extends AsyncDisposable {
  /** Sends a GET request. */
  get(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise;
  /** Sends a HEAD request. */
  head(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise;
  /** Sends an OPTIONS request. */
  options(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends a POST request. */
  post(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends a PUT request. */
  put(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends a PATCH request. */
  patch(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends a DELETE request. */
  delete(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends a request with any method. */
  request(
    method: string,
    url: string | URL,
    options?: HttpRequestOptions,
  ): HttpResponsePromise;
  /**
   * Works like the standard `fetch`, with the connections and limits of this client. No status is an
   * error. The function is bound and can be passed on.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  /**
   * Returns a client with other defaults that shares connections, pool and cookies.
   *
   * @param options The defaults that differ. Headers and parameters are added to those of this client.
   */
  extend(options: HttpCommonOptions & Pick<HttpClientOptions, "baseUrl" | "hooks">): HttpClient;
  /** Returns the current counters. */
  stats(): HttpClientStats;
  /** Ends all requests and closes all connections. Closing twice has no effect. */
  close(): void;
}

/**
 * Makes an HTTP client.
 *
 * @param options The defaults for all requests, and the limits of the client.
 * @returns The client. Close or dispose of it to release its connections.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example A client like Python's `requests` with retries
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * let calls = 0;
 * await using server = Deno.serve({ port: 0, onListen() {} }, () =>
 *   new Response("ready", { status: ++calls < 2 ? 503 : 200 }));
 * await using client = createClient({ retry: { total: 3, backoffFactor: 0.5 }, maxPerHost: 10 });
 * const response = await client.get(`http://127.0.0.1:${server.addr.port}/`);
 * assertEquals([await response.text(), response.history[0]?.status], ["ready", 503]);
 * ```
 */
export function createClient(options: HttpClientOptions = {}): HttpClient {
  options = CLIENT.check("createClient", options);
  const { baseUrl, hooks } = options;
  const base = baseUrl === undefined ? undefined : checkBase(baseUrl);
  const defaults = new Defaults(options, undefined);
  return new Client(new ClientSession(options), defaults, base, hooks);
}

class Client implements HttpClient {
  readonly fetch: HttpClient["fetch"] = (input, init) => this.#fetch(input, init);
  readonly #session: ClientSession;
  readonly #defaults: Defaults;
  readonly #base: URL | undefined;
  readonly #hooks: HttpHooks | undefined;

  constructor(
    session: ClientSession,
    defaults: Defaults,
    base: URL | undefined,
    hooks: HttpHooks | undefined,
  ) {
    this.#session = session;
    this.#defaults = defaults;
    this.#base = base;
    this.#hooks = hooks;
    rememberRetry(this, defaults.again);
  }

  get(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise {
    return this.request("GET", url, options);
  }

  head(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise {
    return this.request("HEAD", url, options);
  }

  options(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.request("OPTIONS", url, options);
  }

  post(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.request("POST", url, options);
  }

  put(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.request("PUT", url, options);
  }

  patch(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.request("PATCH", url, options);
  }

  delete(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.request("DELETE", url, options);
  }

  request(
    method: string,
    url: string | URL,
    options: HttpRequestOptions = NO_OPTIONS,
  ): HttpResponsePromise {
    // Not `async`, like everything it calls before the request is sent, because each costs time.
    let exchange: Promise<ClientExchange>;
    try {
      if (options !== NO_OPTIONS) options = REQUEST.check("a request", options);
      const plan = this.#plan(checkMethod(method), url, options);
      exchange = this.#session.run(plan, this.#defaults, this.#hooks);
    } catch (error) {
      exchange = Promise.reject(error);
    }
    return new ResponsePromise(exchange);
  }

  extend(options: Parameters<HttpClient["extend"]>[0]): HttpClient {
    options = EXTEND.check("extend", options);
    const { baseUrl, hooks } = options;
    const base = baseUrl === undefined ? this.#base : checkBase(baseUrl, this.#base);
    const defaults = new Defaults(options, this.#defaults);
    return new Client(this.#session, defaults, base, hooks ?? this.#hooks);
  }

  stats(): HttpClientStats {
    return { ...this.#session.pool.count(), ...this.#session.counters };
  }

  close(): void {
    this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }

  #plan(method: string, given: string | URL, options: HttpRequestOptions): Plan {
    const plan = this.#start(method, given, options);
    if (options === NO_OPTIONS) return plan;
    const body = requestBody(options);
    if (options.params !== undefined) {
      plan.url = new URL(plan.url);
      plan.template = undefined;
      addParams(plan.url, options.params);
    }
    this.#fill(plan, options.headers, body);
    return plan;
  }

  /** Sets the body and the headers of a plan. */
  #fill(plan: Plan, headers: HttpCommonOptions["headers"], body: RequestBody | undefined): void {
    plan.body = body;
    if (headers === undefined) return;
    plan.headers = new SpelledHeaders(plan.headers ?? this.#defaults.headers);
    addHeaders(plan.headers, headers);
  }

  /** Returns a plan without a body and without headers of the request. */
  #start(
    method: string,
    given: string | URL,
    options: HttpFetchOptions,
  ): Plan {
    const defaults = this.#defaults;
    const { auth, timeouts, retry, maxRedirects, raiseForStatus, maxBody } = options;
    const template = typeof given === "string" ? defaults.templates.find(given) : undefined;
    const url = template?.url ?? resolveUrl(given, this.#base);
    let own: HttpAuth | undefined = defaults.auth;
    let headers: Headers | undefined;
    const elsewhere = this.#base !== undefined && url.origin !== this.#base.origin;
    if (template === undefined && elsewhere) {
      // Credentials and parameters of a client belong to its base URL. Other origins must not get them.
      own = undefined;
      headers = withoutSecrets(defaults.headers);
    }
    if (auth !== undefined) own = auth ?? undefined;
    if (template === undefined) {
      let special = headers !== undefined;
      if (url.username !== "" || url.password !== "") {
        own = { username: decodePart(url.username), password: decodePart(url.password) };
        url.username = url.password = "";
        special = true;
      }
      if (!elsewhere) { for (const params of defaults.params) addParams(url, params); }
      if (!special && typeof given === "string") defaults.templates.remember(given, url);
    }
    return {
      method,
      url,
      template,
      headers,
      body: undefined,
      auth: own,
      answer: undefined,
      nonces: 0,
      redirected: false,
      history: [],
      timeouts: timeouts === undefined
        ? defaults.timeouts
        : fillTimes({ ...defaults.times, ...timeouts }),
      retry: retry === undefined ? defaults.retry : policyOf(mergeRetry(defaults.again, retry)),
      maxRedirects: maxRedirects ?? defaults.maxRedirects,
      redirect: "follow",
      raise: raiser(raiseForStatus) ?? defaults.raise,
      maxBody: maxBody ?? defaults.maxBody,
      expectFrom: expectFrom(options.expectContinue) ?? defaults.expectFrom,
      signal: options.signal,
      onDownload: options.onDownload,
    };
  }

  async #fetch(input: Request | URL | string, init: RequestInit = {}): Promise<Response> {
    const url = input instanceof Request ? input.url : input;
    const from = input instanceof Request ? input : undefined;
    const method = checkMethod(init.method ?? from?.method ?? "GET");
    const signal = init.signal === null ? undefined : init.signal ?? from?.signal;
    const plan = this.#start(method, url, signal === undefined ? {} : { signal });
    let body: RequestBody | undefined;
    if (init.body !== undefined && init.body !== null) body = plainBody(init.body);
    else if (init.body === undefined && from?.body) body = await requestedBody(from.body);
    this.#fill(plan, init.headers ?? from?.headers, body);
    const redirect = init.redirect ?? from?.redirect ?? "follow";
    const exchange = await this.#session.run(
      { ...plan, redirect, raise: never },
      this.#defaults,
      this.#hooks,
    );
    return exchange.response();
  }
}

const NO_OPTIONS: HttpRequestOptions = Object.freeze({});
