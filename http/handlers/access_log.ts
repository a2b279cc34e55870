/**
 * One structured log entry for each request, once its response has been sent: client, method, path,
 * status, bytes, duration. Each request has an id, in the log, in the response and for calls to other
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
import { formatAddress } from "../../net/address.ts";
import { callback, flag, OptionRules } from "../../net/internal/options.ts";
import { escapeControls } from "../../net/text.ts";
import type { HttpHandler } from "../server/options.ts";
import { alsoOnFailure, passRefusals, type RefusedInfo, withHeaders } from "../internal/headers.ts";
import { countSent, type SentBytes } from "../internal/sent_bytes.ts";
import { beginTrace, readTrace, type Trace, traceFields } from "./_trace_context.ts";
import { ProblemError } from "../problem.ts";

/** What is logged of a request. */
export interface AccessEntry {
  /** The id of the request. */
  readonly id: string;
  /** The id of the trace that it belongs to: 32 hexadecimal digits. */
  readonly trace: string;
  /**
   * The address of the client, without a port where a reverse proxy names the client; `unix:` and
   * the path of the socket for one that connects to it.
   */
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
  /**
   * How many bytes of the body of the response were sent, without the head and the framing of chunks:
   * 0 for HEAD, what the operating system has taken for a response that was cut. A little less of the
   * latter may be counted, by the framing. `Deno.serve` tells less: of a body of known length, this is
   * the length, also if the client leaves before its end; of any other, what Deno has taken. Deno may
   * compress a body by itself; this is its size before that. Undefined if the handler is called by
   * something else than `serveHttp`.
   */
  readonly bytes: number | undefined;
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

const RULES = new OptionRules<AccessLogOptions>({ log: callback, trustRequestId: flag });

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
  callback("handler", handler);
  RULES.check("accessLog", options);
  const wrapper: HttpHandler = async (request, info) => {
    const record = new AccessRecord(request, info, options);
    contexts.set(request, record);
    alsoOnFailure(request, (response) => record.failed(response));
    // A handler may never return after its client has gone.
    info.completed.catch(record.tell);
    try {
      const response = await handler(request, info);
      // The server turns anything but a response into a failure, which is told above.
      if (response instanceof Response) record.status ??= response.status;
      return withHeaders(response, record.mark);
    } catch (error) {
      record.status ??= error instanceof ProblemError ? error.status : 500;
      throw error;
    } finally {
      record.tellWhenSent();
    }
  };
  return passRefusals(wrapper, handler, (request, info, response) => {
    new AccessRecord(request, info, options).failed(response);
  });
}

/** One request, until it is logged. */
class AccessRecord implements RequestContext {
  readonly id: string;
  /** The status of the response; undefined while there is none. */
  status: number | undefined;
  // Deno forgets what a request was once it has been answered.
  readonly #method: string;
  readonly #url: string;
  readonly #userAgent: string | null;
  readonly #peer: string;
  readonly #info: RefusedInfo;
  readonly #log: (entry: AccessEntry) => void;
  readonly #trace: Trace;
  readonly #sent: SentBytes | undefined;
  readonly #started = performance.now();
  #told = false;

  constructor(request: Request, info: RefusedInfo, options: AccessLogOptions) {
    const { log = logEntry, trustRequestId = false } = options;
    this.#method = request.method;
    this.#url = request.url;
    this.#userAgent = request.headers.get("user-agent");
    const { remoteAddr } = info;
    const peer = formatAddress(remoteAddr);
    // A reverse proxy names the client without its port.
    this.#peer = "port" in remoteAddr && remoteAddr.port === 0 ? peer.slice(0, -":0".length) : peer;
    this.#info = info;
    this.#sent = countSent(info);
    this.#log = log;
    const given = trustRequestId ? request.headers.get("x-request-id") ?? "" : "";
    this.id = REQUEST_ID.test(given) ? given : crypto.randomUUID();
    this.#trace = readTrace(request.headers) ?? beginTrace();
  }

  get headers(): Readonly<Record<string, string>> {
    return { "x-request-id": this.id, ...traceFields(this.#trace) };
  }

  readonly mark = (headers: Headers): void => headers.set("x-request-id", this.id);

  /** Takes note of a response that no handler has returned. */
  failed(response: Response): void {
    this.mark(response.headers);
    // The handler that was too slow may never return.
    if (this.status === undefined) this.tellWhenSent();
    this.status = response.status;
  }

  tellWhenSent(): void {
    this.#info.completed.then(this.tell, this.tell);
  }

  readonly tell = (): void => {
    if (this.#told) return;
    this.#told = true;
    const userAgent = this.#userAgent;
    this.#log({
      id: this.id,
      trace: this.#trace.id,
      peer: this.#peer,
      method: this.#method,
      path: pathOf(this.#url),
      status: this.status ?? 0,
      bytes: this.#sent?.(),
      duration: performance.now() - this.#started,
      userAgent: userAgent === null ? undefined : escapeControls(userAgent),
    });
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

function logEntry({ duration, bytes, ...entry }: AccessEntry): void {
  logger.info("{peer} {method} {path} {status} {bytes} bytes {duration} ms", {
    ...entry,
    bytes: bytes ?? "?",
    duration: Math.round(duration * 10) / 10,
  });
}

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return escapeControls(start === -1 ? "/" : url.slice(start).replace(/[?#].*$/s, ""));
}
