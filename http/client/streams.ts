/**
 * Readers for bodies that arrive piece by piece: server-sent events, lines, and JSON lines, as language
 * models and logs send them. They read any `Response`, whichever client it comes from, with any method.
 * Leaving the loop cancels the body. Each piece has a largest size, so memory is bounded.
 *
 * @example Read the tokens of a language model
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { events } from "@portside/kit/http/streams";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () =>
 *   new Response('data: {"token":"Hel"}\n\ndata: {"token":"lo"}\n\ndata: [DONE]\n\n', {
 *     headers: { "content-type": "text/event-stream" },
 *   }));
 * await using client = createClient();
 * const response = await client.post(`http://127.0.0.1:${server.addr.port}/v1/chat`, {
 *   json: { stream: true },
 * });
 * let text = "";
 * for await (const { data } of events(response)) {
 *   if (data === "[DONE]") break;
 *   text += JSON.parse(data).token;
 * }
 * assertEquals(text, "Hello");
 * ```
 *
 * **Permissions**: none. Source: the WHATWG's HTML standard, "Server-sent events"; RFC 7464.
 *
 * @module
 */

import { NetError } from "../../net/errors/errors.ts";
import { count, OptionRules } from "../../net/internal/options.ts";
import { decodeJson } from "./_decode_json.ts";
import { EventParser, EventTooLarge } from "./_event_parser.ts";
import { originOf, textOf } from "./_response_text.ts";

/** A server-sent event. */
export interface ServerSentEvent {
  /** The type of the event; "message" if the server states none. */
  readonly event: string;
  /** The text of the event, including line ends between its lines. */
  readonly data: string;
  /** The ID of the last event that had one, or "". */
  readonly lastEventId: string;
}

/** Options of {@linkcode events}. */
export interface EventsOptions {
  /**
   * The largest size of an event in UTF-16 units; Infinity for no limit.
   *
   * @default 1048576
   */
  maxEvent?: number;
}

/** Options of {@linkcode lines} and {@linkcode ndjson}. */
export interface LinesOptions {
  /**
   * The largest size of a line in UTF-16 units; Infinity for no limit.
   *
   * @default 1048576
   */
  maxLine?: number;
}

const EVENTS = new OptionRules<EventsOptions>({ maxEvent: count });
const LINES = new OptionRules<LinesOptions>({ maxLine: count });
const DEFAULT_SIZE = 1024 * 1024;

/**
 * Reads server-sent events from a response. It does not check the media type and does not reconnect;
 * `eventSource` does both.
 *
 * @param response The response. Its body must be unread.
 * @param options The largest size of an event.
 * @returns The events. An event without a blank line after it is incomplete and is dropped.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type; in the loop, if the body has been
 * read.
 * @throws {NetError} In the loop, if an event is too large; `kind` "limit".
 *
 * @example Events of the standard `fetch`
 * ```ts
 * import { events } from "@portside/kit/http/streams";
 * import { assertEquals } from "@std/assert";
 *
 * const response = new Response("event: tick\ndata: 1\n\n");
 * const [first] = await Array.fromAsync(events(response));
 * assertEquals(first, { event: "tick", data: "1", lastEventId: "" });
 * ```
 */
export function events(
  response: Response,
  options: EventsOptions = {},
): AsyncGenerator<ServerSentEvent, void, void> {
  const { maxEvent = DEFAULT_SIZE } = EVENTS.check("events", options);
  return readEvents(response, new EventParser(maxEvent, ""));
}

async function* readEvents(
  response: Response,
  parser: EventParser,
): AsyncGenerator<ServerSentEvent, void, void> {
  try {
    // Events are UTF-8, whatever the label says.
    for await (const text of textOf(response, "utf-8")) {
      for (const event of parser.push(text)) yield { ...event, lastEventId: parser.lastEventId };
    }
  } catch (error) {
    throw error instanceof EventTooLarge ? tooLarge(response, error.message) : error;
  }
}

/**
 * Reads the lines of a response. A line ends with LF or CR LF; the last one also with the body. The
 * charset is that of the byte order mark or of `Content-Type`.
 *
 * @param response The response. Its body must be unread.
 * @param options The largest size of a line.
 * @returns The lines without their ends. An empty body has none.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type; in the loop, if the body has been
 * read.
 * @throws {NetError} In the loop, if a line is too long; `kind` "limit".
 *
 * @example Count the lines of a log
 * ```ts
 * import { lines } from "@portside/kit/http/streams";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await Array.fromAsync(lines(new Response("a\r\nb\n\nc"))), ["a", "b", "", "c"]);
 * ```
 */
export function lines(
  response: Response,
  options: LinesOptions = {},
): AsyncGenerator<string, void, void> {
  const { maxLine = DEFAULT_SIZE } = LINES.check("lines", options);
  return readLines(response, maxLine);
}

async function* readLines(response: Response, most: number): AsyncGenerator<string, void, void> {
  /** The pieces of the incomplete line. */
  let pieces: string[] = [];
  let size = 0;
  const add = (piece: string) => {
    size += piece.length;
    if (size > most) throw tooLarge(response, `a line has more than ${most} characters`);
    pieces.push(piece);
  };
  for await (const text of textOf(response)) {
    let at = 0;
    for (let end; (end = text.indexOf("\n", at)) >= 0; at = end + 1) {
      add(text.slice(at, end));
      const line = pieces.join("");
      [pieces, size] = [[], 0];
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
    if (at < text.length) add(text.slice(at));
  }
  if (size > 0) yield pieces.join("");
}

/**
 * Reads JSON values from the lines of a response: newline-delimited JSON, JSON lines, and JSON text
 * sequences (RFC 7464). Blank lines are skipped.
 *
 * @typeParam T The expected type of a value. Nothing checks it.
 * @param response The response. Its body must be unread.
 * @param options The largest size of a line.
 * @returns The values, one for each line.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type; in the loop, if the body has been
 * read.
 * @throws {HttpDecodeError} In the loop, if a line is no JSON. The error names the line and the column.
 * @throws {NetError} In the loop, if a line is too long; `kind` "limit".
 *
 * @example Sum up values as they arrive
 * ```ts
 * import { ndjson } from "@portside/kit/http/streams";
 * import { assertEquals } from "@std/assert";
 *
 * let sum = 0;
 * for await (const { n } of ndjson<{ n: number }>(new Response('{"n":1}\n{"n":2}\n'))) sum += n;
 * assertEquals(sum, 3);
 * ```
 */
export function ndjson<T = unknown>(
  response: Response,
  options: LinesOptions = {},
): AsyncGenerator<T, void, void> {
  const { maxLine = DEFAULT_SIZE } = LINES.check("ndjson", options);
  return readJsonLines<T>(response, maxLine);
}

async function* readJsonLines<T>(
  response: Response,
  most: number,
): AsyncGenerator<T, void, void> {
  let number = 0;
  for await (const line of readLines(response, most)) {
    number++;
    // A JSON text sequence has this separator in front of each value.
    const json = line.startsWith("\x1e") ? line.slice(1) : line;
    if (/[^ \t\r]/.test(json)) yield decodeJson<T>(json, originOf(response), number);
  }
}

function tooLarge(response: Response, reason: string): NetError {
  const message = `Cannot read ${originOf(response).shownUrl}: ${reason}`;
  return new NetError(message, { kind: "limit", phase: "read" });
}
