/** The machine and the versions that figures belong to. @module */

import { outputOf } from "./_process.ts";

/** The programs whose versions are told. */
export interface Programs {
  readonly deno: string;
  readonly node: string;
  readonly python: string;
}

/** The lines above the tables. */
export async function describeMachine(programs: Programs, load: string): Promise<string[]> {
  const [node, python] = await Promise.all([
    outputOf([programs.node, "--version"]),
    outputOf([programs.python, "-c", "import sys; print(sys.version.split()[0])"]),
  ]);
  const { deno, v8 } = Deno.version;
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  return [
    `machine: ${cpuModel()}, ${navigator.hardwareConcurrency} cores, ${memory} GiB, Linux ${Deno.osRelease()}, loopback`,
    `versions: Deno ${deno} (V8 ${v8}), Node ${node ?? "missing"}, Python ${python ?? "missing"}`,
    `load generator: ${load}`,
    `load average before: ${loadAverage()}`,
  ];
}

/** How many programs wanted to run of late: the last 1, 5 and 15 minutes. */
export function loadAverage(): string {
  return Deno.loadavg().map((load) => load.toFixed(2)).join(", ");
}

function cpuModel(): string {
  const [, model] = /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo")) ?? [];
  return model ?? Deno.build.arch;
}
