/**
 * Problem details (RFC 9457): a common format for error responses.
 *
 * Throw a {@linkcode ProblemError} anywhere in a handler of `serveHttp`, or return
 * {@linkcode problem}. Any other error becomes a response 500 without details.
 *
 * @example An error response with details
 * ```ts
 * import { problem } from "@portside/kit/http/problem";
 * import { assertEquals } from "@std/assert";
 *
 * const response = problem(409, { detail: "The name is taken", extensions: { name: "ada" } });
 * assertEquals(response.headers.get("content-type"), "application/problem+json");
 * assertEquals(await response.json(), {
 *   title: "Conflict",
 *   status: 409,
 *   detail: "The name is taken",
 *   name: "ada",
 * });
 * ```
 *
 * **Permissions**: none. Source: RFC 9457.
 *
 * @module
 */

import { anObject, anything, integer, OptionRules, text } from "../net/internal/options.ts";
import { STATUS_TEXT } from "@std/http/status";

/** The members of a problem besides its status. */
export interface ProblemOptions {
  /** A URI for the kind of problem. Without it, only the status matters (RFC 9457 §3.1.1). */
  type?: string;
  /**
   * A short text, the same for all problems of one kind.
   *
   * @default the phrase of the status code
   */
  title?: string;
  /** A text about this occurrence for a person. The client receives it. */
  detail?: string;
  /** A URI for this occurrence. */
  instance?: string;
  /** Further members (RFC 9457 §3.2). They cannot replace those above. */
  extensions?: Readonly<Record<string, unknown>>;
  /** Headers of the response, such as `retry-after`. */
  headers?: HeadersInit;
}

/** Options of {@linkcode ProblemError}. */
export interface ProblemErrorOptions extends ProblemOptions {
  /** The cause of the error. It is logged and never sent. */
  cause?: unknown;
}

const checkStatus = integer(400, 599);

const PROBLEM = new OptionRules<ProblemOptions>({
  type: text,
  title: text,
  detail: text,
  instance: text,
  extensions: anObject,
  headers: anObject,
});

const PROBLEM_ERROR = new OptionRules<ProblemErrorOptions>({ ...PROBLEM.rules, cause: anything });

/**
 * An error that a handler throws to answer with problem details.
 *
 * @example Throw a problem
 * ```ts
 * import { ProblemError } from "@portside/kit/http/problem";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ProblemError(404, { detail: "There is no user 7" });
 * assertEquals(error.message, "404 Not Found: There is no user 7");
 * assertEquals(error.toResponse().status, 404);
 * ```
 */
export class ProblemError extends Error {
  /** The name of the class. */
  override readonly name = "ProblemError";
  /** The status code, 400 to 599. */
  readonly status: number;
  /** The members of the problem besides its status, and the headers. */
  readonly options: Readonly<ProblemOptions>;

  /**
   * Makes an error.
   *
   * @param status The status code, 400 to 599.
   * @param options The other members, the headers, and the cause.
   * @throws {RangeError} If the status is not from 400 to 599.
   * @throws {TypeError} If an option is unknown or has the wrong type.
   */
  constructor(status: number, options: ProblemErrorOptions = {}) {
    checkStatus("status", status);
    options = PROBLEM_ERROR.check("ProblemError", options);
    const { title = titleOf(status), detail } = options;
    super(
      `${status} ${title}${detail === undefined ? "" : `: ${detail}`}`,
      "cause" in options ? { cause: options.cause } : undefined,
    );
    const { cause: _, ...details } = options;
    this.status = status;
    this.options = details;
  }

  /**
   * Makes the response.
   *
   * @returns A new response with problem details.
   */
  toResponse(): Response {
    return encode(this.status, this.options);
  }
}

/**
 * Makes a response with problem details.
 *
 * @param status The status code, 400 to 599.
 * @param options The other members, and the headers.
 * @returns The response, of type `application/problem+json`.
 * @throws {RangeError} If the status is not from 400 to 599.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example Too many requests
 * ```ts
 * import { problem } from "@portside/kit/http/problem";
 * import { assertEquals } from "@std/assert";
 *
 * const response = problem(429, { headers: { "retry-after": "3" } });
 * assertEquals(response.headers.get("retry-after"), "3");
 * ```
 */
export function problem(status: number, options: ProblemOptions = {}): Response {
  checkStatus("status", status);
  options = PROBLEM.check("problem", options);
  return encode(status, options);
}

function encode(status: number, options: ProblemOptions): Response {
  const { type, title = titleOf(status), detail, instance, extensions } = options;
  const headers = new Headers(options.headers);
  headers.set("content-type", "application/problem+json");
  const members = { ...extensions, type, title, status, detail, instance };
  return new Response(JSON.stringify(members), { status, headers });
}

function titleOf(status: number): string {
  return STATUS_TEXT[status] ?? "Error";
}
