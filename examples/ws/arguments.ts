/** Checks for the command lines of the WebSocket client and server. @module */

import { badValue } from "../../tools/cli.ts";

/** Rejects a text that is not the URL of a WebSocket. */
export function checkUrl(url: string): void {
  if (/^(ws|http)s?:$/.test(URL.parse(url)?.protocol ?? "")) return;
  throw badValue("--url", url.includes("@") ? "…" : url, "a ws or wss URL");
}

/** Rejects invalid names of subprotocols (RFC 6455 section 4.1), and duplicates. */
export function checkProtocols(names: readonly string[]): void {
  for (const [at, name] of names.entries()) {
    if (/^[!#-'*+.^-`|~\w-]+$/.test(name) && names.indexOf(name) === at) continue;
    throw badValue("--protocol", name, "the name of a subprotocol, once");
  }
}

/** Rejects texts that are not the origin of a page, such as a URL with a path. */
export function checkOrigins(origins: readonly string[]): void {
  for (const origin of origins) {
    if (origin === "*" || origin === "null" || URL.parse(origin)?.origin === origin) continue;
    throw badValue("--allow-origin", origin, "like https://app.example, or *");
  }
}
