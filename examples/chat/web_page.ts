/**
 * The page and the headers that keep it to itself: a strict content security
 * policy with the hashes of its script and style, checked Host and Origin.
 *
 * @module
 */

import { eTag } from "@std/http/etag";
import { matchesETag } from "../../http/etag.ts";
import { isLoopback } from "../../net/address.ts";
import page from "./page.html" with { type: "text" };

/** Who may ask. */
export interface Visitors {
  /** The address that the server listens on. */
  readonly hostname: string;
  /** Names besides, under which the server is known (`Host`). */
  readonly allowHosts: readonly string[];
  /** Origins besides its own that may open a WebSocket, e.g. `https://chat.example`. */
  readonly allowOrigins: readonly string[];
}

/** What every answer carries. */
const COMMON: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/**
 * Answers with a text of our own.
 *
 * @param status The status.
 * @param text The body.
 * @param headers Headers besides the common ones.
 * @returns The response.
 */
export function textResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const type = "text/plain; charset=utf-8";
  return new Response(text, { status, headers: { ...COMMON, "content-type": type, ...headers } });
}

/** The page as it is served. */
export interface Page {
  /** Answers GET and HEAD of the page. */
  respond(request: Request): Response;
}

/**
 * Prepares the page.
 *
 * @param lang The language of readers whose browser asks for neither English nor Chinese.
 * @returns The page.
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
      // Not from the URL: its absolute form may name another host than the one that was checked.
      const host = request.headers.get("host") ?? "";
      // Not every browser takes 'self' for a WebSocket; but a policy cannot name an IPv6 address.
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

/** The hash of the text of the page's one element of that name (CSP Level 3 §2.3.1). */
async function inlineHash(html: string, element: "script" | "style"): Promise<string> {
  const text = html.slice(
    html.indexOf(`<${element}>`) + element.length + 2,
    html.indexOf(`</${element}>`),
  );
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

/**
 * Whether the request names this server. An address proves itself, but a name
 * may be a stranger's that was made to point here (DNS rebinding).
 *
 * @param request The request.
 * @param visitors Who may ask.
 * @returns Whether to answer it.
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
 * Whether a WebSocket may be opened. Browsers say which page wants it; other
 * programs say nothing, and could say anything.
 *
 * @param request The request.
 * @param visitors Who may ask.
 * @returns Whether it comes from our own page or from one that is allowed.
 */
export function originAllowed(request: Request, visitors: Visitors): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  const host = request.headers.get("host");
  return origin === `http://${host}` || origin === `https://${host}` ||
    visitors.allowOrigins.includes(origin);
}
