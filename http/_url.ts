import type { HttpParam, HttpParams } from "./client_options.ts";

/** A URL as errors and logs may show it: without credentials, query and fragment. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/** Adds parameters to those that a URL has. */
export function addParams(url: URL, params: HttpParams): void {
  if (typeof params === "string" || params instanceof URLSearchParams) {
    const more = String(params).replace(/^\?/, "");
    if (more !== "") url.search += `${url.search === "" ? "" : "&"}${more}`;
    return;
  }
  const added = encodeParams(params).toString();
  if (added !== "") url.search += `${url.search === "" ? "" : "&"}${added}`;
}

/** Parameters in their order; an array repeats its name. */
export function encodeParams(params: HttpParams): URLSearchParams {
  if (typeof params === "string" || params instanceof URLSearchParams) {
    return new URLSearchParams(params);
  }
  const search = new URLSearchParams();
  const add = (name: string, value: HttpParam) => {
    if (value === null || value === undefined) return;
    if (typeof value === "object" || typeof value === "function") {
      throw new TypeError(`Cannot use the parameter "${name}": it is no text, number or boolean`);
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
