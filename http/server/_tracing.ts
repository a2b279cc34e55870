/** Spans and metrics of a hardened server for OpenTelemetry, as those of `Deno.serve`. */

import { COUNT_SENT } from "../internal/sent_bytes.ts";
import { parseDigits } from "../../net/text.ts";
import {
  type Attributes,
  contextWith,
  extractContext,
  findTelemetry,
  type Histogram,
  SPAN_FAILED,
  SpanKind,
  type Telemetry,
  type UpDownCounter,
  urlAttributes,
} from "../internal/tracing.ts";
import type { HandlerInfo } from "./_handler_info.ts";

const NAME = "@portside/kit/http/server";

/** The boundaries of durations in seconds, and of sizes in bytes, as those of `Deno.serve`. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const BYTES = [0, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

interface Metrics {
  readonly duration: Histogram;
  readonly active: UpDownCounter;
  readonly received: Histogram;
  readonly sent: Histogram;
}

/** The spans and metrics of a server. */
export class ServerTracing {
  readonly #telemetry: Telemetry;
  readonly #metrics: Metrics | undefined;

  private constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
    this.#metrics = metricsOf(telemetry);
  }

  /** Returns the tracing of the process; undefined if it is disabled. */
  static find(): ServerTracing | undefined {
    const telemetry = findTelemetry();
    return telemetry && new ServerTracing(telemetry);
  }

  /** Runs the handler of a request in the context of its span. */
  serve(
    request: Request,
    info: HandlerInfo,
    work: () => Response | Promise<Response>,
  ): Response | Promise<Response> {
    const { trace, context } = this.#telemetry;
    const { method, headers } = request;
    const url = new URL(request.url);
    const above = extractContext(this.#telemetry, headers);
    const attributes = { "http.request.method": method, ...urlAttributes(url) };
    const span = trace.getTracer(NAME)
      .startSpan(method, { kind: SpanKind.server, attributes }, above);
    const measured = { "http.request.method": method, "url.scheme": url.protocol.slice(0, -1) };
    this.#metrics?.active.add(1, measured);
    const started = performance.now();
    const sent = info[COUNT_SENT]();
    /** Undefined if the client has gone before the answer. */
    let status: number | undefined;
    const over = () => {
      if (status !== undefined) span.setAttributes({ "http.response.status_code": `${status}` });
      const error = info.gone?.name ?? errorOf(status);
      if (error !== undefined) {
        span.setAttributes({ "error.type": error });
        span.setStatus({ code: SPAN_FAILED });
      }
      span.end();
      this.#measure(measured, status, {
        seconds: (performance.now() - started) / 1000,
        received: parseDigits(headers.get("content-length") ?? "0"),
        sent: sent(),
      });
    };
    void info.completed.then(over, over);
    const answered = (response: Response) => {
      status = response.status;
      return response;
    };
    const answer = context.with(contextWith(above, span), work);
    return answer instanceof Response ? answered(answer) : answer.then(answered);
  }

  #measure(
    base: Attributes,
    status: number | undefined,
    { seconds, received, sent }: { seconds: number; received: number | undefined; sent: number },
  ): void {
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

function metricsOf({ metrics }: Telemetry): Metrics | undefined {
  const meter = metrics?.getMeter(NAME);
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
