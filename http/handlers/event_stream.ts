/**
 * Server-sent events: an async generator produces the events of a response. The response keeps silent
 * connections alive, waits for slow clients, and ends when the client leaves or the server shuts down.
 *
 * @example Count
 * ```ts
 * import { eventStream } from "@portside/kit/http/event-stream";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp(
 *   {},
 *   eventStream(async function* () {
 *     yield { id: "1", data: "one" };
 *     yield { event: "end", data: "two\nlines" };
 *   }),
 * );
 * const response = await fetch(server.url);
 * assertEquals(await response.text(), "id: 1\ndata: one\n\nevent: end\ndata: two\ndata: lines\n\n");
 * ```
 *
 * **Permissions**: none. Source: the HTML standard of the WHATWG, "Server-sent events".
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import {
  callback,
  milliseconds,
  optionError,
  OptionRules,
  timeLimit,
} from "../../net/internal/options.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { problem } from "../problem.ts";
import type { HttpHandler, HttpInfo } from "../server/options.ts";

/** A server-sent event. */
export interface EventMessage {
  /** The text. It may have several lines. */
  data?: string;
  /** The type. A browser uses `message` if it is missing. */
  event?: string;
  /** The id. A client that reconnects sends the id of its last event. */
  id?: string;
  /** The time that a client waits before it reconnects, in milliseconds. */
  retry?: number;
}

/** Information for a source of events about its client. */
export interface EventSourceInfo extends Pick<HttpInfo, "remoteAddr"> {
  /** Aborted when the client no longer listens. Use it for everything that the source waits for. */
  readonly signal: AbortSignal;
  /** The id of the last event that the client received before it reconnected, or "". */
  readonly lastEventId: string;
}

/** Produces the events for one client. */
export type EventSourceHandler = (
  request: Request,
  info: EventSourceInfo,
) => AsyncIterable<EventMessage>;

/** Options of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /**
   * Silence after which a comment is sent, in milliseconds, so that no proxy closes the connection. 0
   * and Infinity disable it.
   *
   * @default 15000
   */
  keepAlive?: number;
}

const RULES = new OptionRules<EventStreamOptions>({ keepAlive: milliseconds });

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const logger = getLogger(["portside", "http", "server"]);

/**
 * Returns a handler that sends the events of a source.
 *
 * @param source The function that produces the events for a client, usually an async generator.
 * @param options The interval of keep-alive comments.
 * @returns The handler, for GET and HEAD.
 * @throws {RangeError} If `keepAlive` is out of range.
 * @throws {TypeError} If the source is missing, or an option is unknown.
 *
 * @example Continue after the last event of a client
 * ```ts
 * import { eventStream } from "@portside/kit/http/event-stream";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp(
 *   {},
 *   eventStream(async function* (_request, { lastEventId }) {
 *     yield { data: `after ${lastEventId}` };
 *   }),
 * );
 * const response = await fetch(server.url, { headers: { "last-event-id": "7" } });
 * assertEquals(await response.text(), "data: after 7\n\n");
 * ```
 */
export function eventStream(
  source: EventSourceHandler,
  options: EventStreamOptions = {},
): HttpHandler {
  callback("source", source);
  options = RULES.check("eventStream", options);
  const keepAlive = timeLimit(options.keepAlive ?? 15_000);
  return (request, info) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problem(405, { headers: { allow: "GET, HEAD" } });
    }
    const headers = {
      "content-type": "text/event-stream",
      // Proxies must neither cache nor buffer events.
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    };
    if (request.method === "HEAD") return new Response(null, { headers });
    return new Response(new EventStream(source, request, info, keepAlive).body, { headers });
  };
}

/**
 * Encodes an event.
 *
 * @param message The event to encode.
 * @returns The lines of the event, with an empty line at the end.
 * @throws {TypeError} If `event` or `id` contains a line break or NUL.
 * @throws {RangeError} If `retry` is not an integer of at least 0.
 *
 * @example Two lines
 * ```ts
 * import { encodeEvent } from "@portside/kit/http/event-stream";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeEvent({ event: "a", data: "1\n2" }), "event: a\ndata: 1\ndata: 2\n\n");
 * ```
 */
export function encodeEvent(message: EventMessage): string {
  const { data, event, id, retry } = message;
  let text = "";
  for (const [name, value] of [["event", event], ["id", id]] as const) {
    if (value === undefined) continue;
    // deno-lint-ignore no-control-regex -- NUL makes clients ignore an id
    if (/[\r\n\u0000]/.test(value)) {
      throw new TypeError(`Cannot send an event: its ${name} contains a line break or NUL`);
    }
    text += `${name}: ${value}\n`;
  }
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) {
      throw optionError("retry", "an integer of at least 0", retry);
    }
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined) {
    for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  }
  return `${text}\n`;
}

/**
 * Returns the id that a client has sent. It is in UTF-8 (HTML Standard §9.2.4), but `Headers` have one
 * character per byte.
 */
function readId(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  try {
    return utf8.decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
  } catch {
    return value;
  }
}

class EventStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #stop = new AbortController();
  readonly #closing: AbortSignal;
  readonly #keepAlive: number;
  readonly #alarm: Alarm = new Alarm(() => this.#comment());
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #events!: AsyncIterator<EventMessage>;
  readonly #end = () => {
    if (this.#settle()) this.#controller.close();
  };

  constructor(
    source: EventSourceHandler,
    request: Request,
    info: HttpInfo,
    keepAlive: number,
  ) {
    this.#keepAlive = keepAlive;
    this.#closing = info.closing;
    this.#events = source(request, {
      signal: this.#stop.signal,
      lastEventId: readId(request.headers.get("last-event-id") ?? ""),
      remoteAddr: info.remoteAddr,
    })[Symbol.asyncIterator]();
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
        if (this.#closing.aborted) this.#end();
        else this.#closing.addEventListener("abort", this.#end, { once: true });
      },
      pull: () => this.#next(),
      cancel: () => void this.#settle(),
    }, { highWaterMark: 0 });
  }

  async #next(): Promise<void> {
    if (!this.#stop.signal.aborted) this.#alarm.start(this.#keepAlive);
    try {
      const { done, value } = await this.#events.next();
      this.#alarm.stop();
      if (this.#stop.signal.aborted) return;
      if (done) return this.#end();
      this.#controller.enqueue(encoder.encode(encodeEvent(value)));
    } catch (error) {
      if (!this.#settle()) return;
      logger.error("a source of events failed: {error}", { error });
      this.#controller.error(error);
    }
  }

  /** Sends a comment after a silence, while it waits for the source. */
  #comment(): void {
    this.#alarm.start(this.#keepAlive);
    // If the client has not read the last comment, send no other one.
    if ((this.#controller.desiredSize ?? 0) >= 0) {
      this.#controller.enqueue(encoder.encode(":\n\n"));
    }
  }

  /** Releases everything once. Returns whether this call has done it. */
  #settle(): boolean {
    if (this.#stop.signal.aborted) return false;
    this.#alarm.stop();
    this.#closing.removeEventListener("abort", this.#end);
    this.#stop.abort();
    // Do not await it: a generator that waits for something ends only after that.
    void ignoreFailure(this.#events.return?.());
    return true;
  }
}
