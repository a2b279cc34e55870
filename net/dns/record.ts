/**
 * The types of DNS records, and their textual form.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../text.ts";

/** The types of records that are decoded, and all others by their number (RFC 3597). */
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
  /** The application protocols of the service, such as `h2`. */
  readonly alpn?: readonly string[];
  /** Whether `alpn` is the complete list, without the default protocol. */
  readonly noDefaultAlpn?: boolean;
  /** The port, if it is not the default one. */
  readonly port?: number;
  /** The IPv4 addresses of the service. */
  readonly ipv4?: readonly string[];
  /** The IPv6 addresses of the service. */
  readonly ipv6?: readonly string[];
  /** The values of unknown parameters, by number. */
  readonly others?: Readonly<Record<number, Uint8Array<ArrayBuffer>>>;
}

/** The fields that all records have. */
export interface DnsOwner {
  /** The name that the record belongs to, without the dot at its end. */
  readonly name: string;
  /** The time for which the record may be cached, in seconds. */
  readonly ttl: number;
}

/** One record. Its other fields depend on its `type`. */
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
 * Formats the data of a record for people, as in a zone file (RFC 1035 §5.1).
 *
 * @param record A record of any type.
 * @returns One line of text. Control characters are escaped.
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
      // The form for unknown types (RFC 3597 §5).
      return `\\# ${record.data.length} ${record.data.toHex()}`.trimEnd();
  }
}
