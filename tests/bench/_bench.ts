/**
 * What a benchmark is, and how its rounds are run: interleaved, in an order that turns with every
 * round, so that what else the machine does hits all contenders alike.
 *
 * @module
 */

import { type CpuUse, cpuUse, machineUse, sampleCpu } from "./_cpu.ts";
import type { Load, LoadGenerator } from "./_load.ts";
import { outputOf, type RunningServer, startServer } from "./_process.ts";

/** How much is measured. */
export interface Settings {
  /** Rounds of each figure. */
  readonly rounds: number;
  /** How long an echo is measured, in milliseconds. */
  readonly measure: number;
  /** How long it runs before, in milliseconds. */
  readonly warmup: number;
  /** Connections of an echo. */
  readonly connections: number;
  /** Listeners of the chat. */
  readonly listeners: number;
  /** Lines of the chat. */
  readonly lines: number;
  /** Idle connections. */
  readonly idle: number;
  /** Small files over FTP. */
  readonly files: number;
}

/** What a benchmark is run with. */
export interface Bench {
  readonly settings: Settings;
  readonly load: LoadGenerator;
  /** The programs that run the servers. */
  readonly deno: string;
  readonly node: string;
  readonly python: string;
  /** Those of them that are not on this machine; what needs them is left out. */
  readonly missing: ReadonlySet<string>;
  /** Remembers who is not measured, and why, for the end of the report. */
  readonly leaveOut: (name: string, why: string) => void;
  /** Says how far it is. */
  readonly progress: (text: string) => void;
  /** Stops between two measurements. */
  readonly signal: AbortSignal;
}

/** One of the programs that are compared. */
export interface Contender {
  /** What it is called in the table. */
  readonly name: string;
  /** How its server is started. */
  readonly command: readonly string[];
}

/** One measured value, and what the processes did meanwhile. */
export interface Measurement {
  readonly value: number;
  readonly server?: CpuUse;
  readonly load?: CpuUse;
  /** Cores that neither the server nor the load generator used. */
  readonly others?: number;
}

/** What was measured of one contender, once per round. */
export interface Rounds<T> {
  readonly name: string;
  readonly rounds: readonly T[];
}

/** One line of a table. */
export type Series = Rounds<Measurement>;

/** How our contender has to stand against others. */
export interface Target {
  /** Which of ours. @default the first */
  readonly of?: string;
  /** The names of the others; the best of them counts. */
  readonly against: readonly string[];
  /** The ratio to reach. @default none, it is only told */
  readonly ratio?: number;
  /** The ratio not to exceed, where less is better. */
  readonly atMost?: number;
  /** Whether the ratio per CPU second is judged. @default that of the figure */
  readonly perCpu?: boolean;
  /** Whether the chart of the main figures shows this ratio. @default false */
  readonly chart?: boolean;
}

/** One table of the report. */
export interface Figure {
  readonly title: string;
  readonly unit: string;
  /** What a round was, and what is fair about it. */
  readonly note: string;
  /** Ours first. */
  readonly series: readonly Series[];
  readonly targets: readonly Target[];
  /** Where the load generator takes the server's cores, the CPU second is what is compared. */
  readonly perCpu?: boolean;
  /** The most that ours may be, for what is better when it is less. */
  readonly atMost?: number;
}

/** Those whose program is on this machine. */
export function present<T extends Contender>(bench: Bench, all: readonly T[]): T[] {
  return all.filter(({ name, command: [program = ""] }) => {
    const missing = bench.missing.has(program);
    if (missing) bench.leaveOut(name, `no ${program}`);
    return !missing;
  });
}

/** Whether a command ends well; if not, who needs it is left out. */
export async function can(
  bench: Bench,
  name: string,
  why: string,
  ...command: readonly string[]
): Promise<boolean> {
  const able = await outputOf(command) !== undefined;
  if (!able) bench.leaveOut(name, why);
  return able;
}

/** Whether Python has the module that a contender is named after. */
export function hasModule(bench: Bench, module: string): Promise<boolean> {
  const why = `${bench.python} cannot import it`;
  return can(bench, module, why, bench.python, "-c", `import ${module}`);
}

/** Whether npm has Hono; if not, who is on it is left out. */
export function hasHono(bench: Bench, name: string): Promise<boolean> {
  const why = "npm cannot install it";
  return can(bench, name, why, bench.deno, "cache", "-q", "--no-lock", "npm:hono@4.13.19");
}

/** Measures every contender in every round; each has a server of its own in each round. */
export async function runRounds<T>(
  bench: Bench,
  title: string,
  all: readonly Contender[],
  measure: (server: RunningServer, contender: Contender) => Promise<T>,
): Promise<Rounds<T>[]> {
  const contenders = present(bench, all);
  const series = contenders.map(({ name }) => ({ name, rounds: new Array<T>() }));
  for (let round = 0; round < bench.settings.rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      bench.signal.throwIfAborted();
      const at = (round + i) % contenders.length;
      const contender = contenders[at]!;
      const { name, command } = contender;
      bench.progress(`${title}: round ${round + 1} of ${bench.settings.rounds}, ${name}`);
      await using server = await startServer(command);
      series[at]!.rounds[round] = await measure(server, contender);
    }
  }
  return series;
}

/** Waits for the result of a load that has begun, and watches the CPU until then. */
export async function watchLoad(
  server: RunningServer,
  load: Load,
  begin: () => Promise<void>,
  event: "first" | "end" = "end",
): Promise<Measurement> {
  const pids = [server.pid, ...load.pids];
  const from = sampleCpu(pids);
  await begin();
  const { count, ns } = await load.result(event);
  const to = sampleCpu(pids);
  const used = cpuUse(from, to, [server.pid]);
  const generated = cpuUse(from, to, load.pids);
  return {
    value: count / (ns / 1e9),
    server: used,
    load: generated,
    others: Math.max(0, machineUse(from, to) - used.cores - generated.cores),
  };
}

/** The command of a server of ours or on the bare API, with nothing but what it needs. */
export function denoServer(bench: Bench, file: string, ...flags: string[]): string[] {
  return [bench.deno, "run", "-q", "--no-prompt", "--allow-net=127.0.0.1", ...flags, file];
}
