/** Medians, spread, ratios and the tables of the report. @module */

import type { Figure, Measurement, Series } from "./_bench.ts";
import type { Bar } from "./_chart.ts";
import { type CpuUse, whatLimited } from "./_cpu.ts";

/** A median and what lies around it. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One line of a table. */
export interface Row extends Summary {
  readonly name: string;
  readonly rounds: readonly number[];
  /** Per second of CPU time of the server: what hardly depends on who else uses the machine. */
  readonly perCpuSecond: number | undefined;
  readonly limitedBy: string | undefined;
}

/** Ours over another, round by round. */
export interface Ratio extends Summary {
  readonly of: string;
  readonly to: string;
  readonly target: number | undefined;
  readonly atMost: number | undefined;
  /** Whether the ratio per CPU second is held against the target. */
  readonly perCpu: boolean;
  /** The same for what each got out of a second of CPU time: it stands still on a busy machine. */
  readonly perCpuSecond: number | undefined;
  /** Whether the chart shows it. */
  readonly chart: boolean;
}

/** A figure as it is told. */
export interface Result {
  readonly title: string;
  readonly unit: string;
  readonly note: string;
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  readonly atMost: number | undefined;
}

/** The median, the least and the most. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
  return { median, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** Makes rows and ratios of what was measured. */
export function evaluate(figure: Figure): Result {
  const { title, unit, note, series, targets, perCpu = false, atMost } = figure;
  const rows = series.map(toRow);
  const ratios = targets.flatMap((target): Ratio[] => {
    const { of, against, ratio, atMost, chart = false } = target;
    const ours = of === undefined ? series[0] : series.find(({ name }) => name === of);
    const others = series.filter(({ name }) => against.includes(name));
    const best = others.toSorted((a, b) => median(b) - median(a))[0];
    if (ours === undefined || best === undefined) return [];
    const quotients = ours.rounds.map(({ value }, i) => value / (best.rounds[i]?.value ?? NaN));
    const to = others.length > 1 ? `${best.name} (the best of ${others.length})` : best.name;
    const [mine, theirs] = [costs(ours), costs(best)];
    const quotientsOfCpu = mine.map((cost, i) => cost / (theirs[i] ?? NaN));
    const perCpuSecond = mine.length === 0 ? undefined : summarize(quotientsOfCpu).median;
    return [{
      of: of ?? "ours",
      to,
      target: ratio,
      atMost,
      perCpu: target.perCpu ?? perCpu,
      perCpuSecond,
      chart,
      ...summarize(quotients),
    }];
  });
  return { title, unit, note, rows, ratios, atMost };
}

function median({ rounds }: Series): number {
  return summarize(rounds.map(({ value }) => value)).median;
}

function toRow({ name, rounds }: Series): Row {
  const values = rounds.map(({ value }) => value);
  const known = costs({ name, rounds });
  return {
    name,
    rounds: values,
    ...summarize(values),
    perCpuSecond: known.length === 0 ? undefined : summarize(known).median,
    limitedBy: limitOf(rounds),
  };
}

/** What each round got out of a second of CPU time of the server. */
function costs({ rounds }: Series): number[] {
  return rounds.flatMap(({ value, server }) => server === undefined ? [] : value / server.cores);
}

function limitOf(rounds: readonly Measurement[]): string | undefined {
  const server = medianUse(rounds.map((round) => round.server));
  const load = medianUse(rounds.map((round) => round.load));
  if (server === undefined || load === undefined) return undefined;
  return whatLimited(server, load, summarize(rounds.map(({ others = 0 }) => others)).median);
}

function medianUse(uses: readonly (CpuUse | undefined)[]): CpuUse | undefined {
  const known = uses.filter((use) => use !== undefined);
  if (known.length === 0) return undefined;
  return {
    cores: summarize(known.map(({ cores }) => cores)).median,
    thread: summarize(known.map(({ thread }) => thread)).median,
    starved: summarize(known.map(({ starved }) => starved)).median,
  };
}

/** The lines of a table. */
export function table(
  { title, unit, note, rows, ratios, atMost }: Result,
): string[] {
  const cost = rows.some(({ perCpuSecond }) => perCpuSecond !== undefined);
  const limit = rows.some(({ limitedBy }) => limitedBy !== undefined);
  const head = [unit, "min", "max", ...cost ? ["/ CPU s"] : [], ...limit ? ["limited by"] : []];
  const cells = rows.map((row) => [
    row.name,
    ...[row.median, row.min, row.max].map(count),
    ...cost ? [count(row.perCpuSecond ?? NaN)] : [],
    ...limit ? [row.limitedBy ?? ""] : [],
  ]);
  const lines = [
    title,
    `  ${note}`,
    ...align([["", ...head], ...cells]).map((line) => `  ${line}`),
  ];
  for (const ratio of ratios) lines.push(`  ${verdict(ratio)}`);
  if (atMost !== undefined) {
    const told = isWithin(rows, atMost) ? "met" : "MISSED";
    lines.push(`  ours: target at most ${count(atMost)} ${unit}: ${told}`);
  }
  return lines;
}

/** Whether the median of ours is at most a value. */
function isWithin(rows: readonly Row[], atMost: number): boolean {
  return (rows[0]?.median ?? NaN) <= atMost;
}

/** What a ratio is judged by. */
function judged({ perCpu, perCpuSecond, median }: Ratio): number {
  return perCpu && perCpuSecond !== undefined ? perCpuSecond : median;
}

/** Whether a ratio meets its targets. */
function isMet(ratio: Ratio): boolean {
  const value = judged(ratio);
  return value >= (ratio.target ?? -Infinity) && value <= (ratio.atMost ?? Infinity);
}

/** Returns the targets of a figure that are missed, as sentences. */
export function missed({ title, ratios, rows, atMost, unit }: Result): string[] {
  const told = ratios.filter((ratio) => !isMet(ratio)).map((ratio) =>
    `${title}: ${verdict(ratio)}`
  );
  if (atMost === undefined || isWithin(rows, atMost)) return told;
  return [...told, `${title}: ${count(rows[0]?.median ?? NaN)} ${unit}, at most ${count(atMost)}`];
}

/** Returns the bars of the chart. */
export function bars(results: readonly Result[]): Bar[] {
  return results.flatMap(({ title, ratios }) =>
    ratios.filter(({ chart }) => chart).map((ratio) => ({
      title,
      compared: `${ratio.of} / ${ratio.to}${ratio.perCpu ? ", per CPU second" : ""}`,
      ratio: judged(ratio),
    }))
  );
}

/**
 * Returns the figures as a page in Markdown.
 *
 * @param machine The lines about the machine.
 * @param results The figures in their order.
 * @param picture The file of the chart, if there is one.
 */
export function page(
  machine: readonly string[],
  results: readonly Result[],
  picture?: string,
): string {
  const lines = results.flatMap(({ title, unit, rows, ratios, atMost }) => {
    const ours = rows[0];
    const own = `${count(ours?.median ?? NaN)} ${unit}`;
    const compared = ratios.map((ratio) => {
      const target = ratio.target !== undefined
        ? `at least ${quotient(ratio.target)}`
        : ratio.atMost !== undefined
        ? `at most ${quotient(ratio.atMost)}`
        : "";
      const by = ratio.perCpu ? " per CPU second" : "";
      const met = target === "" ? "" : isMet(ratio) ? "met" : "missed";
      const shown = ratio.of === "ours" ? own : "";
      return [title, shown, `${ratio.of} / ${ratio.to}${by}`, quotient(judged(ratio)), target, met];
    });
    const limit = atMost === undefined ? [] : [[
      title,
      own,
      "",
      "",
      `at most ${count(atMost)}`,
      isWithin(rows, atMost) ? "met" : "missed",
    ]];
    return [...compared, ...limit];
  });
  const table = [
    ["Figure", "Ours", "Compared", "Ratio", "Target", ""],
    Array(6).fill("---"),
    ...lines,
  ];
  return `# Benchmarks

\`deno task bench --write BENCHMARKS.md\` writes this page. Each ratio is the median of several rounds, in
which the programs take turns on one machine. A ratio above 1 means that ours does more per second, or
per second of CPU time. Names of benchmarks as arguments measure only these.

${machine.map((line) => `- ${line}`).join("\n")}

${picture === undefined ? "" : `![The main figures as a chart](${picture})\n\n`}${
    table.map((cells) => `| ${cells.join(" | ")} |`).join("\n")
  }
`;
}

/** One ratio, and whether it meets its target. */
function verdict(ratio: Ratio): string {
  const { of, to, target, atMost, perCpu, perCpuSecond: cpu } = ratio;
  const ofCpu = cpu === undefined ? "" : `; per CPU second ${quotient(cpu)}`;
  const spread = `(${quotient(ratio.min)} … ${quotient(ratio.max)}${ofCpu})`;
  const value = judged(ratio);
  const by = perCpu && cpu !== undefined ? " per CPU second" : "";
  let told = `${of} / ${to}: ${quotient(ratio.median)} ${spread}`;
  if (target !== undefined) {
    told += `, target ${quotient(target)}${by}: ${value >= target ? "met" : "MISSED"}`;
  }
  if (atMost !== undefined) {
    told += `, target at most ${quotient(atMost)}${by}: ${value <= atMost ? "met" : "MISSED"}`;
  }
  return told;
}

function count(value: number): string {
  if (Number.isNaN(value)) return "-";
  const digits = Math.abs(value) < 100 ? 1 : 0;
  const [whole = "", fraction] = value.toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, " ");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function quotient(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** Columns of equal width; numbers to the right, the first and the last column to the left. */
function align(lines: readonly (readonly string[])[]): string[] {
  const columns = lines[0]?.length ?? 0;
  const textual = (column: number) => column === 0 || lines[0]?.[column] === "limited by";
  const widths = Array.from(
    { length: columns },
    (_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return textual(column) ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
}
