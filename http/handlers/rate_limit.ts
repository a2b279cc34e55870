/**
 * A limit for the requests of each client: a number per window, renewed evenly. Requests beyond it get
 * 429 with `Retry-After`. Every response states the rest (`RateLimit-Limit`, `RateLimit-Remaining`,
 * `RateLimit-Reset`). Counters are in memory, one number per client, or in a store that several
 * processes share.
 *
 * @example Two requests a minute
 * ```ts
 * import { rateLimit } from "@portside/kit/http/rate-limit";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = rateLimit(() => new Response("hi"), { limit: 2, window: 60_000 });
 * await using server = serveHttp({}, handler);
 * const statuses = [];
 * for (let i = 0; i < 3; i++) {
 *   const response = await fetch(server.url);
 *   await response.body?.cancel();
 *   statuses.push(response.status);
 * }
 * assertEquals(statuses, [200, 200, 429]);
 * ```
 *
 * **Permissions**: none. Source: RFC 6585 §4; draft-ietf-httpapi-ratelimit-headers-06; the algorithm
 * is GCRA (ITU-T I.371).
 *
 * @module
 */

import { peerHost, peerNetwork } from "../../net/address.ts";
import { callback, count, flag, optionError, OptionRules } from "../../net/internal/options.ts";
import { alsoOnFailure, passRefusals, withHeaders } from "../internal/response_headers.ts";
import { problem, ProblemError } from "../problem.ts";
import type { HttpHandler, HttpInfo } from "../server/options.ts";

/** Options of {@linkcode rateLimit}. */
export interface RateLimitOptions {
  /**
   * Number of requests that a client may send at once, and in each window.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The window in milliseconds. With Infinity, the limit is never renewed.
   *
   * @default 60000
   */
  window?: number;
  /**
   * Returns the key under which a request is counted, or null if it is not counted.
   *
   * @default the address of the client, for IPv6 its network of 64 bits. All clients on a Unix socket
   * have the same key, unless `trustProxy` or `proxyProtocol` names them
   */
  key?: (request: Request, info: HttpInfo) => string | null;
  /**
   * Maximum number of clients in memory. A further client replaces the one whose last request, answered
   * or refused, is the oldest.
   *
   * @default 10000
   */
  maxKeys?: number;
  /**
   * The store of the counters, for servers that share them. If it fails, requests get 503.
   *
   * @default in memory
   */
  store?: RateLimitStore;
  /**
   * Whether responses state the rest of the limit.
   *
   * @default true
   */
  headers?: boolean;
}

/** The limit of one client. */
export interface RateLimitRule {
  /** Number of requests per window. */
  readonly limit: number;
  /** The window in milliseconds. With Infinity, the limit is never renewed. */
  readonly window: number;
}

/** The decision of a store about one request. */
export interface RateLimitDecision {
  /** Whether the request is within the limit. */
  readonly allowed: boolean;
  /** Number of further requests that are allowed at once. */
  readonly remaining: number;
  /** Time until the whole limit is available again, in milliseconds. */
  readonly reset: number;
  /** Time until the next request is allowed, in milliseconds. */
  readonly retryAfter: number;
}

/** Counters of a rate limit. */
export interface RateLimitStore {
  /**
   * Counts one request if it is within the limit, in one atomic step.
   *
   * @param key The key of the client.
   * @param rule The limit of the client.
   */
  take(key: string, rule: RateLimitRule): RateLimitDecision | Promise<RateLimitDecision>;
}

const RULES = new OptionRules<RateLimitOptions>({
  limit: count,
  window: count,
  key: callback,
  maxKeys: count,
  store: (name, value) => {
    const { take } = Object(value) as Partial<RateLimitStore>;
    if (typeof take !== "function") throw optionError(name, "an object with a method take", value);
  },
  headers: flag,
});

/**
 * Limits the requests of each client to a handler.
 *
 * @param handler The handler to protect.
 * @param options The limit, and the key of a client.
 * @returns The handler with a rate limit.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, or the handler is missing.
 *
 * @example Count by user
 * ```ts
 * import { userOf } from "@portside/kit/http/auth";
 * import { rateLimit } from "@portside/kit/http/rate-limit";
 *
 * const handler = rateLimit(() => new Response(), {
 *   limit: 10,
 *   window: 1000,
 *   key: (request) => userOf(request) ?? "nobody",
 * });
 * console.assert(typeof handler === "function");
 * ```
 */
export function rateLimit(handler: HttpHandler, options: RateLimitOptions = {}): HttpHandler {
  callback("handler", handler);
  options = RULES.check("rateLimit", options);
  const { limit = 100, window = 60_000, maxKeys = 10_000 } = options;
  const { key = networkOf, store = new MemoryStore(maxKeys), headers = true } = options;
  const rule = { limit, window };
  // An infinite limit has no rest to state.
  const tells = headers && limit !== Infinity;
  return passRefusals(async (request, info) => {
    const who = key(request, info);
    if (who === null) return await handler(request, info);
    let decision: RateLimitDecision;
    try {
      const taking = store.take(who, rule);
      decision = taking instanceof Promise ? await taking : taking;
    } catch (cause) {
      throw new ProblemError(503, { detail: "The rate limit cannot be checked", cause });
    }
    const change = (target: Headers) => mark(target, rule, decision);
    if (!decision.allowed) {
      const seconds = secondsOf(decision.retryAfter);
      const response = problem(429, {
        detail: `More than ${limit} requests${window === Infinity ? "" : ` in ${window} ms`}`,
        headers: seconds === undefined ? {} : { "retry-after": seconds },
      });
      if (tells) change(response.headers);
      return response;
    }
    if (!tells) return await handler(request, info);
    alsoOnFailure(request, (response) => change(response.headers));
    return withHeaders(await handler(request, info), change);
  }, handler);
}

function mark(headers: Headers, { limit, window }: RateLimitRule, decision: RateLimitDecision) {
  headers.set("ratelimit-limit", String(limit));
  headers.set("ratelimit-remaining", String(Math.max(0, Math.floor(decision.remaining))));
  const reset = secondsOf(decision.reset);
  if (reset !== undefined) headers.set("ratelimit-reset", reset);
  const seconds = secondsOf(window);
  headers.set("ratelimit-policy", seconds === undefined ? `${limit}` : `${limit};w=${seconds}`);
}

/** Returns whole seconds, rounded up; undefined for Infinity. */
function secondsOf(ms: number): string | undefined {
  return Number.isFinite(ms) ? String(Math.max(0, Math.ceil(ms / 1000))) : undefined;
}

/** Counters in memory: one number per client. */
class MemoryStore implements RateLimitStore {
  readonly #maxKeys: number;
  /**
   * The time at which the budget of each client is full again, on the clock of `performance.now()`.
   * Clients are in the order of their last requests.
   */
  readonly #clearAt = new Map<string, number>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  take(key: string, { limit, window }: RateLimitRule): RateLimitDecision {
    // An endless window never renews a budget. Its clock stands still, and each request uses one of
    // `limit` units.
    const endless = window === Infinity;
    const span = endless ? limit : window;
    const step = endless ? 1 : window / limit;
    const now = endless ? 0 : performance.now();
    const before = Math.max(this.#clearAt.get(key) ?? 0, now);
    const early = before + step - span - now;
    // Ignore rounding errors of floating-point numbers.
    const allowed = early <= 1e-6;
    const clear = allowed ? before + step : before;
    // A refused request also keeps the client in the list. A client that tries again and again must
    // not be forgotten.
    if (!this.#clearAt.delete(key) && this.#clearAt.size >= this.#maxKeys) {
      this.#clearAt.delete(this.#clearAt.keys().next().value!);
    }
    this.#clearAt.set(key, clear);
    return {
      allowed,
      remaining: step === 0 ? limit : Math.floor((span - (clear - now)) / step + 1e-6),
      reset: endless ? Infinity : clear - now,
      retryAfter: endless ? Infinity : allowed ? 0 : early,
    };
  }
}

function networkOf(_request: Request, info: HttpInfo): string {
  return peerNetwork(peerHost(info.remoteAddr)!);
}
