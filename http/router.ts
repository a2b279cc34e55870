/**
 * A small router for services of a few dozen routes: paths with parameters, 404,
 * 405 with `Allow`, HEAD and OPTIONS by themselves. A route is a method and a
 * path; the most exact path wins, whatever the order. Its handler is called with
 * `(request, info, params)`.
 *
 * | pattern | matches |
 * | --- | --- |
 * | `GET /users` | that path, with GET and HEAD |
 * | `GET /users/:id` | one segment more; `params.id` is it, decoded |
 * | `/files/*` | any method, and anything below; `params["*"]` is it, decoded |
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

import { problem } from "./problem.ts";
import type { HttpHandler, HttpInfo } from "./server_options.ts";

/** The names of the parameters in a pattern. */
export type RouteParamNames<P extends string> = P extends `${infer Head}/${infer Rest}`
  ? RouteParamNames<Head> | RouteParamNames<Rest>
  : P extends `:${infer Name}` ? Name
  : P extends "*" ? "*"
  : never;

/** What the segments of a path were, decoded. */
export type RouteParams<P extends string = string> = string extends P
  ? Readonly<Record<string, string>>
  : { readonly [Name in RouteParamNames<P>]: string };

/** Answers the requests of one route. */
export type RouteHandler<P extends string = string> = (
  request: Request,
  info: HttpInfo,
  params: RouteParams<P>,
) => Response | Promise<Response>;

/** Options of {@linkcode router}. */
export interface RouterOptions {
  /**
   * Answers what no route matches.
   *
   * @default problem details of status 404
   */
  notFound?: HttpHandler;
}

/** What a method of a path leads to. */
interface Target {
  readonly handler: RouteHandler<never>;
  /** The names of the parameters, in the order of the path. */
  readonly names: readonly string[];
}

/** A path of the table: its methods, of which "" stands for any. */
interface Leaf {
  readonly methods: Map<string, Target>;
  allow: string;
}

interface Branch {
  readonly fixed: Map<string, Branch>;
  any: Branch | undefined;
  leaf: Leaf | undefined;
  rest: Leaf | undefined;
}

const METHOD = /^[A-Z][A-Z0-9_-]*$/;
const NO_VALUES: readonly string[] = [];
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Makes a handler of a table of routes.
 *
 * @typeParam P The patterns.
 * @param routes A handler for each pattern: `"GET /users/:id"`.
 * @param options What answers the rest.
 * @returns The handler, for `serveHttp`.
 * @throws {TypeError} If a pattern is malformed, or two are the same.
 *
 * @example What no route matches
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
  const table = new Table();
  for (const [pattern, handler] of Object.entries(routes)) {
    table.add(pattern, handler as RouteHandler<never>);
  }
  const { notFound = () => problem(404) } = options;
  return (request, info) => {
    const path = pathOf(request.url);
    const leaf = table.exact.get(path);
    // The common case: a path without parameters, as it stands in the table.
    if (leaf !== undefined) return dispatch(leaf, request, info, NO_VALUES);
    if (path === "/*" && request.method === "OPTIONS") return allowed(table.allow);
    const segments = split(path);
    if (segments === undefined) {
      return problem(400, { detail: "The path of the request is malformed" });
    }
    const values: string[] = [];
    const found = find(table.root, segments, 0, values);
    return found === undefined ? notFound(request, info) : dispatch(found, request, info, values);
  };
}

function dispatch(
  leaf: Leaf,
  request: Request,
  info: HttpInfo,
  values: readonly string[],
): Response | Promise<Response> {
  const { methods } = leaf;
  const { method } = request;
  // The transport leaves the body of an answer to HEAD out.
  const target = methods.get(method) ?? (method === "HEAD" ? methods.get("GET") : undefined) ??
    methods.get("");
  if (target !== undefined) {
    const { handler, names } = target;
    return handler(request, info, (names.length === 0 ? NO_PARAMS : zip(names, values)) as never);
  }
  if (method === "OPTIONS") return allowed(leaf.allow);
  return problem(405, {
    detail: `This path knows ${leaf.allow}`,
    headers: { allow: leaf.allow },
  });
}

function allowed(allow: string): Response {
  return new Response(null, { status: 204, headers: { allow } });
}

function zip(names: readonly string[], values: readonly string[]): Record<string, string> {
  // No prototype, for the names are a programmer's but `in` is asked by many.
  const params: Record<string, string> = Object.create(null);
  for (let i = 0; i < names.length; i++) params[names[i]!] = values[i]!;
  return params;
}

/** The path as it was sent: `new URL` would resolve its dots, and costs more. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}

/**
 * A `.` or `..` between separators. A segment may hold an encoded slash or backslash, so a parameter
 * could climb although no segment of the path as it was sent does.
 */
const CLIMBS = /(?:^|[/\\])\.\.?(?:[/\\]|$)/;

/** Returns the decoded segments, or undefined if one cannot be decoded, climbs, or holds a NUL. */
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

/** The most exact match: fixed segments before parameters before the rest. */
function find(
  branch: Branch,
  segments: readonly string[],
  at: number,
  values: string[],
): Leaf | undefined {
  if (at === segments.length) {
    if (branch.leaf !== undefined) return branch.leaf;
  } else {
    const segment = segments[at]!;
    const fixed = branch.fixed.get(segment);
    let leaf = fixed && find(fixed, segments, at + 1, values);
    if (leaf === undefined && branch.any !== undefined && segment !== "") {
      values.push(segment);
      leaf = find(branch.any, segments, at + 1, values);
      if (leaf === undefined) values.pop();
    }
    if (leaf !== undefined) return leaf;
    if (branch.rest !== undefined) values.push(segments.slice(at).join("/"));
    return branch.rest;
  }
  return undefined;
}

class Table {
  readonly root: Branch = sprout();
  /** The paths without parameters. */
  readonly exact = new Map<string, Leaf>();
  /** Every method of any path. */
  allow = "OPTIONS";
  readonly #methods = new Set<string>();

  add(pattern: string, handler: RouteHandler<never>): void {
    const [method, path] = pattern.startsWith("/") ? ["", pattern] : pattern.split(" ", 2);
    const wrong = (why: string) => new TypeError(`Cannot use the route "${pattern}": ${why}`);
    if (path === undefined || !path.startsWith("/")) throw wrong('it is like "GET /path"');
    if (method !== "" && !METHOD.test(method!)) throw wrong("its method is in capitals");
    const segments = path.slice(1).split("/");
    const names: string[] = [];
    let branch = this.root;
    let leaf: Leaf | undefined;
    for (const [i, segment] of segments.entries()) {
      if (segment === "*") {
        if (i < segments.length - 1) throw wrong("* stands at its end alone");
        names.push("*");
        leaf = branch.rest ??= bud();
      } else if (segment.startsWith(":")) {
        const name = segment.slice(1);
        if (!/^\w+$/.test(name)) throw wrong(`"${segment}" is no name`);
        if (names.includes(name)) throw wrong(`${segment} is there twice`);
        names.push(name);
        branch = branch.any ??= sprout();
      } else {
        if (/[*?#\s]/.test(segment)) throw wrong(`"${segment}" is no segment of a path`);
        let next = branch.fixed.get(segment);
        if (next === undefined) branch.fixed.set(segment, next = sprout());
        branch = next;
      }
    }
    leaf ??= branch.leaf ??= bud();
    if (leaf.methods.has(method!)) throw wrong("there is another for the same requests");
    leaf.methods.set(method!, { handler, names });
    leaf.allow = allowOf(leaf.methods.keys());
    if (names.length === 0) this.exact.set(path, leaf);
    if (method !== "") this.#methods.add(method!);
    this.allow = allowOf(this.#methods);
  }
}

function sprout(): Branch {
  return { fixed: new Map(), any: undefined, leaf: undefined, rest: undefined };
}

function bud(): Leaf {
  return { methods: new Map(), allow: "" };
}

function allowOf(methods: Iterable<string>): string {
  const all = new Set(methods).add("OPTIONS");
  if (all.has("GET")) all.add("HEAD");
  return Array.from(all).sort().join(", ");
}
