import { optionError } from "../../net/internal/options.ts";
import type { HttpParam, HttpParams } from "./options.ts";

export { decodePart, shownUrl } from "../internal/url_parts.ts";

/** Adds query parameters to a URL. */
export function addParams(url: URL, params: HttpParams): void {
  if (typeof params === "string" || params instanceof URLSearchParams) {
    const more = String(params).replace(/^\?/, "");
    if (more !== "") url.search += `${url.search === "" ? "" : "&"}${more}`;
    return;
  }
  const added = encodeParams(params).toString();
  if (added !== "") url.search += `${url.search === "" ? "" : "&"}${added}`;
}

/** Encodes query parameters in their order. An array repeats the name. */
export function encodeParams(params: HttpParams): URLSearchParams {
  if (typeof params === "string" || params instanceof URLSearchParams) {
    return new URLSearchParams(params);
  }
  const search = new URLSearchParams();
  const add = (name: string, value: HttpParam) => {
    if (value === null || value === undefined) return;
    if (typeof value === "object" || typeof value === "function") {
      throw new TypeError(`The parameter "${name}" must be a string, a number or a boolean`);
    }
    search.append(name, String(value));
  };
  const entries = Symbol.iterator in params
    ? params as Iterable<readonly [string, HttpParam]>
    : Object.entries(params as Record<string, HttpParam | readonly HttpParam[]>);
  for (const [name, value] of entries) {
    if (Array.isArray(value)) { for (const one of value) add(name, one); }
    else add(name, value as HttpParam);
  }
  return search;
}

/** Returns the base of relative URLs. Throws if it cannot be one. */
export function checkBase(given: string | URL, below?: URL): URL {
  const url = URL.parse(String(given), below);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw optionError("baseUrl", "an http or https URL", withoutLogin(String(given)));
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("baseUrl must not contain credentials; use auth");
  }
  // A base without the last slash would lose its last segment.
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** Returns a URL for a message, without what may be credentials. */
function withoutLogin(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//…@");
}

/** Returns the URL of a request. */
export function resolveUrl(given: string | URL, base: URL | undefined): URL {
  if (typeof given !== "string" && !(given instanceof URL)) {
    throw optionError("url", "a URL or a string", given);
  }
  const url = URL.parse(given, base);
  if (url === null) {
    throw new TypeError(
      base === undefined
        ? "url must be absolute, because there is no baseUrl"
        : "url must be valid",
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(
      `url must begin with http: or https:, got ${url.protocol}`,
    );
  }
  return url;
}
