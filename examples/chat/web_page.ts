/**
 * The page, its security headers (a strict content security policy with the hashes of its script and
 * style), and the checks of `Host` and `Origin`.
 *
 * @module
 */

import { eTag } from "@std/http/etag";
import { matchesETag } from "../../http/etag.ts";
import { isLoopback } from "../../net/address.ts";
import page from "./page.html" with { type: "text" };

/** The hosts and origins that the chat accepts. */
export interface Visitors {
  /** The address to listen on. */
  readonly hostname: string;
  /** Further host names of the server (`Host`). */
  readonly allowHosts: readonly string[];
  /** Further origins that may open a WebSocket, e.g. `https://chat.example`. */
  readonly allowOrigins: readonly string[];
}

/** The header fields of every response. */
const COMMON: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/**
 * Makes a response with plain text.
 *
 * @param status The status of the response.
 * @param text The text of the body.
 * @param headers Header fields in addition to the common ones.
 * @returns The response with all security headers.
 */
export function textResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const type = "text/plain; charset=utf-8";
  return new Response(text, { status, headers: { ...COMMON, "content-type": type, ...headers } });
}

/** The page with its hashes and entity tag. */
export interface Page {
  /** Returns the response to GET or HEAD. */
  respond(request: Request): Response;
}

/**
 * Prepares the page: computes the hashes and the entity tag.
 *
 * @param lang The language for browsers that prefer neither English nor Chinese.
 * @returns The page that answers requests.
 */
export async function preparePage(lang: "en" | "zh"): Promise<Page> {
  const html = page.replace('<html lang="en">', `<html lang="${lang === "zh" ? "zh-CN" : "en"}">`);
  const [script, style, tag] = await Promise.all([
    inlineHash(html, "script"),
    inlineHash(html, "style"),
    eTag(html),
  ]);
  return {
    respond(request) {
      // Use the field and not the URL: an absolute URL can name a host that was not checked.
      const host = request.headers.get("host") ?? "";
      // Some browsers do not accept 'self' for WebSockets. A policy cannot name an IPv6 address.
      const sockets = host.startsWith("[") ? "" : ` ws://${host} wss://${host}`;
      const policy = [
        "default-src 'none'",
        `script-src '${script}'`,
        `style-src '${style}'`,
        "img-src data:",
        `connect-src 'self'${sockets}`,
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
      ].join("; ");
      const headers = {
        ...COMMON,
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "cache-control": "no-cache",
        "etag": tag!,
        "vary": "host",
      };
      const known = request.headers.get("if-none-match");
      if (known !== null && matchesETag(known, tag, "weak")) {
        return new Response(null, { status: 304, headers });
      }
      return new Response(request.method === "HEAD" ? null : html, { headers });
    },
  };
}

/** Returns the hash of the text of an element that occurs once (CSP Level 3 §2.3.1). */
async function inlineHash(html: string, element: "script" | "style"): Promise<string> {
  const text = html.slice(
    html.indexOf(`<${element}>`) + element.length + 2,
    html.indexOf(`</${element}>`),
  );
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

/**
 * Returns whether the request names this server. An IP address is always accepted. A name must be known,
 * because any site can make its name point to this machine (DNS rebinding).
 *
 * @param request The request to check.
 * @param visitors The accepted hosts and origins.
 * @returns True if the server may answer.
 */
export function hostAllowed(request: Request, visitors: Visitors): boolean {
  const host = request.headers.get("host") ?? "";
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?$/i.exec(host);
  if (match === null) return false;
  const [, ipv6, plain = ""] = match;
  if (ipv6 !== undefined || /^\d{1,3}(\.\d{1,3}){3}$/.test(plain)) return true;
  const name = plain.toLowerCase();
  return isLoopback(name) || name === visitors.hostname.toLowerCase() ||
    visitors.allowHosts.some((allowed) => allowed.toLowerCase() === name);
}

/**
 * Returns whether the request may open a WebSocket. Browsers send the origin of the page. A request
 * without an origin is from another program, which could send any origin.
 *
 * @param request The request to check.
 * @param visitors The accepted hosts and origins.
 * @returns True for the own page, allowed origins, and requests without an origin.
 */
export function originAllowed(request: Request, visitors: Visitors): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  const host = request.headers.get("host");
  return origin === `http://${host}` || origin === `https://${host}` ||
    visitors.allowOrigins.includes(origin);
}
