import type { TickClock } from "./_clock.ts";
import type { Out } from "./_out.ts";
import type { Peer } from "./_peer.ts";

/** A connection to a server that can be kept for later requests. */
export interface Keepable extends Peer {
  /** Whether it has carried a request before. */
  reused: boolean;
  readonly out: Out;
  /** What it leads to. */
  readonly key: string;
  /** How long it may be idle, in milliseconds; 0 if not at all. */
  readonly idleLimit: number;
  /** Whether a request may be sent on it. */
  readonly usable: boolean;
}

/** How many connections are kept, and for how long. */
export interface IdleOptions {
  readonly clock: TickClock;
  readonly maxIdlePerHost: number;
  /** In milliseconds. */
  readonly keepAliveTimeout: number;
}

const MAX_IDLE = 1024;

/**
 * Keeps idle connections. A read is pending on each of them, so the end of a connection is noticed
 * when it comes, and a connection that has ended is never used.
 */
export class IdleUpstreams<U extends Keepable> {
  /** Number of idle connections. */
  idle = 0;
  readonly #options: IdleOptions;
  readonly #idle = new Map<string, U[]>();
  /** The connections that are kept one turn of the event loop later. */
  readonly #soon = new Map<U, ReturnType<typeof setTimeout>>();

  constructor(options: IdleOptions) {
    this.#options = options;
  }

  /** Returns an idle connection that is of use; undefined without one. */
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

  /** Returns the number of idle connections that lead to the same place. */
  count(key: string): number {
    return this.#idle.get(key)?.length ?? 0;
  }

  /** Returns whether as many connections are idle as are kept. */
  isFull(key: string): boolean {
    return this.count(key) >= this.#options.maxIdlePerHost || this.idle >= MAX_IDLE;
  }

  /** Keeps a connection for the next request, in place of the oldest if there are too many. */
  give(upstream: U): void {
    const { keepAliveTimeout, clock } = this.#options;
    const limit = Math.min(keepAliveTimeout, upstream.idleLimit);
    if (limit === 0 || !upstream.usable) return this.drop(upstream);
    upstream.shrink();
    upstream.out.clear();
    const { filled } = upstream;
    // The server's end, and anything that it says unasked, ends the connection.
    const evict = () => this.#evict(upstream);
    upstream.more(clock.after(limit)).then(evict, evict);
    // If more has come already, the read gets it in the next turn of the event loop.
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

  /** Closes the idle connections whose keys match. */
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
    // Or the lists would grow with every host that was ever asked for.
    if (this.#idle.get(upstream.key)?.length === 0) this.#idle.delete(upstream.key);
    upstream.close();
  }

  /** Closes the idle connections. */
  close(): void {
    this.evictAll(() => true);
  }
}
