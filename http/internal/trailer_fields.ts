import { callback, flag, OptionRules } from "../../net/internal/options.ts";
import { lowerAscii } from "../../net/text.ts";
import { CONNECTION_FIELDS } from "./connection_fields.ts";
import { TOKEN } from "./http1_bytes.ts";
import { consistsOf, type Http1Fields } from "./http1_fields.ts";
import type { MakeTrailers, TrailerOptions } from "../server/options.ts";

/**
 * Fields that are useless or harmful after a body: they frame or route the message, are conditions or
 * credentials of the request, control the response, or describe the body (RFC 9110 §6.5.1).
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  // Routing and conditions of a request.
  "cache-control",
  "expect",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "pragma",
  "range",
  // Authentication and state.
  "authorization",
  "cookie",
  "proxy-authenticate",
  "proxy-authorization",
  "set-cookie",
  "www-authenticate",
  // Control of a response.
  "age",
  "date",
  "expires",
  "location",
  "retry-after",
  "vary",
  "warning",
  // Description of the body.
  "content-encoding",
  "content-range",
  "content-type",
]);

/** The trailers of a response. */
export interface ResponseTrailers {
  /** The announced names, in lower case. */
  readonly names: readonly string[];
  /** Makes the fields after the body has been sent. */
  readonly make: MakeTrailers;
}

const RULES = new OptionRules<TrailerOptions>({ optional: flag });

/** Returns whether a trailer field may have this name. */
export function isTrailerName(name: string): boolean {
  return name !== "" && consistsOf(name, TOKEN) && !FORBIDDEN.has(lowerAscii(name));
}

/**
 * Checks the arguments of `sendTrailers`, and returns the names in lower case, each once.
 *
 * @throws {TypeError} If a name is malformed, or no trailer field may have it; if `make` is not a
 * function, or an option is unknown.
 */
export function checkTrailers(
  names: readonly string[],
  make: MakeTrailers,
  options: TrailerOptions | undefined,
): string[] {
  callback("make", make);
  options = RULES.check("sendTrailers", options);
  if (names.length === 0) throw new TypeError("Cannot send trailers: no field is named");
  const checked = new Headers();
  for (const name of names) {
    checked.set(name, ""); // Throws for a malformed name.
    if (!FORBIDDEN.has(name.toLowerCase())) continue;
    throw new TypeError(`Cannot send ${name} as a trailer: it has a meaning only in a head`);
  }
  return Array.from(checked.keys());
}

/**
 * Returns the lines of trailers.
 *
 * @throws {TypeError} If a field was not announced, or is malformed.
 */
export function trailerLines(fields: HeadersInit, names: readonly string[]): string {
  let lines = "";
  for (const [name, value] of new Headers(fields)) {
    if (!names.includes(name)) {
      throw new TypeError(`Cannot send ${name} as a trailer: it was not announced`);
    }
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Returns the trailers of a request, without those that are forbidden. */
export function requestTrailers(fields: Http1Fields | undefined): Headers {
  const headers = new Headers();
  for (const [name, value] of fields ?? []) {
    if (!FORBIDDEN.has(name.toLowerCase())) headers.append(name, value);
  }
  return headers;
}
