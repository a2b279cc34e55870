/** The command lines of the WebSocket client and server, checked. @module */

import { badValue } from "../../tools/cli.ts";

/** Refuses what is no URL of a WebSocket. */
export function checkUrl(url: string): void {
  if (/^(ws|http)s?:$/.test(URL.parse(url)?.protocol ?? "")) return;
  throw badValue("--url", url.includes("@") ? "…" : url, "a ws or wss URL");
}

/** Refuses what is no name of a subprotocol (RFC 6455 §4.1), and one that comes twice. */
export function checkProtocols(names: readonly string[]): void {
  for (const [at, name] of names.entries()) {
    if (/^[!#-'*+.^-`|~\w-]+$/.test(name) && names.indexOf(name) === at) continue;
    throw badValue("--protocol", name, "the name of a subprotocol, once");
  }
}

/** Refuses what is no origin of a page, such as one with a path. */
export function checkOrigins(origins: readonly string[]): void {
  for (const origin of origins) {
    if (origin === "*" || origin === "null" || URL.parse(origin)?.origin === origin) continue;
    throw badValue("--allow-origin", origin, "like https://app.example, or *");
  }
}
