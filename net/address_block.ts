/**
 * Reads blocks of IP addresses (CIDR, RFC 4632), and checks whether an address is in a block.
 *
 * @example Recognize local clients
 * ```ts
 * import { AddressBlocks } from "@portside/kit/net/address-block";
 * import { assertEquals } from "@std/assert";
 *
 * const local = new AddressBlocks(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);
 * assertEquals(local.includes("10.1.2.3"), true);
 * assertEquals(local.includes("::ffff:10.1.2.3"), true);
 * assertEquals(local.includes("192.0.2.8"), false);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { normalizeHostname } from "./internal/normalize_hostname.ts";
import { optionError } from "./internal/options.ts";

/** An IP address as bytes: 4 for IPv4, 16 for IPv6. */
export type AddressBytes = readonly number[];

/** A block of addresses. All of them share the first `bits` bits of `bytes`. */
export interface AddressBlock {
  /** An address in the block. */
  readonly bytes: AddressBytes;
  /** The length of the prefix in bits: 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly bits: number;
}

/**
 * Reads an IP address. An IPv4 address has four decimal numbers without leading zeros; an IPv6
 * address has a form of RFC 4291 §2.2. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is read as
 * the IPv4 address that it stands for.
 *
 * @param text The address, without brackets.
 * @returns The bytes of the address, or undefined if the text is not an address.
 *
 * @example An address, and a text that only some programs read as one
 * ```ts
 * import { readAddressBytes } from "@portside/kit/net/address-block";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readAddressBytes("192.0.2.1"), [192, 0, 2, 1]);
 * assertEquals(readAddressBytes("0300.0.2.1"), undefined);
 * ```
 */
export function readAddressBytes(text: string): AddressBytes | undefined {
  const plain = normalizeHostname(text);
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(plain);
  if (four !== null) {
    const bytes = four.slice(1).map(Number);
    // Some programs read 010 as 8, others as 10.
    const exact = four.slice(1).every((part, i) => part === String(bytes[i]));
    return exact && bytes.every((byte) => byte < 256) ? bytes : undefined;
  }
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(plain)) return undefined;
  const canonical = URL.parse(`http://[${plain}]/`)?.hostname.slice(1, -1);
  if (canonical === undefined) return undefined;
  const [front = "", back] = canonical.split("::");
  const groups = (half: string) => half === "" ? [] : half.split(":");
  const [left, right] = [groups(front), groups(back ?? "")];
  const zeros = new Array(8 - left.length - right.length).fill("0");
  return [...left, ...back === undefined ? [] : zeros, ...right].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/**
 * Writes an IP address in its shortest form (RFC 5952). An IPv4-mapped IPv6 address is written as
 * IPv4.
 *
 * @param bytes The 4 or 16 bytes of the address.
 * @returns The address as text, without brackets.
 * @throws {TypeError} If there are neither 4 nor 16 bytes.
 *
 * @example Both families
 * ```ts
 * import { formatAddressBytes } from "@portside/kit/net/address-block";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatAddressBytes([192, 0, 2, 1]), "192.0.2.1");
 * assertEquals(formatAddressBytes([...new Array(15).fill(0), 1]), "::1");
 * ```
 */
export function formatAddressBytes(bytes: ArrayLike<number>): string {
  const all = Array.from(bytes);
  if (all.length === 4) return all.join(".");
  if (all.length !== 16) {
    throw new TypeError(`Cannot write an address of ${all.length} bytes: 4 or 16 are required`);
  }
  const groups = Array.from(
    { length: 8 },
    (_, i) => (all[2 * i]! * 256 + all[2 * i + 1]!).toString(16),
  );
  return normalizeHostname(new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1));
}

/**
 * Reads a block such as `10.0.0.0/8` or `fd00::/8`. An address alone is a block of one.
 *
 * @param text The block, or a single address.
 * @returns The block, or undefined if the text is not a block.
 *
 * @example A block, and a block of one
 * ```ts
 * import { readAddressBlock } from "@portside/kit/net/address-block";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readAddressBlock("10.0.0.0/8"), { bytes: [10, 0, 0, 0], bits: 8 });
 * assertEquals(readAddressBlock("10.0.0.1")?.bits, 32);
 * assertEquals(readAddressBlock("10.0.0.0/33"), undefined);
 * ```
 */
export function readAddressBlock(text: string): AddressBlock | undefined {
  const [address = "", length, ...more] = text.split("/");
  const bytes = readAddressBytes(address);
  if (bytes === undefined || more.length > 0) return undefined;
  const max = bytes.length * 8;
  if (length === undefined) return { bytes, bits: max };
  const bits = Number(length);
  return /^\d{1,3}$/.test(length) && bits <= max ? { bytes, bits } : undefined;
}

/**
 * Checks whether an address is in a block.
 *
 * @param address The bytes of the address.
 * @param block The block to look in.
 * @returns Whether the address has the family and the first bits of the block.
 *
 * @example Inside and outside
 * ```ts
 * import { isInBlock, readAddressBlock } from "@portside/kit/net/address-block";
 * import { assertEquals } from "@std/assert";
 *
 * const block = readAddressBlock("172.16.0.0/12")!;
 * assertEquals(isInBlock([172, 31, 255, 255], block), true);
 * assertEquals(isInBlock([172, 32, 0, 0], block), false);
 * ```
 */
export function isInBlock(address: AddressBytes, block: AddressBlock): boolean {
  const { bytes, bits } = block;
  if (address.length !== bytes.length) return false;
  for (let i = 0; i * 8 < bits; i++) {
    const shift = Math.max(0, 8 - (bits - i * 8));
    if (address[i]! >> shift !== bytes[i]! >> shift) return false;
  }
  return true;
}

/**
 * A list of addresses and blocks. The entry `unix:` matches peers on Unix sockets.
 *
 * @example A malformed list
 * ```ts
 * import { AddressBlocks } from "@portside/kit/net/address-block";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new AddressBlocks(["10.0.0.0/99"]), TypeError, "10.0.0.0/99");
 * ```
 */
export class AddressBlocks {
  readonly #blocks: readonly AddressBlock[];
  /** Whether peers on Unix sockets are in the list. */
  readonly #unix: boolean;

  /**
   * Reads the list.
   *
   * @param entries Addresses, blocks and `unix:`. An empty list includes nothing.
   * @param option The name of the list in error messages. @default "entries"
   * @throws {TypeError} If an entry is neither an address nor a block.
   */
  constructor(entries: readonly string[], option = "entries") {
    if (!Array.isArray(entries)) throw optionError(option, "an array", entries);
    this.#unix = entries.includes("unix:");
    this.#blocks = entries.flatMap((entry, i) => {
      if (entry === "unix:") return [];
      const block = typeof entry === "string" ? readAddressBlock(entry) : undefined;
      if (block !== undefined) return block;
      const requires = "an IP address, a block such as 10.0.0.0/8, or unix:";
      throw new TypeError(optionError(`${option}[${i}]`, requires, entry).message);
    });
  }

  /**
   * Checks whether an address is in the list. It ignores the zone of an address (`fe80::1%eth0`).
   *
   * @param address The address as text or bytes, or `unix:`, or undefined.
   * @returns Whether the list includes the address. It is false for undefined and for other text.
   */
  includes(address: string | AddressBytes | undefined): boolean {
    if (address === undefined) return false;
    if (address === "unix:") return this.#unix;
    const bytes = typeof address === "string"
      ? readAddressBytes(address.replace(/%[\w.-]+$/, ""))
      : address;
    return bytes !== undefined && this.#blocks.some((block) => isInBlock(bytes, block));
  }
}
