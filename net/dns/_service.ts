/** The format of service bindings (RFC 9460). */

import { optionError } from "../internal/options.ts";
import { type Format, ipv4, ipv4Bytes, ipv6, ipv6Bytes, readAll, uint16 } from "./_fields.ts";
import { type DnsReader, type DnsWriter, malformed } from "./_name.ts";
import { exactText, octetsOf, quoteOctets, wordOrQuoted } from "./_octets.ts";
import { readShort, writeShort } from "./_texts.ts";
import type { DnsKnownData, DnsOctets, DnsServiceParameters } from "./record_types.ts";

/** The numbers of the parameters that are known by name (IANA). */
const KEYS = [
  ...["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath"],
  "ohttp",
];

function keyName(key: number): string {
  return KEYS[key] ?? `key${key}`;
}

function keyNumber(name: string): number {
  const known = KEYS.indexOf(name);
  const number = known !== -1 ? known : Number(/^key(\d{1,5})$/.exec(name)?.[1] ?? NaN);
  if (number <= 0xffff) return number;
  throw optionError("mandatory", 'names of parameters, such as "alpn" or "key99"', name);
}

type Draft = { -readonly [K in keyof DnsServiceParameters]: DnsServiceParameters[K] };

/** Reads the parameters (RFC 9460 §2.2 and §7). */
function readParameters(reader: DnsReader): DnsServiceParameters {
  const found: Draft = {};
  const others: Record<number, DnsOctets> = {};
  let last = -1;
  while (reader.at < reader.end) {
    const key = reader.uint16();
    if (key <= last) throw malformed("the parameters of a service are not in their order");
    last = key;
    const value = reader.part(reader.uint16());
    const start = value.at;
    if (!readParameter(key, value, found)) {
      value.at = start;
      others[key] = value.rest();
    }
    if (value.at !== value.end) throw malformed("a parameter of a service is too long");
  }
  if (Object.keys(others).length > 0) found.others = others;
  return found;
}

/** Reads the value of one parameter. Returns false if no field can hold it. */
function readParameter(key: number, value: DnsReader, found: Draft): boolean {
  switch (keyName(key)) {
    case "mandatory":
      found.mandatory = readAll(value, () => keyName(value.uint16()));
      return true;
    case "alpn": {
      const names = readShort(value);
      if (names !== undefined) found.alpn = names;
      return names !== undefined;
    }
    case "no-default-alpn":
      found.noDefaultAlpn = true;
      return true;
    case "port":
      found.port = value.uint16();
      return true;
    case "ipv4hint":
      found.ipv4 = readAll(value, () => ipv4.read(value));
      return true;
    case "ech":
      found.ech = value.rest();
      return true;
    case "ipv6hint":
      found.ipv6 = readAll(value, () => ipv6.read(value));
      return true;
    case "dohpath": {
      const path = exactText(value.rest());
      if (path !== undefined) found.dohPath = path;
      return path !== undefined;
    }
    case "ohttp":
      found.ohttp = true;
      return true;
    default:
      return false;
  }
}

function writeParameters(parameters: DnsServiceParameters, writer: DnsWriter): void {
  const { mandatory, alpn, noDefaultAlpn, port, ipv4, ech, ipv6, dohPath, ohttp } = parameters;
  const all = new Map<number, () => void>();
  if (mandatory) {
    const keys = mandatory.map(keyNumber).sort((a, b) => a - b);
    all.set(0, () => keys.forEach((key) => writer.uint16(key)));
  }
  if (alpn) all.set(1, () => writeShort(alpn, writer));
  if (noDefaultAlpn) all.set(2, () => {});
  if (port !== undefined) all.set(3, () => uint16.write(port, writer, "port"));
  if (ipv4) all.set(4, () => ipv4.forEach((address) => writer.put(ipv4Bytes(address))));
  if (ech) all.set(5, () => writer.put(ech));
  if (ipv6) all.set(6, () => ipv6.forEach((address) => writer.put(ipv6Bytes(address))));
  if (dohPath !== undefined) all.set(7, () => writer.put(octetsOf(dohPath)));
  if (ohttp) all.set(8, () => {});
  for (const [key, value] of Object.entries(parameters.others ?? {})) {
    all.set(Number(key), () => writer.put(value));
  }
  for (const [key, write] of [...all].sort(([a], [b]) => a - b)) {
    writer.uint16(key);
    writer.sized(write);
  }
}

/** Writes a list as one value: commas and backslashes within an item are escaped (RFC 9460 §A.1). */
function listText(items: readonly string[]): string {
  return wordOrQuoted(octetsOf(items.map((item) => item.replace(/[\\,]/g, "\\$&")).join(",")));
}

function parametersText(parameters: DnsServiceParameters): string[] {
  const { mandatory, alpn, noDefaultAlpn, port, ipv4, ech, ipv6, dohPath, ohttp } = parameters;
  const all = new Map<number, string | undefined>();
  if (mandatory) all.set(0, mandatory.join(","));
  if (alpn) all.set(1, listText(alpn));
  if (noDefaultAlpn) all.set(2, undefined);
  if (port !== undefined) all.set(3, String(port));
  if (ipv4) all.set(4, ipv4.join(","));
  if (ech) all.set(5, ech.toBase64());
  if (ipv6) all.set(6, ipv6.join(","));
  if (dohPath !== undefined) all.set(7, wordOrQuoted(octetsOf(dohPath)));
  if (ohttp) all.set(8, undefined);
  for (const [key, value] of Object.entries(parameters.others ?? {})) {
    all.set(Number(key), value.length === 0 ? undefined : quoteOctets(value));
  }
  return [...all].sort(([a], [b]) => a - b)
    .map(([key, value]) => value === undefined ? keyName(key) : `${keyName(key)}=${value}`);
}

type Service = Extract<DnsKnownData, { readonly parameters: DnsServiceParameters }>;

export const SVCB: Format<Service> = {
  read: (reader) => ({
    priority: reader.uint16(),
    target: reader.name(),
    parameters: readParameters(reader),
  }),
  write({ priority, target, parameters }, writer) {
    uint16.write(priority, writer, "priority");
    writer.name(target, false);
    writeParameters(parameters, writer);
  },
  text: ({ priority, target, parameters }) =>
    [priority, target, ...parametersText(parameters)].join(" "),
};
