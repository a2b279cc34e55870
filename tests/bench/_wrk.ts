/** wrk as the load generator of HTTP servers. @module */

import type { Bench, Measurement } from "./_bench.ts";
import { cpuUse, sampleCpu } from "./_cpu.ts";
import { outputOf, type RunningServer } from "./_process.ts";
import { CliError, ExitCode } from "../../tools/cli.ts";

/** Throws if this machine has no wrk. */
export async function needWrk(): Promise<void> {
  if (await outputOf(["sh", "-c", "command -v wrk"]) !== undefined) return;
  throw new CliError(
    "Cannot find wrk, which asks the servers: apt-get install wrk",
    ExitCode.missing,
  );
}

/** Measures answers per second, and what the server used meanwhile. */
export async function ask(
  bench: Bench,
  server: RunningServer,
  path: string,
  connections: number,
  flags: readonly string[] = [],
): Promise<Measurement> {
  const { warmup, measure } = bench.settings;
  const url = `http://127.0.0.1:${server.port}${path}`;
  await wrk(url, connections, warmup, flags);
  const from = sampleCpu([server.pid]);
  const value = await wrk(url, connections, measure, flags);
  return { value, server: cpuUse(from, sampleCpu([server.pid]), [server.pid]) };
}

async function wrk(
  url: string,
  connections: number,
  ms: number,
  flags: readonly string[],
): Promise<number> {
  const seconds = `${Math.max(1, Math.round(ms / 1000))}s`;
  const load = ["-t", "1", "-c", `${connections}`, "-d", seconds, ...flags];
  const out = await outputOf(["wrk", ...load, url]) ?? "";
  const [, rate] = /Requests\/sec: +([\d.]+)/.exec(out) ?? [];
  if (rate === undefined || /Non-2xx/.test(out)) throw new CliError(`wrk has failed: ${out}`);
  return Number(rate);
}
