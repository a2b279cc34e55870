/** Ports for the servers of others, which cannot choose one themselves and say it. @module */

import { delay } from "@std/async/delay";

/** The first port that `freePorts` returns, and the first one beyond. */
const RANGE = [20_000, 32_000] as const;

/**
 * Returns ports of 127.0.0.1 that are free now. The system does not choose from this range for
 * port 0 and for clients, so no other test takes a port before its server listens.
 */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = RANGE[0] + Math.floor(Math.random() * (RANGE[1] - RANGE[0]));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      ports.add(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return [...ports];
}

/**
 * Returns a port of 127.0.0.1 on which nothing listens, and which `fetch` does not block. A port that
 * the system chose would not do: the system can give it to a server of another test.
 */
export function deadPort(): number {
  return freePorts(1)[0]!;
}

/** Waits until something listens there, for ten seconds. */
export async function untilOpen(port: number): Promise<void> {
  const end = performance.now() + 10_000;
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(20);
    }
  }
}
