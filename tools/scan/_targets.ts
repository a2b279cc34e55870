import { count } from "../internal/text.ts";

/** One host. */
export interface ScanTarget {
  /** The name or address as it was given, or an address of a network. */
  readonly host: string;
  /** The address to connect to. For a name it equals `host` until the name is resolved. */
  readonly address: string;
  /** Whether `host` is a name. */
  readonly named: boolean;
}

/** Addresses of one network as numbers. */
interface Range {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly last: bigint;
}

/** Most host bits of a network: an IPv6 /96 or an IPv4 /0. */
const MOST_BITS = 32n;

/** Expands targets lazily and yields each host once. */
export class Targets {
  readonly #names = new Set<string>();
  readonly #singles = new Set<string>();
  readonly #networks: Range[] = [];
  readonly #excludedNames = new Set<string>();
  readonly #excludedZoned = new Set<string>();
  readonly #excluded: Range[] = [];

  /**
   * Creates targets.
   *
   * @param exclude Targets that are left out.
   * @throws {RangeError} If one of them is invalid.
   */
  constructor(exclude: readonly string[] = []) {
    for (const text of exclude) {
      const zoned = readZoned(text);
      const range = zoned === undefined ? readRange(text) : undefined;
      if (zoned !== undefined) this.#excludedZoned.add(zoned);
      else if (range !== undefined) this.#excluded.push(range);
      else this.#excludedNames.add(plainName(text));
    }
  }

  /** Returns whether an address is left out. */
  excludes(address: string): boolean {
    if (this.#excludedZoned.has(address)) return true;
    if (this.#excluded.length === 0 || address.includes("%")) return false;
    const range = readRange(address);
    return range !== undefined &&
      this.#excluded.some((one) => holds(one, range.first, range.bits));
  }

  /**
   * Yields the hosts of one target.
   *
   * @throws {RangeError} If the target is invalid.
   */
  *read(text: string): Generator<ScanTarget, void, void> {
    const zoned = readZoned(text);
    if (zoned !== undefined) {
      if (this.#singles.has(zoned) || this.#excludedZoned.has(zoned)) return;
      this.#singles.add(zoned);
      yield { host: zoned, address: zoned, named: false };
      return;
    }
    const range = readRange(text);
    if (range === undefined) {
      const name = plainName(text);
      if (this.#names.has(name) || this.#excludedNames.has(name)) return;
      this.#names.add(name);
      yield { host: text, address: text, named: true };
      return;
    }
    const single = range.first === range.last;
    const earlier = [...this.#networks, ...this.#excluded];
    if (!single) this.#networks.push(range);
    for (let at = range.first; at <= range.last; at++) {
      const before = earlier.find((one) => holds(one, at, range.bits));
      if (before !== undefined) {
        at = before.last;
        continue;
      }
      const address = formatNumber(at, range.bits);
      if (this.#singles.has(address)) continue;
      if (single) this.#singles.add(address);
      yield { host: address, address, named: false };
    }
  }
}

/** Returns the number of hosts of a target, duplicates included. */
export function countHosts(text: string): number {
  const range = readZoned(text) === undefined ? readRange(text) : undefined;
  return range === undefined ? 1 : Number(range.last - range.first + 1n);
}

/**
 * Checks the size of a scan. `limit` is the name of the option or flag.
 *
 * @throws {RangeError} If the scan has more than `most` probes; 0 allows any number.
 */
export function checkSize(hosts: number, ports: number, most: number, limit: string): void {
  const probes = hosts * ports;
  if (most === 0 || probes <= most) return;
  const size = `${count(hosts, "host")} and ${count(ports, "port")}`;
  throw new RangeError(
    `This scan has up to ${probes} probes (${size}), more than ${limit}=${most}: ` +
      `name fewer targets or ports, or give ${limit}=${probes}`,
  );
}

function holds({ bits, first, last }: Range, at: bigint, wanted: number): boolean {
  return bits === wanted && at >= first && at <= last;
}

/** Returns the normal form of an address with a zone, such as `fe80::1%eth0` (RFC 4007 §11). */
function readZoned(text: string): string | undefined {
  const [, written = "", zone] = /^\[?([^%\]]*)%([\w.~-]{1,64})\]?$/.exec(text) ?? [];
  const at = zone === undefined ? undefined : readIpv6(written);
  return at === undefined ? undefined : `${formatNumber(at, 128)}%${zone}`;
}

function plainName(text: string): string {
  return text.replace(/\.$/, "").toLowerCase();
}

/** Returns the range `10.0.0.1-50` or `10.0.0.1-10.0.1.50`; undefined for another text. */
function readSpan(text: string): Range | undefined {
  const [, from = "", to = ""] = /^([\d.]+)-([\d.]+)$/.exec(text) ?? [];
  const first = readIpv4(from);
  if (first === undefined) return undefined;
  const last = readIpv4(/^\d{1,3}$/.test(to) ? from.replace(/\d+$/, to) : to);
  if (last === undefined) throw wrong(text, "a range ends with an address or its last number");
  if (last < first) throw wrong(text, "the first address of a range must be the smaller one");
  return { bits: 32, first, last };
}

/** Returns the range of an address, a range or a network; undefined for a name. */
function readRange(text: string): Range | undefined {
  const span = readSpan(text);
  if (span !== undefined) return span;
  if (text === "" || /[\s\p{Cc}]/u.test(text) || text.startsWith("-")) throw wrong(text);
  const [, written = "", prefix] = /^\[?([^\]/]*)\]?(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bits = written.includes(":") ? 128 : 32;
  const at = bits === 128 ? readIpv6(written) : readIpv4(written);
  if (at === undefined) {
    if (text.includes("/") || text.includes(":") || /^[\d.-]+$/.test(text)) throw wrong(text);
    if (!/^[\p{L}\p{N}_](?:[\p{L}\p{N}._-]{0,252})$/u.test(text)) throw wrong(text);
    return undefined;
  }
  const length = prefix === undefined ? bits : Number(prefix);
  if (length > bits) throw wrong(text, `a prefix is at most /${bits}`);
  const free = BigInt(bits - length);
  if (free > MOST_BITS) throw wrong(text, `it has 2^${free} addresses; the limit is 2^32`);
  const first = at >> free << free;
  return { bits, first, last: first + (1n << free) - 1n };
}

function readIpv4(text: string): bigint | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function readIpv6(text: string): bigint | undefined {
  // The URL parser accepts every spelling and returns the normal form.
  const url = URL.parse(`http://[${text}]/`);
  if (url === null) return undefined;
  const [head = "", tail] = url.hostname.slice(1, -1).split("::");
  const words = (part: string) => part === "" ? [] : part.split(":");
  const [before, after] = [words(head), words(tail ?? "")];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...new Array<string>(zeros).fill("0"), ...after]
    .reduce((sum, word) => sum * 65_536n + BigInt(`0x${word}`), 0n);
}

function formatNumber(at: bigint, bits: 32 | 128): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => at >> shift & 255n).join(".");
  const words = Array.from({ length: 8 }, (_, i) => (at >> BigInt(112 - 16 * i) & 0xffffn));
  return URL.parse(`http://[${words.map((word) => word.toString(16)).join(":")}]/`)!.hostname
    .slice(1, -1);
}

function wrong(
  text: string,
  why = "a target is a name, an address, a network (10.0.0.0/24) or a range (10.0.0.1-50)",
): RangeError {
  return new RangeError(`Cannot scan ${JSON.stringify(text)}: ${why}`);
}
