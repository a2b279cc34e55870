/** Spans of the client for OpenTelemetry, as those of Deno's `fetch`. */

import {
  contextWith,
  findTelemetry,
  injectContext,
  type Span,
  SPAN_FAILED,
  SpanKind,
  type Telemetry,
  urlAttributes,
} from "../internal/tracing.ts";
import { hostPortOf } from "../internal/url_parts.ts";

/** The spans of a client. */
export class Tracing {
  readonly #telemetry: Telemetry;

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  /** Starts the span of a try, and adds it to the headers of the request. */
  start(method: string, url: URL, attempt: number, headers: Headers): RequestSpan {
    const { trace, context } = this.#telemetry;
    const { hostname, port } = hostPortOf(url);
    const full = new URL(url);
    full.username = full.password = full.hash = "";
    const span = trace.getTracer("@portside/kit/http/client").startSpan(method, {
      kind: SpanKind.client,
      attributes: {
        "http.request.method": method,
        ...urlAttributes(full),
        "server.address": hostname,
        "server.port": port,
        ...(attempt > 1 ? { "http.request.resend_count": attempt - 1 } : {}),
      },
    });
    injectContext(this.#telemetry, contextWith(context.active(), span), headers);
    return new RequestSpan(span);
  }
}

/** The span of one try. */
export class RequestSpan {
  readonly #span: Span;
  #over = false;

  constructor(span: Span) {
    this.#span = span;
  }

  /** Ends the span with a response. */
  answered(status: number): void {
    // Deno writes it as text, too.
    this.#span.setAttributes({ "http.response.status_code": `${status}` });
    if (status >= 400) this.#fail(`${status}`);
    else this.#end();
  }

  /** Ends the span with an error. */
  failed(error: unknown): void {
    if (this.#over) return;
    this.#fail(error instanceof Error ? error.name : "Error", error);
  }

  #fail(type: string, error?: unknown): void {
    this.#span.setAttributes({ "error.type": type });
    const message = error instanceof Error ? { message: error.message } : {};
    this.#span.setStatus({ code: SPAN_FAILED, ...message });
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#span.end();
  }
}

/** Returns the tracing of the process; undefined if it is disabled. */
export function findTracing(): Tracing | undefined {
  const telemetry = findTelemetry();
  return telemetry && new Tracing(telemetry);
}
