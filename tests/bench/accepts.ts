/** Connections per second: open, a line, its answer, reset. @module */

import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  runRounds,
  watchLoad,
} from "./_bench.ts";

/** Measures how fast servers take new connections. */
export async function benchAccepts(bench: Bench): Promise<Figure[]> {
  const { connections, warmup, measure } = bench.settings;
  const title = `New connections, ${connections} at once`;
  const peers = "tests/bench/peers";
  const contenders: Contender[] = [
    { name: "ours", command: denoServer(bench, `${peers}/echo_ours.ts`) },
    { name: "bare Deno", command: denoServer(bench, `${peers}/echo_bare.ts`) },
    { name: "Node net", command: [bench.node, `${peers}/echo_node.mjs`] },
    { name: "asyncio Protocol", command: [bench.python, `${peers}/echo_asyncio_protocol.py`] },
  ];
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "accept", connections, size: 64, warmup, measure } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("begin");
    return await watchLoad(server, load, async () => {});
  });
  return [{
    title,
    unit: "connections/s",
    note: "each is opened, sends 64 bytes, gets them back, and is reset",
    series,
    targets: [
      { against: ["bare Deno"], ratio: 0.9 },
      { against: ["Node net"], chart: true },
      { against: ["asyncio Protocol"], chart: true },
    ],
  }];
}
