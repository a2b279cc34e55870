/**
 * A jar that keeps cookies as a browser does (RFC 6265), with the list of
 * public suffixes, so that no site can set a cookie for all of `co.uk`.
 *
 * @example Keep and send a cookie
 * ```ts
 * import { createCookieJar } from "@portside/kit/http/cookie-jar";
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

import { CookieJar } from "tough-cookie";

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
 * import { createCookieJar } from "@portside/kit/http/cookie-jar";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = createCookieJar();
 * await jar.store("http://127.0.0.1/", ["id=7; Max-Age=60"]);
 * const loaded = createCookieJar(JSON.parse(JSON.stringify(jar)));
 * assertEquals(await loaded.cookies("http://127.0.0.1/"), "id=7");
 * ```
 */
export function createCookieJar(saved?: unknown): SavableCookieStore {
  const jar = saved === undefined
    ? new CookieJar()
    : CookieJar.deserializeSync(JSON.stringify(saved));
  return {
    cookies: (url) => jar.getCookieString(url),
    store: async (url, setCookies) => {
      for (const one of setCookies.slice(0, MAX_COOKIES)) {
        if (one.length > MAX_LENGTH) continue;
        await jar.setCookie(one, url, { ignoreError: true });
      }
    },
    toJSON: () => jar.serializeSync() ?? null,
  };
}

/** Bounds for one answer, as browsers have them. */
const MAX_COOKIES = 180;
const MAX_LENGTH = 8192;
