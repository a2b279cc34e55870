/** What the clients of the pool's benchmark share: users who ask one question after the other. @module */

/** Lets many users ask, tells how often they did. Arguments: port, users, size, milliseconds. */
export async function measure(ask: (message: Uint8Array) => Promise<void>): Promise<void> {
  const [, users = 50, size = 64, ms = 1000] = Deno.args.map(Number);
  const message = new Uint8Array(size).fill(0x61);
  const run = async (until: number): Promise<number> => {
    let count = 0;
    await Promise.all(Array.from({ length: users }, async () => {
      while (performance.now() < until) {
        await ask(message);
        count++;
      }
    }));
    return count;
  };
  await run(performance.now() + 300);
  const began = performance.now();
  const count = await run(began + ms);
  const ns = Math.round((performance.now() - began) * 1e6);
  console.log(`end ${JSON.stringify({ count, ns })}`);
  Deno.exit(0);
}
