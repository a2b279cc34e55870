/** The stress test of the proxy, again and again. @module */

import { serveProxy } from "../../http/proxy/proxy.ts";
import { Ledger } from "../_support/stress/ledger.ts";
import { stress } from "../_support/stress/run.ts";
import type { Book } from "./book.ts";
import type { Load } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/**
 * Starts a proxy between clients that pipeline requests and servers that break off at every point. The
 * clients check every byte, so the network in front of it is only slow.
 */
export async function startProxyLoad(network: BadNetwork, book: Book): Promise<Load> {
  const proxy = serveProxy({
    allowPrivate: true,
    connectPorts: "any",
    maxConnectionsPerAddress: 10_000,
    responseTimeout: 3000,
    bodyTimeout: 3000,
  });
  const { port } = (await network.lead(proxy.addr.port, true)).addr;
  return {
    async round(random, stop) {
      const { tally, wrong } = await stress(new Ledger(), {
        doors: [{ port, hooks: false }],
        seed: random.below(2 ** 32),
        stop,
        requests: Infinity,
        clients: 6,
        tunnels: 2,
        // The reset of a client can overtake its data within the fault proxy.
        resets: false,
      });
      book.count("proxy requests answered", tally.answered);
      book.count("proxy requests failed", tally.excused + tally.unanswered);
      book.count("proxy tunnels", tally.tunnels);
      for (const [kind, list] of wrong) {
        for (const one of list) book.blame(`proxy: ${kind}`, one);
      }
      const { activeTunnels } = proxy.stats();
      if (activeTunnels > 0) book.blame("proxy: open tunnels", `${activeTunnels}`);
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
