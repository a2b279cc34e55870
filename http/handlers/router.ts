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

/** The types of parameters, such as `int` in `:id<int>`, and the types of their values. */
export interface RouteParamTypes {
  /** An integer of at most 15 digits. */
  int: number;
  /** A UUID (RFC 9562), in lower case. */
  uuid: string;
}

/** The parameters of one segment of a pattern. */
export type RouteSegmentParams<S extends string> = S extends "*" ? { readonly "*": string }
  : S extends `:${infer Name}<${infer Type}>`
    ? { readonly [K in Name]: Type extends keyof RouteParamTypes ? RouteParamTypes[Type] : never }
  : S extends `:${infer Name}` ? { readonly [K in Name]: string }
  : Record<never, never>;

/** The parameters of a literal pattern. */
export type RoutePatternParams<P extends string> = P extends `${infer Head}/${infer Rest}`
  ? RouteSegmentParams<Head> & RoutePatternParams<Rest>
  : RouteSegmentParams<P>;

/** The parameters of a path, decoded and converted to their types. */
export type RouteParams<P extends string = string> = string extends P
  ? Readonly<Record<string, string | number>>
  : RoutePatternParams<P>;

/** Answers the requests of one route. */
export type RouteHandler<P extends string = string> = (
  request: Request,
  info: HttpInfo,
  params: RouteParams<P>,
) => Response | Promise<Response>;

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

/** The target of a method of a path. */
interface Target {
  readonly handler: RouteHandler<never>;
  /** The parameters, in the order of the path. */
  readonly params: readonly Param[];
}

interface Param {
  readonly name: string;
  readonly type: keyof RouteParamTypes | undefined;
}

/** A path of the table: its targets by method. "" stands for any method. */
type Leaf = Map<string, Target>;

interface Branch {
  readonly fixed: Map<string, Branch>;
  /** Parameters. Those with a type precede the others. */
  readonly params: { readonly type: Param["type"]; readonly branch: Branch }[];
  leaf: Leaf | undefined;
  rest: Leaf | undefined;
}

/** The syntax of each type of parameter. */
const TYPES: Readonly<Record<keyof RouteParamTypes, RegExp>> = {
  int: /^-?\d{1,15}$/,
  uuid: /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i,
};

const METHOD = /^[A-Z][A-Z0-9_-]*$/;
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
  const table = new Table();
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
    const segments = split(path);
    if (segments === undefined) {
      return problem(400, { detail: "The path of the request is malformed" });
    }
    const search: Search = { segments, method, values: [], leaves: [] };
    const target = find(table.root, 0, search);
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

function targetOf(leaf: Leaf | undefined, method: string): Target | undefined {
  if (leaf === undefined) return undefined;
  // The transport does not send the body of a response to HEAD.
  return leaf.get(method) ?? (method === "HEAD" ? leaf.get("GET") : undefined) ?? leaf.get("");
}

function allowed(methods: Iterable<string>): Response {
  return new Response(null, { status: 204, headers: { allow: allowOf(methods) } });
}

function paramsOf({ params }: Target, values: readonly string[]): RouteParams {
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

/**
 * A `.` or `..` between separators. A segment may contain an encoded slash or backslash, so a decoded
 * parameter could lead upwards although no segment of the path does.
 */
const CLIMBS = /(?:^|[/\\])\.\.?(?:[/\\]|$)/;

/** Returns the decoded segments. Undefined if one cannot be decoded, leads upwards, or has a NUL. */
function split(path: string): string[] | undefined {
  const segments = path.slice(1).split("/");
  if (path.includes("%")) {
    for (let i = 0; i < segments.length; i++) {
      try {
        segments[i] = decodeURIComponent(segments[i]!);
      } catch {
        return undefined;
      }
    }
  }
  for (const segment of segments) {
    if (CLIMBS.test(segment) || segment.includes("\0")) return undefined;
  }
  return segments;
}

/** The state of one search for a path. */
interface Search {
  readonly segments: readonly string[];
  readonly method: string;
  /** The values of the parameters so far. */
  readonly values: string[];
  /** Matching paths without the method. */
  readonly leaves: Leaf[];
}

/** Finds the most exact path with the method: fixed segments, then parameters, then `*`. */
function find(branch: Branch, at: number, search: Search): Target | undefined {
  const { segments, values } = search;
  if (at === segments.length) return take(branch.leaf, search);
  const segment = segments[at]!;
  const fixed = branch.fixed.get(segment);
  let target = fixed && find(fixed, at + 1, search);
  if (target !== undefined) return target;
  const depth = values.length;
  for (const { type, branch: next } of branch.params) {
    if (segment === "" || (type !== undefined && !TYPES[type].test(segment))) continue;
    values.push(segment);
    target = find(next, at + 1, search);
    if (target !== undefined) return target;
    values.length = depth;
  }
  if (branch.rest === undefined) return undefined;
  values.push(segments.slice(at).join("/"));
  target = take(branch.rest, search);
  if (target === undefined) values.length = depth;
  return target;
}

function take(leaf: Leaf | undefined, search: Search): Target | undefined {
  const target = targetOf(leaf, search.method);
  if (target === undefined && leaf !== undefined) search.leaves.push(leaf);
  return target;
}

class Table {
  readonly root: Branch = sprout();
  /** The paths without parameters. */
  readonly exact = new Map<string, Leaf>();
  /** The methods of all paths. */
  readonly methods = new Set<string>();

  add(pattern: string, prefix: string, handler: RouteHandler<never>): void {
    const [method, path] = pattern.startsWith("/") ? ["", pattern] : pattern.split(" ", 2);
    const wrong = (why: string) => new TypeError(`Cannot use the route "${pattern}": ${why}`);
    if (path === undefined || !path.startsWith("/")) throw wrong('it must be like "GET /path"');
    if (method !== "" && !METHOD.test(method!)) throw wrong("its method must be in capitals");
    if (typeof handler !== "function") throw wrong("its handler must be a function");
    const whole = prefix + (prefix !== "" && path === "/" ? "" : path);
    const segments = whole.slice(1).split("/");
    const params: Param[] = [];
    let branch = this.root;
    let leaf: Leaf | undefined;
    for (const [i, segment] of segments.entries()) {
      if (segment === "*") {
        if (i < segments.length - 1) throw wrong("* is only allowed at its end");
        params.push({ name: "*", type: undefined });
        leaf = branch.rest ??= new Map();
      } else if (segment.startsWith(":")) {
        const param = readParam(segment, wrong);
        if (params.some(({ name }) => name === param.name)) {
          throw wrong(`it has ${segment} twice`);
        }
        params.push(param);
        branch = paramOf(branch, param.type);
      } else {
        if (/[*?#\s]/.test(segment)) throw wrong(`"${segment}" is not a segment of a path`);
        let next = branch.fixed.get(segment);
        if (next === undefined) branch.fixed.set(segment, next = sprout());
        branch = next;
      }
    }
    leaf ??= branch.leaf ??= new Map();
    if (leaf.has(method!)) throw wrong("another route matches the same requests");
    leaf.set(method!, { handler, params });
    if (params.length === 0) this.exact.set(whole, leaf);
    if (method !== "") this.methods.add(method!);
  }
}

function readParam(segment: string, wrong: (why: string) => TypeError): Param {
  const match = /^:(\w+)(?:<(\w+)>)?$/.exec(segment);
  if (match === null) throw wrong(`"${segment}" is not a parameter`);
  const [, name, type] = match;
  if (type === undefined) return { name: name!, type };
  if (!Object.hasOwn(TYPES, type)) {
    throw wrong(`the type ${type} is unknown: use ${Object.keys(TYPES).join(" or ")}`);
  }
  return { name: name!, type: type as keyof RouteParamTypes };
}

/** Returns the branch for parameters of a type, which is made if it is missing. */
function paramOf(branch: Branch, type: Param["type"]): Branch {
  const known = branch.params.find((one) => one.type === type);
  if (known !== undefined) return known.branch;
  const made = { type, branch: sprout() };
  if (type === undefined) branch.params.push(made);
  else branch.params.unshift(made);
  return made.branch;
}

function sprout(): Branch {
  return { fixed: new Map(), params: [], leaf: undefined, rest: undefined };
}

function allowOf(methods: Iterable<string>): string {
  const all = new Set(methods).add("OPTIONS");
  if (all.has("GET")) all.add("HEAD");
  return Array.from(all).sort().join(", ");
}
