/** The formats of records that contain texts. Texts are octets, which need not be UTF-8. */

import { optionError } from "../internal/options.ts";
import { checkOctets, type Format, readAll, uint16, uint8 } from "./_fields.ts";
import type { DnsReader, DnsWriter } from "./_name.ts";
import { exactText, octetsOf, quoteOctets, textsOf } from "./_octets.ts";
import type { DnsKnownData, DnsNaptrData, DnsOctets } from "./record_types.ts";

type Data<T> = Extract<DnsKnownData, { readonly type: T }>;

/** The octets of several texts. `octets` replaces them if it is given. */
function allOctets(texts: readonly string[], octets?: readonly DnsOctets[]): DnsOctets[] {
  return octets === undefined
    ? texts.map(octetsOf)
    : octets.map((one) => checkOctets("octets", one));
}

/** The octets of one text. */
function oneOctets(text: string, octets?: DnsOctets): DnsOctets {
  return octets === undefined ? octetsOf(text) : checkOctets("octets", octets);
}

function readString(reader: DnsReader): DnsOctets {
  return reader.take(reader.uint8());
}

export const TXT: Format<Data<"TXT">> = {
  read(reader) {
    const octets = readAll(reader, () => readString(reader));
    const { texts, exact } = textsOf(octets);
    return exact ? { texts } : { texts, octets };
  },
  write({ texts, octets }, writer) {
    for (const one of allOctets(texts, octets)) writer.short(one);
  },
  text: ({ texts, octets }) => allOctets(texts, octets).map(quoteOctets).join(" "),
};

export const HINFO: Format<Data<"HINFO">> = {
  read(reader) {
    const octets = [readString(reader), readString(reader)];
    const { texts: [cpu = "", os = ""], exact } = textsOf(octets);
    return exact ? { cpu, os } : { cpu, os, octets };
  },
  write({ cpu, os, octets }, writer) {
    for (const one of allOctets([cpu, os], octets)) writer.short(one);
  },
  text: ({ cpu, os, octets }) => allOctets([cpu, os], octets).map(quoteOctets).join(" "),
};

export const NAPTR: Format<DnsNaptrData> = {
  read(reader) {
    const order = reader.uint16();
    const preference = reader.uint16();
    const octets = [readString(reader), readString(reader), readString(reader)];
    const { texts: [flags = "", services = "", regexp = ""], exact } = textsOf(octets);
    const data = { order, preference, flags, services, regexp, replacement: reader.name() };
    return exact ? data : { ...data, octets };
  },
  write({ order, preference, flags, services, regexp, replacement, octets }, writer) {
    uint16.write(order, writer, "order");
    uint16.write(preference, writer, "preference");
    for (const one of allOctets([flags, services, regexp], octets)) writer.short(one);
    writer.name(replacement, false);
  },
  text({ order, preference, flags, services, regexp, replacement, octets }) {
    const texts = allOctets([flags, services, regexp], octets).map(quoteOctets);
    return [order, preference, ...texts, replacement].join(" ");
  },
};

/** Reads a text that goes up to the end of the record, as the given field. */
function readRest<K extends string>(
  reader: DnsReader,
  field: K,
): { [P in K]: string } & { octets?: DnsOctets } {
  const octets = reader.rest();
  const { texts: [text = ""], exact } = textsOf([octets]);
  const named = { [field]: text } as { [P in K]: string };
  return exact ? named : { ...named, octets };
}

export const CAA: Format<Data<"CAA">> = {
  read(reader) {
    const flags = reader.uint8();
    const tag = latin1(readString(reader));
    return { flags, tag, ...readRest(reader, "value") };
  },
  write({ flags, tag, value, octets }, writer) {
    uint8.write(flags, writer, "flags");
    writer.short(octetsOfLatin1(tag));
    writer.put(oneOctets(value, octets));
  },
  text: ({ flags, tag, value, octets }) =>
    `${flags} ${tag} ${quoteOctets(oneOctets(value, octets))}`,
};

export const URI: Format<Data<"URI">> = {
  read: (reader) => ({
    priority: reader.uint16(),
    weight: reader.uint16(),
    ...readRest(reader, "target"),
  }),
  write({ priority, weight, target, octets }, writer) {
    uint16.write(priority, writer, "priority");
    uint16.write(weight, writer, "weight");
    writer.put(oneOctets(target, octets));
  },
  text: ({ priority, weight, target, octets }) =>
    `${priority} ${weight} ${quoteOctets(oneOctets(target, octets))}`,
};

/** A tag consists of ASCII letters and digits (RFC 8659 §4.1). Other octets are kept, one a character. */
function latin1(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}

function octetsOfLatin1(text: string): Uint8Array {
  // deno-lint-ignore no-control-regex -- the range is that of octets
  if (!/^[\x00-\xff]*$/.test(text)) throw optionError("tag", "ASCII letters and digits", text);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Writes a list of texts, each after its length. */
export function writeShort(texts: readonly string[], writer: DnsWriter): void {
  for (const text of texts) writer.short(octetsOf(text));
}

/** Reads a list of texts, each after its length; undefined if one is not UTF-8. */
export function readShort(reader: DnsReader): string[] | undefined {
  const texts = readAll(reader, () => exactText(readString(reader)));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}
