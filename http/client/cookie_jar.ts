/**
 * A jar that keeps cookies as a browser does (RFC 6265), with the list of
 * public suffixes, so that no site can set a cookie for all of `co.uk`. It keeps
 * 50 cookies of each of 1000 domains at the most.
 *
 * @example Keep and send a cookie
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

import { CookieJar, MemoryCookieStore } from "tough-cookie";

/** What a client needs of a jar. */
export interface CookieStore {
  /** The value of `Cookie` for a URL; empty for no cookies. */
  cookies(url: string): string | Promise<string>;
  /** Keeps what the `Set-Cookie` headers of an answer say; ignores what it must not believe. */
  store(url: string, setCookies: readonly string[]): void | Promise<void>;
}

/** A jar that can be saved. */
export interface SavableCookieStore extends CookieStore {
  /** All cookies, for {@linkcode createCookieJar}. They are secrets. */
  toJSON(): unknown;
}

/**
 * Makes a jar.
 *
 * @param saved What `toJSON` of another gave.
 * @returns The jar.
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
  /** The domains that have cookies, the one that was told last at the end. */
  const domains = new Set<string>();
  // An empty path stands for all of them.
  const told = async (domain: string) => {
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
      for (const domain of changed) await told(domain);
    },
    toJSON: () => jar.serializeSync() ?? null,
  };
}

/** Bounds for one answer, as browsers have them. */
const MAX_COOKIES = 180;
const MAX_LENGTH = 8192;
/** Bounds for all that a jar keeps (RFC 6265 §6.1); the oldest go first. */
const MAX_PER_DOMAIN = 50;
const MAX_DOMAINS = 1000;
