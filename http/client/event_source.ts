/**
 * A client for server-sent events, with any method, headers and body. Its loop over events continues
 * after broken connections. A new connection sends the ID of the last event (`Last-Event-ID`), so that the
 * server can continue there.
 *
 * @example Read events from several connections
 * ```ts
 * import { eventSource } from "@portside/kit/http/event-source";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, (request) => {
 *   const next = Number(request.headers.get("last-event-id") ?? 0) + 1;
 *   if (next > 3) return new Response(null, { status: 204 });
 *   return new Response(`id: ${next}\ndata: ${next}\n\n`, {
 *     headers: { "content-type": "text/event-stream" },
 *   });
 * });
 * const seen: string[] = [];
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * for await (const { data } of eventSource(url, { reconnectDelay: 5 })) seen.push(data);
 * assertEquals(seen, ["1", "2", "3"]);
 * ```
 *
 * **Permissions**: `--allow-net` for the host. Source: the WHATWG's HTML standard, "Server-sent
 * events".
 *
 * @module
 */

import { delay } from "@std/async/delay";
import {
  createClient,
  type HttpClient,
  type HttpRequestOptions,
  type HttpTimeouts,
} from "./client.ts";
import { HttpRequestError, HttpStatusError } from "./errors.ts";
import type { HttpResponse } from "./response.ts";
import { requestBody } from "./_request_body.ts";
import { textOf } from "./_response_text.ts";
import { checkMethod, isMethod } from "./_request_plan.ts";
import type { ServerSentEvent } from "./streams.ts";
import { parseRetryAfter } from "./retry.ts";
import { essenceOf } from "../internal/content_type.ts";
import { EventParser, EventTooLarge } from "./_event_parser.ts";
import { withHeaders } from "./_headers.ts";
import { backoff } from "../../net/internal/backoff.ts";
import {
  callback,
  count,
  flag,
  group,
  MAX_TIMER,
  milliseconds,
  OptionRules,
  rule,
} from "../../net/internal/options.ts";
import { aClient, REQUEST, TIMEOUTS, without } from "./_option_rules.ts";

export type { ServerSentEvent };

/** The end of a connection, and the wait before the next one. */
export interface EventSourceReconnect {
  /** The error; undefined if the server ended the stream normally. */
  readonly error: Error | undefined;
  /** The wait before the next connection, in milliseconds. */
  readonly delay: number;
  /** The ID of the last event, which the next connection sends. */
  readonly lastEventId: string;
}

/** Options of {@linkcode eventSource}. All times are in milliseconds. */
export interface EventSourceOptions
  extends
    Omit<HttpRequestOptions, "maxBody" | "onDownload" | "raiseForStatus" | "retry" | "timeouts"> {
  /**
   * The method of the request.
   *
   * @default "GET", or "POST" with a body
   */
  method?: string;
  /**
   * Whether a connection that has ended is followed by another one. A new connection sends the whole
   * request again, which a language model would answer anew. Without reconnecting, the loop ends with the
   * stream, and throws if the connection fails.
   *
   * @default true for GET, otherwise false
   */
  reconnect?: boolean;
  /** Time limits of each connection. `body` limits the silence of the stream, by default to 60000. */
  timeouts?: Omit<HttpTimeouts, "total">;
  /**
   * The client to use. The connection occupies one of its places as long as it is open.
   *
   * @default a new one with the defaults of `createClient`
   */
  client?: HttpClient;
  /**
   * The ID of the last event of an earlier run.
   *
   * @default ""
   */
  lastEventId?: string;
  /**
   * The wait before a new connection, unless the server sets it. It doubles after each connection
   * without an event.
   *
   * @default 3000
   */
  reconnectDelay?: number;
  /**
   * The shortest wait that a server can set. It prevents a rapid series of connections after `retry: 0`.
   *
   * @default 500
   */
  minReconnectDelay?: number;
  /**
   * The longest wait, whatever the server sets.
   *
   * @default 30000
   */
  maxReconnectDelay?: number;
  /**
   * The number of connections in a row without an event after which the loop throws the last error.
   * Infinity means never; 1 means no reconnection before the first event.
   *
   * @default 10
   */
  maxFailures?: number;
  /**
   * The largest size of an event in UTF-16 units.
   *
   * @default 1048576
   */
  maxEvent?: number;
  /** Runs before each wait for a new connection. */
  onReconnect?: (reconnect: EventSourceReconnect) => void;
}

/** Statuses of temporary failures. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Reads server-sent events until the loop ends, the signal is aborted, or the server answers with 204. A
 * request with another method than GET is sent once, unless `reconnect` is set.
 *
 * A stream that is silent for longer than the time limit `body` counts as broken. The default is 60
 * seconds.
 *
 * @param url The URL. It may be relative to the base URL of `client`.
 * @param options The client, the waits and the limits.
 * @returns The events. The first request starts when the loop starts.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, or if `reconnect` is set and the body
 * is a stream.
 * @throws {HttpStatusError} In the loop, if the server answers with the status of a permanent failure.
 * @throws {HttpRequestError} In the loop, if `maxFailures` is reached, if the response is no event stream
 * (`kind` "protocol"), or if an event is too large ("limit").
 *
 * @example Read events until a certain one
 * ```ts
 * import { eventStream } from "@portside/kit/http/event-stream";
 * import { eventSource } from "@portside/kit/http/event-source";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp(
 *   { port: 0 },
 *   eventStream(async function* () {
 *     yield { event: "end", data: "bye" };
 *   }),
 * );
 * for await (const { event, data } of eventSource(server.url)) {
 *   assertEquals(data, "bye");
 *   if (event === "end") break;
 * }
 * ```
 */
export function eventSource(
  url: string | URL,
  options: EventSourceOptions = {},
): AsyncGenerator<ServerSentEvent, void, void> {
  options = EVENT_SOURCE.check("eventSource", options);
  const { lastEventId = "", maxEvent = 1024 * 1024 } = options;
  const body = requestBody(options);
  const method = checkMethod(options.method ?? (body === undefined ? "GET" : "POST"));
  const reconnect = options.reconnect ?? method === "GET";
  if (body?.replayable === false && reconnect) {
    throw new TypeError("reconnect needs a body that can be sent again, and a stream cannot");
  }
  return listen(url, options, {
    method,
    reconnect,
    parser: new EventParser(maxEvent, lastEventId),
    base: options.reconnectDelay ?? 3000,
    least: options.minReconnectDelay ?? 500,
    most: Math.min(options.maxReconnectDelay ?? 30_000, MAX_TIMER),
    maxFailures: options.maxFailures ?? 10,
  });
}

/** The options that go to each request. */
const PASSED = without(REQUEST, "maxBody", "onDownload", "raiseForStatus", "retry", "timeouts");

const EVENT_SOURCE = new OptionRules<EventSourceOptions>({
  ...PASSED.rules,
  method: rule(
    "a token such as GET or POST, other than CONNECT",
    (value) => typeof value === "string" && isMethod(value),
  ),
  reconnect: flag,
  timeouts: group(without(TIMEOUTS, "total")),
  client: aClient,
  lastEventId: rule(
    "a string without NUL and line ends",
    (value) => typeof value === "string" && !/[\0\r\n]/.test(value),
  ),
  reconnectDelay: milliseconds,
  minReconnectDelay: milliseconds,
  maxReconnectDelay: milliseconds,
  maxFailures: count,
  maxEvent: count,
  onReconnect: callback,
});

interface Listening {
  readonly method: string;
  readonly reconnect: boolean;
  readonly parser: EventParser;
  readonly base: number;
  readonly least: number;
  readonly most: number;
  readonly maxFailures: number;
}

async function* listen(
  url: string | URL,
  options: EventSourceOptions,
  { method, reconnect, parser, base, least, most, maxFailures }: Listening,
): AsyncGenerator<ServerSentEvent, void, void> {
  const { signal, onReconnect } = options;
  const client = options.client ?? createClient();
  try {
    for (let failures = 0;;) {
      let brought = false;
      let error: Error | undefined;
      let asked: number | undefined;
      let response: HttpResponse | undefined;
      try {
        response = await connect(client, method, url, options, parser.lastEventId);
        if (response.status === 204) return;
        checkType(response, method);
        for await (const text of textOf(response, "utf-8")) {
          for (const event of parser.push(text)) {
            brought = true;
            yield { ...event, lastEventId: parser.lastEventId };
          }
        }
      } catch (thrown) {
        error = passing(thrown, response, method);
        if (!reconnect) throw error;
        if (error instanceof HttpStatusError) {
          asked = parseRetryAfter(error.headers.get("retry-after") ?? "", Date.now());
        }
      } finally {
        if (response?.bodyUsed === false) await response.body?.cancel();
      }
      if (!reconnect) return;
      parser.reset();
      failures = brought ? 0 : failures + 1;
      if (failures >= maxFailures) {
        throw error ??
          failure(response!, method, "protocol", `no event in ${failures} connections`);
      }
      const first = parser.retry === undefined ? base : Math.max(least, parser.retry);
      const wait = Math.min(
        most,
        Math.max(asked ?? 0, backoff(Math.max(1, failures), { minTimeout: first })),
      );
      onReconnect?.({ error, delay: wait, lastEventId: parser.lastEventId });
      await delay(wait, signal === undefined ? {} : { signal });
    }
  } finally {
    if (options.client === undefined) await client[Symbol.asyncDispose]();
  }
}

function connect(
  client: HttpClient,
  method: string,
  url: string | URL,
  options: EventSourceOptions,
  lastEventId: string,
): Promise<HttpResponse> {
  const { headers, timeouts } = options;
  const id = headerOf(lastEventId);
  return client.request(method, url, {
    ...PASSED.pick(options),
    headers: withHeaders(headers, {
      "accept": "text/event-stream",
      "cache-control": "no-store",
      ...id === undefined ? {} : { "last-event-id": id },
    }),
    // The loop of `listen` reconnects, and a stream has no end.
    retry: false,
    timeouts: { body: 60_000, ...timeouts, total: 0 },
    maxBody: Infinity,
    raiseForStatus: true,
  });
}

/** A limit on IDs, below the limits of common servers for a header. */
const MAX_ID = 4096;

/** Returns an ID as the value of a header in UTF-8; undefined if that is impossible. */
function headerOf(id: string): string | undefined {
  if (id === "" || id.length > MAX_ID) return undefined;
  const text = String.fromCharCode(...new TextEncoder().encode(id));
  // deno-lint-ignore no-control-regex -- these characters could break a header
  return /[\x00-\x1f\x7f]/.test(text) ? undefined : text;
}

function checkType(response: HttpResponse, method: string): void {
  const type = essenceOf(response.headers.get("content-type"));
  if (response.status === 200 && type === "text/event-stream") return;
  throw failure(response, method, "protocol", "the answer is no event stream");
}

/** Returns the error of a temporary failure. Throws all other errors. */
function passing(
  thrown: unknown,
  response: HttpResponse | undefined,
  method: string,
): Error {
  if (thrown instanceof EventTooLarge) throw failure(response!, method, "limit", thrown.message);
  if (thrown instanceof HttpStatusError && TRANSIENT.has(thrown.status)) return thrown;
  if (thrown instanceof HttpRequestError && thrown.retryable) return thrown;
  throw thrown;
}

function failure(
  { shownUrl: url, history }: HttpResponse,
  method: string,
  kind: "limit" | "protocol",
  reason: string,
): HttpRequestError {
  const options = { kind, method, url, history, sent: "maybe", phase: "response" } as const;
  return new HttpRequestError(`Cannot listen to ${url}: ${reason}`, options);
}
