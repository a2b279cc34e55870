/**
 * JSON in requests and responses: {@linkcode readJson} reads a body, with a limit and with errors that
 * name line and column, and {@linkcode json} makes a response.
 *
 * @example Read a body and respond
 * ```ts
 * import { json, readJson } from "@portside/kit/http/json";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/", {
 *   method: "POST",
 *   headers: { "content-type": "application/json" },
 *   body: '{"name": "ada"}',
 * });
 * const { name } = await readJson<{ name: string }>(request, { maxSize: 1024 });
 * assertEquals(await json({ hello: name }).text(), '{"hello":"ada"}');
 * ```
 *
 * **Permissions**: none. Source: RFC 8259.
 *
 * @module
 */

import { count, flag, OptionRules } from "../../net/internal/options.ts";
import { harmlessCause } from "../../net/internal/error_json.ts";
import { parseDigits } from "../../net/text.ts";
import { aRequest, checkNotCompressed, Collector } from "./_body_collector.ts";
import { essenceOf } from "../internal/content_type.ts";
import { takeWholeBody } from "../internal/lazy_request.ts";
import { jsonPlace } from "../internal/json_error.ts";
import { ProblemError } from "../problem.ts";

/** Options of {@linkcode readJson}. */
export interface ReadJsonOptions {
  /**
   * Maximum size of the body, in bytes.
   *
   * @default 1048576
   */
  maxSize?: number;
  /**
   * Whether the media type of the request must be `application/json`, or end in `+json`.
   *
   * @default true
   */
  checkType?: boolean;
}

const RULES = new OptionRules<ReadJsonOptions>({ maxSize: count, checkType: flag });

/** The types of JSON: RFC 8259 §11, RFC 6839 §3.1. */
const JSON_TYPE = /^application\/(?:json|[a-z0-9_.!#$&^+-]+\+json)$/;

const JSON_HEADERS = { "content-type": "application/json" };

/**
 * Reads the body of a request as JSON. The value is not checked against the type parameter.
 *
 * @typeParam T The type that the caller expects.
 * @param request The request, whose body is read.
 * @param options The maximum size, and whether to check the media type.
 * @returns The value of the JSON text.
 * @throws {ProblemError} Of status 413 above the limit, 415 for another media type or a compressed body,
 * 400 for a body that is not JSON or not UTF-8. The message names line and column.
 * @throws {RangeError} If the limit is out of range.
 * @throws {TypeError} If `request` is no request, or an option is unknown or has the wrong type.
 *
 * @example The place of a syntax error
 * ```ts
 * import { readJson } from "@portside/kit/http/json";
 * import { ProblemError } from "@portside/kit/http/problem";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const request = new Request("http://localhost/", {
 *   method: "POST",
 *   headers: { "content-type": "application/json" },
 *   body: '{\n  "a": 1,\n}',
 * });
 * const error = await assertRejects(() => readJson(request), ProblemError);
 * assertEquals(error.status, 400);
 * assertEquals(
 *   error.options.detail,
 *   "The body is not JSON: expected a name in double quotes at line 3, column 1",
 * );
 * ```
 */
export async function readJson<T = unknown>(
  request: Request,
  options?: ReadJsonOptions,
): Promise<T> {
  aRequest("request", request);
  RULES.checkBriefly("readJson", options);
  const { maxSize = 1024 * 1024, checkType = true } = options ?? {};
  const { headers } = request;
  if (checkType) {
    if (!JSON_TYPE.test(essenceOf(headers.get("content-type")))) {
      throw new ProblemError(415, {
        detail: "The body must be JSON: send the header content-type: application/json",
        headers: { accept: "application/json" },
      });
    }
  }
  checkNotCompressed(request);
  const text = decode(await readWithin(request, maxSize));
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { line, column, reason } = jsonPlace(text);
    throw new ProblemError(400, {
      detail: `The body is not JSON: ${reason} at line ${line}, column ${column}`,
      extensions: { line, column },
      cause: harmlessCause(cause),
    });
  }
}

/**
 * Makes a JSON response.
 *
 * @param value The value for `JSON.stringify`. A value that has no JSON text, such as undefined, becomes
 * `null`.
 * @param init The status and the headers. A `content-type` in them takes precedence.
 * @returns The response with the JSON text.
 * @throws {TypeError} If the value is circular or contains a BigInt.
 *
 * @example Created
 * ```ts
 * import { json } from "@portside/kit/http/json";
 * import { assertEquals } from "@std/assert";
 *
 * const response = json({ id: 7 }, { status: 201, headers: { location: "/users/7" } });
 * assertEquals(response.status, 201);
 * assertEquals(response.headers.get("content-type"), "application/json");
 * ```
 */
export function json(value: unknown, init?: ResponseInit): Response {
  if (init === undefined && typeof value === "object") {
    try {
      // This is the fastest way in Deno.
      return Response.json(value);
    } catch { /* The code below throws the error, or handles null. */ }
  }
  const text = JSON.stringify(value) ?? "null";
  if (init?.headers === undefined) {
    return new Response(text, { ...init, headers: JSON_HEADERS });
  }
  const headers = new Headers(init.headers);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return new Response(text, { ...init, headers });
}

async function readWithin(request: Request, maxSize: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new ProblemError(413, { detail: `The body has more than ${maxSize} bytes` });
  // This only saves time. The bytes are counted below, whatever length was announced.
  const announced = parseDigits(request.headers.get("content-length") ?? "");
  if (announced !== undefined && announced > maxSize) throw tooLarge();
  const whole = takeWholeBody(request);
  if (whole !== undefined) {
    if (whole.length > maxSize) throw tooLarge();
    return whole;
  }
  const collector = new Collector();
  // Leaving the loop by a throw cancels the stream.
  for await (const chunk of request.body ?? []) {
    if (collector.size + chunk.length > maxSize) throw tooLarge();
    collector.add(chunk);
  }
  return collector.bytes();
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ProblemError(400, { detail: "The body is not UTF-8", cause });
  }
}
