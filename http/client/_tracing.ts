/**
 * Spans of the client for OpenTelemetry, as those of Deno's `fetch`: the semantic conventions of HTTP
 * clients, and the header `traceparent` (W3C Trace Context).
 *
 * With `OTEL_DENO=true`, Deno registers its implementation of `@opentelemetry/api` under a global symbol.
 * The package itself would look there, too. Without a registration, nothing happens.
 */

/** The parts of `@opentelemetry/api` that this module needs. */
interface Registry {
  readonly trace: {
    getTracer(name: string, version?: string): {
      startSpan(name: string, options: { kind: number; attributes: Attributes }): Span;
    };
  };
  readonly context: { active(): { setValue(key: symbol, value: unknown): unknown } };
  readonly propagation?: {
    inject(context: unknown, carrier: Headers, setter: typeof SETTER): void;
  };
}

type Attributes = Record<string, string | number>;

interface Span {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** The key under which `@opentelemetry/api` registers itself, for its version 1. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");
/** The key of the span in a context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const CLIENT = 2;
const ERROR = 2;
const SETTER = {
  set: (headers: Headers, name: string, value: string): void => headers.set(name, value),
};

/** The spans of a client. */
export class Tracing {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Starts the span of a try, and adds it to the headers of the request. */
  start(method: string, url: URL, attempt: number, headers: Headers): RequestSpan {
    const { trace, context, propagation } = this.#registry;
    const full = new URL(url);
    full.username = full.password = full.hash = "";
    const span = trace.getTracer("@portside/kit/http/client").startSpan(method, {
      kind: CLIENT,
      attributes: {
        "http.request.method": method,
        "url.full": full.href,
        "url.scheme": url.protocol.slice(0, -1),
        "url.path": url.pathname,
        "url.query": url.search.slice(1),
        "server.address": url.hostname.replace(/^\[|\]$/g, ""),
        "server.port": Number(url.port || (url.protocol === "https:" ? 443 : 80)),
        ...(attempt > 1 ? { "http.request.resend_count": attempt - 1 } : {}),
      },
    });
    propagation?.inject(context.active().setValue(SPAN, span), headers, SETTER);
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
    this.#span.setStatus({ code: ERROR, ...message });
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
  const registry: unknown = Reflect.get(globalThis, REGISTRY);
  if (!isRegistry(registry)) return undefined;
  return new Tracing(registry);
}

function isRegistry(value: unknown): value is Registry {
  return typeof value === "object" && value !== null && "trace" in value && "context" in value;
}
