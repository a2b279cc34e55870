/**
 * An access log with one structured entry per request: client, method, path, status, bytes, duration.
 * The entry is written after the response has been sent. Each request has an id, which is in the log
 * and in the response, and can be sent to other services. Each request belongs to a trace (W3C Trace
 * Context): that of the client, or a new one.
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
 * Without `log`, entries go to the LogTape category `portside.http.access`. They do not contain the
 * query, which may hold credentials. OpenTelemetry in Deno (`OTEL_DENO=true`) traces the same requests
 * with the same trace id, but only those of `Deno.serve`, not those of a hardened server.
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
import {
  alsoOnFailure,
  passRefusals,
  type RefusedInfo,
  withHeaders,
} from "../internal/response_headers.ts";
import { countSent, type SentBytes } from "../internal/sent_bytes.ts";
import { beginTrace, readTrace, type Trace, traceFields } from "./_trace_context.ts";
import { ProblemError } from "../problem.ts";

/** An entry of the access log. */
export interface AccessEntry {
  /** The id of the request. */
  readonly id: string;
  /** The id of its trace, 32 hexadecimal digits. */
  readonly trace: string;
  /**
   * The address of the client, without a port if a reverse proxy names the client. On a Unix socket,
   * `unix:` and the path of the socket.
   */
  readonly peer: string;
  /** The method of the request. */
  readonly method: string;
  /** The path without the query, with escaped control characters. */
  readonly path: string;
  /**
   * The status of the response: 500 if the handler has thrown, 503 if its time limit has expired, 0 if
   * the client had gone before.
   */
  readonly status: number;
  /**
   * Sent bytes of the body of the response, without the head and the chunk framing. 0 for HEAD. For a
   * response that was cut, the bytes that the operating system has accepted, perhaps a little less.
   * `Deno.serve` is less exact: for a body of known length, this is the length, even if the client
   * leaves early; for other bodies, the bytes that Deno has accepted. If Deno compresses the body, this
   * is the size before. Undefined if the handler is not called by `serveHttp`.
   */
  readonly bytes: number | undefined;
  /** Time from the head of the request to the end of the response, in milliseconds. */
  readonly duration: number;
  /** The `User-Agent` of the client, with escaped control characters; undefined without one. */
  readonly userAgent: string | undefined;
}

/** Options of {@linkcode accessLog}. */
export interface AccessLogOptions {
  /**
   * Receives each entry.
   *
   * @default writes an info record of LogTape
   */
  log?: (entry: AccessEntry) => void;
  /**
   * Whether to use the id in the `X-Request-Id` of the client. Only use it behind a proxy of your own
   * that sets this field.
   *
   * @default false
   */
  trustRequestId?: boolean;
}

/** The result of {@linkcode requestContext}. */
export interface RequestContext {
  /** The id of the request. */
  readonly id: string;
  /**
   * Header fields that pass the id and the trace on to another service. Each access creates a
   * `traceparent` with a new parent id.
   */
  readonly headers: Readonly<Record<string, string>>;
}

const RULES = new OptionRules<AccessLogOptions>({ log: callback, trustRequestId: flag });

const logger = getLogger(["portside", "http", "access"]);
const contexts = new WeakMap<Request, RequestContext>();

const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/**
 * Adds an access log to a handler, and the field `X-Request-Id` to its responses.
 *
 * @param handler The handler whose requests are logged.
 * @param options The receiver of the entries.
 * @returns The handler with an access log.
 * @throws {TypeError} If the handler is missing, or an option is unknown or has the wrong type.
 *
 * @example The id in the response
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
  options = RULES.check("accessLog", options);
  const wrapper: HttpHandler = async (request, info) => {
    const record = new AccessRecord(request, info, options);
    contexts.set(request, record);
    alsoOnFailure(request, (response) => record.failed(response));
    // A handler may never return after its client has gone.
    info.completed.catch(record.tell);
    try {
      const response = await handler(request, info);
      // The server turns any other value into a failure, which the callback above records.
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
  // Deno forgets the data of a request after its response.
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

  /** Records a response that the server has made in place of the handler. */
  failed(response: Response): void {
    this.mark(response.headers);
    // A handler that was too slow may never return.
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
 * Returns the id of a request, and the header fields for calls to other services.
 *
 * @param request The request that the handler got.
 * @returns The id and the fields; undefined if no {@linkcode accessLog} wraps the handler.
 *
 * @example Pass a trace on
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
