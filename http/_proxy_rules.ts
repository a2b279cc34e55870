import {
  type AddressBlock,
  type AddressBytes,
  isInBlock,
  readAddressBlock,
  readAddressBytes,
} from "../net/address_block.ts";
import { escapeControls } from "../net/text.ts";
import { embedded, isSpecial } from "./_proxy_ranges.ts";
import type { ProxyOptions } from "./proxy_options.ts";

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

/** Names and blocks of a list. */
interface List {
  readonly names: ReadonlySet<string>;
  readonly suffixes: readonly string[];
  readonly blocks: readonly AddressBlock[];
}

const LOCALHOST = /(?:^|\.)localhost\.*$/;
const LOOPBACK = [[127, 0, 0, 1], [...new Array<number>(15).fill(0), 1]];
/** What ends in a number is no name, and may be an address in a form of its own. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[\da-f]*)\.*$/;

/** Who may reach what. */
export class Rules {
  readonly #allow: List | undefined;
  readonly #deny: List;
  readonly #allowPrivate: boolean;
  readonly #ports: ReadonlySet<number> | undefined;
  /** Whether names are for another proxy to resolve. */
  readonly #byName: boolean;

  constructor(options: ProxyOptions) {
    this.#allow = options.allow === undefined ? undefined : readList("allow", options.allow);
    this.#deny = readList("deny", options.deny ?? []);
    this.#allowPrivate = options.allowPrivate ?? false;
    this.#byName = options.upstream !== undefined;
    const { connectPorts = [443] } = options;
    if (connectPorts !== "any") {
      for (const port of connectPorts) {
        if (!Number.isInteger(port) || port < 1 || port > 65535) {
          throw new RangeError(`Cannot use connectPorts: ${port} is no port from 1 to 65535`);
        }
      }
      this.#ports = new Set(connectPorts);
    }
  }

  /** Whether CONNECT may reach a port. */
  mayConnect(port: number): boolean {
    return this.#ports?.has(port) ?? true;
  }

  /** Whether a target may be asked for, as far as its name tells. */
  mayAsk({ hostname, address }: Target): boolean {
    if (address !== undefined) return this.mayReach(address, undefined);
    if (hasName(this.#deny, hostname)) return false;
    // RFC 6761 §6.3: whoever resolves it, it is that machine.
    if (LOCALHOST.test(hostname) && !LOOPBACK.some((one) => this.mayReach(one, hostname))) {
      return false;
    }
    // 0x7f.1, 2130706433, 010.0.0.1: some read an address there, and not all the same one.
    if (this.#byName && NUMERIC.test(hostname)) return false;
    const allow = this.#allow;
    return allow === undefined || allow.blocks.length > 0 || hasName(allow, hostname);
  }

  /** Whether an address may be dialled for a name, or for itself. */
  mayReach(address: AddressBytes, hostname: string | undefined): boolean {
    const within = embedded(address) ?? address;
    if (this.#deny.blocks.some((one) => isInBlock(address, one) || isInBlock(within, one))) {
      return false;
    }
    const allow = this.#allow;
    if (allow?.blocks.some((block) => isInBlock(address, block))) return true;
    if (!this.#allowPrivate && isSpecial(address)) return false;
    return allow === undefined || (hostname !== undefined && hasName(allow, hostname));
  }
}

function hasName({ names, suffixes }: List, hostname: string): boolean {
  const name = hostname.replace(/\.+$/, "");
  return names.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
}

function readList(option: string, entries: readonly string[]): List {
  const names = new Set<string>();
  const suffixes: string[] = [];
  const blocks: AddressBlock[] = [];
  for (const entry of entries) {
    const block = readAddressBlock(entry);
    const match = /^(\*?\.)?([0-9a-z_-]+(?:\.[0-9a-z_-]+)*)\.?$/.exec(entry.toLowerCase());
    if (block !== undefined) blocks.push(block);
    // What looks like an address and is none would never match: a rule that does nothing.
    else if (match === null || /^[\d.]+$/.test(entry)) {
      throw new TypeError(
        `Cannot use ${option}: "${escapeControls(entry)}" is no host and no block`,
      );
    } else {
      names.add(match[2]!);
      if (match[1] !== undefined) suffixes.push(`.${match[2]}`);
    }
  }
  return { names, suffixes, blocks };
}
