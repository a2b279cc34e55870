/**
 * The chat on several machines against one process, with the same users: the CPU time of a line, the delay,
 * and the hop over Redis. Room sizes differ, so the cost of a line and the cost of a delivery can be told
 * apart.
 *
 * The nodes, Redis and all users share the cores of this machine. The CPU time of a line is comparable; the
 * delays are those of a machine that does everything at once.
 *
 * @module
 */

import { redis, RedisServer } from "../_support/redis.ts";
import { type Runnable, startRunnable } from "../_support/runnable.ts";
import type { Bench, Figure } from "./_bench.ts";
import { Crowd } from "./_chat_crowd.ts";
import { cpuUse, residentMemory, sampleCpu } from "./_cpu.ts";

const USERS = 2000;

/** The deliveries of all lines in a second. */
const DELIVERIES_PER_SECOND = 4000;

/** The seconds of lines before the measurement, and those of the measurement. */
const [WARMUP, SECONDS] = [3, 10];

const FLAGS = [
  "--rate=0",
  "--max-users=0",
  "--max-rooms=0",
  "--max-connections-per-address=0",
  "--log-level=error",
  "--port=0",
  "--web-port=0",
];

/** The chats that are compared. */
interface Variant {
  readonly name: string;
  /** The number of nodes; 0 for one process without Redis. */
  readonly nodes: number;
  readonly rooms: number;
}

const VARIANTS: readonly Variant[] = [
  { name: "1 process, 20 per room", nodes: 0, rooms: 100 },
  { name: "1 node + Redis, 20 per room", nodes: 1, rooms: 100 },
  { name: "2 nodes + Redis, 20 per room", nodes: 2, rooms: 100 },
  { name: "1 process, 2 per room", nodes: 0, rooms: 1000 },
  { name: "1 process, 2,000 per room", nodes: 0, rooms: 1 },
  { name: "2 nodes + Redis, 2,000 per room", nodes: 2, rooms: 1 },
];

/** The result of one run. */
interface Result {
  /** The 50th and the 99th percentile from the sending of a line to its last delivery, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** The CPU time of a line in all nodes, in microseconds. */
  readonly cpu: number;
  /** The CPU time of a line in the busiest thread of the nodes, in microseconds. It bounds the rate. */
  readonly thread: number;
  /** The CPU time of a line in Redis, in microseconds. */
  readonly redis: number;
  /** The mean time from the receipt of a line until its node has read it back, in milliseconds. */
  readonly hop: number;
  /** The memory of all nodes in KiB, for each user. */
  readonly memory: number;
}

/** Measures one process against nodes on Redis. */
export async function benchChatBus(bench: Bench): Promise<Figure[]> {
  if (redis.ignore) {
    bench.leaveOut("chat_bus", "no redis-server");
    return [];
  }
  const runs = VARIANTS.map(({ name }) => ({ name, rounds: new Array<Result>() }));
  for (let round = 0; round < bench.settings.rounds; round++) {
    for (const [i, variant] of VARIANTS.entries()) {
      bench.signal.throwIfAborted();
      bench.progress(`Chat: round ${round + 1} of ${bench.settings.rounds}, ${variant.name}`);
      const result = await measure(variant);
      runs[i]!.rounds.push(result);
      // A later run may fail, and this one took long.
      bench.progress(JSON.stringify(result));
    }
  }
  const figure = (
    { what, unit, note, of }: { what: string; unit: string; note: string; of: keyof Result },
  ): Figure => ({
    title: `Chat, ${USERS} pages and terminals, ${what}`,
    unit,
    note,
    series: runs.map(({ name, rounds }) => ({
      name,
      rounds: rounds.map((r) => ({ value: r[of] })),
    })),
    targets: [],
  });
  const deliveries = `${DELIVERIES_PER_SECOND} deliveries a second`;
  return [
    figure({
      what: "CPU time of a line",
      unit: "µs",
      note: `in all nodes, without Redis and without the users; ${deliveries}`,
      of: "cpu",
    }),
    figure({
      what: "CPU time of a line in the busiest thread of a node",
      unit: "µs",
      note: "a million divided by it is the most lines in a second",
      of: "thread",
    }),
    figure({
      what: "CPU time of a line in Redis",
      unit: "µs",
      note: "appendfsync always",
      of: "redis",
    }),
    figure({
      what: "hop",
      unit: "ms",
      note: "mean time from the receipt of a line until its node has read it back and delivered it",
      of: "hop",
    }),
    figure({
      what: "median delay",
      unit: "ms",
      note: "from the sending to the last delivery",
      of: "p50",
    }),
    figure({ what: "delay, 99th percentile", unit: "ms", note: "likewise", of: "p99" }),
    figure({
      what: "memory of a user",
      unit: "KiB",
      note: "growth of all nodes together while users join, divided by the users",
      of: "memory",
    }),
  ];
}

async function measure({ nodes, rooms }: Variant): Promise<Result> {
  await using resources = new AsyncDisposableStack();
  const bus = nodes === 0 ? undefined : resources.use(await RedisServer.start());
  const flags = bus === undefined ? FLAGS : [...FLAGS, `--bus=${bus.url}`, "--bus-lease=60s"];
  const servers: Runnable[] = [];
  for (let i = 0; i < Math.max(1, nodes); i++) {
    servers.push(
      resources.use(await startRunnable("chat", flags, { listeners: 2, permissions: ["-A"] })),
    );
  }
  const crowd = new Crowd(
    ...servers.map(({ urls }) => ({
      terminals: Number(urls[0]!.port),
      web: Number(urls[1]!.port),
    })),
  );
  const pids = servers.map(({ pid }) => pid);
  const all = bus === undefined ? pids : [...pids, bus.pid];
  const memory = () => pids.reduce((sum, pid) => sum + residentMemory(pid), 0);
  const empty = memory();
  await crowd.join(USERS, rooms);
  const full = memory();
  const rate = DELIVERIES_PER_SECOND / (USERS / rooms);
  const lines = Math.ceil(rate * SECONDS);
  await crowd.talk(Math.ceil(rate * WARMUP), rate);
  const hops = await hopsOf(servers);
  const from = sampleCpu(all);
  const delays = (await crowd.talk(lines, rate)).sort((a, b) => a - b);
  const to = sampleCpu(all);
  const later = await hopsOf(servers);
  const each = (cores: number) => cores * (to.at - from.at) / 1000 / lines;
  const used = cpuUse(from, to, pids);
  await crowd[Symbol.asyncDispose]();
  return {
    p50: delays[Math.floor(lines * 0.5)]!,
    p99: delays[Math.floor(lines * 0.99)]!,
    cpu: each(used.cores),
    thread: each(used.thread),
    redis: bus === undefined ? 0 : each(cpuUse(from, to, [bus.pid]).cores),
    hop: bus === undefined ? 0 : (later.sum - hops.sum) / (later.count - hops.count) * 1000,
    memory: (full - empty) / USERS / 1024,
  };
}

/** Returns the sum of the hops of all nodes in seconds, and their number. */
async function hopsOf(servers: readonly Runnable[]): Promise<{ sum: number; count: number }> {
  const texts = await Promise.all(servers.map(async ({ urls }) => {
    const response = await fetch(`http://127.0.0.1:${urls[1]!.port}/metrics`);
    return await response.text();
  }));
  const total = (name: string) =>
    texts.reduce((sum, text) => {
      const [, value = "0"] = new RegExp(`^chat_bus_hop_seconds_${name} (\\S+)$`, "m").exec(text) ??
        [];
      return sum + Number(value);
    }, 0);
  return { sum: total("sum"), count: total("count") };
}
