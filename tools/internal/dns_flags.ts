/** The flags for queries of name servers, which `dns` and `diagnose dns` have in common. */

import { readAddressBlock } from "../../net/address_block.ts";
import type { DnsQuerySettings } from "../../net/dns/query_options.ts";
import { DNS_TYPES, type DnsType } from "../../net/dns/record.ts";
import type { DnsNameServer } from "../../net/dns/trace.ts";
import { badValue, CliError, type Flags } from "../cli.ts";
import { isAddress } from "./program_output.ts";

/** The declarations of the flags. */
export const DNS_FLAGS = {
  server: {
    type: "list",
    placeholder: "server",
    help: "Server to query [default: of this machine]",
  },
  compare: {
    type: "string",
    placeholder: "server",
    help: "Second server, whose answers are compared",
  },
  trace: { type: "boolean", help: "Follow the name from the root servers" },
  root: { type: "list", placeholder: "address", help: "Root server for --trace" },
  rootPort: { type: "port", default: 53, min: 1, help: "Port of all servers of --trace" },
  dnssec: { type: "boolean", help: "Show the records of DNSSEC (DO)" },
  cd: { type: "boolean", help: "Switch off the validation by the server (CD)" },
  nsid: { type: "boolean", help: "Show the identifier of the server" },
  subnet: {
    type: "string",
    placeholder: "block",
    help: "Subnet of the client, e.g. 192.0.2.0/24",
  },
  recursion: { type: "boolean", default: true, help: "Let the server query other servers" },
  all: { type: "boolean", help: "Show all records, and the other sections" },
} as const satisfies Flags;

/** The flags that exclude others. */
export interface DnsModeFlags {
  readonly server: readonly string[];
  readonly compare?: string | undefined;
  readonly trace: boolean;
  readonly root: readonly string[];
  readonly rootPort: number;
}

/** Throws if flags have no effect together. */
export function checkDnsFlags({ server, compare, trace, root, rootPort }: DnsModeFlags): void {
  const fail = (message: string): never => {
    throw new CliError(`Bad flags: ${message}`, 2);
  };
  if (trace && compare !== undefined) fail("--trace and --compare exclude each other");
  if (trace && server.length > 0) fail("--trace begins at --root, not at --server");
  if (!trace && root.length > 0) fail("--root is for --trace");
  if (!trace && rootPort !== DNS_FLAGS.rootPort.default) fail("--root-port is for --trace");
}

/** The values of the flags that are settings of queries. */
export interface QueryFlags {
  readonly dnssec: boolean;
  readonly cd: boolean;
  readonly nsid: boolean;
  readonly subnet?: string | undefined;
  readonly recursion: boolean;
}

/** Returns the settings of queries. */
export function readQuerySettings(
  { dnssec, cd, nsid, subnet, recursion }: QueryFlags,
): DnsQuerySettings {
  if (subnet !== undefined && readAddressBlock(subnet) === undefined) {
    throw badValue("--subnet", subnet, "a block of addresses, such as 192.0.2.0/24");
  }
  return {
    recursion,
    dnssec,
    checkingDisabled: cd,
    nsid,
    ...(subnet !== undefined && { clientSubnet: subnet }),
  };
}

/** Returns the root servers of `--root`; undefined for those of the Internet. */
export function readRoots(addresses: readonly string[]): DnsNameServer[] | undefined {
  const wrong = addresses.find((address) => !isAddress(address));
  if (wrong !== undefined) throw badValue("--root", wrong, "an IP address");
  return addresses.length === 0 ? undefined : rootsAt(addresses);
}

/** Returns root servers that are known by their addresses alone. */
export function rootsAt(addresses: readonly string[]): DnsNameServer[] {
  return addresses.map((address) => ({ name: address, addresses: [address] }));
}

/** Reads a record type, in upper or lower case. */
export function readType(flag: string, text: string): DnsType {
  const type = text.toUpperCase();
  if ((DNS_TYPES as readonly string[]).includes(type) || /^TYPE\d{1,5}$/.test(type)) {
    return type as DnsType;
  }
  throw badValue(flag, text, `one of ${DNS_TYPES.join(", ")}, or a number such as TYPE99`);
}
