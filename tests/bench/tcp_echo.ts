/** TCP echo: a message goes out on every connection, comes back, and the next one follows. @module */

import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  runRounds,
  watchLoad,
} from "./_bench.ts";

const SIZES = [64, 64 * 1024];

/** Measures round trips of small and of large messages. */
export async function benchTcpEcho(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of SIZES) figures.push(await benchSize(bench, size));
  return figures;
}

async function benchSize(bench: Bench, size: number): Promise<Figure> {
  const { connections, warmup, measure } = bench.settings;
  const what = size < 1024 ? `${size} bytes` : `${size / 1024} KiB`;
  const title = `TCP echo, ${connections} connections, ${what} a message`;
  const peers = "tests/bench/peers";
  const contenders: Contender[] = [
    { name: "ours", command: denoServer(bench, `${peers}/echo_ours.ts`) },
    { name: "bare Deno", command: denoServer(bench, `${peers}/echo_bare.ts`) },
    { name: "Node net", command: [bench.node, `${peers}/echo_node.mjs`] },
    { name: "asyncio Protocol", command: [bench.python, `${peers}/echo_asyncio_protocol.py`] },
    { name: "asyncio streams", command: [bench.python, `${peers}/echo_asyncio_streams.py`] },
  ];
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "echo", connections, size, warmup, measure } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("begin");
    return await watchLoad(server, load, async () => {});
  });
  return {
    title,
    unit: "round trips/s",
    note: `each connection sends a message and waits for all of it before the next; every server ` +
      `writes what it has read, with a buffer of 64 KiB where it chooses one`,
    series,
    targets: [
      { against: ["bare Deno"], ratio: 0.95 },
      { against: ["Node net"], ratio: 1, chart: true },
      { against: ["asyncio Protocol", "asyncio streams"], ratio: 1, chart: true },
    ],
  };
}
