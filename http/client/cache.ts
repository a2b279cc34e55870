/**
 * The cache of a client (RFC 9111): types of its options and of its store, and a store in memory. It is a
 * private cache, for one user. Set it with the option `cache` of `createClient`.
 *
 * @example Ask a server only once
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * let calls = 0;
 * await using server = Deno.serve({ port: 0, onListen() {} }, () =>
 *   new Response(`${++calls}`, { headers: { "cache-control": "max-age=60" } }));
 * await using client = createClient({ cache: true });
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * assertEquals(await client.get(url).text(), "1");
 * const again = await client.get(url);
 * assertEquals([await again.text(), again.cached], ["1", true]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { count, OptionRules } from "../../net/internal/options.ts";

/** A stored response. It can be converted to JSON, except for its body. */
export interface HttpCacheEntry {
  /** The rules of the response, in the form of the npm package `http-cache-semantics`. */
  readonly policy: object;
  /** The reason phrase. */
  readonly statusText: string;
  /** The body as it was transferred, with its content coding. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A store of responses. Several clients may share one. */
export interface HttpCacheStore {
  /** Returns the responses of a key, one for each variant; undefined without any. */
  get(
    key: string,
  ): readonly HttpCacheEntry[] | undefined | Promise<readonly HttpCacheEntry[] | undefined>;
  /** Replaces the responses of a key. A failure does not affect the request. */
  set(key: string, entries: readonly HttpCacheEntry[]): void | Promise<void>;
  /** Removes the responses of a key. */
  delete(key: string): void | Promise<void>;
}

/** Options of the cache. */
export interface HttpCacheOptions {
  /**
   * The store.
   *
   * @default a store in memory with its defaults
   */
  store?: HttpCacheStore;
  /**
   * The largest body that is stored, in bytes.
   *
   * @default 4194304
   */
  maxEntry?: number;
}

/** Options of {@linkcode createCacheStore}. */
export interface CacheStoreOptions {
  /**
   * The largest size of all bodies and headers together, in bytes.
   *
   * @default 33554432
   */
  maxSize?: number;
  /**
   * The largest number of URLs.
   *
   * @default 10000
   */
  maxKeys?: number;
}

const STORE = new OptionRules<CacheStoreOptions>({ maxSize: count, maxKeys: count });

/**
 * Makes a store in memory. If it is full, the responses that were used least recently are removed.
 *
 * @param options The limits of the store.
 * @returns The store, for the option `cache` of `createClient`.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example Two clients with one cache
 * ```ts
 * import { createCacheStore, createClient } from "@portside/kit/http/client";
 *
 * const store = createCacheStore({ maxSize: 8 * 1024 * 1024 });
 * await using first = createClient({ cache: { store } });
 * await using second = createClient({ cache: { store } });
 * ```
 */
export function createCacheStore(options: CacheStoreOptions = {}): HttpCacheStore {
  const { maxSize = 32 * 1024 * 1024, maxKeys = 10_000 } = STORE.check("createCacheStore", options);
  return new CacheMemory(maxSize, maxKeys);
}

interface Kept {
  readonly entries: readonly HttpCacheEntry[];
  readonly size: number;
}

class CacheMemory implements HttpCacheStore {
  /** The responses by key. The ones that were used last come last. */
  readonly #kept = new Map<string, Kept>();
  readonly #maxSize: number;
  readonly #maxKeys: number;
  #size = 0;

  constructor(maxSize: number, maxKeys: number) {
    this.#maxSize = maxSize;
    this.#maxKeys = maxKeys;
  }

  get(key: string): readonly HttpCacheEntry[] | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.entries;
  }

  set(key: string, entries: readonly HttpCacheEntry[]): void {
    this.delete(key);
    const size = entries.reduce((sum, one) => sum + sizeOf(one), 2 * key.length);
    if (size > this.#maxSize) return;
    this.#kept.set(key, { entries, size });
    this.#size += size;
    for (const oldest of this.#kept.keys()) {
      if (this.#size <= this.#maxSize && this.#kept.size <= this.#maxKeys) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#size -= kept.size;
  }
}

/** Returns the approximate size of a response in memory, in bytes. */
function sizeOf({ body, policy }: HttpCacheEntry): number {
  return body.length + 2 * JSON.stringify(policy).length;
}
