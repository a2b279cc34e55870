/**
 * Functions to read digits, addresses and punctuation from the output of system programs, in any
 * language. They do no I/O.
 *
 * @module
 */

/** Most bytes of an output to read. */
const MAX_OUTPUT = 256 * 1024;

/**
 * Decodes the output of a program. Output that is not UTF-8 is in an unknown code page (CP850, CP866,
 * GBK, Shift_JIS …). Digits, spaces and the punctuation below `@` are the same in all of them, so
 * every byte outside ASCII becomes U+FFFD.
 */
export function decodeOutput(output: Uint8Array | string): string {
  if (typeof output === "string") return unify(output.slice(0, MAX_OUTPUT));
  const bytes = output.subarray(0, MAX_OUTPUT);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    return unify(new TextDecoder("utf-16le").decode(bytes));
  }
  try {
    // The limit may split the last character; `stream` accepts that.
    return unify(new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true }));
  } catch {
    let text = "";
    for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : "\uFFFD";
    return unify(text);
  }
}

/** Unifies line ends, spaces, and wide colons. */
function unify(text: string): string {
  return text.replace(/\r+\n?/g, "\n").replace(/[\u00A0\u202F\u3000]/g, " ").replace(/：/g, ":");
}

/** An address in a text. */
export interface FoundAddress {
  /** The address, with its zone. */
  readonly address: string;
  /** Index of the first character. */
  readonly start: number;
  /** Index after the last character. */
  readonly end: number;
}

const CANDIDATE = /[0-9a-f:.]{2,45}(?:%[\w.-]{1,32})?/gi;

/** Finds all IP addresses of a text, from left to right. */
export function findAddresses(text: string): FoundAddress[] {
  const found: FoundAddress[] = [];
  for (const match of text.matchAll(CANDIDATE)) {
    // A letter before or after it means that it is part of a word.
    if (/[\w]/.test(text[match.index - 1] ?? "")) continue;
    const address = withoutPunctuation(match[0]);
    const end = match.index + address.length;
    if (isAddress(address) && !/\w/.test(text[end] ?? "")) {
      found.push({ address, start: match.index, end });
    }
  }
  return found;
}

/** Removes periods and colons after an address: `::1:`, `1.2.3.4.`, `fe80:::`. */
function withoutPunctuation(candidate: string): string {
  if (!/[:.]$/.test(candidate) || isAddress(candidate)) return candidate;
  const bare = candidate.replace(/[:.]+$/, "");
  const short = `${bare}::`;
  return candidate.startsWith(short) && isAddress(short) ? short : bare;
}

/** Returns whether a text is an IPv4 address in four decimal parts, or an IPv6 address. */
export function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** Returns whether a text is an IPv4 address in four decimal parts. */
export function isIPv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) &&
    text.split(".").every((part) => Number(part) < 256);
}

/** Returns whether a text is an IPv6 address, with or without a zone. */
export function isIPv6(text: string): boolean {
  const bare = text.replace(/%[\w.-]+$/, "");
  if (!/^[0-9a-f:.]{2,45}$/i.test(bare) || !/:.*:/.test(bare)) return false;
  // Parsing a URL is expensive, and a hardware address has too few groups.
  if (!bare.includes("::") && bare.split(":").length !== (bare.includes(".") ? 7 : 8)) return false;
  return URL.canParse(`http://[${bare}]/`);
}

/** Returns the prefix length of a netmask (`255.255.0.0`, `0xffff0000`); undefined for other texts. */
export function prefixOf(mask: string): number | undefined {
  let bits: number;
  if (isIPv4(mask)) bits = mask.split(".").reduce((all, part) => all * 256 + Number(part), 0);
  else if (/^0x[0-9a-f]{8}$/i.test(mask)) bits = Number(mask);
  else return undefined;
  const text = bits.toString(2).padStart(32, "0");
  return /^1*0*$/.test(text) ? text.replace(/0+$/, "").length : undefined;
}

/** Parses a number with a decimal point or a decimal comma. */
export function readNumber(text: string): number {
  return Number(text.replace(",", "."));
}
