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
 * cancelled; a body of at most 16 KiB of known length is read at once.
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
  HttpTimeouts,
} from "./client_options.ts";
import type { HttpResponse } from "./response.ts";
import { type HttpRetryPolicy, retryPolicy } from "./retry.ts";
import { decodeJson, decodeText } from "./_decode_json.ts";
import type { Exchange } from "./_exchange.ts";
import {
  addHeaders,
  checkAuth,
  type HeaderPairs,
  pairsOf,
  type PlainRequest,
  type Plan,
  type Timeouts,
} from "./_plan.ts";
import { plainBody, type RequestBody, requestBody, requestedBody } from "./_request_body.ts";
import { checkCount, checkTime } from "./_server_limits.ts";
import { Session, statusError } from "./_session.ts";
import { Templates } from "./_templates.ts";
import { addParams } from "./_url.ts";

export type * from "./client_options.ts";

/** The promise of an answer, with short cuts to its body. */
export interface HttpResponsePromise extends Promise<HttpResponse> {
  /**
   * The body as JSON.
   *
   * @typeParam T What the caller takes it for; nothing checks it.
   * @throws {HttpDecodeError} If it is no JSON, with the place.
   */
  json<T = unknown>(): Promise<T>;
  /** The body as text, decoded by the charset of its `Content-Type`. */
  text(): Promise<string>;
  /** The body as bytes. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

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
  const { baseUrl, hooks } = options;
  const base = baseUrl === undefined ? undefined : checkBase(baseUrl);
  const defaults = new Defaults(options, undefined);
  return new Client(new Session(options), defaults, base, hooks);
}

/** The options that requests fall back on, checked once. */
class Defaults implements PlainRequest {
  readonly headers = new Headers();
  readonly pairs: HeaderPairs;
  readonly templates = new Templates();
  readonly params: readonly NonNullable<HttpCommonOptions["params"]>[];
  readonly auth: HttpAuth | undefined;
  readonly times: HttpTimeouts;
  readonly timeouts: Timeouts;
  readonly again: HttpCommonOptions["retry"];
  readonly retry: HttpRetryPolicy;
  readonly maxRedirects: number;
  readonly raise: (status: number) => boolean;
  readonly maxBody: number;

  constructor(options: HttpCommonOptions, below: Defaults | undefined) {
    if (below !== undefined) addHeaders(this.headers, below.headers);
    addHeaders(this.headers, options.headers);
    this.pairs = pairsOf(this.headers);
    this.params = [...below?.params ?? [], ...options.params === undefined ? [] : [options.params]];
    checkAuth(options.auth);
    this.auth = options.auth === null ? undefined : options.auth ?? below?.auth;
    this.times = { ...below?.times, ...options.timeouts };
    this.timeouts = checkTimes(this.times);
    this.again = mergeRetry(below?.again, options.retry);
    this.retry = retryPolicy(this.again);
    const redirects = options.maxRedirects ?? below?.maxRedirects ?? 20;
    this.maxRedirects = redirects === 0 ? 0 : checkCount("maxRedirects", redirects, 20);
    this.raise = raiser(options.raiseForStatus) ?? below?.raise ?? isError;
    this.maxBody = checkCount("maxBody", options.maxBody, below?.maxBody ?? 64 * 1024 * 1024);
  }
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

  async #exchange(
    method: string,
    url: string | URL,
    options: HttpRequestOptions,
  ): Promise<Exchange> {
    const plan = this.#plan(checkMethod(method), url, options);
    const exchange = await this.#session.run(plan, this.#defaults, this.#hooks);
    if (exchange.status < 400) return exchange;
    try {
      if (!plan.raise(exchange.status)) return exchange;
    } catch (error) {
      await exchange.discard();
      throw error;
    }
    throw await statusError(exchange, plan);
  }

  #plan(method: string, given: string | URL, options: HttpRequestOptions): Plan {
    const plan = this.#start(
      method,
      given,
      options === NO_OPTIONS ? this.#defaults : undefined,
      options,
    );
    if (options === NO_OPTIONS) return plan;
    const body = requestBody(options, method);
    if (options.params !== undefined) {
      plan.url = new URL(plan.url);
      plan.template = undefined;
      addParams(plan.url, options.params);
    }
    if (options.headers !== undefined || body?.type !== undefined) {
      plan.headers = new Headers(plan.headers ?? this.#defaults.headers);
      addHeaders(plan.headers, options.headers);
      if (body?.type !== undefined && !plan.headers.has("content-type")) {
        plan.headers.set("content-type", body.type);
      }
    }
    plan.body = body;
    return plan;
  }

  /** A plan without a body and headers of its own. */
  #start(
    method: string,
    given: string | URL,
    same: Defaults | undefined,
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
    if (same === undefined && auth !== undefined) {
      checkAuth(auth);
      own = auth ?? undefined;
    }
    if (template === undefined) {
      let special = headers !== undefined;
      if (url.username !== "" || url.password !== "") {
        own = { username: decode(url.username), password: decode(url.password) };
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
        : checkTimes({ ...defaults.times, ...timeouts }),
      retry: retry === undefined ? defaults.retry : retryPolicy(mergeRetry(defaults.again, retry)),
      maxRedirects: maxRedirects === undefined || maxRedirects === 0
        ? maxRedirects ?? defaults.maxRedirects
        : checkCount("maxRedirects", maxRedirects, 20),
      redirect: "follow",
      raise: raiser(raiseForStatus) ?? defaults.raise,
      maxBody: checkCount("maxBody", maxBody, defaults.maxBody),
      signal: options.signal,
      onDownload: options.onDownload,
    };
  }

  async #fetch(input: Request | URL | string, init: RequestInit = {}): Promise<Response> {
    const url = input instanceof Request ? input.url : input;
    const from = input instanceof Request ? input : undefined;
    const method = checkMethod(init.method ?? from?.method ?? "GET");
    const signal = init.signal === null ? undefined : init.signal ?? from?.signal;
    const plan = this.#start(method, url, undefined, signal === undefined ? {} : { signal });
    let body: RequestBody | undefined;
    if (init.body !== undefined && init.body !== null) body = plainBody(init.body);
    else if (init.body === undefined && from?.body) body = await requestedBody(from.body);
    if (body !== undefined && (method === "GET" || method === "HEAD")) {
      throw new TypeError(`Cannot send a body with ${method}`);
    }
    const headers = init.headers ?? from?.headers;
    if (headers !== undefined || body?.type !== undefined) {
      plan.headers = new Headers(plan.headers ?? this.#defaults.headers);
      addHeaders(plan.headers, headers);
      if (body?.type !== undefined && !plan.headers.has("content-type")) {
        plan.headers.set("content-type", body.type);
      }
    }
    const redirect = init.redirect ?? from?.redirect ?? "follow";
    const exchange = await this.#session.run(
      { ...plan, body, redirect, raise: never },
      this.#defaults,
      this.#hooks,
    );
    return exchange.response();
  }
}

/** Begins at once; which way the body is read is decided when somebody asks. */
class ResponsePromise implements HttpResponsePromise {
  readonly [Symbol.toStringTag] = "HttpResponsePromise";
  readonly #exchange: Promise<Exchange>;
  #response: Promise<HttpResponse> | undefined;

  constructor(exchange: Promise<Exchange>) {
    this.#exchange = exchange;
  }

  async json<T = unknown>(): Promise<T> {
    if (this.#response !== undefined) return (await this.#response).json<T>();
    const exchange = await this.#exchange;
    const text = utf8.decode(exchange.data ?? await exchange.bytes());
    return decodeJson<T>(text, exchange);
  }

  async text(): Promise<string> {
    if (this.#response !== undefined) return (await this.#response).text();
    const exchange = await this.#exchange;
    return decodeText(await exchange.bytes(), exchange.headers.get("content-type"));
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#response !== undefined) return (await this.#response).bytes();
    return await (await this.#exchange).bytes();
  }

  then<A = HttpResponse, B = never>(
    onFulfilled?: ((value: HttpResponse) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#whole().then(onFulfilled, onRejected);
  }

  catch<B = never>(
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<HttpResponse | B> {
    return this.#whole().catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<HttpResponse> {
    return this.#whole().finally(onFinally);
  }

  #whole(): Promise<HttpResponse> {
    return this.#response ??= this.#exchange.then((exchange) => exchange.response());
  }
}

const NO_OPTIONS: HttpRequestOptions = Object.freeze({});
const utf8 = new TextDecoder();

function isError(status: number): boolean {
  return status >= 400;
}

function never(): boolean {
  return false;
}

function raiser(
  raise: HttpCommonOptions["raiseForStatus"],
): ((status: number) => boolean) | undefined {
  if (raise === undefined || typeof raise === "function") return raise;
  return raise ? isError : never;
}

/** The options of retrying where a client or a request sets some of them over those below. */
function mergeRetry(
  below: HttpCommonOptions["retry"],
  given: HttpCommonOptions["retry"],
): HttpCommonOptions["retry"] {
  return below && given ? { ...below, ...given } : given ?? below;
}

function checkBase(given: string | URL, below?: URL): URL {
  const url = URL.parse(String(given), below);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("Cannot use baseUrl: it is no http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("Cannot use a baseUrl with credentials: set auth");
  }
  return url;
}

function resolveUrl(given: string | URL, base: URL | undefined): URL {
  const url = URL.parse(given as string, base);
  if (url === null) {
    const why = base === undefined ? "it is not absolute, and there is no baseUrl" : "malformed";
    throw new TypeError(`Cannot use this URL: ${why}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Cannot use an URL of ${url.protocol} it is http: or https:`);
  }
  return url;
}

const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
]);

function checkMethod(method: string): string {
  if (METHODS.has(method)) return method;
  const upper = method.toUpperCase();
  if (/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(upper) && upper !== "CONNECT") return upper;
  throw new TypeError("Cannot use this method: it is no token, or CONNECT");
}

function checkTimes(times: HttpTimeouts): Timeouts {
  return {
    queue: checkTime("timeouts.queue", times.queue, 60_000),
    headers: checkTime("timeouts.headers", times.headers, 30_000),
    body: checkTime("timeouts.body", times.body, 30_000),
    total: checkTime("timeouts.total", times.total, 0),
  };
}

function withoutSecrets(headers: Headers): Headers {
  const rest = new Headers(headers);
  for (const name of ["authorization", "cookie", "proxy-authorization"]) rest.delete(name);
  return rest;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
