/** What the HTTP clients on Deno share: many requests in flight, each answer read whole. @module */

import process from "node:process";

/** Lets many users ask, tells how often they did. Arguments: port, users, milliseconds. */
export async function measure(ask: (url: string) => Promise<unknown>): Promise<void> {
  const [port, users = 50, ms = 1000] = Deno.args.map(Number);
  const url = `http://127.0.0.1:${port}/hello`;
  const run = async (until: number): Promise<number> => {
    let count = 0;
    await Promise.all(Array.from({ length: users }, async () => {
      while (performance.now() < until) {
        const { message } = await ask(url) as { message: string };
        if (message !== "Hello, World!") throw new Error("a wrong answer");
        count++;
      }
    }));
    return count;
  };
  await run(performance.now() + 500);
  const before = process.cpuUsage();
  const began = performance.now();
  const count = await run(began + ms);
  const ns = Math.round((performance.now() - began) * 1e6);
  const { user, system } = process.cpuUsage(before);
  console.log(`end ${JSON.stringify({ count, ns, cpu: (user + system) * 1000 })}`);
  Deno.exit(0);
}
