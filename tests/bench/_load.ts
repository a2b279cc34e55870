/**
 * The load generator: load.c, compiled into a temporary folder, or load.ts in several processes
 * where there is no compiler.
 *
 * @module
 */

import { missingProgram } from "../../tools/cli.ts";
import { Child, outputOf } from "./_process.ts";

/** How long one phase of the load generator may take, in milliseconds. */
const PHASE_TIMEOUT = 120_000;
/** Processes of the Deno load generator. */
const PROCESSES = 2;

/** One run of the load generator. */
export interface Load extends AsyncDisposable {
  /** Its processes. */
  readonly pids: readonly number[];
  /** Waits until all of its processes have come to this event. */
  until(event: string): Promise<void>;
  /** Lets all of them go on. */
  go(): Promise<void>;
  /** Waits for a result, the last one unless told: what was done, and in how many nanoseconds. */
  result(event?: "first" | "end"): Promise<LoadResult>;
}

/** What a run has done. */
export interface LoadResult {
  readonly count: number;
  readonly ns: number;
}

/** What a run is asked to do. */
export type LoadPlan =
  | {
    mode: "echo" | "udp" | "accept" | "ws-echo";
    connections: number;
    size: number;
    warmup: number;
    measure: number;
    /** For a server that speaks TLS: the certificate of its authority. The load is Deno's then. */
    ca?: string;
  }
  | { mode: "chat"; listeners: number; lines: number; warmupLines: number }
  | { mode: "ws-room"; listeners: number; messages: number }
  | { mode: "idle" | "ws-idle" | "http-idle"; connections: number };

/** Starts runs of the load generator. */
export interface LoadGenerator extends AsyncDisposable {
  /** What it is, for the report. */
  readonly description: string;
  /** Starts a run against 127.0.0.1. */
  start(port: number, plan: LoadPlan): Load;
}

/** Makes the load generator ready. */
export async function makeLoadGenerator(
  kind: "auto" | "native" | "deno",
): Promise<LoadGenerator> {
  const native = kind === "deno" ? undefined : await compile(denoLoad);
  if (native !== undefined) return native;
  if (kind === "native") throw missingProgram("cc", "gcc");
  return {
    description: `Deno (load.ts) in ${PROCESSES} processes: no C compiler, so it may be the limit`,
    start: denoLoad,
    async [Symbol.asyncDispose]() {},
  };
}

function denoLoad(port: number, plan: LoadPlan): Load {
  const program = new URL("load.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "-q", "--allow-net=127.0.0.1", program];
  const commands = Array.from(
    { length: PROCESSES },
    (_, index) => [...command, ...args(port, plan, index, PROCESSES)],
  );
  return new Run(commands);
}

async function compile(fallback: LoadGenerator["start"]): Promise<LoadGenerator | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "portside-bench." });
  const source = new URL("load.c", import.meta.url).pathname;
  const binary = `${folder}/load`;
  for (const compiler of ["cc", "gcc", "clang"]) {
    if (await outputOf([compiler, "-O2", "-o", binary, source]) === undefined) continue;
    const version = (await outputOf([compiler, "--version"]))?.split("\n", 1)[0];
    return {
      description: `native (load.c: one thread, epoll; ${version})`,
      start: (port, plan) =>
        "ca" in plan ? fallback(port, plan) : new Run([[binary, ...args(port, plan, 0, 1)]]),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  }
  await Deno.remove(folder, { recursive: true });
  return undefined;
}

/** The command line of one process, which does its share. */
function args(port: number, plan: LoadPlan, index: number, processes: number): string[] {
  const share = (total: number) =>
    Math.floor(total * (index + 1) / processes) - Math.floor(total * index / processes);
  const words = "measure" in plan
    ? [share(plan.connections), plan.size, plan.warmup, plan.measure, plan.ca ?? ""]
    : plan.mode === "ws-room"
    ? [share(plan.listeners), plan.messages]
    : plan.mode === "chat"
    ? [share(plan.listeners), plan.lines, plan.warmupLines, index]
    : [share(plan.connections)];
  return [PHASE_TIMEOUT / 1000, plan.mode, port, ...words].map(String);
}

class Run implements Load {
  readonly #children: Child[];

  constructor(commands: string[][]) {
    this.#children = commands.map((command) => new Child(command));
  }

  get pids(): number[] {
    return this.#children.map((child) => child.pid);
  }

  async until(event: string): Promise<void> {
    await this.#lines(new RegExp(`^${event}$`));
  }

  async go(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.tell("go")));
  }

  async result(event = "end"): Promise<LoadResult> {
    const results = (await this.#lines(new RegExp(`^${event} (.*)$`))).map((
      [, json = ""],
    ): LoadResult => JSON.parse(json));
    return {
      count: results.reduce((sum, { count }) => sum + count, 0),
      ns: Math.max(...results.map(({ ns }) => ns)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child[Symbol.asyncDispose]()));
  }

  #lines(pattern: RegExp): Promise<RegExpExecArray[]> {
    return Promise.all(this.#children.map((child) => child.line(pattern, PHASE_TIMEOUT)));
  }
}
