/** A receiver of OpenTelemetry, and programs that report to it. @module */

import { LOCK } from "./flags.ts";
import { serve } from "./http_servers.ts";

/** A span as OTLP sends it. */
export interface SentSpan {
  readonly name: string;
  readonly kind: number;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceId: string;
  readonly status: { readonly code: number; readonly message: string };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** The telemetry of one program. */
export interface Told {
  /** The spans of each scope, in the order of their ends. */
  readonly spans: ReadonlyMap<string, readonly SentSpan[]>;
  /** The names of the metrics of each scope. */
  readonly metrics: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Returns the attributes of a span as values. */
export function valuesOf({ attributes }: SentSpan): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A running receiver. */
export interface TelemetryReceiver extends Told, AsyncDisposable {
  /** The variables with which a program reports to it. */
  readonly env: Record<string, string>;
}

/** Starts a receiver of OTLP over HTTP, as JSON. */
export function serveTelemetry(): TelemetryReceiver {
  const spans = new Map<string, SentSpan[]>();
  const metrics = new Map<string, Set<string>>();
  const receiver = serve(async (request) => {
    const { resourceSpans = [], resourceMetrics = [] } = await request.json();
    for (const { scopeSpans } of resourceSpans) {
      for (const { scope, spans: sent } of scopeSpans) {
        spans.set(scope.name, [...spans.get(scope.name) ?? [], ...sent]);
      }
    }
    for (const { scopeMetrics } of resourceMetrics) {
      for (const { scope, metrics: sent } of scopeMetrics) {
        const names = metrics.get(scope.name) ?? new Set();
        for (const { name } of sent) names.add(name);
        metrics.set(scope.name, names);
      }
    }
    return Response.json({});
  });
  return {
    spans,
    metrics,
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
}

/**
 * Runs a script with OpenTelemetry.
 *
 * @param script The program.
 * @returns Everything that it has reported until its end.
 */
export async function traced(script: string): Promise<Told> {
  await using receiver = serveTelemetry();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", LOCK, "--allow-net", "--ext=ts", "-"],
    env: receiver.env,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(script));
  await input.close();
  const { code, stderr } = await child.output();
  if (code !== 0 || stderr.length > 0) throw new Error(new TextDecoder().decode(stderr));
  const { spans, metrics } = receiver;
  return { spans, metrics };
}
