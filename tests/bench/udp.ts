/** UDP: a datagram goes out on every socket, comes back, and the next one follows. @module */

import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  runRounds,
  watchLoad,
} from "./_bench.ts";

/** Measures round trips of datagrams. */
export async function benchUdp(bench: Bench): Promise<Figure[]> {
  const { connections, warmup, measure } = bench.settings;
  const size = 64;
  const title = `UDP ping-pong, ${connections} sockets, ${size} bytes`;
  const peers = "tests/bench/peers";
  const contenders: Contender[] = [
    { name: "ours", command: denoServer(bench, `${peers}/udp_ours.ts`, "--unstable-net") },
    { name: "bare Deno", command: denoServer(bench, `${peers}/udp_bare.ts`, "--unstable-net") },
    { name: "Node dgram", command: [bench.node, `${peers}/udp_node.mjs`] },
    { name: "asyncio", command: [bench.python, `${peers}/udp_asyncio.py`] },
  ];
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "udp", connections, size, warmup, measure } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("begin");
    return await watchLoad(server, load, async () => {});
  });
  return [{
    title,
    unit: "round trips/s",
    note: "each socket sends a datagram and waits for its echo before the next",
    series,
    targets: [
      { against: ["bare Deno"], ratio: 0.95 },
      { against: ["asyncio"], ratio: 1, chart: true },
      { against: ["Node dgram"], chart: true },
    ],
  }];
}
