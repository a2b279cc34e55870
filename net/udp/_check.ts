import { normalizeHostname } from "../address.ts";
import { NetError } from "../errors/errors.ts";
import { checkMax, checkNumber } from "../internal/options.ts";
import type { BindUdpOptions, InboxPolicy, MulticastOptions } from "./options.ts";

const POLICIES: readonly InboxPolicy[] = ["drop-newest", "drop-oldest"];

/** Rejects nonsense before any I/O. */
export function checkBind({ port, maxSize, inbox, pace, backend }: BindUdpOptions): void {
  checkPort(port ?? 0, 0);
  checkMax("maxSize", maxSize);
  checkMax("inbox.limit", inbox?.limit);
  checkNumber("pace", pace ?? 0);
  const policy = inbox?.policy ?? "drop-oldest";
  if (!POLICIES.includes(policy)) {
    throw new TypeError(`Cannot use the inbox policy "${policy}": it is one of ${POLICIES}`);
  }
  if (backend !== undefined && backend !== "deno" && backend !== "node") {
    throw new TypeError(`Cannot use backend "${backend}": it is deno or node`);
  }
}

/** Rejects what is no port. */
export function checkPort(port: number, least: 0 | 1): number {
  if (Number.isInteger(port) && port >= least && port <= 65535) return port;
  throw new RangeError(`Cannot use port ${port}: it is a whole number from ${least} to 65535`);
}

/** Whose datagram it is can be told by an address, not by a name. */
export function checkAddress(hostname: string): void {
  if (hostname.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname)) return;
  throw new TypeError(`Cannot wait for answers of "${hostname}": give its IP address`);
}

/** The one way to write an address that the system uses too (RFC 5952), without the zone. */
export function canonical(hostname: string): string {
  const address = hostname.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const url = `http://[${address}]`;
  if (!address.includes(":") || !URL.canParse(url)) return address;
  return normalizeHostname(new URL(url).hostname.slice(1, -1));
}

/** Rejects nonsense before any I/O, and what neither socket, or not this one, can do. */
export function checkMulticast(
  group: string,
  { interface: on, timeToLive }: MulticastOptions,
  backend: "deno" | "node",
): void {
  const six = group.includes(":");
  const first = six ? /^ff[\da-f]{2}:/i : /^2(?:2[4-9]|3\d)(?:\.\d{1,3}){3}$/;
  if (!first.test(group)) {
    throw new TypeError(
      `Cannot join ${JSON.stringify(group)}: it is no address of a group, 224.0.0.0/4 or ff00::/8`,
    );
  }
  if (timeToLive !== undefined) {
    if (!Number.isInteger(timeToLive) || timeToLive < 0 || timeToLive > 255) {
      throw new RangeError(
        `Cannot use timeToLive: it is a whole number from 0 to 255, not ${timeToLive}`,
      );
    }
    if (six) {
      throw new NetError("Cannot limit the hops to a group of IPv6: Deno has no way to say it", {
        kind: "unsupported",
        phase: "listen",
        address: group,
      });
    }
  }
  if (on === undefined) return;
  if (!six && !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(`${on}`)) {
    throw new TypeError(`Cannot use interface "${on}": for IPv4 it is an address`);
  }
  if (six && backend === "deno" && !(Number.isInteger(on) && Number(on) >= 0)) {
    throw new TypeError(`Cannot use interface "${on}": for IPv6 Deno's socket takes its index`);
  }
  if (six && backend === "node" && !/^[^\s%/]*[^\s%/\d][^\s%/]*$/.test(`${on}`)) {
    throw new TypeError(`Cannot use interface "${on}": for IPv6 Node's socket takes its name`);
  }
}
