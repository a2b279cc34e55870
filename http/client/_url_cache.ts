/** The number of cached URLs. */
const MAX = 256;

/** The parts that requests for the same URL share. */
export class CachedUrl {
  readonly origin: string;
  /** The beginning of a head after the method: the target and the version. */
  readonly target: string;
  readonly host: string;
  /** The head of a GET request without headers and body of its own. */
  head: string | undefined;

  constructor(readonly url: URL) {
    this.origin = url.origin;
    this.target = url.pathname + url.search;
    this.host = url.host;
  }
}

/**
 * A cache of the last URLs. Parsing and checking a URL for each request would cost more than the rest of
 * the client.
 */
export class UrlCache {
  /** Null for a URL that was requested only once. */
  readonly #known = new Map<string, CachedUrl | null>();

  /** Returns the cached form of a URL; undefined if it is not cached. */
  find(given: string): CachedUrl | undefined {
    return this.#known.get(given) ?? undefined;
  }

  /** Adds a URL to the cache. The caller must not change it afterwards. */
  remember(given: string, url: URL): void {
    const again = this.#known.has(given);
    if (!again && this.#known.size >= MAX) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(given, again ? new CachedUrl(url) : null);
  }
}
