/** The fault proxies between the clients and the servers of a run. @module */

import { type FaultProxy, serveFaultProxy } from "../../tools/fault_proxy.ts";
import { NETWORK_FAULTS, SLOW_FAULTS } from "../_support/network_faults.ts";
import type { Random } from "../_support/stress/random.ts";
import { until } from "../_support/until.ts";
import { delay } from "@std/async/delay";

/** A network whose faults come and go. */
export class BadNetwork implements AsyncDisposable {
  readonly #proxies: { readonly proxy: FaultProxy; readonly faults: typeof SLOW_FAULTS }[] = [];

  /**
   * Puts a fault proxy in front of a port and returns it.
   *
   * @param port The port of the server.
   * @param isSlow Whether the network is only slow, and no connection ends in it.
   */
  async lead(port: number, isSlow = false): Promise<FaultProxy> {
    const proxy = await serveFaultProxy({ to: { hostname: "127.0.0.1", port }, maxConnections: 0 });
    this.#proxies.push({ proxy, faults: isSlow ? SLOW_FAULTS : NETWORK_FAULTS });
    return proxy;
  }

  /** Changes the faults from time to time until `stop`, and ends all of them then. */
  async disturb(random: Random, stop: () => boolean): Promise<void> {
    while (!stop()) {
      const { proxy, faults } = random.pick(this.#proxies);
      if (faults === NETWORK_FAULTS && random.chance(0.1)) proxy.reset();
      await proxy.setFaults(random.chance(0.5) ? {} : random.pick(faults)(random));
      await delay(random.below(150));
    }
    await Promise.all(this.#proxies.map(({ proxy }) => proxy.setFaults({})));
  }

  /** Waits until no connection is open. */
  async settled(): Promise<void> {
    await until(() => this.#proxies.every(({ proxy }) => proxy.stats().active === 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map(({ proxy }) => proxy.shutdown()));
  }
}
