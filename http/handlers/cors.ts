/**
 * Cross-origin resource sharing (CORS): allows pages of other origins to read responses. Only named
 * origins, methods and headers are allowed.
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
 * **Permissions**: none. Source: the CORS protocol in the Fetch standard of the WHATWG.
 *
 * @module
 */

import {
  callback,
  flag,
  integer,
  listOf,
  optionError,
  OptionRules,
  required,
  rule,
} from "../../net/internal/options.ts";
import { addVary, alsoOnFailure, passRefusals, withHeaders } from "../internal/response_headers.ts";
import type { HttpHandler } from "../server/options.ts";

/** Options of {@linkcode cors}. */
export interface CorsOptions {
  /**
   * The origins whose pages may read responses: a list such as `["https://app.example"]`, "*" for all
   * pages, or a function that decides. The function gets the value of `Origin`, which may be "null".
   */
  origins:
    | "*"
    | readonly string[]
    | ((origin: string, request: Request) => boolean | Promise<boolean>);
  /**
   * Allowed methods besides GET, HEAD and POST.
   *
   * @default none
   */
  methods?: readonly string[];
  /**
   * Allowed request headers besides those that are always allowed.
   *
   * @default none
   */
  headers?: readonly string[];
  /**
   * Response headers that a page may read besides the simple ones.
   *
   * @default none
   */
  exposeHeaders?: readonly string[];
  /**
   * Whether the browser may send cookies and logins. Not allowed together with "*".
   *
   * @default false
   */
  credentials?: boolean;
  /**
   * Time for which a browser may cache the result of a preflight, in seconds.
   *
   * @default 600
   */
  maxAge?: number;
}

/** An origin in the form in which browsers send it. */
const pageOrigin = rule(
  'an origin like "https://app.example"',
  (value) => {
    if (typeof value !== "string" || value === "null" || value.includes("*")) return false;
    return URL.parse(value)?.origin === value;
  },
);

/** A name of RFC 9110 §5.6.2. */
const token = rule(
  "a token",
  (value) => typeof value === "string" && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value),
);

const RULES = new OptionRules<CorsOptions>({
  origins: required((name, value) => {
    if (value === "*" || typeof value === "function") return;
    if (!Array.isArray(value)) throw optionError(name, '"*", an array or a function', value);
    return listOf(pageOrigin)(name, value);
  }),
  methods: listOf(token),
  headers: listOf(token),
  exposeHeaders: listOf(token),
  credentials: flag,
  maxAge: integer(0, Number.MAX_SAFE_INTEGER),
});

/**
 * Allows pages of other origins to use a handler.
 *
 * @param handler The handler whose responses pages may read.
 * @param options The allowed origins, methods and headers.
 * @returns The handler, which also answers preflights.
 * @throws {TypeError} If an origin, a method or a header is malformed, if `origins` is "*" together
 * with `credentials`, if an option is unknown, or if the handler is missing.
 * @throws {RangeError} If `maxAge` is out of range.
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
  callback("handler", handler);
  options = RULES.check("cors", options);
  const { origins, methods = [], headers = [], exposeHeaders = [], maxAge = 600 } = options;
  const credentials = options.credentials ?? false;
  if (origins === "*" && credentials) {
    throw new TypeError('Cannot allow credentials to every origin: name origins instead of "*"');
  }
  const isAllowed = allowedBy(origins);
  const allowMethods = ["GET", "HEAD", "POST", ...methods].join(", ");

  /** Adds the fields for an allowed origin, or only `Vary` for others. */
  const mark = (target: Headers, origin: string | null, allowed: boolean) => {
    // A cache must not send the response for one origin to another one.
    if (origins !== "*") addVary(target, "origin");
    if (!allowed) return;
    target.set("access-control-allow-origin", origins === "*" ? "*" : origin!);
    if (credentials) target.set("access-control-allow-credentials", "true");
  };

  /** Adds the fields of a response that does not answer a preflight. */
  const markResponse = (target: Headers, origin: string | null, allowed: boolean) => {
    mark(target, origin, allowed);
    if (allowed && exposeHeaders.length > 0) {
      target.set("access-control-expose-headers", exposeHeaders.join(", "));
    }
  };

  const wrapper: HttpHandler = async (request, info) => {
    const origin = request.headers.get("origin");
    const asks = request.headers.get("access-control-request-method");
    const decision = isAllowed(origin, request);
    // Only a function of the caller may return a promise.
    const allowed = typeof decision === "boolean" ? decision : await decision === true;
    if (request.method === "OPTIONS" && origin !== null && asks !== null) {
      const answer = new Headers();
      mark(answer, origin, allowed);
      if (allowed) {
        answer.set("access-control-allow-methods", allowMethods);
        if (headers.length > 0) answer.set("access-control-allow-headers", headers.join(", "));
        answer.set("access-control-max-age", String(maxAge));
      }
      return new Response(null, { status: 204, headers: answer });
    }
    const change = (target: Headers) => markResponse(target, origin, allowed);
    // A page must be able to read an error response, too.
    alsoOnFailure(request, (response) => change(response.headers));
    return withHeaders(await handler(request, info), change);
  };
  return passRefusals(wrapper, handler, (request, _info, response) => {
    const origin = request.headers.get("origin");
    // A refusal does not wait for a promise.
    markResponse(response.headers, origin, isAllowed(origin, request) === true);
  });
}

type Decision = (origin: string | null, request: Request) => boolean | Promise<boolean>;

function allowedBy(origins: CorsOptions["origins"]): Decision {
  // A shared cache may send the response to a request without `Origin` to a page.
  if (origins === "*") return () => true;
  if (typeof origins === "function") {
    return (origin, request) => origin !== null && origins(origin, request);
  }
  const known = new Set(origins);
  return (origin) => origin !== null && known.has(origin);
}
