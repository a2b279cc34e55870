/**
 * Formats, parses and compares addresses.
 *
 * @example Format and parse
 * ```ts
 * import { formatAddress, parseHostPort } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatAddress({ hostname: "::1", port: 80 }), "[::1]:80");
 * assertEquals(parseHostPort("[::1]:80"), { hostname: "::1", port: 80 });
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { readAddressBytes } from "./address_block.ts";
import { canonicalIPv6, normalizeHostname } from "./internal/normalize_hostname.ts";
import { isSpecial } from "./internal/special_addresses.ts";
import { escapeControls, lowerAscii } from "./text.ts";

export { normalizeHostname };

/** The address of an end of an in-memory pair. */
export interface MemoryAddr {
  /** The discriminator between this address and those of sockets. */
  readonly transport: "memory";
  /** The name of the end, for example `a`. */
  readonly name: string;
}

/** The address of one end of a connection. */
export type Address = Deno.Addr | MemoryAddr;

/** A host and a port. */
export interface HostPort {
  /** A host name, or an IP address without brackets. */
  readonly hostname: string;
  /** The port, 0 to 65535. */
  readonly port: number;
}

/** An IPv4 address, or another name that is formatted as it is. */
const DIGITS_AND_DOTS = /^[\d.]+$/;

/**
 * Formats an address for people. Control characters are escaped.
 *
 * @param address The address of a socket, a host with its port, or the end of a memory pair.
 * @returns The address as text, for example `127.0.0.1:80`, `[::1]:80`, `unix:/run/x.sock` or
 * `memory:a`.
 *
 * @example Kinds of addresses
 * ```ts
 * import { formatAddress } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatAddress({ transport: "tcp", hostname: "::ffff:127.0.0.1", port: 1 }), "127.0.0.1:1");
 * assertEquals(formatAddress({ transport: "unix", path: "/run/x" }), "unix:/run/x");
 * ```
 */
export function formatAddress(address: Address | HostPort): string {
  if ("hostname" in address) {
    // Servers format the address of each peer, and most have this form.
    if (DIGITS_AND_DOTS.test(address.hostname)) return `${address.hostname}:${address.port}`;
    // The hostname of a URL has brackets, and Deno accepts them.
    const bare = /^\[(.*)\]$/.exec(address.hostname)?.[1] ?? address.hostname;
    const hostname = escapeControls(normalizeHostname(bare));
    return hostname.includes(":") ? `[${hostname}]:${address.port}` : `${hostname}:${address.port}`;
  }
  // The client end of a Unix socket has no name. Deno returns null, contrary to its types.
  if ("path" in address) return `unix:${escapeControls(address.path ?? "")}`;
  if ("name" in address) return `memory:${escapeControls(address.name)}`;
  return `${address.transport}:${address.cid}:${address.port}`;
}

/**
 * Returns the entry that matches a peer in lists such as `trustProxy`: its IP address, or `unix:`
 * for a peer on a Unix socket.
 *
 * @param address The remote address of a connection.
 * @returns The address or `unix:`; undefined for the end of a memory pair and for a virtual machine.
 *
 * @example On the network and on a Unix socket
 * ```ts
 * import { peerHost } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(peerHost({ transport: "tcp", hostname: "192.0.2.1", port: 1 }), "192.0.2.1");
 * assertEquals(peerHost({ transport: "unix", path: "/run/x" }), "unix:");
 * ```
 */
export function peerHost(address: Address): string | undefined {
  if ("hostname" in address) return address.hostname;
  return "path" in address ? UNIX_PEER : undefined;
}

/** The entry for peers on Unix sockets. */
const UNIX_PEER = "unix:";

/**
 * Returns the network by which connections of a peer are counted: its IPv4 address, or the first 64
 * bits of its IPv6 address, because one home or machine has all addresses of such a network
 * (RFC 6177). Link-local addresses (`fe80::/10`) count separately, because all neighbours share their
 * network. All peers on Unix sockets count as one.
 *
 * @param hostname An IP address without brackets, or `unix:`.
 * @returns The network as text, which is the same for all peers of one network. Anything that is no
 * address is returned as it is.
 *
 * @example The network of an IPv6 address
 * ```ts
 * import { peerNetwork } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(peerNetwork("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
 * assertEquals(peerNetwork("::ffff:192.0.2.1"), "192.0.2.1");
 * ```
 */
export function peerNetwork(hostname: string): string {
  const address = normalizeHostname(hostname);
  if (!address.includes(":") || address === UNIX_PEER) return address;
  const plain = canonicalIPv6(address);
  if (plain === undefined) return address;
  if (/^fe[89ab]/.test(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const last = groups(tail ?? "");
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - last.length;
  const network = [...groups(head), ...Array<string>(zeros).fill("0"), ...last].slice(0, 4);
  return `${network.join(":")}::/64`;
}

/**
 * Parses `host:port`. An IPv6 address must be in brackets.
 *
 * @param text The text to parse, for example from a user.
 * @returns The host and the port.
 * @throws {TypeError} If the text has another form. The message quotes the invalid part.
 *
 * @example A missing port
 * ```ts
 * import { parseHostPort } from "@portside/kit/net/address";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => parseHostPort("localhost"), TypeError, "no port");
 * ```
 */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([^\]]*)\]|([^:\[\]]*))(?::(.*))?$/s.exec(text);
  const fail = (why: string): never => {
    throw new TypeError(`Cannot read the address "${escapeControls(text)}": ${why}`);
  };
  if (match === null || canonicalIPv6(text) !== undefined) {
    return fail("an IPv6 address stands in brackets, as in [::1]:80");
  }
  const [, bracketed, plain, portText] = match;
  const hostname = bracketed ?? plain ?? "";
  if (hostname === "") return fail("it has no host");
  if (bracketed !== undefined && canonicalIPv6(bracketed) === undefined) {
    return fail("only an IPv6 address stands in brackets");
  }
  // Reject separators of URLs and invisible characters.
  if (/[\s/\\?#@]/.test(hostname) || escapeControls(hostname) !== hostname) {
    return fail(`"${escapeControls(hostname)}" is no host`);
  }
  if (portText === undefined || portText === "") return fail("it has no port");
  const port = Number(portText);
  if (!/^\d{1,5}$/.test(portText) || port > 65535) {
    return fail(`"${escapeControls(portText)}" is no port from 0 to 65535`);
  }
  return { hostname, port };
}

/**
 * Checks whether a host is the loopback of this machine: 127.0.0.0/8, `::1`, or `localhost` and
 * names below it (RFC 6761 §6.3). Names are not resolved.
 *
 * @param hostname A host name, or an IP address without brackets.
 * @returns Whether only this machine can reach the host.
 *
 * @example Loopback or not
 * ```ts
 * import { isLoopback } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["127.9.9.9", "::1", "localhost", "0.0.0.0"].map(isLoopback), [
 *   true,
 *   true,
 *   true,
 *   false,
 * ]);
 * ```
 */
export function isLoopback(hostname: string): boolean {
  const lower = lowerAscii(hostname);
  const host = normalizeHostname(lower.includes(":") ? canonicalIPv6(lower) ?? "" : lower);
  if (/^(.+\.)?localhost\.?$/.test(host) || host === "::1") return true;
  const parts = host.split(".");
  return parts.length === 4 && parts[0] === "127" &&
    parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/**
 * Returns whether an IP address is a global address of the internet. Private, shared, loopback,
 * link-local, multicast, documentation and other special addresses (RFC 6890 and its successors) are
 * not global, in whatever way they are written: an IPv4 address within an IPv6 address counts as IPv4.
 *
 * @param address An IP address, with or without brackets.
 * @returns Whether the address is global. A name is no address, so the result for it is false.
 *
 * @example Addresses that a server must not let its users reach
 * ```ts
 * import { isGlobalAddress } from "@portside/kit/net/address";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["1.1.1.1", "2606:4700::1111"].map(isGlobalAddress), [true, true]);
 * const inside = ["10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1", "fd00::1"];
 * assertEquals(inside.some(isGlobalAddress), false);
 * ```
 */
export function isGlobalAddress(address: string): boolean {
  const bytes = readAddressBytes(address.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/s, ""));
  return bytes !== undefined && !isSpecial(bytes);
}
