/** Reverse proxies: small requests with keep-alive, and what the proxy adds to a bare handler. @module */

import { type Bench, type Contender, denoServer, type Figure, runRounds } from "./_bench.ts";
import { cpuUse, sampleCpu } from "./_cpu.ts";
import { outputOf, startServer } from "./_process.ts";
import { CliError, ExitCode } from "../../tools/cli.ts";

const PEERS = "tests/bench/peers";
const CONNECTIONS = 32;
const BARE = "a handler of ours";
const NGINX = "nginx";
const NODE = "node:http on Node";

/** Measures requests per second and per CPU second. */
export async function benchReverseProxy(bench: Bench): Promise<Figure[]> {
  for (const program of ["wrk", "nginx"]) {
    if (await outputOf(["sh", "-c", `command -v ${program}`]) === undefined) {
      throw new CliError(`Cannot find ${program}: apt-get install ${program}`, ExitCode.missing);
    }
  }
  await using origin = await startServer([bench.python, `${PEERS}/proxy_daemon.py`, "nginx"]);
  const target = `http://127.0.0.1:${origin.port}`;
  const ours = denoServer(bench, `${PEERS}/reverse_ours.ts`);
  const contenders: Contender[] = [
    { name: "ours", command: [...ours, target] },
    { name: BARE, command: [...ours, "bare"] },
    { name: NODE, command: [bench.node, `${PEERS}/reverse_node.mjs`, target] },
    { name: NGINX, command: [bench.python, `${PEERS}/reverse_nginx.py`, target] },
  ];
  const title = `HTTP reverse proxy, small requests, ${CONNECTIONS} connections`;
  const series = await runRounds(bench, title, contenders, async ({ port, pid }) => {
    const { warmup, measure } = bench.settings;
    await wrk(port, warmup);
    const from = sampleCpu([pid]);
    const value = await wrk(port, measure);
    return { value, server: cpuUse(from, sampleCpu([pid]), [pid]) };
  });
  return [{
    title,
    unit: "requests/s",
    note: "wrk with one thread, keep-alive; the origin is nginx with one worker",
    series,
    targets: [{ against: [NODE], ratio: 1 }, { against: [NGINX] }, { against: [BARE] }],
    perCpu: true,
  }];
}

async function wrk(port: number, ms: number): Promise<number> {
  const seconds = `${Math.max(1, Math.round(ms / 1000))}s`;
  const url = `http://127.0.0.1:${port}/small`;
  const out = await outputOf(["wrk", "-t", "1", "-c", `${CONNECTIONS}`, "-d", seconds, url]) ?? "";
  const [, rate] = /Requests\/sec: +([\d.]+)/.exec(out) ?? [];
  if (rate === undefined || /Non-2xx/.test(out)) throw new CliError(`wrk has failed: ${out}`);
  return Number(rate);
}
