import { timeLimit } from "../../net/internal/options.ts";
import { holdWhile } from "../../net/internal/timer.ts";
import { isIdempotent } from "../internal/methods.ts";
import type { CookieStore } from "./cookie_jar.ts";
import type { HttpClientOptions, HttpHookRequest, HttpHooks } from "./options.ts";
import { type HttpSent, HttpStatusError, type HttpTry } from "./errors.ts";
import { Attempt, NotSent, Theirs, theirs } from "./_attempt.ts";
import { decodeText } from "./_decode_json.ts";
import { ClientExchange } from "./_exchange.ts";
import { abortAll, CLOSED, Expired, TimeLimits } from "./_time_limits.ts";
import { NativeClients } from "./_native_clients.ts";
import { type HeaderPairs, pairsOf } from "./_headers.ts";
import { authorization, type PlainRequest, type Plan } from "./_request_plan.ts";
import { RateLimiter } from "./_rate_limit.ts";
import { follow, locationOf } from "./_redirects.ts";
import { Retries } from "./_retry_decision.ts";
import { failure, isUnsent, requestError, timeoutError } from "./_request_failure.ts";
import { ConcurrencyLimit, type Origin, QueueFull } from "./_concurrency_limit.ts";
import { shownUrl } from "./_url.ts";

/** The part of a body that an error keeps, in bytes. */
const ERROR_BODY = 64 * 1024;

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
  readonly slots: ConcurrencyLimit;
  readonly #clients: NativeClients;
  readonly #rate: RateLimiter | undefined;
  readonly #cookies: CookieStore | Promise<CookieStore> | undefined;
  #closed = false;

  constructor(options: HttpClientOptions) {
    const { maxPerHost = 10, maxQueued = 10_000, idleTimeout = 30_000 } = options;
    this.slots = new ConcurrencyLimit(maxPerHost, maxQueued);
    const timeout = timeLimit(idleTimeout);
    this.#rate = options.rateLimit && new RateLimiter(options.rateLimit);
    const count = Math.min(maxPerHost, 2 ** 31);
    this.#clients = new NativeClients(options, { count, timeout });
    if (options.cookies === true) {
      // The list of public suffixes is large, and most clients do not need it.
      this.#cookies = import("./cookie_jar.ts").then(({ createCookieJar }) => createCookieJar());
    } else if (options.cookies) this.#cookies = options.cookies;
  }

  /** Ends all requests and closes all connections. */
  close(): void {
    this.#closed = true;
    abortAll(this, CLOSED);
    this.slots.close();
    this.#clients.close();
  }

  /** Resolves when all connections have ended. */
  async finished(): Promise<void> {
    await this.#clients.dialer?.finished();
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
    let seen = false;
    for (let number = 1;; number++) {
      const attempt = new Attempt(number, hooks);
      let failed: HttpTry | undefined;
      let exchange: ClientExchange | undefined;
      try {
        const native = await this.#begin(attempt, plan, plain, guard);
        attempt.answered = true;
        guard.disarm();
        seen = true;
        exchange = new ClientExchange(native, guard, plan, this.slots, attempt);
        if (native.status === 101) throw failure(plan, "protocol", "it switches protocols");
        if (attempt.told !== undefined) {
          await this.#finish(exchange, attempt.told, hooks, plan.url).catch(theirs);
        }
        if (exchange.isSmall()) {
          guard.arm("body", plan.timeouts.body);
          exchange.take(await native.bytes());
        } else if (exchange.isEmpty()) await exchange.skip();
        const { status, headers } = exchange;
        // Reading headers costs time, and most responses are successes.
        if (status < 300 && !plan.retry.statuses.has(status)) return exchange.keep();
        const to = plan.redirect === "manual" ? undefined : locationOf(status, headers, plan.url);
        if (to !== undefined && plan.maxRedirects > 0) {
          await this.#redirect(exchange, plan, plain, to, ++hops);
          retries?.redirected();
          continue;
        }
        failed = (retries ??= new Retries(plan)).afterStatus(status, headers.get("retry-after"));
        if (failed === undefined) return judged(exchange.keep(), plan);
        await exchange.discard();
      } catch (caught) {
        attempt.sending?.stop(caught);
        if (exchange !== undefined) await exchange.discard();
        if (attempt.origin !== undefined) this.slots.release(attempt.origin);
        const thrown = attempt.spoiled ?? (attempt.sent ? caught : new NotSent(caught));
        const unsent = exchange === undefined && this.#isUnsent(thrown, guard);
        // An earlier try may have been sent, even if the last one was not.
        seen ||= !unsent;
        const error = this.#failure(thrown, plan, guard, seen ? "maybe" : "no");
        if (!this.#closed && error !== plan.signal?.reason) {
          failed = (retries ??= new Retries(plan)).afterError(error, unsent);
        }
        if (failed === undefined) throw this.#giveUp(error, guard);
      }
      try {
        await this.#pause(failed, plan, guard, hooks);
      } catch (thrown) {
        throw this.#giveUp(this.#failure(thrown, plan, guard, seen ? "maybe" : "no"), guard);
      }
    }
  }

  /** Changes a plan to the target of a redirect. */
  async #redirect(
    exchange: ClientExchange,
    plan: Plan,
    plain: PlainRequest,
    to: URL | null,
    hops: number,
  ): Promise<void> {
    const { method, url } = plan;
    const { status } = exchange;
    if (plan.redirect === "error") throw failure(plan, "protocol", `it redirects (${status})`);
    const most = Math.min(plan.maxRedirects, plan.retry.redirect);
    if (hops > most) throw failure(plan, "limit", `more than ${most} redirects`);
    await exchange.discard();
    this.counters.redirects++;
    follow(plan, status, to, () => new Headers(plain.headers));
    const location = to === null ? {} : { location: shownUrl(to) };
    plan.history.push({ method, url: shownUrl(url), status, ...location });
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
    if (delay > 0 || guard.controller.signal.aborted) await guard.sleep(delay);
  }

  /** Counts a failed request and ends its time limits. */
  #giveUp(error: unknown, guard: TimeLimits): unknown {
    this.counters.failures++;
    guard.end();
    return error;
  }

  /** Starts a try. It is not `async`, because most requests need no wait. */
  #begin(attempt: Attempt, plan: Plan, plain: PlainRequest, guard: TimeLimits): Promise<Response> {
    const { url } = plan;
    if (this.#closed) throw CLOSED;
    if (guard.controller.signal.aborted) throw guard.controller.signal.reason;
    const refusal = this.#clients.refusal(url);
    if (refusal !== undefined) throw failure(snapshot(plan), "unsupported", refusal, "no");
    const place = this.slots.acquire(plan.template?.origin ?? url.origin, guard);
    const special = plan.headers !== undefined || plan.auth !== undefined ||
      this.#cookies !== undefined || this.#rate !== undefined || attempt.hooks !== undefined ||
      (plan.body !== undefined && plan.body.whole === undefined);
    if (special || place instanceof Promise) {
      return this.#beginLater(attempt, plan, plain, guard, place, special);
    }
    attempt.origin = place;
    return this.#fetch(attempt, plan, plain, undefined, guard);
  }

  async #beginLater(
    attempt: Attempt,
    plan: Plan,
    plain: PlainRequest,
    guard: TimeLimits,
    place: Origin | Promise<Origin>,
    special: boolean,
  ): Promise<Response> {
    attempt.waited = true;
    if (place instanceof Promise) guard.arm("queue", plan.timeouts.queue);
    attempt.origin = place instanceof Promise ? await holdWhile(place) : place;
    if (!special) return this.#fetch(attempt, plan, plain, undefined, guard);
    guard.disarm();
    attempt.told = await this.#prepare(attempt, plan, plain, guard);
    if (plan.body !== undefined && plan.body.whole === undefined) {
      attempt.upload = await plan.body.open();
    }
    return this.#fetch(attempt, plan, plain, pairsOf(attempt.told.headers), guard);
  }

  #fetch(
    attempt: Attempt,
    plan: Plan,
    plain: PlainRequest,
    own: HeaderPairs | undefined,
    guard: TimeLimits,
  ): Promise<Response> {
    const { url, method, body } = plan;
    const repeatable = isIdempotent(method) || plan.headers?.has("idempotency-key") === true ||
      attempt.told?.headers.has("idempotency-key") === true;
    // A body that can be sent only once must not be lost on a dead connection.
    const client = this.#clients.get({ url, repeatable: repeatable && body?.replayable !== false });
    this.counters.requests++;
    // Reading the clock costs time. Without a wait, the start time is still exact.
    const waited = attempt.waited || attempt.number > 1;
    guard.arm("headers", plan.timeouts.headers, waited ? undefined : guard.begun);
    const { signal } = guard.controller;
    attempt.sent = true;
    attempt.broken = this.#clients.dialer?.watch(url, plan.timeouts);
    if (own === undefined && body === undefined && method === "GET") {
      const template = plan.template?.request(plain.pairs);
      const init: RequestInit & { client: Deno.HttpClient } = { signal, client };
      if (template !== undefined) return fetch(template, init);
    }
    const init: RequestInit & { client: Deno.HttpClient } = {
      method,
      headers: own ?? plain.pairs,
      redirect: "manual",
      signal,
      client,
    };
    const bodyInit = attempt.bodyInit(plan, guard);
    if (bodyInit !== undefined) init.body = bodyInit;
    return fetch(url.href, init);
  }

  /** Prepares the headers of one try. */
  async #prepare(
    { hooks, number }: Attempt,
    plan: Plan,
    plain: PlainRequest,
    guard: TimeLimits,
  ): Promise<HttpHookRequest> {
    const { url, auth, method } = plan;
    const headers = new Headers(
      plan.headers ?? plain.headers,
    );
    if (auth !== undefined && !headers.has("authorization")) {
      headers.set("authorization", await authorization(auth));
    }
    if (this.#cookies !== undefined && !headers.has("cookie")) {
      const cookies = await (await this.#cookies).cookies(url.href);
      if (cookies !== "") headers.set("cookie", cookies);
    }
    const told: HttpHookRequest = { method, url: url.href, headers, attempt: number };
    await hooks?.beforeRequest?.(told);
    const wait = this.#rate?.take(url.host, performance.now()) ?? 0;
    if (wait > 0) await guard.sleep(wait);
    return told;
  }

  async #finish(
    exchange: ClientExchange,
    told: HttpHookRequest,
    hooks: HttpHooks | undefined,
    url: URL,
  ): Promise<void> {
    const { status, headers } = exchange;
    if (this.#cookies !== undefined) {
      const setCookies = headers.getSetCookie();
      if (setCookies.length > 0) await (await this.#cookies).store(url.href, setCookies);
    }
    await hooks?.afterResponse?.({ status, headers }, told);
  }

  /** Returns whether a try ended before anything was sent. */
  #isUnsent(thrown: unknown, guard: TimeLimits): boolean {
    if (thrown instanceof NotSent) return true;
    return !guard.controller.signal.aborted && isUnsent(thrown);
  }

  /** Converts an error for the caller. */
  #failure(thrown: unknown, plan: Plan, guard: TimeLimits, sent: HttpSent): unknown {
    const ours = thrown instanceof NotSent;
    const cause = ours ? thrown.cause : thrown;
    const { expired, cancelled, controller } = guard;
    if (expired !== undefined) return timeoutError(expired, snapshot(plan), sent);
    if (cause === CLOSED || controller.signal.reason === CLOSED) {
      return failure(snapshot(plan), "closed", "the client is closed", sent);
    }
    if (cancelled) return controller.signal.reason;
    if (cause instanceof QueueFull) {
      const reason = `${cause.limit} requests to this host are already waiting; see maxQueued`;
      return failure(snapshot(plan), "limit", reason, sent);
    }
    // An error of a hook or of a cookie jar goes to the caller unchanged.
    if (cause instanceof Theirs) return cause.error;
    if (ours) return cause;
    const dialed = this.#clients.dialer?.failureOf(plan.url, cause);
    if (dialed instanceof Expired) return timeoutError(dialed, snapshot(plan), sent);
    return requestError(dialed ?? cause, snapshot(plan), sent);
  }
}

/** Returns the response, or throws if its status is an error for the caller. */
async function judged(exchange: ClientExchange, plan: Plan): Promise<ClientExchange> {
  try {
    if (exchange.status < 400 || !plan.raise(exchange.status)) return exchange;
  } catch (error) {
    await exchange.discard();
    throw error;
  }
  throw await statusError(exchange, plan);
}

/** Returns the error for a status of 400 or above. */
async function statusError(exchange: ClientExchange, plan: Plan): Promise<HttpStatusError> {
  const { status, statusText, headers } = exchange;
  let data = new Uint8Array();
  let broken: ErrorOptions = {};
  try {
    data = await exchange.bytes(ERROR_BODY);
  } catch (cause) {
    // The status is more useful than an error of the body.
    if (plan.signal?.aborted === true) throw cause;
    broken = { cause };
  }
  const text = decodeText(data.subarray(0, ERROR_BODY), headers.get("content-type"));
  const { method, url, history } = plan;
  return new HttpStatusError({
    status,
    statusText,
    headers,
    body: text,
    method,
    url: shownUrl(url),
    history,
    ...broken,
  });
}

function snapshot(plan: Plan): Pick<Plan, "method" | "url" | "history"> {
  return { method: plan.method, url: plan.url, history: [...plan.history] };
}
