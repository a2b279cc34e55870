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
const COLLECT = `${PEERS}/_collect.mjs`;
/** How long memory may settle before a reading, in milliseconds. */
const SETTLE = 400;
/** The readings of one moment. The least counts, since a collection may not have freed all pages. */
const READINGS = 4;
/**
 * Connections that come first and stay, so that the growth after them is that of connections. The
 * first ones also make V8 load and compile code, and enlarge its heap.
 */
const FIRST = 1000;
/** How the memory is measured, for the notes of figures. */
export const IDLE_METHOD =
  `growth of the resident memory of the server over the connections, after ${FIRST} others that ` +
  "stay; Deno and Node collect their garbage before each reading, and their young generation has a " +
  "fixed size";
/**
 * A young generation of 1 MiB. Otherwise it grows to 16 MiB at some time, which is more than a thousand
 * connections need.
 */
const YOUNG = ["--min-semi-space-size=1", "--max-semi-space-size=1"];
/** The least number of connections: the memory of fewer ones is lost in the noise of the heap. */
const LEAST = 5000;
const MOST_ROUNDS = 3;
/** The most that a connection of ours may cost, in KiB, and as a multiple of one on the bare API. */
const TARGET = 20;
const RATIO = 1.2;

/** KiB for each connection: just opened, and after a line and its answer. */
export interface IdleCost {
  readonly silent: number;
  readonly spoken: number;
}

/** Returns the command of a server on Deno whose garbage can be collected. */
export function idleDeno(bench: Bench, file: string): string[] {
  const flags = ["--expose-gc", ...YOUNG].join(",");
  return denoServer(bench, file, `--v8-flags=${flags}`, "--preload", COLLECT);
}

/** Returns the command of a server on Node whose garbage can be collected. */
export function idleNode(bench: Bench, file: string): string[] {
  return [bench.node, "--expose-gc", ...YOUNG, "--import", `./${COLLECT}`, file];
}

/** Measures resident memory before and after many connections, silent ones and ones that spoke. */
export async function benchIdleMemory(bench: Bench): Promise<Figure[]> {
  const idle = Math.max(bench.settings.idle, LEAST);
  const title = `Idle memory, ${idle} connections`;
  const contenders: Contender[] = [
    { name: "ours, lines()", command: idleDeno(bench, `${PEERS}/lines_ours.ts`) },
    { name: "bare Deno, 1 KiB buffer", command: idleDeno(bench, `${PEERS}/lines_bare.ts`) },
    { name: "Node net", command: idleNode(bench, `${PEERS}/lines_node.mjs`) },
    { name: "asyncio streams", command: [bench.python, `${PEERS}/lines_asyncio.py`] },
  ];
  // Memory hardly varies, so that a few rounds say it.
  const rounds = Math.min(bench.settings.rounds, MOST_ROUNDS);
  const many = { ...bench, settings: { ...bench.settings, rounds, idle } };
  const costs = await runRounds(
    many,
    title,
    contenders,
    (server, contender) => measureIdle(many, server, contender, "idle"),
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

/** Measures one server. One without V8 frees its memory by itself. */
export async function measureIdle(
  bench: Bench,
  server: RunningServer,
  { command }: Contender,
  mode: "idle" | "ws-idle" | "http-idle",
): Promise<IdleCost> {
  const { idle } = bench.settings;
  const collects = command.some((word) => word.endsWith(COLLECT));
  const settled = async () => {
    let least = Infinity;
    for (let i = 0; i < READINGS; i++) {
      if (collects) await server.collect();
      await delay(SETTLE);
      least = Math.min(least, residentMemory(server.pid));
    }
    return least;
  };
  await using first = bench.load.start(server.port, { mode, connections: FIRST });
  await first.until("ready");
  await first.go();
  await first.until("said");
  const before = await settled();
  await using load = bench.load.start(server.port, { mode, connections: idle });
  const cost = async (event: string) => {
    await load.until(event);
    return (await settled() - before) / idle / 1024;
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
    note: `${note}; ${IDLE_METHOD}`,
    series: costs.map(({ name, rounds }) => ({
      name,
      rounds: rounds.map((cost) => ({ value: cost[which] })),
    })),
    targets: [{ against: ["bare Deno, 1 KiB buffer"], atMost: RATIO }],
    atMost: TARGET,
  };
}
