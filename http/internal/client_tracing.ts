/** Spans of requests for OpenTelemetry, as those of Deno's `fetch`. Client and proxies make them. */

import {
  contextWith,
  findTelemetry,
  injectContext,
  type Span,
  SPAN_FAILED,
  SpanKind,
  type Telemetry,
  type TraceContext,
  urlAttributes,
} from "./tracing.ts";
import { hostPortOf } from "./url_parts.ts";

/** A request whose span starts. */
export interface TracedRequest {
  readonly method: string;
  readonly url: URL;
  /** The number of this try, from 1. */
  readonly attempt: number;
  /** The fields of the request, to which the span is added. */
  readonly headers: Headers;
  /** The context of the span. @default the active one */
  readonly above?: TraceContext;
}

/** The spans of the requests that one part of this package sends. */
export class ClientTracing {
  readonly #telemetry: Telemetry;
  readonly #scope: string;

  private constructor(telemetry: Telemetry, scope: string) {
    this.#telemetry = telemetry;
    this.#scope = scope;
  }

  /** Returns the spans under the name of a part; undefined if OpenTelemetry is disabled. */
  static find(scope: string): ClientTracing | undefined {
    const telemetry = findTelemetry();
    return telemetry && new ClientTracing(telemetry, scope);
  }

  /** Starts the span of a try, and adds it to the headers of the request. */
  start({ method, url, attempt, headers, above }: TracedRequest): RequestSpan {
    const { trace, context } = this.#telemetry;
    const { hostname, port } = hostPortOf(url);
    const full = new URL(url);
    full.username = full.password = full.hash = "";
    const parent = above ?? context.active();
    const span = trace.getTracer(this.#scope).startSpan(method, {
      kind: SpanKind.client,
      attributes: {
        "http.request.method": method,
        ...urlAttributes(full),
        "server.address": hostname,
        "server.port": port,
        ...(attempt > 1 ? { "http.request.resend_count": attempt - 1 } : {}),
      },
    }, parent);
    injectContext(this.#telemetry, contextWith(parent, span), headers);
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
