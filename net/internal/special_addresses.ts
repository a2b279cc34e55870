import {
  type AddressBlock,
  type AddressBytes,
  isInBlock,
  readAddressBlock,
} from "../address_block.ts";

/** The special-purpose addresses of the IANA registries (RFC 6890 and its successors). */
const SPECIAL = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  // These are within 2000::/3, the only global block of IPv6. All others are special.
  ...["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
].map((text) => readAddressBlock(text)!);

const GLOBAL6 = readAddressBlock("2000::/3")!;

/** The well-known NAT64 block (RFC 6052). It is as global as the embedded IPv4 address. */
const NAT64 = readAddressBlock("64:ff9b::/96")!;
/** Blocks of IPv6 addresses with an embedded IPv4 address, and its offset. */
const LEADING: readonly (readonly [block: AddressBlock, at: number])[] = [
  [NAT64, 12],
  [readAddressBlock("64:ff9b:1::/48")!, 12], // local NAT64, RFC 8215
  [readAddressBlock("2002::/16")!, 2], // 6to4, RFC 3056
];

/** Returns the IPv4 address that is embedded in an IPv6 address; undefined if there is none. */
export function embedded(address: AddressBytes): AddressBytes | undefined {
  const found = LEADING.find(([block]) => isInBlock(address, block));
  return found === undefined ? undefined : address.slice(found[1], found[1] + 4);
}

/** Returns whether an address is no global address of the internet. */
export function isSpecial(address: AddressBytes): boolean {
  if (isInBlock(address, NAT64)) return isSpecial(embedded(address)!);
  if (address.length === 16 && !isInBlock(address, GLOBAL6)) return true;
  return SPECIAL.some((block) => isInBlock(address, block));
}
