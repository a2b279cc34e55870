/**
 * A cookie jar that works like that of a browser (RFC 6265bis). It uses the list of public suffixes, so that
 * no site can set a cookie for all of `co.uk`. A response over `http:` cannot replace a `Secure` cookie. The
 * jar keeps up to 50 cookies for each of up to 1000 domains.
 *
 * @example Store and send a cookie
 * ```ts
 * import { createCookieJar } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = createCookieJar();
 * jar.store("http://a.example.com/", ["id=7; Path=/", "evil=1; Domain=com"]);
 * assertEquals(jar.cookies("http://a.example.com/x"), "id=7");
 * assertEquals(jar.cookies("http://b.example.com/x"), "");
 * ```
 *
 * **Permissions**: none. Source: RFC 6265bis (draft-ietf-httpbis-rfc6265bis).
 *
 * @module
 */

import { OptionRules, text } from "../../net/internal/options.ts";
import type { Cookie, CookieFilter, CookieJar } from "./cookie.ts";
import { cookiesOfJson, cookiesOfText, textOfCookies } from "./_cookie_file.ts";
import { parseSetCookie } from "./_cookie_parser.ts";
import {
  admitted,
  type CookiePlace,
  domainMatches,
  pathMatches,
  placeOf,
} from "./_cookie_rules.ts";

export type * from "./cookie.ts";

/**
 * Makes a cookie jar in memory.
 *
 * @param saved The result of `toJSON` of another jar, or the text of a `cookies.txt` file as curl writes
 * it. Entries that are no cookies are skipped.
 * @returns The jar, with the saved cookies.
 *
 * @example Save and load
 * ```ts
 * import { createCookieJar } from "@portside/kit/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = createCookieJar();
 * jar.set("http://127.0.0.1/", "id=7; Max-Age=60");
 * const loaded = createCookieJar(JSON.parse(JSON.stringify(jar)));
 * assertEquals(loaded.cookies("http://127.0.0.1/"), "id=7");
 * assertEquals(createCookieJar(jar.toText()).get("http://127.0.0.1/", "id")?.value, "7");
 * ```
 */
export function createCookieJar(saved?: unknown): CookieJar {
  const jar = new Jar();
  const cookies = typeof saved === "string" ? cookiesOfText(saved) : cookiesOfJson(saved);
  for (const cookie of cookies) jar.add(cookie);
  return jar;
}

/** Limits for one response, as browsers have them. */
const MAX_COOKIES = 180;
const MAX_LENGTH = 8192;
/** Limits for the whole jar (RFC 6265bis §6.1). The oldest cookies are removed first. */
const MAX_PER_DOMAIN = 50;
const MAX_DOMAINS = 1000;

const FILTER = new OptionRules<CookieFilter>({ name: text, domain: text });

class Jar implements CookieJar {
  /** The cookies by domain, and by name, path and host. The one that changed last comes last. */
  readonly #domains = new Map<string, Map<string, Cookie>>();

  cookies(url: string | URL): string {
    return this.#matching(placeOf(url))
      .map(({ name, value }) => name === "" ? value : `${name}=${value}`).join("; ");
  }

  get(url: string | URL, name: string): Cookie | undefined {
    return this.#matching(placeOf(url)).find((one) => one.name === name);
  }

  store(url: string | URL, setCookies: readonly string[]): void {
    const place = placeOf(url);
    for (const one of setCookies.slice(0, MAX_COOKIES)) this.#take(place, one);
  }

  set(url: string | URL, setCookie: string): boolean {
    return this.#take(placeOf(url), setCookie);
  }

  clear(filter: CookieFilter = {}): number {
    const { name, domain } = FILTER.check("clear", filter);
    let count = 0;
    for (const [host, cookies] of this.#domains) {
      if (domain !== undefined && !domainMatches(host, domain.toLowerCase())) continue;
      for (const [key, cookie] of cookies) {
        if (name === undefined || cookie.name === name) {
          cookies.delete(key);
          count++;
        }
      }
      if (cookies.size === 0) this.#domains.delete(host);
    }
    return count;
  }

  toJSON(): { cookies: Cookie[] } {
    return { cookies: [...this] };
  }

  toText(): string {
    return textOfCookies(this);
  }

  *[Symbol.iterator](): Iterator<Cookie> {
    const now = Date.now();
    for (const cookies of this.#domains.values()) {
      for (const cookie of cookies.values()) if (isFresh(cookie, now)) yield cookie;
    }
  }

  /** Adds a cookie, or removes the one that it replaces if it has expired. */
  add(cookie: Cookie): void {
    const { domain } = cookie;
    const cookies = this.#domains.get(domain) ?? new Map<string, Cookie>();
    const key = `${cookie.hostOnly ? 1 : 0};${cookie.path};${cookie.name}`;
    const old = cookies.get(key);
    cookies.delete(key);
    this.#domains.delete(domain);
    const now = Date.now();
    if (isFresh(cookie, now)) {
      cookies.set(key, old === undefined ? cookie : { ...cookie, created: old.created });
      if (cookies.size > MAX_PER_DOMAIN) removeOne(cookies, now);
    }
    if (cookies.size === 0) return;
    this.#domains.set(domain, cookies);
    if (this.#domains.size > MAX_DOMAINS) {
      const [oldest] = this.#domains.keys();
      this.#domains.delete(oldest!);
    }
  }

  /** Stores a cookie of a response. Returns whether it was accepted. */
  #take(place: CookiePlace, setCookie: string): boolean {
    if (setCookie.length > MAX_LENGTH) return false;
    const now = Date.now();
    const parsed = parseSetCookie(setCookie, now);
    const cookie = parsed === undefined ? undefined : admitted(parsed, place);
    if (cookie === undefined || (!place.secure && this.#shadows(cookie))) return false;
    this.add({ ...cookie, created: now });
    return true;
  }

  /**
   * Returns whether a cookie would hide a secure one (RFC 6265bis §5.7 step 19). A network attacker could
   * otherwise replace a session of `https:`.
   */
  #shadows({ name, domain, path }: Pick<Cookie, "name" | "domain" | "path">): boolean {
    const now = Date.now();
    for (const [host, cookies] of this.#domains) {
      if (!domainMatches(host, domain) && !domainMatches(domain, host)) continue;
      for (const other of cookies.values()) {
        if (other.name !== name || !other.secure || !isFresh(other, now)) continue;
        if (pathMatches(path, other.path)) return true;
      }
    }
    return false;
  }

  /** Returns the cookies for a place in the order of the header (RFC 6265bis §5.8.3). */
  #matching({ host, path, secure }: CookiePlace): Cookie[] {
    const now = Date.now();
    const found: Cookie[] = [];
    for (let domain = host;;) {
      for (const cookie of this.#domains.get(domain)?.values() ?? []) {
        if (cookie.hostOnly ? domain !== host : !domainMatches(host, domain)) continue;
        if (cookie.secure && !secure) continue;
        if (pathMatches(path, cookie.path) && isFresh(cookie, now)) found.push(cookie);
      }
      const dot = domain.indexOf(".");
      if (dot < 0) break;
      domain = domain.slice(dot + 1);
    }
    // Sorting is stable, and a map keeps the order in which cookies changed.
    return found.sort((a, b) => b.path.length - a.path.length || a.created - b.created);
  }
}

function isFresh({ expires }: Cookie, now: number): boolean {
  return expires === undefined || expires > now;
}

/** Removes an expired cookie, or else the one that has been unchanged for the longest time. */
function removeOne(cookies: Map<string, Cookie>, now: number): void {
  for (const [key, cookie] of cookies) {
    if (!isFresh(cookie, now)) return void cookies.delete(key);
  }
  const [oldest] = cookies.keys();
  cookies.delete(oldest!);
}
