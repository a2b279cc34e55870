/** The fields of which the data of most records consists: how to read, write and show each. */

import { integer, optionError } from "../internal/options.ts";
import { type DnsReader, type DnsWriter, malformed } from "./_name.ts";
import type { DnsData, DnsOctets } from "./record_types.ts";

/** One field of a record. */
export interface Field<V> {
  read(reader: DnsReader): V;
  /** Writes a value; `name` is the name of the field for errors. */
  write(value: V, writer: DnsWriter, name: string): void;
  /** Returns the value as in a zone file. */
  text(value: V): string;
}

/** The data of one type of records. */
export interface Format<D> {
  read(reader: DnsReader): Omit<D, "type">;
  write(data: D, writer: DnsWriter): void;
  /** Returns the data as in a zone file. */
  text(data: D): string;
}

/** Returns the format of data with these fields, in this order. */
export function fields<D extends DnsData>(
  parts: { readonly [K in Exclude<keyof D, "type">]-?: Field<D[K]> },
): Format<D> {
  const list = Object.entries(parts) as [keyof D & string, Field<unknown>][];
  return {
    read: (reader) =>
      Object.fromEntries(list.map(([name, field]) => [name, field.read(reader)])) as Omit<
        D,
        "type"
      >,
    write(data, writer) {
      for (const [name, field] of list) field.write(data[name], writer, name);
    },
    text: (data) => list.map(([name, field]) => field.text(data[name])).join(" "),
  };
}

function unsigned(bits: 8 | 16 | 32): Field<number> {
  const check = integer(0, 2 ** bits - 1);
  return {
    read: (reader) => reader[`uint${bits}`](),
    write(value, writer, name) {
      check(name, value);
      writer[`uint${bits}`](value);
    },
    text: String,
  };
}

export const uint8: Field<number> = unsigned(8);
export const uint16: Field<number> = unsigned(16);
export const uint32: Field<number> = unsigned(32);

function nameField(compress: boolean): Field<string> {
  return {
    read: (reader) => reader.name(),
    write: (value, writer) => writer.name(value, compress),
    text: (value) => value,
  };
}

/** A name that may be compressed. Only those of the types of RFC 1035 may (RFC 3597 §4). */
export const compressedName: Field<string> = nameField(true);
/** A name that may not be compressed. */
export const wholeName: Field<string> = nameField(false);

/** Returns a field of octets up to the end of the record. */
function rest(text: (octets: Uint8Array) => string): Field<DnsOctets> {
  return {
    read: (reader) => reader.rest(),
    write: (value, writer, name) => writer.put(checkOctets(name, value)),
    text,
  };
}

/** Octets up to the end of the record, shown in hexadecimal. */
export const hexRest: Field<DnsOctets> = rest(upperHex);
/** Octets up to the end of the record, shown in base64. */
export const base64Rest: Field<DnsOctets> = rest((octets) => octets.toBase64());

/** Returns a field of up to 255 octets after their number. */
function counted(text: (octets: Uint8Array) => string): Field<DnsOctets> {
  return {
    read: (reader) => reader.take(reader.uint8()),
    write: (value, writer, name) => writer.short(checkOctets(name, value)),
    text,
  };
}

/** The salt of hashed names: up to 255 octets (RFC 5155 §3.3). */
export const salt: Field<DnsOctets> = counted((octets) =>
  octets.length === 0 ? "-" : upperHex(octets)
);
/** A hashed name, shown in base32 with the extended hex alphabet (RFC 4648 §7). */
export const hash: Field<DnsOctets> = counted(base32Hex);

/** A time in seconds since 1970 modulo 2^32, shown as `YYYYMMDDHHmmSS` (RFC 4034 §3.2). */
export const time: Field<number> = {
  ...uint32,
  text: (value) => new Date(value * 1000).toISOString().replace(/\.\d+|\D/g, ""),
};

/** An IPv4 address. */
export const ipv4: Field<string> = {
  read: (reader) => reader.take(4).join("."),
  write: (value, writer) => writer.put(ipv4Bytes(value)),
  text: (value) => value,
};

/** An IPv6 address. */
export const ipv6: Field<string> = {
  read(reader) {
    const groups = Array.from({ length: 8 }, () => reader.uint16().toString(16));
    return URL.parse(`http://[${groups.join(":")}]/`)?.hostname.slice(1, -1) ?? groups.join(":");
  },
  write: (value, writer) => writer.put(ipv6Bytes(value)),
  text: (value) => value,
};

function upperHex(octets: Uint8Array): string {
  return octets.toHex().toUpperCase();
}

const BASE32 = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

function base32Hex(octets: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of octets) {
    held = (held << 8 | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[held >> (bits - 5) & 31];
  }
  return bits === 0 ? text : text + BASE32[held << (5 - bits) & 31];
}

/** Returns the octets, or throws if the value is none. */
export function checkOctets(name: string, value: unknown): DnsOctets {
  if (value instanceof Uint8Array) return value as DnsOctets;
  throw optionError(name, "a Uint8Array", value);
}

/** Reads values until the data ends. */
export function readAll<T>(reader: DnsReader, read: () => T): T[] {
  const all: T[] = [];
  while (reader.at < reader.end) all.push(read());
  return all;
}

/**
 * Returns the field for the types that a name has (RFC 4034 §4.1.2). `nameOf` and `numberOf` convert between
 * names and numbers of types.
 */
export function typeMap<T extends string>(
  nameOf: (type: number) => T,
  numberOf: (name: T) => number,
): Field<readonly T[]> {
  return {
    read(reader) {
      let last = -1;
      return readAll(reader, () => {
        const window = reader.uint8();
        const bits = reader.take(reader.uint8());
        if (window <= last || bits.length === 0 || bits.length > 32) {
          throw malformed("a map of types is malformed");
        }
        last = window;
        return [...bits].flatMap((byte, i) =>
          Array.from({ length: 8 }, (_, bit) => bit)
            .filter((bit) => (byte & 0x80 >> bit) !== 0)
            .map((bit) => nameOf(window << 8 | i * 8 + bit))
        );
      }).flat();
    },
    write(value, writer) {
      const windows = new Map<number, Uint8Array>();
      for (const type of [...new Set(value.map(numberOf))].sort((a, b) => a - b)) {
        const bits = windows.get(type >> 8) ?? new Uint8Array(32);
        bits[(type & 255) >> 3]! |= 0x80 >> (type & 7);
        windows.set(type >> 8, bits);
      }
      for (const [window, bits] of windows) {
        writer.uint8(window);
        writer.short(bits.subarray(0, bits.findLastIndex((byte) => byte !== 0) + 1));
      }
    },
    text: (value) => value.join(" "),
  };
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
