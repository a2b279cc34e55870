/** Chat: one sends as fast as it can, and everyone else in the room gets every line in order. @module */

import { type Bench, type Contender, type Figure, runRounds, watchLoad } from "./_bench.ts";

const PEERS = "tests/bench/peers";

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
  const title = `Chat (${variant}), ${listeners} listeners, one sender, ${lines} lines`;
  const contenders: Contender[] = [
    { name: "ours", command: [bench.deno, ...ours] },
    { name: "Node net", command: [bench.node, `${PEERS}/chat_node.mjs`] },
    { name: "Node net, noDelay", command: [bench.node, `${PEERS}/chat_node.mjs`, "no-delay"] },
    { name: "asyncio streams", command: [bench.python, `${PEERS}/chat_asyncio.py`] },
  ];
  const bursts = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "chat", listeners, lines, warmupLines: lines } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("joined");
    const first = await watchLoad(server, load, () => load.go(), "first");
    return { first, second: await watchLoad(server, load, () => load.go()) };
  });
  const figure = (which: "first" | "second", what: string): Figure => ({
    title: `${title}, ${what}`,
    unit: "deliveries/s",
    note: "from the first line sent until every listener has every byte, each compared with what " +
      "it had to be; the peers write once per line and listener, Node with its default (Nagle) " +
      "and with noDelay, as asyncio and ours have it",
    series: bursts.map(({ name, rounds }) => ({ name, rounds: rounds.map((one) => one[which]) })),
    targets: [
      { against: ["Node net", "Node net, noDelay"], ratio },
      { against: ["asyncio streams"], ratio },
    ],
  });
  // Both are told: a new process still compiles in its first burst, and that is no small part.
  return [
    figure("first", "cold: the first burst of a new process"),
    figure("second", "warm: the second burst, as long as the first"),
  ];
}

const OURS = ["run", "-q", "--no-prompt", "-P=chat"];

const FLAGS = ["--port=0", "--no-web", "--rate=0", "--log-level=error"];
