import type { LookupAddress } from "node:dns";
import { formatAddress } from "../address.ts";
import { withDeadline } from "./deadline.ts";

/** The name was resolved a moment ago: what does not come at once is not worth a wait, in milliseconds. */
const PATIENCE = 250;

/**
 * The addresses that `Deno.connect` has tried, which it does not tell, where the host
 * has several: what the system gives for the name, in its order.
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

/** Asks the system; not by `node:dns/promises`, which wants a permission for all ports. */
export async function resolveHost(hostname: string, port: number): Promise<LookupAddress[]> {
  const { lookup } = await import("node:dns");
  const question = { all: true, verbatim: true, port } as const;
  return await new Promise((resolve, reject) => {
    lookup(hostname, question, (error, found) => error ? reject(error) : resolve(found));
  });
}
