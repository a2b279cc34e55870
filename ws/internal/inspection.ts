/** The text form of connections in logs, without the secrets of header fields and URLs. */

type Inspect = (value: unknown, options?: unknown) => string;

/**
 * Sets the properties that `console.log` and `Deno.inspect` show of the instances of a class.
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
}

/** Returns a URL without its credentials and its query, which often contain secrets. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return "";
  const query = parsed.search === "" ? "" : "?…";
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${query}`;
}
