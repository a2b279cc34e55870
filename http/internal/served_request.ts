/**
 * Reads requests of `Deno.serve` without the costs of `Headers`, of a stream for the body, and of a
 * parsed URL.
 */

import { stateBehind } from "./lazy_request.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The body of a request of `Deno.serve`. */
export interface ServedBody {
  /** The body as a stream, made at the first use. */
  readonly stream: ReadableStream<Bytes>;
  /** The body, if it is not a stream. */
  readonly streamOrStatic?: { readonly body?: unknown; consumed?: unknown };
}

/** The state of a request of `Deno.serve`. No probe checks it, so each use has to. */
interface ServedInner {
  url?: () => string;
  readonly header?: (name: string) => string | null;
  readonly headerList?: [name: string, value: string][];
  readonly body?: null | Partial<ServedBody>;
}

/**
 * Reads a header of a request of `Deno.serve` without making `Headers`. If a request has `Headers`,
 * Deno copies all of them when the handler has returned.
 *
 * @returns The value, or null if there is no such header.
 */
export function peekHeader(request: Request, name: string): string | null {
  const inner = servedInner(request);
  return typeof inner?.header === "function" ? inner.header(name) : request.headers.get(name);
}

/** Returns the header lines of a request of `Deno.serve`. The caller owns the pairs. */
export function peekHeaders(request: Request): Iterable<[name: string, value: string]> {
  const list = servedInner(request)?.headerList;
  return Array.isArray(list) ? list : request.headers;
}

/**
 * Returns the body of a request of `Deno.serve`, or null if it has none. It makes no stream yet.
 *
 * Call it while the request is open, because Deno forgets the body afterwards.
 */
export function servedBody(request: Request): ServedBody | null {
  const body = servedInner(request)?.body;
  if (body === null) return null;
  if (body?.streamOrStatic !== undefined && "stream" in body) return body as ServedBody;
  const stream = request.body as ReadableStream<Bytes> | null;
  return stream && { stream };
}

/**
 * Takes a body, if it has arrived completely and has no reader.
 *
 * @param most Maximum size of the body in bytes.
 * @returns The body, which is used then; undefined if it has to be read as a stream.
 */
export function takeServedBody({ streamOrStatic }: ServedBody, most: number): Bytes | undefined {
  if (streamOrStatic?.consumed !== false) return undefined;
  const { body } = streamOrStatic;
  if (!(body instanceof Uint8Array) || body.length > most) return undefined;
  streamOrStatic.consumed = true;
  return body as Bytes;
}

/**
 * Replaces the URL `http+unix:` of a request of `Deno.serve` on a Unix socket with one of `http:`, which
 * frameworks expect. Call it before the first use of the URL.
 */
export function useHttpUrl(request: Request): void {
  const inner = servedInner(request);
  const own = typeof inner?.url === "function" ? inner.url() : request.url;
  if (!own.startsWith(UNIX_SCHEME)) return;
  const url = `http://${own.slice(UNIX_SCHEME.length)}`;
  if (typeof inner?.url === "function") inner.url = () => url;
  else Object.defineProperty(request, "url", { configurable: true, value: url });
}

const UNIX_SCHEME = "http+unix://";

function servedInner(request: Request): ServedInner | undefined {
  return stateBehind(request) as ServedInner | undefined;
}
