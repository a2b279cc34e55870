import { normalizeHostname } from "../address.ts";
import { NetError } from "../errors/errors.ts";
import { hostName, peerAddress } from "../internal/host_rules.ts";
import {
  callback,
  count,
  flag,
  group as groupOf,
  limit,
  listenPort,
  milliseconds,
  numberFrom,
  oneOf,
  optionError,
  OptionRules,
  port,
  required,
  rule,
  signal,
} from "../internal/options.ts";
import type {
  BindUdpOptions,
  ConnectUdpOptions,
  MulticastOptions,
  ReceiveOptions,
  RequestUdpOptions,
} from "./options.ts";

/** The rules for the options of `bindUdp`. */
export const BIND = new OptionRules<BindUdpOptions>({
  hostname: hostName,
  port: listenPort,
  maxSize: count,
  inbox: groupOf(
    new OptionRules({ limit: count, policy: oneOf("drop-newest", "drop-oldest") }),
  ),
  pace: numberFrom(0),
  reuseAddress: flag,
  broadcast: flag,
  backend: oneOf("deno", "node"),
  signal,
});

/** The rules for the options of `connectUdp`. */
export const CONNECT = new OptionRules<ConnectUdpOptions>({
  ...BIND.rules,
  hostname: required(peerAddress),
  port: required(port),
});

/** The rules for the options of `receive`. */
export const RECEIVE = new OptionRules<ReceiveOptions>({ timeout: milliseconds, signal });

/** The rules for the options of `request`. */
export const REQUEST = new OptionRules<RequestUdpOptions>({
  ...RECEIVE.rules,
  resends: limit,
  match: callback,
});

const MULTICAST = new OptionRules<MulticastOptions>({
  interface: rule(
    "a string or an integer of at least 0",
    (value) => typeof value === "string" || (Number.isInteger(value) && (value as number) >= 0),
  ),
  loopback: flag,
  timeToLive: rule(
    "an integer from 0 to 255",
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255,
  ),
});

/**
 * Returns an address in the form that the system uses for the sender of a datagram (RFC 5952),
 * without its zone.
 */
export function canonical(hostname: string): string {
  const address = hostname.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const url = `http://[${address}]`;
  if (!address.includes(":") || !URL.canParse(url)) return address;
  return normalizeHostname(new URL(url).hostname.slice(1, -1));
}

/** Checks a group and the options for it before any I/O, also for what the backend cannot do. */
export function checkMulticast(
  group: string,
  options: MulticastOptions,
  backend: "deno" | "node",
): void {
  options = MULTICAST.check("joinMulticast", options);
  const { interface: on, timeToLive } = options;
  const six = group.includes(":");
  const first = six ? /^ff[\da-f]{2}:/i : /^2(?:2[4-9]|3\d)(?:\.\d{1,3}){3}$/;
  if (!first.test(group)) {
    throw optionError("group", "a multicast address in 224.0.0.0/4 or ff00::/8", group);
  }
  if (six && timeToLive !== undefined) {
    throw new NetError("Cannot limit the hops to an IPv6 group: Deno has no way to set it", {
      kind: "unsupported",
      phase: "multicast",
      address: group,
    });
  }
  if (on === undefined) return;
  if (!six && !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(`${on}`)) {
    throw optionError("interface", "an IPv4 address for an IPv4 group", on);
  }
  if (six && backend === "deno" && typeof on !== "number") {
    throw optionError("interface", "an index for an IPv6 group on a Deno socket", on);
  }
  if (six && backend === "node" && !/^[^\s%/]*[^\s%/\d][^\s%/]*$/.test(`${on}`)) {
    throw optionError("interface", "a name for an IPv6 group on a Node socket", on);
  }
}
