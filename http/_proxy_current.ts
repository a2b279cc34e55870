import type { Http1Request } from "./http1_codec.ts";
import { sizeOf } from "./_proxy_head.ts";
import type { Peer } from "./_proxy_peer.ts";
import { shownTarget } from "./_proxy_target.ts";
import type { Upstream } from "./_proxy_upstream.ts";
import type { ProxyEntry } from "./proxy_options.ts";

/** What is known of the request in hand; without a head if that could not be read. */
export class Current {
  received: number;
  status = 0;
  user: string | undefined;
  connect: number | undefined;
  firstByte: number | undefined;
  error: string | undefined;
  /** Whether the rules refused it, as opposed to a server. */
  denied = false;
  upstream: Upstream | undefined;

  readonly #started = performance.now();
  readonly #client: Peer;
  readonly #sentBefore: number;

  constructor(readonly head: Http1Request | undefined, client: Peer) {
    this.#client = client;
    this.#sentBefore = client.sent;
    this.received = head === undefined ? 0 : sizeOf(head.fields);
  }

  /** What has become of it. */
  entry(client: string): ProxyEntry {
    const { head, status, received, connect, firstByte, user, error } = this;
    return {
      method: head?.method ?? "",
      target: head === undefined ? "" : shownTarget(head.target),
      status,
      received,
      sent: this.#client.sent - this.#sentBefore,
      connect,
      firstByte: firstByte === undefined ? undefined : firstByte - this.#started,
      total: performance.now() - this.#started,
      client,
      user,
      error,
    };
  }
}
