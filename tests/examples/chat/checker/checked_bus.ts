/**
 * The Redis of a checked chat with several nodes, its replica, and the ways between them and from the nodes, which
 * can be cut.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import {
  type FaultProxy,
  type ProxyFaults,
  serveFaultProxy,
} from "../../../../tools/fault_proxy.ts";
import { redisCli, RedisServer } from "../../../_support/redis.ts";
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

/** A proxy on a port that stays the same when it leads to another server. */
class Way implements AsyncDisposable {
  #proxy: FaultProxy | undefined;
  #port = 0;

  /** The port of the proxy. */
  get port(): number {
    return this.#port;
  }

  /** Leads to a server from now on. All connections end. */
  async leadTo({ port }: RedisServer): Promise<void> {
    await this.#proxy?.[Symbol.asyncDispose]();
    const to = { hostname: "127.0.0.1", port };
    this.#proxy = await serveFaultProxy({ port: this.#port, to, maxConnections: 0 });
    this.#port = this.#proxy.addr.port;
  }

  /** Breaks the way for a while. */
  async cut(faults: ProxyFaults, pause: number): Promise<void> {
    await this.#proxy!.setFaults(faults);
    await delay(pause);
    await this.#proxy!.setFaults({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.[Symbol.asyncDispose]();
  }
}

/** Redis with a replica, and a proxy for each node. A line counts when the replica has it. */
export class CheckedBus implements AsyncDisposable {
  #primary: RedisServer;
  #replica: RedisServer;
  /** The ways of the nodes to the primary. */
  readonly #ways: readonly Way[];
  /** The way of the replica to the primary. */
  readonly #copying = new Way();

  private constructor(primary: RedisServer, replica: RedisServer, nodes: number) {
    this.#primary = primary;
    this.#replica = replica;
    this.#ways = Array.from({ length: nodes }, () => new Way());
  }

  /** Starts the servers and the proxies. */
  static async start(nodes: number): Promise<CheckedBus> {
    const args = ["--repl-diskless-sync-delay", "0", "--repl-timeout", "3"];
    const bus = new CheckedBus(await RedisServer.start(args), await RedisServer.start(args), nodes);
    await bus.#connect();
    return bus;
  }

  /** Leads the nodes and the replica to the primary. */
  async #connect(): Promise<void> {
    for (const way of [...this.#ways, this.#copying]) await way.leadTo(this.#primary);
    await redisCli(this.#replica.port, "REPLICAOF", "127.0.0.1", `${this.#copying.port}`);
  }

  /** Returns the flags of a node. */
  flags(node: number): string[] {
    const url = `redis://127.0.0.1:${this.#ways[node]!.port}`;
    return [`--bus=${url}`, `--bus-lease=${LEASE}ms`, "--bus-wait=1"];
  }

  /** Kills the primary, and starts it again after a while. */
  async restart(pause: number): Promise<void> {
    await this.#primary.kill();
    await delay(pause);
    await this.#primary.start();
  }

  /** Stops the primary for a while. */
  async freeze(pause: number): Promise<void> {
    this.#primary.signal("SIGSTOP");
    await delay(pause);
    this.#primary.signal("SIGCONT");
  }

  /** Ends the primary, perhaps while the replica is behind, and lets the replica take its place. */
  async failover(random: Random): Promise<void> {
    if (random.chance(0.5)) {
      this.#replica.signal("SIGSTOP");
      await delay(random.below(1_000));
    }
    await this.#primary.kill();
    this.#replica.signal("SIGCONT");
    await redisCli(this.#replica.port, "REPLICAOF", "NO", "ONE");
    await this.#primary.start();
    [this.#primary, this.#replica] = [this.#replica, this.#primary];
    await this.#connect();
  }

  /** Cuts a node off for a while, in both directions or in one. */
  async cut(random: Random, pause: number): Promise<void> {
    await random.pick(this.#ways).cut(random.pick(CUTS), pause);
  }

  /** Cuts the replica off for a while, in both directions or in one. */
  async cutReplica(random: Random, pause: number): Promise<void> {
    await this.#copying.cut(random.pick(CUTS), pause);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const way of [...this.#ways, this.#copying]) await way[Symbol.asyncDispose]();
    for (const server of [this.#primary, this.#replica]) await server[Symbol.asyncDispose]();
  }
}
