/**
 * Errors of requests. Classes and stable fields identify the failure.
 *
 * ```text
 * Error
 * ├─ NetError                 net/errors/errors.ts: `kind` names the failure of the network
 * │  └─ HttpRequestError      a request failed: `sent` states whether the server may have seen it
 * │     └─ HttpTimeoutError   a time limit: `stage` names it
 * ├─ HttpStatusError          the server answered with 4xx or 5xx
 * └─ HttpDecodeError          the body has the wrong format: line, column, excerpt
 * ```
 *
 * URLs in errors contain neither credentials nor the query, which often contains keys.
 *
 * @example Handle failures by class
 * ```ts
 * import { createClient, HttpRequestError, HttpStatusError } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = free.addr;
 * free.close();
 * await using client = createClient({ retry: false });
 * let told = "";
 * try {
 *   await client.get(`http://127.0.0.1:${port}/?key=secret`);
 * } catch (error) {
 *   if (error instanceof HttpStatusError) told = `answered ${error.status}`;
 *   if (error instanceof HttpRequestError) told = `${error.kind}, sent: ${error.sent}`;
 * }
 * assertEquals(told, "refused, sent: no");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError, type NetErrorOptions } from "../../net/errors/errors.ts";
import { errorJson } from "../../net/internal/error_json.ts";
import { escapeControls } from "../../net/text.ts";
import { essenceOf } from "../internal/content_type.ts";

/**
 * The answer to the question whether a server may have seen a failed request: "no" if there was no
 * connection or nothing was written, otherwise "maybe".
 */
export type HttpSent = "no" | "maybe";

/**
 * The time limit that expired: waiting for a place in the pool, connecting, the head
 * of the response, the next piece of its body, or everything including all tries and waits.
 */
export type HttpStage = "queue" | "connect" | "headers" | "body" | "total";

/** A request before the final one: a failed try or a redirect. */
export interface HttpTry {
  /** The method of the request. */
  readonly method: string;
  /** The URL, without credentials and query. */
  readonly url: string;
  /** The status of the response; undefined without a response. */
  readonly status?: number;
  /** The error; undefined if there was a response. */
  readonly error?: Error;
  /** The target of the redirect, without credentials and query. */
  readonly location?: string;
  /** The wait before the next try, in milliseconds. */
  readonly delay?: number;
}

/** Options of {@linkcode HttpRequestError}. */
export interface HttpRequestErrorOptions extends NetErrorOptions {
  /** The method of the request. */
  method: string;
  /** The URL, without credentials and query. */
  url: string;
  /** Whether the server may have seen the request. */
  sent: HttpSent;
  /**
   * The earlier tries and redirects.
   *
   * @default none
   */
  history?: readonly HttpTry[];
}

/**
 * A request that failed without a usable response.
 *
 * @example Decide whether a payment may be sent again
 * ```ts
 * import { HttpRequestError } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new HttpRequestError("Cannot POST http://a/: reset", {
 *   kind: "reset",
 *   method: "POST",
 *   url: "http://a/",
 *   sent: "maybe",
 * });
 * assertEquals([error.sent, error.retryable], ["maybe", true]);
 * ```
 */
export class HttpRequestError extends NetError {
  /** The name of the class. */
  override readonly name: string = "HttpRequestError";
  /** The method of the request. */
  readonly method: string;
  /** The URL, without credentials and query. */
  readonly url: string;
  /** Whether the server may have seen the request. */
  readonly sent: HttpSent;
  /** The earlier tries and redirects, without the last try. */
  readonly history: readonly HttpTry[];

  /**
   * Makes an error.
   *
   * @param message A sentence for people.
   * @param options The machine-readable fields of the error.
   */
  constructor(message: string, options: HttpRequestErrorOptions) {
    super(message, options);
    this.method = options.method;
    this.url = options.url;
    this.sent = options.sent;
    this.history = options.history ?? [];
  }
}

/** Options of {@linkcode HttpTimeoutError}. */
export interface HttpTimeoutErrorOptions extends Omit<HttpRequestErrorOptions, "kind"> {
  /** The limit that expired. */
  stage: HttpStage;
  /** The limit in milliseconds. */
  limit: number;
}

/**
 * A request that exceeded a time limit; `kind` is "timeout".
 *
 * @example Find the limit that expired
 * ```ts
 * import { createClient, HttpTimeoutError } from "@portside/kit/http/client";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * await using client = createClient({ timeouts: { headers: 50 }, retry: false });
 * const error = await assertRejects(
 *   () => client.get(`http://127.0.0.1:${silent.addr.port}/`),
 *   HttpTimeoutError,
 * );
 * assertEquals([error.stage, error.limit], ["headers", 50]);
 * ```
 */
export class HttpTimeoutError extends HttpRequestError {
  /** The name of the class. */
  override readonly name = "HttpTimeoutError";
  /** The limit that expired. */
  readonly stage: HttpStage;
  /** The limit in milliseconds. */
  readonly limit: number;

  /**
   * Makes an error.
   *
   * @param message A sentence for people.
   * @param options The machine-readable fields of the error.
   */
  constructor(message: string, options: HttpTimeoutErrorOptions) {
    super(message, { ...options, kind: "timeout" });
    this.stage = options.stage;
    this.limit = options.limit;
  }
}

/** Problem details of a response (RFC 9457 §3.1). Members of a wrong type are left out. */
export interface ProblemDetails {
  /** A URI that identifies the kind of problem. */
  readonly type?: string;
  /** A short description of the kind of problem. */
  readonly title?: string;
  /** The status code that the server intended. */
  readonly status?: number;
  /** A description of this occurrence. */
  readonly detail?: string;
  /** A URI that identifies this occurrence. */
  readonly instance?: string;
  /** All other members. */
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** Options of {@linkcode HttpStatusError}. `cause` is the error of a body that could not be read. */
export interface HttpStatusErrorOptions extends ErrorOptions {
  /** The status code. */
  status: number;
  /** The reason phrase. */
  statusText: string;
  /** The headers of the response. */
  headers: Headers;
  /** The first part of the body. */
  body: string;
  /** The method of the request. */
  method: string;
  /** The URL, without credentials and query. */
  url: string;
  /**
   * The earlier tries and redirects.
   *
   * @default none
   */
  history?: readonly HttpTry[];
}

/**
 * A response whose status is an error.
 *
 * @example Read the problem details of the server
 * ```ts
 * import { HttpStatusError } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new HttpStatusError({
 *   status: 409,
 *   statusText: "Conflict",
 *   headers: new Headers({ "content-type": "application/problem+json" }),
 *   body: '{"title":"Taken","detail":"ada is taken","name":"ada"}',
 *   method: "PUT",
 *   url: "http://a/users/ada",
 * });
 * assertEquals(error.message, "Cannot PUT http://a/users/ada: 409 Conflict: ada is taken");
 * assertEquals(error.problem?.extensions, { name: "ada" });
 * ```
 */
export class HttpStatusError extends Error {
  /** The name of the class. */
  override readonly name = "HttpStatusError";
  /** The status code. */
  readonly status: number;
  /** The reason phrase, as the server sent it. */
  readonly statusText: string;
  /** The problem details in the body (RFC 9457); undefined without any. */
  readonly problem: ProblemDetails | undefined;
  /** The method of the request. */
  readonly method: string;
  /** The URL, without credentials and query. */
  readonly url: string;
  /** The earlier tries and redirects. */
  readonly history: readonly HttpTry[];
  // These may contain secrets, such as cookies. A log that prints the error must not show them.
  readonly #headers: Headers;
  readonly #body: string;

  /**
   * Makes an error.
   *
   * @param options The request and the response of the server.
   */
  constructor(options: HttpStatusErrorOptions) {
    const { status, statusText, method, url } = options;
    const problem = parseProblem(options.headers, options.body);
    const phrase = statusText === "" ? `${status}` : `${status} ${statusText}`;
    const detail = (problem?.detail ?? problem?.title ?? "").slice(0, 300);
    const end = detail === "" || detail === statusText ? "" : `: ${detail}`;
    const cause = "cause" in options ? { cause: options.cause } : undefined;
    super(escapeControls(`Cannot ${method} ${url}: ${phrase}${end}`), cause);
    this.status = status;
    this.statusText = statusText;
    this.#headers = options.headers;
    this.#body = options.body;
    this.problem = problem;
    this.method = method;
    this.url = url;
    this.history = options.history ?? [];
  }

  /** The headers of the response. Printing the error does not show them. */
  get headers(): Headers {
    return this.#headers;
  }

  /** The body as text, up to 64 KiB. Printing the error does not show it. */
  get body(): string {
    return this.#body;
  }

  /** Returns what `JSON.stringify` shows: the message and the fields, with control characters escaped. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/** Options of {@linkcode HttpDecodeError}. */
export interface HttpDecodeErrorOptions extends ErrorOptions {
  /** The URL, without credentials and query. */
  url: string;
  /** The status of the response. */
  status: number;
  /** The line of the first fault, from 1. */
  line?: number;
  /** The column of the first fault in UTF-16 units, from 1. */
  column?: number;
  /** The text around the fault. */
  excerpt?: string;
}

/**
 * A body in the wrong format, such as an HTML page instead of JSON.
 *
 * @example Find the place of the fault
 * ```ts
 * import { createClient, HttpDecodeError } from "@portside/kit/http/client";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("[1,\n 2;]"));
 * await using client = createClient({ baseUrl: `http://127.0.0.1:${server.addr.port}/` });
 * const error = await assertRejects(() => client.get("list").json(), HttpDecodeError);
 * assertEquals([error.line, error.column], [2, 3]);
 * ```
 */
export class HttpDecodeError extends Error {
  /** The name of the class. */
  override readonly name = "HttpDecodeError";
  /** The URL, without credentials and query. */
  readonly url: string;
  /** The status of the response. */
  readonly status: number;
  /** The line of the first fault, from 1; undefined if it is unknown. */
  readonly line: number | undefined;
  /** The column of the first fault in UTF-16 units, from 1. */
  readonly column: number | undefined;
  /** The text around the fault. */
  readonly excerpt: string | undefined;

  /**
   * Makes an error.
   *
   * @param message A sentence for people.
   * @param options The machine-readable fields of the error.
   */
  constructor(message: string, options: HttpDecodeErrorOptions) {
    super(escapeControls(message), "cause" in options ? { cause: options.cause } : undefined);
    this.url = options.url;
    this.status = options.status;
    this.line = options.line;
    this.column = options.column;
    this.excerpt = options.excerpt;
  }

  /** Returns what `JSON.stringify` shows: the message and the fields, with control characters escaped. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/** Reads problem details. It never throws, whatever the body contains. */
function parseProblem(headers: Headers, body: string): ProblemDetails | undefined {
  if (essenceOf(headers.get("content-type")) !== "application/problem+json") return undefined;
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const { type, title, status, detail, instance, ...extensions } = value as Record<
      string,
      unknown
    >;
    return {
      ...textMembers({ type, title, detail, instance }),
      ...(typeof status === "number" ? { status } : {}),
      extensions,
    };
  } catch {
    return undefined;
  }
}

function textMembers(members: Record<string, unknown>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(members)) {
    if (typeof value === "string") texts[name] = value;
  }
  return texts;
}
