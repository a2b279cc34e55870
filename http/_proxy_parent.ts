import { Http1Error, type Http1Request } from "./http1_codec.ts";
import type { ProxyCore } from "./_proxy_core.ts";
import { requestHead } from "./_proxy_head.ts";
import { Refusal } from "./_proxy_pages.ts";
import { Late } from "./_proxy_peer.ts";
import { readAuthority, type Target } from "./_proxy_rules.ts";
import type { Upstream } from "./_proxy_upstream.ts";

/** The proxy behind this one, and what it is told. */
export interface Parent {
  readonly target: Target;
  readonly authorization: string | undefined;
}

/** Reads `http://user:password@host:port`. */
export function readParent(url: string): Parent {
  const match = /^http:\/\/(?:([^@/]*)@)?([^@/]+)\/?$/i.exec(url);
  const target = match === null ? undefined : readAuthority(match[2]!, undefined);
  // Not quoted: it may hold a password.
  if (target === undefined) {
    throw new TypeError(
      "Cannot use upstream: it is http://host:port or http://user:password@host:port",
    );
  }
  const login = match![1];
  if (login === undefined) return { target, authorization: undefined };
  const colon = login.indexOf(":");
  if (colon < 1) throw new TypeError("Cannot use upstream: its login is user:password");
  const parts = [login.slice(0, colon), login.slice(colon + 1)].map(decode);
  const bytes = new TextEncoder().encode(parts.join(":"));
  return { target, authorization: `Basic ${bytes.toBase64()}` };
}

/** Opens a tunnel through the proxy behind this one. */
export async function connectThrough(
  core: ProxyCore,
  upstream: Upstream,
  head: Http1Request,
): Promise<void> {
  const { clock, limits, parentAuthorization, via } = core;
  const { decoder, out } = upstream;
  // With its Via, or two proxies that lead to each other would go round in circles.
  out.text(requestHead(head, {
    target: head.target,
    host: head.target,
    maxForwards: undefined,
    length: undefined,
    authorization: parentAuthorization,
    via,
  }));
  decoder.answers("CONNECT");
  const due = clock.after(limits.responseTimeout);
  try {
    await out.flush();
    for (;;) {
      const event = decoder.next();
      if (event === undefined) {
        if (await upstream.more(due)) continue;
        throw new Refusal(502, "The next proxy ended without an answer");
      }
      if (event.kind !== "response" || event.status >= 300) {
        const status = event.kind === "response" ? event.status : 0;
        const late = status === 504;
        throw new Refusal(late ? 504 : 502, "The next proxy refused", `next proxy: ${status}`);
      }
      if (event.status >= 200) return;
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (error instanceof Late) throw new Refusal(504, "The next proxy did not answer in time");
    const what = error instanceof Http1Error ? error.message : "broken off";
    throw new Refusal(502, "The next proxy gave no proper answer", `next proxy: ${what}`);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("Cannot use upstream: its login is malformed");
  }
}
