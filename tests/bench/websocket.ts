/** WebSockets: echo, a broadcast, and what an idle connection costs. @module */

import {
  type Bench,
  type Contender,
  denoServer,
  type Figure,
  runRounds,
  watchLoad,
} from "./_bench.ts";
import { IDLE_METHOD, idleDeno, idleNode, measureIdle } from "./idle_memory.ts";

const PEERS = "tests/bench/peers";
const SIZES = [64, 64 * 1024];
const LISTENERS = 500;
const MESSAGES = 1000;
const IDLE = 5000;
/** What serves beyond loopback, on a transport of its own. */
const HARDENED = "ours, hardened";

/** Measures round trips, a broadcast and memory. */
export async function benchWebSocket(bench: Bench): Promise<Figure[]> {
  // Deno downloads the package because of the import, and Node gets its file.
  await import("ws");
  const ws = import.meta.resolve("ws");
  const contenders = (what: "echo" | "room"): Contender[] => [
    { name: "ours", command: [...denoServer(bench, `${PEERS}/ws_ours.ts`), what] },
    {
      name: HARDENED,
      command: [...denoServer(bench, `${PEERS}/ws_ours.ts`), what, "hardened"],
    },
    { name: "bare Deno", command: [...denoServer(bench, `${PEERS}/ws_bare.ts`), what] },
    { name: "npm ws on Node", command: [bench.node, `${PEERS}/ws_node.mjs`, what, ws] },
    { name: "Python websockets", command: [bench.python, `${PEERS}/ws_python.py`, what] },
  ];
  const figures: Figure[] = [];
  for (const size of SIZES) figures.push(await benchEcho(bench, contenders("echo"), size));
  figures.push(await benchRoom(bench, contenders("room")));
  figures.push(await benchMemory(bench, ws));
  return figures;
}

async function benchEcho(bench: Bench, contenders: Contender[], size: number): Promise<Figure> {
  const { connections, warmup, measure } = bench.settings;
  const what = size < 1024 ? `${size} bytes` : `${size / 1024} KiB`;
  const title = `WebSocket echo, ${connections} connections, ${what} a message`;
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "ws-echo", connections, size, warmup, measure } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("begin");
    return await watchLoad(server, load, async () => {});
  });
  return {
    title,
    unit: "round trips/s",
    note: "text frames, no compression; ours with its limits, queues and iteration",
    series,
    targets: [
      { against: ["bare Deno"], ratio: 0.9 },
      { of: HARDENED, against: ["bare Deno"], ratio: 0.95 },
      { of: HARDENED, against: ["npm ws on Node"], ratio: 1, chart: true },
      { against: ["npm ws on Node"] },
      { against: ["Python websockets"] },
    ],
  };
}

async function benchRoom(bench: Bench, contenders: Contender[]): Promise<Figure> {
  const title = `WebSocket broadcast, ${MESSAGES} messages to ${LISTENERS} connections`;
  const series = await runRounds(bench, title, contenders, async (server) => {
    const plan = { mode: "ws-room", listeners: LISTENERS, messages: MESSAGES } as const;
    await using load = bench.load.start(server.port, plan);
    await load.until("joined");
    return await watchLoad(server, load, () => load.go());
  });
  return {
    title,
    unit: "deliveries/s",
    note: "from the first message sent until everyone has every byte, in order; " +
      "on Deno's transport each is framed and written for each listener, by Deno",
    series,
    targets: [
      { of: HARDENED, against: ["npm ws on Node"], ratio: 10, chart: true },
      { of: HARDENED, against: ["Python websockets"], ratio: 1 },
      { against: ["npm ws on Node"] },
      { against: ["Python websockets"] },
      { against: ["bare Deno"] },
    ],
  };
}

/** The connections are not WebSockets: their cost is the measure of what ours add. */
const TCP = "ours, TCP lines";

async function benchMemory(bench: Bench, ws: string): Promise<Figure> {
  const title = `WebSocket idle memory, ${IDLE} connections`;
  const once = { ...bench, settings: { ...bench.settings, rounds: 1, idle: IDLE } };
  const contenders: Contender[] = [
    { name: "ours", command: [...idleDeno(bench, `${PEERS}/ws_ours.ts`), "echo"] },
    { name: HARDENED, command: [...idleDeno(bench, `${PEERS}/ws_ours.ts`), "echo", "hardened"] },
    { name: TCP, command: idleDeno(bench, `${PEERS}/lines_ours.ts`) },
    { name: "bare Deno", command: [...idleDeno(bench, `${PEERS}/ws_bare.ts`), "echo"] },
    { name: "npm ws on Node", command: [...idleNode(bench, `${PEERS}/ws_node.mjs`), "echo", ws] },
    { name: "Python websockets", command: [bench.python, `${PEERS}/ws_python.py`, "echo"] },
  ];
  const costs = await runRounds(
    once,
    title,
    contenders,
    (server, contender) =>
      measureIdle(once, server, contender, contender.name === TCP ? "idle" : "ws-idle"),
  );
  return {
    title,
    unit: "KiB each",
    note: `each has sent a message and got its answer; ${IDLE_METHOD}`,
    series: costs.map(({ name, rounds }) => ({
      name,
      rounds: rounds.map(({ spoken }) => ({ value: spoken })),
    })),
    targets: [
      { of: HARDENED, against: [TCP], atMost: 1.2 },
      { of: HARDENED, against: ["bare Deno"] },
      { of: HARDENED, against: ["npm ws on Node"] },
      { against: ["bare Deno"] },
    ],
  };
}
