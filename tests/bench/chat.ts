/** Chat: one sends as fast as it can, and everyone else in the room gets every line in order. @module */

import { type Bench, type Contender, type Figure, runRounds, watchLoad } from "./_bench.ts";

const PEERS = "tests/bench/peers";

/** Measures deliveries: one line at one listener is one. */
export async function benchChat(bench: Bench): Promise<Figure[]> {
  const { listeners, lines } = bench.settings;
  const title = `Chat, ${listeners} listeners, one sender, ${lines} lines`;
  const contenders: Contender[] = [
    { name: "ours", command: [bench.deno, ...OURS] },
    { name: "Node net", command: [bench.node, `${PEERS}/chat_node.mjs`] },
    { name: "Node net, noDelay", command: [bench.node, `${PEERS}/chat_node.mjs`, "no-delay"] },
    { name: "asyncio streams", command: [bench.python, `${PEERS}/chat_asyncio.py`] },
  ];
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "chat", listeners, lines, warmupLines: lines } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("joined");
    await load.go();
    await load.until("ready");
    return await watchLoad(server, load, () => load.go());
  });
  return [{
    title,
    unit: "deliveries/s",
    note: "from the first line sent until every listener has every byte, each compared with what " +
      "it had to be; as many lines before that to warm up; the peers write once per line and " +
      "listener, Node with its default (Nagle) and with noDelay, as asyncio and ours have it",
    series,
    targets: [
      { against: ["Node net", "Node net, noDelay"], ratio: 20 },
      { against: ["asyncio streams"], ratio: 20 },
    ],
  }];
}

const OURS = [
  "run",
  "-q",
  "--no-prompt",
  "-P=chat",
  "examples/chat.ts",
  "--port=0",
  "--no-web",
  "--rate=0",
  "--log-level=error",
];
