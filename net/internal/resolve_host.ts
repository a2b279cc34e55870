import type { LookupAddress } from "node:dns";
import { formatAddress } from "../address.ts";
import { withDeadline } from "./deadline.ts";

/** Time limit in milliseconds. The system has just resolved the name, so it answers from a cache. */
const PATIENCE = 250;

/**
 * Returns the addresses that `Deno.connect` has tried, in the order of the system, if a host has
 * several. Deno does not report them.
 */
export async function addressesOf(
  hostname: string,
  port: number,
  signal: AbortSignal | undefined,
): Promise<string[] | undefined> {
  if (hostname.includes(":") || /^[\d.]+$/.test(hostname)) return undefined;
  try {
    const found = await withDeadline(
      resolveHost(hostname, port),
      PATIENCE,
      () => new Error(),
      signal,
    );
    const addresses = found.map(({ address }) => formatAddress({ hostname: address, port }));
    return addresses.length > 1 ? [...new Set(addresses)] : undefined;
  } catch {
    return undefined;
  }
}

/** Resolves a name by the system. `node:dns/promises` would require a permission for all ports. */
export async function resolveHost(hostname: string, port: number): Promise<LookupAddress[]> {
  const { lookup } = await import("node:dns");
  const question = { all: true, verbatim: true, port } as const;
  return await new Promise((resolve, reject) => {
    lookup(hostname, question, (error, found) => error ? reject(error) : resolve(found));
  });
}
