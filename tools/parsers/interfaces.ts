/**
 * What `ifconfig`, `ip addr` and Windows' `ipconfig` print, as data: by numbers and structure, in
 * any language and code page.
 *
 * @example Two programs, one answer
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
 * **Permissions**: none; it is pure.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import { decodeOutput, findAddresses, isAddress, isIPv4, prefixOf } from "../internal/structure.ts";

/** One address of an interface. */
export interface InterfaceAddress {
  /** The address; IPv6 with its zone where one is printed. */
  readonly address: string;
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** How many bits name the network. */
  readonly prefix: number | undefined;
}

/** One interface. */
export interface Interface {
  /** Its name; on Windows the whole heading. */
  readonly name: string;
  /** Whether it is up; on Windows, whether it has an address. */
  readonly up: boolean;
  /** Whether it is the machine itself; `ipconfig` lists none of that kind. */
  readonly loopback: boolean;
  /** The hardware address, `02:00:00:00:00:07`. */
  readonly mac: string | undefined;
  /** The largest packet in bytes. */
  readonly mtu: number | undefined;
  /** Its addresses. */
  readonly addresses: readonly InterfaceAddress[];
  /** Default gateways, which Windows alone prints. */
  readonly gateways: readonly string[];
  /** Name servers, which Windows alone prints. */
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

/** A hardware address in one spelling; undefined for none, and for that of the loopback. */
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
 * Reads the output of `ifconfig`: of Linux in both of its forms, BusyBox, macOS and the BSDs.
 *
 * @param output What it printed, at most 256 KiB of it.
 * @returns The interfaces in their order.
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
      // `docker0:` alone is cut off by older programs; what is no name begins no interface.
      if (!/^[\w.@:-]+$/.test(name)) continue;
      const next = draft(name);
      found.push(next);
      if (modern !== null) setFlags(next, modern[2]!.split(","));
    }
    const current = found.at(-1);
    if (current === undefined) continue;
    current.mtu ??= readMtu(line);
    // Of two that look alike, `inet6` is no hardware address.
    if (/^\s*(?:\S+ )?inet6?\b/.test(line)) readInet(line, current);
    else current.mac ??= readMac(line);
    // `UP LOOPBACK RUNNING  MTU:65536  Metric:1`: the flags have a line of their own.
    if (/^\s+[A-Z][A-Z ]*\bMTU:/.test(line)) {
      setFlags(current, line.trim().split(/\s+/));
    }
  }
  return found;
}

function readMtu(line: string): number | undefined {
  const mtu = /\bmtu[ :](\d{1,9})\b/i.exec(line)?.[1];
  return mtu === undefined ? undefined : Number(mtu);
}

/** `inet A netmask M`, `inet addr:A Bcast:B Mask:M`, `inet6 A prefixlen N`, `inet6 A/N`. */
function readInet(line: string, { addresses }: Draft): void {
  // `inet addr:10.0.0.1`: the colon is part of no address. Only what is close to it is looked at.
  const [first, ...others] = findAddresses(
    line.replace(/(?<=[^\s\d:a-f]|[a-z]{4}):(?=[\da-f])/gi, ": "),
  );
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
 * Reads the output of `ip addr` (iproute2 and BusyBox).
 *
 * @param output What it printed, at most 256 KiB of it.
 * @returns The interfaces in their order.
 *
 * @example The name of one end of a pair
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
 * Reads the output of Windows' `ipconfig` or `ipconfig /all`. What a row means is told by the shape
 * of its value and by the abbreviations that no language translates: IP, DNS, DHCP, WINS.
 *
 * @param output What it printed, at most 256 KiB of it.
 * @returns The adapters in their order.
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
      // A heading ends in a colon; that of the machine itself has none.
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
    // The address itself is followed by `(Preferred)` or so; a word behind it is something else.
    const alone = address !== undefined && address.start === 0;
    if (row === undefined) {
      if (alone && address.end === value.length) add(address.address);
      continue;
    }
    add = () => {};
    const { label } = row;
    if (address === undefined || !alone) {
      if (/^([0-9a-f]{2}-){5}[0-9a-f]{2}$/i.test(value)) adapter.mac ??= readMac(value);
      // A gateway may be left empty on the row itself, with IPv6 alone below it.
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

/** The heading of an adapter, without the colon that it ends in; undefined if it has none. */
function headingOf(line: string): string | undefined {
  const text = line.trimEnd();
  return text.endsWith(":") ? text.slice(0, -1).trimEnd() : undefined;
}

/**
 * Reads `   Label . . . . : value`. The first colon with dots in front of it divides the two: colons
 * are found first and dots from there, since a line of dots alone has no label.
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
