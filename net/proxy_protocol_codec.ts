/**
 * Encodes and decodes the header of the PROXY protocol, versions 1 and 2. In this header, a proxy or
 * load balancer sends the address of the client to a server. The functions are pure.
 *
 * @example Encode and decode a header
 * ```ts
 * import { decodeProxyHeader, encodeProxyHeader } from "@portside/kit/net/proxy-protocol-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeProxyHeader({
 *   version: 1,
 *   source: { hostname: "192.0.2.1", port: 50000 },
 *   destination: { hostname: "192.0.2.2", port: 443 },
 * });
 * assertEquals(new TextDecoder().decode(bytes), "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n");
 * assertEquals(decodeProxyHeader(bytes)?.header.source, { hostname: "192.0.2.1", port: 50000 });
 * ```
 *
 * **Permissions**: none. Source: "The PROXY protocol, versions 1 & 2", the document
 * `proxy-protocol.txt` of HAProxy.
 *
 * @module
 */

import type { HostPort } from "./address.ts";
import { type AddressBytes, formatAddressBytes, readAddressBytes } from "./address_block.ts";
import { NetError } from "./errors/errors.ts";
import { flag, integer, listenPort, optionError, OptionRules } from "./internal/options.ts";

/** An extension of a header of version 2 (§2.2): type, length and value. */
export interface ProxyTlv {
  /** The type, 0 to 255: for example 1 for ALPN, 2 for the name that the client asked for. */
  readonly type: number;
  /** The value, at most 65535 bytes. */
  readonly value: Uint8Array;
}

/** The content of a header. */
export interface ProxyHeader {
  /** The version of the protocol. */
  readonly version: 1 | 2;
  /**
   * Whether the proxy itself is the client, as in a health check (the command LOCAL of version 2).
   *
   * @default false
   */
  readonly local?: boolean;
  /**
   * The address and port of the client. It is undefined if the proxy itself is the client, does not
   * know the client (UNKNOWN), or has a client on another transport than TCP over IP.
   */
  readonly source?: HostPort | undefined;
  /** The address and port that the client connected to; undefined if `source` is undefined. */
  readonly destination?: HostPort | undefined;
  /**
   * The extensions, in the order of the header. Decoding verifies and omits the checksum, and omits
   * padding.
   *
   * @default none
   */
  readonly tlvs?: readonly ProxyTlv[];
}

/** Options of {@linkcode encodeProxyHeader}. */
export interface EncodeProxyHeaderOptions {
  /**
   * Whether to add a checksum to a header of version 2 (CRC-32C, §2.2.3).
   *
   * @default false
   */
  checksum?: boolean;
}

/** The result of {@linkcode decodeProxyHeader}. */
export interface DecodedProxyHeader {
  /** The decoded header. */
  readonly header: ProxyHeader;
  /** The length of the header in bytes. The data of the client begins after it. */
  readonly size: number;
}

const ENCODE = new OptionRules<EncodeProxyHeaderOptions>({ checksum: flag });

/** Maximum length of a line of version 1, with its CRLF (§2.1). */
const MAX_LINE = 107;
/** Maximum size of a header of version 2. The specification allows 65551 bytes. */
const MAX_SIZE = 4096;
const PREFIX = latin1("PROXY ");
const UNKNOWN = "PROXY UNKNOWN";
const SIGNATURE = new Uint8Array([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]);
/** Signature, version and command, family and transport, length. */
const FIXED = 16;
/** Size of both addresses in bytes, by family (§2.2): unspecified, IPv4, IPv6, Unix. */
const ADDRESSES = [0, 12, 36, 216];
const tlvType = integer(0, 255);
const STREAM = 1;
const CRC32C = 3;
const NOOP = 4;

/**
 * Encodes a header. A header without a source states that the client is unknown. If one address is
 * IPv4 and the other is IPv6, the IPv4 address is written as an IPv4-mapped IPv6 address.
 *
 * @param header The version, the addresses and the extensions.
 * @param options Whether to add a checksum.
 * @returns The bytes to send at the start of the connection.
 * @throws {TypeError} If an address is malformed, one of both is missing, an option is invalid, or a
 * header of version 1 has extensions, a checksum or the command LOCAL.
 * @throws {RangeError} If a version, port or type is out of range, or the header is longer than
 * 4096 bytes.
 *
 * @example A health check
 * ```ts
 * import { encodeProxyHeader } from "@portside/kit/net/proxy-protocol-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeProxyHeader({ version: 2, local: true });
 * assertEquals(bytes.toHex(), "0d0a0d0a000d0a515549540a20000000");
 * ```
 */
export function encodeProxyHeader(
  header: ProxyHeader,
  options: EncodeProxyHeaderOptions = {},
): Uint8Array<ArrayBuffer> {
  options = ENCODE.check("encodeProxyHeader", options);
  const { version, local = false, tlvs = [] } = header;
  const { checksum = false } = options;
  const ends = local ? undefined : endsOf(header);
  if (version === 2) return encodeBinary(local, ends, tlvs, checksum);
  if (version !== 1) throw optionError("version", "1 or 2", version);
  if (local || checksum || tlvs.length > 0) {
    throw new TypeError("Cannot encode version 1: LOCAL, extensions and checksums need version 2");
  }
  if (ends === undefined) return latin1(`${UNKNOWN}\r\n`);
  const [source, destination] = [ends.source, ends.destination].map(textOf);
  const family = ends.source.length === 4 ? "TCP4" : "TCP6";
  return latin1(
    `PROXY ${family} ${source} ${destination} ${ends.sourcePort} ${ends.destinationPort}\r\n`,
  );
}

/**
 * Decodes the header of either version at the start of a connection.
 *
 * @param bytes The received bytes, from the first byte of the connection on.
 * @returns The header and its length, or undefined while it is incomplete.
 * @throws {NetError} Of kind "protocol" if the bytes cannot become a valid header: another protocol,
 * a malformed field, a line of more than 107 bytes, a header of version 2 of more than 4096 bytes, a
 * wrong checksum.
 *
 * @example Byte by byte
 * ```ts
 * import { decodeProxyHeader } from "@portside/kit/net/proxy-protocol-codec";
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n");
 * assertEquals(decodeProxyHeader(bytes.subarray(0, 10)), undefined);
 * assertEquals(decodeProxyHeader(bytes)?.size, 15);
 * assertThrows(() => decodeProxyHeader(bytes.subarray(1)), NetError, "no PROXY header");
 * ```
 */
export function decodeProxyHeader(bytes: Uint8Array): DecodedProxyHeader | undefined {
  if (bytes.length === 0) return undefined;
  if (startsAs(bytes, SIGNATURE)) return decodeBinary(bytes);
  if (startsAs(bytes, PREFIX)) return decodeLine(bytes);
  throw malformed("no PROXY header");
}

/** The addresses of a header. Both are of one family. */
interface Ends {
  readonly source: AddressBytes;
  readonly sourcePort: number;
  readonly destination: AddressBytes;
  readonly destinationPort: number;
}

function endsOf({ source, destination }: ProxyHeader): Ends | undefined {
  if (source === undefined && destination === undefined) return undefined;
  if (source === undefined || destination === undefined) {
    throw new TypeError("Cannot encode source without destination, nor destination without source");
  }
  let [from, to] = [source, destination].map(bytesOf) as [AddressBytes, AddressBytes];
  if (from.length !== to.length) [from, to] = [mapped(from), mapped(to)];
  return {
    source: from,
    sourcePort: source.port,
    destination: to,
    destinationPort: destination.port,
  };
}

function bytesOf({ hostname, port }: HostPort): AddressBytes {
  const bytes = readAddressBytes(hostname);
  if (bytes === undefined) throw optionError("hostname", "an IP address", hostname);
  listenPort("port", port);
  return bytes;
}

/** Converts an IPv4 address to an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2). */
function mapped(bytes: AddressBytes): AddressBytes {
  return bytes.length === 16 ? bytes : [...new Array<number>(10).fill(0), 255, 255, ...bytes];
}

/** Writes an address for a line of version 1. */
function textOf(bytes: AddressBytes): string {
  const text = formatAddressBytes(bytes);
  return bytes.length === 16 && !text.includes(":") ? `::ffff:${text}` : text;
}

function encodeBinary(
  local: boolean,
  ends: Ends | undefined,
  tlvs: readonly ProxyTlv[],
  checksum: boolean,
): Uint8Array<ArrayBuffer> {
  // Without addresses, receivers ignore the rest of the header.
  if (ends === undefined && (tlvs.length > 0 || checksum)) {
    throw new TypeError("Cannot encode extensions or a checksum without source and destination");
  }
  const all = checksum ? [...tlvs, { type: CRC32C, value: new Uint8Array(4) }] : tlvs;
  const family = ends === undefined ? 0 : ends.source.length === 4 ? 1 : 2;
  const length = all.reduce((sum, { value }) => sum + 3 + value.length, ADDRESSES[family]!);
  if (FIXED + length > MAX_SIZE) {
    throw new RangeError(`Cannot encode ${FIXED + length} bytes: the maximum is ${MAX_SIZE}`);
  }
  const bytes = new Uint8Array(FIXED + length);
  const view = new DataView(bytes.buffer);
  bytes.set(SIGNATURE);
  bytes[12] = local ? 0x20 : 0x21;
  bytes[13] = family === 0 ? 0 : family << 4 | STREAM;
  view.setUint16(14, length);
  if (ends === undefined) return bytes;
  const size = ends.source.length;
  bytes.set(ends.source, FIXED);
  bytes.set(ends.destination, FIXED + size);
  view.setUint16(FIXED + 2 * size, ends.sourcePort);
  view.setUint16(FIXED + 2 * size + 2, ends.destinationPort);
  let at = FIXED + ADDRESSES[family]!;
  for (const { type, value } of all) {
    tlvType("type", type);
    bytes[at] = type;
    view.setUint16(at + 1, value.length);
    bytes.set(value, at + 3);
    at += 3 + value.length;
  }
  if (checksum) view.setUint32(at - 4, crc32c(bytes));
  return bytes;
}

function decodeBinary(bytes: Uint8Array): DecodedProxyHeader | undefined {
  // Reject a wrong field as soon as it has arrived.
  if (bytes.length > 12 && bytes[12] !== 0x20 && bytes[12] !== 0x21) {
    throw malformed("an unknown version or command");
  }
  const family = (bytes[13] ?? 0) >> 4;
  const transport = (bytes[13] ?? 0) & 15;
  const local = bytes[12] === 0x20;
  // The family of LOCAL is ignored (§2.2).
  if (!local && (family > 3 || transport > 2)) throw malformed("an unknown family or transport");
  if (bytes.length < FIXED) return undefined;
  const size = FIXED + bytes[14]! * 256 + bytes[15]!;
  if (size > MAX_SIZE) throw malformed(`more than ${MAX_SIZE} bytes`);
  const start = FIXED + ADDRESSES[family]!;
  if (!local && size < start) throw malformed("too short for its addresses");
  if (bytes.length < size) return undefined;
  const header = bytes.subarray(0, size);
  if (local) return { header: { version: 2, local, tlvs: [] }, size };
  // The format of the addresses of an unspecified family is unknown.
  const tlvs = family === 0 ? [] : decodeTlvs(header, start);
  if (transport !== STREAM || family === 0 || family === 3) {
    return { header: { version: 2, local, tlvs }, size };
  }
  const width = family === 1 ? 4 : 16;
  const end = (index: 0 | 1): HostPort => {
    const at = FIXED + index * width;
    const portAt = FIXED + 2 * width + 2 * index;
    return {
      hostname: formatAddressBytes(header.subarray(at, at + width)),
      port: header[portAt]! * 256 + header[portAt + 1]!,
    };
  };
  return { header: { version: 2, local, source: end(0), destination: end(1), tlvs }, size };
}

function decodeTlvs(header: Uint8Array, start: number): ProxyTlv[] {
  const tlvs: ProxyTlv[] = [];
  let checked = false;
  for (let at = start; at < header.length;) {
    const valueAt = at + 3;
    const next = valueAt + (header[at + 1] ?? 0) * 256 + (header[at + 2] ?? 0);
    if (next > header.length) throw malformed("an extension that goes beyond it");
    const type = header[at]!;
    if (type === CRC32C) {
      // Only one checksum is accepted, because each costs a pass over the header.
      if (checked || next - valueAt !== 4) throw malformed("a malformed checksum");
      checked = true;
      checkSum(header, valueAt);
    } else if (type !== NOOP) tlvs.push({ type, value: header.slice(valueAt, next) });
    at = next;
  }
  return tlvs;
}

/** Verifies the checksum. Its own bytes count as zeros (§2.2.3). */
function checkSum(header: Uint8Array, at: number): void {
  const zeroed = header.slice();
  zeroed.fill(0, at, at + 4);
  const sum = new DataView(header.buffer, header.byteOffset + at).getUint32(0);
  if (crc32c(zeroed) !== sum) throw malformed("a wrong checksum");
}

function decodeLine(bytes: Uint8Array): DecodedProxyHeader | undefined {
  const most = bytes.subarray(0, MAX_LINE);
  const lf = most.indexOf(10);
  if (lf === -1) {
    if (bytes.length >= MAX_LINE) throw malformed(`a line of more than ${MAX_LINE} bytes`);
    return undefined;
  }
  const line = String.fromCharCode(...most.subarray(0, lf));
  // Other programs may take a CR elsewhere or a bare LF for the end of the line.
  if (line.indexOf("\r") !== lf - 1) throw malformed("a malformed line");
  return { header: readLine(line.slice(0, -1)), size: lf + 1 };
}

function readLine(line: string): ProxyHeader {
  // The rest of the line after UNKNOWN is ignored (§2.1).
  if (line === UNKNOWN || line.startsWith(`${UNKNOWN} `)) {
    return { version: 1, local: false, tlvs: [] };
  }
  const [, family, ...words] = line.split(" ");
  const [from = "", to = "", fromPort = "", toPort = ""] = words;
  if (words.length !== 4 || (family !== "TCP4" && family !== "TCP6")) {
    throw malformed("a malformed line");
  }
  const source = { hostname: readHost(family, from), port: readPort(fromPort) };
  const destination = { hostname: readHost(family, to), port: readPort(toPort) };
  return { version: 1, local: false, source, destination, tlvs: [] };
}

function readHost(family: "TCP4" | "TCP6", text: string): string {
  const bytes = text.includes(":") === (family === "TCP6") ? readAddressBytes(text) : undefined;
  if (bytes === undefined) throw malformed("a malformed address");
  return formatAddressBytes(bytes);
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || port > 65535) throw malformed("a malformed port");
  return port;
}

/** Returns whether the bytes are the beginning of `start`, or begin with it. */
function startsAs(bytes: Uint8Array, start: Uint8Array): boolean {
  const most = Math.min(bytes.length, start.length);
  for (let i = 0; i < most; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

/** Returns the error for a malformed header. It does not quote the peer. */
function malformed(what: string): NetError {
  return new NetError(`Cannot read the header of the PROXY protocol: ${what}`, {
    kind: "protocol",
    phase: "handshake",
  });
}

let table: Uint32Array | undefined;

/** Computes the checksum CRC-32C of RFC 9260 Appendix A. */
function crc32c(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? rest >>> 1 ^ 0x82f63b78 : rest >>> 1;
    return rest;
  });
  let sum = 0xffffffff;
  for (const byte of bytes) sum = table[(sum ^ byte) & 255]! ^ sum >>> 8;
  return ~sum >>> 0;
}

function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
