/**
 * A parser for `/etc/resolv.conf`, the file that names the DNS servers of a Unix system.
 *
 * **Permissions**: none. Reading the file requires `--allow-read=/etc/resolv.conf`.
 *
 * @module
 */

import { isIP } from "node:net";
import { parseDigits, splitWords } from "../text.ts";

/** The settings of a `resolv.conf`. */
export interface ResolvConf {
  /** The addresses of the servers, IPv6 with its zone, in order. */
  readonly servers: readonly string[];
  /** The domains to append to short names, without the dot at their end. */
  readonly search: readonly string[];
  /** Number of dots from which a name is first queried as it is. */
  readonly ndots: number;
}

/** Longest file to read, in characters. */
const MAX_FILE = 64 * 1024;
/** The limits of the C library. */
const MAX_NDOTS = 15;

/**
 * Parses the text of a `resolv.conf`. Unknown lines and invalid addresses are omitted.
 *
 * @param text The text. Only the first 64 KiB are read.
 * @returns The settings. `ndots` is 1 if the text does not contain it.
 *
 * @example Two servers and a search list
 * ```ts
 * import { parseResolvConf } from "@portside/kit/net/dns";
 * import { assertEquals } from "@std/assert";
 *
 * const found = parseResolvConf(`
 * # a comment
 * nameserver 192.0.2.53
 * nameserver fe80::1%eth0
 * search office.test test.
 * options ndots:2 edns0
 * `);
 * assertEquals(found, {
 *   servers: ["192.0.2.53", "fe80::1%eth0"],
 *   search: ["office.test", "test"],
 *   ndots: 2,
 * });
 * ```
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: string[] = [];
  let ndots = 1;
  for (const line of text.slice(0, MAX_FILE).split(/\r?\n/)) {
    const [keyword, ...words] = splitWords(line.split(/[#;]/, 1)[0]!);
    if (keyword === "nameserver") {
      const [address = ""] = words;
      if (isIP(address) !== 0) servers.push(address);
    } else if (keyword === "search" || keyword === "domain") {
      // The last of these lines counts.
      search = words.map((domain) => domain.replace(/\.$/, "")).filter((domain) => domain !== "");
    } else if (keyword === "options") {
      for (const word of words) {
        if (!word.startsWith("ndots:")) continue;
        ndots = Math.min(parseDigits(word.slice("ndots:".length)) ?? ndots, MAX_NDOTS);
      }
    }
  }
  return { servers, search, ndots };
}
