/**
 * A session of requests on Deno's own `fetch`: base URL, parameters, bodies,
 * retries, redirects, cookies, a pool with a limit for each host, time limits for
 * each phase, and errors that say what happened and whether anything was sent.
 *
 * @example Ask for JSON
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
 *   const { searchParams } = new URL(request.url);
 *   return Response.json({ page: searchParams.get("page"), body: await request.text() });
 * });
 * await using client = createClient({ baseUrl: `http://127.0.0.1:${server.addr.port}/api/` });
 *
 * const list = await client.get("users", { params: { page: 2 } }).json<{ page: string }>();
 * assertEquals(list.page, "2");
 *
 * const made = await client.post("users", { json: { name: "ada" } });
 * assertEquals(await made.json(), { page: null, body: '{"name":"ada"}' });
 * ```
 *
 * No request is sent twice behind the caller's back. Deno's `fetch` sends one
 * again when a kept connection turns out to be dead, a POST too; here a method
 * that may not be repeated (RFC 9110 §9.2.2) goes over a connection of its own,
 * unless it has an `Idempotency-Key`; so does a stream, which can be sent once only.
 *
 * A response holds its place in the pool until its body has been read or
 * cancelled, and what still goes up has ended, which it does at once where the
 * status is 300 and above; a body of at most 16 KiB of known length is read at once.
 *
 * Compressed answers are decompressed here and not by Deno, which gives only the
 * first member of a gzip and takes half a Brotli stream for a whole one. Deno
 * gives raw bytes only where the first line of `Accept-Encoding` is `identity`;
 * the second one says what we take. A server that looks at the first line alone,
 * such as nginx, sends what is not compressed.
 *
 * **Permissions**: `--allow-net` for the hosts that are asked, and those that they redirect to.
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
import { Defaults, fillTimes, mergeRetry, never, raiser } from "./_defaults.ts";
import type { ClientExchange } from "./_exchange.ts";
import { addHeaders, withoutSecrets } from "./_headers.ts";
import { checkMethod, type Plan } from "./_plan.ts";
import { policyOf } from "./_policy.ts";
import { plainBody, type RequestBody, requestBody, requestedBody } from "./_request_body.ts";
import { type HttpResponsePromise, ResponsePromise } from "./_response_promise.ts";
import { CLIENT, EXTEND, REQUEST } from "./_rules.ts";
import { Session } from "./_session.ts";
import { addParams, checkBase, decodeLogin, resolveUrl } from "./_url.ts";

export type { HttpResponsePromise };
export type * from "./options.ts";

/** Counters of a client and of all that came of it by `extend`. */
export interface HttpClientStats {
  /** Requests under way. */
  readonly active: number;
  /** Requests that wait for a place. */
  readonly waiting: number;
  /** Requests sent, retries and redirects included. */
  readonly requests: number;
  /** Retries. */
  readonly retries: number;
  /** Redirects that were followed. */
  readonly redirects: number;
  /** Calls that ended without an answer. */
  readonly failures: number;
}

/**
 * A session. All methods throw an {@linkcode HttpStatusError} for an answer of
 * 400 and above unless `raiseForStatus` says otherwise.
 */
export interface HttpClient extends AsyncDisposable {
  /** Sends GET. */
  get(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise;
  /** Sends HEAD. */
  head(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise;
  /** Sends OPTIONS. */
  options(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends POST. */
  post(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends PUT. */
  put(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends PATCH. */
  patch(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends DELETE. */
  delete(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise;
  /** Sends any method. */
  request(
    method: string,
    url: string | URL,
    options?: HttpRequestOptions,
  ): HttpResponsePromise;
  /**
   * Takes and gives what the standard `fetch` does, over this session; no status
   * is an error. Bound, so that it can be handed on.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  /**
   * A client with other defaults over the same connections, places and cookies.
   *
   * @param options What is different; headers and parameters are added.
   */
  extend(options: HttpCommonOptions & Pick<HttpClientOptions, "baseUrl" | "hooks">): HttpClient;
  /** Counters of this moment. */
  stats(): HttpClientStats;
  /** Ends what is under way and closes all connections. Closing twice is harmless. */
  close(): void;
}

/**
 * Makes a client.
 *
 * @param options Its defaults and limits.
 * @returns The client; dispose of it when done.
 * @throws {RangeError | TypeError} If an option is out of range.
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
  CLIENT.check("createClient", options);
  const { baseUrl, hooks } = options;
  const base = baseUrl === undefined ? undefined : checkBase(baseUrl);
  const defaults = new Defaults(options, undefined);
  return new Client(new Session(options), defaults, base, hooks);
}

class Client implements HttpClient {
  readonly fetch: HttpClient["fetch"] = (input, init) => this.#fetch(input, init);
  readonly #session: Session;
  readonly #defaults: Defaults;
  readonly #base: URL | undefined;
  readonly #hooks: HttpHooks | undefined;

  constructor(
    session: Session,
    defaults: Defaults,
    base: URL | undefined,
    hooks: HttpHooks | undefined,
  ) {
    this.#session = session;
    this.#defaults = defaults;
    this.#base = base;
    this.#hooks = hooks;
  }

  get(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise {
    return this.#send("GET", url, options);
  }

  head(url: string | URL, options?: HttpFetchOptions): HttpResponsePromise {
    return this.#send("HEAD", url, options);
  }

  options(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.#send("OPTIONS", url, options);
  }

  post(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.#send("POST", url, options);
  }

  put(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.#send("PUT", url, options);
  }

  patch(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.#send("PATCH", url, options);
  }

  delete(url: string | URL, options?: HttpRequestOptions): HttpResponsePromise {
    return this.#send("DELETE", url, options);
  }

  request(
    method: string,
    url: string | URL,
    options: HttpRequestOptions = NO_OPTIONS,
  ): HttpResponsePromise {
    return this.#send(method, url, options);
  }

  #send(
    method: string,
    url: string | URL,
    options: HttpRequestOptions = NO_OPTIONS,
  ): HttpResponsePromise {
    return new ResponsePromise(this.#exchange(method, url, options));
  }

  extend(options: Parameters<HttpClient["extend"]>[0]): HttpClient {
    EXTEND.check("extend", options);
    const { baseUrl, hooks } = options;
    const base = baseUrl === undefined ? this.#base : checkBase(baseUrl, this.#base);
    const defaults = new Defaults(options, this.#defaults);
    return new Client(this.#session, defaults, base, hooks ?? this.#hooks);
  }

  stats(): HttpClientStats {
    return { ...this.#session.slots.count(), ...this.#session.counters };
  }

  close(): void {
    this.#session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    await this.#session.finished();
  }

  /** No `async` here, nor in what it calls before the request is sent: each costs. */
  #exchange(
    method: string,
    url: string | URL,
    options: HttpRequestOptions,
  ): Promise<ClientExchange> {
    try {
      if (options !== NO_OPTIONS) REQUEST.check("a request", options);
      const plan = this.#plan(checkMethod(method), url, options);
      return this.#session.run(plan, this.#defaults, this.#hooks);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #plan(method: string, given: string | URL, options: HttpRequestOptions): Plan {
    const plan = this.#start(method, given, options);
    if (options === NO_OPTIONS) return plan;
    const body = requestBody(options, method);
    if (options.params !== undefined) {
      plan.url = new URL(plan.url);
      plan.template = undefined;
      addParams(plan.url, options.params);
    }
    this.#fill(plan, options.headers, body);
    return plan;
  }

  /** Puts a body and headers into a plan. */
  #fill(plan: Plan, headers: HttpCommonOptions["headers"], body: RequestBody | undefined): void {
    plan.body = body;
    const type = body?.type;
    if (headers === undefined && type === undefined) return;
    plan.headers = new Headers(plan.headers ?? this.#defaults.headers);
    addHeaders(plan.headers, headers);
    if (type !== undefined && !plan.headers.has("content-type")) {
      plan.headers.set("content-type", type);
    }
  }

  /** A plan without a body and headers of its own. */
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
    if (template === undefined && this.#base !== undefined && url.origin !== this.#base.origin) {
      // The secrets of a client belong to its base URL: not to whatever else it is asked for.
      own = undefined;
      headers = withoutSecrets(defaults.headers);
    }
    if (auth !== undefined) own = auth ?? undefined;
    if (template === undefined) {
      let special = headers !== undefined;
      if (url.username !== "" || url.password !== "") {
        own = { username: decodeLogin(url.username), password: decodeLogin(url.password) };
        url.username = url.password = "";
        special = true;
      }
      for (const params of defaults.params) addParams(url, params);
      if (!special && typeof given === "string") defaults.templates.remember(given, url);
    }
    return {
      method,
      url,
      template,
      headers,
      body: undefined,
      auth: own,
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
    if (body !== undefined && (method === "GET" || method === "HEAD")) {
      throw new TypeError(`Cannot send a body with ${method}`);
    }
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
