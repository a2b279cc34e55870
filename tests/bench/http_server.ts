/** HTTP servers: a small JSON answer, asked for over and over by wrk; and large bodies. @module */

import {
  type Bench,
  can,
  type Contender,
  denoServer,
  type Figure,
  hasModule,
  type Measurement,
  runRounds,
} from "./_bench.ts";
import { cpuUse, sampleCpu } from "./_cpu.ts";
import { outputOf } from "./_process.ts";
import { CliError, ExitCode } from "../../tools/cli.ts";

const PEERS = "tests/bench/peers";
const HONO = "Hono on Deno";
/** What is streamed each way. */
const LARGE = 2 * 1024 ** 3;

/** Measures answers per second, and how memory grows while a body of 2 GiB streams each way. */
export async function benchHttpServer(bench: Bench): Promise<Figure[]> {
  if (await outputOf(["sh", "-c", "command -v wrk"]) === undefined) {
    throw new CliError(
      "Cannot find wrk, which asks the servers: apt-get install wrk",
      ExitCode.missing,
    );
  }
  return [await benchAnswers(bench), await benchMemory(bench)];
}

async function benchAnswers(bench: Bench): Promise<Figure> {
  const { connections, warmup, measure } = bench.settings;
  const title = `HTTP server, a JSON answer, ${connections} connections`;
  const ours = `${PEERS}/http_server_ours.ts`;
  const hono = `${PEERS}/http_server_hono.ts`;
  const npm = "npm:hono@4.13.19";
  const contenders: Contender[] = [
    { name: "ours", command: denoServer(bench, ours) },
    { name: "bare Deno.serve", command: denoServer(bench, `${PEERS}/http_server_bare.ts`) },
    { name: "ours, hardened", command: [...denoServer(bench, ours), "hardened"] },
    { name: "node:http", command: [bench.node, `${PEERS}/http_server_node.mjs`] },
    ...await can(bench, HONO, "npm cannot install it", bench.deno, "cache", "-q", "--no-lock", npm)
      ? [{ name: HONO, command: denoServer(bench, hono, "--no-lock") }]
      : [],
    ...await hasModule(bench, "aiohttp")
      ? [{ name: "aiohttp", command: [bench.python, `${PEERS}/http_server_aiohttp.py`] }]
      : [],
    { name: "http.server", command: [bench.python, `${PEERS}/http_server_python.py`] },
  ];
  const series = await runRounds(bench, title, contenders, async (server): Promise<Measurement> => {
    const url = `http://127.0.0.1:${server.port}/hello`;
    await wrk(url, connections, warmup);
    const from = sampleCpu([server.pid]);
    const value = await wrk(url, connections, measure);
    return { value, server: cpuUse(from, sampleCpu([server.pid]), [server.pid]) };
  });
  return {
    title,
    unit: "answers/s",
    note: "wrk with one thread; ours goes through the router with all limits on",
    series,
    targets: [
      { against: ["bare Deno.serve"], ratio: 0.9 },
      { against: [HONO], ratio: 1 },
      { against: ["node:http"], ratio: 1 },
      { against: ["aiohttp"] },
      { against: ["http.server"] },
    ],
  };
}

async function wrk(url: string, connections: number, ms: number): Promise<number> {
  const seconds = `${Math.max(1, Math.round(ms / 1000))}s`;
  const out = await outputOf(["wrk", "-t", "1", "-c", `${connections}`, "-d", seconds, url]) ?? "";
  const [, rate] = /Requests\/sec: +([\d.]+)/.exec(out) ?? [];
  if (rate === undefined || /Non-2xx/.test(out)) throw new CliError(`wrk has failed: ${out}`);
  return Number(rate);
}

async function benchMemory(bench: Bench): Promise<Figure> {
  const title = "HTTP, memory while 2 GiB stream each way";
  const series = [];
  for (const [name, mode] of [["ours", "deno"], ["ours, hardened", "hardened"]] as const) {
    bench.progress(`${title}: ${name}`);
    const command = [...denoServer(bench, `${PEERS}/http_stream_ours.ts`), mode, `${LARGE}`];
    const out = await outputOf(command);
    const [, mib] = /^grown by ([\d.]+) MiB$/m.exec(out ?? "") ?? [];
    if (mib === undefined) throw new CliError(`${command.join(" ")} has failed: ${out}`);
    series.push({ name, rounds: [{ value: Number(mib) }] });
  }
  return {
    title,
    unit: "MiB",
    note: "how much more memory client and server together, in one process, had at the most",
    series,
    targets: [],
    atMost: 128,
  };
}
