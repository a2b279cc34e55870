/**
 * The spans of the lines of one page: their sending, their receipt, and what the page has shown.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent } from "./events.ts";
import type { LineOptions } from "./member.ts";
import { beginSpan, Kind, type LineSpan, remember, shown } from "./tracing.ts";

/** The longest time that a page can say that a line has waited, in milliseconds. */
const MAX_WAITED = 60_000;

/** The beginning of a `traceparent` (W3C Trace Context §3.2.2). Other texts begin a new trace. */
const TRACE = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The part of a line that is about its trace. */
export interface LineTrace {
  /** The context that the line belongs to, of a client with spans of its own. */
  readonly parent?: string;
  /** The time since the user sent the line, in milliseconds. */
  readonly waited?: number;
}

/** The two spans of a line on its way. */
interface Way {
  readonly sent: LineSpan;
  readonly received: LineSpan | undefined;
}

/** The traces of one page. */
export class PageTraces {
  /** The lines without an answer, by id. */
  readonly #lines = new Map<number, Way>();
  /** The answered lines that the page has not shown yet, by the trace of the answer. */
  readonly #answered = new Map<string, LineSpan>();
  /** The traces that the page has shown. */
  readonly #shown = new Map<string, true>();

  /** Begins the spans of a line, and returns its options with the trace. */
  begin(options: LineOptions, { parent, waited = 0 }: LineTrace): LineOptions {
    const { id } = options;
    if (id === undefined || this.#lines.has(id)) return options;
    const ago = Math.min(Math.max(waited, 0), MAX_WAITED);
    const sent = beginSpan("chat page send", Kind.producer, {
      parent: parent !== undefined && TRACE.test(parent) ? parent : undefined,
      startTime: Date.now() - ago,
    });
    if (sent === undefined) return options;
    const received = beginSpan("chat node receive", Kind.server, { parent: sent.trace });
    remember(this.#lines, id, { sent, received });
    return { ...options, trace: received?.trace ?? sent.trace };
  }

  /** Takes an event that the page has caused. */
  answer(event: ChatEvent): void {
    const id = "id" in event ? event.id : undefined;
    const way = id === undefined ? undefined : this.#lines.get(id);
    if (way === undefined) return;
    this.#lines.delete(id!);
    way.received?.end();
    const trace = "trace" in event ? event.trace : undefined;
    if (trace === undefined) way.sent.end();
    else remember(this.#answered, trace, way.sent);
  }

  /** Takes what the page has shown. */
  show(traces: readonly string[]): void {
    for (const trace of traces) {
      const sent = this.#answered.get(trace);
      this.#answered.delete(trace);
      if (sent !== undefined) sent.end();
      else if (!this.#shown.has(trace)) {
        remember(this.#shown, trace, true);
        shown(trace);
      }
    }
  }

  /** Ends all spans, because the page is gone. */
  end(): void {
    for (const { sent, received } of this.#lines.values()) {
      received?.end();
      sent.end();
    }
    for (const sent of this.#answered.values()) sent.end();
    this.#lines.clear();
    this.#answered.clear();
  }
}
