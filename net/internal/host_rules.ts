/** Rules for options that name a host or a socket. */

import { readAddressBlock, readAddressBytes } from "../address_block.ts";
import { type Rule, rule } from "./options.ts";

/** A host name or an IP address. */
export const hostName: Rule = rule(
  "a host name or an IP address",
  (value) => typeof value === "string" && value !== "" && !/[\s\0/]/.test(value),
);

/** An IP address. */
export const ipAddress: Rule = rule(
  "an IP address",
  (value) => typeof value === "string" && readAddressBytes(value) !== undefined,
);

/** The IP address of a peer, which may have brackets and a zone: `[fe80::1%eth0]`. */
export const peerAddress: Rule = rule("an IP address", (value) => {
  if (typeof value !== "string") return false;
  const address = value.replace(/^\[(.*)\]$/, "$1").replace(/%[^%\s]+$/, "");
  return readAddressBytes(address) !== undefined;
});

/** A block of addresses. */
export const addressBlock: Rule = rule(
  'a block of addresses, such as "192.0.2.0/24"',
  (value) => typeof value === "string" && readAddressBlock(value) !== undefined,
);

/** The path of a Unix socket. */
export const socketPath: Rule = rule(
  "the path of a socket",
  (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
);
