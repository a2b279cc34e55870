/** The headers of requests: those of a client and of a request together, and their form for `fetch`. */

import { escapeControls } from "../../net/text.ts";
import type { HttpRequestOptions } from "./options.ts";

/** Headers as `fetch` takes them at the least cost; a name may come more than once. */
export type HeaderPairs = [string, string][];

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

/** Returns the headers that may go to any origin. */
export function withoutSecrets(headers: Headers): Headers {
  const rest = new Headers(headers);
  for (const name of ["authorization", "cookie", "host", "proxy-authorization"]) rest.delete(name);
  return rest;
}
