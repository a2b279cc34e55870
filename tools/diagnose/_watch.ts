import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { orAbort } from "../../net/internal/or_abort.ts";
import { delay } from "@std/async/delay";
import { type CommandResult, pingCommands, runFirst, traceCommands } from "./_commands.ts";
import { resolveBySystem } from "../internal/connection_phases.ts";
import { PathStatistics } from "../internal/path_statistics.ts";
import { ofFamily } from "./_http_exchange.ts";
import { notRun, throwIfMissing } from "./_step_system.ts";
import { parseTarget } from "./_target.ts";
import type { WatchedPath, WatchOptions } from "./watch_options.ts";
import { NetError } from "../../net/errors/errors.ts";

/** Measures a path again and again, and yields the statistics after each round. */
export async function* watch(
  url: string,
  options: WatchOptions,
): AsyncGenerator<WatchedPath, void, void> {
  const { mode = "trace", interval = 1000, rounds = 0, timeout = 5000, family } = options;
  const { signal = new AbortController().signal } = options;
  const { host } = parseTarget(url);
  const limits = { timeout, signal };
  const [address] = ofFamily(await resolveBySystem(host, limits), family);
  if (address === undefined) {
    const message = `Cannot resolve ${host}: it has no IPv${family} address`;
    throw new NetError(message, { kind: "dns", phase: "resolve", address: host });
  }
  const found = new PathStatistics();
  const measure = mode === "ping" ? pinging(address, found) : tracing(address, found);
  for (let round = 1; rounds === 0 || round <= rounds; round++) {
    const begun = performance.now();
    try {
      await measure(limits);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    yield { host, address, rounds: round, reached: found.reached, hops: found.hops };
    if (round === rounds) return;
    const rest = Math.max(0, begun + interval - performance.now());
    await ignoreFailure(orAbort(delay(rest, { signal }), signal));
    if (signal.aborted) return;
  }
}

type Measure = (limits: { timeout: number; signal: AbortSignal }) => Promise<void>;

function pinging(address: string, found: PathStatistics): Measure {
  const commands = pingCommands(Deno.build.os, address, 1);
  return async (limits) => {
    found.addPing(reportOf(await runFirst(commands, limits)));
  };
}

function tracing(address: string, found: PathStatistics): Measure {
  // The first round finds out which program works.
  let works = -1;
  return async (limits) => {
    const rest = { hops: works === -1 ? 30 : found.wanted, once: true };
    const all = traceCommands(Deno.build.os, address, rest);
    const result = await runFirst(works === -1 ? all : all.slice(works, works + 1), limits);
    if (works === -1 && "ran" in result) works = all.indexOf(result.ran);
    found.addTrace(reportOf(result));
  };
}

/** Returns the report of a program. Throws if there is none. */
function reportOf<T>(result: CommandResult<T>): T {
  if ("ran" in result) return result.report;
  throwIfMissing(notRun(result));
  throw new Error("a program has not run, but nothing is missing");
}
