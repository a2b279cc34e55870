/**
 * Types of cookies and of cookie jars.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** A cookie, as a jar keeps it. The value is a secret. */
export interface Cookie {
  /** The name; "" for a cookie without one. */
  readonly name: string;
  /** The value. */
  readonly value: string;
  /** The domain in lower case, without a dot in front. */
  readonly domain: string;
  /** Whether the cookie goes to the host `domain` alone, and not to hosts below it. */
  readonly hostOnly: boolean;
  /** The path, and all paths below it, that get the cookie. */
  readonly path: string;
  /** The expiry in milliseconds since 1970; undefined for the end of the session. */
  readonly expires: number | undefined;
  /** Whether the cookie goes only over `https:` and `wss:`. */
  readonly secure: boolean;
  /** Whether scripts of a page may not see the cookie. A jar keeps this for other programs. */
  readonly httpOnly: boolean;
  /** The attribute `SameSite`. A jar keeps it for other programs. */
  readonly sameSite: "strict" | "lax" | "none" | undefined;
  /** The time when a server first set the cookie, in milliseconds since 1970. */
  readonly created: number;
}

/** A cookie jar, as a client needs it. */
export interface CookieStore {
  /** Returns the value of the header `Cookie` for a URL; empty without cookies. */
  cookies(url: string): string | Promise<string>;
  /** Stores the cookies of the `Set-Cookie` headers of a response. It ignores invalid cookies. */
  store(url: string, setCookies: readonly string[]): void | Promise<void>;
}

/** The cookies that {@linkcode CookieJar.clear} removes. All given members must fit. */
export interface CookieFilter {
  /** The name of the cookie. */
  readonly name?: string;
  /** The domain of the cookie. Cookies of hosts below it are removed, too. */
  readonly domain?: string;
}

/** A cookie jar in memory. Iterating over it yields all cookies that have not expired. */
export interface CookieJar extends CookieStore, Iterable<Cookie> {
  /** Returns the value of the header `Cookie` for a URL; empty without cookies. */
  cookies(url: string | URL): string;
  /** Stores the cookies of the `Set-Cookie` headers of a response. It ignores invalid cookies. */
  store(url: string | URL, setCookies: readonly string[]): void;
  /** Returns the cookie of a name that a request for a URL would send first; undefined without one. */
  get(url: string | URL, name: string): Cookie | undefined;
  /**
   * Stores a cookie as if a response from a URL had set it.
   *
   * @param url The URL, which must be allowed to set the cookie.
   * @param setCookie The cookie with its attributes, such as `id=7; Path=/; Secure`.
   * @returns Whether the cookie was accepted.
   */
  set(url: string | URL, setCookie: string): boolean;
  /** Removes cookies, by default all. Returns their number. */
  clear(filter?: CookieFilter): number;
  /** Returns all cookies for {@linkcode createCookieJar}. They are secrets. */
  toJSON(): { cookies: Cookie[] };
  /** Returns all cookies in the format of `cookies.txt`, which curl and wget share. They are secrets. */
  toText(): string;
}
