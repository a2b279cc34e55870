import { Http1Error, type Http1Request } from "../http1/codec.ts";
import type { ProxyCore } from "./_proxy_state.ts";
import { requestHead } from "./_head.ts";
import { ProxyRefusal } from "./_error_pages.ts";
import { Late } from "./_peer.ts";
import type { Upstream } from "./_upstream.ts";

/** Opens a tunnel through the next proxy. */
export async function connectThrough(
  core: ProxyCore,
  upstream: Upstream,
  head: Http1Request,
  authorization: string | undefined,
): Promise<void> {
  const { clock, limits, via } = core;
  const { decoder, out } = upstream;
  // Via detects a loop between two proxies.
  out.text(requestHead(head, {
    target: head.target,
    host: head.target,
    maxForwards: undefined,
    length: undefined,
    authorization,
    close: false,
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
        throw new ProxyRefusal(502, "The next proxy ended without an answer");
      }
      if (event.kind !== "response" || event.status >= 300) {
        const status = event.kind === "response" ? event.status : 0;
        const late = status === 504;
        throw new ProxyRefusal(late ? 504 : 502, "The next proxy refused", `next proxy: ${status}`);
      }
      if (event.status >= 200) return;
    }
  } catch (error) {
    if (error instanceof ProxyRefusal) throw error;
    if (error instanceof Late) throw new ProxyRefusal(504, "The next proxy did not answer in time");
    const what = error instanceof Http1Error ? error.message : "broken off";
    throw new ProxyRefusal(502, "The next proxy gave no proper answer", `next proxy: ${what}`);
  }
}
