/**
 * Problem details (RFC 9457): one shape for every error that a server answers.
 *
 * Throw a {@linkcode ProblemError} anywhere in a handler of `serveHttp`, or
 * return {@linkcode problem}. Whatever else is thrown becomes a 500 that tells
 * the client nothing of its cause.
 *
 * @example Refuse with details
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

/** What a problem tells besides its status. */
export interface ProblemOptions {
  /** A URI that names the kind of problem; without it the status says all (RFC 9457 §3.1.1). */
  type?: string;
  /**
   * A short text, the same for all problems of the kind.
   *
   * @default the phrase of the status code
   */
  title?: string;
  /** A text for a person, about this one occurrence. The client gets to read it. */
  detail?: string;
  /** A URI that names this occurrence. */
  instance?: string;
  /** Members besides (RFC 9457 §3.2); they cannot replace those above. */
  extensions?: Readonly<Record<string, unknown>>;
  /** Headers of the answer, e.g. `retry-after`. */
  headers?: HeadersInit;
}

/** Options of {@linkcode ProblemError}. */
export interface ProblemErrorOptions extends ProblemOptions {
  /** What led to it; logged, never sent. */
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
 * An error that a handler throws to end a request with problem details.
 *
 * @example Throw it
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
  /** Tells this class of errors from others. */
  override readonly name = "ProblemError";
  /** The status code, 400 to 599. */
  readonly status: number;
  /** What it tells besides. */
  readonly options: Readonly<ProblemOptions>;

  /**
   * Makes an error.
   *
   * @param status The status code, 400 to 599.
   * @param options What it tells besides.
   * @throws {RangeError} If the status is none of an error.
   */
  constructor(status: number, options: ProblemErrorOptions = {}) {
    checkStatus("status", status);
    PROBLEM_ERROR.check("ProblemError", options);
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
   * Makes the answer.
   *
   * @returns A new response with problem details.
   */
  toResponse(): Response {
    return encode(this.status, this.options);
  }
}

/**
 * Makes an answer with problem details.
 *
 * @param status The status code, 400 to 599.
 * @param options What it tells besides.
 * @returns The answer, of type `application/problem+json`.
 * @throws {RangeError} If the status is none of an error.
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
  PROBLEM.check("problem", options);
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
