import type { Http1Request } from "../http1/codec.ts";
import type { ForwardedBody } from "./_body.ts";
import type { HookTime } from "./_hook_time.ts";
import { sizeOf } from "./_head.ts";
import type { Peer } from "./_peer.ts";
import { shownTarget } from "./_request_target.ts";
import type { RequestTrace } from "./_tracing.ts";
import type { ProxyEntry } from "./options.ts";

/** The state of one request across all attempts to send it. */
export class CurrentRequest {
  status = 0;
  user: string | undefined;
  /** The URL of the next proxy, without a login. */
  proxy: string | undefined;
  connect: number | undefined;
  firstByte: number | undefined;
  error: string | undefined;
  /** The time limit of the hooks, if there are any. */
  hooks: HookTime | undefined;
  /** Whether the rules refused the request. */
  denied = false;
  /** The number of bytes that the client has sent through a tunnel. */
  tunnelled = 0;
  /** The size of the forwarded body of the response. */
  bodySize = 0;

  readonly #started = performance.now();
  readonly #client: Peer;
  readonly #sentBefore: number;
  /** The size of the received head. A hook may change the fields later. */
  readonly #headSize: number;

  /**
   * Starts a request.
   *
   * @param client The connection of the client.
   * @param head The head; undefined if it is malformed.
   * @param body The body; undefined if the head is malformed.
   * @param trace The spans of the request; undefined if OpenTelemetry is disabled.
   */
  constructor(
    client: Peer,
    readonly head: Http1Request | undefined,
    readonly body: ForwardedBody | undefined,
    readonly trace?: RequestTrace,
  ) {
    this.#client = client;
    this.#sentBefore = client.sent;
    this.#headSize = head === undefined ? 0 : sizeOf(head.fields);
  }

  /** Ends the span of the request. */
  endTrace(): void {
    const { status, error, body } = this;
    this.trace?.end({
      status: status === 0 ? undefined : status,
      // The name for errors without a class in the semantic conventions.
      error: error !== undefined && status < 400 ? "_OTHER" : undefined,
      received: body?.size,
      sent: this.bodySize,
    });
  }

  /** Returns the log entry of the request. */
  entry(client: string): ProxyEntry {
    const { head, body, status, tunnelled, connect, firstByte, user, proxy, error } = this;
    return {
      method: head?.method ?? "",
      target: head === undefined ? "" : shownTarget(head.target),
      status,
      received: this.#headSize + (body?.size ?? 0) + tunnelled,
      sent: this.#client.sent - this.#sentBefore,
      connect,
      firstByte: firstByte === undefined ? undefined : firstByte - this.#started,
      total: performance.now() - this.#started,
      client,
      user,
      upstream: proxy,
      error,
    };
  }
}
