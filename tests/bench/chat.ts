/** Chat: one sends as fast as it can, and everyone else in the room gets every line in order. @module */

import { type Bench, type Contender, type Figure, runRounds, watchLoad } from "./_bench.ts";

const PEERS = "tests/bench/peers";

/** How many times longer the second burst is. A short one measures mostly the compiler of V8. */
const SUSTAINED = 4;

/** Measures deliveries, in memory and with a store: one line at one listener is one. */
export async function benchChat(bench: Bench): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "chat_bench_" });
  try {
    return [
      ...await benchDeliveries(bench, "in memory", [...OURS, "examples/chat.ts", ...FLAGS], 20),
      ...await benchDeliveries(bench, "--store", [
        ...OURS,
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        "examples/chat.ts",
        ...FLAGS,
        `--store=${folder}/chat.db`,
      ], 10),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Measures our chat as one command starts it, against the chats of others, which keep nothing. */
async function benchDeliveries(
  bench: Bench,
  variant: string,
  ours: readonly string[],
  ratio: number,
): Promise<Figure[]> {
  const { listeners, lines } = bench.settings;
  const title = `Chat (${variant}), ${listeners} listeners, one sender`;
  const contenders: Contender[] = [
    { name: "ours", command: [bench.deno, ...ours] },
    { name: "Node net", command: [bench.node, `${PEERS}/chat_node.mjs`] },
    { name: "asyncio streams", command: [bench.python, `${PEERS}/chat_asyncio.py`] },
  ];
  const bursts = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "chat", listeners, lines: lines * SUSTAINED, warmupLines: lines } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("joined");
    const first = await watchLoad(server, load, () => load.go(), "first");
    return { first, second: await watchLoad(server, load, () => load.go()) };
  });
  const figure = (which: "first" | "second", what: string): Figure => ({
    title: `${title}, ${what}`,
    unit: "deliveries/s",
    note: "from the first line sent until every listener has every byte, each compared with what " +
      "it had to be; the peers write once per line and listener; Node keeps its default, Nagle, " +
      "with which it is two to four times faster than with noDelay",
    series: bursts.map(({ name, rounds }) => ({ name, rounds: rounds.map((one) => one[which]) })),
    targets: [
      { against: ["Node net"], ratio, chart: true },
      { against: ["asyncio streams"], ratio },
    ],
  });
  // Both are told: a new process still compiles in its first burst, and that is no small part.
  return [
    figure("first", `cold: the first ${lines} lines of a new process`),
    figure("second", `sustained: ${lines * SUSTAINED} lines after them`),
  ];
}

const OURS = ["run", "-q", "--no-prompt", "-P=chat"];

const FLAGS = ["--port=0", "--no-web", "--rate=0", "--log-level=error"];
