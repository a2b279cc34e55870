/** Ports for the servers of others, which cannot choose one themselves and say it. @module */

import { delay } from "@std/async/delay";

/** Ports of 127.0.0.1 that are free now. */
export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
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
