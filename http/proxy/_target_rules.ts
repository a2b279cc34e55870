import { type AddressBytes, readAddressBytes } from "../../net/address_block.ts";
import type { LocalAddresses } from "./_local_addresses.ts";
import { embedded, isSpecial } from "../../net/internal/special_addresses.ts";
import { TargetList } from "./_target_list.ts";
import type { ProxyTargetRules } from "./options.ts";

/** Host and port of a request. */
export interface Target {
  /** The host name in lower case, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The address, if the host is written as one. */
  readonly address: AddressBytes | undefined;
  /** A string that identifies the target. */
  readonly key: string;
}

const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z._-]{1,253}))(?::(\d{1,5}))?$/;

/** Reads `host:port` strictly. Returns undefined if it is malformed. */
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
/** Matches hosts that end in a number. They are no names, and may be addresses in unusual notations. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[\da-f]*)\.*$/;

/** The rules for the targets of a client. */
export class TargetRules {
  /**
   * A part of the key of connections. A connection under these rules may lead to an address that other
   * clients must not reach.
   */
  readonly key: string;
  /** The local addresses of connections; undefined for any. */
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

  /** Returns whether CONNECT, or otherwise a request, may use a port. */
  mayUsePort(port: number, byConnect: boolean): boolean {
    return (byConnect ? this.#connectPorts : this.#requestPorts)?.has(port) ?? true;
  }

  /**
   * Returns whether a target is allowed, as far as its name determines that.
   *
   * @param target The target of the request.
   * @param byName Whether another proxy resolves the name, so that the address is unknown here.
   */
  mayAsk({ hostname, address }: Target, byName: boolean): boolean {
    if (address !== undefined) return this.mayReach(address, undefined);
    if (this.#deny.hasName(hostname)) return false;
    // RFC 6761 §6.3: the name always means the machine that resolves it.
    if (LOCALHOST.test(hostname) && !LOOPBACK.some((one) => this.mayReach(one, hostname))) {
      return false;
    }
    // Programs interpret 0x7f.1, 2130706433 and 010.0.0.1 differently.
    if (byName && NUMERIC.test(hostname)) return false;
    const allow = this.#allow;
    if (allow === undefined || allow.hasName(hostname)) return true;
    // The addresses decide, if this proxy resolves the name.
    return !byName && allow.blocks.length > 0;
  }

  /** Returns whether the proxy may connect to an address, for a name or for the address itself. */
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
