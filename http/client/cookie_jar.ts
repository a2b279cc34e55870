/**
 * A cookie jar that works like that of a browser (RFC 6265). It uses the list of public suffixes, so that
 * no site can set a cookie for all of `co.uk`. It keeps up to 50 cookies for each of up to 1000 domains.
 *
 * @example Store and send a cookie
 * ```ts
 * import { createCookieJar } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = createCookieJar();
 * await jar.store("http://a.example.com/", ["id=7; Path=/", "evil=1; Domain=com"]);
 * assertEquals(await jar.cookies("http://a.example.com/x"), "id=7");
 * assertEquals(await jar.cookies("http://b.example.com/x"), "");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { CookieJar, MemoryCookieStore } from "npm:tough-cookie@6.1.0";

/** A cookie jar, as a client needs it. */
export interface CookieStore {
  /** Returns the value of the header `Cookie` for a URL; empty without cookies. */
  cookies(url: string): string | Promise<string>;
  /** Stores the cookies of the `Set-Cookie` headers of a response. It ignores invalid cookies. */
  store(url: string, setCookies: readonly string[]): void | Promise<void>;
}

/** A cookie jar that can be saved. */
export interface SavableCookieStore extends CookieStore {
  /** Returns all cookies for {@linkcode createCookieJar}. They are secrets. */
  toJSON(): unknown;
}

/**
 * Makes a cookie jar in memory.
 *
 * @param saved The result of `toJSON` of another jar.
 * @returns The jar, with the saved cookies.
 *
 * @example Save and load
 * ```ts
 * import { createCookieJar } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = createCookieJar();
 * await jar.store("http://127.0.0.1/", ["id=7; Max-Age=60"]);
 * const loaded = createCookieJar(JSON.parse(JSON.stringify(jar)));
 * assertEquals(await loaded.cookies("http://127.0.0.1/"), "id=7");
 * ```
 */
export function createCookieJar(saved?: unknown): SavableCookieStore {
  const kept = new MemoryCookieStore();
  const jar = saved === undefined
    ? new CookieJar(kept)
    : CookieJar.deserializeSync(JSON.stringify(saved), kept);
  /** The domains that have cookies. The one that was updated last comes last. */
  const domains = new Set<string>();
  // An empty path means all paths.
  const updated = async (domain: string) => {
    domains.delete(domain);
    domains.add(domain);
    if (domains.size > MAX_DOMAINS) {
      const [oldest] = domains;
      domains.delete(oldest!);
      await kept.removeCookies(oldest!, "");
    }
    const cookies = (await kept.findCookies(domain, "", true))
      .filter((one) => one.domain === domain);
    cookies.sort((a, b) => a.creationIndex - b.creationIndex);
    for (const { path, key } of cookies.slice(0, -MAX_PER_DOMAIN)) {
      await kept.removeCookie(domain, path ?? "/", key);
    }
  };
  for (const { domain } of jar.serializeSync()?.cookies ?? []) {
    if (typeof domain === "string") domains.add(domain);
  }
  return {
    cookies: (url) => jar.getCookieString(url),
    store: async (url, setCookies) => {
      const changed = new Set<string>();
      for (const one of setCookies.slice(0, MAX_COOKIES)) {
        if (one.length > MAX_LENGTH) continue;
        const cookie = await jar.setCookie(one, url, { ignoreError: true });
        if (typeof cookie?.domain === "string") changed.add(cookie.domain);
      }
      for (const domain of changed) await updated(domain);
    },
    toJSON: () => jar.serializeSync() ?? null,
  };
}

/** Limits for one response, as browsers have them. */
const MAX_COOKIES = 180;
const MAX_LENGTH = 8192;
/** Limits for the whole jar (RFC 6265 §6.1). The oldest cookies are removed first. */
const MAX_PER_DOMAIN = 50;
const MAX_DOMAINS = 1000;
