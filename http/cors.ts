/**
 * Cross-origin requests (CORS): which pages of other origins may read the
 * answers. Nothing is allowed that is not named.
 *
 * @example One page of another origin
 * ```ts
 * import { cors } from "@portside/kit/http/cors";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = cors(() => new Response("hi"), { origins: ["https://app.example"] });
 * await using server = serveHttp({}, handler);
 * const response = await fetch(server.url, { headers: { origin: "https://app.example" } });
 * assertEquals(response.headers.get("access-control-allow-origin"), "https://app.example");
 * await response.body?.cancel();
 * ```
 *
 * **Permissions**: none. Source: the CORS protocol of the WHATWG's Fetch standard.
 *
 * @module
 */

import { addVary, alsoOnFailure, withHeaders } from "./_headers.ts";
import type { HttpHandler } from "./server_options.ts";

/** Options of {@linkcode cors}. */
export interface CorsOptions {
  /** The origins that may read, e.g. `https://app.example`, or "*" for every page. */
  origins: "*" | readonly string[];
  /**
   * The methods besides GET, HEAD and POST.
   *
   * @default none
   */
  methods?: readonly string[];
  /**
   * The request headers besides those that are always allowed.
   *
   * @default none
   */
  headers?: readonly string[];
  /**
   * The headers of the answer that a page may read besides the simple ones.
   *
   * @default none
   */
  exposeHeaders?: readonly string[];
  /**
   * Whether cookies and logins of the browser may come along; not together with "*".
   *
   * @default false
   */
  credentials?: boolean;
  /**
   * How long a browser may remember what a preflight said, in seconds.
   *
   * @default 600
   */
  maxAge?: number;
}

/**
 * Lets pages of other origins use a handler.
 *
 * @param handler The handler.
 * @param options Who may do what.
 * @returns The handler, which also answers preflights.
 * @throws {TypeError} If an origin is none, or "*" comes with credentials.
 *
 * @example A preflight
 * ```ts
 * import { cors } from "@portside/kit/http/cors";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = cors(() => new Response(), { origins: "*", methods: ["PUT"] });
 * await using server = serveHttp({}, handler);
 * const response = await fetch(server.url, {
 *   method: "OPTIONS",
 *   headers: { origin: "https://a.example", "access-control-request-method": "PUT" },
 * });
 * assertEquals(response.status, 204);
 * assertEquals(response.headers.get("access-control-allow-methods"), "GET, HEAD, POST, PUT");
 * ```
 */
export function cors(handler: HttpHandler, options: CorsOptions): HttpHandler {
  const { origins, methods = [], headers = [], exposeHeaders = [], maxAge = 600 } = options;
  const credentials = options.credentials ?? false;
  if (origins === "*" && credentials) {
    throw new TypeError('Cannot allow credentials to every origin: name origins instead of "*"');
  }
  if (origins !== "*") origins.forEach(checkOrigin);
  const known = origins === "*" ? undefined : new Set(origins);
  const allowMethods = ["GET", "HEAD", "POST", ...methods].join(", ");

  const mark = (target: Headers, origin: string | null): boolean => {
    if (known !== undefined) addVary(target, "origin");
    if (origin === null || known?.has(origin) === false) return false;
    target.set("access-control-allow-origin", known === undefined ? "*" : origin);
    if (credentials) target.set("access-control-allow-credentials", "true");
    return true;
  };

  return async (request, info) => {
    const origin = request.headers.get("origin");
    const asks = request.headers.get("access-control-request-method");
    if (request.method === "OPTIONS" && origin !== null && asks !== null) {
      const answer = new Headers();
      if (mark(answer, origin)) {
        answer.set("access-control-allow-methods", allowMethods);
        if (headers.length > 0) answer.set("access-control-allow-headers", headers.join(", "));
        answer.set("access-control-max-age", String(maxAge));
      }
      return new Response(null, { status: 204, headers: answer });
    }
    const change = (target: Headers) => {
      const allowed = mark(target, origin);
      if (allowed && exposeHeaders.length > 0) {
        target.set("access-control-expose-headers", exposeHeaders.join(", "));
      }
    };
    // A page is to learn what is wrong with its request.
    alsoOnFailure(request, (response) => change(response.headers));
    return withHeaders(await handler(request, info), change);
  };
}

function checkOrigin(origin: string): void {
  if (URL.canParse(origin) && new URL(origin).origin === origin && origin !== "null") return;
  throw new TypeError(`Cannot allow the origin "${origin}": it is like "https://app.example"`);
}
