/**
 * The page and its files, its security headers (a strict content security policy), and the checks of
 * `Host` and `Origin`.
 *
 * @module
 */

import { matchesETag } from "../../http/etag.ts";
import { isLoopback } from "../../net/address.ts";
import {
  HTML,
  JAVASCRIPT,
  PAGE_FILES,
  PAGE_HTML,
  PAGE_WORKER,
  type PageFile,
} from "./page_files.ts";

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

/**
 * Adds the common header fields to a response.
 *
 * @param response A response whose headers may be changed.
 * @returns The same response with all security headers.
 */
export function withCommonHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(COMMON)) response.headers.set(name, value);
  return response;
}

/** The page and its files. */
export interface Page {
  /** Returns the response to GET or HEAD; undefined if the page has no such file. */
  respond(request: Request, path: string): Response | undefined;
}

/** A file as it is sent. */
interface Served {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The cache policy of files whose path has the version: their content never changes. */
const FOREVER = "public, max-age=31536000, immutable";

/**
 * Prepares the page: computes its version and the entity tags.
 *
 * The paths of all files contain the version, which is a hash of all of them. A page never gets files of
 * two versions, even if the server is updated while it loads.
 *
 * @param lang The language for browsers that prefer neither English nor Chinese.
 * @param epoch The epoch of the chat. The page joins by itself if it has a session of this epoch.
 * @returns The page that answers requests.
 */
export async function preparePage(lang: "en" | "zh", epoch: string): Promise<Page> {
  const version = await hashOf([PAGE_HTML, PAGE_WORKER, ...PAGE_FILES.map(({ body }) => body)]);
  const fill = (text: string) =>
    text.replaceAll("__VERSION__", version)
      .replace("__EPOCH__", epoch.replace(/[^\w-]/g, ""))
      .replace("__FILES__", PAGE_FILES.map(({ name }) => name).join(" "))
      .replace('<html lang="en">', `<html lang="${lang === "zh" ? "zh-CN" : "en"}">`);
  const files = new Map<string, Served>();
  const add = async (
    path: string,
    type: string,
    text: string | PageFile["body"],
    cache: string,
  ) => {
    const body = typeof text === "string" ? new TextEncoder().encode(fill(text)) : text;
    const etag = `"${await hashOf([body])}"`;
    files.set(path, { body, headers: { "content-type": type, "cache-control": cache, etag } });
  };
  await add("/", HTML, PAGE_HTML, "no-cache");
  await add("/sw.js", JAVASCRIPT, PAGE_WORKER, "no-cache");
  for (const { name, type, body } of PAGE_FILES) {
    await add(`/page/${version}/${name}`, type, body, FOREVER);
  }
  return {
    respond(request, path) {
      const file = files.get(path);
      return file && respond(request, file);
    },
  };
}

/** Sends a file, or 304 if the browser has it. */
function respond(request: Request, { body, headers: own }: Served): Response {
  // Use the field and not the URL: an absolute URL can name a host that was not checked.
  const policy = contentPolicy(request.headers.get("host") ?? "");
  const html = own["content-type"] === HTML;
  const headers = {
    ...COMMON,
    ...own,
    ...html && { "content-security-policy": policy, "vary": "host" },
  };
  const known = request.headers.get("if-none-match");
  if (known !== null && matchesETag(known, own.etag, "weak")) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

/** Returns the content security policy of the page (CSP Level 3). */
function contentPolicy(host: string): string {
  // Some browsers do not accept 'self' for WebSockets. A policy cannot name an IPv6 address.
  const sockets = host.startsWith("[") ? "" : ` ws://${host} wss://${host}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "manifest-src 'self'",
    "worker-src 'self'",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types portside",
  ].join("; ");
}

/** Returns a short hash of texts and bytes, for paths and entity tags. */
async function hashOf(parts: readonly (string | Uint8Array<ArrayBuffer>)[]): Promise<string> {
  const bytes = await new Blob([...parts]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
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
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
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
