import { normalizeHostname } from "../net/address.ts";

/** An address as bytes: 4 or 16. */
export type AddressBytes = readonly number[];

/** A block of addresses. */
export interface Block {
  readonly bytes: AddressBytes;
  readonly bits: number;
}

/** What the registries of IANA call special-purpose (RFC 6890 and its followers). */
const SPECIAL = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  // Within the one block of IPv6 that is global, 2000::/3; all else is special.
  ...["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
].map((text) => readBlock(text)!);

const GLOBAL6 = readBlock("2000::/3")!;

/** The block of NAT64 that is the same everywhere (RFC 6052): as global as what it leads to. */
const NAT64 = readBlock("64:ff9b::/96")!;
/** Blocks that lead to an address of IPv4, and where in them that stands. */
const LEADING: readonly (readonly [block: Block, at: number])[] = [
  [NAT64, 12],
  [readBlock("64:ff9b:1::/48")!, 12], // NAT64 of one's own, RFC 8215
  [readBlock("2002::/16")!, 2], // 6to4, RFC 3056
];

/** Reads an address in its plain form: four numbers, or what RFC 4291 §2.2 allows. */
export function readAddress(text: string): AddressBytes | undefined {
  const plain = normalizeHostname(text);
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(plain);
  if (four !== null) {
    const bytes = four.slice(1).map(Number);
    // 010 is 8 for some and 10 for others.
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

/** Reads `10.0.0.0/8`, or an address as the block of itself. */
export function readBlock(text: string): Block | undefined {
  const [address = "", length, ...more] = text.split("/");
  const bytes = readAddress(address);
  if (bytes === undefined || more.length > 0) return undefined;
  const max = bytes.length * 8;
  if (length === undefined) return { bytes, bits: max };
  const bits = Number(length);
  return /^\d{1,3}$/.test(length) && bits <= max ? { bytes, bits } : undefined;
}

/** Whether an address is in a block. */
export function isIn(address: AddressBytes, { bytes, bits }: Block): boolean {
  if (address.length !== bytes.length) return false;
  for (let i = 0; i * 8 < bits; i++) {
    const shift = Math.max(0, 8 - (bits - i * 8));
    if (address[i]! >> shift !== bytes[i]! >> shift) return false;
  }
  return true;
}

/** The address of IPv4 that one of IPv6 leads to, if it is of such a kind. */
export function embedded(address: AddressBytes): AddressBytes | undefined {
  const found = LEADING.find(([block]) => isIn(address, block));
  return found === undefined ? undefined : address.slice(found[1], found[1] + 4);
}

/** Whether an address is of no use to who asks a proxy for something of the internet. */
export function isSpecial(address: AddressBytes): boolean {
  if (isIn(address, NAT64)) return isSpecial(embedded(address)!);
  if (address.length === 16 && !isIn(address, GLOBAL6)) return true;
  return SPECIAL.some((block) => isIn(address, block));
}
