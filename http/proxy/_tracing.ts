import type { Http1Request } from "../http1/codec.ts";
import { ClientTracing, type RequestSpan } from "../internal/client_tracing.ts";
import {
  type ServedOutcome,
  type ServedRequest,
  ServerTracing,
} from "../internal/server_tracing.ts";

const SCOPE = "@portside/kit/http/proxy";
/** The fields of the W3C Trace Context. */
const TRACE_FIELDS = ["traceparent", "tracestate", "baggage"];

/** The spans and metrics of a proxy: each request is one of a server, and each attempt one of a client. */
export class ProxyTracing {
  readonly #server: ServerTracing;
  readonly #client: ClientTracing;

  private constructor(server: ServerTracing, client: ClientTracing) {
    this.#server = server;
    this.#client = client;
  }

  /** Returns the tracing of the process; undefined if OpenTelemetry is disabled. */
  static find(): ProxyTracing | undefined {
    const server = ServerTracing.find(SCOPE);
    const client = ClientTracing.find(SCOPE);
    return server && client && new ProxyTracing(server, client);
  }

  /** Starts the span of a request. */
  begin(head: Http1Request): RequestTrace {
    const headers = new Headers();
    for (const name of TRACE_FIELDS) {
      const value = head.fields.get(name);
      if (value !== undefined) headers.set(name, value);
    }
    const { method } = head;
    const url = method === "CONNECT" ? undefined : urlOf(head.target);
    return new RequestTrace(
      method,
      url,
      this.#server.begin({ method, url, headers }),
      this.#client,
    );
  }
}

/** The spans of one request. */
export class RequestTrace {
  readonly #method: string;
  readonly #url: URL | undefined;
  readonly #served: ServedRequest;
  readonly #client: ClientTracing;
  #attempts = 0;

  constructor(method: string, url: URL | undefined, served: ServedRequest, client: ClientTracing) {
    this.#method = method;
    this.#url = url;
    this.#served = served;
    this.#client = client;
  }

  /** Starts the span of an attempt, and adds it to the headers. */
  attempt(headers: Headers): RequestSpan | undefined {
    if (this.#url === undefined) return undefined;
    return this.#client.start({
      method: this.#method,
      url: this.#url,
      attempt: ++this.#attempts,
      headers,
      above: this.#served.context,
    });
  }

  /** Ends the span of the request. */
  end(outcome: ServedOutcome): void {
    this.#served.end(outcome);
  }
}

/** Returns the URL of a request without its login; undefined if it is malformed. */
function urlOf(target: string): URL | undefined {
  const url = URL.parse(target);
  if (url === null) return undefined;
  url.username = url.password = "";
  return url;
}
