/** What a process holds, and how it grows. @module */

import { forEachWatched } from "../../net/internal/timer.ts";

/** What the process holds when nothing is under way. */
export interface Sample {
  /** The time since the start, in minutes. */
  readonly minute: number;
  /** The memory of JavaScript after garbage collection, in bytes. */
  readonly heap: number;
  /** The memory of the process, in bytes. */
  readonly rss: number;
  /** Open file descriptors; 0 where the system does not tell. */
  readonly descriptors: number;
  /** The resources of Deno by name. */
  readonly resources: readonly string[];
  /** The running time limits of this package. */
  readonly timers: number;
}

interface Internals {
  readonly core: { resources(): Readonly<Record<string, string>> };
}

/** Collects the garbage, if the process may, and measures. */
export function measure(since: number): Sample {
  const { gc } = globalThis as { gc?: () => void };
  // A second one also frees what the finalizers of the first one have released.
  gc?.();
  gc?.();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  const { internal } = Deno as unknown as { internal: symbol };
  const { core } = (Deno as unknown as Record<symbol, Internals>)[internal]!;
  let timers = 0;
  forEachWatched(() => void timers++);
  return {
    minute: (performance.now() - since) / 60_000,
    heap: heapUsed + external,
    rss,
    descriptors: countDescriptors(),
    resources: Object.values(core.resources()).toSorted(),
    timers,
  };
}

function countDescriptors(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    return 0;
  }
}

/** A straight line through points. */
export interface Line {
  /** The growth per unit of x. */
  readonly slope: number;
  /** The standard error of the slope. */
  readonly error: number;
}

/** Returns the line with the least squares through at least three points. */
export function regression(points: readonly (readonly [x: number, y: number])[]): Line {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const sum = (of: (x: number, y: number) => number) =>
    points.reduce((total, [x, y]) => total + of(x - mx, y - my), 0);
  const width = sum((x) => x * x);
  const slope = sum((x, y) => x * y) / width;
  const rest = sum((x, y) => (y - slope * x) ** 2);
  return { slope, error: Math.sqrt(rest / (points.length - 2) / width) };
}

/** Minimum number of samples for a verdict on the memory. */
const ENOUGH = 12;
/** Growth of memory that is no leak: maps grow and code is compiled. In bytes per minute. */
const HARMLESS = 128 * 1024;

/** Returns what has grown: descriptors, resources, time limits, memory. The first third is the warm-up. */
export function findLeaks(samples: readonly Sample[]): string[] {
  const leaks: string[] = [];
  const last = samples.at(-1);
  if (last === undefined) return leaks;
  const warmUp = samples.slice(0, Math.floor(samples.length / 3) + 1);
  const compare = (what: string, of: (sample: Sample) => number, detail = "") => {
    // Single samples differ a little, because some limits end later.
    const most = Math.max(...warmUp.map(of));
    if (of(last) > most) {
      leaks.push(`${what}: at most ${most} at first, ${of(last)} at last${detail}`);
    }
  };
  compare("descriptors", ({ descriptors }) => descriptors);
  compare("resources", ({ resources }) => resources.length, ` (${last.resources})`);
  compare("time limits", ({ timers }) => timers);
  const growth = memoryGrowth(samples);
  if (growth !== undefined && growth.slope - 3 * growth.error > HARMLESS) {
    leaks.push(`memory: ${kib(growth.slope)} ± ${kib(growth.error)} a minute`);
  }
  return leaks;
}

/** Returns the growth of the memory in bytes per minute; undefined if there are too few samples. */
export function memoryGrowth(samples: readonly Sample[]): Line | undefined {
  const warm = samples.slice(Math.floor(samples.length / 3));
  if (warm.length < ENOUGH) return undefined;
  return regression(warm.map(({ minute, heap }) => [minute, heap]));
}

/** Returns a size as text. */
export function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed()} KiB`;
}
