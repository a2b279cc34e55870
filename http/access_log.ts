/**
 * One structured log entry for each request, once its response has been sent: client, method, path,
 * status, duration. Each request has an id, in the log, in the response and for calls to other
 * services. It belongs to a trace (W3C Trace Context): that of the client, or one that begins here.
 *
 * @example Log to an array
 * ```ts
 * import { type AccessEntry, accessLog } from "@portside/kit/http/access-log";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const entries: AccessEntry[] = [];
 * const handler = accessLog(() => new Response("hi"), { log: (entry) => entries.push(entry) });
 * {
 *   await using server = serveHttp({}, handler);
 *   const response = await fetch(`${server.url}/a?secret=1`);
 *   assertEquals(await response.text(), "hi");
 *   await server.shutdown();
 * }
 * assertEquals([entries[0]!.method, entries[0]!.path, entries[0]!.status], ["GET", "/a", 200]);
 * ```
 *
 * Without `log` entries go to the LogTape category `portside.http.access`. The
 * query is left out, for it may hold credentials. Deno's own OpenTelemetry
 * (`OTEL_DENO=true`) traces the same requests besides, under the same trace id; Deno
 * knows of those of `Deno.serve` alone, so it traces none of a hardened server.
 *
 * **Permissions**: none. Source: W3C Trace Context.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { formatAddress } from "../net/address.ts";
import { escapeControls } from "../net/text.ts";
import type { HttpHandler } from "./server_options.ts";
import { alsoOnFailure, withHeaders } from "./_headers.ts";
import { beginTrace, readTrace, traceFields } from "./_trace_context.ts";
import { ProblemError } from "./problem.ts";

/** What is logged of a request. */
export interface AccessEntry {
  /** The id of the request. */
  readonly id: string;
  /** The id of the trace that it belongs to: 32 hexadecimal digits. */
  readonly trace: string;
  /** The address of the client. */
  readonly peer: string;
  /** The method. */
  readonly method: string;
  /** The path without the query, its control characters escaped. */
  readonly path: string;
  /**
   * The status of the answer; 500 if the handler threw, 503 if its time was up, 0 if the client
   * had gone by then.
   */
  readonly status: number;
  /** From the request's head to the end of the answer, in milliseconds. */
  readonly duration: number;
  /** The `User-Agent` of the client, its control characters escaped; undefined without one. */
  readonly userAgent: string | undefined;
}

/** Options of {@linkcode accessLog}. */
export interface AccessLogOptions {
  /**
   * Takes the entries.
   *
   * @default an info record of LogTape
   */
  log?: (entry: AccessEntry) => void;
  /**
   * Whether an id in the client's `X-Request-Id` is taken over. Only behind a
   * proxy of yours that sets it.
   *
   * @default false
   */
  trustRequestId?: boolean;
}

/** What {@linkcode requestContext} knows. */
export interface RequestContext {
  /** The id of the request. */
  readonly id: string;
  /**
   * Header fields that carry id and trace on, for one call to another service. Each use gives a
   * `traceparent` with a parent id of its own.
   */
  readonly headers: Readonly<Record<string, string>>;
}

const logger = getLogger(["portside", "http", "access"]);
const contexts = new WeakMap<Request, RequestContext>();

const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/**
 * Logs what a handler answers.
 *
 * @param handler The handler.
 * @param options Where to.
 * @returns The handler with the log.
 *
 * @example The id in the answer
 * ```ts
 * import { accessLog } from "@portside/kit/http/access-log";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertMatch } from "@std/assert";
 *
 * await using server = serveHttp({}, accessLog(() => new Response(), { log() {} }));
 * const response = await fetch(server.url);
 * assertMatch(response.headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
 * await response.body?.cancel();
 * ```
 */
export function accessLog(handler: HttpHandler, options: AccessLogOptions = {}): HttpHandler {
  const { log = logEntry, trustRequestId = false } = options;
  return async (request, info) => {
    const started = performance.now();
    const { method, url } = request;
    const peer = formatAddress(info.remoteAddr);
    const given = trustRequestId ? request.headers.get("x-request-id") ?? "" : "";
    const id = REQUEST_ID.test(given) ? given : crypto.randomUUID();
    const trace = readTrace(request.headers) ?? beginTrace();
    const userAgent = request.headers.get("user-agent");
    contexts.set(request, {
      id,
      get headers() {
        return { "x-request-id": id, ...traceFields(trace) };
      },
    });
    const mark = (headers: Headers) => headers.set("x-request-id", id);
    let status: number | undefined;
    let told = false;
    const tell = () => {
      if (told) return;
      told = true;
      const duration = performance.now() - started;
      log({
        id,
        trace: trace.id,
        peer,
        method,
        path: pathOf(url),
        status: status ?? 0,
        duration,
        userAgent: userAgent === null ? undefined : escapeControls(userAgent),
      });
    };
    const whenSent = () => void info.completed.then(tell, tell);
    alsoOnFailure(request, (response) => {
      mark(response.headers);
      // The time of a handler is up that may never return.
      if (status === undefined) whenSent();
      status = response.status;
    });
    // Nor may one whose client has gone.
    info.completed.catch(tell);
    try {
      const response = await handler(request, info);
      // What is no response fails in the server, which is told to whoever looks.
      if (response instanceof Response) status ??= response.status;
      return withHeaders(response, mark);
    } catch (error) {
      status ??= error instanceof ProblemError ? error.status : 500;
      throw error;
    } finally {
      whenSent();
    }
  };
}

/**
 * Tells a handler the id of its request, and what to send along to other services.
 *
 * @param request The request that the handler was given.
 * @returns Id and headers; undefined if there is no {@linkcode accessLog} around the handler.
 *
 * @example Carry a trace on
 * ```ts
 * import { accessLog, requestContext } from "@portside/kit/http/access-log";
 * import { json } from "@portside/kit/http/json";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const handler = accessLog((request) => json(requestContext(request)!.headers), { log() {} });
 * await using server = serveHttp({}, handler);
 * const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
 * const response = await fetch(server.url, { headers: { traceparent } });
 * assertStringIncludes((await response.json()).traceparent, "4bf92f3577b34da6a3ce929d0e0e4736");
 * ```
 */
export function requestContext(request: Request): RequestContext | undefined {
  return contexts.get(request);
}

function logEntry({ duration, ...entry }: AccessEntry): void {
  logger.info("{peer} {method} {path} {status} {duration} ms", {
    ...entry,
    duration: Math.round(duration * 10) / 10,
  });
}

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return escapeControls(start === -1 ? "/" : url.slice(start).replace(/[?#].*$/s, ""));
}
