/**
 * A limit of requests per client: so many in a window, evenly renewed; what is
 * beyond gets 429 with `Retry-After`. Memory is bounded: one number a client.
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
 * **Permissions**: none. Source: RFC 6585 §4; the algorithm is GCRA (ITU-T I.371).
 *
 * @module
 */

import { peerNetwork } from "../net/address.ts";
import { checkCount } from "./_server_limits.ts";
import { problem } from "./problem.ts";
import type { HttpHandler, HttpInfo } from "./server_options.ts";

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
   * @default the client's address; of IPv6 its network (the first 64 bits)
   */
  key?: (request: Request, info: HttpInfo) => string | null;
  /**
   * How many clients are remembered. One more replaces the client whose last request, answered or
   * refused, is the oldest.
   *
   * @default 10000
   */
  maxKeys?: number;
}

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
  const limit = checkCount("limit", options.limit, 100);
  const window = checkCount("window", options.window, 60_000);
  const maxKeys = checkCount("maxKeys", options.maxKeys, 10_000);
  const { key = networkOf } = options;
  // A window without an end never renews a budget: its clock stands still, and each request uses
  // one of `limit` units.
  const endless = window === Infinity;
  const span = endless ? limit : window;
  const step = endless ? 1 : window / limit;
  /** When the budget of each client is full again, on the clock of `performance.now`. */
  const clearAt = new Map<string, number>();
  return (request, info) => {
    const who = key(request, info);
    if (who === null) return handler(request, info);
    const now = endless ? 0 : performance.now();
    const before = clearAt.get(who) ?? 0;
    const clear = Math.max(before, now) + step;
    const early = clear - span - now;
    // These are floating-point numbers, so a difference this small means nothing.
    const refused = early > 1e-6;
    // The map is in order of the last request, refused ones included: a client that keeps asking
    // must not be the one that is forgotten.
    if (!clearAt.delete(who) && clearAt.size >= maxKeys) {
      clearAt.delete(clearAt.keys().next().value!);
    }
    clearAt.set(who, refused ? before : clear);
    if (!refused) return handler(request, info);
    const period = endless ? "" : ` in ${window} ms`;
    return problem(429, {
      detail: `More than ${limit} requests${period}`,
      headers: endless ? {} : { "retry-after": String(Math.ceil(early / 1000)) },
    });
  };
}

function networkOf(_request: Request, info: HttpInfo): string {
  return peerNetwork(info.remoteAddr.hostname);
}
