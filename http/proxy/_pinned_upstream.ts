import type { Http1Request } from "../http1/codec.ts";
import type { ProxyCore } from "./_proxy_state.ts";
import { isRepeatable } from "./_exchange.ts";
import type { Upstream } from "./_upstream.ts";

/**
 * A connection to a server with the login of a client, as with NTLM. It serves no other client.
 */
export class PinnedUpstream {
  readonly #core: ProxyCore;
  readonly #inUse: (upstream: Upstream) => boolean;
  #upstream: Upstream | undefined;

  /**
   * @param core What all connections of the proxy share.
   * @param inUse Returns whether the current request uses a connection.
   */
  constructor(core: ProxyCore, inUse: (upstream: Upstream) => boolean) {
    this.#core = core;
    this.#inUse = inUse;
  }

  /** Returns whether a connection is the pinned one. */
  is(upstream: Upstream): boolean {
    return this.#upstream === upstream;
  }

  /** Returns whether a pinned connection has this key. */
  serves(key: string): boolean {
    return this.#upstream?.key === key;
  }

  /** Pins a connection instead of an earlier one, and drops it when its idle time expires. */
  keep(upstream: Upstream): void {
    const { clock, limits } = this.#core;
    if (this.#upstream !== upstream) this.drop();
    this.#upstream = upstream;
    const limit = Math.min(limits.idleTimeout, upstream.idleLimit);
    const check = () => {
      const idle = this.#upstream === upstream && !this.#inUse(upstream);
      if (idle && !upstream.usable) this.drop();
    };
    upstream.more(clock.after(limit)).then(check, check);
  }

  /** Takes the pinned connection for a request; undefined if the server has ended it. */
  async take(head: Http1Request): Promise<Upstream | undefined> {
    const pinned = this.#upstream!;
    // The server may have ended it already. The read notices that in the next turn of the event loop.
    if (!isRepeatable(head)) await new Promise((resolve) => setTimeout(resolve));
    if (pinned.usable) {
      pinned.reused = true;
      return pinned;
    }
    this.drop();
    return undefined;
  }

  /** Unpins a connection that the caller drops. */
  forget(upstream: Upstream): void {
    if (this.#upstream === upstream) this.#upstream = undefined;
  }

  /** Unpins and drops the pinned connection, if there is one. */
  drop(): void {
    const pinned = this.#upstream;
    this.#upstream = undefined;
    if (pinned !== undefined) this.#core.upstreams.drop(pinned);
  }
}
