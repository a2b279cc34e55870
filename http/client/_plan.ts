import { escapeControls } from "../../net/text.ts";
import type { HttpAuth, HttpProgress, HttpRequestOptions } from "./options.ts";
import type { HttpTry } from "./errors.ts";
import type { RequestBody } from "./_request_body.ts";
import type { Template } from "./_templates.ts";
import type { HttpRetryPolicy } from "./retry.ts";

/** Headers as `fetch` takes them at the least cost; a name may come more than once. */
export type HeaderPairs = [string, string][];

/** Time limits, Infinity for none. */
export interface Timeouts {
  readonly queue: number;
  readonly headers: number;
  readonly body: number;
  readonly total: number;
}

/** What requests are that set nothing themselves. */
export interface PlainRequest {
  readonly headers: Headers;
  /** The same for `fetch`. */
  readonly pairs: HeaderPairs;
}

/** A request on its way: what redirects and tries change, and what stays. */
export interface Plan {
  method: string;
  url: URL;
  /** What is known of `url` from before. */
  template: Template | undefined;
  /** The headers, or undefined for those of the client alone. */
  headers: Headers | undefined;
  body: RequestBody | undefined;
  auth: HttpAuth | undefined;
  redirected: boolean;
  history: HttpTry[];
  readonly timeouts: Timeouts;
  readonly retry: HttpRetryPolicy;
  readonly maxRedirects: number;
  /** What a redirect does if it is not followed. */
  readonly redirect: "follow" | "manual" | "error";
  readonly raise: (status: number) => boolean;
  readonly maxBody: number;
  readonly signal: AbortSignal | undefined;
  readonly onDownload: ((progress: HttpProgress) => void) | undefined;
}

const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
]);

/**
 * Deno gives raw bytes only if the first of these is exactly `identity`; the
 * second tells the server what we take. We decompress better: see `_decompress.ts`.
 */
const ENCODINGS: HeaderPairs = [["accept-encoding", "identity"], [
  "accept-encoding",
  "gzip, deflate, br",
]];

/** The headers for `fetch`. */
export function pairsOf(headers: Headers): HeaderPairs {
  const pairs: HeaderPairs = [...headers];
  const own = headers.get("accept-encoding");
  if (own === null) return [...pairs, ...ENCODINGS];
  return own === "identity" ? pairs : [["accept-encoding", "identity"], ...pairs];
}

/** Puts the headers of a request over those of its client; null removes one. */
export function addHeaders(headers: Headers, more: HttpRequestOptions["headers"]): void {
  if (more === undefined) return;
  const seen = new Set<string>();
  for (const [name, value] of entriesOf(more)) {
    const lower = name.toLowerCase();
    try {
      if (value === null) headers.delete(name);
      // Only Set-Cookie comes several times, and that is no header of a request.
      else if (seen.has(lower)) headers.append(name, value);
      else headers.set(name, value);
    } catch {
      throw unfit(`the header "${escapeControls(name)}"`);
    }
    seen.add(lower);
  }
}

function entriesOf(
  headers: HttpRequestOptions["headers"],
): Iterable<readonly [string, string | null]> {
  if (typeof headers === "object" && !(headers instanceof Headers || Symbol.iterator in headers)) {
    return Object.entries(headers as Record<string, string | null>);
  }
  try {
    return new Headers(headers as HeadersInit | undefined);
  } catch {
    throw unfit("headers");
  }
}

/** What Deno says instead shows the value, which may be a secret. */
function unfit(what: string): TypeError {
  return new TypeError(`Cannot use ${what}: a name or value holds what cannot stand there`);
}

/** The headers of a caller, with some of ours over them. */
export function withHeaders(
  given: HttpRequestOptions["headers"],
  more: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const ours = new Map<string, string | null>();
  for (const [name, value] of [...entriesOf(given), ...Object.entries(more)]) {
    ours.set(name.toLowerCase(), value);
  }
  return Object.fromEntries(ours);
}

/** The headers that may go to any origin. */
export function withoutSecrets(headers: Headers): Headers {
  const rest = new Headers(headers);
  for (const name of ["authorization", "cookie", "proxy-authorization"]) rest.delete(name);
  return rest;
}

/** Rejects what cannot be a method; gives it in capitals. */
export function checkMethod(method: string): string {
  if (METHODS.has(method)) return method;
  const upper = method.toUpperCase();
  if (/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(upper) && upper !== "CONNECT") return upper;
  throw new TypeError("Cannot use this method: it is no token, or CONNECT");
}

/** The value of `Authorization`. */
export async function authorization(auth: HttpAuth): Promise<string> {
  if ("bearer" in auth) {
    const token = typeof auth.bearer === "function" ? await auth.bearer() : auth.bearer;
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new TypeError("Cannot use the bearer token: it is empty or holds blanks or controls");
    }
    return `Bearer ${token}`;
  }
  return basic(auth.username, auth.password);
}

/** Rejects credentials that cannot be sent (RFC 7617 §2). */
export function checkAuth(auth: HttpAuth | null | undefined): void {
  if (auth && "username" in auth) basic(auth.username, auth.password);
}

function basic(username: string, password: string): string {
  // deno-lint-ignore no-control-regex
  if (username.includes(":") || /[\x00-\x1f\x7f]/.test(username + password)) {
    throw new TypeError("Cannot use auth: a user name with a colon, or a control character");
  }
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
