/** Reads and writes the options of EDNS. */

import { integer, optionError } from "../internal/options.ts";
import type { DnsClientSubnet, DnsExtension, DnsOption } from "./extension.ts";
import { checkOctets, ipv4Bytes, ipv6, ipv6Bytes, uint16 } from "./_fields.ts";
import { DnsReader, type DnsWriter } from "./_name.ts";
import { octetsOf, textsOf } from "./_octets.ts";

const NSID = 3;
const CLIENT_SUBNET = 8;
const COOKIE = 10;
const PADDING = 12;
const EXTENDED_ERROR = 15;

const CLIENT_COOKIE = 8;
const SERVER_COOKIE = { least: 8, most: 32 };

type Draft = { -readonly [K in keyof DnsExtension]: DnsExtension[K] };

/** Reads the extension from the class, the TTL and the content of its record (RFC 6891 §6.1). */
export function readExtension(udpSize: number, flags: number, content: DnsReader): DnsExtension {
  const found: Draft = { udpSize, dnssec: (flags & 0x8000) !== 0 };
  const version = flags >> 16 & 0xff;
  if (version > 0) found.version = version;
  const errors: { code: number; text: string }[] = [];
  const others: DnsOption[] = [];
  while (content.at < content.end) {
    const code = content.uint16();
    const option = content.part(content.uint16());
    if (code === EXTENDED_ERROR && option.end - option.at >= 2) {
      errors.push(readError(option));
    } else if (!readOption(code, option, found)) others.push({ code, data: option.rest() });
  }
  if (errors.length > 0) found.errors = errors;
  if (others.length > 0) found.others = others;
  return found;
}

function readError(option: DnsReader): { code: number; text: string } {
  const code = option.uint16();
  const { texts: [text = ""] } = textsOf([option.rest()]);
  // Some servers end the text with a zero octet (RFC 8914 §2).
  return { code, text: text.replace(/\0$/, "") };
}

/** Reads an option. Returns false, and reads nothing, if no field can hold it. */
function readOption(code: number, option: DnsReader, found: Draft): boolean {
  const length = option.end - option.at;
  if (code === NSID && found.nsid === undefined) {
    found.nsid = option.rest();
    return true;
  }
  if (code === PADDING && found.padding === undefined) {
    found.padding = option.rest().length;
    return true;
  }
  if (code === COOKIE && found.cookie === undefined) {
    const server = length - CLIENT_COOKIE;
    if (server === 0) found.cookie = { client: option.take(CLIENT_COOKIE) };
    else if (server >= SERVER_COOKIE.least && server <= SERVER_COOKIE.most) {
      found.cookie = { client: option.take(CLIENT_COOKIE), server: option.rest() };
    } else return false;
    return true;
  }
  if (code === CLIENT_SUBNET && found.clientSubnet === undefined) {
    const subnet = readSubnet(option);
    if (subnet !== undefined) found.clientSubnet = subnet;
    return subnet !== undefined;
  }
  return false;
}

const BITS: Readonly<Record<number, number>> = { 1: 32, 2: 128 };

function readSubnet(option: DnsReader): DnsClientSubnet | undefined {
  const start = option.at;
  const length = option.end - start;
  if (length < 4) return undefined;
  const family = option.uint16();
  const sourcePrefix = option.uint8();
  const scopePrefix = option.uint8();
  const bits = BITS[family] ?? 0;
  if (bits === 0 || sourcePrefix > bits || length - 4 !== Math.ceil(sourcePrefix / 8)) {
    option.at = start;
    return undefined;
  }
  const octets = new Uint8Array(bits / 8);
  octets.set(option.rest());
  const address = bits === 32 ? octets.join(".") : ipv6.read(new DnsReader(octets));
  return { address, sourcePrefix, scopePrefix };
}

/** Writes the extension after the type of its record. */
export function writeExtension(
  extension: DnsExtension,
  extendedCode: number,
  writer: DnsWriter,
): void {
  const { udpSize, dnssec, version = 0, errors = [], nsid, cookie, clientSubnet } = extension;
  const { padding, others = [] } = extension;
  uint16.write(udpSize, writer, "udpSize");
  writer.uint8(extendedCode);
  writer.uint8(version);
  writer.uint16(dnssec ? 0x8000 : 0);
  const option = (code: number, write: () => void) => {
    uint16.write(code, writer, "code");
    writer.sized(write);
  };
  writer.sized(() => {
    for (const { code, text } of errors) {
      option(EXTENDED_ERROR, () => {
        uint16.write(code, writer, "code");
        writer.put(octetsOf(text));
      });
    }
    if (nsid !== undefined) option(NSID, () => writer.put(checkOctets("nsid", nsid)));
    if (cookie !== undefined) {
      checkCookie(cookie.client, cookie.server);
      option(COOKIE, () => {
        writer.put(cookie.client);
        if (cookie.server !== undefined) writer.put(cookie.server);
      });
    }
    if (clientSubnet !== undefined) option(CLIENT_SUBNET, () => writeSubnet(clientSubnet, writer));
    for (const { code, data } of others) {
      option(code, () => writer.put(checkOctets("data", data)));
    }
    if (padding !== undefined) {
      integer(0, 0xffff)("padding", padding);
      option(PADDING, () => writer.put(new Uint8Array(padding)));
    }
  });
}

function checkCookie(client: Uint8Array, server: Uint8Array | undefined): void {
  if (checkOctets("cookie.client", client).length !== CLIENT_COOKIE) {
    throw optionError("cookie.client", `${CLIENT_COOKIE} octets`, client);
  }
  if (server === undefined) return;
  const { length } = checkOctets("cookie.server", server);
  const { least, most } = SERVER_COOKIE;
  if (length < least || length > most) {
    throw optionError("cookie.server", `${least} to ${most} octets`, server);
  }
}

function writeSubnet(subnet: DnsClientSubnet, writer: DnsWriter): void {
  const { address, sourcePrefix, scopePrefix } = subnet;
  const octets = address.includes(":") ? ipv6Bytes(address) : ipv4Bytes(address);
  const bits = octets.length * 8;
  integer(0, bits)("sourcePrefix", sourcePrefix);
  integer(0, bits)("scopePrefix", scopePrefix);
  writer.uint16(octets.length === 4 ? 1 : 2);
  writer.uint8(sourcePrefix);
  writer.uint8(scopePrefix);
  // The bits after the prefix must be 0 (RFC 7871 §6).
  const part = octets.slice(0, Math.ceil(sourcePrefix / 8));
  if (sourcePrefix % 8 > 0) part[part.length - 1]! &= 0xff << 8 - sourcePrefix % 8;
  writer.put(part);
}
