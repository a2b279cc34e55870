/**
 * The chat with many users: the delay of lines, memory, idle CPU, the farewell, and the return of all
 * pages after a restart behind a proxy.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { serveFaultProxy } from "../../tools/fault_proxy.ts";
import { PageClient } from "../examples/chat/checker/page_client.ts";
import { PageView } from "../examples/chat/checker/page_view.ts";
import { freePorts } from "../_support/ports.ts";
import { type Runnable, startRunnable } from "../_support/runnable.ts";
import { Random } from "../_support/stress/random.ts";
import { until } from "../_support/until.ts";
import type { Bench, Figure, Series } from "./_bench.ts";
import { Crowd } from "./_chat_crowd.ts";
import { cpuUse, residentMemory, sampleCpu } from "./_cpu.ts";

const USERS = 2000;
const ROOMS = 100;
/** The lines of all users together. */
const LINES_PER_SECOND = 200;
const LINES = 4000;
const WARMUP = 1000;
/** The pages that return after a restart. */
const RETURNING = 500;
/** How long the idle chat is watched, in milliseconds. */
const IDLE = 10_000;

const FLAGS = [
  "--rate=0",
  "--max-users=0",
  "--max-rooms=0",
  "--max-connections-per-address=0",
  "--log-level=error",
];

/** What is measured with a crowd. */
interface CrowdResult {
  /** The 99th percentile from the sending of a line to its last delivery, in milliseconds. */
  readonly delay: number;
  /** The memory of a user in KiB. */
  readonly memory: number;
  /** The CPU time of the idle chat in percent of one core. */
  readonly idle: number;
  /** The frames and lines of a user during the shutdown. */
  readonly farewell: number;
}

/** Measures the chat under load, in memory and with a store. */
export async function benchChatLoad(bench: Bench): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "chat_load_" });
  try {
    const results: { name: string; result: CrowdResult }[] = [];
    const variants = [["--store", ["--store", `${folder}/chat.db`]], ["in memory", []]] as const;
    for (const [name, flags] of variants) {
      bench.signal.throwIfAborted();
      bench.progress(`Chat with ${USERS} users, ${name}`);
      results.push({ name, result: await measureCrowd(flags) });
    }
    const series = (what: keyof CrowdResult): Series[] =>
      results.map(({ name, result }) => ({ name, rounds: [{ value: result[what] }] }));
    bench.progress(`Chat: ${RETURNING} pages return`);
    const value = await measureReturn(`${folder}/return.db`);
    return [
      delayFigure(series("delay")),
      figure("memory", "KiB/user", "growth of the resident memory", series("memory")),
      figure(
        "idle CPU",
        "%",
        `of one core, over ${IDLE / 1000} s, all users connected`,
        series("idle"),
      ),
      { ...figure("farewell", "frames/user", "after SIGTERM", series("farewell")), atMost: 2 },
      returnFigure(value),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TITLE = `Chat, ${USERS} pages and terminals in ${ROOMS} rooms`;

function figure(what: string, unit: string, note: string, series: readonly Series[]): Figure {
  return { title: `${TITLE}, ${what}`, unit, note, series, targets: [] };
}

function delayFigure(series: readonly Series[]): Figure {
  const note =
    "99th percentile, from the sending of a line to its last delivery, measured in one " +
    `process with all users: ${LINES} lines, ${LINES_PER_SECOND} a second`;
  return { ...figure("delay", "ms", note, series), atMost: 50 };
}

function returnFigure(value: number): Figure {
  return {
    title: `Chat, ${RETURNING} pages behind one address return after a restart`,
    unit: "s",
    note: "kill -9; from the listening of the new process until every page is in the chat again",
    series: [{ name: "--store", rounds: [{ value }] }],
    targets: [],
    atMost: 10,
  };
}

/** Starts the chat with both listeners. */
function startChat(flags: readonly string[]): Promise<Runnable> {
  return startRunnable("chat", [...FLAGS, ...flags], { listeners: 2, permissions: ["-A"] });
}

async function measureCrowd(flags: readonly string[]): Promise<CrowdResult> {
  await using server = await startChat(["--port=0", "--web-port=0", ...flags]);
  const [terminals = 0, web = 0] = server.urls.map(({ port }) => Number(port));
  const crowd = new Crowd({ terminals, web });
  const before = residentMemory(server.pid);
  await crowd.join(USERS, ROOMS);
  const memory = (residentMemory(server.pid) - before) / USERS / 1024;
  await crowd.talk(WARMUP, LINES_PER_SECOND);
  const delays = (await crowd.talk(LINES, LINES_PER_SECOND)).sort((a, b) => a - b);
  const idle = await idleCpu(server.pid);
  const heard = crowd.received;
  server.signal("SIGTERM");
  await crowd.untilClosed();
  return {
    delay: delays[Math.floor(delays.length * 0.99)]!,
    memory,
    idle,
    farewell: (crowd.received - heard) / USERS,
  };
}

async function idleCpu(pid: number): Promise<number> {
  const from = sampleCpu([pid]);
  await delay(IDLE);
  return cpuUse(from, sampleCpu([pid]), [pid]).cores * 100;
}

/** Kills the chat with many pages, and returns the seconds until all of them are back. */
async function measureReturn(store: string): Promise<number> {
  const [port, webPort = 0] = freePorts(2);
  const flags = [`--port=${port}`, `--web-port=${webPort}`, "--store", store];
  const first = await startChat(flags);
  const to = { hostname: "127.0.0.1", port: webPort };
  await using proxy = await serveFaultProxy({ to, maxConnections: 0 });
  const random = new Random(1);
  const pages = Array.from({ length: RETURNING }, (_, i) => {
    const view = new PageView(`page${i}`, [`room${i % 20}`]);
    return new PageClient(view, () => `http://127.0.0.1:${proxy.addr.port}`, random.fork());
  });
  const stop = new AbortController();
  const work = pages.map((page) => page.run(stop.signal));
  await until(() => pages.every(({ joined }) => joined));
  await first[Symbol.asyncDispose]();
  await until(() => pages.every(({ joined }) => !joined));
  await using _second = await startChat(flags);
  const started = performance.now();
  await until(() => pages.every(({ joined }) => joined));
  const seconds = (performance.now() - started) / 1000;
  if (pages.some(({ refusals }) => refusals.size > 0)) throw new Error("A page saw the join form");
  stop.abort();
  await Promise.all(work);
  return seconds;
}
