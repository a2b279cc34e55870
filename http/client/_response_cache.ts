// @ts-types="npm:@types/http-cache-semantics@4.2.0"
import CachePolicy from "npm:http-cache-semantics@4.3.0";
import { createHash } from "node:crypto";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { theirs } from "./_attempt.ts";
import { createCacheStore, type HttpCacheEntry, type HttpCacheOptions } from "./cache.ts";
import type { HttpCacheStore } from "./cache.ts";
import { CachedResponse, StoredWhileRead } from "./_cached_response.ts";
import { secretsOf } from "./_headers.ts";
import type { Incoming } from "./_incoming.ts";
import type { Plan } from "./_request_plan.ts";

/** A request that the cache takes part in. */
export interface CacheLookup {
  readonly key: string;
  readonly request: CachePolicy.Request;
  readonly entries: readonly HttpCacheEntry[];
  /** The stored response that the server is asked about. */
  readonly stale: HttpCacheEntry | undefined;
}

/** The largest number of variants of a URL. */
const MAX_VARIANTS = 8;
/** Requests with these headers are for the server alone. */
const OWN = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
];
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
/** This is a private cache, for one user (RFC 9111 §3). */
const OPTIONS = { shared: false } as const;

/** A private cache of responses (RFC 9111). */
export class ResponseCache {
  readonly #store: HttpCacheStore;
  readonly #maxEntry: number;

  constructor({ store = createCacheStore(), maxEntry = 4 * 1024 * 1024 }: HttpCacheOptions) {
    this.#store = store;
    this.#maxEntry = maxEntry;
  }

  /**
   * Looks for a stored response. Returns it if it is fresh. Otherwise adds the conditions to the headers, if
   * there is a stale one, and returns a lookup for the response of the server. Returns undefined for a
   * request that has nothing to do with the cache.
   */
  async find(plan: Plan, headers: Headers): Promise<CachedResponse | CacheLookup | undefined> {
    if (plan.method !== "GET" || plan.body !== undefined) return undefined;
    if (OWN.some((name) => headers.has(name))) return undefined;
    const key = keyOf(plan.url, headers);
    const entries = await Promise.try(() => this.#store.get(key)).catch(theirs) ?? [];
    const url = placeOf(plan.url);
    const request = { url, method: "GET", headers: Object.fromEntries(headers) };
    let stale: HttpCacheEntry | undefined;
    for (const entry of entries) {
      const policy = policyOf(entry);
      if (policy.satisfiesWithoutRevalidation(request)) return cached(entry, policy);
      const conditions = conditionsOf(policy, request);
      if (conditions.length === 0 || stale !== undefined) continue;
      stale = entry;
      for (const [name, value] of conditions) headers.set(name, value);
    }
    // The caller does not want to wait for a server (RFC 9111 §5.2.1.7).
    if (/\bonly-if-cached\b/i.test(headers.get("cache-control") ?? "")) {
      return new CachedResponse(504, "Gateway Timeout", new Headers(), new Uint8Array());
    }
    return { key, request, entries, stale };
  }

  /**
   * Takes the response of the server. Returns the stored one if the server confirms it; undefined if it
   * confirms another one, so that the request must be sent again without conditions (RFC 9111 §4.3.3).
   */
  async received(incoming: Incoming, lookup: CacheLookup): Promise<Incoming | undefined> {
    const { request, key, entries, stale } = lookup;
    const { status } = incoming;
    const response = { status, headers: fieldsOf(incoming.headers) };
    const save = (entry: HttpCacheEntry) => {
      const others = entries.filter((one) => one !== stale && !sameVariant(one, entry));
      const all = [entry, ...others].slice(0, MAX_VARIANTS);
      return ignoreFailure(Promise.try(() => this.#store.set(key, all)));
    };
    if (stale !== undefined && status === 304) {
      const { policy, modified, matches } = policyOf(stale).revalidatedPolicy(request, response);
      if (!matches) {
        await incoming.read();
        await ignoreFailure(Promise.try(() => this.#store.delete(key)));
        return undefined;
      }
      if (!modified) {
        // The end of a response without a body frees its connection.
        await incoming.read();
        const entry = { ...stale, policy: policy.toObject() };
        await save(entry);
        return cached(entry, policy);
      }
    }
    const policy = new CachePolicy(request, response, OPTIONS);
    const useful = policy.storable() &&
      (policy.timeToLive() > 0 || incoming.headers.has("etag") ||
        incoming.headers.has("last-modified"));
    if (!useful || (incoming.length ?? 0) > this.#maxEntry) return incoming;
    const { statusText } = incoming;
    return new StoredWhileRead(
      incoming,
      this.#maxEntry,
      (body) => save({ policy: policy.toObject(), statusText, body }),
    );
  }

  /** Removes the responses that a request may have changed (RFC 9111 §4.4). */
  async changed(
    { method, url }: Plan,
    told: Headers,
    { status, headers }: Incoming,
  ): Promise<void> {
    if (SAFE.has(method) || status < 200 || status >= 400) return;
    const places = [url.href, headers.get("location"), headers.get("content-location")];
    for (const place of places) {
      const other = place === null ? null : URL.parse(place, url);
      if (other?.origin !== url.origin) continue;
      for (const key of [keyOf(other, told), keyOf(other, new Headers())]) {
        await ignoreFailure(Promise.try(() => this.#store.delete(key)));
      }
    }
  }
}

/** Returns the key of a URL. Responses for other credentials, keys of an API and cookies have other keys. */
function keyOf(url: URL, headers: Headers): string {
  const place = placeOf(url);
  const secrets = secretsOf(headers);
  return secrets === "" ? place : `${place} ${createHash("sha256").update(secrets).digest("hex")}`;
}

/** Returns a URL without its fragment, which no server sees. */
function placeOf({ href, hash }: URL): string {
  return href.slice(0, href.length - hash.length);
}

function policyOf({ policy }: HttpCacheEntry): CachePolicy {
  return CachePolicy.fromObject(policy as CachePolicy.CachePolicyObject);
}

/** Returns the conditions that ask whether a stored response is still valid; none for another variant. */
function conditionsOf(policy: CachePolicy, request: CachePolicy.Request): [string, string][] {
  const headers = policy.revalidationHeaders(request);
  return ["if-none-match", "if-modified-since"].flatMap((name) => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value] as [string, string]] : [];
  });
}

function cached(entry: HttpCacheEntry, policy: CachePolicy): CachedResponse {
  const { st } = policy.toObject();
  const headers = new Headers();
  for (const [name, value] of Object.entries(policy.responseHeaders())) {
    headers.set(name, String(value));
  }
  return new CachedResponse(st, entry.statusText, headers, entry.body);
}

/** Returns headers for a policy. Cookies belong to the first response alone. */
function fieldsOf(headers: Headers): Record<string, string> {
  const { "set-cookie": _, ...fields } = Object.fromEntries(headers);
  return fields;
}

/** Returns whether two responses have the same values of the headers in `Vary`. */
function sameVariant(a: HttpCacheEntry, b: HttpCacheEntry): boolean {
  const variant = ({ policy }: HttpCacheEntry) => {
    const { reqh, resh } = policy as CachePolicy.CachePolicyObject;
    const names = (resh.vary ?? "").toString().toLowerCase().split(",").map((one) => one.trim());
    return JSON.stringify(names.toSorted().map((name) => [name, reqh?.[name] ?? null]));
  };
  return variant(a) === variant(b);
}
