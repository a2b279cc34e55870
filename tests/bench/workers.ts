/** Several cores: the same server on one Worker and on two. @module */

import { type Bench, denoServer, type Figure, runRounds, watchLoad } from "./_bench.ts";

/** Measures what a second Worker brings to a handler that computes something. */
export async function benchWorkers(bench: Bench): Promise<Figure[]> {
  const { connections, warmup, measure } = bench.settings;
  const title = `Workers, ${connections} connections, 0.1 ms of work a message`;
  const root = new URL("../../", import.meta.url).pathname;
  const command = (workers: number) => [
    ...denoServer(bench, "tests/bench/peers/workers_ours.ts", `--allow-read=${root}`),
    String(workers),
  ];
  const contenders = [2, 1].map((n) => ({ name: `workers: ${n}`, command: command(n) }));
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "echo", connections, size: 64, warmup, measure } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("begin");
    return await watchLoad(server, load, async () => {});
  });
  return [{
    title,
    unit: "round trips/s",
    note: "two Workers need two cores for themselves; the load generator takes its share of them",
    series,
    targets: [{ against: ["workers: 1"], ratio: 1.6 }],
  }];
}
