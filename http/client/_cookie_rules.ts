/** The rules of RFC 6265bis for hosts, paths and prefixes. Pure. */

import { getPublicSuffix } from "npm:tldts@7.5.5";
import type { Cookie } from "./cookie.ts";
import type { ParsedCookie } from "./_cookie_parser.ts";

/** The place that a cookie comes from or goes to. */
export interface CookiePlace {
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
}

/** Returns the place that a URL names. */
export function placeOf(url: string | URL): CookiePlace {
  const { hostname, pathname, protocol } = new URL(url);
  return { host: hostname, path: pathname, secure: protocol === "https:" || protocol === "wss:" };
}

/** Returns whether a host is a domain or below it (§5.1.3). Addresses have nothing below them. */
export function domainMatches(host: string, domain: string): boolean {
  if (host === domain) return true;
  return host.endsWith(`.${domain}`) && !isAddress(host);
}

function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** Returns whether a path is another one or below it (§5.1.4). */
export function pathMatches(path: string, above: string): boolean {
  if (!path.startsWith(above)) return false;
  return path.length === above.length || above.endsWith("/") || path[above.length] === "/";
}

/**
 * Returns the cookie that a server may set; undefined for one that it may not (§5.7). Whether it would
 * replace a secure one is up to the jar.
 */
export function admitted(
  parsed: ParsedCookie,
  { host, path, secure }: CookiePlace,
): Omit<Cookie, "created"> | undefined {
  const domain = domainOf(parsed.domain, host);
  if (domain === undefined) return undefined;
  if (parsed.secure && !secure) return undefined;
  const hostOnly = domain === "";
  if (!fitsPrefix(parsed, hostOnly)) return undefined;
  return {
    name: parsed.name,
    value: parsed.value,
    domain: hostOnly ? host : domain,
    hostOnly,
    path: parsed.path ?? defaultPath(path),
    expires: parsed.expires,
    secure: parsed.secure,
    httpOnly: parsed.httpOnly,
    sameSite: parsed.sameSite,
  };
}

/**
 * Returns the domain of a cookie: "" for its host alone, undefined if the host may not set it. Nobody may
 * set cookies for all of a public suffix, but the host that is the suffix may for itself (§5.7 step 9).
 */
function domainOf(attribute: string | undefined, host: string): string | undefined {
  if (attribute === undefined || attribute === "") return "";
  if (!domainMatches(host, attribute)) return undefined;
  // A name may end in a dot, but the suffixes in the list do not.
  const isSuffix = !isAddress(host) &&
    getPublicSuffix(attribute, { allowPrivateDomains: true }) === attribute.replace(/\.$/, "");
  return !isSuffix ? attribute : attribute === host ? "" : undefined;
}

/** Returns whether a cookie keeps the promise of its prefix, in any case (§5.7 steps 20 to 22). */
function fitsPrefix({ name, value, secure, path }: ParsedCookie, hostOnly: boolean): boolean {
  const text = name === "" ? value : name;
  const prefix = /^__(secure|host)-/i.exec(text)?.[1]?.toLowerCase();
  if (prefix === undefined) return true;
  // A cookie without a name is sent as its value alone, which then looks like a name.
  if (name === "" || !secure) return false;
  return prefix === "secure" || (hostOnly && path === "/");
}

/** Returns the path of a cookie without one (§5.1.4). */
function defaultPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
