/** Flags of servers that are reached by public names. @module */

import { readAddressBlock } from "../../net/address_block.ts";
import { badValue } from "../../tools/cli.ts";

/**
 * Reads a value of `--allow-host`.
 *
 * @param text The value.
 * @returns The name as browsers write it in `Host`.
 * @throws {CliError} If it is no name.
 */
export function hostOf(text: string): string {
  const url = URL.parse(`http://${text}`);
  if (url !== null && url.href === `http://${url.hostname}/`) return url.hostname;
  throw badValue("--allow-host", text, "a name such as chat.example");
}

/**
 * Reads a value of `--trust-proxy`.
 *
 * @param text The value.
 * @returns The value.
 * @throws {CliError} If it is neither an address nor a block.
 */
export function blockOf(text: string): string {
  if (readAddressBlock(text) !== undefined) return text;
  throw badValue("--trust-proxy", text, "an address or a block such as 10.0.0.0/8");
}
