/** Prints the response of the HTTP client. @module */

import { HttpStatusError } from "../../http/client/errors.ts";
import type { HttpResponse } from "../../http/client/response.ts";
import { lines } from "../../http/client/streams.ts";
import { utf8Stream } from "../../net/internal/stream_decoder.ts";
import type { CliContext } from "../../tools/cli.ts";

/** The settings of the output. */
export interface OutputValues {
  readonly include: boolean;
  readonly json: boolean;
  /** Whether even a terminal gets the bytes as they are. */
  readonly raw: boolean;
  readonly timings: boolean;
}

/** A media type whose content is no text. */
const BINARY =
  /^(?:image\/(?!svg)|audio\/|video\/|font\/|application\/(?:octet-stream|pdf|.*zip))/i;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i;

/**
 * Prints a response. A pipe or a file gets the bytes of the body as they are; a terminal gets text without
 * control characters. A status of 400 or above is an error after its body has been printed.
 */
export async function show(
  response: HttpResponse,
  method: string,
  ctx: CliContext,
  values: OutputValues,
): Promise<void> {
  const { status, statusText, headers } = response;
  if (status < 400) return await showBody(response, ctx, values);
  const copy = response.clone();
  const [body] = await Promise.all([beginningOf(copy), showBody(response, ctx, values)]);
  throw new HttpStatusError({
    status,
    statusText,
    headers,
    body,
    method,
    url: response.shownUrl,
  });
}

/** The text of a body that is kept for the details of a problem, in UTF-16 units. */
const DETAILS = 64 * 1024;

/** Returns the beginning of a body. A pipe gets bodies of any size, which must not fill the memory. */
async function beginningOf({ body }: Response): Promise<string> {
  let text = "";
  if (body === null) return text;
  for await (const piece of body.pipeThrough(utf8Stream())) {
    text += piece;
    if (text.length >= DETAILS) break;
  }
  return text;
}

async function showBody(
  response: HttpResponse,
  ctx: CliContext,
  { include, json, raw, timings }: OutputValues,
): Promise<void> {
  if (json) {
    const value = await jsonOf(response);
    return ctx.printJson(timings ? { ...value, timings: { ...response.timings } } : value);
  }
  if (include) showHead(response, ctx);
  const type = response.headers.get("content-type") ?? "";
  if (raw || !ctx.io.stdoutIsTerminal) {
    for await (const chunk of response.body ?? []) ctx.write(chunk);
  } else if (BINARY.test(type)) {
    const { length } = await response.bytes();
    ctx.print(`${length} bytes of ${type}; use --output or a pipe to get them`);
  } else if (JSON_TYPE.test(type)) {
    for (const line of pretty(await response.text()).split("\n")) ctx.print(line);
  } else {
    for await (const line of lines(response, { maxLine: Infinity })) ctx.print(line);
  }
}

function showHead({ status, statusText, headers }: Response, ctx: CliContext): void {
  ctx.print(`${status} ${statusText}`.trimEnd());
  for (const [name, value] of headers) ctx.print(`${name}: ${value}`);
  ctx.print("");
}

function pretty(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}

/** Returns the value of a text; undefined if it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns a response as one JSON value. Its body is JSON, text, or Base64 if it is neither. */
async function jsonOf(response: HttpResponse): Promise<Record<string, unknown>> {
  const { status, statusText, url, headers, history } = response;
  const before = history.map(({ error, ...one }) => ({ ...one, error: error?.message }));
  const fields = { ...Object.fromEntries(headers), ...cookiesOf(headers) };
  const data = await response.clone().bytes();
  const type = headers.get("content-type") ?? "";
  const body = BINARY.test(type) || data.includes(0)
    ? { bodyBase64: data.toBase64() }
    : { body: bodyOf(await response.text(), type) };
  return { status, statusText, url, headers: fields, ...body, history: before };
}

/** Returns all values of `Set-Cookie`, which cannot be joined to one. */
function cookiesOf(headers: Headers): { "set-cookie"?: string[] } {
  const cookies = headers.getSetCookie();
  return cookies.length === 0 ? {} : { "set-cookie": cookies };
}

function bodyOf(text: string, type: string): unknown {
  return (JSON_TYPE.test(type) ? parsed(text) : undefined) ?? text;
}
