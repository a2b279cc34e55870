import { optionError } from "../internal/options.ts";
import { type DnsReader, type DnsWriter, malformed } from "./_name.ts";
import type { DnsRecord, DnsServiceParameters } from "./record.ts";

/** Numbers of the types that are known by name (IANA). */
export const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  HTTPS: 65,
  CAA: 257,
};

const NAMES = new Map(Object.entries(TYPES).map(([name, number]) => [number, name]));

/** Returns the name of a type, for example `A`, or `TYPE99` for an unknown one (RFC 3597 §5). */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** Returns the number of a type, or undefined if the name is invalid. */
export function typeNumber(name: string): number | undefined {
  const number = /^TYPE(\d{1,5})$/.exec(name)?.[1];
  const found = number === undefined ? TYPES[name] : Number(number);
  return found !== undefined && found <= 0xffff ? found : undefined;
}

type Data = DnsRecord extends infer R ? R extends DnsRecord ? Omit<R, "name" | "ttl"> : never
  : never;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Reads the data of a record of the given type. */
export function readData(type: number, reader: DnsReader): Data {
  const data = readKnown(typeName(type), reader);
  if (data === undefined) {
    return { type: `TYPE${type}`, data: reader.take(reader.end - reader.at) };
  }
  if (reader.at !== reader.end) throw malformed(`a record ${data.type} is longer than its content`);
  return data;
}

function readKnown(type: string, reader: DnsReader): Data | undefined {
  switch (type) {
    case "A":
      return { type, address: reader.take(4).join(".") };
    case "AAAA":
      return { type, address: readIPv6(reader) };
    case "NS":
    case "CNAME":
    case "PTR":
      return { type, target: reader.name() };
    case "MX":
      return { type, preference: reader.uint16(), exchange: reader.name() };
    case "SRV":
      return {
        type,
        priority: reader.uint16(),
        weight: reader.uint16(),
        port: reader.uint16(),
        target: reader.name(),
      };
    case "SOA":
      return {
        type,
        primary: reader.name(),
        mailbox: reader.name(),
        serial: reader.uint32(),
        refresh: reader.uint32(),
        retry: reader.uint32(),
        expire: reader.uint32(),
        minimum: reader.uint32(),
      };
    case "TXT": {
      const texts: string[] = [];
      while (reader.at < reader.end) texts.push(decoder.decode(reader.take(reader.uint8())));
      return { type, texts };
    }
    case "CAA": {
      const flags = reader.uint8();
      const tag = decoder.decode(reader.take(reader.uint8()));
      return { type, flags, tag, value: decoder.decode(reader.take(reader.end - reader.at)) };
    }
    case "HTTPS":
      return {
        type,
        priority: reader.uint16(),
        target: reader.name(),
        parameters: readParameters(reader),
      };
    default:
      return undefined;
  }
}

/** Reads the parameters of a service (RFC 9460 §2.2 and §7). */
function readParameters(reader: DnsReader): DnsServiceParameters {
  const found: { -readonly [K in keyof DnsServiceParameters]: DnsServiceParameters[K] } = {};
  const others: Record<number, Uint8Array<ArrayBuffer>> = {};
  let last = -1;
  while (reader.at < reader.end) {
    const key = reader.uint16();
    if (key <= last) throw malformed("the parameters of a record HTTPS are not in their order");
    last = key;
    const value = reader.part(reader.uint16());
    const list = <T>(read: () => T): T[] => {
      const all: T[] = [];
      while (value.at < value.end) all.push(read());
      return all;
    };
    if (key === 1) found.alpn = list(() => decoder.decode(value.take(value.uint8())));
    else if (key === 2) found.noDefaultAlpn = true;
    else if (key === 3) found.port = value.uint16();
    else if (key === 4) found.ipv4 = list(() => value.take(4).join("."));
    else if (key === 6) found.ipv6 = list(() => readIPv6(value));
    else others[key] = value.take(value.end - value.at);
    if (value.at !== value.end) throw malformed("a parameter of a record HTTPS is too long");
  }
  if (Object.keys(others).length > 0) found.others = others;
  return found;
}

function readIPv6(reader: DnsReader): string {
  const groups = Array.from({ length: 8 }, () => reader.uint16().toString(16));
  return URL.parse(`http://[${groups.join(":")}]/`)?.hostname.slice(1, -1) ?? groups.join(":");
}

/** Writes the data of a record. */
export function writeData(record: DnsRecord, writer: DnsWriter): void {
  switch (record.type) {
    case "A":
      return writer.put(ipv4Bytes(record.address));
    case "AAAA":
      return writer.put(ipv6Bytes(record.address));
    case "NS":
    case "CNAME":
    case "PTR":
      return writer.name(record.target, true);
    case "MX":
      writer.uint16(record.preference);
      return writer.name(record.exchange, true);
    case "SRV":
      writer.uint16(record.priority);
      writer.uint16(record.weight);
      writer.uint16(record.port);
      return writer.name(record.target, false);
    case "SOA":
      writer.name(record.primary, true);
      writer.name(record.mailbox, true);
      for (const key of ["serial", "refresh", "retry", "expire", "minimum"] as const) {
        writer.uint32(record[key]);
      }
      return;
    case "TXT":
      for (const text of record.texts) short(text, writer);
      return;
    case "CAA":
      writer.uint8(record.flags);
      short(record.tag, writer);
      return writer.put(encoder.encode(record.value));
    case "HTTPS":
      writer.uint16(record.priority);
      writer.name(record.target, false);
      return writeParameters(record.parameters, writer);
    default:
      return writer.put(record.data);
  }
}

function writeParameters(parameters: DnsServiceParameters, writer: DnsWriter): void {
  const { alpn, noDefaultAlpn, port, ipv4, ipv6, others = {} } = parameters;
  const all = new Map<number, () => void>(
    Object.entries(others).map(([key, value]) => [Number(key), () => writer.put(value)]),
  );
  if (alpn) all.set(1, () => alpn.forEach((name) => short(name, writer)));
  if (noDefaultAlpn) all.set(2, () => {});
  if (port !== undefined) all.set(3, () => writer.uint16(port));
  if (ipv4) all.set(4, () => ipv4.forEach((address) => writer.put(ipv4Bytes(address))));
  if (ipv6) all.set(6, () => ipv6.forEach((address) => writer.put(ipv6Bytes(address))));
  for (const [key, write] of [...all].sort(([a], [b]) => a - b)) {
    writer.uint16(key);
    writer.sized(write);
  }
}

/** Writes a text of up to 255 octets after its length. */
function short(text: string, writer: DnsWriter): void {
  const bytes = encoder.encode(text);
  if (bytes.length > 255) {
    throw new RangeError(`Cannot write a text of ${bytes.length} octets: the maximum is 255`);
  }
  writer.uint8(bytes.length);
  writer.put(bytes);
}

/** Returns the octets of an IPv4 address. */
export function ipv4Bytes(address: string): Uint8Array {
  const parts = address.split(".").map((part) => /^\d{1,3}$/.test(part) ? Number(part) : 256);
  if (parts.length === 4 && parts.every((part) => part < 256)) return Uint8Array.from(parts);
  throw optionError("address", "an IPv4 address", address);
}

/** Returns the octets of an IPv6 address. */
export function ipv6Bytes(address: string): Uint8Array {
  const short = /^[\da-f:.]+$/i.test(address)
    ? URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1)
    : undefined;
  if (short === undefined) {
    throw optionError("address", "an IPv6 address", address);
  }
  const [left = "", right] = short.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const tail = groups(right ?? "");
  const head = groups(left);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return Uint8Array.from(
    [...head, ...zeros, ...tail].map((group) => parseInt(group, 16))
      .flatMap((group) => [group >> 8, group & 0xff]),
  );
}
