import { timeLimit } from "../../net/internal/options.ts";
import { holdWhile } from "../../net/internal/timer.ts";
import { ClientTracing } from "../internal/client_tracing.ts";
import type { CookieStore } from "./cookie_jar.ts";
import type { HttpClientOptions, HttpHookRequest, HttpHooks } from "./options.ts";
import type { HttpTry } from "./errors.ts";
import { Attempt, theirs } from "./_attempt.ts";
import { attemptError, isUnsentTry, snapshot } from "./_attempt_error.ts";
import { judged } from "./_judged.ts";
import { ClientExchange } from "./_exchange.ts";
import { abortAll, CLOSED, TimeLimits } from "./_time_limits.ts";
import { FetchClients } from "./_fetch_clients.ts";
import type { Incoming } from "./_incoming.ts";
import { SpelledHeaders } from "./_spelled_headers.ts";
import { Authenticator } from "./_authenticator.ts";
import { applyChanges } from "./_hook_changes.ts";
import type { PlainRequest, Plan } from "./_request_plan.ts";
import type { ResponseCache } from "./_response_cache.ts";
import { RateLimiter } from "./_rate_limit.ts";
import { follow, locationOf } from "./_redirects.ts";
import { Retries } from "./_retry_decision.ts";
import { failure } from "./_request_failure.ts";
import { ExchangeFailure } from "./internal/exchange_failure.ts";
import { type Origin, Pool } from "./internal/pool.ts";
import { Http1Transport } from "./internal/transport.ts";
import { shownUrl } from "./_url.ts";

/** The headers that the cache adds. */
const CONDITIONS = ["if-none-match", "if-modified-since"];
/** The number of times that a hook may repeat a request. */
const MAX_REPEATS = 10;

/** Counters of a client. */
export interface Counters {
  requests: number;
  retries: number;
  redirects: number;
  failures: number;
}

/** The state that a client and its extensions share: connections, pool, cookies, counters. */
export class ClientSession {
  readonly counters: Counters = { requests: 0, retries: 0, redirects: 0, failures: 0 };
  readonly pool: Pool;
  readonly #transport: Http1Transport;
  readonly #clients: FetchClients;
  readonly #rate: RateLimiter | undefined;
  readonly #authenticator = new Authenticator();
  readonly #cookies: CookieStore | Promise<CookieStore> | undefined;
  readonly #cache: Promise<ResponseCache> | undefined;
  readonly #tracing = ClientTracing.find("@portside/kit/http/client");
  #closed = false;

  constructor(options: HttpClientOptions) {
    const { maxPerHost = 10, maxQueued = 10_000, idleTimeout = 30_000 } = options;
    this.pool = new Pool(maxPerHost, maxQueued);
    const timeout = timeLimit(idleTimeout);
    this.#rate = options.rateLimit && new RateLimiter(options.rateLimit);
    const count = Math.min(maxPerHost, 2 ** 31);
    this.#clients = new FetchClients(options, { count, timeout });
    this.#transport = new Http1Transport(options, this.pool, timeout);
    if (options.cookies === true) {
      // The list of public suffixes is large, and most clients do not need it.
      this.#cookies = import("./cookie_jar.ts").then(({ createCookieJar }) => createCookieJar());
    } else if (options.cookies) this.#cookies = options.cookies;
    const { cache = false } = options;
    if (cache !== false) {
      this.#cache = import("./_response_cache.ts").then(({ ResponseCache }) =>
        new ResponseCache(cache === true ? {} : cache)
      );
    }
  }

  /** Ends all requests and closes all connections. */
  close(): void {
    this.#closed = true;
    abortAll(this, CLOSED);
    this.pool.close();
    this.#clients.close();
  }

  /** Sends a request, with retries and redirects, until there is a result. */
  async run(
    plan: Plan,
    plain: PlainRequest,
    hooks: HttpHooks | undefined,
  ): Promise<ClientExchange> {
    const guard = new TimeLimits(plan.timeouts.total, plan.signal, this);
    let retries: Retries | undefined;
    let hops = 0;
    let repeats = 0;
    let seen = false;
    let fresh: boolean = false;
    for (let number = 1;; number++) {
      const attempt: Attempt = new Attempt(number, hooks, fresh);
      let failed: HttpTry | undefined;
      let exchange: ClientExchange | undefined;
      try {
        const incoming = await this.#begin(attempt, plan, plain, guard);
        attempt.answered = true;
        attempt.span?.answered(incoming.status);
        guard.disarm();
        seen = true;
        exchange = new ClientExchange(incoming, guard, plan, this.pool, attempt);
        // Nothing has listened for an abort between the head and here, so the place would never be free.
        guard.throwIfAborted();
        const again = attempt.told !== undefined &&
          await this.#finish(exchange, attempt.told, hooks, plan.url).catch(theirs);
        if (again && repeats < MAX_REPEATS) {
          repeats++;
          this.#repeat(exchange, plan);
          fresh = false;
          continue;
        }
        const taking: Promise<void> | undefined = exchange.isSmall() ? exchange.take() : undefined;
        if (taking !== undefined) await taking;
        const { status } = exchange;
        // Reading headers costs time, and most responses are successes.
        if (status < 300 && !plan.retry.statuses.has(status)) return exchange.keep();
        const { headers } = exchange;
        const to = plan.redirect === "manual" ? undefined : locationOf(status, headers, plan.url);
        if (to !== undefined && plan.maxRedirects > 0) {
          this.#redirect(exchange, plan, plain, to, ++hops);
          retries?.redirected();
          fresh = false;
          continue;
        }
        if (status === 401 && await this.#authenticator.answers(plan, headers)) {
          this.#repeat(exchange, plan);
          fresh = false;
          continue;
        }
        failed = (retries ??= new Retries(plan)).afterStatus(status, headers.get("retry-after"));
        if (failed === undefined) exchange.keep();
        else exchange.discard();
        fresh = false;
      } catch (caught) {
        attempt.sending?.stop(caught);
        attempt.span?.failed(caught instanceof ExchangeFailure ? caught.cause : caught);
        exchange?.discard();
        if (attempt.origin !== undefined) this.pool.release(attempt.origin);
        const unsent: boolean = exchange === undefined && isUnsentTry(attempt, caught);
        // An earlier try may have been sent, even if the last one was not.
        seen ||= !unsent;
        const error = attemptError(attempt, caught, plan, guard, seen ? "maybe" : "no");
        if (!this.#closed && error !== plan.signal?.reason) {
          retries ??= new Retries(plan);
          const stale: boolean = caught instanceof ExchangeFailure && caught.stale && !fresh;
          // A server may close an idle connection at any time (RFC 9112 §9.3.1).
          failed = stale ? retries.afterStale(error, unsent) : undefined;
          fresh = failed !== undefined;
          failed ??= retries.afterError(error, unsent);
        }
        if (failed === undefined) throw this.#giveUp(error, guard);
      }
      // The stack of its error leads to the caller only if it is awaited here.
      if (failed === undefined) return await judged(exchange!, plan);
      try {
        await this.#pause(failed, plan, guard, hooks);
      } catch (thrown) {
        const error = attemptError(attempt, thrown, plan, guard, seen ? "maybe" : "no");
        throw this.#giveUp(error, guard);
      }
    }
  }

  /** Changes a plan to the target of a redirect. */
  #redirect(
    exchange: ClientExchange,
    plan: Plan,
    plain: PlainRequest,
    to: URL | null,
    hops: number,
  ): void {
    const { method, url } = plan;
    const { status } = exchange;
    if (plan.redirect === "error") throw failure(plan, "protocol", `it redirects (${status})`);
    const most = Math.min(plan.maxRedirects, plan.retry.redirect);
    if (hops > most) throw failure(plan, "limit", `more than ${most} redirects`);
    exchange.discard();
    this.counters.redirects++;
    follow(plan, status, to, () => plain.headers);
    const location = to === null ? {} : { location: shownUrl(to) };
    plan.history.push({ method, url: shownUrl(url), status, ...location });
  }

  /** Drops a response, and lets the request be sent again. */
  #repeat(exchange: ClientExchange, plan: Plan): void {
    const { method, url, body, history } = plan;
    if (body?.replayable === false) {
      throw failure(plan, "usage", "it must be repeated, and a stream cannot be sent again");
    }
    exchange.discard();
    this.counters.retries++;
    history.push({ method, url: shownUrl(url), status: exchange.status });
  }

  /** Waits before another try. */
  async #pause(
    failed: HttpTry,
    plan: Plan,
    guard: TimeLimits,
    hooks: HttpHooks | undefined,
  ): Promise<void> {
    const { delay = 0 } = failed;
    guard.renew();
    guard.disarm();
    if (delay >= guard.left) guard.expire();
    plan.history.push(failed);
    await Promise.try(() => hooks?.beforeRetry?.(failed)).catch(theirs);
    this.counters.retries++;
    if (delay > 0 || guard.aborted) await guard.sleep(delay);
  }

  /** Counts a failed request and ends its time limits. */
  #giveUp(error: unknown, guard: TimeLimits): unknown {
    this.counters.failures++;
    guard.end();
    return error;
  }

  /** Starts a try. It is not `async`, because most requests need no wait. */
  #begin(attempt: Attempt, plan: Plan, plain: PlainRequest, guard: TimeLimits): Promise<Incoming> {
    const { url } = plan;
    if (this.#closed) throw CLOSED;
    guard.throwIfAborted();
    const refusal = this.#clients.refusal(url);
    if (refusal !== undefined) throw failure(snapshot(plan), "unsupported", refusal, "no");
    const place = this.pool.acquire(plan.template?.origin ?? url.origin, guard);
    const special = plan.headers !== undefined || plan.auth !== undefined ||
      this.#cookies !== undefined || this.#rate !== undefined || this.#tracing !== undefined ||
      this.#cache !== undefined ||
      attempt.hooks !== undefined ||
      plan.body?.inPieces === true;
    if (special || place instanceof Promise) {
      return this.#beginLater(attempt, plan, plain, guard, place, special);
    }
    attempt.origin = place;
    return this.#send(attempt, plan, plain, guard);
  }

  async #beginLater(
    attempt: Attempt,
    plan: Plan,
    plain: PlainRequest,
    guard: TimeLimits,
    place: Origin | Promise<Origin>,
    special: boolean,
  ): Promise<Incoming> {
    attempt.waited = true;
    if (place instanceof Promise) {
      guard.arm("queue", plan.timeouts.queue);
      attempt.origin = await holdWhile(place);
      attempt.timings.queue = attempt.timings.elapsed;
    } else attempt.origin = place;
    if (!special) return this.#send(attempt, plan, plain, guard);
    guard.disarm();
    attempt.told = await this.#prepare(attempt, plan, plain);
    await this.#follow(attempt, plan, guard);
    const { headers } = attempt.told;
    const cache = await this.#cache;
    const found = await cache?.find(plan, headers);
    if (found !== undefined && "status" in found) return found;
    const wait = this.#rate?.take(plan.url.host, performance.now()) ?? 0;
    if (wait > 0) await guard.sleep(wait);
    if (plan.body?.inPieces) {
      attempt.upload = await plan.body.open();
    }
    // Deno's own `fetch` makes a span itself.
    if (this.#clients.serves(plan.url) === false) {
      const { method, url } = plan;
      attempt.span = this.#tracing?.start({ method, url, attempt: attempt.number, headers });
    }
    const incoming = await this.#send(attempt, plan, plain, guard);
    if (cache === undefined) return incoming;
    if (found !== undefined) {
      const received = await cache.received(incoming, found);
      if (received !== undefined) return received;
      plan.history.push({ method: plan.method, url: shownUrl(plan.url), status: 304 });
      for (const name of CONDITIONS) headers.delete(name);
      return await this.#send(attempt, plan, plain, guard);
    }
    await cache.changed(plan, headers, incoming);
    return incoming;
  }

  #send(attempt: Attempt, plan: Plan, plain: PlainRequest, guard: TimeLimits): Promise<Incoming> {
    // Reading the clock costs time. Without a wait, the start time is still exact.
    const waited = attempt.waited || attempt.number > 1;
    guard.arm("headers", plan.timeouts.headers, waited ? undefined : guard.begun);
    const http2 = this.#clients.serves(plan.url);
    if (http2 === undefined) return this.#sendFirst(attempt, plan, plain, guard);
    const incoming = http2
      ? this.#clients.send(attempt, plan, plain, guard)
      : this.#transport.send(attempt, plan, plain, guard);
    this.counters.requests++;
    return incoming;
  }

  /** Sends the first request to an origin that may speak HTTP/2. */
  async #sendFirst(
    attempt: Attempt,
    plan: Plan,
    plain: PlainRequest,
    guard: TimeLimits,
  ): Promise<Incoming> {
    this.#clients.learn(plan.url, await this.#transport.speaksHttp2(attempt, plan.url, guard));
    return await this.#send(attempt, plan, plain, guard);
  }

  /** Takes a place at the origin that a hook has chosen. */
  async #follow(attempt: Attempt, plan: Plan, guard: TimeLimits): Promise<void> {
    const { origin } = plan.url;
    if (attempt.origin?.name === origin) return;
    const refusal = this.#clients.refusal(plan.url);
    if (refusal !== undefined) throw failure(snapshot(plan), "unsupported", refusal, "no");
    this.pool.release(attempt.origin!);
    attempt.origin = undefined;
    guard.arm("queue", plan.timeouts.queue);
    attempt.origin = await this.pool.acquire(origin, guard);
    guard.disarm();
  }

  /** Prepares the headers of one try. */
  async #prepare(
    { hooks, number }: Attempt,
    plan: Plan,
    plain: PlainRequest,
  ): Promise<HttpHookRequest> {
    const { url, method } = plan;
    const headers = new SpelledHeaders(plan.headers ?? plain.headers);
    const type = plan.body?.type;
    if (type !== undefined && !headers.has("content-type")) headers.set("Content-Type", type);
    if (!headers.has("authorization")) {
      const authorization = await this.#authenticator.header(plan);
      if (authorization !== undefined) headers.set("authorization", authorization);
    }
    await this.#addCookies(headers, url);
    const told: HttpHookRequest = { method, url: url.href, headers, attempt: number };
    if (hooks?.beforeRequest !== undefined) {
      const before = new SpelledHeaders(headers);
      await hooks.beforeRequest(told);
      applyChanges(plan, plain, told, before);
      if (plan.url.origin !== url.origin) await this.#addCookies(headers, plan.url);
    }
    return told;
  }

  async #addCookies(headers: Headers, url: URL): Promise<void> {
    if (this.#cookies === undefined || headers.has("cookie")) return;
    const cookies = await (await this.#cookies).cookies(url.href);
    if (cookies !== "") headers.set("cookie", cookies);
  }

  /** Stores cookies and runs the hook. Returns whether the hook wants another try. */
  async #finish(
    exchange: ClientExchange,
    told: HttpHookRequest,
    hooks: HttpHooks | undefined,
    url: URL,
  ): Promise<boolean> {
    const { status, headers } = exchange;
    if (this.#cookies !== undefined) {
      const setCookies = headers.getSetCookie();
      if (setCookies.length > 0) await (await this.#cookies).store(url.href, setCookies);
    }
    return await hooks?.afterResponse?.({ status, headers }, told) === "repeat";
  }
}
