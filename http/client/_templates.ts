import type { HeaderPairs } from "./_headers.ts";

/** URLs that are remembered. */
const MAX = 256;

/** What requests for the same URL share. */
export class Template {
  readonly origin: string;
  #request: Request | undefined;

  constructor(readonly url: URL) {
    this.origin = url.origin;
  }

  /** A request for GET without a signal, to give to `fetch`, whose headers Deno has checked already. */
  request(headers: HeaderPairs): Request {
    return this.#request ??= new Request(this.url.href, { headers, redirect: "manual" });
  }
}

/**
 * The URLs that were asked for last. What is asked for again and again need not
 * be parsed and checked again and again, which costs more than all the rest of
 * a client.
 */
export class Templates {
  /** Null for what was asked for once: it may be the last time. */
  readonly #known = new Map<string, Template | null>();

  /** What is known of an URL as it was given. */
  find(given: string): Template | undefined {
    return this.#known.get(given) ?? undefined;
  }

  /** Remembers an URL; nobody changes it from now on. */
  remember(given: string, url: URL): void {
    const again = this.#known.has(given);
    if (!again && this.#known.size >= MAX) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(given, again ? new Template(url) : null);
  }
}
