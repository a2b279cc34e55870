/**
 * What processes cost and what held them up, read from /proc. A thread can use one core at most,
 * so a program is at its limit when its busiest thread is.
 *
 * Taken from `/proc/PID/task/TID/schedstat` (nanoseconds of running and of waiting for a core);
 * where the kernel lacks it from `/proc/PID/task/TID/stat`, which counts hundredths of a second.
 *
 * @module
 */

/** Nanoseconds of one tick of `/proc/PID/stat` and `/proc/stat`: USER_HZ is 100 on Linux. */
const TICK = 1e7;
/** A thread that was busy for so much of the time was the limit. */
const LIMIT = 0.88;

interface ThreadTime {
  readonly ran: number;
  readonly waited: number;
}

/** The counters at one moment. */
export interface CpuSample {
  readonly at: number;
  readonly threads: ReadonlyMap<number, ReadonlyMap<string, ThreadTime>>;
  readonly machine: number;
}

/** What some processes used between two samples. Everything is in cores: 1 is one core all the time. */
export interface CpuUse {
  /** All threads together. */
  readonly cores: number;
  /** The busiest thread. */
  readonly thread: number;
  /** How long that thread was ready and had to wait for a core. */
  readonly starved: number;
}

/** Reads the counters of these processes and of the machine. */
export function sampleCpu(pids: readonly number[]): CpuSample {
  const threads = new Map(pids.map((pid) => [pid, readThreads(pid)] as const));
  return { at: performance.now() * 1e6, threads, machine: readMachine() };
}

/** The cores that all of the machine used. */
export function machineUse(from: CpuSample, to: CpuSample): number {
  return (to.machine - from.machine) / (to.at - from.at);
}

/** What these processes used between two samples. */
export function cpuUse(from: CpuSample, to: CpuSample, pids: readonly number[]): CpuUse {
  const elapsed = to.at - from.at;
  let cores = 0;
  let thread = 0;
  let starved = 0;
  for (const pid of pids) {
    for (const [id, time] of to.threads.get(pid) ?? []) {
      const before = from.threads.get(pid)?.get(id) ?? { ran: 0, waited: 0 };
      const ran = (time.ran - before.ran) / elapsed;
      cores += ran;
      if (ran <= thread) continue;
      thread = ran;
      starved = (time.waited - before.waited) / elapsed;
    }
  }
  return { cores, thread, starved };
}

/** Says in one line what limited a figure. */
export function whatLimited(server: CpuUse, load: CpuUse, others: number): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const told = (use: CpuUse) =>
    percent(use.thread) + (use.starved >= 0.05 ? ` + ${percent(use.starved)} waiting` : "");
  const wanted = (use: CpuUse) => use.thread + use.starved;
  const rest = others >= 0.1 ? `; other programs: ${others.toFixed(1)} cores` : "";
  const both = `server ${told(server)}, load generator ${told(load)}${rest}`;
  if (server.thread >= LIMIT && server.thread >= load.thread) return `server CPU: ${both}`;
  if (load.thread >= LIMIT) return `LOAD GENERATOR: ${both}`;
  const short = Math.max(wanted(server), wanted(load)) >= LIMIT;
  return `${short ? "too few free cores" : "neither CPU"}: ${both}`;
}

function readThreads(pid: number): Map<string, ThreadTime> {
  const threads = new Map<string, ThreadTime>();
  for (const { name } of readFolder(`/proc/${pid}/task`)) {
    const time = readThread(`/proc/${pid}/task/${name}`);
    if (time !== undefined) threads.set(name, time);
  }
  return threads;
}

function readThread(folder: string): ThreadTime | undefined {
  const [ran, waited] = readNumbers(`${folder}/schedstat`, 0);
  if (ran !== undefined && waited !== undefined) return { ran, waited };
  // The second field is a name in parentheses that may hold anything; utime and stime are 14 and 15.
  const fields = readNumbers(`${folder}/stat`, 2);
  if (fields.length === 0) return undefined;
  return { ran: ((fields[11] ?? 0) + (fields[12] ?? 0)) * TICK, waited: 0 };
}

function readMachine(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readNumbers("/proc/stat", 1);
  return (user + nice + system + irq + softirq) * TICK;
}

/** The numbers of the first line, after a name in parentheses (2), a word (1) or nothing (0). */
function readNumbers(path: string, skip: 0 | 1 | 2): number[] {
  try {
    const [line = ""] = Deno.readTextFileSync(path).split("\n", 1);
    const from = skip === 2 ? line.lastIndexOf(")") + 2 : skip === 1 ? line.indexOf(" ") : 0;
    const text = line.slice(from).trim();
    return text === "" ? [] : text.split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/** The resident memory of a process in bytes. */
export function residentMemory(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
}

function readFolder(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch {
    return []; // The process has ended.
  }
}
