/** Merges the headers of a client and of a request, and converts them for `fetch`. @module */

import { escapeControls } from "../../net/text.ts";
import type { HttpRequestOptions } from "./options.ts";
import { OFFERED_CODINGS } from "../internal/decompress.ts";
import { SpelledHeaders } from "./_spelled_headers.ts";

/** Headers in the form that `fetch` processes fastest. A name may occur more than once. */
export type HeaderPairs = [string, string][];

/**
 * Deno returns raw bytes only if the first line is exactly `identity`. The second line lists the accepted
 * codings for the server. `http/internal/decompress.ts` decodes more reliably than Deno.
 */
const ENCODINGS: HeaderPairs = [["accept-encoding", "identity"], [
  "accept-encoding",
  OFFERED_CODINGS,
]];

/** Returns headers for `fetch`. */
export function pairsOf(headers: Headers): HeaderPairs {
  const pairs: HeaderPairs = [...headers];
  const own = headers.get("accept-encoding");
  if (own === null) return [...pairs, ...ENCODINGS];
  return own === "identity" ? pairs : [["accept-encoding", "identity"], ...pairs];
}

/** Replaces headers by those of a request. Null removes a header. */
export function addHeaders(headers: Headers, more: HttpRequestOptions["headers"]): void {
  if (more === undefined) return;
  const seen = new Set<string>();
  for (const [name, value] of entriesOf(more)) {
    const lower = name.toLowerCase();
    try {
      if (value === null) headers.delete(name);
      // A name that the caller repeats gets all of its values.
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
    // `Headers` would write the names in lower case.
    if (Array.isArray(headers) && headers.every((pair) => pair.length === 2)) return headers;
    return new Headers(headers as HeadersInit | undefined);
  } catch {
    throw unfit("headers");
  }
}

/** Returns an error that does not show the value, unlike Deno's. The value may be a secret. */
function unfit(what: string): TypeError {
  return new TypeError(
    `${what} must not contain characters that are not allowed in a header`,
  );
}

/** Returns the headers of a caller, with some of them replaced. */
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
  const rest = new SpelledHeaders(headers);
  deleteSecrets(rest);
  return rest;
}

/** Deletes the headers that belong to one origin only. */
export function deleteSecrets(headers: Headers): void {
  for (const name of [...headers.keys()]) if (SECRET.test(name)) headers.delete(name);
}

/** Returns a text that is the same for requests of the same user: the headers that belong to one origin. */
export function secretsOf(headers: Headers): string {
  const own = [...headers].filter(([name]) => SECRET.test(name));
  return own.length === 0 ? "" : JSON.stringify(own);
}

/** Names of headers that belong to one origin, in lower case: standard ones, and customary ones for keys. */
const SECRET =
  /^(?:host|cookie|(?:proxy-)?authorization|(?:.*[-_])?(?:api-?key|access-?key|auth|token|secret|password))$/;
