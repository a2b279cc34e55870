import type { Http1Request } from "../http1/codec.ts";
import type { ForwardedBody } from "./_body.ts";
import type { HookTime } from "./_hook_time.ts";
import { sizeOf } from "./_head.ts";
import type { Peer } from "./_peer.ts";
import { shownTarget } from "./_target.ts";
import type { ProxyEntry } from "./options.ts";

/** State of one request, whatever becomes of the attempts to send it. */
export class Current {
  status = 0;
  user: string | undefined;
  /** The next proxy, as it is shown. */
  proxy: string | undefined;
  connect: number | undefined;
  firstByte: number | undefined;
  error: string | undefined;
  /** The time of its hooks, if there are any. */
  hooks: HookTime | undefined;
  /** Whether the rules refused it, as opposed to a server. */
  denied = false;
  /** Bytes that the client has sent through a tunnel. */
  tunnelled = 0;

  readonly #started = performance.now();
  readonly #client: Peer;
  readonly #sentBefore: number;
  /** Bytes of the head as it came: a hook that changes the fields drops them. */
  readonly #headSize: number;

  /** Without a head and a body if the head was malformed. */
  constructor(
    client: Peer,
    readonly head: Http1Request | undefined,
    readonly body: ForwardedBody | undefined,
  ) {
    this.#client = client;
    this.#sentBefore = client.sent;
    this.#headSize = head === undefined ? 0 : sizeOf(head.fields);
  }

  /** Returns what has become of it. */
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
