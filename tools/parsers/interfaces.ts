/**
 * Parsers for the output of `ifconfig`, `ip addr` and `ipconfig` (Windows). They read numbers and
 * structure, in any language and code page.
 *
 * @example Two programs with the same result
 * ```ts
 * import { parseIfconfig, parseIpAddr } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const [a] = parseIfconfig(`
 * eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
 *         inet 192.0.2.7  netmask 255.255.255.0  broadcast 192.0.2.255
 *         ether 02:00:00:00:00:07  txqueuelen 1000  (Ethernet)
 * `);
 * const [b] = parseIpAddr(`
 * 2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default
 *     link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff
 *     inet 192.0.2.7/24 brd 192.0.2.255 scope global eth0
 * `);
 * assertEquals(a, b);
 * assertEquals(a?.addresses, [{ address: "192.0.2.7", family: 4, prefix: 24 }]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import {
  decodeOutput,
  findAddresses,
  isAddress,
  isIPv4,
  prefixOf,
} from "../internal/program_output.ts";

/** One address of an interface. */
export interface InterfaceAddress {
  /** The address; IPv6 with its zone, if the program prints it. */
  readonly address: string;
  /** The IP version: 4 or 6. */
  readonly family: 4 | 6;
  /** Length of the network prefix in bits. */
  readonly prefix: number | undefined;
}

/** One interface. */
export interface Interface {
  /** Name of the interface; on Windows the complete heading. */
  readonly name: string;
  /** Whether it is up; on Windows, whether it has an address. */
  readonly up: boolean;
  /** Whether it is a loopback interface; `ipconfig` does not list these. */
  readonly loopback: boolean;
  /** The hardware address, `02:00:00:00:00:07`. */
  readonly mac: string | undefined;
  /** Largest packet in bytes (MTU). */
  readonly mtu: number | undefined;
  /** The IP addresses of the interface. */
  readonly addresses: readonly InterfaceAddress[];
  /** Default gateways; only `ipconfig` prints them. */
  readonly gateways: readonly string[];
  /** Name servers; only `ipconfig` prints them. */
  readonly nameServers: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Draft extends Mutable<Omit<Interface, "addresses" | "gateways" | "nameServers">> {
  addresses: Array<Mutable<InterfaceAddress>>;
  gateways: string[];
  nameServers: string[];
}

const MAX_INTERFACES = 4096;

function draft(name: string): Draft {
  return {
    name: escapeControls(name),
    up: false,
    loopback: false,
    mac: undefined,
    mtu: undefined,
    addresses: [],
    gateways: [],
    nameServers: [],
  };
}

function family(address: string): 4 | 6 {
  return isIPv4(address) ? 4 : 6;
}

/** Reads a hardware address in normal form; undefined without one, and for a loopback interface. */
function readMac(line: string): string | undefined {
  const found = /(?:^|[\s(])((?:[0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2})(?![:\w-])/i.exec(line)?.[1];
  const mac = found?.toLowerCase().split(/[:-]/).map((part) => part.padStart(2, "0")).join(":");
  return mac === "00:00:00:00:00:00" ? undefined : mac;
}

function setFlags(target: Draft, flags: readonly string[]): void {
  target.up = flags.includes("UP");
  target.loopback = flags.includes("LOOPBACK");
}

/**
 * Parses the output of `ifconfig`: both formats of Linux, BusyBox, macOS and the BSDs.
 *
 * @param output The output. Only the first 256 KiB are read.
 * @returns The interfaces, in order.
 *
 * @example macOS
 * ```ts
 * import { parseIfconfig } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const [lo0] = parseIfconfig(`lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
 * \tinet 127.0.0.1 netmask 0xff000000
 * \tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1`);
 * assertEquals([lo0?.up, lo0?.loopback, lo0?.addresses[0]?.prefix], [true, true, 8]);
 * assertEquals(lo0?.addresses[1]?.address, "fe80::1%lo0");
 * ```
 */
export function parseIfconfig(output: Uint8Array | string): Interface[] {
  const found: Draft[] = [];
  for (const line of decodeOutput(output).split("\n")) {
    if (line.trim() === "") continue;
    if (/^\S/.test(line)) {
      if (found.length === MAX_INTERFACES) break;
      const modern = /^(\S+): flags=\w+<([\w,-]*)>/.exec(line);
      const name = modern?.[1] ?? /^\S+/.exec(line)![0];
      // Older programs shorten long names. A line that begins with another text is no interface.
      if (!/^[\w.@:-]+$/.test(name)) continue;
      const next = draft(name);
      found.push(next);
      if (modern !== null) setFlags(next, modern[2]!.split(","));
    }
    const current = found.at(-1);
    if (current === undefined) continue;
    current.mtu ??= readMtu(line);
    // An IPv6 address may look like a hardware address.
    if (/^\s*(?:\S+ )?inet6?\b/.test(line)) readInet(line, current);
    else current.mac ??= readMac(line);
    // `UP LOOPBACK RUNNING  MTU:65536  Metric:1`: the flags are on a separate line.
    if (/^\s+[A-Z][A-Z ]*\bMTU:/.test(line)) {
      setFlags(current, line.trim().split(/\s+/));
    }
  }
  return found;
}

/**
 * Separates the label of a word such as `addr:10.0.0.1` from its value. The groups of an IPv6 address
 * such as `face::1` are no labels.
 */
function withoutLabel(word: string): string {
  const colon = word.indexOf(":");
  if (colon <= 0 || isAddress(word.replace(/(?:\/\d{1,3})?[,;]?$/, ""))) return word;
  return `${word.slice(0, colon)}: ${word.slice(colon + 1)}`;
}

function readMtu(line: string): number | undefined {
  const mtu = /\bmtu[ :](\d{1,9})\b/i.exec(line)?.[1];
  return mtu === undefined ? undefined : Number(mtu);
}

/** Reads `inet A netmask M`, `inet addr:A Bcast:B Mask:M`, `inet6 A prefixlen N`, `inet6 A/N`. */
function readInet(line: string, { addresses }: Draft): void {
  const [first, ...others] = findAddresses(line.replace(/\S+/g, withoutLabel));
  if (first === undefined) return;
  const { address } = first;
  const slash = new RegExp(`${address.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}/(\\d{1,3})`).exec(
    line,
  );
  const prefix = slash?.[1] ?? /\bprefixlen (\d{1,3})/.exec(line)?.[1];
  const mask = /\b(0x[0-9a-f]{8})\b/i.exec(line)?.[1] ??
    others.map((other) => other.address).findLast((other) => other.startsWith("255."));
  addresses.push({
    address,
    family: family(address),
    prefix: prefix !== undefined
      ? Number(prefix)
      : isIPv4(address) && mask !== undefined
      ? prefixOf(mask)
      : undefined,
  });
}

/**
 * Parses the output of `ip addr` (iproute2 and BusyBox).
 *
 * @param output The output. Only the first 256 KiB are read.
 * @returns The interfaces, in order.
 *
 * @example One end of a virtual pair
 * ```ts
 * import { parseIpAddr } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const [eth0] = parseIpAddr("7: eth0@if8: <BROADCAST,UP> mtu 1500\n    inet6 fe80::7/64 scope link");
 * assertEquals([eth0?.name, eth0?.mtu, eth0?.addresses[0]?.prefix], ["eth0", 1500, 64]);
 * ```
 */
export function parseIpAddr(output: Uint8Array | string): Interface[] {
  const found: Draft[] = [];
  for (const line of decodeOutput(output).split("\n")) {
    const head = /^\d+: ([^\s:@]+)(?:@[^\s:]+)?: <([\w,-]*)>/.exec(line);
    if (head !== null) {
      if (found.length === MAX_INTERFACES) break;
      const next = draft(head[1]!);
      setFlags(next, head[2]!.split(","));
      next.mtu = readMtu(line);
      found.push(next);
      continue;
    }
    const current = found.at(-1);
    if (current === undefined) continue;
    const inet = /^\s+inet6? ([^\s/]+)(?: peer [^\s/]+)?(?:\/(\d{1,3}))?/.exec(line);
    if (inet !== null && isAddress(inet[1]!)) {
      current.addresses.push({
        address: inet[1]!,
        family: family(inet[1]!),
        prefix: inet[2] === undefined ? undefined : Number(inet[2]),
      });
    } else if (/^\s+link\//.test(line)) current.mac ??= readMac(line);
  }
  return found;
}

/**
 * Parses the output of `ipconfig` or `ipconfig /all` (Windows). The form of a value and untranslated
 * abbreviations (IP, DNS, DHCP, WINS) determine the meaning of a row.
 *
 * @param output The output. Only the first 256 KiB are read.
 * @returns The adapters, in order.
 *
 * @example In French
 * ```ts
 * import { parseIpconfig } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const [wifi] = parseIpconfig(`
 * Configuration IP de Windows
 *
 *    Nom de l’hôte . . . . . . . . . . : PC
 *
 * Carte réseau sans fil Wi-Fi :
 *
 *    Adresse physique . . . . . . . . . . . : 02-00-00-00-00-07
 *    Adresse IPv4. . . . . . . . . . . . . .: 192.0.2.7(préféré)
 *    Masque de sous-réseau. . . . . . . . . : 255.255.255.0
 *    Passerelle par défaut. . . . . . . . . : 192.0.2.1
 *    Serveurs DNS. . .  . . . . . . . . . . : 192.0.2.53
 *                                        192.0.2.54
 * `);
 * assertEquals(wifi?.name, "Carte réseau sans fil Wi-Fi");
 * assertEquals(wifi?.mac, "02:00:00:00:00:07");
 * assertEquals(wifi?.addresses, [{ address: "192.0.2.7", family: 4, prefix: 24 }]);
 * assertEquals(wifi?.gateways, ["192.0.2.1"]);
 * assertEquals(wifi?.nameServers, ["192.0.2.53", "192.0.2.54"]);
 * ```
 */
export function parseIpconfig(output: Uint8Array | string): Interface[] {
  const found: Draft[] = [];
  let current: Draft | undefined;
  let add: (address: string) => void = () => {};
  for (const line of decodeOutput(output).split("\n")) {
    if (line.trim() === "") continue;
    if (/^\S/.test(line)) {
      // The heading of an adapter ends with a colon; the heading of the machine does not.
      const heading = headingOf(line);
      current = heading === undefined ? undefined : draft(heading);
      if (current !== undefined && found.push(current) === MAX_INTERFACES) break;
      add = () => {};
      continue;
    }
    if (current === undefined) continue;
    const adapter = current;
    const row = rowOf(line);
    const value = (row?.value ?? line).trim();
    const address = findAddresses(value)[0];
    // Text such as `(Preferred)` may follow an address. A value with text before it is no address.
    const alone = address !== undefined && address.start === 0;
    if (row === undefined) {
      if (alone && address.end === value.length) add(address.address);
      continue;
    }
    add = () => {};
    const { label } = row;
    if (address === undefined || !alone) {
      if (/^([0-9a-f]{2}-){5}[0-9a-f]{2}$/i.test(value)) adapter.mac ??= readMac(value);
      // The row of a gateway may be empty, with an IPv6 address on the next line.
      else if (value === "" && !/DNS|DHCP|WINS/i.test(label) && adapter.addresses.length > 0) {
        add = (gateway) => adapter.gateways.push(gateway);
      }
      continue;
    }
    const last = adapter.addresses.at(-1);
    if (/DHCP|WINS/i.test(label)) continue;
    if (/DNS/i.test(label)) add = (server) => adapter.nameServers.push(server);
    else if (last?.family === 4 && last.prefix === undefined && isMask(address.address)) {
      last.prefix = prefixOf(address.address);
      continue;
    } else if (address.end < value.length || /IP/.test(label)) {
      add = () => {};
      adapter.up = true;
      adapter.addresses.push({
        address: address.address,
        family: family(address.address),
        prefix: undefined,
      });
      continue;
    } else add = (gateway) => adapter.gateways.push(gateway);
    add(address.address);
  }
  return found;
}

/** Returns the heading of an adapter without its colon; undefined for other lines. */
function headingOf(line: string): string | undefined {
  const text = line.trimEnd();
  return text.endsWith(":") ? text.slice(0, -1).trimEnd() : undefined;
}

/**
 * Reads `   Label . . . . : value`. The first colon after dots separates the two. It searches for the
 * colon first, because a search for dots has a quadratic cost.
 */
function rowOf(line: string): { label: string; value: string } | undefined {
  for (let from = 0, colon; (colon = line.indexOf(":", from)) !== -1; from = colon + 1) {
    let end = colon;
    while (end > from && isBlank(line[end - 1])) end--;
    const dots = end;
    while (end > from && line[end - 1] === ".") {
      end--;
      if (end > from && isBlank(line[end - 1])) end--;
    }
    if (end < dots) return { label: line.slice(0, end).trim(), value: line.slice(colon + 1) };
  }
  return undefined;
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}

function isMask(address: string): boolean {
  return address.startsWith("255.") && prefixOf(address) !== undefined;
}
