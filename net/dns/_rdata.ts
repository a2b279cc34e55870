/** The types of records: their numbers (IANA), and the formats of their data. */

import { optionError } from "../internal/options.ts";
import {
  base64Rest,
  compressedName,
  type Field,
  fields,
  type Format,
  hash,
  hexRest,
  ipv4,
  ipv6,
  salt,
  time,
  typeMap,
  uint16,
  uint32,
  uint8,
  wholeName,
} from "./_fields.ts";
import { LOC } from "./_location.ts";
import { type DnsReader, type DnsWriter, malformed } from "./_name.ts";
import { SVCB } from "./_service.ts";
import { CAA, HINFO, NAPTR, TXT, URI } from "./_texts.ts";
import type { DnsData, DnsKnownData, DnsType } from "./record_types.ts";

type Known = DnsKnownData["type"];

/** The data of a known type. */
type DataOf<T, D = DnsKnownData> = D extends { readonly type: infer U } ? T extends U ? D : never
  : never;

const covered: Field<DnsType> = {
  read: (reader) => typeName(reader.uint16()),
  write: (value, writer) => writer.uint16(numberOf(value)),
  text: (value) => value,
};
const types = typeMap(typeName, numberOf);
const target = fields<DataOf<"PTR">>({ target: compressedName });
const key = fields<DataOf<"DNSKEY">>({
  flags: uint16,
  protocol: uint8,
  algorithm: uint8,
  publicKey: base64Rest,
});
const delegation = fields<DataOf<"DS">>({
  keyTag: uint16,
  algorithm: uint8,
  digestType: uint8,
  digest: hexRest,
});
const tlsa = fields<DataOf<"TLSA">>({
  usage: uint8,
  selector: uint8,
  matchingType: uint8,
  data: hexRest,
});

const FORMATS: { readonly [T in Known]: readonly [number, Format<DataOf<T>>] } = {
  A: [1, fields<DataOf<"A">>({ address: ipv4 })],
  NS: [2, target],
  CNAME: [5, target],
  SOA: [
    6,
    fields<DataOf<"SOA">>({
      primary: compressedName,
      mailbox: compressedName,
      serial: uint32,
      refresh: uint32,
      retry: uint32,
      expire: uint32,
      minimum: uint32,
    }),
  ],
  PTR: [12, target],
  HINFO: [13, HINFO],
  MX: [15, fields<DataOf<"MX">>({ preference: uint16, exchange: compressedName })],
  TXT: [16, TXT],
  AAAA: [28, fields<DataOf<"AAAA">>({ address: ipv6 })],
  LOC: [29, LOC],
  SRV: [
    33,
    fields<DataOf<"SRV">>({ priority: uint16, weight: uint16, port: uint16, target: wholeName }),
  ],
  NAPTR: [35, NAPTR],
  CERT: [
    37,
    fields<DataOf<"CERT">>({
      certificateType: uint16,
      keyTag: uint16,
      algorithm: uint8,
      certificate: base64Rest,
    }),
  ],
  DNAME: [39, fields<DataOf<"DNAME">>({ target: wholeName })],
  DS: [43, delegation],
  SSHFP: [
    44,
    fields<DataOf<"SSHFP">>({ algorithm: uint8, fingerprintType: uint8, fingerprint: hexRest }),
  ],
  RRSIG: [
    46,
    fields<DataOf<"RRSIG">>({
      covered,
      algorithm: uint8,
      labels: uint8,
      originalTtl: uint32,
      expiration: time,
      inception: time,
      keyTag: uint16,
      signer: wholeName,
      signature: base64Rest,
    }),
  ],
  NSEC: [47, fields<DataOf<"NSEC">>({ next: wholeName, types })],
  DNSKEY: [48, key],
  NSEC3: [
    50,
    fields<DataOf<"NSEC3">>({
      algorithm: uint8,
      flags: uint8,
      iterations: uint16,
      salt,
      next: hash,
      types,
    }),
  ],
  NSEC3PARAM: [
    51,
    fields<DataOf<"NSEC3PARAM">>({ algorithm: uint8, flags: uint8, iterations: uint16, salt }),
  ],
  TLSA: [52, tlsa],
  SMIMEA: [53, tlsa],
  CDS: [59, delegation],
  CDNSKEY: [60, key],
  OPENPGPKEY: [61, fields<DataOf<"OPENPGPKEY">>({ publicKey: base64Rest })],
  SVCB: [64, SVCB],
  HTTPS: [65, SVCB],
  URI: [256, URI],
  CAA: [257, CAA],
};

/** The types that are known by name. */
export const KNOWN_TYPES: readonly Known[] = Object.keys(FORMATS) as Known[];

const NAMES = new Map(KNOWN_TYPES.map((name) => [FORMATS[name][0], name]));

/** Returns the name of a type, for example `A`, or `TYPE99` for an unknown one (RFC 3597 §5). */
export function typeName(type: number): DnsType {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** Returns the number of a type. */
export function numberOf(type: DnsType): number {
  const number = /^TYPE(\d{1,5})$/.exec(type)?.[1];
  const found = number !== undefined
    ? Number(number)
    : Object.hasOwn(FORMATS, type)
    ? FORMATS[type as Known][0]
    : undefined;
  if (found !== undefined && found <= 0xffff) return found;
  throw optionError("type", 'a type of records, such as "MX" or "TYPE15"', type);
}

/** Returns the format of a type, or undefined for one without a name. */
function formatOf(type: DnsType): Format<DnsKnownData> | undefined {
  // Each type has the format of its own data, which the compiler cannot follow here.
  return Object.hasOwn(FORMATS, type)
    ? FORMATS[type as Known][1] as unknown as Format<DnsKnownData>
    : undefined;
}

/** Reads the data of a record. Malformed data throws if `strict`; else it is that of an unknown type. */
export function readData(number: number, reader: DnsReader, strict: boolean): DnsData {
  const format = formatOf(typeName(number));
  const start = reader.at;
  if (format !== undefined) {
    try {
      return readKnown(typeName(number), format, reader);
    } catch (error) {
      if (strict) throw error;
    }
  }
  reader.at = start;
  return { type: `TYPE${number}`, data: reader.rest() };
}

function readKnown(type: DnsType, format: Format<DnsKnownData>, reader: DnsReader): DnsKnownData {
  const data = format.read(reader);
  if (reader.at !== reader.end) throw malformed(`a record ${type} is longer than its content`);
  return { type, ...data } as DnsKnownData;
}

/** Writes the data of a record. */
export function writeData(record: DnsData, writer: DnsWriter): void {
  const format = formatOf(record.type);
  if (format !== undefined) format.write(record as DnsKnownData, writer);
  else if ("data" in record) writer.put(record.data);
}

/** Returns the data of a record as in a zone file. Names have no dot at their end. */
export function dataText(record: DnsData): string {
  const format = formatOf(record.type);
  if (format !== undefined) return format.text(record as DnsKnownData);
  const { data } = record as Extract<DnsData, { readonly type: `TYPE${number}` }>;
  // The form for unknown types (RFC 3597 §5).
  return `\\# ${data.length} ${data.toHex()}`.trimEnd();
}
