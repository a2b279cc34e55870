/** The machine and the versions that figures belong to. @module */

import { outputOf } from "./_process.ts";

/** The programs whose versions are told. */
export interface Programs {
  readonly deno: string;
  readonly node: string;
  readonly python: string;
}

/** The machine in words, and what is not on it. */
export interface Machine {
  /** The lines above the tables. */
  readonly lines: readonly string[];
  /** The programs that cannot be run. */
  readonly missing: ReadonlySet<string>;
}

/** Looks at the machine and asks the programs for their versions. */
export async function describeMachine(programs: Programs, load: string): Promise<Machine> {
  const [node, python] = await Promise.all([
    outputOf([programs.node, "--version"]),
    outputOf([programs.python, "-c", "import sys; print(sys.version.split()[0])"]),
  ]);
  const missing = new Set<string>();
  if (node === undefined) missing.add(programs.node);
  if (python === undefined) missing.add(programs.python);
  const { deno, v8 } = Deno.version;
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const lines = [
    `machine: ${cpuModel()}, ${navigator.hardwareConcurrency} cores, ${memory} GiB, Linux ${Deno.osRelease()}, loopback`,
    `versions: Deno ${deno} (V8 ${v8}), Node ${node ?? "missing"}, Python ${python ?? "missing"}`,
    `load generator: ${load}`,
    `load average before: ${loadAverage()}`,
  ];
  return { lines, missing };
}

/** How many programs wanted to run of late: the last 1, 5 and 15 minutes. */
export function loadAverage(): string {
  return Deno.loadavg().map((load) => load.toFixed(2)).join(", ");
}

function cpuModel(): string {
  const [, model] = /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo")) ?? [];
  return model ?? Deno.build.arch;
}
