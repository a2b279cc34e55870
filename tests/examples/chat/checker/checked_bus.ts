/** The Redis of a checked chat with several nodes, and the ways of the nodes to it, which can be cut. @module */

import { delay } from "@std/async/delay";
import {
  type FaultProxy,
  type ProxyFaults,
  serveFaultProxy,
} from "../../../../tools/fault_proxy.ts";
import { RedisServer } from "../../../_support/redis.ts";
import type { Random } from "../../../_support/stress/random.ts";

/** The duration of the lease of a node, in milliseconds. */
export const LEASE = 4_000;

/** Ways to cut a connection: both directions, or only one. */
const CUTS: readonly ProxyFaults[] = [
  { upload: { stallAfter: 0 }, download: { stallAfter: 0 }, refuse: true },
  { upload: { stallAfter: 0 } },
  { download: { stallAfter: 0 } },
  { upload: { resetAfter: 100 } },
  { download: { resetAfter: 100 } },
  { download: { latency: 200, jitter: 100 } },
];

/** Redis with a proxy for each node. */
export class CheckedBus implements AsyncDisposable {
  readonly #server: RedisServer;
  readonly #proxies: readonly FaultProxy[];

  private constructor(server: RedisServer, proxies: readonly FaultProxy[]) {
    this.#server = server;
    this.#proxies = proxies;
  }

  /** Starts Redis and the proxies. */
  static async start(nodes: number): Promise<CheckedBus> {
    const server = await RedisServer.start();
    const to = { hostname: "127.0.0.1", port: server.port };
    const proxies = await Promise.all(
      Array.from({ length: nodes }, () => serveFaultProxy({ to, maxConnections: 0 })),
    );
    return new CheckedBus(server, proxies);
  }

  /** Returns the flags of a node. */
  flags(node: number): string[] {
    const { port } = this.#proxies[node]!.addr;
    return [`--bus=redis://127.0.0.1:${port}`, `--bus-lease=${LEASE}ms`];
  }

  /** Kills Redis, and starts it again after a while. */
  async restart(pause: number): Promise<void> {
    await this.#server.kill();
    await delay(pause);
    await this.#server.start();
  }

  /** Stops Redis for a while. */
  async freeze(pause: number): Promise<void> {
    this.#server.signal("SIGSTOP");
    await delay(pause);
    this.#server.signal("SIGCONT");
  }

  /** Cuts a node off for a while, in both directions or in one. */
  async cut(random: Random, pause: number): Promise<void> {
    const proxy = random.pick(this.#proxies);
    await proxy.setFaults(random.pick(CUTS));
    await delay(pause);
    await proxy.setFaults({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) await proxy[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}
