/**
 * A router for services: paths with parameters, 404, 405 with `Allow`, and responses to HEAD and
 * OPTIONS. A route is a method and a path. Among the matching routes, the most exact one wins. The
 * order of routes does not matter. The handler is called with `(request, info, params)`.
 *
 * | Pattern | Matches |
 * | --- | --- |
 * | `GET /users` | this path, with GET and HEAD |
 * | `GET /users/:id` | one more segment; `params.id` is the decoded segment |
 * | `GET /users/:id<int>` | an integer as the segment; `params.id` is a number |
 * | `GET /items/:id<uuid>` | a UUID as the segment; `params.id` is in lower case |
 * | `/files/*` | all methods and all paths below; `params["*"]` is the decoded rest |
 *
 * @example Three routes
 * ```ts
 * import { router } from "@portside/kit/http/router";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { json } from "@portside/kit/http/json";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp(
 *   {},
 *   router({
 *     "GET /": () => json({ message: "Hello, World!" }),
 *     "GET /users/:id": (_request, _info, { id }) => json({ id }),
 *     "PUT /users/:id": () => json({ changed: true }),
 *   }),
 * );
 * assertEquals(await (await fetch(`${server.url}/users/7`)).json(), { id: "7" });
 * const refused = await fetch(`${server.url}/users/7`, { method: "DELETE" });
 * assertEquals(refused.status, 405);
 * assertEquals(refused.headers.get("allow"), "GET, HEAD, OPTIONS, PUT");
 * await refused.body?.cancel();
 * ```
 *
 * **Permissions**: none. Source: RFC 9110 §9, §15.5.
 *
 * @module
 */

import { anObject, callback, OptionRules, rule, text } from "../../net/internal/options.ts";
import { problem } from "../problem.ts";
import type { HttpHandler, HttpInfo } from "../server/options.ts";
import type { RouteHandler, RouteParams } from "./_route_params.ts";
import {
  findRoute,
  type RouteSearch,
  RouteTable,
  type RouteTarget,
  splitPath,
  targetOf,
} from "./_route_table.ts";

export type * from "./_route_params.ts";

/** Options of {@linkcode router}. */
export interface RouterOptions {
  /**
   * The path in front of all routes, such as `/api`, for a router that is mounted as `"/api/*"` in
   * another router. Its handlers see the whole URL.
   *
   * @default ""
   */
  prefix?: string;
  /**
   * Answers requests that match no route.
   *
   * @default returns problem details of status 404
   */
  notFound?: HttpHandler;
}

const RULES = new OptionRules<RouterOptions>({
  prefix: rule(
    'a path like "/api", or ""',
    (value) => value === "" || (typeof value === "string" && /^(?:\/[^/*:?#\s]+)+$/.test(value)),
  ),
  notFound: callback,
});

const NO_PARAMS: Readonly<Record<string, string | number>> = Object.freeze({});

/**
 * Makes a handler from a table of routes.
 *
 * @typeParam P The patterns.
 * @param routes The handlers by pattern, such as `"GET /users/:id"`.
 * @param options The prefix, and the handler for other paths.
 * @returns The handler, for `serveHttp`.
 * @throws {TypeError} If a pattern is malformed, if two patterns match the same requests, or if an
 * option is unknown.
 *
 * @example Requests that match no route
 * ```ts
 * import { router } from "@portside/kit/http/router";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({}, router({}, { notFound: () => new Response("nothing") }));
 * assertEquals(await (await fetch(server.url)).text(), "nothing");
 * ```
 */
export function router<const P extends string>(
  routes: { readonly [K in P]: RouteHandler<K> },
  options: RouterOptions = {},
): HttpHandler {
  anObject("routes", routes);
  options = RULES.check("router", options);
  const table = new RouteTable();
  const { prefix = "" } = options;
  for (const [pattern, handler] of Object.entries(routes)) {
    table.add(pattern, prefix, handler as RouteHandler<never>);
  }
  const { notFound = () => problem(404) } = options;
  return (request, info) => {
    const path = pathOf(request.url);
    const { method } = request;
    // The common case is a path without parameters.
    const exact = targetOf(table.exact.get(path), method);
    if (exact !== undefined) return exact.handler(request, info, NO_PARAMS as never);
    if (path === "/*" && method === "OPTIONS") return allowed(table.methods);
    const segments = splitPath(path);
    if (segments === undefined) {
      return problem(400, { detail: "The path of the request is malformed" });
    }
    const search: RouteSearch = { segments, method, values: [], leaves: [] };
    const target = findRoute(table.root, 0, search);
    if (target !== undefined) {
      return target.handler(request, info, paramsOf(target, search.values) as never);
    }
    if (search.leaves.length === 0) return notFound(request, info);
    const methods = search.leaves.flatMap((leaf) => [...leaf.keys()]);
    if (method === "OPTIONS") return allowed(methods);
    const allow = allowOf(methods);
    return problem(405, { detail: `This path allows ${allow}`, headers: { allow } });
  };
}

/**
 * Adds a prefix to the patterns of some routes, and a wrapper to their handlers.
 *
 * @typeParam P The patterns.
 * @param prefix The path in front of each pattern, such as `/admin`, without parameters.
 * @param routes The routes, in the form of {@linkcode router}.
 * @param wrap The function that wraps each handler, for example with authentication.
 * @returns The new routes, to be spread into those of a router.
 * @throws {TypeError} If an argument has the wrong type.
 *
 * @example Routes behind a login
 * ```ts
 * import { bearerAuth } from "@portside/kit/http/auth";
 * import { group, router } from "@portside/kit/http/router";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = router({
 *   "GET /": () => new Response("public"),
 *   ...group("/admin", {
 *     "GET /users/:id<int>": (_request, _info, { id }) => new Response(`${id + 1}`),
 *   }, (handler) => bearerAuth(handler, { tokens: ["t0ken"] })),
 * });
 * await using server = serveHttp({}, handler);
 * const headers = { authorization: "Bearer t0ken" };
 * const response = await fetch(`${server.url}/admin/users/41`, { headers });
 * assertEquals(await response.text(), "42");
 * ```
 */
export function group<const P extends string>(
  prefix: string,
  routes: { readonly [K in P]: RouteHandler<K> },
  wrap: (handler: HttpHandler) => HttpHandler = (handler) => handler,
): Record<string, RouteHandler> {
  text("prefix", prefix);
  anObject("routes", routes);
  callback("wrap", wrap);
  const grouped: Record<string, RouteHandler> = {};
  for (const [pattern, handler] of Object.entries(routes)) {
    const space = pattern.indexOf(" ");
    const path = pattern.slice(space + 1);
    const whole = pattern.slice(0, space + 1) + prefix + (path === "/" ? "" : path);
    grouped[whole] = withParams(wrap, handler as RouteHandler<never>);
  }
  return grouped;
}

/** Wraps a route once, because a wrapper may have state, such as the counters of a rate limit. */
function withParams(
  wrap: (handler: HttpHandler) => HttpHandler,
  handler: RouteHandler<never>,
): RouteHandler {
  // A wrapper may pass on another request, but it passes on the same info.
  const passing = new WeakMap<HttpInfo, RouteParams>();
  const inner = wrap((request, info) => handler(request, info, passing.get(info) as never));
  return (request, info, params) => {
    passing.set(info, params);
    return inner(request, info);
  };
}

function allowed(methods: Iterable<string>): Response {
  return new Response(null, { status: 204, headers: { allow: allowOf(methods) } });
}

function paramsOf({ params }: RouteTarget, values: readonly string[]): RouteParams {
  if (params.length === 0) return NO_PARAMS;
  // No prototype, so that `in` finds only the names of the pattern.
  const found: Record<string, string | number> = Object.create(null);
  for (let i = 0; i < params.length; i++) {
    const { name, type } = params[i]!;
    const value = values[i]!;
    found[name] = type === "int" ? Number(value) : type === "uuid" ? value.toLowerCase() : value;
  }
  return found;
}

/** Returns the path as it was sent. `new URL` would resolve dots, and is slower. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}

function allowOf(methods: Iterable<string>): string {
  const all = new Set(methods).add("OPTIONS");
  if (all.has("GET")) all.add("HEAD");
  return Array.from(all).sort().join(", ");
}
