/**
 * What can go wrong with a request, told apart by class and by stable fields.
 *
 * ```text
 * Error
 * ├─ NetError                 net/errors/errors.ts: `kind` says what the network did
 * │  └─ HttpRequestError      a request failed: `sent` says whether the server may have seen it
 * │     └─ HttpTimeoutError   a time limit: `stage` says which
 * ├─ HttpStatusError          the server answered 4xx or 5xx
 * └─ HttpDecodeError          the body is not what was asked for: line, column, place
 * ```
 *
 * URLs in errors bear neither credentials nor the query, which often holds keys.
 *
 * @example Tell failures apart
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
import { escapeControls } from "../../net/text.ts";
import { essenceOf } from "../internal/content_type.ts";

/**
 * Whether a server may have seen a request that failed: "no" if the connection
 * did not come about or nothing was written, "maybe" otherwise.
 */
export type HttpSent = "no" | "maybe";

/**
 * The time limit that was hit: waiting for a place in the pool, connecting (only
 * with a dialer), the head of the answer, the next piece of its body, or
 * everything together with all tries and waits.
 */
export type HttpStage = "queue" | "connect" | "headers" | "body" | "total";

/** One request that was sent or tried on the way to a result: a retry or a redirect. */
export interface HttpTry {
  /** Its method. */
  readonly method: string;
  /** Its URL, without credentials and query. */
  readonly url: string;
  /** The status of the answer, if there was one. */
  readonly status?: number;
  /** What failed, if there was no answer. */
  readonly error?: Error;
  /** Where the answer redirected to, without credentials and query. */
  readonly location?: string;
  /** How long was waited before the next try, in milliseconds. */
  readonly delay?: number;
}

/** What an {@linkcode HttpRequestError} is made of. */
export interface HttpRequestErrorOptions extends NetErrorOptions {
  /** The method of the request. */
  method: string;
  /** The URL, without credentials and query. */
  url: string;
  /** Whether the server may have seen the request. */
  sent: HttpSent;
  /**
   * The tries and redirects before.
   *
   * @default none
   */
  history?: readonly HttpTry[];
}

/**
 * A request that failed without a usable answer.
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
  /** The tries and redirects before, this last one not included. */
  readonly history: readonly HttpTry[];

  /**
   * Makes an error.
   *
   * @param message A sentence for a person.
   * @param options The machine-readable part.
   */
  constructor(message: string, options: HttpRequestErrorOptions) {
    super(message, options);
    this.method = options.method;
    this.url = options.url;
    this.sent = options.sent;
    this.history = options.history ?? [];
  }
}

/** What an {@linkcode HttpTimeoutError} is made of. */
export interface HttpTimeoutErrorOptions extends Omit<HttpRequestErrorOptions, "kind"> {
  /** The limit that was hit. */
  stage: HttpStage;
  /** How long it was, in milliseconds. */
  limit: number;
}

/**
 * A time limit of a request was hit; `kind` is "timeout".
 *
 * @example Which limit it was
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
  /** The limit that was hit. */
  readonly stage: HttpStage;
  /** How long it was, in milliseconds. */
  readonly limit: number;

  /**
   * Makes an error.
   *
   * @param message A sentence for a person.
   * @param options The machine-readable part.
   */
  constructor(message: string, options: HttpTimeoutErrorOptions) {
    super(message, { ...options, kind: "timeout" });
    this.stage = options.stage;
    this.limit = options.limit;
  }
}

/** Problem details as a server sent them (RFC 9457 §3.1). What is of a wrong type is left out. */
export interface ProblemDetails {
  /** A URI that names the kind of problem. */
  readonly type?: string;
  /** The kind of problem in words. */
  readonly title?: string;
  /** The status code that the server meant. */
  readonly status?: number;
  /** This one occurrence in words. */
  readonly detail?: string;
  /** A URI that names this occurrence. */
  readonly instance?: string;
  /** All other members. */
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** What an {@linkcode HttpStatusError} is made of; `cause` says why its body is not there. */
export interface HttpStatusErrorOptions extends ErrorOptions {
  /** The status code. */
  status: number;
  /** The phrase beside it. */
  statusText: string;
  /** The headers of the answer. */
  headers: Headers;
  /** The first piece of its body. */
  body: string;
  /** The method of the request. */
  method: string;
  /** The URL, without credentials and query. */
  url: string;
  /**
   * The tries and redirects before.
   *
   * @default none
   */
  history?: readonly HttpTry[];
}

/**
 * An answer whose status is an error.
 *
 * @example Problem details of the server
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
  /** The phrase beside it, as the server sent it. */
  readonly statusText: string;
  /** The problem details in the body (RFC 9457), if it has any. */
  readonly problem: ProblemDetails | undefined;
  /** The method of the request. */
  readonly method: string;
  /** The URL, without credentials and query. */
  readonly url: string;
  /** The tries and redirects before. */
  readonly history: readonly HttpTry[];
  // What may hold secrets, such as cookies, must not be in a log that shows the error.
  readonly #headers: Headers;
  readonly #body: string;

  /**
   * Makes an error.
   *
   * @param options What the server answered.
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

  /** The headers of the answer; not shown where the error is printed. */
  get headers(): Headers {
    return this.#headers;
  }

  /** The first 64 KiB of its body at the most, as text; not shown where the error is printed. */
  get body(): string {
    return this.#body;
  }
}

/** What an {@linkcode HttpDecodeError} is made of. */
export interface HttpDecodeErrorOptions extends ErrorOptions {
  /** The URL, without credentials and query. */
  url: string;
  /** The status of the answer. */
  status: number;
  /** The line of the first fault, from 1. */
  line?: number;
  /** The column of the first fault in UTF-16 units, from 1. */
  column?: number;
  /** The text around the fault. */
  excerpt?: string;
}

/**
 * A body that is not what was asked for, such as a page of HTML where JSON was wanted.
 *
 * @example The place of the fault
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
  /** The status of the answer. */
  readonly status: number;
  /** The line of the first fault, from 1, where one is known. */
  readonly line: number | undefined;
  /** The column of the first fault in UTF-16 units, from 1. */
  readonly column: number | undefined;
  /** The text around the fault. */
  readonly excerpt: string | undefined;

  /**
   * Makes an error.
   *
   * @param message A sentence for a person.
   * @param options The machine-readable part.
   */
  constructor(message: string, options: HttpDecodeErrorOptions) {
    super(escapeControls(message), "cause" in options ? { cause: options.cause } : undefined);
    this.url = options.url;
    this.status = options.status;
    this.line = options.line;
    this.column = options.column;
    this.excerpt = options.excerpt;
  }
}

/** Reads problem details; whatever the body is, it never throws. */
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
