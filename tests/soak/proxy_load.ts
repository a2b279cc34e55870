/** The stress test of the proxy, again and again. @module */

import { type ProxyServer, serveProxy } from "../../http/proxy/proxy.ts";
import { Ledger } from "../_support/stress/ledger.ts";
import type { Random } from "../_support/stress/random.ts";
import { stress } from "../_support/stress/run.ts";
import type { Book } from "./book.ts";
import type { Load } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** A proxy between clients that pipeline requests and servers that break off at every point. */
export class ProxyLoad implements Load {
  readonly #book: Book;
  readonly #proxy: ProxyServer;
  readonly #port: number;

  private constructor(book: Book, proxy: ProxyServer, port: number) {
    this.#book = book;
    this.#proxy = proxy;
    this.#port = port;
  }

  /** Starts the proxy. Its clients check every byte, so the network in front of it is only slow. */
  static async start(network: BadNetwork, book: Book): Promise<ProxyLoad> {
    const proxy = serveProxy({
      allowPrivate: true,
      connectPorts: "any",
      maxConnectionsPerAddress: 10_000,
      responseTimeout: 3000,
      bodyTimeout: 3000,
    });
    return new ProxyLoad(book, proxy, (await network.lead(proxy.addr.port, true)).addr.port);
  }

  async round(random: Random, stop: () => boolean): Promise<void> {
    const { tally, wrong } = await stress(new Ledger(), {
      doors: [{ port: this.#port, hooks: false }],
      seed: random.below(2 ** 32),
      stop,
      requests: Infinity,
      clients: 6,
      tunnels: 2,
      // The reset of a client can overtake its data within the fault proxy.
      resets: false,
    });
    this.#book.count("proxy requests answered", tally.answered);
    this.#book.count("proxy requests failed", tally.excused + tally.unanswered);
    this.#book.count("proxy tunnels", tally.tunnels);
    for (const [kind, list] of wrong) {
      for (const one of list) this.#book.blame(`proxy: ${kind}`, one);
    }
    const { activeTunnels } = this.#proxy.stats();
    if (activeTunnels > 0) this.#book.blame("proxy: open tunnels", `${activeTunnels}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy.shutdown();
  }
}
