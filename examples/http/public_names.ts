/** Flags for servers with public names. @module */

import type { ServeHttpOptions } from "../../http/server/options.ts";
import { readAddressBlock } from "../../net/address_block.ts";
import { badValue } from "../../tools/cli.ts";

/**
 * Reads a value of `--allow-host`.
 *
 * @param text The value of the flag.
 * @returns The name in the form in which browsers send it in `Host`.
 * @throws {CliError} If the value is not a name.
 */
export function hostOf(text: string): string {
  const url = URL.parse(`http://${text}`);
  if (url !== null && url.href === `http://${url.hostname}/`) return url.hostname;
  throw badValue("--allow-host", text, "a name such as chat.example");
}

/** The flag `--allow-host`. */
export const ALLOW_HOST = {
  type: "list",
  placeholder: "host",
  help: "Public name to answer for, besides this machine",
} as const;

/** The flag `--trust-proxy`. */
export const TRUST_PROXY = {
  type: "list",
  placeholder: "block",
  help: "Reverse proxy whose X-Forwarded-* fields are trusted",
} as const;

/** Names of this machine. No page of another site can have them. */
const LOCAL = ["localhost", "127.0.0.1", "::1"];

/**
 * Reads the values of `--allow-host` and `--trust-proxy`.
 *
 * @param allowHost The public names. The server also answers for this machine.
 * @param trustProxy The addresses and blocks of reverse proxies.
 * @returns The options for `serveHttp`.
 * @throws {CliError} If a value is malformed.
 */
export function publicNames(
  allowHost: readonly string[],
  trustProxy: readonly string[] = [],
): Pick<ServeHttpOptions, "allowedHosts" | "trustProxy"> {
  for (const block of trustProxy) {
    if (readAddressBlock(block) !== undefined) continue;
    throw badValue("--trust-proxy", block, "an address or a block such as 10.0.0.0/8");
  }
  return {
    ...(allowHost.length > 0 && { allowedHosts: [...allowHost.map(hostOf), ...LOCAL] }),
    ...(trustProxy.length > 0 && { trustProxy }),
  };
}
