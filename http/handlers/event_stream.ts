/**
 * Server-sent events: an async generator becomes an answer that goes on. It
 * keeps silent connections alive, waits for clients that read slowly, and ends
 * when the client goes or the server shuts down.
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
 * **Permissions**: none. Source: the WHATWG's HTML standard, "Server-sent events".
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import {
  callback,
  milliseconds,
  optionError,
  OptionRules,
  timeLimit,
} from "../../net/internal/options.ts";
import { problem } from "../problem.ts";
import type { HttpHandler, HttpInfo } from "../server/options.ts";

/** One event. */
export interface EventMessage {
  /** What it says; lines are kept. */
  data?: string;
  /** Its type; `message` for the browser if there is none. */
  event?: string;
  /** What a client that reconnects names as the last that it has got. */
  id?: string;
  /** How long a client is to wait before it reconnects, in milliseconds. */
  retry?: number;
}

/** What a source of events learns. */
export interface EventSourceInfo extends Pick<HttpInfo, "remoteAddr"> {
  /** Aborted when nobody listens any more: to be passed on to whatever the source waits for. */
  readonly signal: AbortSignal;
  /** The last event that the client got before it reconnected, or "". */
  readonly lastEventId: string;
}

/** Tells the events for one client. */
export type EventSourceHandler = (
  request: Request,
  info: EventSourceInfo,
) => AsyncIterable<EventMessage>;

/** Options of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /**
   * After how much silence a comment is sent, in milliseconds, so that nobody on
   * the way takes the connection for dead; 0 for never.
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
 * Makes a handler of a source of events.
 *
 * @param source Called for each client; mostly an async generator.
 * @param options How silence is kept alive.
 * @returns The handler.
 * @throws {RangeError} If `keepAlive` is out of range.
 *
 * @example Go on where a client was
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
  RULES.check("eventStream", options);
  const keepAlive = timeLimit(options.keepAlive ?? 15_000);
  return (request, info) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problem(405, { headers: { allow: "GET, HEAD" } });
    }
    const headers = {
      "content-type": "text/event-stream",
      // Whatever stands between must neither keep nor gather events.
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    };
    if (request.method === "HEAD") return new Response(null, { headers });
    return new Response(new EventStream(source, request, info, keepAlive).body, { headers });
  };
}

/**
 * Writes one event.
 *
 * @param message The event.
 * @returns Its lines.
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
    // deno-lint-ignore no-control-regex
    if (/[\r\n\u0000]/.test(value)) {
      throw new TypeError(`Cannot send an event: its ${name} has a line break or NUL`);
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
 * Returns the id that a client names. It is sent as UTF-8 (HTML Standard §9.2.4), but fields are read
 * as one character per byte.
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
  #timer: ReturnType<typeof setTimeout> | undefined;
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
    this.#wait();
    try {
      const { done, value } = await this.#events.next();
      clearTimeout(this.#timer);
      if (this.#stop.signal.aborted) return;
      if (done) return this.#end();
      this.#controller.enqueue(encoder.encode(encodeEvent(value)));
    } catch (error) {
      if (!this.#settle()) return;
      logger.error("a source of events failed: {error}", { error });
      this.#controller.error(error);
    }
  }

  /** A comment after each silence, as long as the source is waited for. */
  #wait(): void {
    if (this.#keepAlive === Infinity || this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => {
      // Nothing more while the last has not been taken: a client that reads slowly queues nothing.
      if ((this.#controller.desiredSize ?? 0) >= 0) {
        this.#controller.enqueue(encoder.encode(":\n\n"));
      }
      this.#wait();
    }, this.#keepAlive);
  }

  /** Lets everything go, once; says whether it was this time. */
  #settle(): boolean {
    if (this.#stop.signal.aborted) return false;
    clearTimeout(this.#timer);
    this.#closing.removeEventListener("abort", this.#end);
    this.#stop.abort();
    // Not awaited: a generator that waits for something ends only when that comes.
    this.#events.return?.().catch(() => {});
    return true;
  }
}
