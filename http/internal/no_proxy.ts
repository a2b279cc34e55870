/** The list of hosts that a client reaches without its proxy, as in the variable `NO_PROXY`. */

import {
  type AddressBlock,
  isInBlock,
  readAddressBlock,
  readAddressBytes,
} from "../../net/address_block.ts";
import { lowerAscii } from "../../net/text.ts";

/** One entry of the list. */
interface Entry {
  /** A name, which includes its subdomains, or a block of addresses. */
  readonly host: string | AddressBlock;
  readonly port: number | undefined;
}

/** A host and a port, and whether the proxy is left out for it. */
export type NoProxy = (hostname: string, port: number) => boolean;

/**
 * Reads a list. An entry is a name (`example.com`, `.example.com` and `*.example.com` all mean the
 * domain and its subdomains), an IP address, a block such as `10.0.0.0/8`, one of these with a port
 * (`example.com:8080`, `[::1]:80`), or `*` for every host. Other entries match nothing.
 *
 * @param list The entries, or a text in which commas or blanks separate them.
 */
export function readNoProxy(list: string | readonly string[] | undefined): NoProxy {
  const words = (typeof list === "string" ? list.split(/[,\s]+/) : [...list ?? []])
    .map((word) => lowerAscii(word.trim())).filter((word) => word !== "");
  if (words.includes("*")) return () => true;
  const entries = words.map(readEntry);
  if (entries.length === 0) return () => false;
  return (hostname, port) => {
    const bare = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const bytes = readAddressBytes(bare);
    const name = lowerAscii(bare);
    return entries.some(({ host, port: only }) => {
      if (only !== undefined && only !== port) return false;
      if (typeof host !== "string") return bytes !== undefined && isInBlock(bytes, host);
      return bytes === undefined && (name === host || name.endsWith(`.${host}`));
    });
  };
}

function readEntry(word: string): Entry {
  // The colons of a bare IPv6 address do not separate a port.
  const whole = readAddressBlock(word.replace(/^\[(.*)\]$/, "$1"));
  if (whole !== undefined) return { host: whole, port: undefined };
  const [, host = word, digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(word) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const block = readAddressBlock(host.replace(/^\[(.*)\]$/, "$1"));
  return { host: block ?? host.replace(/^\*?\./, "").replace(/\.$/, ""), port };
}
