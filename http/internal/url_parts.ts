import type { HostPort } from "../../net/address.ts";

/** Returns a URL for errors and logs, without credentials, query and fragment. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/** Returns the host of a URL without brackets, and its port or the default one of its scheme. */
export function hostPortOf({ protocol, hostname, port }: URL): HostPort {
  const fallback = protocol === "https:" || protocol === "wss:" ? 443 : 80;
  return {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? fallback : Number(port),
  };
}

/** Decodes a part of a URL. A part that is no percent-encoded UTF-8 stays as it is. */
export function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
