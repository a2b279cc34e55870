/** The text form of responses and connections in logs, without the secrets of header fields and URLs. */

import { shownUrl } from "./url_parts.ts";

type Inspect = (value: unknown, options?: unknown) => string;

/**
 * Sets the properties that `console.log`, `Deno.inspect` and `JSON.stringify` show of the instances of a class.
 *
 * @typeParam T The instances.
 * @param type The class of the instances.
 * @param view Returns the properties to show.
 */
export function showAs<T extends object>(
  type: { readonly name: string; readonly prototype: T },
  view: (instance: T) => object,
): void {
  Object.defineProperty(type.prototype, Symbol.for("Deno.customInspect"), {
    value(this: T, inspect: Inspect, options: unknown): string {
      return `${type.name} ${inspect(view(this), options)}`;
    },
  });
  Object.defineProperty(type.prototype, "toJSON", {
    value(this: T): object {
      return view(this);
    },
  });
}

/** Returns the text of a URL without credentials and query; empty if it is no URL. */
export function shownText(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "" : shownUrl(parsed);
}
