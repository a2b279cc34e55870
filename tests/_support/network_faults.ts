/** Faults of a network, chosen at random. @module */

import type { ProxyFaults } from "../../tools/fault_proxy.ts";
import type { Random } from "./stress/random.ts";

type MakeFaults = (random: Random) => ProxyFaults;

/** Faults that lose nothing: delays, small pieces, a low bandwidth. */
export const SLOW_FAULTS: readonly MakeFaults[] = [
  (random) => both({ latency: 5 + random.below(100), jitter: 5 }),
  (random) => both({ chunkSize: 1 + random.below(50) }),
  (random) => both({ bandwidth: 2_000 + random.below(50_000) }),
];

/** These, and faults that end or stop connections. */
export const NETWORK_FAULTS: readonly MakeFaults[] = [
  ...SLOW_FAULTS,
  (random) => both({ resetAfter: 1 + random.below(20_000) }),
  (random) => ({ download: { stallAfter: 1 + random.below(20_000) } }),
  (random) => ({ upload: { stallAfter: 1 + random.below(5_000) } }),
  (random) => ({ download: { truncateAfter: 1 + random.below(20_000) } }),
  (random) => ({ upload: { resetAfter: 1 + random.below(2_000) } }),
  () => ({ refuse: true }),
];

function both(faults: NonNullable<ProxyFaults["upload"]>): ProxyFaults {
  return { upload: faults, download: faults };
}
