/**
 * Writes an IPv4 address that a socket for both families reports as IPv6
 * (`::ffff:127.0.0.1`, RFC 4291 §2.5.5.2) as IPv4, so that a peer has one
 * address whichever way it came. Anything else stays as it is.
 *
 * @param hostname A name or address.
 * @returns The address to compare and count by.
 *
 * @example A mapped address
 * ```ts
 * import { normalizeHostname } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(normalizeHostname("::ffff:7f00:1"), "127.0.0.1");
 * assertEquals(normalizeHostname("example.com"), "example.com");
 * ```
 */
export function normalizeHostname(hostname: string): string {
  if (!/^[0:]+:ffff:[0-9a-f:.]+$/i.test(hostname)) return hostname;
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonicalIPv6(hostname) ?? "");
  if (mapped === null) return hostname;
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Returns the shortest form of an IPv6 address without its zone, or undefined if it is invalid. */
export function canonicalIPv6(address: string): string | undefined {
  const match = /^([0-9a-f:.]+)(?:%[\w.-]+)?$/i.exec(address);
  return match === null ? undefined : URL.parse(`http://[${match[1]}]/`)?.hostname.slice(1, -1);
}
