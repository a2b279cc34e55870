/** HTTP proxies: small requests with keep-alive, and 200 MB bodies, plain and by CONNECT. @module */

import { type Bench, can, type Contender, denoServer, type Figure, runRounds } from "./_bench.ts";
import { outputOf, startServer } from "./_process.ts";
import { CliError, ExitCode } from "../../tools/cli.ts";

const PEERS = "tests/bench/peers";
const CONNECTIONS = 32;
/** As little as a tunnel can do. */
const RELAY = "a bare relay in C";
const OTHERS = ["node:http on Node", "node:http on Deno", "tinyproxy"];

/** Measures requests and bytes per second through proxies, and without one. */
export async function benchProxy(bench: Bench): Promise<Figure[]> {
  for (const program of ["wrk", "curl", "nginx"]) {
    if (await outputOf(["sh", "-c", `command -v ${program}`]) === undefined) {
      throw new CliError(`Cannot find ${program}: apt-get install ${program}`, ExitCode.missing);
    }
  }
  const daemon = [bench.python, `${PEERS}/proxy_daemon.py`];
  const has = (name: string, program: string) =>
    can(bench, name, `no ${program}`, "sh", "-c", `command -v ${program}`);
  const contenders: Contender[] = [
    { name: "ours", command: denoServer(bench, `${PEERS}/proxy_ours.ts`) },
    { name: "node:http on Node", command: [bench.node, `${PEERS}/proxy_node.mjs`] },
    {
      name: "node:http on Deno",
      command: [bench.deno, "run", "-q", "-A", `${PEERS}/proxy_node.mjs`],
    },
    ...await has("tinyproxy", "tinyproxy")
      ? [{ name: "tinyproxy", command: [...daemon, "tinyproxy"] }]
      : [],
    // An origin takes the same requests, and answers them itself.
    { name: "no proxy", command: [...daemon, "nginx"] },
  ];
  const relay = `f=$(mktemp) && cc -O2 -o "$f" ${PEERS}/proxy_relay.c && exec "$f"`;
  const tunnels = await has(RELAY, "cc")
    ? [...contenders, { name: RELAY, command: ["sh", "-c", relay] }]
    : contenders;
  await using origin = await startServer([...daemon, "nginx"]);
  return [
    await benchSmall(bench, contenders, origin.port),
    await benchLarge(bench, contenders, origin.port, false),
    await benchLarge(bench, tunnels, origin.port, true),
  ];
}

async function benchSmall(bench: Bench, contenders: Contender[], origin: number): Promise<Figure> {
  const { warmup, measure } = bench.settings;
  const title = `HTTP proxy, small requests, ${CONNECTIONS} connections`;
  const series = await runRounds(bench, title, contenders, async (server) => {
    await wrk(server.port, origin, warmup);
    return { value: await wrk(server.port, origin, measure) };
  });
  return {
    title,
    unit: "requests/s",
    note: "wrk with one thread, keep-alive; the origin is nginx with one worker",
    series,
    targets: [{ against: OTHERS, ratio: 2, chart: true }, { against: ["no proxy"] }],
  };
}

async function benchLarge(
  bench: Bench,
  contenders: Contender[],
  origin: number,
  tunnel: boolean,
): Promise<Figure> {
  const title = `HTTP proxy, a body of 200 MB${tunnel ? " by CONNECT" : ""}`;
  const series = await runRounds(bench, title, contenders, async (server, { name }) => {
    const flags = tunnel && name !== "no proxy" ? ["-p"] : [];
    for (let i = 0; i < 3; i++) await curl(server.port, origin, flags);
    const speeds = [];
    for (let i = 0; i < 5; i++) speeds.push(await curl(server.port, origin, flags));
    return { value: speeds.sort((a, b) => a - b)[2]! };
  });
  return {
    title,
    unit: "MB/s",
    note: "the median of five transfers by curl, after three; the origin is nginx, which sends a " +
      `file${tunnel ? "; the relay in C reads and writes, and does nothing else" : ""}`,
    series,
    targets: tunnel
      ? [
        { against: ["no proxy"], ratio: 0.8 },
        { against: OTHERS, ratio: 1, chart: true },
        // What is possible at all, where a direct transfer is faster than one core copies.
        { against: [RELAY], ratio: 0.8 },
      ]
      : [{ against: OTHERS, ratio: 1, chart: true }, { against: ["no proxy"] }],
  };
}

async function wrk(port: number, origin: number, ms: number): Promise<number> {
  const seconds = `${Math.max(1, Math.round(ms / 1000))}s`;
  const load = ["-t", "1", "-c", `${CONNECTIONS}`, "-d", seconds, "-s", `${PEERS}/proxy_small.lua`];
  const url = `http://127.0.0.1:${port}/`;
  const out = await outputOf(["wrk", ...load, url, "--", `${origin}`]) ?? "";
  const [, rate] = /Requests\/sec: +([\d.]+)/.exec(out) ?? [];
  if (rate === undefined || /Non-2xx/.test(out)) throw new CliError(`wrk has failed: ${out}`);
  return Number(rate);
}

/** One transfer, in MB/s. */
async function curl(port: number, origin: number, flags: string[]): Promise<number> {
  const told = ["-w", "%{size_download} %{speed_download}", "-o", "/dev/null"];
  const proxy = ["-x", `http://127.0.0.1:${port}`, "--noproxy", ""];
  const url = `http://127.0.0.1:${origin}/large`;
  const out = await outputOf(["curl", "-sS", ...told, ...proxy, ...flags, url]) ?? "";
  const [size, speed] = out.split(" ").map(Number);
  if (size !== 200 * 1024 * 1024) throw new CliError(`curl got ${size} bytes`);
  return speed! / 1e6;
}
