/** Spans and metrics of hardened servers and of the proxy for OpenTelemetry, as those of `Deno.serve`. */

import {
  type Attributes,
  contextWith,
  extractContext,
  findTelemetry,
  type Histogram,
  SPAN_FAILED,
  SpanKind,
  type Telemetry,
  type TraceContext,
  type UpDownCounter,
  urlAttributes,
} from "./tracing.ts";

/** The boundaries of durations in seconds, and of sizes in bytes, as those of `Deno.serve`. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const BYTES = [0, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

interface Metrics {
  readonly duration: Histogram;
  readonly active: UpDownCounter;
  readonly received: Histogram;
  readonly sent: Histogram;
}

/** A request that a server has received. */
export interface ReceivedRequest {
  readonly method: string;
  /** The URL; undefined for the target of `CONNECT`. */
  readonly url: URL | undefined;
  readonly headers: Headers;
}

/** The end of a request. */
export interface ServedOutcome {
  /** The status; undefined if the client has gone before the response. */
  readonly status: number | undefined;
  /** The reason why the exchange failed, if it is not the status. */
  readonly error?: string | undefined;
  /** The size of the body of the request in bytes; undefined if it is not known. */
  readonly received: number | undefined;
  /** The size of the body of the response in bytes. */
  readonly sent: number;
}

/** A request with its span. */
export interface ServedRequest {
  /** The context of the work for the request. */
  readonly context: TraceContext;
  /** Ends the span, and measures the request. */
  end(outcome: ServedOutcome): void;
}

/** The spans and metrics of a server. */
export class ServerTracing {
  readonly #telemetry: Telemetry;
  readonly #scope: string;
  readonly #metrics: Metrics | undefined;

  private constructor(telemetry: Telemetry, scope: string) {
    this.#telemetry = telemetry;
    this.#scope = scope;
    this.#metrics = metricsOf(telemetry, scope);
  }

  /** Returns the spans and metrics under the name of a part; undefined if OpenTelemetry is disabled. */
  static find(scope: string): ServerTracing | undefined {
    const telemetry = findTelemetry();
    return telemetry && new ServerTracing(telemetry, scope);
  }

  /** Runs work in the context of a request. */
  within<T>({ context }: ServedRequest, work: () => T): T {
    return this.#telemetry.context.with(context, work);
  }

  /** Starts the span of a request. */
  begin({ method, url, headers }: ReceivedRequest): ServedRequest {
    const above = extractContext(this.#telemetry, headers);
    const attributes = {
      "http.request.method": method,
      ...url === undefined ? {} : urlAttributes(url),
    };
    const span = this.#telemetry.trace.getTracer(this.#scope)
      .startSpan(method, { kind: SpanKind.server, attributes }, above);
    const measured = {
      "http.request.method": method,
      ...url === undefined ? {} : { "url.scheme": url.protocol.slice(0, -1) },
    };
    this.#metrics?.active.add(1, measured);
    const started = performance.now();
    return {
      context: contextWith(above, span),
      end: (outcome) => {
        const { status } = outcome;
        if (status !== undefined) span.setAttributes({ "http.response.status_code": `${status}` });
        const error = outcome.error ?? errorOf(status);
        if (error !== undefined) {
          span.setAttributes({ "error.type": error });
          span.setStatus({ code: SPAN_FAILED });
        }
        span.end();
        this.#measure(measured, outcome, (performance.now() - started) / 1000);
      },
    };
  }

  #measure(base: Attributes, { status, received, sent }: ServedOutcome, seconds: number): void {
    const metrics = this.#metrics;
    if (metrics === undefined) return;
    metrics.active.add(-1, base);
    const error = errorOf(status);
    const attributes = {
      ...base,
      "network.protocol.version": "1.1",
      ...status !== undefined && { "http.response.status_code": status },
      ...error !== undefined && { "error.type": error },
    };
    metrics.duration.record(seconds, attributes);
    metrics.sent.record(sent, attributes);
    // The size of a chunked body is not announced.
    if (received !== undefined) metrics.received.record(received, attributes);
  }
}

function errorOf(status: number | undefined): string | undefined {
  return status !== undefined && status >= 500 ? `${status}` : undefined;
}

function metricsOf({ metrics }: Telemetry, scope: string): Metrics | undefined {
  const meter = metrics?.getMeter(scope);
  if (meter === undefined) return undefined;
  const histogram = (name: string, description: string, unit: string, boundaries: number[]) =>
    meter.createHistogram(name, {
      description,
      unit,
      advice: { explicitBucketBoundaries: boundaries },
    });
  return {
    duration: histogram(
      "http.server.request.duration",
      "Duration of HTTP server requests.",
      "s",
      SECONDS,
    ),
    active: meter.createUpDownCounter("http.server.active_requests", {
      description: "Number of active HTTP server requests.",
      unit: "{request}",
    }),
    received: histogram(
      "http.server.request.body.size",
      "Size of HTTP server request bodies.",
      "By",
      BYTES,
    ),
    sent: histogram(
      "http.server.response.body.size",
      "Size of HTTP server response bodies.",
      "By",
      BYTES,
    ),
  };
}
