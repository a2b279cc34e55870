/**
 * Encodes and decodes DNS messages (RFC 1035, with EDNS of RFC 6891). The functions are pure. Names
 * are decompressed, loops in names are rejected, and characters outside printable ASCII are escaped.
 *
 * @example A question and its answer
 * ```ts
 * import { decodeDnsMessage, encodeDnsMessage } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeDnsMessage({
 *   id: 7,
 *   response: true,
 *   questions: [{ name: "host.test", type: "A" }],
 *   answers: [{ name: "host.test", ttl: 60, type: "A", address: "192.0.2.7" }],
 * });
 * const { code, answers } = decodeDnsMessage(bytes);
 * assertEquals(code, "NOERROR");
 * assertEquals(answers, [{ name: "host.test", ttl: 60, type: "A", address: "192.0.2.7" }]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { optionError } from "../internal/options.ts";
import { DnsReader, DnsWriter, malformed } from "./_name.ts";
import { ipv4Bytes, ipv6Bytes } from "./_fields.ts";
import { numberOf, readData, typeName, writeData } from "./_rdata.ts";
import type { DnsExtension } from "./extension.ts";
import { readExtension, writeExtension } from "./_extension_codec.ts";
import type { DnsRecord, DnsType } from "./record.ts";

/** A question: a name and the type of records that are wanted. */
export interface DnsQuestion {
  /** The name without the dot at its end; `.` is the root. */
  readonly name: string;
  /** The type of records that are wanted. */
  readonly type: DnsType;
  /** Whether a multicast query wants an answer by unicast (RFC 6762 §5.4). @default false */
  readonly unicastResponse?: boolean;
}

/** A decoded message. */
export interface DnsMessage {
  /** The identifier that an answer shares with its question, 0 to 65535. */
  readonly id: number;
  /** Whether the message is an answer. */
  readonly response: boolean;
  /** The kind of query; 0 is a standard query. */
  readonly opcode: number;
  /** Whether the server is authoritative for the name. */
  readonly authoritative: boolean;
  /** Whether the answer did not fit. Repeat the query over TCP then. */
  readonly truncated: boolean;
  /** Whether the server should query other servers. */
  readonly recursionDesired: boolean;
  /** Whether the server queries other servers for its clients. */
  readonly recursionAvailable: boolean;
  /**
   * AD: whether the server has validated all records by DNSSEC; in a question, whether the sender
   * wants to know that (RFC 6840 §5.7). Nothing protects this bit on its way except DNS over TLS.
   */
  readonly authenticated: boolean;
  /** CD: whether the server should not validate by DNSSEC (RFC 4035 §3.2.2). */
  readonly checkingDisabled: boolean;
  /** The response code: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, or a number as `RCODE99`. */
  readonly code: string;
  /** The questions, usually one. */
  readonly questions: readonly DnsQuestion[];
  /** The records that answer the question. */
  readonly answers: readonly DnsRecord[];
  /** The records that name authoritative servers. */
  readonly authorities: readonly DnsRecord[];
  /** Further records, such as the addresses of the named servers. */
  readonly additionals: readonly DnsRecord[];
  /** The extension, or undefined if the sender does not support it. */
  readonly extension: DnsExtension | undefined;
}

const CODES: readonly string[] = [
  ...["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"],
  ...["YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"],
];
/** Codes above 15, which need an extension. */
const EXTENDED_CODES = new Map([[16, "BADVERS"], [23, "BADCOOKIE"]]);
const IN = 1;
const OPT = 41;
/**
 * The highest bit of a class belongs to multicast DNS: a question wants an answer by unicast
 * (RFC 6762 §5.4), a record replaces all others of its name and type (§10.2).
 */
const MULTICAST_BIT = 0x8000;

function codeName(code: number): string {
  return CODES[code] ?? EXTENDED_CODES.get(code) ?? `RCODE${code}`;
}

function codeNumber(name: string): number {
  const [extended] = [...EXTENDED_CODES].find(([, known]) => known === name) ?? [];
  const number = /^RCODE(\d{1,4})$/.exec(name)?.[1];
  const code = extended ?? (number === undefined ? CODES.indexOf(name) : Number(number));
  if (code >= 0 && code <= 0xfff) return code;
  throw optionError("code", 'the name of a response code, such as "NXDOMAIN" or "RCODE99"', name);
}

/**
 * Encodes a message. Repeated names are compressed.
 *
 * @param message The message. Missing fields are empty, false, 0 or `NOERROR`.
 * @returns The bytes of the message, as they are in a datagram.
 * @throws {TypeError} If a name, a type, a code or an address is invalid.
 * @throws {RangeError} If a number is out of range, or the message is longer than 65535 bytes.
 *
 * @example The smallest question
 * ```ts
 * import { encodeDnsMessage } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeDnsMessage({ questions: [{ name: "a.b", type: "A" }] });
 * assertEquals([...bytes.subarray(12)], [1, 97, 1, 98, 0, 0, 1, 0, 1]);
 * ```
 */
export function encodeDnsMessage(message: Partial<DnsMessage>): Uint8Array<ArrayBuffer> {
  const { questions = [], answers = [], authorities = [], additionals = [], extension } = message;
  const code = codeNumber(message.code ?? "NOERROR");
  if (code > 15 && extension === undefined) {
    throw new TypeError(`Cannot encode the code ${message.code} without an extension`);
  }
  const writer = new DnsWriter();
  writer.uint16(message.id ?? 0);
  writer.uint16(
    (message.response ? 0x8000 : 0) | ((message.opcode ?? 0) & 15) << 11 |
      (message.authoritative ? 0x400 : 0) | (message.truncated ? 0x200 : 0) |
      (message.recursionDesired ? 0x100 : 0) | (message.recursionAvailable ? 0x80 : 0) |
      (message.authenticated ? 0x20 : 0) | (message.checkingDisabled ? 0x10 : 0) | code & 15,
  );
  writer.uint16(questions.length);
  writer.uint16(answers.length);
  writer.uint16(authorities.length);
  writer.uint16(additionals.length + (extension === undefined ? 0 : 1));
  for (const { name, type, unicastResponse } of questions) {
    writer.name(name, true);
    writer.uint16(numberOf(type));
    writer.uint16(unicastResponse ? IN | MULTICAST_BIT : IN);
  }
  for (const record of [...answers, ...authorities, ...additionals]) {
    writer.name(record.name, true);
    writer.uint16(numberOf(record.type));
    writer.uint16(IN);
    writer.uint32(record.ttl);
    writer.sized(() => writeData(record, writer));
  }
  if (extension !== undefined) {
    writer.uint8(0);
    writer.uint16(OPT);
    writeExtension(extension, code >> 4, writer);
  }
  return writer.finish();
}

/**
 * Decodes a message. Malformed data of a record that is no answer is kept as that of an unknown type,
 * because some servers add such records.
 *
 * @param bytes The bytes of one message, at most 65535.
 * @returns The decoded message. Records of other classes than IN are omitted.
 * @throws {NetError} Of kind "protocol" if the message violates RFC 1035.
 *
 * @example A name that points at itself
 * ```ts
 * import { decodeDnsMessage } from "@portside/kit/net/dns";
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertThrows } from "@std/assert";
 *
 * const loop = Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1);
 * assertThrows(() => decodeDnsMessage(loop), NetError, "points at itself");
 * ```
 */
export function decodeDnsMessage(bytes: Uint8Array): DnsMessage {
  if (bytes.length > 0xffff) throw malformed("it is longer than 65535 bytes");
  const reader = new DnsReader(bytes);
  const id = reader.uint16();
  const flags = reader.uint16();
  const counts = Array.from({ length: 4 }, () => reader.uint16()) as [
    number,
    number,
    number,
    number,
  ];
  const questions: DnsQuestion[] = [];
  for (let i = 0; i < counts[0]; i++) {
    const name = reader.name();
    const type = typeName(reader.uint16());
    reader.uint16();
    questions.push({ name, type });
  }
  let extension: DnsExtension | undefined;
  let extendedCode = 0;
  const section = (count: number, place: "additional" | "answer" | "authority"): DnsRecord[] => {
    const records: DnsRecord[] = [];
    for (let i = 0; i < count; i++) {
      const name = reader.name();
      const type = reader.uint16();
      const recordClass = reader.uint16();
      const ttl = reader.uint32();
      const content = reader.part(reader.uint16());
      if (type === OPT && place === "additional") {
        if (extension !== undefined || name !== ".") throw malformed("its extension is malformed");
        extendedCode = Math.floor(ttl / 0x1000000);
        extension = readExtension(recordClass, ttl, content);
      } else if ((recordClass & ~MULTICAST_BIT) === IN && type !== OPT) {
        // A TTL with the highest bit set counts as 0 (RFC 2181 §8).
        const data = readData(type, content, place === "answer");
        records.push({ name, ttl: ttl > 0x7fffffff ? 0 : ttl, ...data } as DnsRecord);
      }
    }
    return records;
  };
  const answers = section(counts[1], "answer");
  const authorities = section(counts[2], "authority");
  const additionals = section(counts[3], "additional");
  return {
    id,
    response: (flags & 0x8000) !== 0,
    opcode: flags >> 11 & 15,
    authoritative: (flags & 0x400) !== 0,
    truncated: (flags & 0x200) !== 0,
    recursionDesired: (flags & 0x100) !== 0,
    recursionAvailable: (flags & 0x80) !== 0,
    authenticated: (flags & 0x20) !== 0,
    checkingDisabled: (flags & 0x10) !== 0,
    code: codeName(extendedCode << 4 | flags & 15),
    questions,
    answers,
    authorities,
    additionals,
    extension,
  };
}

/**
 * Returns the name to query for the host name of an address (RFC 1035 §3.5, RFC 3596 §2.5).
 *
 * @param address The IPv4 or IPv6 address.
 * @returns The name for a question of type PTR.
 * @throws {TypeError} If `address` is not an IP address.
 *
 * @example Both families
 * ```ts
 * import { reverseDnsName } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(reverseDnsName("192.0.2.7"), "7.2.0.192.in-addr.arpa");
 * assertEquals(reverseDnsName("::1"), "1" + ".0".repeat(31) + ".ip6.arpa");
 * ```
 */
export function reverseDnsName(address: string): string {
  if (!address.includes(":")) {
    return `${[...ipv4Bytes(address)].reverse().join(".")}.in-addr.arpa`;
  }
  const nibbles = [...ipv6Bytes(address)].flatMap((byte) => [byte >> 4, byte & 15]);
  return `${nibbles.reverse().map((nibble) => nibble.toString(16)).join(".")}.ip6.arpa`;
}
