/**
 * The records of DNS: their types, and their text for a person.
 *
 * **Permissions**: none; it is pure.
 *
 * @module
 */

import { escapeControls } from "../text.ts";

/** The types of records whose content is understood, and every other by its number (RFC 3597). */
export type DnsType =
  | "A"
  | "AAAA"
  | "CAA"
  | "CNAME"
  | "HTTPS"
  | "MX"
  | "NS"
  | "PTR"
  | "SOA"
  | "SRV"
  | "TXT"
  | `TYPE${number}`;

/** Parameters of a service (RFC 9460). */
export interface DnsServiceParameters {
  /** The protocols that are spoken there. */
  readonly alpn?: readonly string[];
  /** Whether those are all of them. */
  readonly noDefaultAlpn?: boolean;
  /** The port, if it is not the usual one. */
  readonly port?: number;
  /** IPv4 addresses. */
  readonly ipv4?: readonly string[];
  /** IPv6 addresses. */
  readonly ipv6?: readonly string[];
  /** What is not known here, by its number. */
  readonly others?: Readonly<Record<number, Uint8Array<ArrayBuffer>>>;
}

/** What every record has. */
export interface DnsOwner {
  /** Whose record it is, without the point at its end. */
  readonly name: string;
  /** How long it may be kept, in seconds. */
  readonly ttl: number;
}

/** One record, told apart by its `type`. */
export type DnsRecord =
  & DnsOwner
  & (
    | { readonly type: "A" | "AAAA"; readonly address: string }
    | { readonly type: "CNAME" | "NS" | "PTR"; readonly target: string }
    | { readonly type: "MX"; readonly preference: number; readonly exchange: string }
    | { readonly type: "TXT"; readonly texts: readonly string[] }
    | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
    | {
      readonly type: "CAA";
      readonly flags: number;
      readonly tag: string;
      readonly value: string;
    }
    | {
      readonly type: "SOA";
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    }
    | {
      readonly type: "HTTPS";
      readonly priority: number;
      readonly target: string;
      readonly parameters: DnsServiceParameters;
    }
    | { readonly type: `TYPE${number}`; readonly data: Uint8Array<ArrayBuffer> }
  );

/**
 * Writes what a record holds as a zone file does (RFC 1035 §5.1), for a person.
 *
 * @param record Any record.
 * @returns One line, control characters escaped.
 *
 * @example A mail server
 * ```ts
 * import { formatDnsRecord } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const text = formatDnsRecord({
 *   name: "host.test",
 *   ttl: 60,
 *   type: "MX",
 *   preference: 10,
 *   exchange: "mail.host.test",
 * });
 * assertEquals(text, "10 mail.host.test");
 * ```
 */
export function formatDnsRecord(record: DnsRecord): string {
  return escapeControls(writeText(record));
}

function writeText(record: DnsRecord): string {
  const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  switch (record.type) {
    case "A":
    case "AAAA":
      return record.address;
    case "NS":
    case "CNAME":
    case "PTR":
      return record.target;
    case "MX":
      return `${record.preference} ${record.exchange}`;
    case "SRV":
      return `${record.priority} ${record.weight} ${record.port} ${record.target}`;
    case "TXT":
      return record.texts.map(quote).join(" ");
    case "CAA":
      return `${record.flags} ${record.tag} ${quote(record.value)}`;
    case "SOA": {
      const { primary, mailbox, serial, refresh, retry, expire, minimum } = record;
      return [primary, mailbox, serial, refresh, retry, expire, minimum].join(" ");
    }
    case "HTTPS": {
      const { alpn, noDefaultAlpn, port, ipv4, ipv6, others = {} } = record.parameters;
      const parts = [String(record.priority), record.target];
      if (alpn) parts.push(`alpn=${alpn.join(",")}`);
      if (noDefaultAlpn) parts.push("no-default-alpn");
      if (port !== undefined) parts.push(`port=${port}`);
      if (ipv4) parts.push(`ipv4hint=${ipv4.join(",")}`);
      if (ipv6) parts.push(`ipv6hint=${ipv6.join(",")}`);
      for (const [key, value] of Object.entries(others)) {
        parts.push(`key${key}=${value.toHex()}`);
      }
      return parts.join(" ");
    }
    default:
      // RFC 3597 §5.
      return `\\# ${record.data.length} ${record.data.toHex()}`.trimEnd();
  }
}
