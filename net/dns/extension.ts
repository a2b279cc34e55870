/**
 * The extension mechanism EDNS (RFC 6891) and its options: extended errors, cookies, the subnet of a
 * client, and the identifier of a name server.
 *
 * @example The reason of a failure
 * ```ts
 * import { describeDnsError } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const text = describeDnsError({ code: 7, text: "expired on Monday" });
 * assertEquals(text, "signature expired (EDE 7): expired on Monday");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../text.ts";
import type { DnsOctets } from "./record_types.ts";

/** An extended error (RFC 8914): why the server answers as it does. */
export interface DnsExtendedError {
  /** The number of the reason. {@linkcode describeDnsError} returns its meaning. */
  readonly code: number;
  /** The explanation of the server, or an empty text. It may contain anything. */
  readonly text: string;
}

/** A cookie, by which a server recognizes a client and a client an answer (RFC 7873). */
export interface DnsCookie {
  /** The part that the client has chosen: 8 octets. */
  readonly client: DnsOctets;
  /** The part that the server has chosen: 8 to 32 octets. */
  readonly server?: DnsOctets;
}

/** The subnet of the client for which an answer is meant (RFC 7871). */
export interface DnsClientSubnet {
  /** The first address of the subnet. */
  readonly address: string;
  /** Length of the prefix that the client has told, in bits. */
  readonly sourcePrefix: number;
  /** Length of the prefix that the answer is valid for, in bits; 0 in a question. */
  readonly scopePrefix: number;
}

/** An option that has no field of its own. */
export interface DnsOption {
  /** The number of the option (IANA). */
  readonly code: number;
  /** Its value. */
  readonly data: DnsOctets;
}

/** The extension mechanism EDNS (RFC 6891). */
export interface DnsExtension {
  /** Maximum size of an answer over UDP that the sender accepts, in bytes. */
  readonly udpSize: number;
  /** DO: whether the sender wants the records of DNSSEC. */
  readonly dnssec: boolean;
  /** The version, if it is not 0. */
  readonly version?: number;
  /** Reasons for the answer. */
  readonly errors?: readonly DnsExtendedError[];
  /** The identifier of the name server (RFC 5001). In a question it is empty. */
  readonly nsid?: DnsOctets;
  /** The cookie. */
  readonly cookie?: DnsCookie;
  /** The subnet of the client. */
  readonly clientSubnet?: DnsClientSubnet;
  /** Number of zero octets that hide the size of the message (RFC 7830). */
  readonly padding?: number;
  /** All other options. */
  readonly others?: readonly DnsOption[];
}

/** The reasons of RFC 8914 §4 and later ones (IANA). */
const REASONS: readonly string[] = [
  "other error",
  "unsupported DNSKEY algorithm",
  "unsupported DS digest type",
  "stale answer",
  "forged answer",
  "DNSSEC is indeterminate",
  "DNSSEC validation failed",
  "signature expired",
  "signature not yet valid",
  "DNSKEY missing",
  "RRSIGs missing",
  "no zone key bit set",
  "NSEC missing",
  "cached error",
  "server not ready",
  "blocked",
  "censored",
  "filtered",
  "prohibited",
  "stale NXDOMAIN answer",
  "not authoritative",
  "not supported",
  "no reachable authority",
  "network error",
  "invalid data",
  "signature expired before valid",
  "too early for a full TLS handshake",
  "unsupported NSEC3 iterations value",
  "unable to conform to policy",
  "synthesized",
  "invalid query type",
];

/**
 * Describes an extended error in words.
 *
 * @param error The error of an answer.
 * @returns The meaning of its number, and the explanation of the server with control characters
 * escaped.
 *
 * @example An unknown number
 * ```ts
 * import { describeDnsError } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(describeDnsError({ code: 4711, text: "" }), "EDE 4711");
 * ```
 */
export function describeDnsError(error: DnsExtendedError): string {
  const reason = REASONS[error.code];
  const number = `EDE ${error.code}`;
  const name = reason === undefined ? number : `${reason} (${number})`;
  return error.text === "" ? name : `${name}: ${escapeControls(error.text)}`;
}
