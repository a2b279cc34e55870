import type { HttpAuth, HttpProgress } from "./options.ts";
import type { HttpTry } from "./errors.ts";
import type { HeaderPairs } from "./_headers.ts";
import type { RequestBody } from "./_request_body.ts";
import type { Template } from "./_templates.ts";
import type { HttpRetryPolicy } from "./retry_options.ts";

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
  return basic(auth);
}

function basic({ username, password }: Extract<HttpAuth, { username: string }>): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
