import type { HttpAuth, HttpCredentials, HttpProgress } from "./options.ts";
import type { HttpTry } from "./errors.ts";
import type { HeaderBlock } from "./internal/request_head.ts";
import type { RequestBody } from "./_request_body.ts";
import type { CachedUrl } from "./_url_cache.ts";
import type { HttpRetryPolicy } from "./retry_options.ts";

/** Time limits in milliseconds, Infinity for none. */
export interface Timeouts {
  readonly queue: number;
  readonly headers: number;
  readonly body: number;
  readonly total: number;
}

/** The headers of requests that set none themselves. */
export interface PlainRequest {
  readonly headers: Headers;
  /** The same headers as lines. */
  readonly block: HeaderBlock;
}

/** A request in progress. Redirects and retries change some of its fields. */
export interface Plan {
  method: string;
  url: URL;
  /** The cached form of `url`, if there is one. */
  template: CachedUrl | undefined;
  /** The headers; undefined for those of the client. */
  headers: Headers | undefined;
  body: RequestBody | undefined;
  auth: HttpAuth | undefined;
  /** The answer of a function to a refusal. */
  answer: HttpCredentials | undefined;
  /** The number of nonces that this request has got. */
  nonces: number;
  redirected: boolean;
  history: HttpTry[];
  readonly timeouts: Timeouts;
  readonly retry: HttpRetryPolicy;
  readonly maxRedirects: number;
  /** The handling of redirects, as in `RequestInit`. */
  readonly redirect: "follow" | "manual" | "error";
  readonly raise: (status: number) => boolean;
  readonly maxBody: number;
  /** The smallest size in bytes of a body that waits for `100 Continue`. */
  readonly expectFrom: number;
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

/** Returns a method in upper case. Throws if it is no method. */
export function checkMethod(method: string): string {
  if (METHODS.has(method)) return method;
  if (isMethod(method)) return method.toUpperCase();
  throw new TypeError("method must be a token other than CONNECT");
}

/** Returns whether a text is a method that the client can send. CONNECT is for proxies. */
export function isMethod(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text) && text.toUpperCase() !== "CONNECT";
}
