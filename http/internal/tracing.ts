/**
 * Access to OpenTelemetry, for spans and metrics as those of Deno: the semantic conventions of HTTP, and
 * the header `traceparent` (W3C Trace Context).
 *
 * With `OTEL_DENO=true`, Deno registers its implementation of `@opentelemetry/api` under a global symbol.
 * The package itself would look there, too. Without a registration, nothing happens.
 */

/** The values of a span or of a measurement. */
export type Attributes = Record<string, string | number>;

/** A context of OpenTelemetry. */
export interface TraceContext {
  setValue(key: symbol, value: unknown): TraceContext;
}

/** A span of OpenTelemetry. */
export interface Span {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** A distribution of measurements. */
export interface Histogram {
  record(value: number, attributes: Attributes): void;
}

/** A number that goes up and down. */
export interface UpDownCounter {
  add(value: number, attributes: Attributes): void;
}

interface Meter {
  createHistogram(name: string, options: object): Histogram;
  createUpDownCounter(name: string, options: object): UpDownCounter;
}

/** The parts of `@opentelemetry/api` that this package needs. */
export interface Telemetry {
  readonly trace: {
    getTracer(name: string, version?: string): {
      startSpan(
        name: string,
        options: { kind: number; attributes: Attributes; startTime?: number },
        context?: TraceContext,
      ): Span;
    };
  };
  readonly context: {
    active(): TraceContext;
    with<T>(context: TraceContext, work: () => T): T;
  };
  readonly propagation?: {
    inject(context: TraceContext, carrier: Headers, setter: typeof SETTER): void;
    extract(context: TraceContext, carrier: Headers, getter: typeof GETTER): TraceContext;
  };
  readonly metrics?: { getMeter(name: string): Meter };
}

/** The key under which `@opentelemetry/api` registers itself, for its version 1. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");
/** The key of the span in a context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
/** The status of a span that has failed. */
export const SPAN_FAILED = 2;
/** The kinds of spans. */
export const SpanKind = { server: 1, client: 2 } as const;

const SETTER = {
  set: (headers: Headers, name: string, value: string): void => headers.set(name, value),
};
const GETTER = {
  get: (headers: Headers, name: string): string | undefined => headers.get(name) ?? undefined,
  keys: (headers: Headers): string[] => [...headers.keys()],
};

/** Returns OpenTelemetry; undefined if it is disabled. */
export function findTelemetry(): Telemetry | undefined {
  const registry: unknown = Reflect.get(globalThis, REGISTRY);
  return isTelemetry(registry) ? registry : undefined;
}

function isTelemetry(value: unknown): value is Telemetry {
  return typeof value === "object" && value !== null && "trace" in value && "context" in value;
}

/** Returns the attributes of a URL. */
export function urlAttributes(url: URL): Attributes {
  return {
    "url.full": url.href,
    "url.scheme": url.protocol.slice(0, -1),
    "url.path": url.pathname,
    "url.query": url.search.slice(1),
  };
}

/** Returns the active context with a span. */
export function contextWith(context: TraceContext, span: Span): TraceContext {
  return context.setValue(SPAN, span);
}

/** Adds a context to the headers of a request. */
export function injectContext(telemetry: Telemetry, context: TraceContext, headers: Headers): void {
  telemetry.propagation?.inject(context, headers, SETTER);
}

/** Returns the context that the headers of a request name. */
export function extractContext(telemetry: Telemetry, headers: Headers): TraceContext {
  const active = telemetry.context.active();
  return telemetry.propagation?.extract(active, headers, GETTER) ?? active;
}
