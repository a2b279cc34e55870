/**
 * DNS records and their textual form.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../text.ts";
import { dataText, KNOWN_TYPES } from "./_rdata.ts";
import type { DnsRecord, DnsType } from "./record_types.ts";

export type * from "./record_types.ts";

/** The types of records that are known by name, in the order of their numbers. */
export const DNS_TYPES: readonly DnsType[] = KNOWN_TYPES;

/**
 * Formats the data of a record for people, as in a zone file (RFC 1035 §5.1, RFC 9460 §2.1). Names
 * have no dot at their end. Octets outside printable ASCII are written as `\DDD`.
 *
 * @param record A record of any type.
 * @returns One line of text, in printable ASCII if the names are.
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
  return escapeControls(dataText(record));
}
