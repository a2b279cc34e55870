import {
  type AddressBlock,
  type AddressBytes,
  isInBlock,
  readAddressBlock,
} from "../../net/address_block.ts";

/** What the registries of IANA call special-purpose (RFC 6890 and its followers). */
const SPECIAL = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  // Within the one block of IPv6 that is global, 2000::/3; all else is special.
  ...["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
].map((text) => readAddressBlock(text)!);

const GLOBAL6 = readAddressBlock("2000::/3")!;

/** The block of NAT64 that is the same everywhere (RFC 6052): as global as what it leads to. */
const NAT64 = readAddressBlock("64:ff9b::/96")!;
/** Blocks that lead to an address of IPv4, and where in them that stands. */
const LEADING: readonly (readonly [block: AddressBlock, at: number])[] = [
  [NAT64, 12],
  [readAddressBlock("64:ff9b:1::/48")!, 12], // NAT64 of one's own, RFC 8215
  [readAddressBlock("2002::/16")!, 2], // 6to4, RFC 3056
];

/** The address of IPv4 that one of IPv6 leads to, if it is of such a kind. */
export function embedded(address: AddressBytes): AddressBytes | undefined {
  const found = LEADING.find(([block]) => isInBlock(address, block));
  return found === undefined ? undefined : address.slice(found[1], found[1] + 4);
}

/** Whether an address is of no use to who asks a proxy for something of the internet. */
export function isSpecial(address: AddressBytes): boolean {
  if (isInBlock(address, NAT64)) return isSpecial(embedded(address)!);
  if (address.length === 16 && !isInBlock(address, GLOBAL6)) return true;
  return SPECIAL.some((block) => isInBlock(address, block));
}
