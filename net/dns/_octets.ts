/** Character strings are octets (RFC 1035 §3.3). These functions convert them to texts and back. */

import type { DnsOctets } from "./record_types.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Returns the text of octets, or undefined if they are not UTF-8. */
export function exactText(octets: Uint8Array): string | undefined {
  try {
    return strict.decode(octets);
  } catch {
    return undefined;
  }
}

/** Returns the texts of octets. Octets that are not UTF-8 become U+FFFD, and `exact` is false. */
export function textsOf(all: readonly Uint8Array[]): { texts: string[]; exact: boolean } {
  const texts = all.map((octets) => lenient.decode(octets));
  return { texts, exact: all.every((octets) => exactText(octets) !== undefined) };
}

/** Returns the octets of a text. */
export function octetsOf(text: string): DnsOctets {
  return encoder.encode(text);
}

/**
 * Writes octets as in a zone file: printable ASCII from `first` as it is, all others as `\DDD`
 * (RFC 1035 §5.1).
 */
export function escapeOctets(octets: Uint8Array, special = '"\\', first = 0x20): string {
  let text = "";
  for (const byte of octets) {
    const character = String.fromCharCode(byte);
    if (byte < first || byte > 0x7e) text += `\\${String(byte).padStart(3, "0")}`;
    else text += special.includes(character) ? `\\${character}` : character;
  }
  return text;
}

/** Writes octets between quotes. */
export function quoteOctets(octets: Uint8Array): string {
  return `"${escapeOctets(octets)}"`;
}

/** Writes octets as a word if that is possible, else between quotes. */
export function wordOrQuoted(octets: Uint8Array): string {
  const isWord = octets.length > 0 &&
    octets.every((byte) =>
      byte > 0x20 && byte < 0x7f && !'"\\();'.includes(String.fromCharCode(byte))
    );
  return isWord ? escapeOctets(octets) : quoteOctets(octets);
}
