/**
 * Spans of OpenTelemetry for the way of a line, from one page to the others. With `OTEL_DENO=true`, Deno
 * exports them. Otherwise nothing is measured, and no line has a trace.
 *
 * | Span                | Made by                    | From                  | Until                          |
 * | ------------------- | -------------------------- | --------------------- | ------------------------------ |
 * | `chat page send`    | the node, for its page     | the user sends it     | the page has shown it          |
 * | `chat node receive` | the node of the author     | its arrival           | the confirmation               |
 * | `chat bus append`   | the node of the author     | the script is sent    | Redis has the line             |
 * | `chat bus read`     | each node                  | the record has arrived | the copy has it               |
 * | `chat deliver`      | each node with users there | before the first user | after the last user            |
 * | `chat page show`    | the node, for its page     | the delivery          | the page says that it shows it |
 *
 * A node measures the spans of its pages itself, so the clocks of browsers do not matter: they include the
 * way to the page and back. Traces are text, as in the header `traceparent` of the W3C Trace Context.
 *
 * **Permissions**: none.
 *
 * @module
 */

import {
  type Attributes,
  contextWith,
  extractContext,
  findTelemetry,
  injectContext,
} from "../../http/internal/tracing.ts";
import type { RoomEvent } from "./events.ts";

/** The name of the tracer. */
const SCOPE = "@portside/kit/examples/chat";

/** The kinds of spans. */
export const Kind = { server: 1, producer: 3, consumer: 4 } as const;

/** The number of deliveries that pages can still report as shown. */
const DELIVERIES = 1000;

/** The context of a span that is not sampled ends like this. */
const UNSAMPLED = /-0[02]$/;

const telemetry = findTelemetry();

/** True if spans are written. */
export const isTraced: boolean = telemetry !== undefined;

/** A span of a line. */
export interface LineSpan {
  /** The context of the span, for the spans below it. */
  readonly trace: string;
  /** Ends the span. */
  end(): void;
}

/** The beginning of a span. */
export interface SpanStart {
  /** The context above it. Without one, the span begins a trace. */
  readonly parent?: string | undefined;
  /** The time in milliseconds since 1970. @default now */
  readonly startTime?: number;
  /** The attributes. */
  readonly attributes?: Attributes;
}

/** Something that can have a trace. */
interface Traced {
  readonly trace?: string;
}

/** The deliveries by their traces, with their times in milliseconds since 1970. */
const deliveries = new Map<string, number>();

/** Begins a span. Returns undefined without OpenTelemetry, and if the trace is not sampled. */
export function beginSpan(
  name: string,
  kind: number,
  { parent, startTime, attributes = {} }: SpanStart = {},
): LineSpan | undefined {
  if (telemetry === undefined) return undefined;
  const above = extractContext(telemetry, headersOf(parent));
  const options = { kind, attributes, ...startTime !== undefined && { startTime } };
  const span = telemetry.trace.getTracer(SCOPE).startSpan(name, options, above);
  const headers = new Headers();
  injectContext(telemetry, contextWith(above, span), headers);
  const trace = headers.get("traceparent");
  if (trace === null || UNSAMPLED.test(trace)) return undefined;
  return { trace, end: () => span.end() };
}

/** Begins a span below the trace of each entry that has one. */
export function beginSpans(
  entries: readonly Traced[],
  name: string,
  kind: number,
): (LineSpan | undefined)[] {
  return entries.map(({ trace }) =>
    trace === undefined ? undefined : beginSpan(name, kind, { parent: trace })
  );
}

/** Ends spans. */
export function endSpans(spans: readonly (LineSpan | undefined)[]): void {
  for (const span of spans) span?.end();
}

/**
 * Begins the spans of the delivery of events, and lets the events name them.
 *
 * @param events The events of a room.
 * @param users The number of users in the room.
 * @returns The spans to end after the delivery.
 */
export function beginDelivery(
  events: readonly (RoomEvent & { trace?: string })[],
  users: number,
): LineSpan[] {
  return events.flatMap((event) => {
    if (event.trace === undefined) return [];
    const attributes = { "chat.room": event.room, "chat.users": users };
    const span = beginSpan("chat deliver", Kind.producer, { parent: event.trace, attributes });
    if (span === undefined) return [];
    event.trace = span.trace;
    remember(deliveries, span.trace, Date.now());
    return [span];
  });
}

/** Writes the span of a page that has shown an event. */
export function shown(trace: string): void {
  const startTime = deliveries.get(trace);
  if (startTime === undefined) return;
  beginSpan("chat page show", Kind.consumer, { parent: trace, startTime })?.end();
}

/** Adds an entry to a map, and removes the oldest one if there are too many. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  if (map.size > DELIVERIES) map.delete(map.keys().next().value!);
}

function headersOf(trace: string | undefined): Headers {
  return new Headers(trace === undefined ? {} : { traceparent: trace });
}
