/** Idle memory: what a connection costs on which nothing happens. @module */

import { delay } from "@std/async/delay";
import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  type Rounds,
  runRounds,
} from "./_bench.ts";
import { residentMemory } from "./_cpu.ts";
import type { RunningServer } from "./_process.ts";

const PEERS = "tests/bench/peers";
/** How long memory may settle before it is looked at, in milliseconds. */
const SETTLE = 1000;
/** Connections that come first and stay, so that what a first connection loads is not counted. */
const FIRST = 10;
const MOST_ROUNDS = 3;
/** The most that a connection of ours may cost, in KiB. */
const TARGET = 20;

/** KiB for each connection: just opened, and after a line and its answer. */
export interface IdleCost {
  readonly silent: number;
  readonly spoken: number;
}

/** Measures resident memory before and after many connections, silent ones and ones that spoke. */
export async function benchIdleMemory(bench: Bench): Promise<Figure[]> {
  const { idle } = bench.settings;
  const title = `Idle memory, ${idle} connections`;
  const contenders: Contender[] = [
    { name: "ours, lines()", command: denoServer(bench, `${PEERS}/lines_ours.ts`) },
    { name: "bare Deno, 1 KiB buffer", command: denoServer(bench, `${PEERS}/lines_bare.ts`) },
    { name: "Node net", command: [bench.node, `${PEERS}/lines_node.mjs`] },
    { name: "asyncio streams", command: [bench.python, `${PEERS}/lines_asyncio.py`] },
  ];
  // Memory hardly varies, so that a few rounds say it.
  const few = { ...bench.settings, rounds: Math.min(bench.settings.rounds, MOST_ROUNDS) };
  const costs = await runRounds(
    { ...bench, settings: few },
    title,
    contenders,
    (server) => measureIdle(bench, server, "idle"),
  );
  return [
    figure(`${title}, silent`, "opened; the handler waits for a first line", costs, "silent"),
    figure(
      `${title}, after a line`,
      "each has sent a line, got its answer, and waits again",
      costs,
      "spoken",
    ),
  ];
}

/** Measures one server. */
export async function measureIdle(
  bench: Bench,
  server: RunningServer,
  mode: "idle" | "ws-idle" | "http-idle",
): Promise<IdleCost> {
  const { idle } = bench.settings;
  await using first = bench.load.start(server.port, { mode, connections: FIRST });
  await first.until("ready");
  await first.go();
  await first.until("said");
  await delay(SETTLE);
  const before = residentMemory(server.pid);
  await using load = bench.load.start(server.port, { mode, connections: idle });
  const cost = async (event: string) => {
    await load.until(event);
    await delay(SETTLE);
    return (residentMemory(server.pid) - before) / idle / 1024;
  };
  const silent = await cost("ready");
  await load.go();
  return { silent, spoken: await cost("said") };
}

function figure(
  title: string,
  note: string,
  costs: readonly Rounds<IdleCost>[],
  which: keyof IdleCost,
): Figure {
  return {
    title,
    unit: "KiB each",
    note: `${note}; growth of the resident memory of the server, over the connections`,
    series: costs.map(({ name, rounds }) => ({
      name,
      rounds: rounds.map((cost) => ({ value: cost[which] })),
    })),
    targets: [{ against: ["bare Deno, 1 KiB buffer"] }],
    atMost: TARGET,
  };
}
