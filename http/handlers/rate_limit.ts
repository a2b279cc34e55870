/**
 * A limit on the requests of each client: a number per window, renewed evenly. Requests beyond it get
 * 429 with `Retry-After`. Every response tells what is left (`RateLimit-Limit`,
 * `RateLimit-Remaining`, `RateLimit-Reset`). Counters are in memory, one number per client, or in a
 * store that several processes share.
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
import { alsoOnFailure, passRefusals, withHeaders } from "../internal/headers.ts";
import { problem, ProblemError } from "../problem.ts";
import type { HttpHandler, HttpInfo } from "../server/options.ts";

/** Options of {@linkcode rateLimit}. */
export interface RateLimitOptions {
  /**
   * How many requests a client may send at once, and in each window.
   *
   * @default 100
   */
  limit?: number;
  /**
   * The window in milliseconds. With Infinity, a client gets `limit` requests and never another.
   *
   * @default 60000
   */
  window?: number;
  /**
   * What requests are counted by; null for those that are not counted.
   *
   * @default the client's address; of IPv6 its network (the first 64 bits). All clients on a Unix
   * socket are one, but for those that `trustProxy` or `proxyProtocol` names
   */
  key?: (request: Request, info: HttpInfo) => string | null;
  /**
   * How many clients are remembered in memory. One more replaces the client whose last request,
   * answered or refused, is the oldest.
   *
   * @default 10000
   */
  maxKeys?: number;
  /**
   * Where the counters are, for servers that share them. If it fails, requests get 503.
   *
   * @default in memory
   */
  store?: RateLimitStore;
  /**
   * Whether responses tell what is left.
   *
   * @default true
   */
  headers?: boolean;
}

/** What is allowed to one client. */
export interface RateLimitRule {
  /** How many requests. */
  readonly limit: number;
  /** In how many milliseconds; Infinity for never again. */
  readonly window: number;
}

/** What a store decides about one request. */
export interface RateLimitDecision {
  /** Whether the request is within the limit. */
  readonly allowed: boolean;
  /** How many more requests are allowed at once. */
  readonly remaining: number;
  /** In how many milliseconds the whole limit is available again. */
  readonly reset: number;
  /** In how many milliseconds the next request is allowed. */
  readonly retryAfter: number;
}

/** Counters of a rate limit. */
export interface RateLimitStore {
  /**
   * Counts one request, if it is within the limit, in one atomic step.
   *
   * @param key Whom it is counted for.
   * @param rule The limit.
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
 * Limits how often each client gets to a handler.
 *
 * @param handler The handler.
 * @param options How often.
 * @returns The handler with the limit.
 * @throws {RangeError} If an option is out of range.
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
  RULES.check("rateLimit", options);
  const { limit = 100, window = 60_000, maxKeys = 10_000 } = options;
  const { key = networkOf, store = new MemoryStore(maxKeys), headers = true } = options;
  const rule = { limit, window };
  // There is nothing to tell of a limit that does not exist.
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

/** Whole seconds, rounded up; undefined for never. */
function secondsOf(ms: number): string | undefined {
  return Number.isFinite(ms) ? String(Math.max(0, Math.ceil(ms / 1000))) : undefined;
}

/** Counters in memory: one number per client. */
class MemoryStore implements RateLimitStore {
  readonly #maxKeys: number;
  /**
   * When the budget of each client is full again, on the clock of `performance.now`, in order of
   * their last requests.
   */
  readonly #clearAt = new Map<string, number>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  take(key: string, { limit, window }: RateLimitRule): RateLimitDecision {
    // A window without an end never renews a budget: its clock stands still, and each request uses
    // one of `limit` units.
    const endless = window === Infinity;
    const span = endless ? limit : window;
    const step = endless ? 1 : window / limit;
    const now = endless ? 0 : performance.now();
    const before = Math.max(this.#clearAt.get(key) ?? 0, now);
    const early = before + step - span - now;
    // These are floating-point numbers, so a difference this small means nothing.
    const allowed = early <= 1e-6;
    const clear = allowed ? before + step : before;
    // A refused request counts as one, too: a client that keeps asking must not be forgotten.
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
