import { type AddressBytes, readAddressBytes } from "../../net/address_block.ts";
import type { LocalAddresses } from "./_local_addresses.ts";
import { embedded, isSpecial } from "./_ranges.ts";
import { TargetList } from "./_target_list.ts";
import type { ProxyTargetRules } from "./options.ts";

/** Host and port of a request. */
export interface Target {
  /** In lower case, an IPv6 address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The address, where it is written as one. */
  readonly address: AddressBytes | undefined;
  /** Tells it from others. */
  readonly key: string;
}

const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z._-]{1,253}))(?::(\d{1,5}))?$/;

/** Reads `host:port`, strictly; undefined if it is none. */
export function readAuthority(text: string, defaultPort: number | undefined): Target | undefined {
  const match = AUTHORITY.exec(text);
  if (match === null) return undefined;
  const [, six, name, digits] = match;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port === undefined || port < 1 || port > 65535) return undefined;
  const address = readAddressBytes(six ?? name!);
  if (six !== undefined && address === undefined) return undefined;
  const hostname = (six ?? name!).toLowerCase();
  return { hostname, port, address, key: `${hostname} ${port}` };
}

const LOCALHOST = /(?:^|\.)localhost\.*$/;
const LOOPBACK = [[127, 0, 0, 1], [...new Array<number>(15).fill(0), 1]];
/** What ends in a number is no name, and may be an address in a form of its own. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[\da-f]*)\.*$/;

/** Which targets a client may reach. */
export class Rules {
  /**
   * Part of the key of connections. A connection that was opened under these rules may lead to an
   * address that other clients must not reach.
   */
  readonly key: string;
  /** The addresses of this machine that connections leave from; undefined for any. */
  readonly from: LocalAddresses | undefined;
  readonly #allow: TargetList | undefined;
  readonly #deny: TargetList;
  readonly #allowPrivate: boolean;
  readonly #connectPorts: ReadonlySet<number> | undefined;
  readonly #requestPorts: ReadonlySet<number> | undefined;

  constructor(options: ProxyTargetRules, from?: LocalAddresses, key = "") {
    this.key = key;
    this.from = from;
    const { allow = "any" } = options;
    this.#allow = allow === "any" ? undefined : new TargetList("allow", allow);
    this.#deny = new TargetList("deny", options.deny ?? []);
    this.#allowPrivate = options.allowPrivate ?? false;
    this.#connectPorts = readPorts(options.connectPorts ?? [443]);
    this.#requestPorts = readPorts(options.requestPorts ?? "any");
  }

  /** Tells whether a port may be reached: by CONNECT, or else by a request. */
  mayUsePort(port: number, byConnect: boolean): boolean {
    return (byConnect ? this.#connectPorts : this.#requestPorts)?.has(port) ?? true;
  }

  /**
   * Tells whether a target may be asked for, as far as its name tells.
   *
   * @param byName Whether another proxy resolves the name, so that no address is seen here.
   */
  mayAsk({ hostname, address }: Target, byName: boolean): boolean {
    if (address !== undefined) return this.mayReach(address, undefined);
    if (this.#deny.hasName(hostname)) return false;
    // RFC 6761 §6.3: whoever resolves it, it is that machine.
    if (LOCALHOST.test(hostname) && !LOOPBACK.some((one) => this.mayReach(one, hostname))) {
      return false;
    }
    // 0x7f.1, 2130706433, 010.0.0.1: some read an address there, and not all the same one.
    if (byName && NUMERIC.test(hostname)) return false;
    const allow = this.#allow;
    if (allow === undefined || allow.hasName(hostname)) return true;
    // The addresses decide, if there will be any.
    return !byName && allow.blocks.length > 0;
  }

  /** Tells whether an address may be dialled for a name, or for itself. */
  mayReach(address: AddressBytes, hostname: string | undefined): boolean {
    const within = embedded(address) ?? address;
    if (this.#deny.hasAddress(address) || this.#deny.hasAddress(within)) return false;
    const allow = this.#allow;
    if (allow?.hasAddress(address)) return true;
    if (!this.#allowPrivate && isSpecial(address)) return false;
    return allow === undefined || (hostname !== undefined && allow.hasName(hostname));
  }
}

function readPorts(
  ports: readonly number[] | "any",
): ReadonlySet<number> | undefined {
  if (ports === "any") return undefined;
  return new Set(ports);
}
