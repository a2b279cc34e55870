/** The names in a certificate, and whether it is valid for a host (RFC 9525). */

import { type Extensions, parseAnchor } from "./certificate.ts";
import { asDefect } from "./defect.ts";
import { DerReader, malformed } from "./der.ts";
import { escapeControls } from "../../text.ts";
import { canonicalIPv6 } from "../normalize_hostname.ts";

/** A name in an extension: its tag, without the bits for its class and form, and its content. */
export interface GeneralName {
  readonly kind: number;
  readonly body: Uint8Array;
}

/** The kinds of names that are compared (RFC 5280 §4.2.1.6). */
export const DNS = 2;
export const IP = 7;
export const DIRECTORY = 4;

/** The subject alternative names of a certificate. */
export interface CertificateNames {
  /** Host names, also with a wildcard. */
  readonly hosts: readonly string[];
  /** IP addresses in their shortest form. */
  readonly addresses: readonly string[];
}

/** Iterates over the alternative names of a certificate. Malformed ones throw a Defect. */
export function* generalNames(
  { alternativeNames }: Extensions,
): Generator<GeneralName, void, void> {
  const reader = new DerReader(alternativeNames);
  while (!reader.done) yield generalName(reader);
}

/** Iterates over the alternative names up to the first malformed one. */
function* namesBefore(extensions: Extensions): Generator<GeneralName, void, void> {
  try {
    yield* generalNames(extensions);
  } catch (error) {
    asDefect(error);
  }
}

/** Reads one general name. */
export function generalName(reader: DerReader): GeneralName {
  const { tag, body } = reader.read();
  if (tag < 0x80 || tag > 0xbf) throw malformed();
  return { kind: tag & 0x1f, body };
}

/** Returns the host names and addresses of a certificate, up to the first malformed name. */
export function namesOf(extensions: Extensions): CertificateNames {
  const hosts: string[] = [];
  const addresses: string[] = [];
  for (const { kind, body } of namesBefore(extensions)) {
    if (kind === DNS) hosts.push(latin1.decode(body));
    if (isIp(kind, body)) addresses.push(addressOf(body));
  }
  return { hosts, addresses };
}

/** The kinds of names that are text, and how their text begins. */
const TEXTS: Readonly<Record<number, string>> = { 1: "email:", [DNS]: "DNS:", 6: "URI:" };

/**
 * Returns the names of a certificate as text, up to the first malformed name. A name that could be taken
 * for several, or that is no printable ASCII, is quoted as in JSON.
 */
export function textOf(extensions: Extensions): string {
  const found: string[] = [];
  for (const { kind, body } of namesBefore(extensions)) {
    const prefix = TEXTS[kind];
    if (prefix !== undefined) found.push(prefix + quoted(latin1.decode(body)));
    if (isIp(kind, body)) found.push(`IP Address:${addressOf(body)}`);
  }
  return found.join(", ");
}

function quoted(name: string): string {
  return /^[!-~]*$/.test(name) && !/[,"']/.test(name) ? name : escapeControls(JSON.stringify(name));
}

/** Returns the names of a certificate in DER; none if it is malformed. */
export function readNames(der: Uint8Array): CertificateNames {
  try {
    return namesOf(parseAnchor(der).extensions);
  } catch (error) {
    asDefect(error);
    return { hosts: [], addresses: [] };
  }
}

/**
 * Returns whether names are valid for a host. An address must be among the addresses. A wildcard is
 * the whole leftmost label, matches one label, and has at least two labels behind it (RFC 9525 §6.3).
 */
export function namesMatch({ hosts, addresses }: CertificateNames, host: string): boolean {
  if (isAddress(host)) return addresses.includes(shortAddress(host));
  const wanted = host.replace(/\.$/, "").toLowerCase();
  const parent = /^[^.]+(\..+)$/.exec(wanted)?.[1];
  return wanted !== "" && hosts.some((name) => {
    const pattern = name.toLowerCase();
    if (!isPresentable(pattern)) return false;
    return pattern === wanted || (pattern.startsWith("*.") && pattern.slice(1) === parent);
  });
}

/** Returns whether a name may be in a certificate: letters, digits, `-` and `_`; a wildcard in front. */
export function isPresentable(name: string): boolean {
  const labels = name.split(".");
  const [first, ...rest] = labels;
  if (name.length > 253 || (first === "*" && rest.length < 2)) return false;
  const plain = first === "*" ? rest : labels;
  return plain.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label)) &&
    !/^\d+$/.test(plain.at(-1)!);
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

function isIp(kind: number, { length }: Uint8Array): boolean {
  return kind === IP && (length === 4 || length === 16);
}

/** Returns an IPv6 address in its shortest form, and others as they are. */
function shortAddress(address: string): string {
  return canonicalIPv6(address) ?? address;
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, i) => bytes[2 * i]! * 256 + bytes[2 * i + 1]!);
  return shortAddress(words.map((word) => word.toString(16)).join(":"));
}

const latin1 = new TextDecoder("latin1");
