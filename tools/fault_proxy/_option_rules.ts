import type { HostPort } from "../../net/address.ts";
import { hostName } from "../../net/internal/host_rules.ts";
import {
  callback,
  count,
  flag,
  group,
  limit,
  listenPort,
  listOf,
  MAX_TIMER,
  milliseconds,
  numberFrom,
  OptionRules,
  port,
  required,
  signal,
} from "../../net/internal/options.ts";
import type { FaultProxyOptions, NetworkFaults, ProxyFaults, ScheduledFaults } from "./options.ts";

const delay = numberFrom(0, MAX_TIMER);

/** The rules for the faults of one direction. */
export const NETWORK_FAULTS = new OptionRules<NetworkFaults>({
  latency: delay,
  jitter: delay,
  bandwidth: numberFrom(1),
  chunkSize: count,
  chunkVariation: numberFrom(0),
  chunkDelay: delay,
  stallAfter: limit,
  resetAfter: limit,
  truncateAfter: limit,
  closeAfter: limit,
  closeAfterTime: numberFrom(0),
  resetAfterTime: numberFrom(0),
  closeDelay: delay,
  discard: flag,
});

/** The rules for the faults of a proxy. */
export const PROXY_FAULTS = new OptionRules<ProxyFaults>({
  upload: group(NETWORK_FAULTS),
  download: group(NETWORK_FAULTS),
  refuse: flag,
  probability: numberFrom(0, 1),
});

/** The rules for the faults of a schedule. */
export const SCHEDULED = new OptionRules<ScheduledFaults>({
  ...PROXY_FAULTS.rules,
  at: required(delay),
});

/** The rules for the options of `serveFaultProxy`. */
export const FAULT_PROXY = new OptionRules<FaultProxyOptions>({
  ...PROXY_FAULTS.rules,
  hostname: hostName,
  port: listenPort,
  to: required(
    group(new OptionRules<HostPort>({ hostname: required(hostName), port: required(port) })),
  ),
  schedule: listOf(group(SCHEDULED)),
  scheduleInterval: delay,
  connectTimeout: milliseconds,
  maxConnections: limit,
  random: callback,
  signal,
  onEvent: callback,
});
