import type { TickClock } from "./_clock.ts";
import type { Out } from "./_output.ts";
import type { Peer } from "./_peer.ts";

/** A connection to a server that can be kept for later requests. */
export interface Keepable extends Peer {
  /** Whether the connection is reused. */
  reused: boolean;
  readonly out: Out;
  /** The key of the destination. */
  readonly key: string;
  /** The longest idle time in milliseconds; 0 if the connection must not be kept. */
  readonly idleLimit: number;
  /** Whether the connection can be used for a request. */
  readonly usable: boolean;
}

/** Limits of idle connections. */
export interface IdleOptions {
  readonly clock: TickClock;
  readonly maxIdlePerHost: number;
  /** The longest idle time in milliseconds. */
  readonly keepAliveTimeout: number;
}

const MAX_IDLE = 1024;

/**
 * Keeps idle connections. Each of them has a pending read, which detects its end at once, so that a
 * connection that has ended is never used.
 */
export class IdleUpstreams<U extends Keepable> {
  /** The number of idle connections. */
  idle = 0;
  readonly #options: IdleOptions;
  readonly #idle = new Map<string, U[]>();
  /** Connections that become idle in the next turn of the event loop. */
  readonly #soon = new Map<U, ReturnType<typeof setTimeout>>();

  constructor(options: IdleOptions) {
    this.#options = options;
  }

  /** Returns a usable idle connection; undefined without one. */
  take(key: string): U | undefined {
    const list = this.#idle.get(key);
    if (list === undefined) return undefined;
    for (let upstream; (upstream = list.pop()) !== undefined;) {
      this.idle--;
      if (upstream.usable) {
        upstream.reused = true;
        return upstream;
      }
      this.drop(upstream);
    }
    return undefined;
  }

  /** Returns the number of idle connections with a key. */
  count(key: string): number {
    return this.#idle.get(key)?.length ?? 0;
  }

  /** Returns whether the limit of idle connections is reached. */
  isFull(key: string): boolean {
    return this.count(key) >= this.#options.maxIdlePerHost || this.idle >= MAX_IDLE;
  }

  /** Keeps a connection for the next request. It replaces the oldest one if there are too many. */
  give(upstream: U): void {
    const { keepAliveTimeout, clock } = this.#options;
    const limit = Math.min(keepAliveTimeout, upstream.idleLimit);
    if (limit === 0 || !upstream.usable) return this.drop(upstream);
    upstream.shrink();
    upstream.out.clear();
    const { filled } = upstream;
    // An end and unexpected data of the server both end the connection.
    const evict = () => this.#evict(upstream);
    upstream.more(clock.after(limit)).then(evict, evict);
    // If more data has arrived already, the read gets it in the next turn of the event loop.
    if (!filled) return this.#keep(upstream);
    const keep = () => {
      this.#soon.delete(upstream);
      this.#keep(upstream);
    };
    this.#soon.set(upstream, setTimeout(keep));
  }

  #keep(upstream: U): void {
    if (!upstream.usable) return this.drop(upstream);
    if (this.isFull(upstream.key)) {
      const oldest = this.#idle.get(upstream.key)?.[0];
      if (oldest === undefined) return this.drop(upstream);
      this.#evict(oldest);
    }
    let list = this.#idle.get(upstream.key);
    if (list === undefined) this.#idle.set(upstream.key, list = []);
    list.push(upstream);
    this.idle++;
  }

  #evict(upstream: U): void {
    const list = this.#idle.get(upstream.key);
    const index = list?.indexOf(upstream) ?? -1;
    if (index === -1) return;
    list!.splice(index, 1);
    this.idle--;
    this.drop(upstream);
  }

  /** Closes all idle connections whose keys match. */
  evictAll(matches: (key: string) => boolean): void {
    for (const [upstream, timer] of [...this.#soon]) {
      if (!matches(upstream.key)) continue;
      clearTimeout(timer);
      this.#soon.delete(upstream);
      this.drop(upstream);
    }
    for (const [key, list] of this.#idle) {
      if (matches(key)) { for (const upstream of [...list]) this.#evict(upstream); }
    }
  }

  /** Closes a connection. */
  drop(upstream: U): void {
    // Empty lists would accumulate with every host.
    if (this.#idle.get(upstream.key)?.length === 0) this.#idle.delete(upstream.key);
    upstream.close();
  }

  /** Closes all idle connections. */
  close(): void {
    this.evictAll(() => true);
  }
}
